//! Opening the database file: who may read it, whose it is, how new it is, and which SQLite reads it.
//! Nothing of a file that is not ours is changed.

use super::super::StoreError;
use super::super::document::corrupt;
use super::SqliteSettings;
use super::fault::fault;
use core::time::Duration;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _, SqliteConnection};
use std::fs::{File, Metadata, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Marks a database file as ours: `LBOX`.
const APPLICATION_ID: i64 = 0x4c42_4f58;
/// Marks a database file whose record was moved to a database server: `LBXM`. No program of ours opens it.
const MOVED_ID: i64 = 0x4c42_584d;
/// Before it, a reset of the WAL could lose a commit (SAFETY.md §5).
const SQLITE_OLDEST: [u32; 3] = [3, 51, 3];

/// How often a file that another process has is asked for.
const CLAIM_AGAIN: Duration = Duration::from_millis(20);

/// The schema's steps. Embedded, and never changed once released: their checksums are in the file.
fn migrator() -> Migrator {
    let step = |version, description: &'static str, sql: &'static str| {
        Migration::new(version, description.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(vec![
        step(1, "init", include_str!("../migrations/sqlite/0001_init.sql")),
        step(2, "customer side", include_str!("../migrations/sqlite/0002_customer_side.sql")),
        step(3, "accesses", include_str!("../migrations/sqlite/0003_accesses.sql")),
    ])
}

/// The file beside another one, or beside where one will be: its name with something after it.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Which file is open: its own inode and that of its write-ahead log. SQLite goes on writing to a
/// file that was deleted or replaced, and what it then acknowledges is lost.
#[derive(Debug)]
pub(super) struct FileIdentity {
    files: Vec<(PathBuf, u64, u64)>,
}

impl FileIdentity {
    /// Of the open database at `path`; both files exist while a connection is open.
    fn of(path: &Path) -> Result<Self, StoreError> {
        let identified = |path: PathBuf| {
            let found = std::fs::metadata(&path).map_err(|error| unusable(&path, &error))?;
            Ok((path, found.dev(), found.ino()))
        };
        let files = [path.to_path_buf(), beside(path, "-wal")].into_iter().map(identified).collect::<Result<_, _>>()?;
        Ok(Self { files })
    }

    /// Whether the files are still the ones that were opened.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] naming the file that is gone.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        for (path, device, inode) in &self.files {
            let same = |found: Metadata| found.dev() == *device && found.ino() == *inode;
            if !std::fs::metadata(path).is_ok_and(same) {
                return Err(StoreError::Unavailable(format!(
                    "`{}` was deleted or replaced while in use; stop, put the file back or restore it, start again",
                    path.display()
                )));
            }
        }
        Ok(())
    }
}

/// That this process alone has the file, for as long as the value lives. By a file beside it: SQLite's own locks are
/// those of the process, and go when any descriptor of the database file is closed.
#[derive(Debug)]
pub(super) struct Claim {
    _held: File,
}

impl Claim {
    /// Claims the database file at `path`; who has it may take `wait_max` to let go of it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when another process keeps it.
    pub(super) async fn of(path: &Path, wait_max: Duration) -> Result<Self, StoreError> {
        // The file that a link leads to: a name of its own is no file of its own.
        let real = std::fs::canonicalize(path).map_err(|error| unusable(path, &error))?;
        let claim = beside(&real, "-claim");
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&claim);
        let held = opened.map_err(|error| unusable(&claim, &error))?;
        let mut waited = Duration::ZERO;
        while let Err(error) = flock(&held, FlockOperation::NonBlockingLockExclusive) {
            if error != Errno::WOULDBLOCK {
                return Err(unusable(&claim, &error.into()));
            }
            if waited >= wait_max {
                return Err(StoreError::Unavailable(format!(
                    "another authority has `{}` open, and one alone may use it: stop that one, or keep the record in \
                     PostgreSQL, which several may share",
                    path.display()
                )));
            }
            tokio::time::sleep(CLAIM_AGAIN).await;
            waited = waited.saturating_add(CLAIM_AGAIN);
        }
        Ok(Self { _held: held })
    }
}

/// How a connection that may write is made.
pub(super) fn writing(path: &Path, settings: &SqliteSettings) -> SqliteConnectOptions {
    let options = plain(path, settings).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    match settings.pages_max {
        Some(pages) => options.pragma("max_page_count", pages.to_string()),
        None => options,
    }
}

/// How a connection that only reads is made.
pub(super) fn reading(path: &Path, settings: &SqliteSettings) -> SqliteConnectOptions {
    // Rows come in batches of this many: a snapshot is one query of 100,000.
    plain(path, settings).read_only(true).row_buffer_size(1000)
}

fn plain(path: &Path, settings: &SqliteSettings) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(Duration::from_millis(settings.begin_ms_max / 2))
        .disable_statement_logging()
}

/// A connection that nobody else has one beside, and that keeps it so until it is closed. The file must be there,
/// and ours.
///
/// # Errors
/// [`StoreError::Unavailable`] when another process has the file open, too.
pub(in crate::store) async fn alone(path: &Path) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .pragma("locking_mode", "EXCLUSIVE")
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_millis(500))
        .disable_statement_logging();
    // Who has read a file with a write-ahead log keeps a lock on it, which this one needs alone from its first look.
    let in_use = |error| match error {
        StoreError::Unavailable(said) if said.contains("locked by another process") => {
            StoreError::Unavailable(format!("`{}` is in use: stop the authority first ({said})", path.display()))
        }
        other => other,
    };
    let mut connection = options.connect().await.map_err(fault).map_err(in_use)?;
    is_ours(&mut connection, path).await.map_err(in_use)?;
    let locked = sqlx::raw_sql("BEGIN EXCLUSIVE; COMMIT").execute(&mut connection).await;
    locked.map_err(fault).map_err(in_use)?;
    Ok(connection)
}

/// Marks the file as one that was moved. The connection is in a transaction.
pub(in crate::store) async fn mark_moved(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let mark = sqlx::AssertSqlSafe(format!("PRAGMA application_id = {MOVED_ID}"));
    sqlx::query(mark).execute(connection).await.map(drop).map_err(fault)
}

/// Opens the file, makes it if there is none, and brings its schema up to date.
///
/// # Errors
/// [`StoreError`] when the file is not ours, newer than this program, damaged or out of reach.
pub(super) async fn open(
    path: &Path,
    settings: &SqliteSettings,
) -> Result<(SqliteConnection, FileIdentity, Claim), StoreError> {
    let made = make(path)?;
    if !made {
        let mut looking = reading(path, settings).connect().await.map_err(fault)?;
        let ours = is_ours(&mut looking, path).await;
        let _closed_or_dropped = looking.close().await;
        ours?;
    }
    // Before the schema is touched; after it is known to be ours.
    let claim = Claim::of(path, Duration::from_millis(settings.begin_ms_max / 2)).await?;
    let mut connection = writing(path, settings).connect().await.map_err(fault)?;
    let version: String =
        sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut connection).await.map_err(fault)?;
    new_enough(&version)?;
    migrate(&mut connection, path).await?;
    let identity = FileIdentity::of(path)?;
    if made {
        // A file that was never entered in its directory on disk is gone after a power cut, commits and all.
        sync_directory(path).map_err(|error| unusable(path, &error))?;
    }
    Ok((connection, identity, claim))
}

/// Makes an empty file that only its owner can read; true if there was none. SQLite gives the files
/// beside it the same permissions.
fn make(path: &Path) -> Result<bool, StoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_empty) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // Opening a directory or a device is refused here, with its name.
            match std::fs::metadata(path) {
                Ok(found) if found.is_file() => Ok(false),
                Ok(_) => Err(StoreError::Unavailable(format!("`{}` is not a file", path.display()))),
                Err(error) => Err(unusable(path, &error)),
            }
        }
        Err(error) => Err(unusable(path, &error)),
    }
}

pub(super) fn sync_directory(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

fn unusable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("`{}` cannot be used as the database file: {error}", path.display()))
}

/// An empty file may become ours; one with another program's tables is left as it is.
pub(super) async fn is_ours(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let id: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(fault)?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *connection).await.map_err(fault)?;
    if id == APPLICATION_ID || (id == 0 && tables == 0) {
        return Ok(());
    }
    if id == MOVED_ID {
        return Err(StoreError::Unavailable(format!(
            "the record in `{}` was moved to a database server by `lockbox authority move` and goes on there: set \
             `authority.database` to its address; this file is an old copy",
            path.display()
        )));
    }
    Err(corrupt("database file", format!("`{}` is a database of another program: name another file", path.display())))
}

fn new_enough(version: &str) -> Result<(), StoreError> {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let have = [(); 3].map(|()| numbers.next().unwrap_or(0));
    if have >= SQLITE_OLDEST {
        return Ok(());
    }
    let [major, minor, patch] = SQLITE_OLDEST;
    Err(StoreError::Unavailable(format!(
        "the SQLite library is {version}; before {major}.{minor}.{patch} it can lose commits: build with a newer one"
    )))
}

/// Runs what is missing of the schema in one transaction, so that two processes cannot both begin it
/// and a crash leaves the file as it was.
async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
    migrator().run(&mut *transaction).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => StoreError::Unavailable(format!(
            "`{}` was made by a newer version of this program (schema {version}): run that version, or restore a backup",
            path.display()
        )),
        MigrateError::VersionMismatch(version) => {
            corrupt("database file", format!("its schema {version} is not the one this program knows"))
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => fault(error),
        other => StoreError::Unavailable(other.to_string()),
    })?;
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION_ID}")))
        .execute(&mut *transaction)
        .await
        .map_err(fault)?;
    transaction.commit().await.map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sqlite_that_loses_commits_is_refused() {
        for good in ["3.51.3", "3.51.10", "3.52.0", "4.0.0"] {
            new_enough(good).unwrap();
        }
        for bad in ["3.51.2", "3.9.99", "2.99.99", "", "x.y.z"] {
            assert!(new_enough(bad).unwrap_err().to_string().contains("3.51.3"), "{bad}");
        }
    }
}
