//! The whole explanation of one answer: what decided, and how every policy and condition stands to the
//! question, with the values that it reads. For people who ask; answers carry only the nearest.

use super::super::asked::Asked;
use super::super::judge::judge_watched;
use super::super::{Facts, Now, PolicySet};
use super::{Condition, nearest_permit};
use crate::domain::{Evaluation, Reason};
use cedar_policy::pst::{Clause, Expr};
use cedar_policy::{Decision, Effect, Entities, EvalResult, Expression, Policy, Request, eval_expression};
use serde::Serialize;
use std::collections::BTreeMap;

/// Why an answer is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The answer.
    pub allowed: bool,
    /// The reason; the policies by themselves have none.
    pub reason: Option<String>,
    /// What a person can do; empty for an allow.
    pub message: String,
    /// The condition that came nearest to an allow, or that forbade, as the answer says it.
    pub nearest: Option<String>,
    /// The policies that decided.
    pub deciding: Vec<String>,
    /// Whether the policies were asked; the guard refuses before them.
    pub policies_asked: bool,
    /// The policies that could matter: those that decided first, then the nearest, then by id.
    pub policies: Vec<PolicyStanding>,
}

/// How a policy stands to the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyStanding {
    /// Its `@id`.
    pub id: String,
    /// Whether it permits; else it forbids.
    pub permits: bool,
    /// Whether it applies.
    pub applies: bool,
    /// Whether it decided.
    pub decided: bool,
    /// Whether it is the permit that came closest.
    pub nearest: bool,
    /// Its scope and conditions, in the order in which they are written.
    pub conditions: Vec<Standing>,
}

/// How a condition stands to the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The condition.
    pub condition: String,
    /// Whether it is met.
    pub met: bool,
    /// Why it cannot be evaluated; absent when it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// What it reads, and what that is.
    pub reads: Vec<Read>,
}

/// A value that a condition reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Read {
    /// What is read, as `context.grant.engineer`.
    pub path: String,
    /// Its value; `absent`, and `present` for a record.
    pub value: String,
}

impl Explanation {
    /// Of a question that goes through guard and policies, as a sidecar puts it.
    pub fn of_question(set: &PolicySet, question: &Evaluation, facts: &Facts<'_>, now: Now) -> Self {
        let mut put: Vec<Asked> = Vec::new();
        let judged = judge_watched(set, question, facts, now, &mut |request, entities| {
            put.push(Asked { request: request.clone(), entities: entities.clone() });
        });
        let decision = judged.into_decision();
        // A denial by policies is that of the first Grant which they refuse; all else ends with the last.
        let refuses = |asked: &Asked| set.ask(asked).is_some_and(|said| said.decision() == Decision::Deny);
        let first = put.iter().position(refuses).filter(|_| decision.reason == Reason::PolicyDenied);
        let asked = first.map_or_else(|| put.last(), |first| put.get(first));
        let (deciding, nearest) = (decision.policies, decision.nearest.map(|nearest| nearest.failed));
        Self {
            allowed: decision.reason.allows(),
            reason: Some(decision.reason.as_str().to_owned()),
            message: decision.message,
            nearest,
            policies_asked: asked.is_some(),
            policies: asked.map(|asked| standings(set, asked, &deciding)).unwrap_or_default(),
            deciding,
        }
    }

    /// Of a question that is put to the policies by themselves.
    pub(crate) fn of_policies(set: &PolicySet, asked: &Asked) -> Self {
        let response = set.ask(asked);
        let diagnostics = response.as_ref().map(cedar_policy::Response::diagnostics);
        let fault = diagnostics.and_then(|said| said.errors().next().map(ToString::to_string));
        let mut deciding: Vec<String> =
            diagnostics.iter().flat_map(|said| said.reason().map(ToString::to_string)).collect();
        deciding.sort_unstable();
        let allowed = fault.is_none() && response.is_some_and(|response| response.decision() == Decision::Allow);
        let denial = match set.slice_of(&asked.request) {
            Some(slice) if !allowed => Some(set.denial((slice, None), (&asked.request, &asked.entities), &deciding)),
            _ => None,
        };
        let (message, nearest) = denial.map(|denial| (denial.message, denial.failed)).unzip();
        Self {
            allowed,
            reason: None,
            message: message.unwrap_or_default(),
            nearest: fault.or(nearest),
            policies_asked: true,
            policies: standings(set, asked, &deciding),
            deciding,
        }
    }
}

fn standings(set: &PolicySet, asked: &Asked, deciding: &[String]) -> Vec<PolicyStanding> {
    let Some(slice) = set.slice_of(&asked.request) else { return Vec::new() };
    let (request, entities) = (&asked.request, &asked.entities);
    // With a forbid in the way no permit is near.
    let nearest = match deciding {
        [] => nearest_permit(slice.first_conditions(), request, entities).map(|stand| stand.policy.to_owned()),
        _ => None,
    };
    let mut policies: BTreeMap<String, PolicyStanding> = BTreeMap::new();
    for policy in slice.policies.policies() {
        let id = policy.id().to_string();
        let standing = PolicyStanding {
            permits: policy.effect() == Effect::Permit,
            applies: true,
            decided: deciding.contains(&id),
            nearest: nearest.as_ref() == Some(&id),
            conditions: Vec::new(),
            id: id.clone(),
        };
        policies.insert(id, standing);
    }
    for condition in slice.conditions() {
        let Some(policy) = policies.get_mut(&condition.policy) else { continue };
        let standing = standing(condition, request, entities);
        policy.applies &= standing.met;
        policy.conditions.push(standing);
    }
    let mut policies: Vec<PolicyStanding> = policies.into_values().collect();
    policies.sort_by_key(|policy| (!policy.decided, !policy.nearest));
    policies
}

fn standing(condition: &Condition, request: &Request, entities: &Entities) -> Standing {
    let outcome = condition.outcome(request, entities);
    let reads = reads_of(condition).into_iter().map(|path| {
        let value = path.parse::<Expression>().ok().and_then(|expr| eval_expression(request, entities, &expr).ok());
        let value = match value {
            Some(value) => shown(&value),
            None => "absent".to_owned(),
        };
        Read { path, value }
    });
    Standing { condition: condition.shown(), met: outcome == Ok(true), reads: reads.collect(), fault: outcome.err() }
}

/// Sets in one order, so that the same question is explained in the same words.
fn shown(value: &EvalResult) -> String {
    match value {
        EvalResult::Set(set) => {
            let mut all: Vec<String> = set.iter().map(shown).collect();
            all.sort_unstable();
            format!("[{}]", all.join(", "))
        }
        // Records are asked for and looked into; what is read of them stands in a line of its own.
        EvalResult::Record(_) => "present".to_owned(),
        other => other.to_string(),
    }
}

/// What a condition reads: variables and what is reached from them, the longest paths only.
fn reads_of(condition: &Condition) -> Vec<String> {
    let policy = Policy::parse(None, format!("permit (principal, action, resource) when {{ {} }};", condition.text));
    let Some(pst) = policy.ok().and_then(|policy| policy.to_pst().ok()) else { return Vec::new() };
    let mut paths = Vec::new();
    for clause in pst.body().clauses() {
        let (Clause::When(expr) | Clause::Unless(expr)) = clause;
        collect(expr, &mut paths);
    }
    let mut seen = std::collections::BTreeSet::new();
    paths.retain(|path| seen.insert(path.clone()));
    paths
}

fn collect(expr: &Expr, paths: &mut Vec<String>) {
    match expr {
        Expr::Literal(_) | Expr::Slot(_) => {}
        Expr::Var(_) => paths.push(expr.to_string()),
        Expr::GetAttr { expr: inner, .. } if is_path(inner) => paths.push(expr.to_string()),
        Expr::HasAttr { expr: inner, attrs } if is_path(inner) => {
            let attrs: Vec<&str> = attrs.iter().map(AsRef::as_ref).collect();
            paths.push(format!("{inner}.{}", attrs.join(".")));
        }
        Expr::UnaryOp { expr, .. }
        | Expr::GetAttr { expr, .. }
        | Expr::HasAttr { expr, .. }
        | Expr::Like { expr, .. } => collect(expr, paths),
        Expr::BinaryOp { left, right, .. } => [left, right].into_iter().for_each(|expr| collect(expr, paths)),
        Expr::Is { expr, in_expr, .. } => {
            [Some(expr), in_expr.as_ref()].into_iter().flatten().for_each(|expr| collect(expr, paths))
        }
        Expr::IfThenElse { cond, then_expr, else_expr } => {
            [cond, then_expr, else_expr].into_iter().for_each(|expr| collect(expr, paths));
        }
        Expr::Set(elements) => elements.iter().for_each(|expr| collect(expr, paths)),
        Expr::Record(fields) => fields.values().for_each(|expr| collect(expr, paths)),
        // Forms that no policy text has.
        _ => {}
    }
}

fn is_path(expr: &Expr) -> bool {
    match expr {
        Expr::Var(_) => true,
        Expr::GetAttr { expr, .. } => is_path(expr),
        _ => false,
    }
}
