//! Without a solver: questions near a good one are tried, in a world of two engineers, two tenants and a
//! few values for each attribute that the policies read. What is found is refuted for good; what is
//! not found is not proved.
//!
//! The order is by how many things differ from the good question, because a hole is seldom more
//! than a few mistakes away from what is meant.

mod content;
mod lifecycle;

use super::super::PolicySet;
use super::Verdict;
use super::claim::Claim;
use super::environment::Environment;
use super::realism::Literals;
use super::witness::Witness;
use cedar_policy::pst::{Clause, Expr};
use cedar_policy::{Entities, Policy, PolicySet as CedarSet, Request};
use std::collections::BTreeSet;

/// The most things that differ from the good question.
const CHANGES_MAX: usize = 3;

/// A small world of questions: each thing that may differ has a few choices, the first of them good.
trait World {
    /// How many choices each thing has.
    fn choices(&self) -> Vec<usize>;
    /// The question of a choice for each thing; `None` when it cannot be built.
    fn question(&mut self, chosen: &[usize]) -> Option<(Request, Entities)>;
}

/// Tries questions until one refutes the claim, there are no more, or `questions_max` are tried.
pub(super) fn decide(set: &PolicySet, at: &Environment, claim: &Claim<'_>, questions_max: usize) -> Verdict {
    let read = Read::by(&policies(claim));
    let mut content;
    let mut lifecycle;
    let world: &mut dyn World = if at.is_about_content(set) {
        content = content::Content::new(set, at, &read);
        &mut content
    } else {
        lifecycle = lifecycle::Lifecycle::new(set, at);
        &mut lifecycle
    };
    // Cedar evaluates every policy it is given, and most are about other kinds of questions.
    let here = |policies: &CedarSet| {
        let here = policies
            .policies()
            .filter(|policy| policy.get_valid_request_envs(&set.schema).any(|own| own == at.request));
        CedarSet::from_policies(here.cloned()).unwrap_or_else(|_| policies.clone())
    };
    let (one, other);
    let narrowed = match claim {
        Claim::Implies { lower, upper } => {
            (one, other) = (here(lower), here(upper));
            Claim::Implies { lower: &one, upper: &other }
        }
        Claim::Equivalent { one: first, other: second } => {
            (one, other) = (here(first), here(second));
            Claim::Equivalent { one: &one, other: &other }
        }
        Claim::AlwaysDenies(policies) => {
            one = here(policies);
            Claim::AlwaysDenies(&one)
        }
        other => *other,
    };
    let mut search = Search { set, at, claim: &narrowed, world, tried: 0, questions_max };
    let choices = search.world.choices();
    for changes in 0..=CHANGES_MAX.min(choices.len()) {
        let mut chosen = vec![0; choices.len()];
        if let Some(witness) = search.vary(&choices, &mut chosen, 0, changes) {
            return Verdict::Fails(Box::new(witness));
        }
    }
    Verdict::NotRefuted(search.tried)
}

struct Search<'a> {
    set: &'a PolicySet,
    at: &'a Environment,
    claim: &'a Claim<'a>,
    world: &'a mut dyn World,
    tried: usize,
    questions_max: usize,
}

impl Search<'_> {
    /// Changes exactly `changes` things from the `first` on.
    fn vary(&mut self, choices: &[usize], chosen: &mut [usize], first: usize, changes: usize) -> Option<Witness> {
        if changes == 0 {
            return self.try_one(chosen);
        }
        for (thing, count) in choices.iter().enumerate().skip(first) {
            for choice in 1..*count {
                if self.tried >= self.questions_max {
                    return None;
                }
                if let Some(place) = chosen.get_mut(thing) {
                    *place = choice;
                }
                if let Some(witness) = self.vary(choices, chosen, thing + 1, changes - 1) {
                    return Some(witness);
                }
            }
            if let Some(place) = chosen.get_mut(thing) {
                *place = 0;
            }
        }
        None
    }

    fn try_one(&mut self, chosen: &[usize]) -> Option<Witness> {
        let (request, entities) = self.world.question(chosen)?;
        self.tried += 1;
        if !self.claim.refuted_by(&request, &entities) {
            return None;
        }
        let refutes = |request: &Request, entities: &Entities| self.claim.refuted_by(request, entities);
        Witness::of(self.set, self.at, (&request, &entities), &refutes)
    }
}

fn policies<'a>(claim: &Claim<'a>) -> Vec<&'a Policy> {
    match *claim {
        Claim::Implies { lower, upper } => lower.policies().chain(upper.policies()).collect(),
        Claim::Equivalent { one, other } => one.policies().chain(other.policies()).collect(),
        Claim::AlwaysDenies(set) => set.policies().collect(),
        Claim::NeverErrors(policy) | Claim::NeverMatches(policy) | Claim::AlwaysMatches(policy) => vec![policy],
        Claim::MatchesImplies { narrow, wide } => vec![narrow, wide],
        Claim::MatchesEquivalent { one, other } => vec![one, other],
    }
}

/// What policies read: only that can make a difference.
#[derive(Debug)]
struct Read {
    attributes: BTreeSet<String>,
    teams: BTreeSet<String>,
    literals: Literals,
}

impl Read {
    fn by(policies: &[&Policy]) -> Self {
        let mut read = Self {
            attributes: BTreeSet::new(),
            teams: BTreeSet::new(),
            literals: Literals::of(policies.iter().copied()),
        };
        for policy in policies {
            let Ok(pst) = policy.to_pst() else { continue };
            for entity in policy.entity_literals() {
                if entity.type_name().basename() == "Team" {
                    read.teams.insert(entity.id().unescaped().to_owned());
                }
            }
            for clause in pst.body().clauses() {
                let (Clause::When(condition) | Clause::Unless(condition)) = clause;
                read.walk(condition);
            }
        }
        read
    }

    fn walk(&mut self, expr: &Expr) {
        match expr {
            Expr::GetAttr { expr, attr } => {
                self.attributes.insert(attr.to_string());
                self.walk(expr);
            }
            Expr::HasAttr { expr, attrs } => {
                self.attributes.extend(attrs.iter().map(ToString::to_string));
                self.walk(expr);
            }
            Expr::UnaryOp { expr, .. } | Expr::Like { expr, .. } => self.walk(expr),
            Expr::BinaryOp { left, right, .. } => [left, right].into_iter().for_each(|expr| self.walk(expr)),
            Expr::Is { expr, in_expr, .. } => {
                self.walk(expr);
                in_expr.iter().for_each(|expr| self.walk(expr));
            }
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                [cond, then_expr, else_expr].into_iter().for_each(|expr| self.walk(expr));
            }
            Expr::Set(elements) => elements.iter().for_each(|expr| self.walk(expr)),
            Expr::Record(fields) => fields.values().for_each(|expr| self.walk(expr)),
            _ => {}
        }
    }
}
