//! Accesses in the file. Writing takes a turn with the record's transactions, for there is one connection that writes;
//! the record itself is not touched.

use super::super::accesses::{ACCESS_PAGE_MAX, AccessKey, Accesses, ToldAccess, bounded};
use super::super::rows::{self, AccessRow, stored};
use super::super::{StoreError, Transaction as _};
use super::SqliteStore;
use super::fault::fault;
use crate::domain::{AccessRequestId, Timestamp};
use async_trait::async_trait;
use sqlx::{QueryBuilder, Sqlite};

/// Rows of one statement: six values each, of the 32,766 that SQLite takes.
const ROWS_MAX: usize = 1000;

#[async_trait]
impl Accesses for SqliteStore {
    async fn put_accesses(&self, told: &[ToldAccess]) -> Result<u64, StoreError> {
        bounded(told)?;
        if told.is_empty() {
            return Ok(0);
        }
        // Raises no time floor.
        let mut transaction = self.transaction(Timestamp::from_ms(i64::MIN)).await?;
        let mut new: u64 = 0;
        for rows in told.chunks(ROWS_MAX) {
            let mut query = QueryBuilder::<Sqlite>::new(
                "INSERT INTO access (decision_id, access_request, at_ms, sidecar, sequence, document) ",
            );
            query.push_values(rows, |mut row, told| {
                row.push_bind(told.key.decision_id.as_bytes().as_slice())
                    .push_bind(stored(told.access_request.number()))
                    .push_bind(told.key.at.as_ms())
                    .push_bind(told.sidecar.as_str())
                    .push_bind(stored(told.sequence))
                    .push_bind(told.document.as_str());
            });
            query.push(" ON CONFLICT (decision_id) DO NOTHING");
            new = new.saturating_add(transaction.execute(query.build()).await?);
        }
        Box::new(transaction).commit().await?;
        Ok(new)
    }

    async fn accesses(
        &self,
        of: AccessRequestId,
        after: Option<AccessKey>,
        limit: u32,
    ) -> Result<Vec<ToldAccess>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT decision_id, at_ms, sidecar, sequence, document FROM access WHERE access_request = ",
        );
        query.push_bind(stored(of.number()));
        if let Some(after) = after {
            query.push(" AND (at_ms, decision_id) > (").push_bind(after.at.as_ms());
            query.push(", ").push_bind(after.decision_id.as_bytes().to_vec()).push(")");
        }
        query.push(" ORDER BY at_ms, decision_id LIMIT ").push_bind(i64::from(limit.min(ACCESS_PAGE_MAX)));
        let found: Vec<AccessRow> = query.build_query_as().fetch_all(&self.shared.readers).await.map_err(fault)?;
        found.into_iter().map(|row| rows::access(of, row)).collect()
    }
}
