//! What happened to each policy: added, removed, renamed, moved, its annotations or its meaning changed;
//! for the last, whether it matches more, less, both or the same.

use super::super::PolicySet;
use super::super::symbolic::{Claim, Environment, Prover};
use cedar_policy::{Effect, Policy, pst};
use core::fmt;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What happened to one policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyChange {
    /// Its `@id`; the new one where it was renamed.
    pub id: String,
    /// Whether it permits; else it forbids.
    pub permits: bool,
    /// What happened.
    pub what: What,
}

/// What can happen to a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum What {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says the same under another id.
    Renamed {
        /// The old id.
        from: String,
    },
    /// It lies in another file, and is the same.
    Moved {
        /// The old file's name.
        from: String,
        /// The new file's name.
        to: String,
    },
    /// Only its annotations differ: answers differ in what they say, not in what they decide.
    Annotations,
    /// A permit became a forbid, or the other way round.
    Effect,
    /// Its scope or conditions were written anew.
    Rewritten {
        /// What it matches now, compared with before.
        matches: Relation,
    },
}

/// What a policy matches, compared with before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// The same questions.
    Same,
    /// More.
    More,
    /// Fewer.
    Less,
    /// Some more, and some no longer.
    Both,
    /// It could not be said without a solver, or at all.
    Unknown,
}

impl fmt::Display for PolicyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.permits { "permit" } else { "forbid" };
        write!(f, "{word} `{}` ", self.id)?;
        match &self.what {
            What::Added => f.write_str("is new"),
            What::Removed => f.write_str("is gone"),
            What::Renamed { from } => write!(f, "was called `{from}`"),
            What::Moved { from, to } => write!(f, "was moved from {from} to {to}"),
            What::Annotations => f.write_str("has other annotations"),
            What::Effect => f.write_str("was of the other effect"),
            What::Rewritten { matches } => f.write_str(match matches {
                Relation::Same => "was rewritten and matches the same",
                Relation::More => "matches more",
                Relation::Less => "matches less",
                Relation::Both => "matches more, and no longer all that it did",
                Relation::Unknown => "was rewritten; what it matches could not be compared",
            }),
        }
    }
}

/// The policies of both sets by id.
pub(super) struct Pairs<'a> {
    old: BTreeMap<String, &'a Policy>,
    new: BTreeMap<String, &'a Policy>,
    /// Where a policy that differs can apply.
    touched: Vec<Environment>,
}

impl<'a> Pairs<'a> {
    pub(super) fn of(old: &'a PolicySet, new: &'a PolicySet) -> Self {
        let by_id = |set: &'a PolicySet| -> BTreeMap<String, &'a Policy> {
            set.cedar().policies().map(|policy| (policy.id().to_string(), policy)).collect()
        };
        let (by_old, by_new) = (by_id(old), by_id(new));
        let same =
            |id: &str| matches!((by_old.get(id), by_new.get(id)), (Some(old), Some(new)) if says_the_same(old, new));
        let ids: BTreeSet<&String> = by_old.keys().chain(by_new.keys()).collect();
        let mut touched = Vec::new();
        for id in ids.into_iter().filter(|id| !same(id)) {
            for (set, policies) in [(old, &by_old), (new, &by_new)] {
                touched.extend(policies.get(id).into_iter().flat_map(|policy| Environment::of(policy, &set.schema)));
            }
        }
        Self { old: by_old, new: by_new, touched }
    }

    /// Whether a policy that differs can apply to this kind of question.
    pub(super) fn touch(&self, at: &Environment) -> bool {
        self.touched.contains(at)
    }

    /// What happened to each, by id.
    pub(super) fn changes(
        &self,
        old: &PolicySet,
        new: &PolicySet,
        prover: &mut Prover,
        told: &mut dyn FnMut(&str),
    ) -> Vec<PolicyChange> {
        let mut changes = Vec::new();
        let mut renamed = BTreeSet::new();
        for (id, policy) in &self.new {
            let change = |what| PolicyChange { id: id.clone(), permits: policy.effect() == Effect::Permit, what };
            let Some(before) = self.old.get(id) else {
                let gone = self.old.iter().filter(|(other, _)| !self.new.contains_key(*other));
                let same = gone.filter(|(_, other)| says_the_same(other, policy));
                let from = same.map(|(other, _)| other).find(|other| !renamed.contains(*other));
                renamed.extend(from.cloned());
                changes.push(change(from.map_or(What::Added, |from| What::Renamed { from: from.clone() })));
                continue;
            };
            if before.effect() != policy.effect() {
                changes.push(change(What::Effect));
            } else if !says_the_same(before, policy) {
                told(id);
                let matches = relation(old, new, (before, policy), prover);
                changes.push(change(What::Rewritten { matches }));
            } else if before.annotations().collect::<BTreeSet<_>>() != policy.annotations().collect() {
                changes.push(change(What::Annotations));
            } else {
                let file = |set: &PolicySet| {
                    let file = set.policy(id).map(|info| info.file.clone()).unwrap_or_default();
                    file.rsplit('/').next().unwrap_or_default().to_owned()
                };
                let (from, to) = (file(old), file(new));
                changes.extend((from != to).then(|| change(What::Moved { from, to })));
            }
        }
        for (id, policy) in self.old.iter().filter(|(id, _)| !self.new.contains_key(*id) && !renamed.contains(*id)) {
            let permits = policy.effect() == Effect::Permit;
            changes.push(PolicyChange { id: id.clone(), permits, what: What::Removed });
        }
        changes.sort_by(|a, b| a.id.cmp(&b.id));
        changes
    }
}

/// Where one of them can apply, both are compared; where only one can, the other matches nothing.
fn relation(old: &PolicySet, new: &PolicySet, (before, after): (&Policy, &Policy), prover: &mut Prover) -> Relation {
    if !prover.proves() {
        // Only a proof can say that something matches no more than before.
        return Relation::Unknown;
    }
    let (was, is) = (Environment::of(before, &old.schema), Environment::of(after, &new.schema));
    let mut proved = |environments: &[Environment], others: &[Environment], narrow: &Policy, wide: &Policy| {
        let mut known = Some(true);
        for at in environments {
            let claim =
                if others.contains(at) { Claim::MatchesImplies { narrow, wide } } else { Claim::NeverMatches(narrow) };
            match prover.holds(new, at, &claim) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => known = None,
            }
        }
        known
    };
    match (proved(&is, &was, after, before), proved(&was, &is, before, after)) {
        (Some(true), Some(true)) => Relation::Same,
        (Some(false), Some(true)) => Relation::More,
        (Some(true), Some(false)) => Relation::Less,
        (Some(false), Some(false)) => Relation::Both,
        _ => Relation::Unknown,
    }
}

/// Whether two policies are written alike, apart from their ids and annotations.
fn says_the_same(one: &Policy, other: &Policy) -> bool {
    matches!((Body::of(one), Body::of(other)), (Some(one), Some(other)) if one == other)
}

/// What a policy says, without its id and annotations.
#[derive(PartialEq)]
struct Body {
    effect: Effect,
    principal: pst::PrincipalConstraint,
    action: pst::ActionConstraint,
    resource: pst::ResourceConstraint,
    clauses: Vec<pst::Clause>,
}

impl Body {
    fn of(policy: &Policy) -> Option<Self> {
        let pst = policy.to_pst().ok()?;
        let body = pst.body();
        Some(Self {
            effect: policy.effect(),
            principal: body.principal.clone(),
            action: body.action.clone(),
            resource: body.resource.clone(),
            clauses: body.clauses().clone(),
        })
    }
}
