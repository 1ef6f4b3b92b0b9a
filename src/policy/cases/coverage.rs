//! Coverage: which policies applied in some test, and which of their conditions were decisive (the
//! first unmet one: there the evaluation ended). The policies are asked here with every
//! Grant of the test, also those the guard would not let them see: what they say by themselves counts.
//!
//! Lifecycle policies are not in suites; their coverage is the golden matrix of the lifecycle tests.

use super::super::load::PolicySet;
use super::super::{Facts, explain::Condition};
use crate::domain::{Evaluation, Timestamp};
use cedar_policy::Request;
use core::fmt;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the suites cover of the policies for content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The policies by id.
    pub policies: BTreeMap<String, Covered>,
}

/// What the suites cover of one policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// Whether it applied in some test.
    pub applied: bool,
    /// Its conditions as written, and whether each was decisive in some test.
    pub conditions: BTreeMap<String, bool>,
}

impl Coverage {
    /// What no test shows, as `policy` or `policy: condition`.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for (id, covered) in &self.policies {
            if !covered.applied {
                missing.push(id.clone());
            }
            let conditions = covered.conditions.iter().filter(|(_, decisive)| !**decisive);
            missing.extend(conditions.map(|(condition, _)| format!("{id}: {condition}")));
        }
        missing
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
        let mut coverage = Coverage::default();
        for slice in set.actions().filter_map(|action| set.content_slice(action)) {
            for policy in slice.policies.policies() {
                coverage.policies.entry(policy.id().to_string()).or_default();
            }
            for condition in slice.conditions().iter().filter(|condition| !condition.scope) {
                let covered = coverage.policies.entry(condition.policy.clone()).or_default();
                covered.conditions.entry(condition.shown()).or_insert(false);
            }
        }
        Self { set, coverage }
    }

    pub(super) fn coverage(self) -> Coverage {
        self.coverage
    }

    /// Asks the policies by themselves: with each Grant of the test, and with none.
    pub(super) fn count(&mut self, question: &Evaluation, facts: &Facts<'_>, now: Timestamp) {
        let (Some(slice), Some(tenant), Some(engineer)) =
            (self.set.content_slice(question.action.as_str()), facts.tenant, facts.engineer)
        else {
            return;
        };
        let Ok(parts) = self.set.parts(question, engineer, tenant, &slice.base) else {
            return;
        };
        for access in facts.accesses.iter().map(Some).chain([None]) {
            let asked = self.set.context(question, access, now).ok().and_then(|(context, _)| {
                let (principal, resource) = (parts.principal.clone(), parts.resource.clone());
                Request::new(principal, slice.action.clone(), resource, context, None).ok()
            });
            let Some(request) = asked else { continue };
            let mut policies: BTreeMap<&str, Vec<(&Condition, Option<bool>)>> = BTreeMap::new();
            for condition in slice.conditions() {
                let met = condition.is_met(&request, &parts.entities);
                policies.entry(&condition.policy).or_default().push((condition, met));
            }
            for (id, conditions) in policies {
                self.mark(id, &conditions);
            }
        }
    }

    fn mark(&mut self, id: &str, conditions: &[(&Condition, Option<bool>)]) {
        let Some(covered) = self.coverage.policies.get_mut(id) else {
            return;
        };
        let first = conditions.iter().find(|(_, met)| *met != Some(true));
        match first {
            None => covered.applied = true,
            Some((condition, Some(false))) if !condition.scope => {
                covered.conditions.insert(condition.shown(), true);
            }
            Some(_) => {}
        }
    }
}
