//! What people are told: the outbox as they see it, and what the clock and the sidecars add to it.

use super::read::{Listed, one_more};
use super::requests::{judged, tenant_of};
use super::{ManageError, ManageRequests, write_told};
use crate::domain::{
    AccessRequestId, Actor, Event, EventKind, Person, Role, StateName, Timer, TimerKind, Timestamp, first_use, reminder,
};
use crate::policy::{Deed, Subject};
use crate::store::{Delivery, DeliveryState, OutboxEntry, Page};

/// At most this many timers are fired in one sweep.
const TIMERS_MAX: u32 = 1000;

impl ManageRequests {
    /// The outbox, newest first: all of it for operators, their tenant's for its administrators.
    ///
    /// # Errors
    /// [`ManageError::Forbidden`]; faults of the store.
    pub async fn outbox(&self, person: &Person, page: Page<u64>) -> Result<Listed<OutboxEntry, u64>, ManageError> {
        let tenant = person.tenant.as_ref();
        match tenant {
            Some(own) => {
                let own = self.store.tenant(own).await?.ok_or(ManageError::NotFound("tenant"))?;
                self.may(person, Deed::ViewOutbox, Subject::Tenant(&own))?;
            }
            None => self.may(person, Deed::ViewOutbox, Subject::System)?,
        }
        let limit = page.limit;
        let items = self.store.outbox(tenant, one_more(page)).await?;
        Ok(Listed::cut(items, limit, |entry| entry.number))
    }

    /// Sends a notice again that was given up, or at once one that waits. For whoever may see it and runs
    /// the tenant's settings or the whole.
    ///
    /// # Errors
    /// [`ManageError`]; nothing was written then.
    pub async fn send_again(&self, person: &Person, number: u64) -> Result<OutboxEntry, ManageError> {
        let none = || ManageError::NotFound("notice");
        let mut entry = self.store.outbox_entry(number).await?.ok_or_else(none)?;
        let tenant = self.store.tenant(&entry.notice.tenant).await?.ok_or_else(none)?;
        let subject = if person.tenant.is_some() { Subject::Tenant(&tenant) } else { Subject::System };
        self.may_know(person, Deed::ViewOutbox, subject, "notice")?;
        if !person.is_provider(Role::Operator) && !person.is_of(&tenant.id, Role::TenantAdmin) {
            return Err(ManageError::Forbidden(
                "Only an operator, or an administrator of the tenant, can have a notice sent again.".to_owned(),
            ));
        }
        if entry.delivery.state == DeliveryState::Sent {
            return Ok(entry);
        }
        let now = self.time.now();
        let attempts = entry.delivery.attempts;
        // The count starts anew, so that it gets all of its attempts.
        let again = Delivery { state: DeliveryState::Waiting, attempts: 0, at: now, last_error: None };
        let mut transaction = self.store.begin(now).await?;
        transaction.put_delivery(number, &again, attempts).await?;
        transaction.commit().await?;
        entry.delivery = again;
        Ok(entry)
    }

    /// Tells the customer that content was touched under a Grant for the first time; true if it was. To
    /// be told of a later use again does nothing.
    ///
    /// # Errors
    /// [`ManageError`] when the store does not do as it should.
    pub async fn first_used(&self, id: AccessRequestId, used_at: Timestamp) -> Result<bool, ManageError> {
        let now = self.time.now();
        let mut transaction = self.store.begin(now).await?;
        let Some(stored) = transaction.access_request(id).await? else { return Ok(false) };
        let known = transaction.events(id).await?.iter().any(|event| event.kind == EventKind::FirstUsed);
        if known || stored.grant().is_none() {
            return Ok(false);
        }
        let tenant = tenant_of(transaction.as_ref(), &stored).await?;
        let event = Event {
            at: used_at,
            kind: EventKind::FirstUsed,
            by: Actor::Clock,
            access_request: Some(id),
            tenant: Some(tenant.id.clone()),
            state: Some(stored.state_name()),
            version: stored.version,
            comment: None,
            detail: None,
            evidence: None,
        };
        write_told(transaction.as_mut(), &event, &first_use(&stored, &tenant, now)).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Fires every timer that is due; gives how many told somebody something. A timer goes in the same
    /// transaction as its notices come, so none is told twice and none is forgotten.
    ///
    /// # Errors
    /// [`ManageError`] when the store does not do as it should; what was done so far stays.
    pub(super) async fn fire_timers(&self) -> Result<usize, ManageError> {
        let mut fired = 0_usize;
        for timer in self.store.timers_due(self.time.now(), TIMERS_MAX).await? {
            fired = fired.saturating_add(usize::from(self.fire(timer).await?));
        }
        Ok(fired)
    }

    async fn fire(&self, timer: Timer) -> Result<bool, ManageError> {
        let now = self.time.now();
        let mut transaction = self.store.begin(now).await?;
        if !transaction.remove_timer(timer.access_request, timer.kind).await? {
            return Ok(false);
        }
        let stored = transaction.access_request(timer.access_request).await?.map(|stored| judged(stored, now));
        let waiting = stored.filter(|stored| stored.state_name() == StateName::Notified);
        let mut told = false;
        if let Some(request) = waiting
            && !self.superseded(timer, now).await?
        {
            let tenant = tenant_of(transaction.as_ref(), &request).await?;
            for notice in reminder(timer.kind, &request, &tenant, now) {
                transaction.add_notice(&notice).await?;
                told = true;
            }
        }
        transaction.commit().await?;
        Ok(told)
    }

    /// After a pause of the process both reminders may be due: the last one is enough.
    async fn superseded(&self, timer: Timer, now: Timestamp) -> Result<bool, ManageError> {
        if timer.kind != TimerKind::Reminder {
            return Ok(false);
        }
        let last = self.store.timer(timer.access_request, TimerKind::LastReminder).await?;
        Ok(last.is_some_and(|last| last.at <= now))
    }
}
