//! The accesses of the reference model.

use super::super::StoreError;
use super::super::accesses::{ACCESS_PAGE_MAX, AccessKey, Accesses, ToldAccess, bounded};
use super::MemoryStore;
use crate::domain::AccessRequestId;
use async_trait::async_trait;

#[async_trait]
impl Accesses for MemoryStore {
    async fn put_accesses(&self, told: &[ToldAccess]) -> Result<u64, StoreError> {
        bounded(told)?;
        let _turn = self.turn.lock().await;
        self.noted(|data| {
            if let Some(of) = told.iter().find(|told| !data.access_requests.contains_key(&told.access_request)) {
                return Err(StoreError::Unavailable(format!("there is no {}", of.access_request)));
            }
            let before = data.accesses.len();
            for told in told {
                data.accesses.entry(told.key.decision_id).or_insert_with(|| told.clone());
            }
            Ok(u64::try_from(data.accesses.len().saturating_sub(before)).unwrap_or(u64::MAX))
        })
    }

    async fn accesses(
        &self,
        of: AccessRequestId,
        after: Option<AccessKey>,
        limit: u32,
    ) -> Result<Vec<ToldAccess>, StoreError> {
        let mut told: Vec<_> = self.data().accesses.into_values().filter(|told| told.access_request == of).collect();
        told.retain(|told| after.is_none_or(|after| told.key > after));
        told.sort_by_key(|told| told.key);
        told.truncate(usize::try_from(limit.min(ACCESS_PAGE_MAX)).unwrap_or(usize::MAX));
        Ok(told)
    }
}
