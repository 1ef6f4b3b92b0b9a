//! Reading: what concerns a person, and nothing else. What time has made is shown, recorded or not.

use super::requests::judged;
use super::rights::{Concern, concern, concerns, sees_tenant};
use super::{ManageError, ManageRequests, no_access_request};
use crate::domain::{
    AccessRequest, AccessRequestId, Engineer, Event, Person, PersonId, Role, StateName, Tenant, TenantId, Timestamp,
    WorkloadName,
};
use crate::store::{AccessRequestFilter, OutboxEntry, Page};

/// What of the list is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessRequestQuery {
    /// Of this tenant.
    pub tenant: Option<TenantId>,
    /// In this state.
    pub state: Option<StateName>,
    /// By this engineer.
    pub engineer: Option<PersonId>,
    /// In this workload.
    pub workload: Option<WorkloadName>,
    /// Submitted at or after.
    pub since: Option<Timestamp>,
}

/// A slice of a list, and the key to continue after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T, K> {
    /// The slice.
    pub items: Vec<T>,
    /// Where it continues; `None` at the end.
    pub next: Option<K>,
}

impl<T, K> Listed<T, K> {
    /// A slice of at most `limit` out of one that was read with one more, to see whether there is more.
    fn cut(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> K) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(key);
        Self { items, next }
    }

    fn none() -> Self {
        Self { items: Vec::new(), next: None }
    }
}

fn one_more<K>(page: Page<K>) -> Page<K> {
    Page { after: page.after, limit: page.limit.saturating_add(1) }
}

impl ManageRequests {
    /// AccessRequests that concern the person, newest first.
    ///
    /// # Errors
    /// [`ManageError::Forbidden`] for somebody whom none can concern; faults of the store.
    pub async fn list(
        &self,
        person: &Person,
        query: AccessRequestQuery,
        page: Page<AccessRequestId>,
    ) -> Result<Listed<AccessRequest, AccessRequestId>, ManageError> {
        let now = self.time.now();
        let AccessRequestQuery { tenant, state, engineer, workload, since } = query;
        let mut filter =
            AccessRequestFilter { tenant, engineer, workload, state, since, known_to_customer: false, now: Some(now) };
        match concern(person) {
            Concern::All => {}
            Concern::Tenant(own) => {
                // Another tenant's list is empty, just as that of a tenant that does not exist.
                if filter.tenant.replace(own.clone()).is_some_and(|wanted| wanted != own) {
                    return Ok(Listed::none());
                }
                filter.known_to_customer = true;
            }
            Concern::Own(own) => {
                if filter.engineer.replace(own.clone()).is_some_and(|wanted| wanted != own) {
                    return Ok(Listed::none());
                }
            }
            Concern::Nothing => {
                return Err(ManageError::Forbidden("AccessRequests concern engineers, reviewers, approvers and auditors".to_owned()));
            }
        }
        let limit = page.limit;
        let stored = self.store.access_requests(&filter, one_more(page)).await?;
        let items = stored.into_iter().map(|stored| judged(stored, now)).collect();
        Ok(Listed::cut(items, limit, |request| request.id))
    }

    /// One AccessRequest.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] when there is none that the person may know of.
    pub async fn get(&self, person: &Person, id: AccessRequestId) -> Result<AccessRequest, ManageError> {
        let now = self.time.now();
        let stored = self.store.access_request(id).await?.map(|stored| judged(stored, now));
        stored.filter(|stored| concerns(person, stored)).ok_or_else(no_access_request)
    }

    /// The history of one AccessRequest, oldest first, with what time has made of it.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] when there is none that the person may know of.
    pub async fn events(&self, person: &Person, id: AccessRequestId) -> Result<Vec<Event>, ManageError> {
        self.settle_if_concerned(person, id).await?;
        Ok(self.store.events(id).await?)
    }

    async fn settle_if_concerned(&self, person: &Person, id: AccessRequestId) -> Result<(), ManageError> {
        self.get(person, id).await?;
        self.settle(id).await?;
        Ok(())
    }

    /// One AccessRequest whose accesses the person may look at: an approver or auditor of its tenant,
    /// or an auditor of the provider.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] and [`ManageError::Forbidden`].
    pub async fn get_for_accesses(&self, person: &Person, id: AccessRequestId) -> Result<AccessRequest, ManageError> {
        let request = self.get(person, id).await?;
        let allowed = person.roles.has(Role::Auditor)
            || person.is_of(&request.asked.tenant, Role::Approver)
            || person.is_of(&request.asked.tenant, Role::TenantAdmin);
        if allowed {
            Ok(request)
        } else {
            Err(ManageError::Forbidden("accesses are shown to the tenant's approvers and to auditors".to_owned()))
        }
    }

    /// Tenants that the person may know of, by name.
    ///
    /// # Errors
    /// Faults of the store, and [`ManageError::Forbidden`].
    pub async fn tenants(&self, person: &Person, page: Page<TenantId>) -> Result<Listed<Tenant, TenantId>, ManageError> {
        if let Some(own) = &person.tenant {
            let items: Vec<Tenant> = self.store.tenant(own).await?.into_iter().collect();
            return Ok(Listed { items, next: None });
        }
        if ![Role::Operator, Role::Auditor, Role::Reviewer].into_iter().any(|role| person.roles.has(role)) {
            return Err(ManageError::Forbidden(
                "tenants are shown to their own people, to operators, reviewers and auditors".to_owned(),
            ));
        }
        let limit = page.limit;
        let items = self.store.tenants(one_more(page)).await?;
        Ok(Listed::cut(items, limit, |tenant| tenant.id.clone()))
    }

    /// One tenant's settings.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] when there is none that the person may know of.
    pub async fn tenant(&self, person: &Person, id: &TenantId) -> Result<Tenant, ManageError> {
        if !sees_tenant(person, id) {
            return Err(ManageError::NotFound("tenant"));
        }
        self.store.tenant(id).await?.ok_or(ManageError::NotFound("tenant"))
    }

    /// The history of one tenant's settings, oldest first.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] when there is none that the person may know of.
    pub async fn tenant_events(&self, person: &Person, id: &TenantId) -> Result<Vec<Event>, ManageError> {
        self.tenant(person, id).await?;
        Ok(self.store.tenant_events(id).await?)
    }

    /// The engineer directory, by name: for operators; an engineer sees himself.
    ///
    /// # Errors
    /// [`ManageError::Forbidden`]; faults of the store.
    pub async fn engineers(&self, person: &Person, page: Page<PersonId>) -> Result<Listed<Engineer, PersonId>, ManageError> {
        if person.is_provider(Role::Operator) || person.is_provider(Role::Auditor) {
            let limit = page.limit;
            let items = self.store.engineers(one_more(page)).await?;
            return Ok(Listed::cut(items, limit, |engineer| engineer.id.clone()));
        }
        if person.is_provider(Role::Engineer) {
            let items: Vec<Engineer> = self.store.engineer(&person.id).await?.into_iter().collect();
            return Ok(Listed { items, next: None });
        }
        Err(ManageError::Forbidden("the engineer directory is shown to operators and auditors".to_owned()))
    }

    /// One entry of the engineer directory.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] when there is none that the person may know of.
    pub async fn engineer(&self, person: &Person, id: &PersonId) -> Result<Engineer, ManageError> {
        let own = person.is_provider(Role::Engineer) && person.id == *id;
        if !own && !person.is_provider(Role::Operator) && !person.is_provider(Role::Auditor) {
            return Err(ManageError::NotFound("engineer"));
        }
        self.store.engineer(id).await?.ok_or(ManageError::NotFound("engineer"))
    }

    /// The outbox, newest first: all of it for operators, their tenant's for its administrators.
    ///
    /// # Errors
    /// [`ManageError::Forbidden`]; faults of the store.
    pub async fn outbox(&self, person: &Person, page: Page<u64>) -> Result<Listed<OutboxEntry, u64>, ManageError> {
        let tenant = match &person.tenant {
            Some(tenant) if person.roles.has(Role::TenantAdmin) || person.roles.has(Role::Approver) => Some(tenant),
            None if person.roles.has(Role::Operator) || person.roles.has(Role::Auditor) => None,
            _ => {
                return Err(ManageError::Forbidden(
                    "the outbox is shown to operators, auditors, and a tenant's administrators and approvers".to_owned(),
                ));
            }
        };
        let limit = page.limit;
        let items = self.store.outbox(tenant, one_more(page)).await?;
        Ok(Listed::cut(items, limit, |entry| entry.number))
    }
}
