//! A snapshot on its way: the mirror page by page, and then what has changed meanwhile. Nothing is copied and no
//! lock is held between pages, so a slow reader costs memory neither here nor there. Of a view of tenants only their
//! items are looked at, however many there are of others.

use super::mirror::Mirror;
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
    stage: Stage,
}

enum Stage {
    /// All items after this key.
    After(Option<Arc<str>>),
    /// The items of these keys.
    Keys(std::vec::IntoIter<Arc<str>>),
    Changes,
    End(End),
}

impl Everything {
    /// Of what a mirror shows that stands at its revision.
    pub(super) fn of(
        mirror: &Mirror,
        reader: Arc<Reader>,
        time: Arc<AuthorityTime>,
        view: View,
        first: Revision,
    ) -> Self {
        let keys = mirror.keys_of(&view);
        let stage = keys.map_or(Stage::After(None), |keys| Stage::Keys(keys.into_iter()));
        Self { reader, time, view, first, stage }
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
        match &mut self.stage {
            Stage::After(after) => {
                let (items, last) = mirror.page(after.as_ref(), &self.view, LOOKED_AT);
                self.stage = last.map_or(Stage::Changes, |last| Stage::After(Some(last)));
                Ok(Piece::Items(items))
            }
            Stage::Keys(keys) => {
                let items = keys.by_ref().take(LOOKED_AT).filter_map(|key| mirror.present(&key, &self.view)).collect();
                if keys.as_slice().is_empty() {
                    self.stage = Stage::Changes;
                }
                Ok(Piece::Items(items))
            }
            Stage::Changes => {
                let items = mirror.since(self.first.number, &self.view, usize::MAX).ok_or_else(Self::overtaken)?;
                let state_hash = mirror.sum(&self.view);
                let answered_at = self.time.now();
                self.stage = Stage::End(End { revision: revision.number, state_hash, answered_at });
                Ok(Piece::Items(items))
            }
            Stage::End(end) => Ok(Piece::End(*end)),
        }
    }
}
