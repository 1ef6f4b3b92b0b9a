//! Invariants: promises as ordinary Cedar, one a file. `at-most`: the set allows nothing beyond it.
//! `at-least`: the set allows at least this.
//!
//! An invariant speaks of the questions that its scope names, and of no others: one about content
//! says nothing of the lifecycle.

use super::super::symbolic::Environment;
use super::super::{Finding, LoadError, PolicySet, SourceFile, Sources};
use cedar_policy::{Policy, PolicyId, PolicySet as CedarSet};
use serde::Serialize;

/// Which way a promise goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The set allows nothing beyond it.
    AtMost,
    /// The set allows at least this.
    AtLeast,
}

impl Direction {
    /// As the annotation says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtMost => "at-most",
            Self::AtLeast => "at-least",
        }
    }
}

/// One promise.
#[derive(Debug, Clone)]
pub struct Invariant {
    /// The `@id` of its first policy.
    pub id: String,
    /// Its file.
    pub file: String,
    /// The promise in a sentence.
    pub sentence: String,
    /// Which way it goes.
    pub direction: Direction,
    pub(crate) policies: CedarSet,
    pub(crate) environments: Vec<Environment>,
}

impl Invariant {
    /// The invariants of a set that loads, in the order of their files.
    ///
    /// # Errors
    /// [`LoadError`] when there is none, or the policies of a file promise different things.
    pub fn all(sources: &Sources, set: &PolicySet) -> Result<Vec<Self>, LoadError> {
        let mut findings = Vec::new();
        let mut invariants = Vec::new();
        for file in &sources.invariants {
            match Self::read(file, set) {
                Ok(invariant) => invariants.push(invariant),
                Err(finding) => findings.push(*finding),
            }
        }
        if invariants.is_empty() && findings.is_empty() {
            let place = sources.policies.first().map_or(sources.schema.name.as_str(), |file| file.name.as_str());
            findings.push(Finding::file(
                "no-invariant",
                place.rsplit_once('/').map_or(place, |(dir, _)| dir),
                "there is no invariant to prove",
                "write promises as `invariant/*.cedar` beside the policies",
            ));
        }
        if findings.is_empty() { Ok(invariants) } else { Err(LoadError { findings }) }
    }

    fn read(file: &SourceFile, set: &PolicySet) -> Result<Self, Box<Finding>> {
        let wrong = |message: String, help: &str| Box::new(Finding::file("invariant-form", &file.name, message, help));
        let parsed: CedarSet =
            file.text.parse().map_err(|error: cedar_policy::ParseErrors| wrong(error.to_string(), "correct it"))?;
        let mut policies: Vec<Policy> = parsed.policies().cloned().collect();
        // In the order of the file: Cedar names them `policy0`, `policy1`, ….
        policies.sort_by_key(|policy| policy.id().to_string().trim_start_matches("policy").parse::<usize>().ok());
        let Some(first) = policies.first() else {
            return Err(wrong("there is no policy in it".to_owned(), "write the promise, or delete the file"));
        };
        let annotation = |policy: &Policy, key: &str| policy.annotation(key).map(str::to_owned);
        let direction = annotation(first, "direction");
        if policies.iter().any(|policy| annotation(policy, "direction") != direction) {
            return Err(wrong(
                "its policies go in different directions".to_owned(),
                "write one promise a file, with one `@direction` on all of its policies",
            ));
        }
        let direction = match direction.as_deref() {
            Some("at-least") => Direction::AtLeast,
            _ => Direction::AtMost,
        };
        let environments = Environment::all(&set.schema);
        let spoken: Vec<Environment> =
            policies.iter().flat_map(|policy| Environment::of_scope(policy, &set.schema)).collect();
        let id = annotation(first, "id").unwrap_or_default();
        let sentence = annotation(first, "invariant").unwrap_or_default();
        let named = policies.iter().map(|policy| {
            let own = policy.annotation("id").unwrap_or_default();
            policy.new_id(PolicyId::new(format!("invariant {own}")))
        });
        let policies = CedarSet::from_policies(named).map_err(|error| wrong(error.to_string(), "rename one"))?;
        Ok(Self {
            id,
            file: file.name.clone(),
            sentence,
            direction,
            policies,
            environments: environments.into_iter().filter(|environment| spoken.contains(environment)).collect(),
        })
    }
}
