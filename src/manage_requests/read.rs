//! Reading: what concerns a person, and nothing else. What time has made is shown, recorded or not.

use super::requests::{judged, tenant_of};
use super::rights::{Concern, concern, concerns};
use super::{ManageError, ManageRequests, no_access_request};
use crate::domain::{
    AccessRequest, AccessRequestId, Engineer, Event, Person, PersonId, StateName, Tenant, TenantId, Timestamp,
    WorkloadName,
};
use crate::policy::{Deed, Subject};
use crate::store::{AccessRequestFilter, Page};

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
    /// With this text in its id, engineer, service request or reason.
    pub text: Option<String>,
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
    pub(super) fn cut(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> K) -> Self {
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

/// A page with one more, to see whether there is more.
pub(super) fn one_more<K>(page: Page<K>) -> Page<K> {
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
        let AccessRequestQuery { tenant, state, engineer, workload, since, text } = query;
        let mut filter = AccessRequestFilter {
            tenant,
            engineer,
            workload,
            state,
            since,
            text,
            known_to_customer: false,
            now: Some(now),
        };
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
                return Err(ManageError::Forbidden(
                    "AccessRequests concern engineers, reviewers, approvers and auditors".to_owned(),
                ));
            }
        }
        let limit = page.limit;
        let stored = self.store.access_requests(&filter, one_more(page)).await?;
        let mut listed = Listed::cut(stored, limit, |request| request.id);
        let mut shown = Vec::with_capacity(listed.items.len());
        for stored in listed.items {
            let request = judged(stored, now);
            if self.may_view(person, &request, Deed::View).await.is_ok() {
                shown.push(request);
            }
        }
        listed.items = shown;
        Ok(listed)
    }

    /// One AccessRequest.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] when there is none that the person may know of.
    pub async fn get(&self, person: &Person, id: AccessRequestId) -> Result<AccessRequest, ManageError> {
        let now = self.time.now();
        let stored = self.store.access_request(id).await?.map(|stored| judged(stored, now));
        let request = stored.filter(|stored| concerns(person, stored)).ok_or_else(no_access_request)?;
        match self.may_view(person, &request, Deed::View).await {
            Err(ManageError::Forbidden(_)) => Err(no_access_request()),
            asked => asked.map(|()| request),
        }
    }

    async fn may_view(&self, person: &Person, request: &AccessRequest, deed: Deed) -> Result<(), ManageError> {
        let tenant = tenant_of(&*self.store, request).await?;
        self.may(person, deed, Subject::AccessRequest(request, &tenant))
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
        self.may_view(person, &request, Deed::ViewAccesses).await?;
        Ok(request)
    }

    /// Tenants that the person may know of, by name.
    ///
    /// # Errors
    /// Faults of the store, and [`ManageError::Forbidden`].
    pub async fn tenants(
        &self,
        person: &Person,
        page: Page<TenantId>,
    ) -> Result<Listed<Tenant, TenantId>, ManageError> {
        if let Some(own) = &person.tenant {
            let own = self.tenant(person, own).await;
            return match own {
                Ok(tenant) => Ok(Listed { items: vec![tenant], next: None }),
                Err(ManageError::NotFound(_)) => Ok(Listed::none()),
                Err(error) => Err(error),
            };
        }
        self.may(person, Deed::ListTenants, Subject::System)?;
        let limit = page.limit;
        let items = self.store.tenants(one_more(page)).await?;
        Ok(Listed::cut(items, limit, |tenant| tenant.id.clone()))
    }

    /// One tenant's settings.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] when there is none that the person may know of.
    pub async fn tenant(&self, person: &Person, id: &TenantId) -> Result<Tenant, ManageError> {
        let tenant = self.store.tenant(id).await?.ok_or(ManageError::NotFound("tenant"))?;
        self.may_know(person, Deed::ViewTenant, Subject::Tenant(&tenant), "tenant")?;
        Ok(tenant)
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
    pub async fn engineers(
        &self,
        person: &Person,
        page: Page<PersonId>,
    ) -> Result<Listed<Engineer, PersonId>, ManageError> {
        match self.may(person, Deed::ListEngineers, Subject::System) {
            Err(ManageError::Forbidden(advice)) => {
                let own = self.engineer(person, &person.id).await;
                own.map(|own| Listed { items: vec![own], next: None }).map_err(|_| ManageError::Forbidden(advice))
            }
            Err(error) => Err(error),
            Ok(()) => {
                let limit = page.limit;
                let items = self.store.engineers(one_more(page)).await?;
                Ok(Listed::cut(items, limit, |engineer| engineer.id.clone()))
            }
        }
    }

    /// One entry of the engineer directory.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] when there is none that the person may know of.
    pub async fn engineer(&self, person: &Person, id: &PersonId) -> Result<Engineer, ManageError> {
        self.may_know(person, Deed::ViewEngineer, Subject::Engineer(id), "engineer")?;
        self.store.engineer(id).await?.ok_or(ManageError::NotFound("engineer"))
    }
}
