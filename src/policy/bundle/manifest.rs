//! The manifest: what a bundle holds, who signed it when, and what was tried before. Its bytes are what
//! is signed; it is believed only after the signature was found good.

use super::BundleError;
use super::archive::{Files, MANIFEST, SIGNATURE};
use crate::domain::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The form of bundles that this program writes and reads.
const FORMAT: u32 = 1;
/// The longest name of a bundle, in characters.
const NAME_CHARS_MAX: usize = 100;

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u32,
    /// The policy revision: the digest of schema, policies and invariants.
    pub revision: String,
    /// When it was signed.
    #[serde(with = "instant")]
    pub created_at: Timestamp,
    /// What its maker calls it, such as a version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The id of the key it says to be signed with; the signature decides.
    pub key_id: String,
    /// What was tried and proved of exactly this revision.
    pub evidence: Shown,
    /// Every file but the manifest and its signature.
    pub files: Vec<Listed>,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its path in the bundle.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// The evidence of a bundle, summed up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// The suites, run when the bundle was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<TestsShown>,
    /// The invariants, proved before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofShown>,
}

/// What the suites said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestsShown {
    /// How many suites there are.
    pub suites: usize,
    /// How many tests passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many policies and conditions the tests cover.
    pub covered: usize,
    /// Of how many.
    pub coverable: usize,
}

impl TestsShown {
    /// Whether there were tests and all passed.
    pub fn are_good(&self) -> bool {
        self.passed > 0 && self.failed == 0
    }
}

/// What a run of `lockbox policy prove` said of a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofShown {
    /// The policy revision that was proved.
    pub revision: String,
    /// What proved it, with its version.
    pub solver: String,
    /// The invariants that hold, by id.
    pub holds: Vec<String>,
    /// Those that do not, or of which nobody knows.
    #[serde(default)]
    pub open: Vec<String>,
}

/// The version alone: what another version means by the rest is not for us to guess.
#[derive(Deserialize)]
struct Version {
    format: u64,
}

impl Manifest {
    /// The manifest of files. `name` is checked; the rest is ours.
    pub(super) fn of(
        files: &Files,
        revision: String,
        created_at: Timestamp,
        name: Option<String>,
        key_id: String,
        evidence: Shown,
    ) -> Result<Self, BundleError> {
        if name.as_deref().is_some_and(|name| !is_plain(name)) {
            let why = "its name must have 1 to 100 letters, digits, spaces and `.,_-+/:@`";
            return Err(BundleError::Manifest(why.to_owned()));
        }
        let files = files.iter().map(|(path, bytes)| Listed {
            path: path.clone(),
            bytes: bytes.len() as u64,
            sha256: sha256(bytes),
        });
        Ok(Self { format: FORMAT, revision, created_at, name, key_id, evidence, files: files.collect() })
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| BundleError::Manifest(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a manifest and holds the files against it: each listed, each there, each to the byte.
    pub(super) fn read(bytes: &[u8], files: &Files) -> Result<Self, BundleError> {
        let wrong = |error: serde_json::Error| BundleError::Manifest(error.to_string());
        let version: Version = serde_json::from_slice(bytes).map_err(wrong)?;
        if version.format != u64::from(FORMAT) {
            return Err(BundleError::Format(version.format));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(wrong)?;
        let texts = [Some(manifest.revision.as_str()), Some(manifest.key_id.as_str()), manifest.name.as_deref()];
        if texts.into_iter().flatten().any(|text| !is_plain(text)) {
            return Err(BundleError::Manifest("a text in it has signs that it should not have".to_owned()));
        }
        manifest.holds(files)?;
        Ok(manifest)
    }

    fn holds(&self, files: &Files) -> Result<(), BundleError> {
        let refused = |path: &str, why| BundleError::Entry { path: path.escape_default().to_string(), why };
        let mut theirs = self.files.iter();
        for (path, bytes) in files.iter().filter(|(path, _)| *path != MANIFEST && *path != SIGNATURE) {
            // Both are sorted: the first that differs is missing on one side.
            let Some(listed) = theirs.next() else {
                return Err(refused(path, "is not listed in the manifest"));
            };
            if listed.path != *path {
                let listed_later = listed.path.as_str() > path.as_str();
                return Err(match listed_later {
                    true => refused(path, "is not listed in the manifest"),
                    false => refused(&listed.path, "is listed in the manifest, and is not there"),
                });
            }
            if listed.bytes != bytes.len() as u64 || listed.sha256 != sha256(bytes) {
                return Err(refused(path, "is not the file that the manifest lists"));
            }
        }
        match theirs.next() {
            Some(listed) => Err(refused(&listed.path, "is listed in the manifest, and is not there")),
            None => Ok(()),
        }
    }
}

/// Text that a terminal and a log show as it is.
fn is_plain(text: &str) -> bool {
    let fit = |sign: char| sign.is_ascii_alphanumeric() || " .,_-+/:@".contains(sign);
    (1..=NAME_CHARS_MAX).contains(&text.len()) && text.chars().all(fit)
}

fn sha256(bytes: &[u8]) -> String {
    super::hex(&Sha256::digest(bytes))
}

/// Instants as RFC 3339 texts.
mod instant {
    use crate::domain::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(instant: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(instant)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
