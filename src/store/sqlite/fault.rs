//! What SQLite's result codes mean to the store: [`StoreError`] with a text that says what is wrong
//! with the database and what to do, never a raw code alone.

use super::super::StoreError;
use super::super::document::corrupt;

/// The store's error for an error of the driver.
pub(super) fn fault(error: sqlx::Error) -> StoreError {
    let unavailable = |text: String| StoreError::Unavailable(text);
    let said = error.to_string();
    let primary = match &error {
        // The primary code is the low byte of the extended one that the driver reports.
        sqlx::Error::Database(database) => {
            database.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff)
        }
        sqlx::Error::PoolTimedOut => {
            return unavailable("no connection for reading became free in time: it is overloaded".to_owned());
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => return corrupt("row", said),
        _ => return unavailable(said),
    };
    match primary {
        Some(5 | 6) => unavailable(format!(
            "the database is locked by another process; one authority alone may use the file ({said})"
        )),
        Some(8) => unavailable(format!("the database file or its directory is read-only ({said})")),
        Some(10) => unavailable(format!("the disk does not read or write as it should ({said})")),
        Some(11) => corrupt("database file", said),
        Some(13) => unavailable(format!("the disk, or the size the database may grow to, is full ({said})")),
        Some(14) => unavailable(format!("the database file cannot be opened: look at path and permissions ({said})")),
        Some(19) => corrupt("transaction", format!("it breaks a rule of the schema ({said})")),
        Some(26) => corrupt("database file", "it is not an SQLite database"),
        _ => unavailable(said),
    }
}
