//! A copy of the file while it is in use: of one moment, whole, and looked through before it gets its name.

use super::super::{Revision, StoreError};
use super::fault::fault;
use super::{SqliteSettings, open, read};
use sqlx::{ConnectOptions as _, Connection as _};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A backup that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackedUp {
    /// Where the record stands in it.
    pub revision: Revision,
    /// How many things sidecars hold it has; they add up to the state hash.
    pub items: usize,
    /// Its size.
    pub bytes: u64,
}

impl super::SqliteStore {
    /// Writes a copy of the database file at `from`, as it is at one moment, to `to`, and checks it. The authority may
    /// go on meanwhile. What was at `to` is replaced, or kept if anything fails.
    ///
    /// # Errors
    /// [`StoreError`]; nothing but a file beside `to` can be left behind, under the name of [`Self::unfinished`].
    pub async fn backup(from: &Path, to: &Path) -> Result<BackedUp, StoreError> {
        not_in_use(from, to)?;
        let unfinished = Self::unfinished(to);
        let written = written(from, &unfinished).await;
        let finished = match written {
            Ok(done) => std::fs::rename(&unfinished, to).map_err(|error| unusable(to, &error)).map(|()| done),
            Err(error) => Err(error),
        };
        if finished.is_err() {
            let _nothing_there = std::fs::remove_file(&unfinished);
            return finished;
        }
        open::sync_directory(to).map_err(|error| unusable(to, &error))?;
        finished
    }

    /// Where the copy is made before it gets its name; its size tells how far it has come.
    pub fn unfinished(to: &Path) -> PathBuf {
        open::beside(to, ".unfinished")
    }
}

/// Refuses to put a copy in the place of a database that is in use, or of a part of one: above all the very one that is
/// copied, by whatever name.
fn not_in_use(from: &Path, to: &Path) -> Result<(), StoreError> {
    let refused = |why: String| {
        let what = format!("`{}` is no place for a backup: {why}; name a file of its own", to.display());
        Err(StoreError::Unavailable(what))
    };
    let file = |path: &Path| std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let there = file(to);
    let parts = ["", "-wal", "-shm", "-claim"].map(|suffix| open::beside(from, suffix));
    if there.is_some() && parts.iter().any(|part| file(part) == there) {
        return refused("it is the database itself, or a part of it".to_owned());
    }
    for suffix in ["-wal", "-shm"] {
        if open::beside(to, suffix).exists() {
            return refused(format!("it has a write-ahead log (`{suffix}`), so it is a database in use, or was"));
        }
    }
    Ok(())
}

async fn written(from: &Path, to: &Path) -> Result<BackedUp, StoreError> {
    let settings = SqliteSettings::default();
    let mut source = open::reading(from, &settings).connect().await.map_err(fault)?;
    open::is_ours(&mut source, from).await?;
    let _left_by_a_crash = std::fs::remove_file(to);
    // Empty, and for its owner alone: SQLite writes into it.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(|error| unusable(to, &error))?;
    let path = to.to_str().ok_or_else(|| StoreError::Unavailable("the path of a backup must be UTF-8".to_owned()))?;
    sqlx::query("VACUUM INTO ?").bind(path).execute(&mut source).await.map_err(fault)?;
    let _closed_or_dropped = source.close().await;
    let file = File::open(to).map_err(|error| unusable(to, &error))?;
    file.sync_all().map_err(|error| unusable(to, &error))?;
    let bytes = file.metadata().map_err(|error| unusable(to, &error))?.len();
    let mut copy = open::reading(to, &settings).connect().await.map_err(fault)?;
    open::is_ours(&mut copy, to).await?;
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut copy).await.map_err(fault)?;
    if sound != "ok" {
        return Err(super::super::document::corrupt("backup", sound));
    }
    let (items, revision) = read::snapshot(&mut copy).await?;
    let _closed_or_dropped = copy.close().await;
    Ok(BackedUp { revision, items: items.len(), bytes })
}

fn unusable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("`{}` cannot be written as a backup: {error}", path.display()))
}
