//! Notes: one statement each, for the record itself and its lock are not touched.

use super::super::rows::{NOTES_MAX, NoteRow, note};
use super::super::{Note, NoteKind, Notes, StoreError};
use super::PostgresStore;
use super::read::Query;
use crate::domain::Timestamp;
use async_trait::async_trait;

impl PostgresStore {
    async fn found(&self, kind: NoteKind, query: Query) -> Result<Vec<Note>, StoreError> {
        self.ask::<NoteRow>(query).await?.into_iter().map(|row| note(kind, row)).collect()
    }

    /// Does one thing that is committed by itself; gives how many rows it was done to.
    pub(super) async fn done(&self, query: super::pool::Query<'_>) -> Result<u64, StoreError> {
        let mut held = self.shared.pool.acquire().await?;
        let done = held.execute(query).await.map_err(|error| held.failed(error))?;
        held.keep();
        Ok(done)
    }
}

#[async_trait]
impl Notes for PostgresStore {
    async fn note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        let mut query = Query::new("SELECT key, document, expires_at_ms FROM note WHERE kind = ");
        query.push_bind(kind.as_str()).push(" AND key = ").push_bind(key.to_owned());
        Ok(self.found(kind, query).await?.pop())
    }

    async fn notes(&self, kind: NoteKind, prefix: &str) -> Result<Vec<Note>, StoreError> {
        let mut query = Query::new("SELECT key, document, expires_at_ms FROM note WHERE kind = ");
        query.push_bind(kind.as_str()).push(" AND starts_with(key, ").push_bind(prefix.to_owned());
        query.push(") ORDER BY key LIMIT ").push_bind(NOTES_MAX);
        self.found(kind, query).await
    }

    async fn notes_after(&self, kind: NoteKind, after: &str, limit: u32) -> Result<Vec<Note>, StoreError> {
        let mut query = Query::new("SELECT key, document, expires_at_ms FROM note WHERE kind = ");
        query.push_bind(kind.as_str()).push(" AND key > ").push_bind(after.to_owned());
        query.push(" ORDER BY key LIMIT ").push_bind(i64::from(limit));
        self.found(kind, query).await
    }

    async fn put_note(&self, note: Note) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO note (kind, key, document, expires_at_ms) VALUES ($1, $2, $3, $4) ON CONFLICT (kind, key) \
             DO UPDATE SET document = excluded.document, expires_at_ms = excluded.expires_at_ms",
        )
        .bind(note.kind.as_str())
        .bind(note.key)
        .bind(note.document)
        .bind(note.expires_at.map(Timestamp::as_ms));
        self.done(query).await.map(drop)
    }

    async fn take_note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        let mut query = Query::new("DELETE FROM note WHERE kind = ");
        query.push_bind(kind.as_str()).push(" AND key = ").push_bind(key.to_owned());
        query.push(" RETURNING key, document, expires_at_ms");
        Ok(self.found(kind, query).await?.pop())
    }

    async fn drop_note(&self, note: &Note) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM note WHERE kind = $1 AND key = $2 AND document = $3")
            .bind(note.kind.as_str())
            .bind(note.key.clone())
            .bind(note.document.clone());
        Ok(self.done(query).await? > 0)
    }

    async fn prune_notes(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.done(sqlx::query("DELETE FROM note WHERE expires_at_ms <= $1").bind(now.as_ms())).await
    }
}
