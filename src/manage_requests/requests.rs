//! The commands on AccessRequests: submit, and each step after it.

use super::rights::concerns;
use super::{ManageError, ManageRequests, no_access_request, write_item, write_told, write_transition};
use crate::domain::{
    AccessRequest, AccessRequestId, ActionName, Actor, Circumstances, ContentPath, Entitlement, Event, EventKind,
    Person, Step, Submission, Tenant, Timestamp,
};
use crate::policy::{Deed, Subject};
use crate::state::StateItem;
use crate::store::{KeptAnswer, Reads, Revision, Transaction};

/// A key under which a submission is made once, however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key.
    pub key: String,
    /// SHA-256 of what was asked.
    pub asked: [u8; 32],
}

/// A step that was taken.
#[derive(Debug, Clone)]
pub struct Stepped {
    /// The AccessRequest as it now is.
    pub after: AccessRequest,
    /// Where the record stands with it.
    pub revision: Revision,
}

impl ManageRequests {
    /// An engineer asks for access.
    ///
    /// # Errors
    /// [`ManageError`]; nothing was written then.
    pub async fn submit(
        &self,
        person: &Person,
        asked: Submission,
        once: Option<Idempotency>,
    ) -> Result<AccessRequest, ManageError> {
        self.must_be_in_schema(&asked)?;
        let now = self.time.now();
        let mut transaction = self.store.begin(now).await?;
        if let Some(once) = &once
            && let Some(kept) = transaction.kept_answer(&person.id, &once.key).await?
        {
            if kept.asked != once.asked {
                return Err(ManageError::KeyReused);
            }
            let made = transaction.access_request(kept.access_request).await?.ok_or_else(no_access_request)?;
            return Ok(judged(made, now));
        }
        let tenant = transaction.tenant(&asked.tenant).await?;
        // Asked also where there is no such tenant: whoever may not ask for access at all must not learn
        // from the answer which tenants there are.
        let named = tenant.clone().unwrap_or_else(|| Tenant::new(asked.tenant.clone(), Entitlement::None, now));
        self.may(person, Deed::Submit, Subject::Tenant(&named))?;
        let tenant = tenant.ok_or(ManageError::NotFound("tenant"))?;
        let engineer = transaction.engineer(&person.id).await?.ok_or_else(|| {
            ManageError::Forbidden(format!(
                "`{}` is not in the engineer directory; an operator adds him with PUT /v1/engineers/{}",
                person.id, person.id
            ))
        })?;
        let id = transaction.next_access_request_id().await?;
        let made = AccessRequest::submit(id, &engineer, asked, &tenant, self.defaults, now)?;
        transaction.put_access_request(&made, None).await?;
        write_told(transaction.as_mut(), &submitted(&made, person), &[]).await?;
        write_item(transaction.as_mut(), &StateItem::Access((&made).into())).await?;
        if let Some(once) = once {
            let kept = KeptAnswer { asked: once.asked, access_request: id, at: now };
            transaction.keep_answer(&person.id, &once.key, &kept).await?;
        }
        self.commit(transaction).await?;
        Ok(made)
    }

    /// Somebody takes a step.
    ///
    /// # Errors
    /// [`ManageError`]; nothing but what the clock had done anyway was written then.
    pub async fn step(&self, person: &Person, id: AccessRequestId, step: &Step) -> Result<Stepped, ManageError> {
        self.settle(id).await?;
        let now = self.time.now();
        let grant_id = self.fresh_grant_id()?;
        let mut transaction = self.store.begin(now).await?;
        let (before, tenant) = self.seen_by(transaction.as_ref(), person, id, now).await?;
        self.may(person, step.command.act().into(), Subject::AccessRequest(&before, &tenant))?;
        let on = Circumstances { tenant: &tenant, defaults: self.defaults, now, grant_id: &grant_id };
        let transition = before.apply(step, person, on)?;
        write_transition(transaction.as_mut(), &transition, before.version, &tenant, self.defaults).await?;
        let revision = self.commit(transaction).await?;
        Ok(Stepped { after: transition.after, revision })
    }

    /// Waits until no sidecar can contradict what was committed at `revision`.
    pub async fn effective(&self, revision: Revision) {
        self.effects.effective(revision).await;
    }

    /// Records what time alone has made of an AccessRequest, if it has.
    ///
    /// # Errors
    /// [`ManageError`] when the store does not do as it should.
    pub(super) async fn settle(&self, id: AccessRequestId) -> Result<bool, ManageError> {
        let now = self.time.now();
        if self.store.access_request(id).await?.and_then(|stored| stored.lapse(now)).is_none() {
            return Ok(false);
        }
        let mut transaction = self.store.begin(now).await?;
        let stored = transaction.access_request(id).await?.ok_or_else(no_access_request)?;
        let Some(transition) = stored.lapse(now) else { return Ok(false) };
        let tenant = tenant_of(transaction.as_ref(), &stored).await?;
        write_transition(transaction.as_mut(), &transition, stored.version, &tenant, self.defaults).await?;
        self.commit(transaction).await?;
        Ok(true)
    }

    /// The AccessRequest as `person` may see it, with its tenant's settings.
    async fn seen_by(
        &self,
        transaction: &dyn Transaction,
        person: &Person,
        id: AccessRequestId,
        now: Timestamp,
    ) -> Result<(AccessRequest, Tenant), ManageError> {
        let stored = transaction.access_request(id).await?.map(|stored| judged(stored, now));
        let seen = stored.filter(|stored| concerns(person, stored)).ok_or_else(no_access_request)?;
        let tenant = tenant_of(transaction, &seen).await?;
        self.may_know(person, Deed::View, Subject::AccessRequest(&seen, &tenant), "AccessRequest")?;
        Ok((seen, tenant))
    }

    fn must_be_in_schema(&self, asked: &Submission) -> Result<(), ManageError> {
        let policies = self.policies_now()?;
        let missing = |what, name: &str, known: Vec<&str>| {
            Err(ManageError::NotInSchema { what, name: name.to_owned(), known: known.join(", ") })
        };
        if !policies.workloads().any(|known| known == asked.workload.as_str()) {
            return missing("workload", asked.workload.as_str(), policies.workloads().collect());
        }
        let mut actions = asked.scope.actions.iter().map(ActionName::as_str);
        if let Some(unknown) = actions.find(|name| !policies.actions().any(|known| known == *name)) {
            return missing("action", unknown, policies.actions().collect());
        }
        let mut types = asked.scope.content.paths().flat_map(ContentPath::types);
        if let Some(unknown) = types.find(|name| !policies.content_types().any(|known| known == *name)) {
            return missing("content type", unknown, policies.content_types().collect());
        }
        Ok(())
    }
}

/// The AccessRequest as time has made it.
pub(super) fn judged(stored: AccessRequest, now: Timestamp) -> AccessRequest {
    stored.lapse(now).map_or(stored, |transition| transition.after)
}

pub(super) async fn tenant_of(transaction: &(impl Reads + ?Sized), of: &AccessRequest) -> Result<Tenant, ManageError> {
    transaction
        .tenant(&of.asked.tenant)
        .await?
        .ok_or_else(|| ManageError::Defect(format!("{} names tenant `{}`, which is gone", of.id, of.asked.tenant)))
}

fn submitted(made: &AccessRequest, person: &Person) -> Event {
    Event {
        at: made.submitted_at,
        kind: EventKind::Submitted,
        by: Actor::of(person),
        access_request: Some(made.id),
        tenant: Some(made.asked.tenant.clone()),
        state: Some(made.state_name()),
        version: made.version,
        comment: None,
        detail: None,
        evidence: None,
    }
}
