//! Lints that only a solver can decide: policies that err, that match nothing, that decide nothing. Each says
//! something about *all* questions, so without a proof nothing is said.
//!
//! Invariant: what the solver leaves open is listed as undecided, and never as a finding.

use super::super::finding::Finding;
use super::super::load::PolicySet;
use super::super::symbolic::{Claim, Environment, Prover, Verdict};
use super::lints::Places;
use cedar_policy::pst::{self, BinaryOp, Clause, Expr};
use cedar_policy::{Effect, Policy};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The codes of these lints, for saying what did not run.
pub(super) const CODES: [&str; 9] = [
    "forbid-errs",
    "permit-errs",
    "never-matches",
    "always-matches",
    "condition-dead",
    "policy-shadowed",
    "permit-dead",
    "policy-redundant",
    "action-never-allowed",
];
/// The most pairs of policies that are compared: two hundred policies on the same questions.
const PAIRS_MAX: usize = 40_000;

/// What was found, and what stayed open.
#[derive(Default)]
pub(super) struct Proved {
    pub(super) findings: Vec<Finding>,
    pub(super) undecided: Vec<String>,
}

struct Subject<'a> {
    id: String,
    policy: &'a Policy,
    environments: Vec<Environment>,
}

impl Subject<'_> {
    fn word(&self) -> &'static str {
        if self.policy.effect() == Effect::Permit { "permit" } else { "forbid" }
    }
}

struct Proofs<'a> {
    set: &'a PolicySet,
    places: &'a Places<'a>,
    prover: &'a mut Prover,
    told: &'a mut dyn FnMut(&str),
    proved: Proved,
    /// Policies about which enough has been said.
    settled: BTreeSet<String>,
}

/// Runs them; `told` hears which policy is looked at.
pub(super) fn look(set: &PolicySet, places: &Places<'_>, prover: &mut Prover, told: &mut dyn FnMut(&str)) -> Proved {
    let mut subjects: Vec<Subject<'_>> = set
        .cedar()
        .policies()
        .map(|policy| Subject {
            id: policy.id().to_string(),
            environments: Environment::of(policy, &set.schema),
            policy,
        })
        .collect();
    subjects.sort_by(|a, b| a.id.cmp(&b.id));
    let mut proofs = Proofs { set, places, prover, told, proved: Proved::default(), settled: BTreeSet::new() };
    for subject in &subjects {
        (proofs.told)(&subject.id);
        proofs.alone(subject);
    }
    proofs.pairs(&subjects);
    for subject in &subjects {
        (proofs.told)(&subject.id);
        proofs.redundant(subject);
    }
    proofs.never_allowed();
    proofs.proved
}

impl Proofs<'_> {
    fn warn(&mut self, code: &'static str, subject: &Subject<'_>, message: String, help: &str) {
        self.proved.findings.extend(self.places.warning(code, &subject.id, message, help));
    }

    /// Whether a claim is proved in all these environments; what is not known is noted and counts as no.
    fn all(&mut self, what: &str, environments: &[Environment], claim: &Claim<'_>) -> bool {
        for at in environments {
            match self.prover.holds(self.set, at, claim) {
                Some(true) => {}
                Some(false) => return false,
                None => {
                    self.proved.undecided.push(format!("{what} ({at})"));
                    return false;
                }
            }
        }
        !environments.is_empty()
    }

    fn alone(&mut self, subject: &Subject<'_>) {
        let (id, policy) = (&subject.id, subject.policy);
        for at in &subject.environments {
            match self.prover.decide(self.set, at, &Claim::NeverErrors(policy)) {
                Verdict::Fails(witness) => {
                    let message = format!("`{id}` cannot be evaluated for this question: {}", on_one_line(&witness));
                    let help = "rewrite the condition that errs: every error denies the question to everybody";
                    match policy.effect() {
                        Effect::Forbid => self.warn("forbid-errs", subject, message, help),
                        Effect::Permit => self.warn("permit-errs", subject, message, help),
                    }
                    break;
                }
                Verdict::Unknown(why) => self.proved.undecided.push(format!("whether `{id}` can err ({at}): {why}")),
                Verdict::Holds(_) | Verdict::NotRefuted(_) => {}
            }
        }
        if self.all(&format!("whether `{id}` matches anything"), &subject.environments, &Claim::NeverMatches(policy)) {
            let message = format!("`{id}` matches no question at all");
            self.warn("never-matches", subject, message, "its conditions exclude each other: correct or delete it");
            self.settled.insert(id.clone());
            return;
        }
        let Some(parts) = Parts::of(policy) else { return };
        if let Some(bare) = parts.without_conditions()
            && self.all(
                &format!("whether the conditions of `{id}` restrict it"),
                &subject.environments,
                &Claim::MatchesImplies { narrow: &bare, wide: policy },
            )
        {
            let message = format!("the conditions of `{id}` are always met: only its scope decides");
            self.warn("always-matches", subject, message, "delete the conditions, or correct them");
            return;
        }
        for (number, condition) in parts.conjuncts.iter().enumerate().filter(|_| parts.conjuncts.len() > 1) {
            let Some(wider) = parts.without(number) else { continue };
            // Without a `has` the rest is no valid policy, and nothing can be said.
            let wide = Claim::MatchesImplies { narrow: &wider, wide: policy };
            let dead = subject.environments.iter().all(|at| self.prover.holds(self.set, at, &wide) == Some(true));
            if dead && !subject.environments.is_empty() {
                let message = format!("`{id}` would match the same without `{}`", shown(condition));
                self.warn("condition-dead", subject, message, "delete the condition, or correct it");
            }
        }
    }

    fn pairs(&mut self, subjects: &[Subject<'_>]) {
        let mut compared = 0;
        for narrow in subjects {
            for wide in subjects.iter().filter(|wide| wide.id != narrow.id) {
                let same = narrow.policy.effect() == wide.policy.effect();
                let dead = narrow.policy.effect() == Effect::Permit && !same;
                let over = narrow.environments.iter().all(|at| wide.environments.contains(at));
                if !(same || dead) || !over || [narrow, wide].iter().any(|one| self.settled.contains(&one.id)) {
                    continue;
                }
                compared += 1;
                if compared > PAIRS_MAX {
                    self.proved.undecided.push(format!("more than {PAIRS_MAX} pairs of policies"));
                    return;
                }
                (self.told)(&narrow.id);
                let claim = Claim::MatchesImplies { narrow: narrow.policy, wide: wide.policy };
                let what = format!("whether `{}` covers `{}`", wide.id, narrow.id);
                if !self.all(&what, &narrow.environments, &claim) {
                    continue;
                }
                let (id, other, word) = (&narrow.id, &wide.id, wide.word());
                if dead {
                    let message = format!("`{id}` permits nothing: wherever it applies, the forbid `{other}` does too");
                    self.warn("permit-dead", narrow, message, "delete it, or correct one of the two");
                } else {
                    let message = format!("`{id}` decides nothing: wherever it applies, the {word} `{other}` does too");
                    self.warn("policy-shadowed", narrow, message, "delete it, or make it say something else");
                }
                self.settled.insert(narrow.id.clone());
            }
        }
    }

    fn redundant(&mut self, subject: &Subject<'_>) {
        if self.settled.contains(&subject.id) {
            return;
        }
        let whole = self.set.cedar();
        let mut rest = whole.clone();
        if rest.remove_static(subject.policy.id().clone()).is_err() {
            return;
        }
        let what = format!("whether `{}` changes any decision", subject.id);
        if self.all(&what, &subject.environments, &Claim::Equivalent { one: whole, other: &rest }) {
            let message = format!("`{}` could be deleted without changing any decision", subject.id);
            self.warn("policy-redundant", subject, message, "delete it, or correct it");
        }
    }

    fn never_allowed(&mut self) {
        let mut by_action: BTreeMap<String, Vec<Environment>> = BTreeMap::new();
        for at in Environment::all(&self.set.schema) {
            by_action.entry(at.action().to_owned()).or_default().push(at);
        }
        for (action, environments) in by_action {
            let what = format!("whether `{action}` is ever allowed");
            if self.all(&what, &environments, &Claim::AlwaysDenies(self.set.cedar())) {
                let message = format!("no policy ever allows `{action}`");
                let help = "permit it, or take the action out of the schema";
                self.proved.findings.push(self.places.in_schema("action-never-allowed", &action, message, help));
            }
        }
    }
}

/// A policy taken apart at its conjuncts.
struct Parts {
    body: pst::Template,
    conjuncts: Vec<Clause>,
}

impl Parts {
    fn of(policy: &Policy) -> Option<Self> {
        let pst = policy.to_pst().ok()?;
        let body = pst.body().clone();
        let mut conjuncts = Vec::new();
        for clause in body.clauses() {
            match clause {
                Clause::When(condition) => apart(condition, &mut conjuncts),
                Clause::Unless(_) => conjuncts.push(clause.clone()),
            }
        }
        (!conjuncts.is_empty()).then_some(Self { body, conjuncts })
    }

    fn with(&self, clauses: Vec<Clause>) -> Option<Policy> {
        let body = self.body.clone().try_with_clauses(clauses).ok()?;
        Policy::from_pst(pst::Policy::Static(body.try_into().ok()?)).ok()
    }

    fn without_conditions(&self) -> Option<Policy> {
        self.with(Vec::new())
    }

    fn without(&self, number: usize) -> Option<Policy> {
        let rest = self.conjuncts.iter().enumerate().filter(|(at, _)| *at != number);
        self.with(rest.map(|(_, clause)| clause.clone()).collect())
    }
}

fn apart(expr: &Arc<Expr>, out: &mut Vec<Clause>) {
    match expr.as_ref() {
        Expr::BinaryOp { op: BinaryOp::And, left, right } => {
            apart(left, out);
            apart(right, out);
        }
        _ => out.push(Clause::When(Arc::clone(expr))),
    }
}

fn shown(clause: &Clause) -> String {
    match clause {
        Clause::When(condition) => condition.to_string(),
        Clause::Unless(condition) => format!("unless {condition}"),
    }
}

fn on_one_line(witness: &super::super::symbolic::Witness) -> String {
    witness.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
