//! One sign-in on its way: what is remembered between sending somebody to the issuer and his return, and
//! what the issuer sends along with him.
//!
//! A [`Flow`] may lie in a cookie that scripts cannot read: whoever changes his own can only fail, for
//! whether a sign-in is recent is read from the signed token and never from here.

use super::OidcError;
use crate::clock::{Ids, NoEntropy};
use crate::domain::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::fmt;
use core::time::Duration;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// How long somebody may take at the issuer, in seconds.
pub(super) const FLOW_S_MAX: u64 = 600;
/// The length of a secret of 256 bits in base64url; also the least for a verifier (RFC 7636 §4.1).
const SECRET_CHARS: usize = 43;
/// The longest code that is passed on, in bytes.
const CODE_BYTES_MAX: usize = 4096;
/// The first part of an encoded flow: its version.
const VERSION: &str = "1";

/// What ties an answer to its question.
#[derive(Clone, PartialEq, Eq)]
pub struct Flow {
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(super) begun_at: Timestamp,
    pub(super) max_age: Option<Duration>,
}

impl fmt::Debug for Flow {
    /// Without its secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").field("begun_at", &self.begun_at).field("max_age", &self.max_age).finish_non_exhaustive()
    }
}

impl Flow {
    pub(super) fn begin(ids: &dyn Ids, now: Timestamp, max_age: Option<Duration>) -> Result<Self, NoEntropy> {
        let secret = || ids.secret().map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        Ok(Self { state: secret()?, nonce: secret()?, verifier: secret()?, begun_at: now, max_age })
    }

    /// What is sent in place of the verifier (RFC 7636, `S256`).
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }

    /// The flow as text of base64url characters, digits, dots and `-`; about 150 bytes.
    pub fn encode(&self) -> String {
        let Self { state, nonce, verifier, begun_at, max_age } = self;
        let max_age = max_age.map_or_else(|| "-".to_owned(), |age| age.as_secs().to_string());
        format!("{VERSION}.{state}.{nonce}.{verifier}.{}.{max_age}", begun_at.as_ms())
    }

    /// What [`Flow::encode`] wrote; `None` for anything else.
    pub fn decode(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(7, '.').collect();
        let [VERSION, state, nonce, verifier, begun_at, max_age] = parts.as_slice() else { return None };
        let secret = |text: &str| {
            let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            (plain && text.len() == SECRET_CHARS).then(|| text.to_owned())
        };
        let max_age = match *max_age {
            "-" => None,
            seconds => Some(Duration::from_secs(seconds.parse::<u32>().ok()?.into())),
        };
        let begun_at = Timestamp::from_ms(begun_at.parse().ok()?);
        Some(Self { state: secret(state)?, nonce: secret(nonce)?, verifier: secret(verifier)?, begun_at, max_age })
    }

    /// Whether `state` came from this flow; takes the same time wherever it differs.
    pub(super) fn has_state(&self, state: &str) -> bool {
        self.state.as_bytes().ct_eq(state.as_bytes()).into()
    }

    /// Whether it is still time, and the flow is not of a time to come.
    pub(super) fn is_open(&self, now: Timestamp, leeway: Duration) -> bool {
        now < self.begun_at.plus(Duration::from_secs(FLOW_S_MAX)) && now.plus(leeway) >= self.begun_at
    }
}

/// Somebody to be sent to the issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Where to send his browser.
    pub url: String,
    /// What must be remembered for his return, for this browser alone.
    pub flow: Flow,
}

/// The query of the address that he comes back to.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CallbackQuery {
    /// The code, to be exchanged once.
    pub code: Option<String>,
    /// The flow's state.
    pub state: Option<String>,
    /// Who answers (RFC 9207).
    pub iss: Option<String>,
    /// In place of a code: why there is none.
    pub error: Option<String>,
}

impl fmt::Debug for CallbackQuery {
    /// Without code and state.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackQuery").field("iss", &self.iss).finish_non_exhaustive()
    }
}

impl CallbackQuery {
    /// Reads the query of an address. Other parameters are passed over, and of one that is there twice
    /// nothing is believed: which one somebody else looked at cannot be known.
    ///
    /// # Errors
    /// [`OidcError::State`] when a parameter is there twice.
    pub fn parse(query: &str) -> Result<Self, OidcError> {
        let mut read = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "code" => &mut read.code,
                "state" => &mut read.state,
                "iss" => &mut read.iss,
                "error" => &mut read.error,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(OidcError::State);
            }
        }
        Ok(read)
    }

    /// The code, if what came is an answer of `issuer` to `flow` that has one. What ties the answer to the
    /// question is looked at first, whatever the answer is.
    pub(super) fn code_for(&self, flow: &Flow, issuer: &str, iss_is_announced: bool) -> Result<&str, OidcError> {
        if !self.state.as_deref().is_some_and(|state| flow.has_state(state)) {
            return Err(OidcError::State);
        }
        match self.iss.as_deref() {
            Some(iss) if iss == issuer => {}
            None if !iss_is_announced => {}
            _ => return Err(OidcError::MixedUp),
        }
        if let Some(error) = &self.error {
            return Err(OidcError::Declined(error_code(error)));
        }
        let usable = |code: &&str| {
            !code.is_empty() && code.len() <= CODE_BYTES_MAX && code.bytes().all(|b| (0x20..0x7f).contains(&b))
        };
        self.code.as_deref().filter(usable).ok_or(OidcError::NoCode)
    }
}

/// An error code as RFC 6749 and OpenID Connect Core write them; anything else could be made to mislead.
fn error_code(text: &str) -> String {
    let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if plain && (1..=40).contains(&text.len()) { text.to_owned() } else { "unknown".to_owned() }
}
