//! Why a policy did not permit, or did forbid: its scope and each conjunct of its conditions as an
//! expression of its own, evaluated against the question. Only denials pay for it.
//!
//! Invariant: a denial is put into words here and nowhere else, so that the answer of a sidecar and the
//! explanation on a terminal cannot disagree.

mod standing;

pub use standing::{Explanation, PolicyStanding, Read, Standing};

use super::PolicySet;
use super::slice::Slice;
use cedar_policy::pst::{BinaryOp, Clause, Expr};
use cedar_policy::{Effect, Entities, EvalResult, Expression, Policy, Request, eval_expression};
use std::sync::Arc;

/// The most conditions of a slice that are looked at to explain one denial.
const CONDITIONS_MAX: usize = 512;

/// One condition of one policy.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// The `@id` of the policy.
    pub(crate) policy: String,
    /// Whether the policy permits or forbids.
    pub(crate) effect: Effect,
    /// The condition as written, in Cedar's own layout.
    pub(crate) text: String,
    /// Whether it is the policy's scope, not one of its conditions.
    pub(crate) scope: bool,
    unless: bool,
    expr: Expression,
}

impl Condition {
    /// The conditions of policies, in the order of their ids.
    pub(crate) fn of_all<'a>(policies: impl Iterator<Item = &'a Policy>) -> Vec<Self> {
        Self::in_order(policies).collect()
    }

    /// The conditions that are looked at to explain one denial: no more are ever taken apart for it.
    pub(crate) fn first_of<'a>(policies: impl Iterator<Item = &'a Policy>) -> Vec<Self> {
        Self::in_order(policies).take(CONDITIONS_MAX).collect()
    }

    fn in_order<'a>(policies: impl Iterator<Item = &'a Policy>) -> impl Iterator<Item = Self> {
        let mut policies: Vec<&Policy> = policies.collect();
        policies.sort_by_cached_key(|policy| policy.id().to_string());
        policies.into_iter().flat_map(Self::of)
    }

    /// The conditions of one policy: scope first, then each conjunct as written.
    pub(crate) fn of(policy: &Policy) -> Vec<Self> {
        let Ok(pst) = policy.to_pst() else { return Vec::new() };
        let body = pst.body();
        let mut texts: Vec<(String, bool, bool)> = Vec::new();
        for (variable, scope) in [
            ("principal", body.principal.to_string()),
            ("action", body.action.to_string()),
            ("resource", body.resource.to_string()),
        ] {
            if !scope.is_empty() {
                texts.push((format!("{variable} {scope}"), true, false));
            }
        }
        for clause in body.clauses() {
            match clause {
                Clause::When(condition) => {
                    let mut parts = Vec::new();
                    conjuncts(condition, &mut parts);
                    texts.extend(parts.into_iter().map(|part| (part.to_string(), false, false)));
                }
                Clause::Unless(condition) => texts.push((condition.to_string(), false, true)),
            }
        }
        let parsed = texts.into_iter().filter_map(|(text, scope, unless)| {
            let expr = text.parse().ok()?;
            Some(Self { policy: policy.id().to_string(), effect: policy.effect(), text, scope, unless, expr })
        });
        parsed.collect()
    }

    /// Whether it is met; `None` when it cannot be evaluated (an optional fact that is absent, say).
    pub(crate) fn is_met(&self, request: &Request, entities: &Entities) -> Option<bool> {
        self.outcome(request, entities).ok()
    }

    /// Whether it is met, or why it cannot be evaluated.
    fn outcome(&self, request: &Request, entities: &Entities) -> Result<bool, String> {
        match eval_expression(request, entities, &self.expr) {
            Ok(EvalResult::Bool(truth)) => Ok(truth != self.unless),
            Ok(other) => Err(format!("it is {other}, neither true nor false")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The condition as a person reads it.
    pub(crate) fn shown(&self) -> String {
        if self.unless { format!("unless {}", self.text) } else { self.text.clone() }
    }
}

fn conjuncts(expr: &Arc<Expr>, out: &mut Vec<Arc<Expr>>) {
    match expr.as_ref() {
        Expr::BinaryOp { op: BinaryOp::And, left, right } => {
            conjuncts(left, out);
            conjuncts(right, out);
        }
        _ => out.push(expr.clone()),
    }
}

/// How one policy stands to a question.
#[derive(Debug)]
pub(crate) struct Stand<'c> {
    /// The `@id` of the policy.
    pub(crate) policy: &'c str,
    /// Its conditions that are not met, in the order in which they are written.
    pub(crate) unmet: Vec<&'c Condition>,
}

/// The permit that came closest: the one with the fewest unmet conditions, the first of several.
pub(crate) fn nearest_permit<'c>(
    conditions: &'c [Condition],
    request: &Request,
    entities: &Entities,
) -> Option<Stand<'c>> {
    let permits = conditions.iter().take(CONDITIONS_MAX).filter(|condition| condition.effect == Effect::Permit);
    let mut stands: Vec<Stand<'_>> = Vec::new();
    for condition in permits {
        if stands.last().is_none_or(|stand| stand.policy != condition.policy) {
            stands.push(Stand { policy: &condition.policy, unmet: Vec::new() });
        }
        if condition.is_met(request, entities) != Some(true)
            && let Some(stand) = stands.last_mut()
        {
            stand.unmet.push(condition);
        }
    }
    stands.into_iter().min_by_key(|stand| stand.unmet.len())
}

/// The conditions that made a forbid apply, without its scope, as `id: condition`.
fn forbidden_by(conditions: &[Condition], policy: &str) -> String {
    let own = conditions.iter().filter(|condition| condition.policy == policy && !condition.scope);
    let clauses: Vec<String> = own.map(Condition::shown).collect();
    if clauses.is_empty() { format!("{policy}: always") } else { format!("{policy}: {}", clauses.join(" && ")) }
}

/// A denial in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denial {
    /// The first condition that stands in the way, as `id: condition`.
    pub(crate) failed: String,
    /// What a person can do.
    pub(crate) message: String,
    /// The `@reason` of the forbid, where one applies.
    pub(crate) reason: Option<String>,
}

impl PolicySet {
    /// A denial by the policies, in words: that of the first of the forbids, else of the permit that came
    /// closest. The one place where this is worded, for answers as well as for terminals. Who has the
    /// conditions of that forbid at hand gives them.
    pub(crate) fn denial(
        &self,
        (slice, of_forbid): (&Slice, Option<&[Condition]>),
        (request, entities): (&Request, &Entities),
        forbids: &[String],
    ) -> Denial {
        let forbid = forbids.first().and_then(|id| self.policy(id));
        debug_assert!(forbid.is_none_or(|info| !info.permits), "a denial is decided by forbids");
        let nearest = match forbids.first() {
            Some(_) => None,
            None => nearest_permit(slice.first_conditions(), request, entities).filter(|stand| !stand.unmet.is_empty()),
        };
        let failed = match (forbids.first(), &nearest) {
            (Some(id), _) => forbidden_by(of_forbid.unwrap_or_else(|| slice.conditions()), id),
            (None, Some(Stand { policy, unmet })) => {
                let first: String = unmet.iter().take(1).map(|condition| condition.shown()).collect();
                format!("{policy}: {first}")
            }
            (None, None) => "no policy permits this action on this content".to_owned(),
        };
        let advised = forbid.or_else(|| self.policy(nearest.as_ref()?.policy));
        let advice = advised.and_then(|info| info.advice.clone());
        let message = advice.unwrap_or_else(|| match forbid {
            Some(info) => format!("The policy `{}` forbids this: ask its owner.", info.id),
            None => "No policy permits this: ask the owner of the policies.".to_owned(),
        });
        Denial { failed, message, reason: forbid.and_then(|info| info.reason.clone()) }
    }
}
