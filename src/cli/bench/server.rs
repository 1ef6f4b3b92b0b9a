//! The processes under load: the floor, and Lockbox with its variants, each pinned to one core.

use super::super::error::CliError;
use super::people::People;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The question of the load.
const QUESTION: &str = r#"{"engineer":"ana@provider.example","action":"read","tenant":"contoso","workload":"exchange","content":{"type":"mailbox","id":"adele@contoso.example"},"service_request":"SR-1042"}"#;

/// A running process under load.
pub(super) struct Server {
    child: Child,
    /// Where it answers.
    pub(super) address: SocketAddr,
    /// The request of the load, byte by byte.
    pub(super) request: Vec<u8>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Server {
    /// The floor.
    pub(super) fn floor(core: usize) -> Result<Self, CliError> {
        let mut child = command(core, &["bench", "floor"])?.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or_else(|| CliError::failed("the floor has no output"))?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address: SocketAddr = line.trim().parse().map_err(CliError::failed)?;
        Ok(Self { child, address, request: request(address, None) })
    }

    /// Lockbox with demo data in `dir`, an approved AccessRequest, and these settings.
    pub(super) fn lockbox(core: usize, dir: &Path, settings: &[(&str, &str)]) -> Result<Self, CliError> {
        let dir_text = dir.display().to_string();
        let mut command = command(core, &["serve", "--demo", "--demo-dir", &dir_text])?;
        for name in ["AUTHORITY", "SIDECAR", "OPERATIONS"] {
            command.env(format!("LOCKBOX_{name}__LISTEN"), "127.0.0.1:0");
        }
        command.env("LOCKBOX_TELEMETRY__FILTER", "warn").envs(settings.iter().copied());
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| CliError::failed("the server has no output"))?;
        let mut first = String::new();
        BufReader::new(stdout).read_line(&mut first)?;
        let people = People::of(dir)?;
        people.granted()?;
        let address: SocketAddr =
            people.text("/sidecar")?.trim_start_matches("http://").parse().map_err(CliError::failed)?;
        let request = request(address, Some(people.text("/callers/exchange-frontend/token")?));
        Ok(Self { child, address, request })
    }

    /// CPU time that the process has used, in seconds.
    pub(super) fn cpu_seconds(&self) -> f64 {
        cpu_seconds(&self.child.id().to_string())
    }

    /// Memory that the process holds, in MiB.
    pub(super) fn rss_mib(&self) -> f64 {
        rss_mib(&self.child.id().to_string())
    }
}

/// CPU time that a process (or `self`) has used, in seconds.
pub(super) fn cpu_seconds(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // After the name in parentheses: user time is the 12th field, system time the 13th, in ticks of 10 ms.
    let fields: Vec<u64> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().filter_map(|field| field.parse().ok()).collect())
        .unwrap_or_default();
    let ticks: u64 = fields.iter().skip(10).take(2).sum();
    ticks as f64 / 100.0
}

/// Memory that a process (or `self`) holds, in MiB.
pub(super) fn rss_mib(process: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0.0);
    kib / 1024.0
}

fn command(core: usize, args: &[&str]) -> Result<Command, CliError> {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(std::env::current_exe()?).args(args);
    Ok(command)
}

fn request(address: SocketAddr, token: Option<&str>) -> Vec<u8> {
    let proof = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = QUESTION.len();
    format!(
        "POST /v1/authorize HTTP/1.1\r\nHost: {address}\r\n{proof}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{QUESTION}"
    )
    .into_bytes()
}
