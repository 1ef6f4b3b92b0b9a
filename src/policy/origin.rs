//! Where the policies in use are from: a directory, or a bundle that somebody trusted has signed.
//!
//! Invariant: with keys to trust nothing but a bundle signed by one of them is read; there is no
//! falling back to anything else.
//! Invariant: a bundle signed before one that was in use is not taken. An old signature stays good for
//! ever, and who can put back an old file could undo a tightening with it. To go back to earlier
//! policies they are signed again: who holds the key decides it, not who can write the file.

use super::bundle::{Bundle, BundleError, PublicKey, Require, bytes_of, put_whole};
use super::files::Sources;
use super::finding::{Finding, LoadError};
use super::load::PolicySet;
use crate::domain::Timestamp;
use bytes::Bytes;
use core::fmt;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What the file that notes the newest bundle is called.
const NEWEST: &str = "newest-bundle";

/// Where policies are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Files in a directory.
    Directory {
        /// The directory of the policies.
        dir: PathBuf,
        /// The schema.
        schema: PathBuf,
    },
    /// A bundle that somebody trusted has signed.
    Bundle(SignedBundle),
    /// A directory or a bundle, whoever made it: for policies that decide nothing.
    Anybodys(PathBuf),
}

/// A bundle, and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBundle {
    /// The file.
    pub path: PathBuf,
    /// The public keys one of which must have signed it, read anew on every look. Without any, none is taken.
    pub trusted_keys: Vec<PathBuf>,
    /// The evidence it must have.
    pub require: Require,
    /// Where it is noted how new the newest bundle was; without it that is forgotten at the end.
    pub keep_dir: Option<PathBuf>,
}

/// The bundle that the policies in use are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleInUse {
    /// What its maker calls it.
    pub name: Option<String>,
    /// The id of the trusted key that signed it.
    pub signed_by: String,
    /// When it was signed.
    pub created_at: Timestamp,
    /// The file as it was read, to be handed on.
    pub file: BundleFile,
}

/// A bundle's bytes, which were verified.
#[derive(Clone, PartialEq, Eq)]
pub struct BundleFile {
    /// The SHA-256 of the bytes, in hexadecimal digits.
    pub digest: String,
    /// The bytes.
    pub bytes: Bytes,
}

impl fmt::Debug for BundleFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BundleFile({}, {} bytes)", self.digest, self.bytes.len())
    }
}

impl BundleFile {
    fn of(bytes: Vec<u8>) -> Self {
        let digest = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { digest, bytes: bytes.into() }
    }
}

/// The digest of a bundle's bytes and of the keys it was verified with: the same means the same verdict.
pub(super) type Fingerprint = [u8; 32];

/// A bundle that may be used.
pub(super) struct Admitted {
    pub(super) set: Arc<PolicySet>,
    pub(super) bundle: BundleInUse,
    pub(super) fingerprint: Option<Fingerprint>,
}

/// Held by whoever puts a bundle where it is looked for: a fetch, and an operator's push.
static PUTTING: Mutex<()> = Mutex::new(());

/// What was read.
pub(super) struct Found {
    pub(super) sources: Sources,
    pub(super) bundle: Option<BundleInUse>,
    pub(super) fingerprint: Option<Fingerprint>,
}

impl Origin {
    /// Reads the set, and whether it may be used.
    pub(super) fn read(&self) -> Result<Found, LoadError> {
        match self {
            Self::Directory { dir, schema } => {
                Ok(Found { sources: Sources::read(dir, schema)?, bundle: None, fingerprint: None })
            }
            Self::Bundle(bundle) => bundle.read(),
            Self::Anybodys(path) => Ok(Found { sources: Sources::open(path)?, bundle: None, fingerprint: None }),
        }
    }

    /// The fingerprint of what lies there now, without judging it; `None` for what has none.
    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        let Self::Bundle(bundle) = self else { return None };
        let keys = bundle.keys().ok()?;
        Some(fingerprint(&bytes_of(&bundle.path).ok()?, &keys))
    }
}

impl SignedBundle {
    fn keys(&self) -> Result<Vec<PublicKey>, LoadError> {
        let read = |path: &PathBuf| {
            PublicKey::read(path).map_err(|error| LoadError::from(BundleError::from(error).finding(path)))
        };
        self.trusted_keys.iter().map(read).collect()
    }

    fn read(&self) -> Result<Found, LoadError> {
        let bytes = bytes_of(&self.path).map_err(|error| LoadError::from(error.finding(&self.path)))?;
        self.judge(bytes)
    }

    /// Whether these bytes are a bundle that may be used, but for how new it is.
    fn judge(&self, bytes: Vec<u8>) -> Result<Found, LoadError> {
        let Self { path, require, .. } = self;
        let found = |error: BundleError| LoadError::from(error.finding(path));
        let keys = self.keys()?;
        let bundle = Bundle::from_bytes(&path.display().to_string(), &bytes, Some(&keys)).map_err(found)?;
        bundle.shows(*require).map_err(found)?;
        let sources = bundle.sources()?;
        let manifest = bundle.manifest();
        let fingerprint = fingerprint(&bytes, &keys);
        let in_use = BundleInUse {
            name: manifest.name.clone(),
            signed_by: bundle.signed_by().unwrap_or_default().to_owned(),
            created_at: manifest.created_at,
            file: BundleFile::of(bytes),
        };
        Ok(Found { sources, bundle: Some(in_use), fingerprint: Some(fingerprint) })
    }

    /// Whether a bundle that somebody handed over may be used: it is trusted, no older than what was in use, and
    /// loads.
    ///
    /// # Errors
    /// [`LoadError`] with why not.
    pub(super) fn admit(&self, bytes: Vec<u8>) -> Result<Admitted, LoadError> {
        let Found { sources, bundle, fingerprint } = self.judge(bytes)?;
        let bundle = bundle.ok_or_else(|| LoadError::from(BundleError::Form.finding(&self.path)))?;
        self.new_enough(&bundle)?;
        let set = Arc::new(PolicySet::from_sources(&sources)?);
        Ok(Admitted { set, bundle, fingerprint })
    }

    /// Puts an admitted bundle where the next look finds it.
    ///
    /// # Errors
    /// [`LoadError`] when a newer one has come there meanwhile, or it cannot be written.
    pub(super) fn put(&self, admitted: &Admitted) -> Result<(), LoadError> {
        // Looked at again: of two who put one there at once, the newer one's has to stay.
        let _turn = PUTTING.lock().unwrap_or_else(PoisonError::into_inner);
        self.new_enough(&admitted.bundle)?;
        let unkept = |error: std::io::Error| BundleError::Unkept(error.to_string()).finding(&self.path).into();
        put_whole(&self.path, &admitted.bundle.file.bytes, 0o644).map_err(unkept)
    }

    fn new_enough(&self, bundle: &BundleInUse) -> Result<(), LoadError> {
        // One that lies there and is not good is no measure.
        let there = self.read().ok().and_then(|there| there.bundle);
        let noted = Newest::open(&Origin::Bundle(self.clone()))?.at;
        let newest = there.map(|there| there.created_at).max(noted);
        let created_at = bundle.created_at;
        match newest.filter(|newest| created_at < *newest) {
            Some(newest) => Err(BundleError::Older { created_at, newest }.finding(&self.path).into()),
            None => Ok(()),
        }
    }

    /// Takes a bundle that somebody handed over and puts it where the next look finds it. What lies there
    /// is only ever replaced by one that is trusted, loads, and is no older.
    ///
    /// # Errors
    /// [`LoadError`] with why it is not taken; what lay there lies there still.
    pub fn take(&self, bytes: Vec<u8>) -> Result<BundleInUse, LoadError> {
        let admitted = self.admit(bytes)?;
        self.put(&admitted)?;
        Ok(admitted.bundle)
    }

    /// The digest of what lies there, if it may be used: so that nobody need hand it over again.
    pub fn digest(&self) -> Option<String> {
        Some(self.read().ok()?.bundle?.file.digest)
    }
}

fn fingerprint(bytes: &[u8], keys: &[PublicKey]) -> Fingerprint {
    let mut hash = Sha256::new();
    for key in keys {
        hash.update(key.as_bytes());
    }
    hash.update(bytes);
    hash.finalize().into()
}

/// When the newest bundle that was in use was signed, in memory and, if there is a place for it, on
/// disk.
#[derive(Debug, Default)]
pub(super) struct Newest {
    file: Option<PathBuf>,
    at: Option<Timestamp>,
    noted: Option<Timestamp>,
}

impl Newest {
    pub(super) fn open(origin: &Origin) -> Result<Self, LoadError> {
        let Origin::Bundle(SignedBundle { keep_dir: Some(dir), .. }) = origin else {
            return Ok(Self::default());
        };
        let file = dir.join(NEWEST);
        let unreadable = |why: String| {
            let help = "correct its permissions; or delete it, if any bundle that is signed may be used from now on";
            LoadError::from(Finding::file("bundle-note", &file.display().to_string(), why, help))
        };
        let at = match std::fs::read_to_string(&file) {
            Ok(text) => Some(text.trim().parse().map_err(|_| unreadable("the note holds no instant".to_owned()))?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(format!("the note of the newest bundle cannot be read: {error}"))),
        };
        Ok(Self { file: Some(file), at, noted: at })
    }

    /// Whether a bundle is new enough.
    pub(super) fn admits(&self, origin: &Origin, bundle: Option<&BundleInUse>) -> Result<(), LoadError> {
        match (self.at, bundle, origin) {
            (Some(newest), Some(bundle), Origin::Bundle(from)) if bundle.created_at < newest => {
                let created_at = bundle.created_at;
                Err(BundleError::Older { created_at, newest }.finding(&from.path).into())
            }
            _ => Ok(()),
        }
    }

    /// Notes the bundle in use. A note that cannot be written is tried again at the next look: a full
    /// disk must not keep tightened policies out.
    pub(super) fn raise(&mut self, bundle: Option<&BundleInUse>) {
        let Some(bundle) = bundle else { return };
        self.at = self.at.max(Some(bundle.created_at));
        let (Some(at), Some(file)) = (self.at, self.file.as_deref()) else { return };
        if self.noted != Some(at) && note(file, at).is_ok() {
            self.noted = Some(at);
        }
    }
}

fn note(file: &Path, at: Timestamp) -> std::io::Result<()> {
    put_whole(file, format!("{at}\n").as_bytes(), 0o644)
}
