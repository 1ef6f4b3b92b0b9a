//! Coverage: by which policies and conditions the questions of the suites were decided, and in which
//! tests. Only what was really put to the policies counts: what the guard refuses never reaches them.
//!
//! A policy *decided* when the answer would hardly have been the same without it:
//! a permit when it applied and the question was allowed; a forbid when it applied and some permit did.
//! A condition of a permit decided an allow when its policy did, and a deny when it was the first unmet
//! one of its policy (there the evaluation ended) in a denied question that no forbid stopped. A
//! condition of a forbid decided a deny when its policy did, and an allow when it was the first unmet
//! one of its policy in an allowed question. A condition is covered when it has decided both.
//!
//! A question on which some policy fails to evaluate counts for nothing.

use super::super::explain::Condition;
use super::super::load::PolicySet;
use super::super::slice::Slice;
use cedar_policy::{Effect, Entities, Request};
use core::fmt;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the suites cover of the policies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The policies by id.
    pub policies: BTreeMap<String, Covered>,
}

/// What the suites cover of one policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// Whether it permits; else it forbids.
    pub permits: bool,
    /// The tests in which it decided, as `suite: test`.
    pub decided: BTreeSet<String>,
    /// Its conditions, in the order in which they are written.
    pub conditions: Vec<CoveredCondition>,
}

/// What the suites cover of one condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CoveredCondition {
    /// The condition in Cedar's own layout, `unless` before it if that is what it is.
    pub text: String,
    /// The tests in which it decided an allow.
    pub allowed: BTreeSet<String>,
    /// The tests in which it decided a deny.
    pub denied: BTreeSet<String>,
}

impl CoveredCondition {
    /// What is not shown of it; empty when it is covered.
    pub fn lacks(&self) -> &'static str {
        match (self.allowed.is_empty(), self.denied.is_empty()) {
            (true, true) => "decides nothing",
            (true, false) => "decides no allow",
            (false, true) => "decides no deny",
            (false, false) => "",
        }
    }
}

impl Coverage {
    /// What no test shows, as `policy` or `policy: condition (what is missing)`.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for (id, covered) in &self.policies {
            if covered.decided.is_empty() {
                missing.push(id.clone());
            }
            let lacking = covered.conditions.iter().filter(|condition| !condition.lacks().is_empty());
            missing.extend(lacking.map(|condition| format!("{id}: {} ({})", condition.text, condition.lacks())));
        }
        missing
    }

    /// The share that is covered, in percent, rounded down, so that 100 means all.
    pub fn percent(&self) -> usize {
        let (total, missing) = (self.total(), self.missing().len());
        total.saturating_sub(missing).saturating_mul(100).checked_div(total).unwrap_or(100)
    }

    /// How many policies and conditions there are.
    pub fn total(&self) -> usize {
        self.policies.values().map(|covered| 1 + covered.conditions.len()).sum()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (missing, total) = (self.missing(), self.total());
        write!(f, "{} of {total} policies and conditions covered", total - missing.len())?;
        for condition in missing {
            write!(f, "\n  not covered: {condition}")?;
        }
        Ok(())
    }
}

/// Counts while suites run.
pub(super) struct Tally<'a> {
    set: &'a PolicySet,
    coverage: Coverage,
}

impl<'a> Tally<'a> {
    pub(super) fn of(set: &'a PolicySet) -> Self {
        let policies = set.cedar().policies().map(|policy| {
            let conditions = Condition::of(policy).into_iter().filter(|condition| !condition.scope);
            let covered = Covered {
                permits: policy.effect() == Effect::Permit,
                decided: BTreeSet::new(),
                conditions: conditions
                    .map(|condition| CoveredCondition { text: condition.shown(), ..CoveredCondition::default() })
                    .collect(),
            };
            (policy.id().to_string(), covered)
        });
        Self { set, coverage: Coverage { policies: policies.collect() } }
    }

    pub(super) fn coverage(self) -> Coverage {
        self.coverage
    }

    /// Counts one question that was put to the policies in a test.
    pub(super) fn count(&mut self, test: &str, request: &Request, entities: &Entities) {
        let Some(slice) = self.set.slice_of(request) else { return };
        let response = self.set.authorizer.is_authorized(request, &slice.policies, entities);
        if response.diagnostics().errors().next().is_some() {
            return;
        }
        let stands = standings(slice, request, entities);
        let applied = |effect| stands.values().any(|stand| stand.effect == effect && stand.unmet.is_none());
        let (permitted, forbidden) = (applied(Effect::Permit), applied(Effect::Forbid));
        let allowed = permitted && !forbidden;
        for (id, stand) in stands {
            let Some(covered) = self.coverage.policies.get_mut(id) else { continue };
            let of_permit = stand.effect == Effect::Permit;
            match stand.unmet {
                None if permitted && of_permit == allowed => covered.decide(test, allowed),
                Some(Some(unmet)) if allowed != of_permit && !(of_permit && forbidden) => {
                    if let Some(condition) = covered.conditions.get_mut(unmet) {
                        condition.decide(test, allowed);
                    }
                }
                _ => {}
            }
        }
    }
}

impl Covered {
    fn decide(&mut self, test: &str, allowed: bool) {
        self.decided.insert(test.to_owned());
        self.conditions.iter_mut().for_each(|condition| condition.decide(test, allowed));
    }
}

impl CoveredCondition {
    fn decide(&mut self, test: &str, allowed: bool) {
        let tests = if allowed { &mut self.allowed } else { &mut self.denied };
        tests.insert(test.to_owned());
    }
}

/// How a policy stands to a question.
struct Stand {
    effect: Effect,
    /// `None`: it applies. Else its first unmet condition by number, `None` for its scope.
    unmet: Option<Option<usize>>,
    conditions: usize,
}

fn standings<'s>(slice: &'s Slice, request: &Request, entities: &Entities) -> BTreeMap<&'s str, Stand> {
    let ids = slice.policies.policies().map(|policy| {
        let id: &str = policy.id().as_ref();
        (id, Stand { effect: policy.effect(), unmet: None, conditions: 0 })
    });
    let mut stands: BTreeMap<&str, Stand> = ids.collect();
    for condition in slice.conditions() {
        let Some(stand) = stands.get_mut(condition.policy.as_str()) else { continue };
        let number = (!condition.scope).then_some(stand.conditions);
        stand.conditions += usize::from(!condition.scope);
        if stand.unmet.is_none() && condition.is_met(request, entities) != Some(true) {
            stand.unmet = Some(number);
        }
    }
    stands
}
