//! The real binary as a process of its own, for what a process in the same memory cannot show: kill −9,
//! signals, standard output.

use lockbox::app::Addresses;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running `lockbox serve --demo`; killed with the value.
pub(crate) struct Process {
    child: Child,
    pub(crate) addresses: Addresses,
}

/// Names a program of another version (`tests/rolling/run` makes one); without it this one is taken for it.
const OTHER: &str = "LOCKBOX_TEST_OTHER_VERSION";

/// Which version of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    This,
    Other,
}

/// The program with nothing of this process's environment that would be a setting.
pub(crate) fn lockbox() -> Command {
    lockbox_of(Version::This)
}

/// The same of either version.
pub(crate) fn lockbox_of(version: Version) -> Command {
    let this = std::ffi::OsString::from(env!("CARGO_BIN_EXE_lockbox"));
    let mut command = Command::new(match version {
        Version::This => this,
        Version::Other => std::env::var_os(OTHER).unwrap_or(this),
    });
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LOCKBOX_") {
            command.env_remove(name);
        }
    }
    command
}

/// `lockbox serve --demo` on this folder.
pub(crate) fn serve_demo(dir: &Path, variables: &[(String, String)]) -> Command {
    let mut command = lockbox();
    command.args(["serve", "--demo", "--demo-dir"]).arg(dir).envs(variables.iter().cloned());
    command.env("LOCKBOX_TELEMETRY__FILTER", "error").stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

impl Process {
    /// Starts it, and waits until it has said where it listens.
    pub(crate) fn start(dir: &Path, variables: &[(String, String)]) -> Self {
        Self::starting(serve_demo(dir, variables))
    }

    fn starting(mut command: Command) -> Self {
        let mut child = command.args(["--output", "json"]).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let said = serde_json::Deserializer::from_reader(stdout).into_iter::<Value>().next();
        let Some(Ok(said)) = said else {
            let ended = child.wait().unwrap();
            panic!("the process said nothing and ended with {ended}");
        };
        Self { child, addresses: addresses(&said) }
    }

    /// The same where a process begins with this soft limit of open files.
    pub(crate) fn start_with_open_files(soft: u32, dir: &Path, variables: &[(String, String)]) -> Self {
        let serve = serve_demo(dir, variables);
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -Sn {soft} && exec \"$0\" \"$@\"")]).arg(serve.get_program());
        shell.args(serve.get_args()).envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.stdin(Stdio::null()).stdout(Stdio::piped());
        Self::starting(shell)
    }

    /// How many files the system lets it open: now, and at the most.
    pub(crate) fn open_files(&self) -> (String, String) {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", self.child.id())).unwrap();
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
        let mut words = line.split_whitespace().map(str::to_owned);
        (words.next().unwrap(), words.next().unwrap())
    }

    /// Asks it to end, and waits for it.
    pub(crate) fn terminate(mut self) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "it ended with {ended}");
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _nobody_asks = self.child.wait();
    }
}

/// Where `demo.json` says that it listens.
pub(crate) fn addresses(demo: &Value) -> Addresses {
    let at = |name: &str| -> SocketAddr {
        let text = demo[name].as_str().unwrap();
        text.strip_prefix("http://").unwrap_or(text).parse().unwrap()
    };
    Addresses {
        authority: at("authority"),
        sidecar: at("sidecar"),
        operations: at("operations"),
        ext_authz: at("ext_authz"),
    }
}

/// A shell that does one command after another and remembers variables between them.
pub(crate) struct Shell {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Shell {
    pub(crate) fn start() -> Self {
        let mut command = Command::new("bash");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output).lines() }
    }

    /// Gives it the command as it stands, and takes the one line that it prints.
    pub(crate) fn run(&mut self, command: &str) -> String {
        writeln!(self.input, "{command}").unwrap();
        self.output.next().expect("the shell ended").unwrap()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _nobody_asks = self.child.wait();
    }
}
