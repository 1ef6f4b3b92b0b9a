//! The index of one slice: the policies that every question must be put to, and drawers of those that
//! only questions about one tenant, workload, engineer, team or content can meet (see `demand`).
//!
//! A question is put to the general policies and to each of its own drawers, one after the other, and
//! the answers are put together by Cedar's rule: a forbid that applies denies, else a permit that applies allows.
//! So no set is put together for a question, and nothing grows with the questions asked.
//!
//! Invariant: every policy of the slice is general, or in a drawer for each alternative of one demand.

use super::demand::{Demand, Key, Place};
use super::{Filed, Slice};
use crate::domain::Evaluation;
use crate::policy::PolicySet;
use crate::policy::explain::Condition;
use crate::policy::facts::{Parts, uid};
use crate::policy::time_use::TimeUse;
use cedar_policy::{Authorizer, Decision, Entities, EntityUid, Policy, PolicySetError, Request};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

/// The index of a slice.
#[derive(Debug)]
pub(super) struct Index {
    general: Group,
    /// By part of the question, in the order of [`Place::ALL`].
    drawers: [HashMap<EntityUid, Drawer>; 4],
}

/// Policies that are asked together.
#[derive(Debug)]
struct Group {
    policies: cedar_policy::PolicySet,
    time: TimeUse,
    conditions: OnceLock<Vec<Condition>>,
}

/// The policies of one key; made into a set when first asked, for most keys are hardly ever asked.
#[derive(Debug, Default)]
struct Drawer {
    filed: Vec<Arc<Filed>>,
    group: OnceLock<Option<Group>>,
}

impl Group {
    fn of(filed: &[Arc<Filed>]) -> Result<Self, Box<PolicySetError>> {
        let policies: Vec<Policy> = filed.iter().map(|filed| filed.policy.clone()).collect();
        Ok(Self {
            policies: cedar_policy::PolicySet::from_policies(policies)?,
            time: TimeUse::together(filed.iter().map(|filed| &filed.time)),
            conditions: OnceLock::new(),
        })
    }

    fn conditions(&self) -> &[Condition] {
        self.conditions.get_or_init(|| Condition::of_all(self.policies.policies()))
    }
}

impl Index {
    /// Files policies, each under the demand that the fewest others share.
    pub(super) fn of(all: &[Arc<Filed>]) -> Result<Self, Box<PolicySetError>> {
        let mut shared: HashMap<&Key, usize> = HashMap::new();
        for key in all.iter().flat_map(|filed| &filed.demands).flatten() {
            *shared.entry(key).or_default() += 1;
        }
        let crowd = |demand: &&Demand| demand.iter().filter_map(|key| shared.get(key)).sum::<usize>();
        let mut general = Vec::new();
        let mut drawers: [HashMap<EntityUid, Drawer>; 4] = Default::default();
        for filed in all {
            let Some(demand) = filed.demands.iter().min_by_key(crowd) else {
                general.push(Arc::clone(filed));
                continue;
            };
            let mut seen = HashSet::new();
            for key in demand.iter().filter(|key| seen.insert(*key)) {
                for (place, drawers) in Place::ALL.iter().zip(&mut drawers) {
                    if *place == key.place {
                        drawers.entry(key.uid.clone()).or_default().filed.push(Arc::clone(filed));
                    }
                }
            }
        }
        Ok(Self { general: Group::of(&general)?, drawers })
    }

    /// An index that leaves nothing out.
    #[cfg(test)]
    pub(super) fn none(slice: &Slice) -> Self {
        let all: Vec<Arc<Filed>> = slice
            .policies
            .policies()
            .map(|policy| Arc::new(Filed { demands: Vec::new(), ..Filed::of(policy) }))
            .collect();
        Self { general: Group::of(&all).unwrap(), drawers: Default::default() }
    }
}

/// The policies that a question is put to.
#[derive(Debug)]
pub(crate) struct Chosen<'a> {
    slice: &'a Slice,
    /// None: something could not be made ready, so the whole slice is asked.
    groups: Option<(&'a Group, Vec<&'a Group>)>,
}

/// What policies say together.
#[derive(Debug)]
pub(crate) struct Said {
    /// Whether some permit applies and no forbid does.
    pub(crate) allows: bool,
    /// The policies that decided, in order: the permits of an allow, the forbids of a denial.
    pub(crate) policies: Vec<String>,
    /// The first policy's error in the order of their texts, if any could not be evaluated.
    pub(crate) error: Option<String>,
}

impl Slice {
    /// The policies for a question about these entities, under Grants of its own engineer, tenant
    /// and workload.
    pub(crate) fn asked(&self, set: &PolicySet, question: &Evaluation, parts: &Parts) -> Chosen<'_> {
        let mut own: Option<Vec<&Group>> = Some(Vec::new());
        for (place, drawers) in Place::ALL.iter().zip(&self.index.drawers) {
            if drawers.is_empty() {
                continue;
            }
            let uid = match place {
                Place::Principal => Cow::Borrowed(&parts.principal),
                Place::Resource => Cow::Borrowed(&parts.resource),
                Place::Tenant => Cow::Owned(uid(&set.names.tenant, question.tenant.as_str())),
                Place::Workload => Cow::Owned(uid(&set.names.workload, question.workload.as_str())),
            };
            // The entity itself, and what `in` would find above it: the same store is asked.
            let above = parts.entities.ancestors(&uid).into_iter().flatten();
            for drawer in drawers.get(&*uid).into_iter().chain(above.filter_map(|uid| drawers.get(uid))) {
                let group = drawer.group.get_or_init(|| Group::of(&drawer.filed).ok());
                match (&mut own, group) {
                    (Some(own), Some(group)) => own.push(group),
                    _ => own = None,
                }
            }
        }
        Chosen { slice: self, groups: own.map(|own| (&self.index.general, own)) }
    }
}

impl<'a> Chosen<'a> {
    /// How many policies are asked.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let (general, own) = self.groups.as_ref().unwrap();
        own.iter().chain([general]).map(|group| group.policies.num_of_policies()).sum()
    }

    /// How the policies asked read the time.
    pub(crate) fn time(&self) -> Cow<'a, TimeUse> {
        match &self.groups {
            None => Cow::Borrowed(&self.slice.time),
            Some((general, own)) if own.is_empty() => Cow::Borrowed(&general.time),
            Some((general, own)) => {
                let all = own.iter().chain([general]).map(|group| &group.time);
                Cow::Owned(TimeUse::together(all))
            }
        }
    }

    /// Asks them.
    pub(crate) fn answer(&self, authorizer: &Authorizer, request: &Request, entities: &Entities) -> Said {
        let Some((general, own)) = &self.groups else {
            return Said::together(authorizer, request, entities, [&self.slice.policies].into_iter());
        };
        let sets = [general].into_iter().chain(own).map(|group| &group.policies);
        Said::together(authorizer, request, entities, sets.filter(|set| !set.is_empty()))
    }

    /// The conditions of one of the policies that were asked, perhaps beside others'.
    pub(crate) fn conditions_with(&self, policy: &str) -> &'a [Condition] {
        let has = |group: &&&Group| group.policies.policy(&cedar_policy::PolicyId::new(policy)).is_some();
        match &self.groups {
            Some((general, own)) => match own.iter().chain([general]).find(has) {
                Some(group) => group.conditions(),
                None => &[],
            },
            None => self.slice.conditions(),
        }
    }
}

impl Said {
    fn together<'s>(
        authorizer: &Authorizer,
        request: &Request,
        entities: &Entities,
        sets: impl Iterator<Item = &'s cedar_policy::PolicySet>,
    ) -> Self {
        let (mut permits, mut forbids, mut error) = (Vec::new(), Vec::new(), None::<String>);
        for set in sets {
            let response = authorizer.is_authorized(request, set, entities);
            let decided = response.diagnostics().reason().map(ToString::to_string);
            match response.decision() {
                Decision::Allow => permits.extend(decided),
                Decision::Deny => forbids.extend(decided),
            }
            let errors = response.diagnostics().errors().map(ToString::to_string);
            error = errors.chain(error).min();
        }
        let allows = forbids.is_empty() && !permits.is_empty();
        let mut policies = if forbids.is_empty() { permits } else { forbids };
        // A policy with alternatives can be in two drawers of one question.
        policies.sort_unstable();
        policies.dedup();
        Self { allows, policies, error }
    }
}
