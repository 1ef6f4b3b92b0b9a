//! Reaching the server: each host in turn, until one answers that is the primary and takes writes.
//!
//! Invariant: nothing is sent in plain text to another host, and a server that was not the last one used
//! has proven itself by a commit before anything it says is believed.

use super::super::StoreError;
use super::fault::{fault, within};
use super::{PostgresHost, PostgresSettings, PostgresTls, Standby};
use crate::domain::Timestamp;
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions as _, PgConnection};

/// Which start of which server answers: the moment it was started, in microseconds. A standby that becomes
/// the primary keeps its own, so two servers never have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Server(pub(super) i64);

/// When this server was started, whether it replays another one's changes, and whether it was made read-only.
const LOOK: &str = "SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint, pg_is_in_recovery(), \
    current_setting('default_transaction_read_only')::boolean";

/// The same, whether commits wait for a standby, and a commit. The message is written to the log that standbys
/// get and to no table, so proofs of many authorities wait for no lock and leave nothing behind.
const PROVE: &str = "SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint, pg_is_in_recovery(), \
    current_setting('default_transaction_read_only')::boolean, current_setting('synchronous_standby_names') <> '', \
    CASE WHEN NOT pg_is_in_recovery() THEN pg_logical_emit_message(true, 'lockbox', '')::text END, \
    floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// A server that has proved that it takes commits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proof {
    /// Which start of which server.
    pub(super) server: Server,
    /// What its clock showed.
    pub(super) at: Timestamp,
}

/// The servers that may be the primary.
pub(super) struct Servers {
    hosts: Vec<(String, PgConnectOptions)>,
    /// The host that was the primary when last looked.
    first: AtomicUsize,
    connect_max: Duration,
    statement_max: Duration,
    standby: Standby,
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options hold the password.
        f.debug_list().entries(self.hosts.iter().map(|(name, _)| name)).finish()
    }
}

impl Servers {
    pub(super) fn of(settings: &PostgresSettings) -> Result<Self, StoreError> {
        if settings.hosts.is_empty() {
            return Err(StoreError::Unavailable("no database server is named".to_owned()));
        }
        let hosts = settings.hosts.iter().map(|host| Ok((host.to_string(), options(settings, host)?)));
        Ok(Self {
            hosts: hosts.collect::<Result<_, StoreError>>()?,
            first: AtomicUsize::new(0),
            connect_max: Duration::from_millis(settings.connect_ms_max),
            statement_max: Duration::from_millis(settings.statement_ms_max),
            standby: settings.standby,
        })
    }

    /// A connection to the primary. A server other than `known` has just proven itself.
    pub(super) async fn connect(&self, known: Option<Server>) -> Result<(PgConnection, Server), StoreError> {
        let first = self.first.load(Ordering::Relaxed);
        let mut refused = Vec::new();
        for (index, (name, options)) in self.hosts.iter().enumerate().cycle().skip(first).take(self.hosts.len()) {
            match self.try_one(options, known).await {
                Ok(found) => {
                    self.first.store(index, Ordering::Relaxed);
                    return Ok(found);
                }
                Err(error) => refused.push((name, error)),
            }
        }
        // One host's error as it is, for it tells what kind it is; of several, all of them in one text.
        if let [(_, StoreError::Corrupt { .. })] = refused.as_slice()
            && let Some((_, error)) = refused.pop()
        {
            return Err(error);
        }
        let reasons = refused.iter().map(|(name, error)| match error {
            StoreError::Unavailable(text) => format!("{name}: {text}"),
            other => format!("{name}: {other}"),
        });
        Err(StoreError::Unavailable(reasons.collect::<Vec<_>>().join("; ")))
    }

    async fn try_one(
        &self,
        options: &PgConnectOptions,
        known: Option<Server>,
    ) -> Result<(PgConnection, Server), StoreError> {
        let mut connection = within(self.connect_max, options.connect()).await.map_err(fault)?;
        let look = sqlx::query_as(LOOK).fetch_one(&mut connection);
        let (started, recovering, read_only): (i64, bool, bool) =
            within(self.connect_max, look).await.map_err(fault)?;
        is_primary(recovering, read_only)?;
        let server = Server(started);
        if known != Some(server) && self.proof(&mut connection, self.connect_max).await?.server != server {
            return Err(StoreError::Unavailable("the server was started anew meanwhile".to_owned()));
        }
        Ok((connection, server))
    }

    /// Commits on this connection, and says which server it was that did.
    pub(super) async fn prove(&self, connection: &mut PgConnection) -> Result<Proof, StoreError> {
        self.proof(connection, self.statement_max).await
    }

    async fn proof(&self, connection: &mut PgConnection, bound: Duration) -> Result<Proof, StoreError> {
        // All rows and the end of the answer: the server commits before it says that it is ready again.
        let proof = sqlx::query_as(PROVE).fetch_all(connection);
        let proof: Vec<(i64, bool, bool, bool, Option<String>, i64)> =
            within(bound, proof).await.map_err(|error| match fault(error) {
                StoreError::Unavailable(text) => StoreError::Unavailable(format!(
                    "the server could not prove that it is the primary: {text}; if it has lost its synchronous standby, that \
                     is why"
                )),
                other => other,
            })?;
        let Some((started, recovering, read_only, waits, _position, clock_ms)) = proof.into_iter().next() else {
            return Err(StoreError::Unavailable("the server proved nothing".to_owned()));
        };
        is_primary(recovering, read_only)?;
        if self.standby == Standby::Synchronous && !waits {
            return Err(StoreError::Unavailable(
                "`synchronous_standby_names` is empty on the primary: without a standby that acknowledges, a replaced \
                 primary cannot be told from the new one; set it, or say `authority.database_standby = \"none\"`"
                    .to_owned(),
            ));
        }
        Ok(Proof { server: Server(started), at: Timestamp::from_ms(clock_ms) })
    }

    /// Where the primary was last found.
    pub(super) fn primary(&self) -> Option<&PgConnectOptions> {
        self.hosts.get(self.first.load(Ordering::Relaxed)).map(|(_, options)| options)
    }
}

/// That a server with these answers is the primary.
pub(super) fn is_primary(recovering: bool, read_only: bool) -> Result<(), StoreError> {
    match (recovering, read_only) {
        (true, _) => Err(StoreError::Unavailable("the server is a standby, not the primary".to_owned())),
        (_, true) => {
            Err(StoreError::Unavailable("the server was made read-only (`default_transaction_read_only`)".to_owned()))
        }
        (false, false) => Ok(()),
    }
}

fn options(settings: &PostgresSettings, host: &PostgresHost) -> Result<PgConnectOptions, StoreError> {
    let PostgresSettings { database, user, password, tls, .. } = settings;
    // Everything that the environment could set is set here.
    let mut options = PgConnectOptions::new_without_pgpass()
        .username(user)
        .database(database)
        .password(password.as_deref().unwrap_or_default())
        .application_name("lockbox")
        .options(session(settings))
        .disable_statement_logging();
    let plain = matches!(tls, PostgresTls::Loopback);
    options = match host {
        PostgresHost::Socket { directory, port } => options.port(*port).socket(directory).ssl_mode(PgSslMode::Disable),
        PostgresHost::Tcp { name, port } => {
            if plain && !host.is_loopback() {
                return Err(StoreError::Unavailable(format!("`{host}` is another host: it is reached by TLS only")));
            }
            let mode = if plain { PgSslMode::Disable } else { PgSslMode::VerifyFull };
            options.host(name).port(*port).ssl_mode(mode)
        }
    };
    if let PostgresTls::Verified { ca_file, client } = tls {
        if let Some(ca) = ca_file {
            options = options.ssl_root_cert(ca);
        }
        if let Some((certificate, key)) = client {
            options = options.ssl_client_cert(certificate).ssl_client_key(key);
        }
    }
    Ok(options)
}

/// What holds for every session: nothing lasts for ever on the server's side either, and a commit is
/// acknowledged only when it is on the disk of the primary and of its synchronous standby.
fn session(settings: &PostgresSettings) -> Vec<(&'static str, String)> {
    let PostgresSettings { begin_ms_max, statement_ms_max, .. } = settings;
    vec![
        ("synchronous_commit", "on".to_owned()),
        // Not below either bound of ours, so that ours is the one that is told of.
        ("statement_timeout", begin_ms_max.max(statement_ms_max).to_string()),
        ("lock_timeout", begin_ms_max.max(statement_ms_max).to_string()),
        // Who stands still with the lock is ended, but long after those who wait for it have been told.
        ("idle_in_transaction_session_timeout", begin_ms_max.saturating_mul(4).to_string()),
        ("client_connection_check_interval", "1000".to_owned()),
        ("tcp_keepalives_idle", "10".to_owned()),
        ("tcp_keepalives_interval", "5".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
        ("tcp_user_timeout", "20000".to_owned()),
    ]
}
