//! Where the authority keeps its record: an SQLite file, or a PostgreSQL database with one server or several.

use core::fmt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The port if none is given.
const POSTGRES_PORT: u16 = 5432;
/// The most servers of one database.
const HOSTS_MAX: usize = 8;

/// Where the authority keeps its record: the path of an SQLite file, plain or as a `sqlite:` address, or a
/// `postgres://user@host:port,host:port/database` address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Database {
    /// A file, for one authority.
    Sqlite(PathBuf),
    /// A PostgreSQL database, for many.
    Postgres(Postgres),
}

/// A PostgreSQL database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postgres {
    /// Who connects.
    pub user: String,
    /// The servers, of which one is the primary; never empty.
    pub hosts: Vec<DatabaseHost>,
    /// The name of the database.
    pub name: String,
}

/// Where a database server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseHost {
    /// On the network: name or address, and port.
    Tcp(String, u16),
    /// On this host: the folder of its socket, and the port in the socket's name.
    Socket(PathBuf, u16),
}

impl DatabaseHost {
    /// Whether what is sent there never leaves this host.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Socket(..) => true,
            Self::Tcp(name, _) => {
                name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl Postgres {
    /// Whether nothing that is sent to any of its servers leaves this host.
    pub fn is_loopback(&self) -> bool {
        self.hosts.iter().all(DatabaseHost::is_loopback)
    }

    fn parse(rest: &str) -> Result<Self, String> {
        let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        let wrong = || "a PostgreSQL address is `postgres://user@host:port,host:port/database`".to_owned();
        let (authority, name) = place.split_once('/').ok_or_else(wrong)?;
        let (user, hosts) = authority.rsplit_once('@').ok_or_else(wrong)?;
        if user.contains(':') {
            return Err("an address holds no password: name `authority.database_password_file` instead".to_owned());
        }
        for (what, name) in [("user", user), ("database", name)] {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            if name.is_empty() || !name.chars().all(plain) {
                return Err(format!("`{name}` cannot be the {what}: letters, digits, `_`, `-` and `.` only"));
            }
        }
        let hosts = match query {
            None => hosts.split(',').map(tcp).collect::<Result<Vec<_>, _>>()?,
            Some(query) => sockets(hosts, query)?,
        };
        if hosts.len() > HOSTS_MAX {
            return Err(format!("names {} servers: allowed are {HOSTS_MAX}", hosts.len()));
        }
        Ok(Self { user: user.to_owned(), hosts, name: name.to_owned() })
    }
}

/// `host`, `host:port`, `[::1]` or `[::1]:port`.
fn tcp(text: &str) -> Result<DatabaseHost, String> {
    let wrong = || format!("`{text}` is no server: give `host` or `host:port`, an IPv6 address in brackets");
    let (name, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((address, ""))) => (address, None),
        Some(Some((address, rest))) => (address, Some(rest.strip_prefix(':').ok_or_else(wrong)?)),
        Some(None) => return Err(wrong()),
        None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    let bracketed = text.starts_with('[');
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') || (bracketed && c == ':');
    if name.is_empty() || !name.chars().all(plain) || (bracketed && name.parse::<IpAddr>().is_err()) {
        return Err(wrong());
    }
    Ok(DatabaseHost::Tcp(name.to_owned(), port.map_or(Ok(POSTGRES_PORT), str::parse).map_err(|_| wrong())?))
}

/// `?host=/folder,/folder`, and nothing else: how connections are protected is no matter of the address.
fn sockets(hosts: &str, query: &str) -> Result<Vec<DatabaseHost>, String> {
    let folders = query.strip_prefix("host=").filter(|folders| hosts.is_empty() && !folders.contains(['&', '%']));
    let folders = folders.ok_or(
        "after `?` only the folders of Unix sockets are named, as in `postgres://lockbox@/lockbox?host=/run/postgresql`; \
         TLS is always on to another host, and checks its certificate",
    )?;
    let socket = |folder: &str| match folder.starts_with('/') {
        true => Ok(DatabaseHost::Socket(PathBuf::from(folder), POSTGRES_PORT)),
        false => Err(format!("`{folder}` is no folder of a Unix socket: it begins with `/`")),
    };
    folders.split(',').map(socket).collect()
}

impl Default for Database {
    fn default() -> Self {
        Self::Sqlite(PathBuf::from("lockbox.db"))
    }
}

impl TryFrom<String> for Database {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
            return Postgres::parse(rest).map(Self::Postgres);
        }
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")).unwrap_or(&text);
        if path.is_empty() || path.contains(":memory:") {
            return Err("the state must outlive the process: name a file, such as `lockbox.db`".to_owned());
        }
        if path.contains("://") || path.contains('?') {
            return Err("is neither an SQLite file (its path, or `sqlite:` and its path) nor a `postgres://` address"
                .to_owned());
        }
        Ok(Self::Sqlite(Path::new(path).to_path_buf()))
    }
}

impl From<Database> for String {
    fn from(database: Database) -> Self {
        database.to_string()
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Postgres { user, hosts, name } = match self {
            Self::Sqlite(path) => return write!(f, "{}", path.display()),
            Self::Postgres(postgres) => postgres,
        };
        let (mut network, mut folders) = (Vec::new(), Vec::new());
        for host in hosts {
            match host {
                DatabaseHost::Tcp(name, port) if name.contains(':') => network.push(format!("[{name}]:{port}")),
                DatabaseHost::Tcp(name, port) => network.push(format!("{name}:{port}")),
                DatabaseHost::Socket(folder, _) => folders.push(folder.display().to_string()),
            }
        }
        write!(f, "postgres://{user}@{}/{name}", network.join(","))?;
        if folders.is_empty() { Ok(()) } else { write!(f, "?host={}", folders.join(",")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parsed(text: &str) -> Result<Database, String> {
        Database::try_from(text.to_owned())
    }

    #[test]
    fn addresses_read_back_as_they_are_written() {
        for (text, written) in [
            ("lockbox.db", "lockbox.db"),
            ("sqlite:///var/lib/lockbox.db", "/var/lib/lockbox.db"),
            ("postgres://lockbox@db1/record", "postgres://lockbox@db1:5432/record"),
            ("postgresql://u@db1:6000,db2,[::1]:7/r", "postgres://u@db1:6000,db2:5432,[::1]:7/r"),
            ("postgres://u@/r?host=/run/a,/run/b", "postgres://u@/r?host=/run/a,/run/b"),
        ] {
            let database = parsed(text).unwrap();
            assert_eq!(database.to_string(), written);
            assert_eq!(parsed(written).unwrap(), database);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_in_words() {
        for (text, says) in [
            ("postgres://db1/record", "user@host"),
            ("postgres://u:secret@db1/record", "database_password_file"),
            ("postgres://u@db1/", "the database"),
            ("postgres://u@db1:x/r", "no server"),
            ("postgres://u@[::1/r", "no server"),
            ("postgres://u@db1:1:2/r", "no server"),
            ("postgres://u@db1/r?sslmode=disable", "TLS is always on"),
            ("postgres://u@/r?host=run", "begins with `/`"),
            ("mysql://u@db1/r", "neither"),
            (":memory:", "outlive"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn loopback_is_told_from_other_hosts() {
        for (text, here) in [
            ("postgres://u@localhost,127.0.0.9,[::1]/r", true),
            ("postgres://u@/r?host=/run/a", true),
            ("postgres://u@localhost,db2/r", false),
            ("postgres://u@localhost.example/r", false),
        ] {
            let Ok(Database::Postgres(postgres)) = parsed(text) else { panic!("{text}") };
            assert_eq!(postgres.is_loopback(), here, "{text}");
        }
    }
}
