//! PostgreSQL, as the suite uses it.

#[path = "../../../tests/postgres/server.rs"]
#[expect(dead_code, reason = "the tests of the whole program use more of it")]
mod server;

use crate::store::{PostgresHost, PostgresSettings, PostgresStore};
pub(in crate::store) use server::{Database, PORT, Server, USER, own, sql};
use std::path::Path;

impl Database {
    /// How the database is reached.
    pub(in crate::store) fn settings(&self) -> PostgresSettings {
        settings(&[&self.socket], &self.name)
    }

    /// A store in it.
    pub(in crate::store) async fn open(&self) -> PostgresStore {
        PostgresStore::open(self.settings()).await.unwrap()
    }

    /// Forgets everything, as if it had just been made.
    pub(in crate::store) fn clear(&self) {
        self.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    }
}

/// How a database is reached on one of these servers.
pub(in crate::store) fn settings(sockets: &[&Path], database: &str) -> PostgresSettings {
    let host = |socket: &&Path| PostgresHost::Socket { directory: socket.to_path_buf(), port: PORT };
    PostgresSettings::of(sockets.iter().map(host).collect(), USER, database)
}
