//! PostgreSQL servers for tests: found where Debian puts them, started in a folder of their own as a user who
//! is not root, asked over a Unix socket, and gone when dropped.
//!
//! `LOCKBOX_TEST_POSTGRES` names the folder of the socket of a server that is shared (`tests/run` starts one,
//! for every test is a process of its own); without it a test starts its own.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Names the folder of the shared server's socket.
pub(crate) const SHARED: &str = "LOCKBOX_TEST_POSTGRES";
/// The port in the names of sockets; nothing listens on the network.
pub(crate) const PORT: u16 = 5432;
/// Who owns everything in these servers.
pub(crate) const USER: &str = "lockbox";
/// How often a server is asked whether it is there yet, every 20 ms.
const TRIES_MAX: u32 = 3000;

/// Made so that a test takes no longer than it must; what is lost when the machine stops is no matter.
const FAST: [&str; 6] = [
    "fsync=off",
    "full_page_writes=off",
    "listen_addresses=",
    "max_connections=200",
    "shared_buffers=32MB",
    "wal_keep_size=64MB",
];

/// Who comes over the socket is trusted; who comes over the network has to know the password, or to have a certificate.
const BY_PASSWORD: &str = "local all all trust\nhostssl all all all scram-sha-256\n";
const BY_CERTIFICATE: &str = "local all all trust\nhostssl all all all cert\n";

/// A server of this test's own.
#[derive(Debug)]
pub(crate) struct Server {
    directory: tempfile::TempDir,
    child: Option<Child>,
    settings: Vec<String>,
}

/// The folder of PostgreSQL's programs.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("postgres").exists()).collect();
    found.sort();
    found.pop().expect("PostgreSQL is not installed: `apt-get install postgresql` (no server has to run)")
}

/// A program of PostgreSQL, by a user that the server accepts: it does not run as root.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(programs().join(name));
    if rustix::process::geteuid().is_root() {
        let (user, group) = unprivileged();
        command.uid(user).gid(group);
    }
    // It asks where it is.
    command.current_dir("/").env("LC_ALL", "C");
    command
}

/// The user `postgres` if there is one, else `nobody`.
fn unprivileged() -> (u32, u32) {
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == "postgres");
    fields.map_or((65_534, 65_534), |fields| (fields[2].parse().unwrap(), fields[3].parse().unwrap()))
}

#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn home() -> tempfile::TempDir {
    // Below /tmp whatever `TMPDIR` says: the path of a socket is short, and the server's user must reach it.
    let directory = tempfile::Builder::new().prefix("lockbox-pg-").tempdir_in("/tmp").unwrap();
    own(directory.path());
    directory
}

/// Gives a file or folder to the server's user.
pub(crate) fn own(path: &Path) {
    if rustix::process::geteuid().is_root() {
        let (user, group) = unprivileged();
        chown(path, Some(user), Some(group)).unwrap();
    }
}

impl Server {
    /// A new server with these settings, running.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let directory = home();
        run(program("initdb")
            .args(["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "--username", USER, "--pgdata"])
            .arg(directory.path().join("data")));
        Self::on(directory, settings)
    }

    /// A standby of `primary` under a name that `synchronous_standby_names` can say, running.
    pub(crate) fn standby_of(primary: &Self, name: &str, settings: &[&str]) -> Self {
        let directory = home();
        run(program("pg_basebackup")
            .args(["--no-sync", "--checkpoint=fast", "--wal-method=stream", "--username", USER, "--host"])
            .arg(primary.socket())
            .arg("--pgdata")
            .arg(directory.path().join("data")));
        let signal = directory.path().join("data/standby.signal");
        std::fs::write(&signal, "").unwrap();
        own(&signal);
        let from = format!(
            "primary_conninfo=host={} port={PORT} user={USER} application_name={name}",
            primary.socket().display()
        );
        let mut all = vec![from.as_str()];
        all.extend(settings);
        Self::on(directory, &all)
    }

    fn on(directory: tempfile::TempDir, settings: &[&str]) -> Self {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut server = Self { directory, child: None, settings };
        server.up();
        server
    }

    /// Starts it, again or for the first time, and waits until it answers.
    pub(crate) fn up(&mut self) {
        for _ in 0..TRIES_MAX {
            let ended = match &mut self.child {
                Some(child) => child.try_wait().unwrap().is_some(),
                None => true,
            };
            if ended {
                let said = std::fs::read_to_string(self.log()).unwrap_or_default();
                // Processes of the one before may take a moment to be gone.
                let again = said.is_empty() || self.child.is_none();
                assert!(again || said.contains("still in use"), "the server ended: {said}");
                self.child = Some(self.spawn());
            }
            let mut ask = program("pg_isready");
            ask.args(["--quiet", "--host"]).arg(self.socket());
            if ask.status().unwrap().success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server does not answer: {}", std::fs::read_to_string(self.log()).unwrap());
    }

    fn spawn(&self) -> Child {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let mut command = program("postgres");
        command.arg("-D").arg(self.directory.path().join("data"));
        let socket = format!("unix_socket_directories={}", self.socket().display());
        for setting in FAST.into_iter().chain([socket.as_str()]).chain(self.settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.spawn().unwrap()
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// The folder of its socket.
    pub(crate) fn socket(&self) -> &Path {
        self.directory.path()
    }

    /// Sends a signal to the server's first process.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        if let Some(child) = &self.child {
            let id = rustix::process::Pid::from_child(child);
            let _gone = rustix::process::kill_process(id, signal);
        }
    }

    /// Sends a signal to all of its processes.
    pub(crate) fn signal_all(&self, signal: rustix::process::Signal) {
        let Some(child) = &self.child else { return };
        let first = child.id();
        if signal == rustix::process::Signal::KILL {
            // It makes no new ones meanwhile.
            self.signal(rustix::process::Signal::STOP);
        }
        let children = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        for id in children.split_whitespace().filter_map(|id| id.parse::<i32>().ok()) {
            let _gone = rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), signal);
        }
        self.signal(signal);
    }

    /// Ends it as a power cut would, all of its processes at once.
    pub(crate) fn kill(&mut self) {
        self.signal_all(rustix::process::Signal::KILL);
        if let Some(mut child) = self.child.take() {
            child.wait().unwrap();
        }
    }

    /// Ends it in order, but without waiting for anybody.
    pub(crate) fn stop(&mut self) {
        self.signal(rustix::process::Signal::INT);
        if let Some(mut child) = self.child.take() {
            child.wait().unwrap();
        }
    }

    /// Has it show this certificate to whoever comes over the network, and ask for a password, or for a certificate
    /// that one of `clients` has signed.
    pub(crate) fn serve_tls(&self, certificate: &str, key: &str, clients: Option<&str>) {
        let data = self.directory.path().join("data");
        let proof = if clients.is_some() { BY_CERTIFICATE } else { BY_PASSWORD };
        let roots = ("clients.crt", clients.unwrap_or_default());
        for (name, text) in [("server.crt", certificate), ("server.key", key), roots, ("pg_hba.conf", proof)] {
            let path = data.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            own(&path);
        }
        let roots = if clients.is_some() { "clients.crt" } else { "" };
        sql(self.socket(), "postgres", &format!("ALTER SYSTEM SET ssl_ca_file = '{roots}'"));
        sql(self.socket(), "postgres", "ALTER SYSTEM SET ssl = on");
        sql(self.socket(), "postgres", "SELECT pg_reload_conf()");
        // It has taken it up when it says so in its log, once for each time.
        let loaded = || {
            let log = std::fs::read_to_string(self.log()).unwrap();
            log.contains("parameter \"ssl\" changed") && sql(self.socket(), "postgres", "SHOW ssl") == "on"
        };
        for _ in 0..TRIES_MAX {
            if loaded() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server serves no TLS: {}", std::fs::read_to_string(self.log()).unwrap());
    }

    /// Makes a standby the primary, and waits until it is.
    pub(crate) fn promote(&self) {
        sql(self.socket(), "postgres", "SELECT pg_promote(true, 60)");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal_all(rustix::process::Signal::CONT);
        self.kill();
    }
}

/// What a statement answers, as unaligned text.
#[track_caller]
pub(crate) fn sql(socket: &Path, database: &str, statement: &str) -> String {
    let mut psql = program("psql");
    psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "--username", USER, "--host"]).arg(socket);
    // Also where the server was made read-only, as a test may have done.
    psql.env("PGOPTIONS", "-c default_transaction_read_only=off");
    run(psql.args(["--dbname", database, "--command", statement])).trim().to_owned()
}

/// A database of this test's own.
#[derive(Debug)]
pub(crate) struct Database {
    /// Its name.
    pub(crate) name: String,
    /// The folder of its server's socket.
    pub(crate) socket: PathBuf,
    /// The server, if it is this test's own.
    pub(crate) server: Option<Server>,
}

impl Database {
    /// On the shared server if there is one, else on one of its own.
    pub(crate) fn new() -> Self {
        match std::env::var_os(SHARED) {
            Some(socket) => Self::made(PathBuf::from(socket), None),
            None => Self::of(Server::start(&[])),
        }
    }

    /// On this server.
    pub(crate) fn of(server: Server) -> Self {
        Self::made(server.socket().to_path_buf(), Some(server))
    }

    /// Of this name, on a server of its own.
    pub(crate) fn named(name: &str) -> Self {
        let server = Server::start(&[]);
        Self::called(name.to_owned(), server.socket().to_path_buf(), Some(server))
    }

    fn made(socket: PathBuf, server: Option<Server>) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        Self::called(name, socket, server)
    }

    fn called(name: String, socket: PathBuf, server: Option<Server>) -> Self {
        // Nobody connects to `template0`, so it can be copied at any time.
        sql(&socket, "postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
        Self { name, socket, server }
    }

    /// What a statement answers in it.
    #[track_caller]
    pub(crate) fn sql(&self, statement: &str) -> String {
        sql(&self.socket, &self.name, statement)
    }

    /// Its address, as a configuration names it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}@/{}?host={}", self.name, self.socket.display())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.server.is_none() && !std::thread::panicking() {
            sql(&self.socket, "postgres", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}
