//! The canary: questions with a known answer, put to every set before it is used. A set that lets
//! the canary through has lost its guardrails, or Cedar's view of the actions, and is refused.

use super::PolicySet;
use super::facts::uid;
use crate::domain::{
    Access, AccessRequestId, ActionName, Approval, Attributes, ContentScope, Engineer, Evaluation, GrantId, PersonId,
    Scope, ServiceRequest, StateName, TenantFacts, TenantId, Timestamp, Window, WorkloadName, in_full,
};
use cedar_policy::{Decision, Entities, Request};
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Why a set is refused, and what to do.
pub(crate) struct Silent(pub(crate) String, pub(crate) &'static str);

/// Puts the canary's questions.
pub(crate) fn sing(set: &PolicySet) -> Result<(), Silent> {
    for action in set.actions() {
        let slice = set.content_slice(action).ok_or_else(|| {
            Silent(format!("`{action}` is not an action on content"), "declare that it applies to Engineer and Content")
        })?;
        groups_are_known(slice, action)?;
        let (question, access, engineer, tenant) = Bird::new(set, action)
            .ok_or_else(|| {
                Silent(
                    format!("no question about `{action}` can be asked"),
                    "give it and the workloads names of lower-case letters, digits and `-`",
                )
            })?
            .parts();
        let unfit = |why: String| {
            Silent(
                format!("a question about `{action}` does not fit the schema: {why}"),
                "declare what Lockbox fills as the shipped schema does",
            )
        };
        let parts = set.parts(&question, &engineer, &tenant, &slice.base).map_err(|why| unfit(why.to_string()))?;
        let now = access.window.map_or(Timestamp::from_ms(0), |window| window.starts_at);
        let (context, _) = set.context(&question, Some(&access), now).map_err(|why| unfit(why.to_string()))?;
        // Once, with the schema looking on: what typed code builds is what the schema declares.
        Entities::from_entities(parts.entities.clone(), Some(&set.schema)).map_err(|why| unfit(in_full(&why)))?;
        let request = Request::new(parts.principal, slice.action.clone(), parts.resource, context, Some(&set.schema))
            .map_err(|why| unfit(in_full(&why)))?;
        let response = set.authorizer.is_authorized(&request, &slice.policies, &parts.entities);
        let forbidden = response.diagnostics().reason().next().is_some();
        if response.decision() == Decision::Allow || !forbidden {
            return Err(Silent(
                format!("no guardrail stops a suspended engineer from `{action}`"),
                "put the forbid of `guardrails.cedar` back that stops suspended engineers",
            ));
        }
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(Silent(
                format!("a policy errors on a plain question: {error}"),
                "ask for optional facts with `has` before reading them",
            ));
        }
    }
    Ok(())
}

/// A forbid on the group must be seen through every action of it, else it would vanish silently.
fn groups_are_known(slice: &super::Slice, action: &str) -> Result<(), Silent> {
    let group = uid_of_group(slice);
    if slice.base.is_ancestor_of(&group, &slice.action) {
        Ok(())
    } else {
        Err(Silent(
            format!("`{action}` is not seen to be in the group `content_access`"),
            "declare it `in [content_access]`",
        ))
    }
}

fn uid_of_group(slice: &super::Slice) -> cedar_policy::EntityUid {
    uid(slice.action.type_name(), "content_access")
}

/// A suspended engineer with a perfect Grant.
struct Bird {
    question: Evaluation,
    access: Arc<Access>,
    engineer: Engineer,
    tenant: TenantFacts,
}

impl Bird {
    fn new(set: &PolicySet, action: &str) -> Option<Self> {
        let engineer = PersonId::parse("canary").ok()?;
        let tenant = TenantId::parse("canary").ok()?;
        let workload = WorkloadName::parse(set.workloads().next()?).ok()?;
        let action = ActionName::parse(action).ok()?;
        let starts_at = Timestamp::from_ms(0);
        let access = Access {
            id: AccessRequestId::new(AccessRequestId::FIRST),
            engineer: engineer.clone(),
            tenant: tenant.clone(),
            workload: workload.clone(),
            service_request: ServiceRequest::parse("SR-0").ok()?,
            state: StateName::Active,
            scope: Scope { actions: BTreeSet::from([action.clone()]), content: ContentScope::Workload },
            approval: Some(Approval::Customer),
            grant: Some(GrantId::parse("00000000-0000-0000-0000-000000000000").ok()?),
            window: Some(Window { starts_at, expires_at: starts_at.plus(Duration::from_secs(3600)) }),
            respond_by: None,
            ended_at: None,
        };
        Some(Self {
            question: Evaluation::new(engineer.clone(), action, tenant.clone(), workload, None),
            access: Arc::new(access),
            engineer: Engineer {
                id: engineer,
                version: 1,
                teams: BTreeSet::new(),
                clearance: None,
                country: None,
                suspended: true,
                attributes: Attributes::new(),
            },
            tenant: TenantFacts { id: tenant, lockbox: true, attributes: Attributes::new().into() },
        })
    }

    fn parts(self) -> (Evaluation, Arc<Access>, Engineer, TenantFacts) {
        (self.question, self.access, self.engineer, self.tenant)
    }
}
