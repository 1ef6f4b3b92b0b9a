//! A whole Lockbox of one's own: a fresh folder with the demo's cast, every port taken as it is free,
//! in this process or as a process that can be killed.

use crate::process::Process;
use crate::wire::Client;
use lockbox::app::{Addresses, App};
use lockbox::clock::SystemIds;
use lockbox::config::Config;
use lockbox::demo::{self, Demo};
use lockbox::domain::{Authentication, Caller, CallerName, Person, PersonId, Role, TenantId, WorkloadName};
use lockbox::identity::tokens::{Entry, hash, render};
use lockbox::store::{NoteKind, Store};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};

/// The token file of a test, in its folder.
const EVERYBODY: &str = "everybody.toml";

/// The token of somebody who is not in the demo's cast.
pub(crate) fn token_of(name: &str) -> String {
    format!("lbx_beside_the_cast_{name}")
}

/// What differs from the demo's settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Variables, as `LOCKBOX_SECTION__KEY`.
    pub(crate) env: Vec<(String, String)>,
    /// Text at the end of `lockbox.toml`.
    pub(crate) toml: String,
    /// People and callers beside the demo's cast.
    more: Vec<(String, Caller)>,
    /// Keep the folder here rather than in the system's place for such.
    pub(crate) within: Option<PathBuf>,
}

impl Settings {
    /// These variables.
    pub(crate) fn of(env: &[(&str, &str)]) -> Self {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { env, ..Self::default() }
    }

    pub(crate) fn and_toml(mut self, toml: &str) -> Self {
        self.toml.push_str(toml);
        self
    }

    /// Somebody more, who is asked for as `name`; the same person may be there under several names,
    /// with other roles under each.
    pub(crate) fn and_person(mut self, name: &str, id: &str, roles: &[Role], tenant: Option<&str>) -> Self {
        let person = Person {
            id: PersonId::parse(id).unwrap(),
            roles: roles.iter().copied().collect(),
            tenant: tenant.map(|tenant| TenantId::parse(tenant).unwrap()),
            authentication: Authentication { method: "token", strength: None, address: None },
        };
        self.more.push((name.to_owned(), Caller::Person(person)));
        self
    }

    /// One more service that asks, about one workload.
    pub(crate) fn and_caller(mut self, name: &str, workload: &str) -> Self {
        let (called, workload) = (CallerName::parse(name).unwrap(), WorkloadName::parse(workload).unwrap());
        self.more.push((name.to_owned(), Caller::Workload { name: called, workload }));
        self
    }

    /// A sidecar that asks an authority.
    pub(crate) fn and_sidecar(mut self, name: &str) -> Self {
        self.more.push((name.to_owned(), Caller::Sidecar { name: CallerName::parse(name).unwrap() }));
        self
    }

    /// The variables of a start: these, over every port being free to choose.
    fn variables(&self, dir: &Path) -> Vec<(String, String)> {
        // The demo's own file has everybody else.
        let tokens = (!self.more.is_empty()).then(|| dir.join(EVERYBODY).display().to_string());
        let tokens = tokens.map(|tokens| ("LOCKBOX_IDENTITY__TOKENS_FILE".to_owned(), tokens));
        free_ports().into_iter().chain(tokens).chain(self.env.iter().cloned()).collect()
    }

    /// The token file with the cast and everybody else.
    fn token_file(&self, demo: &Demo) -> String {
        let entry = |(name, caller): &(String, Caller)| Entry { sha256: hash(&token_of(name)), caller: caller.clone() };
        let more: Vec<Entry> = self.more.iter().map(entry).collect();
        format!("{}\n{}", demo.token_file().unwrap(), if more.is_empty() { String::new() } else { render(&more) })
    }
}

enum Server {
    Here { runtime: Runtime, app: App },
    Child(Process),
    Down,
}

/// A running Lockbox; ends with the value.
pub(crate) struct TestApp {
    dir: PathBuf,
    // Held for its end: the folder goes when the test does.
    _temp: TempDir,
    settings: Settings,
    pub(crate) demo: Demo,
    pub(crate) addresses: Addresses,
    server: Server,
}

impl TestApp {
    /// In this process, with the demo's settings.
    pub(crate) fn start() -> Self {
        Self::start_with(Settings::default())
    }

    /// In this process.
    pub(crate) fn start_with(settings: Settings) -> Self {
        let (temp, dir, demo) = prepared(&settings);
        let (server, addresses) = start_here(&dir, &settings);
        Self { dir, _temp: temp, settings, demo, addresses, server }
    }

    /// As a process of its own, running the real binary.
    pub(crate) fn start_process(settings: Settings) -> Self {
        let (temp, dir, demo) = prepared(&settings);
        let process = Process::start(&dir, &settings.variables(&dir));
        Self { dir, _temp: temp, settings, demo, addresses: process.addresses, server: Server::Child(process) }
    }

    /// Ends in order and starts again on the same folder.
    pub(crate) fn restart(&mut self) {
        match std::mem::replace(&mut self.server, Server::Down) {
            Server::Here { runtime, app } => {
                runtime.block_on(app.stop());
                drop(runtime);
                (self.server, self.addresses) = start_here(&self.dir, &self.settings);
            }
            Server::Child(process) => {
                process.terminate();
                self.start_child();
            }
            Server::Down => self.start_child(),
        }
    }

    /// `kill -9`, and nothing started yet.
    pub(crate) fn kill(&mut self) {
        match std::mem::replace(&mut self.server, Server::Down) {
            Server::Child(process) => process.kill(),
            Server::Here { .. } | Server::Down => panic!("only a process can be killed"),
        }
    }

    /// `kill -9`, and a start on what is left.
    pub(crate) fn kill_and_restart(&mut self) {
        self.kill();
        self.start_child();
    }

    /// A start on what is there.
    pub(crate) fn start_again(&mut self) {
        self.start_child();
    }

    /// Another value of a variable, from the next start on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.env.push((name.to_owned(), value.to_owned()));
    }

    fn start_child(&mut self) {
        let process = Process::start(&self.dir, &self.settings.variables(&self.dir));
        self.addresses = process.addresses;
        self.server = Server::Child(process);
    }

    /// The record of a Lockbox in this process, and where it is asked: its connections go back to its own pool.
    pub(crate) fn store(&self) -> (Handle, Arc<dyn Store>) {
        let Server::Here { runtime, app } = &self.server else { panic!("only in this process") };
        (runtime.handle().clone(), Arc::clone(&app.authority.as_ref().unwrap().store))
    }

    /// Changes the documents of every note of a kind, as time and defects would.
    pub(crate) fn change_notes(&self, kind: NoteKind, change: impl Fn(&mut Value)) {
        let (runtime, store) = self.store();
        runtime.block_on(async {
            for mut note in store.notes(kind, "").await.unwrap() {
                let mut document = serde_json::from_str(&note.document).unwrap();
                change(&mut document);
                note.document = document.to_string();
                store.put_note(note).await.unwrap();
            }
        });
    }

    /// A start on what is left, with the authority at this port.
    pub(crate) fn start_at(&mut self, authority_port: u16) {
        let fixed = ("LOCKBOX_AUTHORITY__LISTEN".to_owned(), format!("127.0.0.1:{authority_port}"));
        self.settings.env.push(fixed);
        self.start_child();
    }

    /// The file with everybody's tokens.
    pub(crate) fn tokens_file(&self) -> PathBuf {
        self.dir.join(EVERYBODY)
    }

    /// The folder with everything.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The authority, as this person or caller; `""` is nobody.
    pub(crate) fn authority(&self, who: &str) -> Client {
        self.client(self.addresses.authority, who)
    }

    /// The sidecar, as this person or caller; `""` is nobody.
    pub(crate) fn sidecar(&self, who: &str) -> Client {
        self.client(self.addresses.sidecar, who)
    }

    /// The operations listener, where nobody proves who he is.
    pub(crate) fn operations(&self) -> Client {
        Client::anonymous(self.addresses.operations)
    }

    pub(crate) fn client(&self, address: SocketAddr, who: &str) -> Client {
        match self.demo.token(who) {
            _ if who.is_empty() => Client::anonymous(address),
            "" => Client::with_token(address, &token_of(who)),
            token => Client::with_token(address, token),
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Server::Here { runtime, app } = std::mem::replace(&mut self.server, Server::Down) {
            runtime.block_on(app.stop());
        }
    }
}

/// Settings by which every listener takes a port that is free.
pub(crate) fn free_ports() -> Vec<(String, String)> {
    let listen = |section| (format!("LOCKBOX_{section}__LISTEN"), "127.0.0.1:0".to_owned());
    ["AUTHORITY", "SIDECAR", "OPERATIONS", "EXT_AUTHZ"].map(listen).into()
}

fn prepared(settings: &Settings) -> (TempDir, PathBuf, Demo) {
    let temp = match &settings.within {
        Some(within) => TempDir::new_in(within),
        None => TempDir::new(),
    };
    let temp = temp.unwrap();
    let dir = temp.path().to_owned();
    let (demo, config) = demo::prepare(&dir, &SystemIds).unwrap();
    let text = std::fs::read_to_string(&config).unwrap() + "\n" + &settings.toml;
    std::fs::write(&config, text).unwrap();
    write_private(&dir.join(EVERYBODY), &settings.token_file(&demo));
    // The cast is kept by its file: whoever prepares the folder again finds the same people.
    let addresses = Addresses { authority: free(), sidecar: free(), operations: free(), ext_authz: free() };
    std::fs::write(dir.join("demo.json"), demo.to_json(&addresses).to_string()).unwrap();
    (temp, dir, demo)
}

/// A file that nobody else can read, as a token file must be.
pub(crate) fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn free() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn start_here(dir: &Path, settings: &Settings) -> (Server, Addresses) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let app = runtime.block_on(async {
        let (demo, config) = demo::prepare(dir, &SystemIds).unwrap();
        let config = Config::load(Some(&config), settings.variables(dir)).unwrap_or_else(|error| panic!("{error}"));
        let app = App::start(config).await.unwrap_or_else(|error| panic!("{error}"));
        demo::enter(dir, &demo, &app).await.unwrap();
        app
    });
    let addresses = app.addresses;
    let server = Server::Here { runtime, app };
    (server, addresses)
}
