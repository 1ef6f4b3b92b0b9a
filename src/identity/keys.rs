//! The issuer's public keys (a JWK set): reading, pinning each to its algorithms, and where they come
//! from. Only asymmetric signing keys are kept; everything else in a set is passed over.
//!
//! Invariant: a key verifies only algorithms of its own type and curve, so a public key can never
//! serve as an HMAC secret.

use super::wire::{Answer, BODY_BYTES_MAX, HttpWire, Wire, WireError, is_private};
use crate::domain::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;
use std::collections::HashMap;
use std::path::PathBuf;

/// The largest key set, in bytes.
const SET_BYTES_MAX: u64 = BODY_BYTES_MAX;
/// The most keys in a set.
const KEYS_MAX: usize = 64;
/// The shortest RSA modulus, in bytes: 2048 bits (NIST SP 800-131A).
const RSA_BYTES_MIN: usize = 256;
/// The algorithms that may be pinned; all are asymmetric.
pub const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The algorithm of that exact name, if it is one that may be pinned.
pub fn algorithm(name: &str) -> Option<Algorithm> {
    ALGORITHMS.into_iter().find(|algorithm| format!("{algorithm:?}") == name)
}

/// Why a key set cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// It cannot be had.
    #[error("the key set `{from}` cannot be read: {why}")]
    Unreadable {
        /// File or address.
        from: String,
        /// Why.
        why: String,
    },
    /// The address is not one that keys may come from.
    #[error("`{0}` is no address for keys: use https, or http on a loopback address")]
    Address(String),
    /// What the issuer says of itself, which tells where its keys are.
    #[error("the issuer's description is not usable: {0}")]
    Description(String),
    /// What was read is not a key set.
    #[error("the key set is not usable: {0}")]
    Shape(String),
}

/// One public key and what it may verify.
pub(super) struct Key {
    pub(super) decoding: DecodingKey,
    algorithms: Vec<Algorithm>,
    /// Whole seconds since 1970, if the set states them: not valid before, not valid from.
    window: (Option<i64>, Option<i64>),
}

impl Key {
    /// Whether this key may verify `algorithm`.
    pub(super) fn verifies(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// Whether the set states a time that `now` is outside of.
    pub(super) fn is_out_of_time(&self, now: Timestamp) -> bool {
        let seconds = now.as_ms().div_euclid(1000);
        self.window.0.is_some_and(|from| seconds < from) || self.window.1.is_some_and(|until| seconds >= until)
    }
}

/// The keys of a set, by `kid`.
#[derive(Default)]
pub(super) struct Keys {
    by_id: HashMap<String, Key>,
    nameless: Vec<Key>,
}

impl Keys {
    pub(super) fn len(&self) -> usize {
        self.by_id.len().saturating_add(self.nameless.len())
    }

    /// The key a token means. Without a `kid` there must be no choice.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&Key> {
        match kid {
            Some(kid) => self.by_id.get(kid),
            None if self.len() == 1 => self.by_id.values().next().or(self.nameless.first()),
            None => None,
        }
    }

    /// Reads a JWK set (RFC 7517). Keys of another use, type or strength are passed over.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, KeySetError> {
        let wrong = |why: &str| KeySetError::Shape(why.to_owned());
        let set: Value = serde_json::from_slice(bytes).map_err(|_| wrong("it is not JSON"))?;
        let listed = set.get("keys").and_then(Value::as_array).ok_or_else(|| wrong("it has no list `keys`"))?;
        if listed.len() > KEYS_MAX {
            return Err(wrong("it has more than 64 keys"));
        }
        let mut keys = Self::default();
        for jwk in listed {
            let Some(key) = key_of(jwk) else { continue };
            match jwk.get("kid").map(Value::as_str) {
                None => keys.nameless.push(key),
                Some(None) => return Err(wrong("a `kid` is not a string")),
                Some(Some(kid)) => {
                    if keys.by_id.insert(kid.to_owned(), key).is_some() {
                        return Err(wrong("two keys have the same `kid`"));
                    }
                }
            }
        }
        if keys.len() == 0 { Err(wrong("it has no asymmetric signing key")) } else { Ok(keys) }
    }
}

fn key_of(jwk: &Value) -> Option<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let for_signing = jwk.get("use").is_none_or(|used| used == "sig");
    let to_verify =
        jwk.get("key_ops").is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify")));
    if !for_signing || !to_verify {
        return None;
    }
    let (decoding, mut algorithms) = match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let (n, e) = (text("n")?, text("e")?);
            // Six bits to a base64 character.
            if n.len().checked_mul(6)? / 8 < RSA_BYTES_MIN {
                return None;
            }
            let of_rsa = |a: &Algorithm| format!("{a:?}").starts_with(['R', 'P']);
            (DecodingKey::from_rsa_components(n, e).ok()?, ALGORITHMS.into_iter().filter(of_rsa).collect())
        }
        ("EC", Some("P-256")) => {
            (DecodingKey::from_ec_components(text("x")?, text("y")?).ok()?, vec![Algorithm::ES256])
        }
        ("EC", Some("P-384")) => {
            (DecodingKey::from_ec_components(text("x")?, text("y")?).ok()?, vec![Algorithm::ES384])
        }
        ("OKP", Some("Ed25519")) => (DecodingKey::from_ed_components(text("x")?).ok()?, vec![Algorithm::EdDSA]),
        _ => return None,
    };
    if let Some(stated) = jwk.get("alg") {
        let stated = algorithm(stated.as_str()?)?;
        algorithms.retain(|known: &Algorithm| *known == stated);
    }
    // A time of another type is no time that could be kept: the key is not used.
    let seconds = |name: &str| match jwk.get(name) {
        None => Some(None),
        Some(value) => value.as_i64().map(Some),
    };
    let window = (seconds("nbf")?, seconds("exp")?);
    (!algorithms.is_empty()).then_some(Key { decoding, algorithms, window })
}

/// Where a key set comes from.
pub trait KeySource: Send + Sync {
    /// The set as it is now. Blocks.
    ///
    /// # Errors
    /// [`KeySetError`].
    fn fetch(&self) -> Result<Vec<u8>, KeySetError>;
}

/// A key set in a file.
#[derive(Debug)]
pub struct KeyFile(pub PathBuf);

impl KeySource for KeyFile {
    fn fetch(&self) -> Result<Vec<u8>, KeySetError> {
        use std::io::Read as _;
        let unreadable = |error: std::io::Error| KeySetError::Unreadable {
            from: self.0.display().to_string(),
            why: error.to_string(),
        };
        let mut bytes = Vec::new();
        let file = std::fs::File::open(&self.0).map_err(unreadable)?;
        file.take(SET_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        bounded(bytes)
    }
}

fn bounded(bytes: Vec<u8>) -> Result<Vec<u8>, KeySetError> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > SET_BYTES_MAX {
        return Err(KeySetError::Shape("it is larger than 256 KiB".to_owned()));
    }
    Ok(bytes)
}

/// A key set at an address. Redirects are not followed: they could lead off https.
#[derive(Debug)]
pub struct KeyUrl {
    url: String,
    wire: HttpWire,
}

impl KeyUrl {
    /// Keys from `url`.
    ///
    /// # Errors
    /// [`KeySetError::Address`] unless it is https, or http on a loopback address.
    pub fn new(url: &str) -> Result<Self, KeySetError> {
        if !is_private(url) {
            return Err(KeySetError::Address(url.to_owned()));
        }
        Ok(Self { url: url.to_owned(), wire: HttpWire::new() })
    }
}

impl KeySource for KeyUrl {
    fn fetch(&self) -> Result<Vec<u8>, KeySetError> {
        set_from(&self.wire, &self.url)
    }
}

/// The bytes of the key set at `url`.
pub(super) fn set_from(wire: &dyn Wire, url: &str) -> Result<Vec<u8>, KeySetError> {
    let unreadable = |error: WireError| KeySetError::Unreadable { from: url.to_owned(), why: error.to_string() };
    match wire.get(url).map_err(unreadable)? {
        Answer { status: 200..=299, body } => bounded(body),
        Answer { status, .. } => Err(unreadable(WireError(format!("it answers {status}")))),
    }
}
