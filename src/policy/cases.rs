//! Policy tests: suites in YAML, put through guard and policies exactly as a sidecar would, or to the
//! policies by themselves. What a test does not list as allowed is expected to be denied.
//!
//! | part | what it does |
//! |---|---|
//! | `suite`, `yaml`, `values` | the form of a suite, read and written |
//! | `world`, `prepare`, `question` | from a suite to questions that are ready to be asked |
//! | `run`, `coverage` | asking, and what it shows |
//! | `found`, `join` | from questions that a solver found to a suite |

mod coverage;
mod found;
mod join;
mod prepare;
mod question;
mod run;
mod suite;
mod values;
mod world;
mod yaml;

pub use coverage::{Coverage, Covered, CoveredCondition};
pub(crate) use found::Answer;
pub use run::{CaseReport, Failure, SuiteReport, TestReport, first_failure, run_cases};
pub use suite::{
    AccessRequestCase, AskCase, ContentCase, EngineerCase, Expected, GrantCase, PersonCase, StatedCase, Suite,
    TenantCase, TestCase,
};
pub use yaml::suite_schema;

use super::files::Layout;
use super::finding::{Finding, LoadError};
use super::load::{PolicySet, load};
use prepare::{ReadySuite, prepare};
use std::path::Path;

/// The largest suite, in bytes.
const SUITE_BYTES_MAX: u64 = 1 << 20;

/// Tests, read and made ready to be asked of any set that has the same schema.
#[derive(Debug)]
pub struct Cases {
    suites: Vec<ReadySuite>,
}

impl Cases {
    /// Reads all suites (`*.yaml`) of a directory, for sets with the schema of `set`.
    ///
    /// # Errors
    /// [`LoadError`] when a suite cannot be read or names what there is not, or there is none.
    pub fn read(set: &PolicySet, dir: &Path) -> Result<Self, LoadError> {
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
            match read_suite(&path) {
                Ok(read) => suites.push(read),
                Err(error) => findings.extend(error.findings),
            }
        }
        match Self::of(set, &suites) {
            Ok(cases) if findings.is_empty() => Ok(cases),
            Ok(_) => Err(LoadError { findings }),
            Err(error) => {
                findings.extend(error.findings);
                Err(LoadError { findings })
            }
        }
    }

    /// Makes suites ready, each with the file it is from.
    ///
    /// # Errors
    /// [`LoadError`] when a suite names what it does not define, or nothing that is a name.
    pub fn of(set: &PolicySet, suites: &[(String, Suite)]) -> Result<Self, LoadError> {
        let (mut ready, mut findings) = (Vec::new(), Vec::new());
        for (file, suite) in suites {
            match prepare(set, file, suite) {
                Ok(suite) => ready.push(suite),
                Err(why) => findings.push(Finding::file("suite-invalid", file, why, "correct it in the suite")),
            }
        }
        if findings.is_empty() { Ok(Self { suites: ready }) } else { Err(LoadError { findings }) }
    }
}

/// Runs all suites (`*.yaml`) of a directory's tests whose names (`suite: test`) `only` accepts.
///
/// # Errors
/// [`LoadError`] when policies or suites cannot be loaded, or there is no suite at all.
pub fn test_dir(dir: &Path, only: &dyn Fn(&str) -> bool) -> Result<CaseReport, LoadError> {
    let layout = Layout::find(dir);
    let set = load(&layout.policies, &layout.schema)?;
    Ok(run_cases(&set, &Cases::read(&set, &layout.tests)?, only))
}

fn read_suite(path: &Path) -> Result<(String, Suite), LoadError> {
    let file = path.display().to_string();
    if !std::fs::metadata(path).is_ok_and(|kind| kind.is_file() && kind.len() <= SUITE_BYTES_MAX) {
        return Err(unreadable(path, "it is larger than 1 MiB or not a file"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error.to_string()))?;
    let suite = Suite::parse(&file, &text)?;
    Ok((file, suite))
}

fn unreadable(path: &Path, why: &str) -> LoadError {
    Finding::file("suite-unreadable", &path.display().to_string(), why, "put readable suites there").into()
}

#[cfg(test)]
mod tests;
