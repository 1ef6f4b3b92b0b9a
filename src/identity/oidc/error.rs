//! Why nobody was signed in. The texts say what to do and never quote a code, a token or what an issuer
//! wrote for people: that text could say anything.

use super::super::Unauthenticated;
use crate::clock::NoEntropy;

/// Why a sign-in did not come about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// The issuer's description or keys were not read yet, or too long ago.
    #[error("the issuer was not heard of yet, or not for too long: try again in a minute, and see the log")]
    NotReady,
    /// No random bytes.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// It took too long.
    #[error("this sign-in took longer than {} minutes: start again", super::flow::FLOW_S_MAX / 60)]
    TooLate,
    /// The answer is to no question of this browser (or somebody wants it to sign in as himself).
    #[error("this answer belongs to no sign-in of this browser: start again")]
    State,
    /// The answer is not of the issuer that was asked (RFC 9207).
    #[error("this answer does not name the issuer that was asked: start again, and tell the operator if it recurs")]
    MixedUp,
    /// The issuer answered with an error; its code, or `unknown`.
    #[error("the issuer did not sign you in (`{0}`): start again")]
    Declined(String),
    /// Neither a code nor an error.
    #[error("the issuer's answer has no usable code: start again")]
    NoCode,
    /// The issuer does not take this client's credentials.
    #[error("the issuer does not take this client: check `client_id`, `client_secret_file` and how it is registered")]
    Client,
    /// The issuer does not take the code: used, too old, or not for us.
    #[error("the issuer does not take the code any more: start again")]
    Code,
    /// The exchange failed.
    #[error("the code could not be exchanged: {0}")]
    Exchange(String),
    /// The client's secret cannot be had.
    #[error("the client secret `{path}` cannot be used: {why}")]
    Secret {
        /// Which file.
        path: String,
        /// Why.
        why: String,
    },
    /// The ID token does not hold.
    #[error("the issuer's ID token is not accepted: {}", .0.why)]
    Token(Unauthenticated),
    /// A new sign-in was asked for, and the token tells of an older one, or of none.
    #[error("the issuer did not ask you to sign in anew: sign out there, then start again")]
    NotFresh,
}

impl From<Unauthenticated> for OidcError {
    fn from(refused: Unauthenticated) -> Self {
        Self::Token(refused)
    }
}
