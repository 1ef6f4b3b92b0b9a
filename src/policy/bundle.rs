//! Bundles: a policy set with its suites and its evidence in one signed file. Unpacked by hand it is a
//! policy directory; nothing here unpacks it anywhere.
//!
//! | file | is |
//! |---|---|
//! | `manifest.json` | what it holds, by SHA-256; the policy revision; who signed when; what was tried and proved |
//! | `manifest.sig` | Ed25519 over the bytes of `manifest.json` |
//! | `schemas/lockbox.cedarschema`, `policies/*.cedar`, `policies/invariant/*.cedar` | the set |
//! | `tests/*` | the suites |
//! | `evidence/*` | what a solver or an auditor can run again |
//!
//! Invariant: the signature is looked at before anything in a bundle is believed.
//! Invariant: a bundle is taken whole, every file as listed, or not at all.

mod archive;
mod gather;
mod keys;
mod manifest;
mod put;
mod sign;
#[cfg(test)]
mod tests;

pub use archive::BUNDLE_BYTES_MAX;
pub use gather::{read_evidence, read_suites};
pub use keys::{KeyError, PrivateKey, PublicKey};
pub use manifest::{Listed, Manifest, ProofShown, Shown, TestsShown};
pub use put::put_whole;
pub use sign::{Contents, Evidence, sign};

use super::files::{SourceFile, Sources};
use super::finding::{Finding, LoadError};
use archive::{Files, MANIFEST, SCHEMA, SIGNATURE};
use std::io::Read as _;
use std::path::Path;

/// Why a bundle is not taken, or not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// It cannot be read.
    #[error("the bundle cannot be read: {0}")]
    Unreadable(String),
    /// Something about it is too large.
    #[error("{0}")]
    TooLarge(String),
    /// It is no gzip file, no tar archive, or only a part of one.
    #[error("the bundle is damaged: {0}")]
    Damaged(String),
    /// It is not as this program writes one.
    #[error("the archive holds more than its files: it was not written by `lockbox policy sign`")]
    Form,
    /// A file in it.
    #[error("`{path}` {why}")]
    Entry {
        /// Its path in the bundle.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file that it must have.
    #[error("the bundle has no `{0}`")]
    Missing(&'static str),
    /// The manifest is not one.
    #[error("the manifest cannot be used: {0}")]
    Manifest(String),
    /// Made by another version.
    #[error("the bundle has the format {0}, and this program reads format 1")]
    Format(u64),
    /// Not signed by a key that is trusted.
    #[error("the bundle is not signed by a trusted key: it names the key {named}; trusted {}", listed(.trusted))]
    Untrusted {
        /// The key that it names.
        named: String,
        /// The ids of the keys that are trusted.
        trusted: Vec<String>,
    },
    /// It names a trusted key, which has not signed these bytes.
    #[error("the signature is not by the key {0} that the manifest names: it was changed after it was signed")]
    Signature(String),
    /// The revision in the manifest is not that of the files.
    #[error("the manifest names the revision {named}, and the files are {found}")]
    Revision {
        /// In the manifest.
        named: String,
        /// Of the files.
        found: String,
    },
    /// Evidence is missing, or of something else.
    #[error("{0}")]
    Evidence(String),
    /// Signed before one that was in use already.
    #[error("the bundle was signed at {created_at}, and one signed at {newest} was in use already")]
    Older {
        /// When it was signed.
        created_at: crate::domain::Timestamp,
        /// When the newest one was.
        newest: crate::domain::Timestamp,
    },
    /// It may be used, and cannot be put where it is looked for.
    #[error("the bundle cannot be kept: {0}")]
    Unkept(String),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

fn listed(ids: &[String]) -> String {
    match ids {
        [] => "is none".to_owned(),
        [one] => format!("is {one}"),
        many => format!("are {}", many.join(", ")),
    }
}

impl BundleError {
    /// A stable name of the rule that was broken.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "bundle-unreadable",
            Self::TooLarge(_) => "bundle-too-large",
            Self::Damaged(_) => "bundle-damaged",
            Self::Form | Self::Entry { .. } | Self::Missing(_) | Self::Manifest(_) => "bundle-form",
            Self::Format(_) => "bundle-format",
            Self::Untrusted { .. } => "bundle-untrusted",
            Self::Signature(_) => "bundle-signature",
            Self::Revision { .. } => "bundle-revision",
            Self::Evidence(_) => "bundle-evidence",
            Self::Older { .. } => "bundle-older",
            Self::Unkept(_) => "bundle-unkept",
            Self::Key(_) => "bundle-key",
        }
    }

    fn help(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "put a bundle there, and let the user that this runs as read it",
            Self::TooLarge(_) => "put fewer or smaller files into it",
            Self::Damaged(_) => "copy it again, under another name, and rename it into place",
            Self::Form | Self::Entry { .. } | Self::Missing(_) | Self::Manifest(_) | Self::Revision { .. } => {
                "make it again with `lockbox policy sign`"
            }
            Self::Signature(_) => {
                "do not use it: find out who changed it, and make it again with `lockbox policy sign`"
            }
            Self::Format(_) => "use the version of lockbox that it was made for, or make it again with this one",
            Self::Untrusted { .. } => {
                "have it signed by a trusted key, or add the key of who signed it to `policies.trusted_keys`"
            }
            Self::Evidence(_) => "sign it with the evidence that `policies.require_evidence` asks for",
            Self::Older { .. } => {
                "to go back to earlier policies, sign them again: who may sign decides that, not who has an old file"
            }
            Self::Unkept(_) => "let the user that this runs as write there",
            Self::Key(_) => "correct the key file",
        }
    }

    /// The same as a finding about the bundle at `path`.
    pub fn finding(&self, path: &Path) -> Finding {
        Finding::file(self.code(), &path.display().to_string(), self.to_string(), self.help())
    }
}

/// A bundle that has been read: form, manifest and files fit each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Where it is from, as findings show it.
    shown: String,
    manifest: Manifest,
    signed_by: Option<String>,
    files: Files,
}

impl Bundle {
    /// Reads a bundle file. With `trusted`, one of these keys must have signed it.
    ///
    /// # Errors
    /// [`LoadError`] with what is wrong.
    pub fn read(path: &Path, trusted: Option<&[PublicKey]>) -> Result<Self, LoadError> {
        let read = bytes_of(path).and_then(|bytes| Self::from_bytes(&path.display().to_string(), &bytes, trusted));
        read.map_err(|error| error.finding(path).into())
    }

    /// Reads a bundle from its bytes; `shown` is what findings call it.
    ///
    /// # Errors
    /// [`BundleError`] with the first thing that is wrong.
    pub fn from_bytes(shown: &str, bytes: &[u8], trusted: Option<&[PublicKey]>) -> Result<Self, BundleError> {
        let files = archive::unpack(bytes)?;
        let manifest = files.get(MANIFEST).ok_or(BundleError::Missing(MANIFEST))?;
        let signature = files.get(SIGNATURE).ok_or(BundleError::Missing(SIGNATURE))?;
        let signed_by = trusted.and_then(|keys| keys.iter().find(|key| key.has_signed(manifest, signature)));
        let signed_by = signed_by.map(PublicKey::id);
        if let (Some(trusted), None) = (trusted, &signed_by) {
            // Another version's form is told as such; what else is wrong with it matters to nobody.
            let named = match Manifest::read(manifest, &files) {
                Err(error @ BundleError::Format(_)) => return Err(error),
                read => read.map_or_else(|_| "-".to_owned(), |manifest| manifest.key_id),
            };
            let trusted: Vec<String> = trusted.iter().map(PublicKey::id).collect();
            return Err(match trusted.contains(&named) {
                true => BundleError::Signature(named),
                false => BundleError::Untrusted { named, trusted },
            });
        }
        let manifest = Manifest::read(manifest, &files)?;
        let bundle = Self { shown: shown.to_owned(), manifest, signed_by, files };
        if bundle.file(SCHEMA).is_none() {
            return Err(BundleError::Missing(SCHEMA));
        }
        Ok(bundle)
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The id of the trusted key that has signed it; `None` when nobody's signature was asked for.
    pub fn signed_by(&self) -> Option<&str> {
        self.signed_by.as_deref()
    }

    /// One of its files.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// Its suites, each with the name that findings show.
    pub fn suites(&self) -> impl Iterator<Item = (String, &[u8])> {
        let of_tests = self.files.iter().filter(|(path, _)| path.starts_with("tests/"));
        of_tests.map(|(path, bytes)| (format!("{}/{path}", self.shown), bytes.as_slice()))
    }

    /// Whether its evidence is what is asked for.
    ///
    /// # Errors
    /// [`BundleError::Evidence`] naming what is missing.
    pub fn shows(&self, require: Require) -> Result<(), BundleError> {
        let Shown { tests, proof } = &self.manifest.evidence;
        let missing = |what: String| Err(BundleError::Evidence(what));
        if require.tests && !tests.as_ref().is_some_and(TestsShown::are_good) {
            return missing("the bundle does not show that its tests pass".to_owned());
        }
        if !require.proof {
            return Ok(());
        }
        let Some(proof) = proof.as_ref().filter(|proof| proof.revision == self.manifest.revision) else {
            return missing("the bundle does not show that its invariants are proved".to_owned());
        };
        let stated = self.sources().map(|sources| invariant_ids(&sources)).unwrap_or_default();
        let unproved = stated.iter().find(|id| !proof.holds.contains(id)).or(proof.open.first());
        match unproved {
            Some(id) => missing(format!("the bundle does not show that the invariant `{id}` is proved")),
            None if stated.is_empty() => missing("the bundle has no invariants that could be proved".to_owned()),
            None => Ok(()),
        }
    }

    /// The policy set in it.
    pub(super) fn sources(&self) -> Result<Sources, LoadError> {
        let mut findings = Vec::new();
        let mut of = |wanted: &dyn Fn(&str) -> bool| {
            let mut files = Vec::new();
            for (path, bytes) in self.files.iter().filter(|(path, _)| wanted(path)) {
                match SourceFile::of_bytes(&format!("{}/{path}", self.shown), bytes.clone()) {
                    Ok(file) => files.push(file),
                    Err(finding) => findings.push(*finding),
                }
            }
            files
        };
        let schema = of(&|path| path == SCHEMA);
        let invariants = of(&|path| path.starts_with("policies/invariant/"));
        let policies = of(&|path| path.starts_with("policies/") && !path.starts_with("policies/invariant/"));
        let Some(schema) = schema.into_iter().next().filter(|_| findings.is_empty()) else {
            return Err(LoadError { findings });
        };
        let sources = Sources { schema, policies, invariants };
        let (named, found) = (self.manifest.revision.clone(), sources.digest());
        if named != found {
            return Err(BundleError::Revision { named, found }.finding(Path::new(&self.shown)).into());
        }
        Ok(sources)
    }
}

/// What evidence a bundle must have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Require {
    /// Its suites passed when it was signed.
    pub tests: bool,
    /// Each of its invariants was proved.
    pub proof: bool,
}

/// The ids of the invariants of a set: one a file, that of its first policy.
fn invariant_ids(sources: &Sources) -> Vec<String> {
    let id = |file: &SourceFile| {
        let set = file.text.parse::<cedar_policy::PolicySet>().ok()?;
        // In the order of the file: Cedar names them `policy0`, `policy1`, ….
        let first = set.policies().min_by_key(|policy| {
            policy.id().to_string().trim_start_matches("policy").parse::<usize>().unwrap_or(usize::MAX)
        })?;
        first.annotation("id").map(str::to_owned)
    };
    sources.invariants.iter().filter_map(id).collect()
}

/// The bytes of a bundle file, if it is one of a sensible size.
pub(super) fn bytes_of(path: &Path) -> Result<Vec<u8>, BundleError> {
    let unreadable = |error: std::io::Error| BundleError::Unreadable(error.to_string());
    let kind = std::fs::metadata(path).map_err(unreadable)?;
    if !kind.is_file() {
        return Err(BundleError::Unreadable("it is a directory or a device, and a signed bundle is a file".to_owned()));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(BUNDLE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
