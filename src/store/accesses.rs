//! Accesses: what sidecars have told of the Decisions that concern AccessRequests. No part of the record: writing
//! them moves no revision, and no sidecar is told of them.

use super::StoreError;
use crate::domain::{AccessRequestId, Timestamp};
use async_trait::async_trait;
use core::fmt;
use core::str::FromStr;
use uuid::Uuid;

/// The longest document of one access, in bytes: an extract of a record is some hundred, and every name in it is
/// bounded.
pub const ACCESS_BYTES_MAX: usize = 8 * 1024;
/// The most accesses that are read at once.
pub const ACCESS_PAGE_MAX: u32 = 1000;

/// A Decision under an AccessRequest, as a sidecar has told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldAccess {
    /// The AccessRequest; it exists.
    pub access_request: AccessRequestId,
    /// Its place in the list.
    pub key: AccessKey,
    /// The sidecar that decided, by its proved name.
    pub sidecar: String,
    /// The number of its record in that sidecar's log.
    pub sequence: u64,
    /// The extract of the record; the store does not look into it. At most [`ACCESS_BYTES_MAX`] bytes.
    pub document: String,
}

/// The place of an access among those of its AccessRequest, and what a list continues after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccessKey {
    /// When it was decided, by the sidecar's clock.
    pub at: Timestamp,
    /// The decision id; unique among all accesses.
    pub decision_id: Uuid,
}

/// A text that names no place in a list of accesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the `next_cursor` of an earlier page")]
pub struct NoAccessKey;

impl fmt::Display for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.as_ms(), self.decision_id.as_simple())
    }
}

impl FromStr for AccessKey {
    type Err = NoAccessKey;

    fn from_str(text: &str) -> Result<Self, NoAccessKey> {
        let (at_ms, id) = text.rsplit_once('-').ok_or(NoAccessKey)?;
        let ms: i64 = at_ms.parse().map_err(|_| NoAccessKey)?;
        let key = Self { at: Timestamp::from_ms(ms), decision_id: Uuid::try_parse(id).map_err(|_| NoAccessKey)? };
        // One form only: what is printed.
        if key.to_string() == text { Ok(key) } else { Err(NoAccessKey) }
    }
}

/// The accesses.
#[async_trait]
pub trait Accesses {
    /// Keeps these; one whose decision id is there already stays as it was told first. All of them or none; gives how
    /// many were new. The revision does not move.
    ///
    /// # Errors
    /// [`StoreError`], also where an AccessRequest does not exist or a document is too long.
    async fn put_accesses(&self, told: &[ToldAccess]) -> Result<u64, StoreError>;
    /// Those of an AccessRequest, by key, beginning after `after`; at most `limit`, and [`ACCESS_PAGE_MAX`]. What is
    /// told late takes its place by when it was decided.
    async fn accesses(
        &self,
        of: AccessRequestId,
        after: Option<AccessKey>,
        limit: u32,
    ) -> Result<Vec<ToldAccess>, StoreError>;
}

/// Refuses what is too long to keep.
pub(super) fn bounded(told: &[ToldAccess]) -> Result<(), StoreError> {
    match told.iter().find(|told| told.document.len() > ACCESS_BYTES_MAX) {
        None => Ok(()),
        Some(long) => Err(StoreError::Unavailable(format!(
            "access {} has {} bytes, more than {ACCESS_BYTES_MAX}",
            long.key.decision_id,
            long.document.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_one_text_form() {
        let decision_id = Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0007);
        for ms in [0, -5, 1_795_339_800_123] {
            let key = AccessKey { at: Timestamp::from_ms(ms), decision_id };
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        for text in ["", "17", "-", "1-2", "+1-0198c0de000070008000000000000007", "1-0198C0DE000070008000000000000007"]
        {
            assert_eq!(text.parse::<AccessKey>(), Err(NoAccessKey), "{text}");
        }
    }
}
