//! Making bundles. What goes in was checked and tried by whoever calls; here it is held together, and
//! what was made is read back as a sidecar will read it before anybody gets it.

use super::archive::{self, Files, MANIFEST, SCHEMA, SIGNATURE};
use super::{Bundle, BundleError, Manifest, PrivateKey, ProofShown, Shown, TestsShown};
use crate::domain::Timestamp;
use crate::policy::files::{FILE_BYTES_MAX, SourceFile, Sources};
use std::io::Read as _;
use std::path::Path;

/// The summary among the files of evidence.
const PROOF: &str = "proof.json";
/// The most files of evidence.
const EVIDENCE_FILES_MAX: usize = 4096;
/// The largest file of evidence, in bytes.
const EVIDENCE_BYTES_MAX: u64 = 16 << 20;
/// How many directories deep evidence may lie.
const DEPTH_MAX: usize = 3;

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

/// The suites of a directory, as bytes by file name.
///
/// # Errors
/// [`BundleError`] when one cannot be read or is too large.
pub fn read_suites(dir: &Path) -> Result<Vec<(String, Vec<u8>)>, BundleError> {
    let mut suites = Vec::new();
    for (name, path) in listed(dir)? {
        let is_suite = path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
        if is_suite && path.is_file() {
            suites.push((name, read(&path, FILE_BYTES_MAX)?));
        }
    }
    Ok(suites)
}

/// The evidence that `lockbox policy prove --evidence DIR` left.
///
/// # Errors
/// [`BundleError::Evidence`] when there is no summary, or something cannot be read.
pub fn read_evidence(dir: &Path) -> Result<Evidence, BundleError> {
    let mut files = Vec::new();
    gather(dir, "", DEPTH_MAX, &mut files)?;
    let summary = files.iter().find(|(path, _)| path == PROOF).ok_or_else(|| {
        BundleError::Evidence(format!(
            "there is no `{PROOF}` in `{}`: name a directory that `lockbox policy prove --evidence` has written",
            dir.display()
        ))
    })?;
    let proof = serde_json::from_slice(&summary.1)
        .map_err(|error| BundleError::Evidence(format!("`{}` cannot be used: {error}", dir.join(PROOF).display())))?;
    Ok(Evidence { files, proof })
}

fn gather(dir: &Path, above: &str, depth: usize, files: &mut Vec<(String, Vec<u8>)>) -> Result<(), BundleError> {
    for (name, path) in listed(dir)? {
        if path.is_dir() {
            if depth == 0 {
                return Err(BundleError::Evidence(format!("`{}` lies too deep", path.display())));
            }
            gather(&path, &format!("{above}{name}/"), depth - 1, files)?;
        } else {
            files.push((format!("{above}{name}"), read(&path, EVIDENCE_BYTES_MAX)?));
        }
        if files.len() > EVIDENCE_FILES_MAX {
            return Err(BundleError::Evidence(format!("there are more than 4096 files in `{}`", dir.display())));
        }
    }
    Ok(())
}

/// Names and paths of a directory, sorted; what begins with a dot is not looked at.
fn listed(dir: &Path) -> Result<Vec<(String, std::path::PathBuf)>, BundleError> {
    let unreadable = |error: std::io::Error| BundleError::Unreadable(format!("`{}`: {error}", dir.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, BundleError> {
    let unreadable = |error: std::io::Error| BundleError::Unreadable(format!("`{}`: {error}", path.display()));
    let kind = std::fs::metadata(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    if kind.is_file() {
        std::fs::File::open(path)
            .map_err(unreadable)?
            .take(bytes_max + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    }
    if !kind.is_file() || bytes.len() as u64 > bytes_max {
        return Err(BundleError::TooLarge(format!("`{}` is no file, or too large", path.display())));
    }
    Ok(bytes)
}
