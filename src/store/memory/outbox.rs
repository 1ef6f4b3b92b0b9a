//! The outbox, the timers and the notes of the reference model.

use super::super::{
    Channel, Delivery, DeliveryState, Note, NoteKind, Notes, Outbox, OutboxCounts, OutboxEntry, Page, StoreError,
};
use super::MemoryStore;
use super::data::{Data, limit};
use crate::domain::{AccessRequestId, Notice, TenantId, Timer, TimerKind, Timestamp};
use async_trait::async_trait;
use std::sync::PoisonError;

/// The most notes that are listed.
const NOTES_MAX: usize = 1000;

impl Data {
    pub(super) fn add_notice(&mut self, notice: &Notice) {
        let number = u64::try_from(self.outbox.len()).unwrap_or(u64::MAX).saturating_add(1);
        let delivery = Delivery { state: DeliveryState::Waiting, attempts: 0, at: notice.at, last_error: None };
        self.outbox.push(OutboxEntry { number, notice: notice.clone(), delivery });
    }

    pub(super) fn put_delivery(&mut self, number: u64, after: &Delivery, attempts: u32) -> Result<(), StoreError> {
        let entry = self.outbox.iter_mut().find(|entry| entry.number == number);
        match entry.filter(|entry| entry.delivery.attempts == attempts) {
            Some(entry) => entry.delivery = after.clone(),
            None => return Err(StoreError::Conflict(format!("notice {number}"))),
        }
        Ok(())
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn outbox(&self, tenant: Option<&TenantId>, page: Page<u64>) -> Result<Vec<OutboxEntry>, StoreError> {
        let data = self.data();
        let newest_first = data.outbox.iter().rev();
        let listed = newest_first
            .filter(|entry| page.after.is_none_or(|after| entry.number < after))
            .filter(|entry| tenant.is_none_or(|tenant| entry.notice.tenant == *tenant))
            .take(limit(&page));
        Ok(listed.cloned().collect())
    }

    async fn outbox_entry(&self, number: u64) -> Result<Option<OutboxEntry>, StoreError> {
        Ok(self.data().outbox.into_iter().find(|entry| entry.number == number))
    }

    async fn outbox_due(&self, channel: Channel, now: Timestamp, limit: u32) -> Result<Vec<OutboxEntry>, StoreError> {
        let mut due = self.data().outbox;
        due.retain(|entry| entry.delivery.state == DeliveryState::Waiting && entry.delivery.at <= now);
        due.retain(|entry| Channel::to(&entry.notice.to) == channel);
        due.sort_by_key(|entry| (entry.delivery.at, entry.number));
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(due)
    }

    async fn outbox_counts(&self) -> Result<OutboxCounts, StoreError> {
        let outbox = self.data().outbox;
        let count = |state| {
            let of = outbox.iter().filter(|entry| entry.delivery.state == state).count();
            u64::try_from(of).unwrap_or(u64::MAX)
        };
        Ok(OutboxCounts { waiting: count(DeliveryState::Waiting), dead: count(DeliveryState::Dead) })
    }

    async fn timers_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Timer>, StoreError> {
        let mut due: Vec<Timer> = self.data().timers.into_values().filter(|timer| timer.at <= now).collect();
        due.sort_by_key(|timer| (timer.at, timer.access_request, timer.kind.as_str()));
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(due)
    }

    async fn timer(&self, of: AccessRequestId, kind: TimerKind) -> Result<Option<Timer>, StoreError> {
        Ok(self.data().timers.get(&(of, kind)).copied())
    }
}

impl MemoryStore {
    /// Notes are no part of the record, so they need no transaction.
    pub(super) fn noted<T>(&self, change: impl FnOnce(&mut Data) -> T) -> T {
        change(&mut self.committed.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Notes for MemoryStore {
    async fn note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        Ok(self.data().notes.get(&(kind, key.to_owned())).cloned())
    }

    async fn notes(&self, kind: NoteKind, prefix: &str) -> Result<Vec<Note>, StoreError> {
        let notes = self.data().notes.into_values();
        Ok(notes.filter(|note| note.kind == kind && note.key.starts_with(prefix)).take(NOTES_MAX).collect())
    }

    async fn notes_after(&self, kind: NoteKind, after: &str, limit: u32) -> Result<Vec<Note>, StoreError> {
        let later = self.data().notes.into_values().filter(|note| note.kind == kind && note.key.as_str() > after);
        Ok(later.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }

    async fn put_note(&self, note: Note) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        self.noted(|data| data.notes.insert((note.kind, note.key.clone()), note));
        Ok(())
    }

    async fn take_note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        let _turn = self.turn.lock().await;
        Ok(self.noted(|data| data.notes.remove(&(kind, key.to_owned()))))
    }

    async fn drop_note(&self, note: &Note) -> Result<bool, StoreError> {
        let _turn = self.turn.lock().await;
        Ok(self.noted(|data| {
            let key = (note.kind, note.key.clone());
            let there = data.notes.get(&key).is_some_and(|found| found.document == note.document);
            there && data.notes.remove(&key).is_some()
        }))
    }

    async fn prune_notes(&self, now: Timestamp) -> Result<u64, StoreError> {
        let _turn = self.turn.lock().await;
        let gone = self.noted(|data| {
            let before = data.notes.len();
            data.notes.retain(|_, note| note.expires_at.is_none_or(|expires_at| expires_at > now));
            before.saturating_sub(data.notes.len())
        });
        Ok(u64::try_from(gone).unwrap_or(u64::MAX))
    }
}
