//! Notes in the file. Writing takes a turn with the record's transactions, for there is one connection
//! that writes; the record itself is not touched.

use super::super::rows::{NOTES_MAX, note};
use super::super::{Note, NoteKind, Notes, StoreError, Transaction as _};
use super::SqliteStore;
use super::fault::fault;
use crate::domain::Timestamp;
use async_trait::async_trait;

/// Raises no time floor.
fn earliest() -> Timestamp {
    Timestamp::from_ms(i64::MIN)
}

#[async_trait]
impl Notes for SqliteStore {
    async fn note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        let row = sqlx::query_as("SELECT key, document, expires_at_ms FROM note WHERE kind = ? AND key = ?")
            .bind(kind.as_str())
            .bind(key)
            .fetch_optional(&self.shared.readers)
            .await
            .map_err(fault)?;
        row.map(|row| note(kind, row)).transpose()
    }

    async fn notes(&self, kind: NoteKind, prefix: &str) -> Result<Vec<Note>, StoreError> {
        let rows: Vec<_> = sqlx::query_as(
            "SELECT key, document, expires_at_ms FROM note WHERE kind = ? AND substr(key, 1, length(?2)) = ?2 \
             ORDER BY key LIMIT ?3",
        )
        .bind(kind.as_str())
        .bind(prefix)
        .bind(NOTES_MAX)
        .fetch_all(&self.shared.readers)
        .await
        .map_err(fault)?;
        rows.into_iter().map(|row| note(kind, row)).collect()
    }

    async fn notes_after(&self, kind: NoteKind, after: &str, limit: u32) -> Result<Vec<Note>, StoreError> {
        let rows: Vec<_> = sqlx::query_as(
            "SELECT key, document, expires_at_ms FROM note WHERE kind = ? AND key > ? ORDER BY key LIMIT ?",
        )
        .bind(kind.as_str())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.shared.readers)
        .await
        .map_err(fault)?;
        rows.into_iter().map(|row| note(kind, row)).collect()
    }

    async fn put_note(&self, note: Note) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO note (kind, key, document, expires_at_ms) VALUES (?, ?, ?, ?) ON CONFLICT (kind, key) \
             DO UPDATE SET document = excluded.document, expires_at_ms = excluded.expires_at_ms",
        )
        .bind(note.kind.as_str())
        .bind(note.key)
        .bind(note.document)
        .bind(note.expires_at.map(Timestamp::as_ms));
        let mut transaction = self.transaction(earliest()).await?;
        transaction.execute(query).await?;
        Box::new(transaction).commit().await.map(drop)
    }

    async fn take_note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        let mut transaction = self.transaction(earliest()).await?;
        // The lock is held: what is read now is what is taken away.
        let taken = self.note(kind, key).await?;
        if taken.is_some() {
            let query = sqlx::query("DELETE FROM note WHERE kind = ? AND key = ?");
            transaction.execute(query.bind(kind.as_str()).bind(key)).await?;
            Box::new(transaction).commit().await?;
        }
        Ok(taken)
    }

    async fn drop_note(&self, note: &Note) -> Result<bool, StoreError> {
        let mut transaction = self.transaction(earliest()).await?;
        let query = sqlx::query("DELETE FROM note WHERE kind = ? AND key = ? AND document = ?")
            .bind(note.kind.as_str())
            .bind(note.key.clone())
            .bind(note.document.clone());
        let gone = transaction.execute(query).await?;
        Box::new(transaction).commit().await?;
        Ok(gone > 0)
    }

    async fn prune_notes(&self, now: Timestamp) -> Result<u64, StoreError> {
        let expired: i64 = sqlx::query_scalar("SELECT count(*) FROM note WHERE expires_at_ms <= ?")
            .bind(now.as_ms())
            .fetch_one(&self.shared.readers)
            .await
            .map_err(fault)?;
        if expired == 0 {
            return Ok(0);
        }
        let mut transaction = self.transaction(earliest()).await?;
        let query = sqlx::query("DELETE FROM note WHERE expires_at_ms <= ?").bind(now.as_ms());
        let gone = transaction.execute(query).await?;
        Box::new(transaction).commit().await?;
        Ok(gone)
    }
}
