//! `policy diff`: what an edit changes, as questions newly allowed and newly denied, with a question to
//! show for each, and what happened to each policy.
//!
//! Only questions that are valid under both schemas can be compared. Where the schemas differ, one of them
//! must fit both sets; what cannot be compared is said, and counts as a change.
//!
//! Invariant: without a solver nothing is called equivalent, except two sets of one revision, and kinds of
//! questions about which both have the same policies.

mod policies;
#[cfg(test)]
mod tests;

pub use policies::{PolicyChange, Relation, What};

use super::symbolic::{Claim, Environment, Means, Prover, Verdict, Witness};
use super::{LoadError, PolicySet, Sources};
use cedar_policy::{Authorizer, Decision};
use policies::Pairs;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// What a comparison found.
#[derive(Debug, Clone, Serialize)]
pub struct DiffReport {
    /// How claims were decided.
    pub means: Means,
    /// The policy revision of the old set.
    pub old_revision: String,
    /// The policy revision of the new set.
    pub new_revision: String,
    /// The outcome as a whole.
    pub outcome: Outcome,
    /// What became of each kind of question.
    pub questions: Vec<Compared>,
    /// What happened to each policy; those that stayed as they were are left out.
    pub policies: Vec<PolicyChange>,
    /// What changed in the schema, and what follows for the comparison.
    pub schema: Vec<String>,
    /// Files of invariants that were added, removed or changed.
    pub invariants: Vec<String>,
}

/// The outcome of a comparison, or of a part of it. The greater is the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Proved: every question is answered as before.
    Equivalent,
    /// Questions were tried, and none is answered differently. That is no proof.
    NoDifferenceFound,
    /// Some question is newly denied, and none newly allowed.
    NewlyDenied,
    /// It could not be said.
    Unknown,
    /// Some question is newly allowed.
    NewlyAllowed,
}

/// Whether one set allows something that the other does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Beyond {
    /// Proved: nothing.
    Nothing,
    /// Questions were tried, and nothing was found.
    NothingFound,
    /// It could not be said.
    Unknown,
    /// Here is a question.
    Something,
}

/// One kind of question.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    /// Principal type, action and resource type.
    pub environment: String,
    /// Whether the new set allows what the old one does not.
    pub allows_more: Beyond,
    /// Whether the old set allows what the new one does not.
    pub allows_less: Beyond,
    /// A question that is newly allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newly_allowed: Option<Shown>,
    /// A question that is newly denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newly_denied: Option<Shown>,
    /// What could not be decided, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<String>,
    /// How many questions were tried, where there was no solver.
    pub tried: usize,
}

/// A question that both sets answer differently.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// The question, as a person reads it.
    pub question: String,
    /// The old set's policies that decided; empty when none permitted.
    pub old: Vec<String>,
    /// The new set's.
    pub new: Vec<String>,
    /// The question as a test in the form of `cedar run-tests`, with the new answer.
    pub test: Json,
}

impl DiffReport {
    /// Whether nothing is newly allowed, as far as that was proved or asked for.
    pub fn opens_nothing(&self, enumeration_suffices: bool) -> bool {
        let enough = if enumeration_suffices { Beyond::NothingFound } else { Beyond::Nothing };
        let comparable = !matches!(self.outcome, Outcome::Unknown | Outcome::NewlyAllowed);
        comparable && self.questions.iter().all(|compared| compared.allows_more <= enough)
    }
}

/// Compares two sets that have been read. `told` hears of each kind of question that is looked at.
///
/// # Errors
/// [`LoadError`] when one of them does not load.
pub fn diff(
    old: &Sources,
    new: &Sources,
    prover: &mut Prover,
    told: &mut dyn FnMut(&str),
) -> Result<DiffReport, LoadError> {
    let mut report = DiffReport {
        means: prover.means().clone(),
        old_revision: old.digest(),
        new_revision: new.digest(),
        outcome: Outcome::Equivalent,
        questions: Vec::new(),
        policies: Vec::new(),
        schema: Vec::new(),
        invariants: changed_files(old, new),
    };
    if report.old_revision == report.new_revision {
        return Ok(report);
    }
    let own = (PolicySet::from_sources(old)?, PolicySet::from_sources(new)?);
    report.schema = schema_changes(&own.0, &own.1);
    let Some((old_set, new_set)) = under_one_schema(old, new, own, &mut report.schema) else {
        report.outcome = Outcome::Unknown;
        return Ok(report);
    };
    let pairs = Pairs::of(&old_set, &new_set);
    for at in Environment::all(&new_set.schema) {
        told(&at.to_string());
        let compared =
            if pairs.touch(&at) { compare(&old_set, &new_set, &at, prover) } else { Compared::untouched(&at) };
        report.questions.push(compared);
    }
    report.policies = pairs.changes(&old_set, &new_set, prover, told);
    let outcomes = report.questions.iter().map(Compared::outcome);
    let whole = outcomes.max().unwrap_or(Outcome::Equivalent);
    report.outcome = if report.schema.is_empty() { whole } else { whole.max(report.lost()) };
    Ok(report)
}

impl DiffReport {
    /// What a schema that has lost kinds of questions means: they are all newly denied.
    fn lost(&self) -> Outcome {
        if self.schema.iter().any(|change| change.starts_with("gone:")) {
            Outcome::NewlyDenied
        } else {
            Outcome::Equivalent
        }
    }
}

impl Compared {
    /// What became of it.
    pub fn outcome(&self) -> Outcome {
        match (self.allows_more, self.allows_less) {
            (Beyond::Something, _) => Outcome::NewlyAllowed,
            (Beyond::Unknown, _) | (_, Beyond::Unknown) => Outcome::Unknown,
            (_, Beyond::Something) => Outcome::NewlyDenied,
            (Beyond::NothingFound, _) | (_, Beyond::NothingFound) => Outcome::NoDifferenceFound,
            (Beyond::Nothing, Beyond::Nothing) => Outcome::Equivalent,
        }
    }

    /// Both sets have the same policies about it, so the answers cannot differ.
    fn untouched(at: &Environment) -> Self {
        Self {
            environment: at.to_string(),
            allows_more: Beyond::Nothing,
            allows_less: Beyond::Nothing,
            newly_allowed: None,
            newly_denied: None,
            undecided: Vec::new(),
            tried: 0,
        }
    }
}

fn compare(old: &PolicySet, new: &PolicySet, at: &Environment, prover: &mut Prover) -> Compared {
    let mut compared = Compared::untouched(at);
    let (old_set, new_set) = (old.cedar(), new.cedar());
    let mut beyond = |lower, upper, what: &str| match prover.decide(new, at, &Claim::Implies { lower, upper }) {
        Verdict::Holds(_) => (Beyond::Nothing, None),
        Verdict::NotRefuted(tried) => {
            compared.tried += tried;
            (Beyond::NothingFound, None)
        }
        Verdict::Unknown(why) => {
            compared.undecided.push(format!("whether {what} is allowed: {why}"));
            (Beyond::Unknown, None)
        }
        Verdict::Fails(witness) => (Beyond::Something, Some(Shown::of(&witness, old, new, at))),
    };
    let (more, less) = (beyond(new_set, old_set, "more"), beyond(old_set, new_set, "less"));
    (compared.allows_more, compared.newly_allowed) = more;
    (compared.allows_less, compared.newly_denied) = less;
    compared
}

impl Shown {
    fn of(witness: &Witness, old: &PolicySet, new: &PolicySet, at: &Environment) -> Self {
        let ask = |set: &PolicySet| {
            let response = Authorizer::new().is_authorized(witness.request(), set.cedar(), witness.entities());
            let mut because: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
            because.sort_unstable();
            (response.decision() == Decision::Allow, because)
        };
        let ((_, old), (allowed, new)) = (ask(old), ask(new));
        let name = format!("{at}: {} by this edit", if allowed { "allowed" } else { "denied" });
        Self { question: witness.to_string(), test: witness.to_cedar_test(&name, allowed, &new), old, new }
    }
}

/// Kinds of questions that only one of the schemas knows.
fn schema_changes(old: &PolicySet, new: &PolicySet) -> Vec<String> {
    let kinds = |set: &PolicySet| -> BTreeSet<String> {
        Environment::all(&set.schema).iter().map(ToString::to_string).collect()
    };
    let (old, new) = (kinds(old), kinds(new));
    let added = new.difference(&old).map(|kind| format!("new: `{kind}` can be asked now"));
    let gone = old.difference(&new).map(|kind| format!("gone: `{kind}` can no longer be asked"));
    added.chain(gone).collect()
}

/// Both sets under a schema that fits both: the new one, or else the old one. Notes what that leaves out.
fn under_one_schema(
    old: &Sources,
    new: &Sources,
    own: (PolicySet, PolicySet),
    notes: &mut Vec<String>,
) -> Option<(PolicySet, PolicySet)> {
    if old.schema.text == new.schema.text {
        return Some(own);
    }
    notes.insert(0, "changed: the schemas differ".to_owned());
    let moved = |policies: &Sources, schema: &Sources| {
        PolicySet::from_sources(&Sources { schema: schema.schema.clone(), invariants: Vec::new(), ..policies.clone() })
    };
    let (old_set, new_set) = own;
    if let Ok(moved) = moved(old, new) {
        notes
            .push("compared: questions that are valid under the new schema, which the old policies fit too".to_owned());
        return Some((moved, new_set));
    }
    match moved(new, old) {
        Ok(moved) => {
            notes.push("compared: only questions that are valid under the old schema, for the old policies do not fit the new one; what the new schema adds is not compared".to_owned());
            Some((old_set, moved))
        }
        Err(_) => {
            notes.push(
                "not compared: neither schema fits both sets; make the edit in two steps, the schema first".to_owned(),
            );
            None
        }
    }
}

fn changed_files(old: &Sources, new: &Sources) -> Vec<String> {
    let files = |sources: &Sources| -> BTreeSet<(String, String)> {
        let name = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        sources.invariants.iter().map(|file| (name(&file.name), file.text.to_string())).collect()
    };
    let (old, new) = (files(old), files(new));
    let names: BTreeSet<&str> = old.symmetric_difference(&new).map(|(name, _)| name.as_str()).collect();
    let has = |files: &BTreeSet<(String, String)>, name: &str| files.iter().any(|(known, _)| known == name);
    names
        .into_iter()
        .map(|name| match (has(&old, name), has(&new, name)) {
            (true, true) => format!("{name}: changed"),
            (true, false) => format!("{name}: removed"),
            _ => format!("{name}: added"),
        })
        .collect()
}
