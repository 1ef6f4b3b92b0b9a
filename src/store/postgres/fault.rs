//! What PostgreSQL's error codes mean to the store: [`StoreError`] with a text that says what is wrong with
//! the database and what to do, never a raw code alone.

use super::super::StoreError;
use super::super::document::corrupt;
use core::time::Duration;
use std::io::ErrorKind;

/// The store's error for an error of the driver.
pub(super) fn fault(error: sqlx::Error) -> StoreError {
    let said = error.to_string();
    let sqlx::Error::Database(database) = &error else {
        return match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => corrupt("row", said),
            sqlx::Error::Io(_) => StoreError::Unavailable(format!("the database server does not answer: {said}")),
            _ => StoreError::Unavailable(said),
        };
    };
    let code = database.code().unwrap_or_default().into_owned();
    let unavailable = |what: &str| StoreError::Unavailable(format!("{what} ({said}, {code})"));
    match code.as_str() {
        "25006" => unavailable("the database server takes no writes: it is a standby, or was made read-only"),
        "55P03" => unavailable("the transaction before this one has not ended within the time a change may wait"),
        "57014" => unavailable("the database server took too long and gave the statement up"),
        "57P01" | "57P02" | "57P03" | "57P05" => unavailable("the database server is stopping, starting or recovering"),
        "25P03" => unavailable("a transaction stood still for too long and was ended by the database server"),
        "53100" => unavailable("the disk of the database server is full"),
        "53200" => unavailable("the database server is out of memory"),
        "53300" | "53400" => {
            unavailable("the database server takes no more connections: look at `max_connections` and at who uses them")
        }
        "3D000" => unavailable("the database is not there: create it, owned by the user that Lockbox connects as"),
        "42501" => unavailable("the database user may not do this: grant it, or own the schema with it"),
        "42P01" | "42703" => unavailable("the schema of the database is not the one this program knows"),
        code if code.starts_with("28") => unavailable("the database server refuses the user or its proof"),
        code if code.starts_with("23") => {
            corrupt("transaction", format!("it breaks a rule of the schema ({said}, {code})"))
        }
        code if code.starts_with("22") => corrupt("value", format!("{said}, {code}")),
        "XX001" | "XX002" => corrupt("database", format!("{said}, {code}")),
        _ => unavailable("the database server refuses"),
    }
}

/// Whether this says something about the server, and so about every other connection to it.
pub(super) fn severs(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            code == "25006" || code.starts_with("57P") || code.starts_with("08")
        }
        _ => true,
    }
}

/// Whether the server has certainly not committed what it was asked to.
pub(super) fn certainly_undone(error: &sqlx::Error) -> bool {
    // An error within a commit undoes it; one that ends the session may come after it.
    matches!(error, sqlx::Error::Database(_)) && !severs(error)
}

/// Waits for an answer, but not for ever: a server that is gone without a word never closes its connections.
pub(super) async fn within<T>(
    bound: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(bound, answer).await.unwrap_or_else(|_elapsed| {
        let text = format!("no answer within {} ms", bound.as_millis());
        Err(sqlx::Error::Io(std::io::Error::new(ErrorKind::TimedOut, text)))
    })
}
