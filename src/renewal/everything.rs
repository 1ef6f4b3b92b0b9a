//! A snapshot on its way: the mirror page by page, and then what has changed meanwhile. Nothing is copied and no
//! lock is held between pages, so a slow reader costs memory neither here nor there.

use super::protocol::{End, Piece, Pieces, RenewError};
use super::reader::Reader;
use super::view::View;
use crate::clock::AuthorityTime;
use crate::store::Revision;
use async_trait::async_trait;
use std::sync::Arc;

/// How many items are looked at for one piece.
const LOOKED_AT: usize = 2_000;

/// See the module.
pub(super) struct Everything {
    reader: Arc<Reader>,
    time: Arc<AuthorityTime>,
    view: View,
    /// Where the record stood when the first page was read.
    first: Revision,
    after: Option<Arc<str>>,
    stage: Stage,
}

enum Stage {
    Pages,
    Changes,
    End(End),
}

impl Everything {
    pub(super) fn of(reader: Arc<Reader>, time: Arc<AuthorityTime>, view: View, first: Revision) -> Self {
        Self { reader, time, view, first, after: None, stage: Stage::Pages }
    }

    fn overtaken() -> RenewError {
        RenewError::Refused("the record has moved too far while it was sent: ask again".to_owned())
    }
}

#[async_trait]
impl Pieces for Everything {
    async fn next(&mut self) -> Result<Piece, RenewError> {
        let mut mirror = self.reader.mirror();
        let revision = mirror.revision().filter(|revision| revision.epoch == self.first.epoch);
        let revision = revision.ok_or_else(Self::overtaken)?;
        match self.stage {
            Stage::Pages => {
                let (items, after) = mirror.page(self.after.as_ref(), &self.view, LOOKED_AT);
                if after.is_none() {
                    self.stage = Stage::Changes;
                }
                self.after = after;
                Ok(Piece::Items(items))
            }
            Stage::Changes => {
                let items = mirror.since(self.first.number, &self.view, usize::MAX).ok_or_else(Self::overtaken)?;
                let state_hash = mirror.sum(&self.view);
                let answered_at = self.time.now();
                self.stage = Stage::End(End { revision: revision.number, state_hash, answered_at });
                Ok(Piece::Items(items))
            }
            Stage::End(end) => Ok(Piece::End(end)),
        }
    }
}
