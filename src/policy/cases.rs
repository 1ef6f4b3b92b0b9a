//! Policy tests: suites in YAML, run through guard and policies exactly as a sidecar would. What a
//! test does not list as allowed is expected to be denied.

mod coverage;
mod run;
mod suite;

pub use coverage::{Coverage, Covered};
pub use run::{CaseReport, Failure, SuiteReport, TestReport, run_cases};
pub use suite::{Suite, suite_schema};

use super::files::Layout;
use super::finding::{Finding, LoadError};
use super::load::{PolicySet, load};
use std::path::Path;

/// The largest suite, in bytes.
const SUITE_BYTES_MAX: u64 = 1 << 20;

/// Runs all suites (`*.yaml`) of a directory's tests whose names (`suite: test`) `only` accepts.
///
/// # Errors
/// [`LoadError`] when policies or suites cannot be loaded, or there is no suite at all.
pub fn test_dir(dir: &Path, only: &dyn Fn(&str) -> bool) -> Result<CaseReport, LoadError> {
    let layout = Layout::find(dir);
    let set = load(&layout.policies, &layout.schema)?;
    run_dir(&set, &layout.tests, only)
}

/// Runs the suites of a directory against a loaded set.
///
/// # Errors
/// [`LoadError`] when a suite cannot be read, or there is none.
pub fn run_dir(set: &PolicySet, dir: &Path, only: &dyn Fn(&str) -> bool) -> Result<CaseReport, LoadError> {
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .map_err(|error| unreadable(dir, &error.to_string()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "yaml" || end == "yml"))
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(unreadable(dir, "there is no suite (`*.yaml`) in it"));
    }
    let (mut suites, mut findings) = (Vec::new(), Vec::new());
    for path in paths {
        let file = path.display().to_string();
        let small = std::fs::metadata(&path).is_ok_and(|kind| kind.is_file() && kind.len() <= SUITE_BYTES_MAX);
        match std::fs::read_to_string(&path) {
            Ok(text) if small => match Suite::parse(&file, &text) {
                Ok(suite) => suites.push((file, suite)),
                Err(error) => findings.extend(error.findings),
            },
            Ok(_) => findings.extend(unreadable(&path, "it is larger than 1 MiB or not a file").findings),
            Err(error) => findings.extend(unreadable(&path, &error.to_string()).findings),
        }
    }
    if findings.is_empty() { run_cases(set, &suites, only) } else { Err(LoadError { findings }) }
}

fn unreadable(path: &Path, why: &str) -> LoadError {
    Finding::file("suite-unreadable", &path.display().to_string(), why, "put readable suites there").into()
}

#[cfg(test)]
mod tests;
