//! The keys of bundles, and of webhooks: Ed25519, the private one in PKCS#8 and the public one in SPKI,
//! both PEM, as `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` make them.
//!
//! Invariant: a private key is read from a file of its owner's alone, and is never shown.

use crate::clock::{Ids, NoEntropy};
use core::fmt;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, KeypairBytes,
    spki::der::pem::LineEnding,
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The largest key file, in bytes.
const KEY_BYTES_MAX: u64 = 16 * 1024;
/// How many bytes of the key's digest name it.
const KEY_ID_BYTES: usize = 8;

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("the key `{path}` cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// Others than its owner may use it.
    #[error("the private key `{path}` is open to others (mode {mode:04o}): run `chmod 600 {path}`")]
    Open {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not such a key.
    #[error("`{path}` holds no {wanted}: {why}")]
    Form {
        /// The file.
        path: String,
        /// What should be in it.
        wanted: &'static str,
        /// Why it is none.
        why: String,
    },
    /// None can be made.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

/// The key that bundles are signed with.
pub struct PrivateKey(SigningKey);

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public().id())
    }
}

impl PrivateKey {
    /// A new key.
    ///
    /// # Errors
    /// [`KeyError::NoEntropy`].
    pub fn generate(ids: &dyn Ids) -> Result<Self, KeyError> {
        Ok(Self(SigningKey::from_bytes(&ids.secret()?)))
    }

    /// Reads one from a PEM file.
    ///
    /// # Errors
    /// [`KeyError`] when it cannot be read, others may read it, or it is no such key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let shown = || path.display().to_string();
        let (text, mode) = text_of(path)?;
        if mode & 0o077 != 0 {
            return Err(KeyError::Open { path: shown(), mode });
        }
        let wanted = "private Ed25519 key in PEM (PKCS#8)";
        SigningKey::from_pkcs8_pem(text.trim()).map(Self).map_err(|error| KeyError::Form {
            path: shown(),
            wanted,
            why: format!("{error}; `lockbox policy sign --generate-key FILE` makes one"),
        })
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// As PEM, in the form of PKCS#8 that OpenSSL of every version reads.
    ///
    /// # Errors
    /// [`KeyError::Form`]; it does not come to that.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        match pair.to_pkcs8_pem(LineEnding::LF) {
            Ok(text) => Ok(text.to_string()),
            Err(error) => Err(no_form(&error)),
        }
    }

    /// Signs `bytes`.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }
}

/// A key that bundles may be signed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads one from a PEM file.
    ///
    /// # Errors
    /// [`KeyError`] when it cannot be read or is no such key; a private key is told as such.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let (text, _) = text_of(path)?;
        let wrong = |why: String| KeyError::Form {
            path: path.display().to_string(),
            wanted: "public Ed25519 key in PEM (SPKI)",
            why,
        };
        if text.contains("PRIVATE KEY") {
            return Err(wrong(
                "it is a private key: keep it where bundles are signed, and give its public half".into(),
            ));
        }
        let key = VerifyingKey::from_public_key_pem(text.trim()).map_err(|error| wrong(error.to_string()))?;
        if key.is_weak() { Err(wrong("the key is weak: anybody could sign for it".into())) } else { Ok(Self(key)) }
    }

    /// Its name: the first 16 hexadecimal digits of the SHA-256 of its SPKI form.
    pub fn id(&self) -> String {
        // Every Ed25519 key has that form; a name of nothing would only be a name that nobody knows.
        let der = self.0.to_public_key_der().map(|der| der.as_bytes().to_vec()).unwrap_or_default();
        super::hex(Sha256::digest(der).get(..KEY_ID_BYTES).unwrap_or_default())
    }

    /// As PEM.
    ///
    /// # Errors
    /// [`KeyError::Form`]; it does not come to that.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.0.to_public_key_pem(LineEnding::LF).map_err(|error| no_form(&error))
    }

    /// Whether `signature` over `bytes` is by this key; forms that other verifiers may judge otherwise
    /// are refused.
    pub(super) fn has_signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        self.0.verify_strict(bytes, &signature).is_ok()
    }

    /// The 32 bytes of the key.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn no_form(error: &dyn fmt::Display) -> KeyError {
    KeyError::Form { path: "-".to_owned(), wanted: "Ed25519 key", why: error.to_string() }
}

/// A small file's text, and its permission bits.
fn text_of(path: &Path) -> Result<(String, u32), KeyError> {
    let unreadable = |why: String| KeyError::Unreadable { path: path.display().to_string(), why };
    let failed = |error: std::io::Error| unreadable(error.to_string());
    let kind = std::fs::metadata(path).map_err(failed)?;
    if !kind.is_file() || kind.len() > KEY_BYTES_MAX {
        return Err(unreadable("it is no file, or larger than 16 KiB".to_owned()));
    }
    let mut text = String::new();
    std::fs::File::open(path).map_err(failed)?.take(KEY_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    Ok((text, kind.mode() & 0o777))
}
