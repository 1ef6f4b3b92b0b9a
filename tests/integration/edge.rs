//! A sidecar as a process of its own: `lockbox serve --role sidecar`, renewing from an authority elsewhere. And an
//! authority as one: `--role authority`.

use crate::app::{TestApp, token_of, write_private};
use crate::host::{self, Host};
use crate::process::{Version, lockbox_of};
use crate::steps::eventually;
use crate::wire::{Client, Reply};
use serde_json::Value;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use tempfile::TempDir;

/// A running role; killed with the value.
pub(crate) struct Edge {
    child: Child,
    dir: TempDir,
    variables: Vec<(String, String)>,
    kind: Kind,
    /// Where it listens, by role.
    said: Value,
}

/// What is started, and where.
struct Kind {
    role: &'static str,
    version: Version,
    /// The network namespace, if it is not this one.
    host: Option<String>,
}

/// `LOCKBOX_SECTION__KEY`, from `section.key`.
fn variable(key: &str, value: &str) -> (String, String) {
    let (section, key) = key.split_once('.').unwrap();
    (format!("LOCKBOX_{}__{}", section.to_uppercase(), key.to_uppercase()), value.to_owned())
}

impl Kind {
    fn start(&self, variables: &[(String, String)]) -> (Child, Value) {
        let mut command = match &self.host {
            Some(host) => host::within(host, &lockbox_of(self.version)),
            None => lockbox_of(self.version),
        };
        command.args(["serve", "--output", "json", "--role", self.role]).envs(variables.iter().cloned());
        command.env("LOCKBOX_TELEMETRY__FILTER", "error").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let said = serde_json::Deserializer::from_reader(stdout).into_iter::<Value>().next();
        let Some(Ok(said)) = said else { panic!("it said nothing and ended with {}", child.wait().unwrap()) };
        (child, said)
    }
}

impl Edge {
    /// A sidecar named `name` (its token must be in the authority's file) beside the services of `app`'s cast, with
    /// these settings over the usual ones.
    pub(crate) fn sidecar(app: &TestApp, name: &str, authority: &str, settings: &[(&str, &str)]) -> Self {
        Self::named(None, app, name, authority, settings)
    }

    /// The same on a host of its own, where the services reach it from here.
    pub(crate) fn sidecar_on(
        host: &Host,
        app: &TestApp,
        name: &str,
        authority: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let listen = format!("{}:0", host.theirs);
        let reached = [("sidecar.listen", &*listen), ("sidecar.beyond_loopback", "tls-is-terminated-in-front")];
        Self::named(Some(&host.name), app, name, authority, &[&reached, settings].concat())
    }

    fn named(host: Option<&str>, app: &TestApp, name: &str, authority: &str, settings: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        let token = dir.path().join("token");
        write_private(&token, &token_of(name));
        let renewing = [
            variable("sidecar.authority_url", authority),
            variable("sidecar.authority_token_file", token.to_str().unwrap()),
            variable("sidecar.name", name),
        ];
        Self::start(
            Kind { role: "sidecar", version: Version::This, host: host.map(str::to_owned) },
            app,
            dir,
            renewing.into(),
            settings,
        )
    }

    /// A sidecar with these settings alone: it proves itself as they say.
    pub(crate) fn certified(app: &TestApp, settings: &[(&str, &str)]) -> Self {
        let kind = Kind { role: "sidecar", version: Version::This, host: None };
        Self::start(kind, app, TempDir::new().unwrap(), Vec::new(), settings)
    }

    /// An authority with `app`'s policies and people, on a record of its own unless the settings say otherwise.
    pub(crate) fn authority(app: &TestApp, settings: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        let database = variable("authority.database", dir.path().join("lockbox.db").to_str().unwrap());
        Self::start(Kind { role: "authority", version: Version::This, host: None }, app, dir, vec![database], settings)
    }

    fn start(
        kind: Kind,
        app: &TestApp,
        dir: TempDir,
        mut variables: Vec<(String, String)>,
        settings: &[(&str, &str)],
    ) -> Self {
        let at = |path: &Path| path.to_str().unwrap().to_owned();
        for listen in ["authority.listen", "sidecar.listen", "operations.listen", "ext_authz.listen"] {
            variables.push(variable(listen, "127.0.0.1:0"));
        }
        variables.push(variable("policies.dir", &at(&app.dir().join("policies"))));
        variables.push(variable("policies.schema", &at(&app.dir().join("schemas/lockbox.cedarschema"))));
        variables.push(variable("identity.tokens_file", &at(&app.tokens_file())));
        variables.push(variable("log.dir", &at(&dir.path().join("decisions"))));
        variables.extend(settings.iter().map(|(key, value)| variable(key, value)));
        let (child, said) = kind.start(&variables);
        Self { child, dir, variables, kind, said }
    }

    /// Where a role of it listens.
    pub(crate) fn address(&self, role: &str) -> SocketAddr {
        self.said[role].as_str().unwrap().parse().unwrap()
    }

    /// Its folder.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// `kill -9`, and a start on what is left, with other settings where these are given.
    pub(crate) fn kill_and_restart(&mut self, settings: &[(&str, &str)]) {
        self.kill();
        self.variables.extend(settings.iter().map(|(key, value)| variable(key, value)));
        (self.child, self.said) = self.kind.start(&self.variables);
    }

    /// `kill -9`, and a start of this version on what is left, where it listened before.
    pub(crate) fn replace_by(&mut self, version: Version) {
        let (listen, address) = (format!("{}.listen", self.kind.role), self.address(self.kind.role).to_string());
        self.kind.version = version;
        self.kill_and_restart(&[(&listen, &address)]);
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A signal, such as `STOP`.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// The front end of the question's workload asks.
    pub(crate) fn ask(&self, app: &TestApp, question: &Value) -> Reply {
        let caller = format!("{}-frontend", question["workload"].as_str().unwrap());
        app.client(self.address("sidecar"), &caller).post("/v1/authorize", question)
    }

    /// The reason of its answer now.
    pub(crate) fn reason(&self, app: &TestApp, question: &Value) -> String {
        self.ask(app, question).is(200).json()["reason"].as_str().unwrap().to_owned()
    }

    /// The reason becomes this one.
    #[track_caller]
    pub(crate) fn becomes(&self, app: &TestApp, question: &Value, reason: &str) {
        eventually(reason, || self.reason(app, question), |got| got == reason);
    }

    /// Its readiness.
    pub(crate) fn readiness(&self) -> Value {
        Client::anonymous(self.address("operations")).get("/readyz").json()
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _nobody_asks = self.child.wait();
    }
}
