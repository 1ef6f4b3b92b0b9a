//! Why a policy did not permit, or did forbid: its scope and each conjunct of its conditions as an
//! expression of its own, evaluated against the question. Only denials pay for it.

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
        match eval_expression(request, entities, &self.expr) {
            Ok(EvalResult::Bool(truth)) => Some(truth != self.unless),
            _ => None,
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

/// The first unmet condition of the permit that came closest (fewest unmet), as `id: condition`.
pub(crate) fn nearest_permit(conditions: &[Condition], request: &Request, entities: &Entities) -> Option<String> {
    let permits = conditions.iter().take(CONDITIONS_MAX).filter(|condition| condition.effect == Effect::Permit);
    let mut policies: Vec<(&str, Vec<&Condition>)> = Vec::new();
    for condition in permits {
        if policies.last().is_none_or(|(policy, _)| *policy != condition.policy) {
            policies.push((&condition.policy, Vec::new()));
        }
        if condition.is_met(request, entities) != Some(true)
            && let Some((_, unmet)) = policies.last_mut()
        {
            unmet.push(condition);
        }
    }
    let (policy, unmet) = policies.into_iter().min_by_key(|(_, unmet)| unmet.len())?;
    unmet.first().map(|condition| format!("{policy}: {}", condition.shown()))
}

/// The conditions that made a forbid apply, without its scope, as `id: condition`.
pub(crate) fn forbidden_by(conditions: &[Condition], policy: &str) -> String {
    let own = conditions.iter().filter(|condition| condition.policy == policy && !condition.scope);
    let clauses: Vec<String> = own.map(Condition::shown).collect();
    if clauses.is_empty() { format!("{policy}: always") } else { format!("{policy}: {}", clauses.join(" && ")) }
}
