//! Opening the record: the SQLite file or the PostgreSQL database of the configuration.

use super::StartError;
use crate::config::{self, Config, Database, DatabaseHost, DatabaseStandby};
use crate::store::{
    PostgresHost, PostgresSettings, PostgresStore, PostgresTls, SqliteSettings, SqliteStore, Standby, Store,
};
use std::sync::Arc;

/// The largest file with a password, in bytes.
const PASSWORD_BYTES_MAX: u64 = 4096;

/// Opens the record that the configuration names.
///
/// # Errors
/// [`StartError`] saying which database cannot be used, and why.
pub async fn open(config: &Config) -> Result<Arc<dyn Store>, StartError> {
    let database = &config.authority.database;
    let unusable = |error| StartError::Store { path: database.to_string(), error };
    match database {
        Database::Sqlite(path) => {
            Ok(Arc::new(SqliteStore::open(path, SqliteSettings::default()).await.map_err(unusable)?))
        }
        Database::Postgres(postgres) => {
            let settings = settings(&config.authority, postgres)?;
            Ok(Arc::new(PostgresStore::open(settings).await.map_err(unusable)?))
        }
    }
}

/// How that PostgreSQL database is reached.
///
/// # Errors
/// [`StartError::System`] when the file with the password cannot be used.
pub fn settings(authority: &config::Authority, postgres: &config::Postgres) -> Result<PostgresSettings, StartError> {
    let host = |host: &DatabaseHost| match host {
        DatabaseHost::Tcp(name, port) => PostgresHost::Tcp { name: name.clone(), port: *port },
        DatabaseHost::Socket(folder, port) => PostgresHost::Socket { directory: folder.clone(), port: *port },
    };
    let client = authority.database_client_certificate_file.clone().zip(authority.database_client_key_file.clone());
    let tls = match (&authority.database_ca_file, postgres.is_loopback()) {
        (None, true) => PostgresTls::Loopback,
        (ca_file, _) => PostgresTls::Verified { ca_file: ca_file.clone(), client },
    };
    let standby = match authority.standby() {
        DatabaseStandby::Synchronous => Standby::Synchronous,
        DatabaseStandby::None => Standby::None,
    };
    Ok(PostgresSettings {
        hosts: postgres.hosts.iter().map(host).collect(),
        database: postgres.name.clone(),
        user: postgres.user.clone(),
        password: password(authority)?,
        tls,
        standby,
        connections_max: authority.database_connections_max,
        connect_ms_max: authority.database_connect_ms_max,
        statement_ms_max: authority.database_statement_ms_max,
        begin_ms_max: authority.database_begin_ms_max,
    })
}

fn password(authority: &config::Authority) -> Result<Option<String>, StartError> {
    let Some(path) = &authority.database_password_file else {
        return Ok(None);
    };
    let unusable = |why: String| StartError::System(format!("the password file `{}` {why}", path.display()));
    let found = std::fs::metadata(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    if found.len() > PASSWORD_BYTES_MAX {
        return Err(unusable(format!("has more than {PASSWORD_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() { Err(unusable("is empty".to_owned())) } else { Ok(Some(password.to_owned())) }
}
