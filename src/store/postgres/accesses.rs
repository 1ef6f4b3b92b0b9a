//! Accesses: statements of their own, for the record itself and its lock are not touched.

use super::super::StoreError;
use super::super::accesses::{ACCESS_PAGE_MAX, AccessKey, Accesses, ToldAccess, bounded};
use super::super::rows::{self, AccessRow, stored};
use super::PostgresStore;
use super::read::Query;
use crate::domain::AccessRequestId;
use async_trait::async_trait;

#[async_trait]
impl Accesses for PostgresStore {
    async fn put_accesses(&self, told: &[ToldAccess]) -> Result<u64, StoreError> {
        bounded(told)?;
        if told.is_empty() {
            return Ok(0);
        }
        // In one order, so that two authorities that are told the same do not wait for each other's rows.
        let mut told: Vec<&ToldAccess> = told.iter().collect();
        told.sort_by_key(|told| told.key.decision_id);
        // One statement, so all or none: a column at a time, whatever their number.
        let ids: Vec<Vec<u8>> = told.iter().map(|told| told.key.decision_id.as_bytes().to_vec()).collect();
        let requests: Vec<i64> = told.iter().map(|told| stored(told.access_request.number())).collect();
        let at_ms: Vec<i64> = told.iter().map(|told| told.key.at.as_ms()).collect();
        let sidecars: Vec<String> = told.iter().map(|told| told.sidecar.clone()).collect();
        let sequences: Vec<i64> = told.iter().map(|told| stored(told.sequence)).collect();
        let documents: Vec<String> = told.iter().map(|told| told.document.clone()).collect();
        let query = sqlx::query(
            "INSERT INTO access (decision_id, access_request, at_ms, sidecar, sequence, document) \
             SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::text[]) \
             ON CONFLICT (decision_id) DO NOTHING",
        )
        .bind(ids)
        .bind(requests)
        .bind(at_ms)
        .bind(sidecars)
        .bind(sequences)
        .bind(documents);
        self.done(query).await
    }

    async fn accesses(
        &self,
        of: AccessRequestId,
        after: Option<AccessKey>,
        limit: u32,
    ) -> Result<Vec<ToldAccess>, StoreError> {
        let mut query =
            Query::new("SELECT decision_id, at_ms, sidecar, sequence, document FROM access WHERE access_request = ");
        query.push_bind(stored(of.number()));
        if let Some(after) = after {
            query.push(" AND (at_ms, decision_id) > (").push_bind(after.at.as_ms());
            query.push(", ").push_bind(after.decision_id.as_bytes().to_vec()).push(")");
        }
        query.push(" ORDER BY at_ms, decision_id LIMIT ").push_bind(i64::from(limit.min(ACCESS_PAGE_MAX)));
        self.ask::<AccessRow>(query).await?.into_iter().map(|row| rows::access(of, row)).collect()
    }
}
