//! Making bundles. What goes in was checked and tried by whoever calls; here it is held together, and
//! what was made is read back as a sidecar will read it before anybody gets it.

use super::archive::{self, Files, MANIFEST, SCHEMA, SIGNATURE};
use super::{Bundle, BundleError, Manifest, PrivateKey, ProofShown, Shown, TestsShown};
use crate::domain::Timestamp;
use crate::policy::files::{SourceFile, Sources};

/// What is to be signed.
#[derive(Debug, Clone)]
pub struct Contents<'a> {
    /// The policy set, checked.
    pub sources: &'a Sources,
    /// The suites by file name, as they were run.
    pub suites: Vec<(String, Vec<u8>)>,
    /// What they said; `None` when none were run.
    pub tests: Option<TestsShown>,
    /// What was proved.
    pub evidence: Option<Evidence>,
    /// What its maker calls the bundle.
    pub name: Option<String>,
    /// When it is signed.
    pub created_at: Timestamp,
}

/// Proofs: files that somebody can run again, and what came of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The files by path below `evidence/`.
    pub files: Vec<(String, Vec<u8>)>,
    /// What came of them.
    pub proof: ProofShown,
}

/// Makes a bundle's bytes: the same for the same contents, key and instant.
///
/// # Errors
/// [`BundleError`] when something has no place in a bundle, or the evidence is of another revision.
pub fn sign(contents: Contents<'_>, key: &PrivateKey) -> Result<Vec<u8>, BundleError> {
    let Contents { sources, suites, tests, evidence, name, created_at } = contents;
    let revision = sources.digest();
    let mut files = Files::new();
    let mut put = |path: String, bytes: Vec<u8>| match files.insert(path.clone(), bytes) {
        Some(_) => Err(BundleError::Entry { path, why: "would be there twice" }),
        None => Ok(()),
    };
    let text = |file: &SourceFile| file.text.as_bytes().to_vec();
    put(SCHEMA.to_owned(), text(&sources.schema))?;
    for file in &sources.policies {
        put(format!("policies/{}", file.last_name()), text(file))?;
    }
    for file in &sources.invariants {
        put(format!("policies/invariant/{}", file.last_name()), text(file))?;
    }
    for (name, bytes) in suites {
        put(format!("tests/{name}"), bytes)?;
    }
    let mut shown = Shown { tests, proof: None };
    if let Some(Evidence { files, proof }) = evidence {
        if proof.revision != revision {
            return Err(BundleError::Evidence(format!(
                "the evidence is of the revision {}, and the policies are {revision}: prove them again",
                proof.revision
            )));
        }
        for (path, bytes) in files {
            put(format!("evidence/{path}"), bytes)?;
        }
        shown.proof = Some(proof);
    }
    let public = key.public();
    let manifest = Manifest::of(&files, revision, created_at, name, public.id(), shown)?.to_bytes()?;
    let signature = key.sign(&manifest);
    files.insert(SIGNATURE.to_owned(), signature.to_vec());
    files.insert(MANIFEST.to_owned(), manifest);
    let bytes = archive::pack(&files)?;
    // Read back as it will be read: what is refused there must not leave the house.
    let back = Bundle::from_bytes("the bundle", &bytes, Some(&[public]))?;
    match back.sources() {
        Ok(read) if read.digest() == sources.digest() => Ok(bytes),
        _ => Err(BundleError::Form),
    }
}
