//! Policy tests: suites in YAML, put through guard and policies exactly as a sidecar would, or to the
//! policies by themselves. What a test does not list as allowed is expected to be denied.
//!
//! | part | what it does |
//! |---|---|
//! | `suite`, `yaml`, `values` | the form of a suite, read and written |
//! | `world`, `prepare`, `question` | from a suite to questions that are ready to be asked |
//! | `json` | tests in the form of `cedar run-tests` |
//! | `one` | one question with its facts, as a suite of one test |
//! | `run`, `coverage`, `source` | asking, what it shows, and where that stands in the policies |
//! | `found`, `join` | from questions that a solver found to a suite |

mod coverage;
mod found;
mod join;
mod json;
mod one;
mod prepare;
mod question;
mod run;
mod source;
mod suite;
mod values;
mod world;
mod yaml;

pub use coverage::{Coverage, Covered, CoveredCondition};
pub(crate) use found::Answer;
pub use json::{JsonCase, JsonRequest};
pub use one::{ContentName, FactsCase, QUESTION, QuestionCase};
pub use run::{CaseReport, Failure, SuiteReport, TestReport, first_failure, run_cases};
pub use source::{MarkedFile, Piece, Span, marked};
pub use suite::{
    AccessRequestCase, AskCase, ContentCase, EngineerCase, Expected, GrantCase, PersonCase, StatedCase, Suite,
    TenantCase, TestCase,
};
pub use yaml::suite_schema;

use super::explain::Explanation;
use super::files::{Layout, Sources};
use super::finding::{Finding, LoadError};
use super::load::{PolicySet, load};
use prepare::{ReadySuite, ReadyTest, prepare};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The largest suite, in bytes.
const SUITE_BYTES_MAX: u64 = 1 << 20;

/// Tests, read and made ready to be asked of any set that has the same schema.
#[derive(Debug)]
pub struct Cases {
    suites: Vec<ReadySuite>,
}

impl Cases {
    /// Reads all tests of a directory, `*.yaml` and `*.json`, for sets with the schema of `set`.
    ///
    /// # Errors
    /// [`LoadError`] when a file cannot be read or names what there is not, when two tests contradict
    /// each other, or when there is none.
    pub fn read(set: &PolicySet, dir: &Path) -> Result<Self, LoadError> {
        Self::gather(files(dir)?.iter().filter_map(|path| read_file(set, path).transpose()))
    }

    /// Makes suites ready, each with the file it is from.
    ///
    /// # Errors
    /// [`LoadError`] when a suite names what it does not define, or tests contradict each other.
    pub fn of(set: &PolicySet, suites: &[(String, Suite)]) -> Result<Self, LoadError> {
        Self::gather(suites.iter().map(|(file, suite)| ready(set, file, suite)))
    }

    /// Reads the tests of one file.
    ///
    /// # Errors
    /// [`LoadError`] when it cannot be read, names what there is not, or holds no tests.
    pub fn of_file(set: &PolicySet, path: &Path) -> Result<Self, LoadError> {
        let suite = read_file(set, path)?.ok_or_else(|| unreadable(path, "there are entities in it, and no tests"))?;
        Self::gather(core::iter::once(Ok(suite)))
    }

    /// The names of all tests, as `suite: test`.
    pub fn names(&self) -> Vec<String> {
        let of = |suite: &ReadySuite| {
            let names: Vec<String> = suite.tests.iter().map(|test| format!("{}: {}", suite.name, test.name)).collect();
            names
        };
        self.suites.iter().flat_map(of).collect()
    }

    fn gather(suites: impl Iterator<Item = Result<ReadySuite, LoadError>>) -> Result<Self, LoadError> {
        let (mut ready, mut findings) = (Vec::new(), Vec::new());
        for suite in suites {
            match suite {
                Ok(suite) => ready.push(suite),
                Err(error) => findings.extend(error.findings),
            }
        }
        findings.extend(contradictions(&ready));
        if findings.is_empty() { Ok(Self { suites: ready }) } else { Err(LoadError { findings }) }
    }

    /// Why the question of a test, or of one of its actions, is answered as it is: one explanation for
    /// each question, with the question as a person reads it. Empty when no test has that name.
    pub fn explain(&self, set: &PolicySet, test: &str, action: Option<&str>) -> Vec<(String, Explanation)> {
        let named = |suite: &ReadySuite, ready: &ReadyTest| {
            ready.name == test || format!("{}: {}", suite.name, ready.name) == test
        };
        let tests = self.suites.iter().flat_map(|suite| suite.tests.iter().filter(|ready| named(suite, ready)));
        let questions = tests.flat_map(|test| &test.questions);
        let asked = questions.filter(|question| action.is_none_or(|action| question.action == action));
        asked.map(|question| (question.shown.clone(), question.put.explain(set))).collect()
    }
}

/// The files that may hold tests, by name.
fn files(dir: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .map_err(|error| unreadable(dir, &error.to_string()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json"))
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(unreadable(dir, "there is no suite (`*.yaml`, or `*.json` as `cedar run-tests` takes it) in it"));
    }
    Ok(paths)
}

/// Questions that one test expects to be allowed and another to be denied.
fn contradictions(suites: &[ReadySuite]) -> Vec<Finding> {
    let mut expected: BTreeMap<&str, (bool, &str, String)> = BTreeMap::new();
    let mut findings = Vec::new();
    for suite in suites {
        for (test, question) in suite.tests.iter().flat_map(|test| test.questions.iter().map(move |one| (test, one))) {
            let (allowed, here) = (question.expected.allowed, format!("`{}: {}`", suite.name, test.name));
            let (before, file, there) =
                expected.entry(&question.key).or_insert_with(|| (allowed, suite.file.as_str(), here.clone()));
            if *before != allowed {
                let word = |allowed: bool| if allowed { "allowed" } else { "denied" };
                let message = format!(
                    "{here} expects `{}` to be {}, {there} in {file} expects it to be {}",
                    question.shown,
                    word(allowed),
                    word(*before)
                );
                let help = "decide which is meant, and correct the other";
                findings.push(Finding::file("suites-contradict", &suite.file, message, help));
            }
        }
    }
    findings
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

/// The tests of a directory, run, and its policies with their conditions found in the text. Both are of
/// the same reading of the files.
///
/// # Errors
/// [`LoadError`] when policies or suites cannot be loaded, or there is no suite at all.
pub fn cover_dir(dir: &Path, only: &dyn Fn(&str) -> bool) -> Result<(CaseReport, Vec<MarkedFile>), LoadError> {
    let layout = Layout::find(dir);
    let sources = Sources::read(&layout.policies, &layout.schema)?;
    let set = PolicySet::from_sources(&sources)?;
    Ok((run_cases(&set, &Cases::read(&set, &layout.tests)?, only), marked(&sources)))
}

/// The content of all that the tests of a directory depend on, as a digest: the same as long as nothing
/// has changed. What cannot be read counts as the reason why.
pub fn fingerprint(dir: &Path) -> Vec<u8> {
    let layout = Layout::find(dir);
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    part(&Sources::read(&layout.policies, &layout.schema).map_or_else(|why| why.to_string(), |read| read.digest()));
    for path in files(&layout.tests).unwrap_or_default() {
        part(&path.display().to_string());
        part(&read_text(&path).unwrap_or_else(|why| why.to_string()));
    }
    hash.finalize().to_vec()
}

/// A file of tests, made ready; `None` for a JSON file of entities that tests refer to.
fn read_file(set: &PolicySet, path: &Path) -> Result<Option<ReadySuite>, LoadError> {
    let (file, text) = (path.display().to_string(), read_text(path)?);
    if path.extension().is_some_and(|end| end == "json") {
        let beside = |name: &str| {
            let path = path.with_file_name(name);
            read_text(&path).map_err(|_| format!("{} cannot be read as a file of at most 1 MiB", path.display()))
        };
        return if json::is_entities(&text) { Ok(None) } else { json::prepare(set, &file, &text, &beside).map(Some) };
    }
    ready(set, &file, &Suite::parse(&file, &text)?).map(Some)
}

fn ready(set: &PolicySet, file: &str, suite: &Suite) -> Result<ReadySuite, LoadError> {
    prepare(set, file, suite).map_err(|why| Finding::file("suite-invalid", file, why, "correct it in the suite").into())
}

fn read_text(path: &Path) -> Result<String, LoadError> {
    if !std::fs::metadata(path).is_ok_and(|kind| kind.is_file() && kind.len() <= SUITE_BYTES_MAX) {
        return Err(unreadable(path, "it is larger than 1 MiB or not a file"));
    }
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error.to_string()))
}

fn unreadable(path: &Path, why: &str) -> LoadError {
    Finding::file("suite-unreadable", &path.display().to_string(), why, "put readable suites there").into()
}

#[cfg(test)]
mod tests;
