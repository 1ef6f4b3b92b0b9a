//! Entities that have been built, kept for the next question about the same subject: the engineer, his
//! tenant and the content take longer to build than the policies take to answer.
//!
//! Invariant: kept entities are used only where every fact and every statement they were built from
//! is the same, compared whole. What is kept can make nothing true that is not.

use super::PolicySet;
use super::facts::{Parts, Unaskable};
use super::slice::Slice;
use crate::domain::{
    ActionName, Attributes, ContentPath, Engineer, Evaluation, PersonId, TenantFacts, TenantId, WorkloadName,
};
use std::sync::Arc;

/// The most sets of entities kept ready.
const KEPT_MAX: u64 = 4096;
/// With more statements of a caller than this they are not worth keeping.
const STATED_KEPT_MAX: usize = 16;

/// The entities that are kept.
#[derive(Debug)]
pub(crate) struct KeptParts {
    kept: moka::sync::Cache<Subject, Arc<Kept>>,
}

/// All of a question that its entities depend on. The action is part of it because the entities of
/// actions are in the same store, and differ from slice to slice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Subject {
    engineer: PersonId,
    tenant: TenantId,
    workload: WorkloadName,
    action: ActionName,
    content: Option<ContentPath>,
    engineer_stated: Attributes,
    content_stated: Attributes,
}

#[derive(Debug)]
struct Kept {
    engineer: Engineer,
    tenant: TenantFacts,
    parts: Arc<Parts>,
}

impl KeptParts {
    pub(crate) fn new() -> Self {
        Self { kept: moka::sync::Cache::new(KEPT_MAX) }
    }
}

impl PolicySet {
    /// The entities of a question: kept ones where they are the same, else built and kept.
    pub(crate) fn kept_parts(
        &self,
        question: &Evaluation,
        engineer: &Engineer,
        tenant: &TenantFacts,
        slice: &Slice,
    ) -> Result<Arc<Parts>, Unaskable> {
        if question.engineer_stated.len() + question.content_stated.len() > STATED_KEPT_MAX {
            return Ok(Arc::new(self.parts(question, engineer, tenant, &slice.base)?));
        }
        let subject = Subject {
            engineer: question.engineer.clone(),
            tenant: question.tenant.clone(),
            workload: question.workload.clone(),
            action: question.action.clone(),
            content: question.content.clone(),
            engineer_stated: question.engineer_stated.clone(),
            content_stated: question.content_stated.clone(),
        };
        if let Some(kept) = self.kept_parts.kept.get(&subject)
            && kept.engineer == *engineer
            && kept.tenant == *tenant
        {
            return Ok(Arc::clone(&kept.parts));
        }
        let parts = Arc::new(self.parts(question, engineer, tenant, &slice.base)?);
        let kept = Kept { engineer: engineer.clone(), tenant: tenant.clone(), parts: Arc::clone(&parts) };
        self.kept_parts.kept.insert(subject, Arc::new(kept));
        Ok(parts)
    }
}
