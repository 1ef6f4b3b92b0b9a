//! What goes into a bundle beside the set, from directories: the suites, and the evidence that proving
//! has left. Bounded, because a wrong path may name anything.

use super::archive::EVIDENCE_BYTES_MAX;
use super::{BundleError, Evidence, ProofShown};
use crate::policy::files::FILE_BYTES_MAX;
use serde::Deserialize;
use std::io::Read as _;
use std::path::Path;

/// The report among the files of evidence.
const PROOF: &str = "proof.json";
/// The most files of evidence.
const EVIDENCE_FILES_MAX: usize = 4096;
/// How many directories deep evidence may lie.
const DEPTH_MAX: usize = 3;

/// As much of the report of a proof as is summed up.
#[derive(Deserialize)]
struct Report {
    policy_revision: String,
    means: Means,
    proofs: Vec<Proof>,
}

#[derive(Deserialize)]
struct Means {
    /// The solver's; enumeration has none, and proves nothing.
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
struct Proof {
    id: String,
    outcome: String,
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
/// [`BundleError`] when there is no report, an invariant is broken, or something cannot be read.
pub fn read_evidence(dir: &Path) -> Result<Evidence, BundleError> {
    let mut files = Vec::new();
    gather(dir, "", DEPTH_MAX, &mut files)?;
    let summary = files.iter().find(|(path, _)| path == PROOF).ok_or_else(|| {
        BundleError::Evidence(format!(
            "there is no `{PROOF}` in `{}`: name a directory that `lockbox policy prove --evidence` has written",
            dir.display()
        ))
    })?;
    let report: Report = serde_json::from_slice(&summary.1)
        .map_err(|error| BundleError::Evidence(format!("`{}` cannot be used: {error}", dir.join(PROOF).display())))?;
    if let Some(broken) = report.proofs.iter().find(|proof| proof.outcome == "broken") {
        return Err(BundleError::Evidence(format!("the invariant `{}` is broken", broken.id)));
    }
    let solver = if report.means.version.is_empty() { "none".to_owned() } else { report.means.version };
    let mut proof = ProofShown { revision: report.policy_revision, solver, holds: Vec::new(), open: Vec::new() };
    for Proof { id, outcome } in report.proofs {
        if outcome == "proved" { proof.holds.push(id) } else { proof.open.push(id) }
    }
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
