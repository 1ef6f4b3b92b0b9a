//! What a PostgreSQL store is told: where the servers are, who it is, and how long it waits.

use core::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// How a PostgreSQL store behaves.
#[derive(Clone)]
pub struct PostgresSettings {
    /// The servers, of which one is the primary; asked in this order.
    pub hosts: Vec<PostgresHost>,
    /// The database.
    pub database: String,
    /// The user; owns the schema.
    pub user: String,
    /// The password, if the server asks for one.
    pub password: Option<String>,
    /// How the connections are protected.
    pub tls: PostgresTls,
    /// Whether a standby acknowledges commits.
    pub standby: Standby,
    /// The most connections, without the one that listens; at least 2.
    pub connections_max: u32,
    /// How long a server may take to answer a new connection, in milliseconds.
    pub connect_ms_max: u64,
    /// How long a statement, a commit or a proof may take, in milliseconds.
    pub statement_ms_max: u64,
    /// How long a transaction waits for its turn, or a read for a connection, in milliseconds.
    pub begin_ms_max: u64,
}

impl PostgresSettings {
    /// The bounds that hold if nobody says otherwise, for these servers and no proof.
    pub fn of(hosts: Vec<PostgresHost>, user: &str, database: &str) -> Self {
        Self {
            hosts,
            database: database.to_owned(),
            user: user.to_owned(),
            password: None,
            tls: PostgresTls::Loopback,
            standby: Standby::None,
            connections_max: 10,
            connect_ms_max: 2000,
            statement_ms_max: 5000,
            begin_ms_max: 10_000,
        }
    }
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the password.
        f.debug_struct("PostgresSettings")
            .field("hosts", &self.hosts)
            .field("database", &self.database)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostgresHost {
    /// On the network.
    Tcp {
        /// Its name or address; the name must be in its certificate.
        name: String,
        /// Its port.
        port: u16,
    },
    /// On this host.
    Socket {
        /// The folder of its socket.
        directory: PathBuf,
        /// The port in the socket's name.
        port: u16,
    },
}

impl PostgresHost {
    /// Whether what is sent there never leaves this host.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Socket { .. } => true,
            Self::Tcp { name, .. } => {
                name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl fmt::Display for PostgresHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { name, port } if name.contains(':') => write!(f, "[{name}]:{port}"),
            Self::Tcp { name, port } => write!(f, "{name}:{port}"),
            Self::Socket { directory, port } => write!(f, "{}/.s.PGSQL.{port}", directory.display()),
        }
    }
}

/// How connections are protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostgresTls {
    /// Not at all: nothing leaves this host. Any other host is refused.
    Loopback,
    /// By TLS; chain and name of the server's certificate are checked.
    Verified {
        /// Whose certificates are believed, beside the public ones.
        ca_file: Option<PathBuf>,
        /// The certificate and key that prove who we are.
        client: Option<(PathBuf, PathBuf)>,
    },
}

/// Whether a standby acknowledges commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standby {
    /// It must: without `synchronous_standby_names` no lease is granted.
    Synchronous,
    /// There is none that could become the primary, or the risk is taken.
    None,
}
