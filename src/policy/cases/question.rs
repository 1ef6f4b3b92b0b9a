//! One question of a test, ready to be put to any set of the same schema: through guard and policies as
//! a sidecar would, or to the policies by themselves.

use super::super::asked::Asked;
use super::super::judge::judge_watched;
use super::super::{Explanation, Facts, Now, PolicySet};
use crate::domain::{Access, Engineer, Evaluation, TenantFacts, Timestamp};
use cedar_policy::{Decision, Entities, Request};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A question and what is expected of it.
#[derive(Debug)]
pub(super) struct Question {
    /// As a person reads it.
    pub(super) shown: String,
    /// What is to be done.
    pub(super) action: String,
    /// The whole question as text: the same for the same question, in whatever test it stands.
    pub(super) key: String,
    /// How it is put.
    pub(super) put: Put,
    /// What is expected.
    pub(super) expected: Expectation,
}

/// How a question is put.
#[derive(Debug)]
pub(super) enum Put {
    /// Through guard and policies.
    Guarded(Box<Guarded>),
    /// To the policies by themselves; one that cannot be evaluated denies, as in the judge.
    Alone(Box<Asked>),
    /// To the policies by themselves, and the answer is Cedar's, as `cedar run-tests` takes it.
    Plain(Box<Asked>),
}

/// What a sidecar knows when it is asked.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) question: Evaluation,
    pub(super) engineer: Option<Engineer>,
    pub(super) tenant: Option<TenantFacts>,
    pub(super) accesses: Vec<Arc<Access>>,
    pub(super) now: Timestamp,
}

/// What is expected of a question.
#[derive(Debug, Clone, Default)]
pub(super) struct Expectation {
    pub(super) allowed: bool,
    /// The reason, where one is expected.
    pub(super) reason: Option<String>,
    /// Policies that must have decided.
    pub(super) because: BTreeSet<String>,
    /// How many policies must fail to evaluate, where that is said.
    pub(super) errors: Option<usize>,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) allowed: bool,
    /// The reason; the policies by themselves have none, unless one could not be evaluated.
    pub(super) reason: Option<String>,
    /// The policies that decided.
    pub(super) policies: Vec<String>,
    /// What came nearest to an allow, where the judge says so.
    nearest: Option<String>,
    /// How many policies could not be evaluated; 0 through the guard, where the reason says it.
    errors: usize,
}

impl Put {
    /// Asks; `seen` is shown every question that is put to the policies on the way.
    pub(super) fn ask(&self, set: &PolicySet, seen: &mut impl FnMut(&Request, &Entities)) -> Answer {
        match self {
            Self::Guarded(known) => {
                let facts = Facts {
                    tenant: known.tenant.as_ref(),
                    engineer: known.engineer.as_ref(),
                    accesses: &known.accesses,
                };
                let judged = judge_watched(set, &known.question, &facts, Now::exactly(known.now), seen);
                let decision = judged.into_decision();
                Answer {
                    allowed: decision.allows(),
                    reason: Some(decision.reason.as_str().to_owned()),
                    policies: decision.policies,
                    nearest: decision.nearest.map(|nearest| nearest.failed),
                    errors: 0,
                }
            }
            Self::Alone(asked) | Self::Plain(asked) => {
                seen(&asked.request, &asked.entities);
                let Some(response) = set.ask(asked) else {
                    let why = "the schema has no such question".to_owned();
                    return Answer {
                        allowed: false,
                        reason: Some(why),
                        policies: Vec::new(),
                        nearest: None,
                        errors: 0,
                    };
                };
                let fault = response.diagnostics().errors().next().map(ToString::to_string);
                let faults = matches!(self, Self::Alone(_)) && fault.is_some();
                let mut policies: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
                policies.sort_unstable();
                Answer {
                    allowed: !faults && response.decision() == Decision::Allow,
                    reason: faults.then(|| "policy_error".to_owned()),
                    policies,
                    errors: response.diagnostics().errors().count(),
                    nearest: fault,
                }
            }
        }
    }

    /// What decided, for a person; empty when nothing in particular did.
    pub(super) fn decided_by(&self, set: &PolicySet, answer: &Answer) -> String {
        if let Some(nearest) = &answer.nearest {
            return nearest.clone();
        }
        let (Self::Alone(asked) | Self::Plain(asked)) = self else { return String::new() };
        let Some(slice) = set.slice_of(&asked.request) else { return String::new() };
        if answer.allowed {
            return String::new();
        }
        set.denial((slice, None), (&asked.request, &asked.entities), &answer.policies).failed
    }

    /// Why the answer is what it is.
    pub(super) fn explain(&self, set: &PolicySet) -> Explanation {
        match self {
            Self::Guarded(known) => {
                let facts = Facts {
                    tenant: known.tenant.as_ref(),
                    engineer: known.engineer.as_ref(),
                    accesses: &known.accesses,
                };
                Explanation::of_question(set, &known.question, &facts, Now::exactly(known.now))
            }
            Self::Alone(asked) | Self::Plain(asked) => Explanation::of_policies(set, asked),
        }
    }
}

impl Expectation {
    /// What was expected and what came, where they differ.
    pub(super) fn differs(&self, answer: &Answer) -> Option<(String, String)> {
        let verdict = |allows: bool| if allows { "allow" } else { "deny" };
        let wanted = verdict(self.allowed);
        let reason = answer.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let got = format!("{}{reason}", verdict(answer.allowed));
        if answer.allowed != self.allowed {
            return Some((wanted.to_owned(), got));
        }
        if let Some(reason) = self.reason.as_ref().filter(|reason| Some(*reason) != answer.reason.as_ref()) {
            return Some((format!("{wanted} ({reason})"), got));
        }
        if let Some(errors) = self.errors.filter(|errors| *errors != answer.errors) {
            return Some((format!("{wanted} with {errors} errors"), format!("{got} with {} errors", answer.errors)));
        }
        let because = self.because.iter().find(|id| !answer.policies.contains(id))?;
        Some((format!("{wanted} because of `{because}`"), format!("{got} because of {:?}", answer.policies)))
    }
}
