//! Who is calling: turns a proof (token, JWT, peer credentials) into a [`Caller`]. For the page, `oidc` signs
//! people in at their issuer.
//!
//! The order is fixed. An `Authorization` header decides alone: a wrong one is refused, also on the
//! Unix socket and on loopback. Without one a client certificate counts, the Unix socket's peer credentials, then
//! loopback, if the configuration trusts it in so many words. Nothing else proves anything.
//!
//! Invariant: no token, and no part of one, is ever logged, kept or put into an error. Nothing here
//! reads a network on the way of a request: keys and files are tended in the background.

pub mod approval;
pub mod jwt;
pub mod keys;
pub mod oidc;
pub mod tokens;
pub mod webauthn;
mod wire;

use crate::clock::Clock;
use crate::domain::{Caller, CallerName, NameError, WorkloadName};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// The longest `Authorization` header that is looked at, in bytes.
const AUTHORIZATION_BYTES_MAX: usize = 8192;

/// The other end of a connection, as the operating system tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// A network address.
    Tcp(SocketAddr),
    /// A network address, and the names in the certificate it has shown and that was checked.
    Tls(SocketAddr, Arc<[String]>),
    /// A process on the same machine, by the Unix socket.
    Unix {
        /// The user it ran as when it connected.
        uid: u32,
    },
}

impl Peer {
    /// The network address, as records show it; none for the Unix socket.
    pub fn address(&self) -> Option<String> {
        match self {
            Self::Tcp(address) | Self::Tls(address, _) => Some(address.ip().to_canonical().to_string()),
            Self::Unix { .. } => None,
        }
    }

    fn is_loopback(&self) -> bool {
        matches!(self, Self::Tcp(address) | Self::Tls(address, _) if address.ip().to_canonical().is_loopback())
    }
}

/// No proof of who calls that holds. The text says what is wrong and never quotes the proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unauthenticated {
    /// What is wrong with the proof.
    pub why: &'static str,
}

pub(crate) const fn refused(why: &'static str) -> Unauthenticated {
    Unauthenticated { why }
}

/// A caller that the configuration names: who it is in the record, and its one workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedCaller {
    /// Its name in the record.
    pub name: CallerName,
    /// The workload it may ask about.
    pub workload: WorkloadName,
}

impl NamedCaller {
    fn into_caller(self) -> Arc<Caller> {
        Arc::new(Caller::Workload { name: self.name, workload: self.workload })
    }
}

/// Whom a client certificate proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRule {
    /// A name of the certificate; a `*` at its end stands for anything without `/`.
    pub name: String,
    /// The caller's name in the record; `*` in it stands for the same.
    pub id: String,
    /// The workload of a service; without it the caller is a sidecar.
    pub workload: Option<WorkloadName>,
}

impl CertificateRule {
    /// The caller, if the rule fits one of a certificate's names.
    fn proves(&self, names: &[String]) -> Option<Caller> {
        let id = names.iter().find_map(|name| match self.name.strip_suffix('*') {
            None => (*name == self.name).then(|| self.id.clone()),
            Some(stem) => {
                let rest = name.strip_prefix(stem).filter(|rest| !rest.is_empty() && !rest.contains('/'))?;
                Some(self.id.replace('*', rest))
            }
        })?;
        let name = CallerName::parse(&id).ok()?;
        Some(match self.workload.clone() {
            Some(workload) => Caller::Workload { name, workload },
            None => Caller::Sidecar { name },
        })
    }
}

/// Every way to prove who one is; what is absent is refused.
#[derive(Default)]
pub struct Proofs {
    /// The token file.
    pub tokens: Option<tokens::TokenFile>,
    /// JWTs of one issuer.
    pub jwt: Option<jwt::Jwts>,
    /// Users on the Unix socket; an unmapped one is nobody.
    pub peers: BTreeMap<u32, NamedCaller>,
    /// Whom client certificates prove; the first rule that fits counts.
    pub certificates: Vec<CertificateRule>,
    /// The workload that anybody on a loopback address may ask about without proof, when the
    /// configuration says `callers = "trust-loopback"`. A caller is bound to one workload, so one
    /// must be named; the caller is recorded as `loopback`.
    pub trust_loopback: Option<WorkloadName>,
}

/// Knows the callers.
pub struct Identity {
    tokens: Option<tokens::TokenFile>,
    jwt: Option<jwt::Jwts>,
    peers: BTreeMap<u32, Arc<Caller>>,
    certificates: Vec<CertificateRule>,
    loopback: Option<Arc<Caller>>,
    clock: Arc<dyn Clock>,
}

/// What tending the proofs found; for the log and the readiness report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tended {
    /// The token file changed and is in force; so many tokens.
    TokensLoaded(usize),
    /// The token file changed and cannot be used: the last good one stays in force.
    TokensKept(String),
    /// The key set was read; so many keys.
    KeysLoaded(usize),
    /// The key set cannot be read: the last good one stays in force until it is too old.
    KeysKept(String),
}

impl Identity {
    /// Puts the proofs into force.
    ///
    /// # Errors
    /// [`NameError`]; cannot be for the one name that is made here.
    pub fn new(proofs: Proofs, clock: Arc<dyn Clock>) -> Result<Self, NameError> {
        let Proofs { tokens, jwt, peers, certificates, trust_loopback } = proofs;
        let loopback = match trust_loopback {
            Some(workload) => Some(NamedCaller { name: CallerName::parse("loopback")?, workload }.into_caller()),
            None => None,
        };
        let peers = peers.into_iter().map(|(uid, named)| (uid, named.into_caller())).collect();
        Ok(Self { tokens, jwt, peers, certificates, loopback, clock })
    }

    /// Who calls, from the one `Authorization` header (`None`: there is none) and the connection.
    ///
    /// # Errors
    /// [`Unauthenticated`] when nothing proves it.
    pub fn authenticate(&self, authorization: Option<&[u8]>, peer: &Peer) -> Result<Arc<Caller>, Unauthenticated> {
        if let Some(header) = authorization {
            return self.bearer(header, peer);
        }
        if let Peer::Tls(_, names) = peer {
            let proved = self.certificates.iter().find_map(|rule| rule.proves(names));
            return proved.map(Arc::new).ok_or(refused("this certificate is not mapped to a caller"));
        }
        if let Peer::Unix { uid } = peer {
            return self
                .peers
                .get(uid)
                .cloned()
                .ok_or(refused("this user of the Unix socket is not mapped to a caller"));
        }
        match &self.loopback {
            Some(caller) if peer.is_loopback() => Ok(Arc::clone(caller)),
            _ => Err(refused("send `Authorization: Bearer` with a token")),
        }
    }

    /// As [`Identity::authenticate`], from all `Authorization` headers of a request: two of them are
    /// refused, for which one a proxy looked at cannot be known.
    ///
    /// # Errors
    /// [`Unauthenticated`].
    pub fn authenticate_all<'h>(
        &self,
        mut authorizations: impl Iterator<Item = &'h [u8]>,
        peer: &Peer,
    ) -> Result<Arc<Caller>, Unauthenticated> {
        match (authorizations.next(), authorizations.next()) {
            (one, None) => self.authenticate(one, peer),
            (_, Some(_)) => Err(refused("there is more than one `Authorization` header")),
        }
    }

    fn bearer(&self, header: &[u8], peer: &Peer) -> Result<Arc<Caller>, Unauthenticated> {
        if header.len() > AUTHORIZATION_BYTES_MAX {
            return Err(refused("the `Authorization` header is too long"));
        }
        let Ok(header) = str::from_utf8(header) else {
            return Err(refused("the `Authorization` header is not ASCII"));
        };
        let Some((scheme, token)) = header.split_once(' ') else {
            return Err(refused("the `Authorization` header must be `Bearer` and a token"));
        };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refused("only the scheme `Bearer` is taken"));
        }
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(refused("the token is empty or has other than visible ASCII characters"));
        }
        let caller = if token.starts_with(tokens::PREFIX) {
            let tokens = self.tokens.as_ref().ok_or(refused("the token is not known"))?;
            tokens.lookup(token).ok_or(refused("the token is not known"))?
        } else {
            let jwts = self.jwt.as_ref().ok_or(refused("the token is not known"))?;
            Arc::new(Caller::Person(jwts.verify(token, self.clock.wall(), self.clock.boot())?))
        };
        Ok(with_address(caller, peer))
    }

    /// Whose local token this is, for the sign-in of the page.
    pub fn caller_of_token(&self, token: &str) -> Option<Arc<Caller>> {
        self.tokens.as_ref()?.lookup(token)
    }

    /// Whose local token has this hash (64 hexadecimal digits), now: a session by a token ends with it.
    pub fn caller_of_token_hash(&self, hash: &str) -> Option<Arc<Caller>> {
        self.tokens.as_ref()?.lookup_hash(&tokens::hash_of(hash).ok()?)
    }

    /// Looks after files and keys: reloads what changed, fetches keys that are due. Blocks on files
    /// and the network, so it belongs on a thread of its own, about once a second.
    pub fn tend(&self) -> Vec<Tended> {
        let mut found = Vec::new();
        found.extend(self.tokens.as_ref().and_then(tokens::TokenFile::reload));
        found.extend(self.jwt.as_ref().and_then(|jwts| jwts.tend(self.clock.boot())));
        found
    }
}

/// A person's decisions record where he called from; a service's caller is shared as it is.
fn with_address(caller: Arc<Caller>, peer: &Peer) -> Arc<Caller> {
    match (&*caller, peer.address()) {
        (Caller::Person(person), Some(address)) => {
            let mut person = person.clone();
            person.authentication.address = Some(address);
            Arc::new(Caller::Person(person))
        }
        _ => caller,
    }
}

#[cfg(test)]
mod tests;
