//! From files to a policy set that can be asked, or to everything that is wrong with them.
//!
//! Refused are all ways in which Cedar would open silently or an edit would not mean what it says:
//! invalid or doubtful policies (strict, level 2, no warnings), policies without a name of their own,
//! templates, an empty set, and a set whose guardrails do not stop what they must stop.

use super::canary;
use super::depth::too_deep;
use super::facts::Names;
use super::files::{SourceFile, Sources};
use super::finding::{Finding, LoadError};
use super::schema::{self, Vocabulary};
use super::slice::{Slice, Slices};
use cedar_policy::{Authorizer, Effect, Policy, PolicyId, Schema, ValidationMode, ValidationWarning, Validator};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// How many entities deep a policy may reach: the question's own, and what they refer to.
pub(super) const LEVEL: u32 = 2;
/// The most policies of a set.
const POLICIES_MAX: usize = 20_000;

/// What is known of a policy beside its conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyInfo {
    /// Its `@id`.
    pub id: String,
    /// The file it is in.
    pub file: String,
    /// Whether it permits; else it forbids.
    pub permits: bool,
    /// Its `@reason`: a code for machines.
    pub reason: Option<String>,
    /// Its `@advice`: a sentence for a person.
    pub advice: Option<String>,
    /// Its `@owner`.
    pub owner: Option<String>,
}

/// A loaded policy set: never changed, only replaced.
#[derive(Debug)]
pub struct PolicySet {
    pub(super) digest: String,
    pub(crate) schema: Arc<Schema>,
    pub(crate) vocabulary: Arc<Vocabulary>,
    pub(crate) names: Arc<Names>,
    pub(crate) slices: Slices,
    pub(crate) authorizer: Authorizer,
    // Neither depends on the policies, only on the schema and the facts.
    pub(crate) contexts: Arc<super::facts::Contexts>,
    pub(crate) kept_parts: Arc<super::kept::KeptParts>,
    pub(super) infos: BTreeMap<String, PolicyInfo>,
    pub(super) policies: cedar_policy::PolicySet,
}

/// Reads and loads a set.
///
/// # Errors
/// [`LoadError`] with every finding.
pub fn load(dir: &Path, schema: &Path) -> Result<PolicySet, LoadError> {
    PolicySet::from_sources(&Sources::read(dir, schema)?)
}

impl PolicySet {
    /// Loads a set that has been read.
    ///
    /// # Errors
    /// [`LoadError`] with every finding.
    pub fn from_sources(sources: &Sources) -> Result<Self, LoadError> {
        let set = Self::assemble(sources)?;
        canary::sing(&set).map_err(|why| LoadError::from(whole(sources, "canary", &why.0, why.1)))?;
        Ok(set)
    }

    /// Everything but the canary.
    fn assemble(sources: &Sources) -> Result<Self, LoadError> {
        if let Some(finding) = nests(&sources.schema) {
            return Err(finding.into());
        }
        let (schema, vocabulary) = schema::read(&sources.schema)?;
        let (policies, infos) = read_policies(sources, &schema)?;
        let failed = |error: &dyn core::fmt::Display| {
            LoadError::from(whole(sources, "cannot-prepare", &error.to_string(), "correct what the message names"))
        };
        let base = schema.action_entities().map_err(|error| failed(&error))?;
        let slices = Slices::cut(&policies, &schema, &base).map_err(|error| failed(&error))?;
        let names = Names::new().map_err(|error| failed(&error))?;
        Ok(Self {
            digest: sources.digest(),
            schema: Arc::new(schema),
            vocabulary: Arc::new(vocabulary),
            names: Arc::new(names),
            slices,
            authorizer: Authorizer::new(),
            contexts: Arc::new(super::facts::Contexts::new()),
            kept_parts: Arc::new(super::kept::KeptParts::new()),
            infos,
            policies,
        })
    }

    /// The policy revision, `sha256:…`.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The policies by id.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyInfo> {
        self.infos.values()
    }

    /// What is known of one policy.
    pub fn policy(&self, id: &str) -> Option<&PolicyInfo> {
        self.infos.get(id)
    }

    /// The slice for an action on content.
    pub fn content_slice(&self, action: &str) -> Option<&Slice> {
        self.vocabulary.actions.get(action)?;
        self.slices.get(action, &self.names.content)
    }

    /// The workloads the schema declares.
    pub fn workloads(&self) -> impl Iterator<Item = &str> {
        self.vocabulary.workloads.iter().map(String::as_str)
    }

    /// The actions on content the schema declares.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.vocabulary.actions.keys().map(String::as_str)
    }

    /// The content types the schema declares.
    pub fn content_types(&self) -> impl Iterator<Item = &str> {
        self.vocabulary.content_types.iter().map(String::as_str)
    }

    pub(crate) fn cedar(&self) -> &cedar_policy::PolicySet {
        &self.policies
    }
}

/// All policies under their ids and what is known of them; invariants are only checked.
fn read_policies(
    sources: &Sources,
    schema: &Schema,
) -> Result<(cedar_policy::PolicySet, BTreeMap<String, PolicyInfo>), LoadError> {
    let validator = Validator::new(schema.clone());
    let mut reading = Reading { validator, seen: HashSet::new(), findings: Vec::new() };
    let mut policies = cedar_policy::PolicySet::new();
    let mut infos = BTreeMap::new();
    for file in &sources.policies {
        for policy in reading.file(file) {
            infos.insert(policy.id().to_string(), info(&policy, &file.name));
            // Names are known to be unique here, so adding cannot fail; if it did, the finding would say so.
            if let Err(error) = policies.add(policy) {
                reading.findings.push(Finding::file("policy-id-twice", &file.name, error.to_string(), "rename one"));
            }
        }
    }
    for file in &sources.invariants {
        reading.invariants(file);
    }
    if reading.findings.is_empty() && policies.is_empty() {
        reading.findings.push(whole(
            sources,
            "set-empty",
            "there is no policy at all",
            "put the policies back: an empty set allows nothing, and guards nothing",
        ));
    }
    if policies.num_of_policies() > POLICIES_MAX {
        reading.findings.push(whole(
            sources,
            "too-many-policies",
            "there are more than 20,000 policies",
            "put policies together",
        ));
    }
    if reading.findings.is_empty() { Ok((policies, infos)) } else { Err(LoadError { findings: reading.findings }) }
}

/// A text that nests so deep that parsing it could overflow the stack.
fn nests(file: &SourceFile) -> Option<Finding> {
    let at = too_deep(&file.text)?;
    let finding = Finding::file(
        "too-deep",
        &file.name,
        "the text nests too deep, or one policy has too many operators",
        "take it apart: `[…].contains(…)` and `in […]` replace long chains of `||`",
    );
    Some(finding.at(&file.text, at, 1))
}

fn whole(sources: &Sources, code: &'static str, message: &str, help: &str) -> Finding {
    let place = sources.policies.first().map_or(sources.schema.name.as_str(), |file| file.name.as_str());
    Finding::file(code, place.rsplit_once('/').map_or(place, |(dir, _)| dir), message, help)
}

pub(super) fn info(policy: &Policy, file: &str) -> PolicyInfo {
    let annotation = |key: &str| policy.annotation(key).filter(|text| !text.is_empty()).map(str::to_owned);
    PolicyInfo {
        id: policy.id().to_string(),
        file: file.to_owned(),
        permits: policy.effect() == Effect::Permit,
        reason: annotation("reason"),
        advice: annotation("advice"),
        owner: annotation("owner"),
    }
}

struct Reading {
    validator: Validator,
    seen: HashSet<String>,
    findings: Vec<Finding>,
}

impl Reading {
    /// The policies of a file, each under its `@id`, validated.
    fn file(&mut self, file: &SourceFile) -> Vec<Policy> {
        if let Some(finding) = nests(file) {
            self.findings.push(finding);
            return Vec::new();
        }
        let set: cedar_policy::PolicySet = match file.text.parse() {
            Ok(set) => set,
            Err(error) => {
                self.findings.extend(Finding::of_cedar("policy-syntax", &file.name, &file.text, &error));
                return Vec::new();
            }
        };
        for template in set.templates() {
            let slot = template.slots().next().map(ToString::to_string).unwrap_or_default();
            self.findings.push(
                Finding::file(
                    "template",
                    &file.name,
                    format!("a policy has the slot `{slot}`"),
                    "write what is meant: templates are not linked here",
                )
                .at_text(&file.text, &slot),
            );
        }
        let mut policies = Vec::new();
        for policy in set.policies() {
            if let Some(id) = self.name(policy, file) {
                policies.push(policy.new_id(PolicyId::new(id)));
            }
        }
        match cedar_policy::PolicySet::from_policies(policies.iter().cloned()) {
            Ok(named) => self.validate(&named, file),
            Err(error) => {
                self.findings.push(Finding::file("policy-id-twice", &file.name, error.to_string(), "rename one"))
            }
        }
        policies
    }

    /// The `@id`, if it is there, well-formed and not taken.
    fn name(&mut self, policy: &Policy, file: &SourceFile) -> Option<String> {
        let text = policy.to_string();
        let head = text.lines().find(|line| !line.trim_start().starts_with('@')).unwrap_or_default().trim();
        let Some(id) = policy.annotation("id") else {
            self.findings.push(
                Finding::file(
                    "policy-id-missing",
                    &file.name,
                    format!("a policy has no `@id`: `{head}`"),
                    "write `@id(\"verb-phrase\")` before it: answers and records name it",
                )
                .at_text(&file.text, head),
            );
            return None;
        };
        let shaped =
            !id.is_empty() && id.len() <= 80 && id.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let marked = format!("@id(\"{id}\")");
        if !shaped {
            self.findings.push(
                Finding::file(
                    "policy-id-form",
                    &file.name,
                    format!("`{id}` is no policy id"),
                    "use 1 to 80 lower-case letters, digits and `-`",
                )
                .at_text(&file.text, &marked),
            );
            return None;
        }
        if !self.seen.insert(id.to_owned()) {
            // The second of two in one file is the one to point at.
            let offset = file.text.rfind(&marked).unwrap_or(0);
            self.findings.push(
                Finding::file(
                    "policy-id-twice",
                    &file.name,
                    format!("`{id}` is the id of two policies"),
                    "rename one of them",
                )
                .at(&file.text, offset, marked.len()),
            );
            return None;
        }
        Some(id.to_owned())
    }

    fn validate(&mut self, set: &cedar_policy::PolicySet, file: &SourceFile) {
        let result = self.validator.validate_with_level(set, ValidationMode::Strict, LEVEL);
        for error in result.validation_errors() {
            self.findings.extend(Finding::of_cedar("policy-invalid", &file.name, &file.text, error));
        }
        for warning in result.validation_warnings() {
            let findings = match warning {
                ValidationWarning::ImpossiblePolicy(_) | ValidationWarning::InvalidActionApplication(_) => {
                    Finding::of_cedar("policy-never-applies", &file.name, &file.text, warning)
                }
                _ => Finding::of_cedar("policy-doubtful", &file.name, &file.text, warning),
            };
            self.findings.extend(findings);
        }
    }

    fn invariants(&mut self, file: &SourceFile) {
        for policy in self.file(file) {
            let stated = policy.annotation("invariant").is_some_and(|sentence| !sentence.trim().is_empty());
            let directed = policy.annotation("direction").is_none_or(|way| matches!(way, "at-most" | "at-least"));
            if !stated || !directed || policy.effect() != Effect::Permit {
                self.findings.push(
                    Finding::file(
                        "invariant-form",
                        &file.name,
                        format!("`{}` is no invariant", policy.id()),
                        "an invariant is a `permit` with `@invariant(\"sentence\")` and, if it is not `at-most`, `@direction(\"at-least\")`",
                    )
                    .at_text(&file.text, &format!("@id(\"{}\")", policy.id())),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
