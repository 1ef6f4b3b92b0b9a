//! Which server a client verb asks, and as whom.
//!
//! Invariant: a token comes from a file or from the environment, never from an argument, and never goes
//! unprotected to another host.

use super::client::Client;
use super::error::CliError;
use crate::config::Url;
use clap::Args;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The longest token file, in bytes.
const TOKEN_BYTES_MAX: u64 = 64 * 1024;

/// Which server, and as whom.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct Connect {
    /// The authority; without it, the one of a demo in this folder, else http://127.0.0.1:8180.
    #[arg(long, global = true, value_name = "URL", env = "LOCKBOX_AUTHORITY_URL")]
    authority: Option<String>,
    /// The sidecar; without it, the one of a demo in this folder, else http://127.0.0.1:8181.
    #[arg(long, global = true, value_name = "URL", env = "LOCKBOX_SIDECAR_URL")]
    sidecar: Option<String>,
    /// The file with the token to show; instead of it, `LOCKBOX_TOKEN` in the environment.
    #[arg(long, global = true, value_name = "FILE", env = "LOCKBOX_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// The roots that the server's certificate must come from, PEM; without it those of the public web.
    #[arg(long, global = true, value_name = "FILE", env = "LOCKBOX_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// Demo only: the person (`ana`) or caller (`exchange-frontend`) whose token of demo.json to show.
    #[arg(long = "as", global = true, value_name = "NAME")]
    who: Option<String>,
    /// Demo only: the folder that `lockbox serve --demo` made.
    #[arg(long, global = true, value_name = "DIR", default_value = ".lockbox-demo")]
    demo_dir: PathBuf,
}

/// What `lockbox serve --demo` writes for programs.
#[derive(Debug, Deserialize)]
struct Demo {
    authority: String,
    sidecar: String,
    #[serde(default)]
    people: BTreeMap<String, DemoIdentity>,
    #[serde(default)]
    callers: BTreeMap<String, DemoIdentity>,
}

#[derive(Debug, Deserialize)]
struct DemoIdentity {
    token: String,
    workload: Option<String>,
}

impl Connect {
    /// A client of the authority.
    pub(super) fn authority(&self) -> Result<Client, CliError> {
        let demo = self.demo()?;
        let address = self.authority.as_deref().or(demo.as_ref().map(|demo| demo.authority.as_str()));
        let token = self.token(demo.as_ref(), None)?;
        client(address.unwrap_or("http://127.0.0.1:8180"), token, "authority", self.ca_file.as_deref())
    }

    /// A client of the sidecar. In a demo the caller of `workload` asks, unless `--as` says otherwise.
    pub(super) fn sidecar(&self, workload: &str) -> Result<Client, CliError> {
        let demo = self.demo()?;
        let address = self.sidecar.as_deref().or(demo.as_ref().map(|demo| demo.sidecar.as_str()));
        // The demo's own token is for the demo's own sidecar.
        let implied = if self.sidecar.is_none() { Some(workload) } else { None };
        let token = self.token(demo.as_ref(), implied)?;
        client(address.unwrap_or("http://127.0.0.1:8181"), token, "sidecar", self.ca_file.as_deref())
    }

    fn demo(&self) -> Result<Option<Demo>, CliError> {
        let path = self.demo_dir.join("demo.json");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.who.is_none() => return Ok(None),
            Err(error) => {
                return Err(CliError::Usage(format!(
                    "cannot read `{}`: {error}; `--as` is for a demo: start one with `lockbox serve --demo`, or use `--token-file`",
                    path.display()
                )));
            }
        };
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|error| CliError::Failed(format!("`{}` is not a demo's: {error}", path.display())))
    }

    fn token(&self, demo: Option<&Demo>, workload: Option<&str>) -> Result<Option<String>, CliError> {
        if let (Some(who), Some(demo)) = (&self.who, demo) {
            return demo.token_of(who).map(Some);
        }
        if let Some(path) = &self.token_file {
            return read_token(path).map(Some);
        }
        if let Ok(token) = std::env::var("LOCKBOX_TOKEN") {
            return Ok(Some(token.trim().to_owned()).filter(|token| !token.is_empty()));
        }
        let caller = workload.zip(demo).and_then(|(workload, demo)| {
            demo.callers.values().find(|caller| caller.workload.as_deref() == Some(workload))
        });
        Ok(caller.map(|caller| caller.token.clone()))
    }
}

impl Demo {
    fn token_of(&self, who: &str) -> Result<String, CliError> {
        let found = self.people.get(who).or_else(|| self.callers.get(who));
        found.map(|identity| identity.token.clone()).ok_or_else(|| {
            let known: Vec<&str> = self.people.keys().chain(self.callers.keys()).map(String::as_str).collect();
            CliError::Usage(format!("the demo has nobody called `{who}`; it has {}", known.join(", ")))
        })
    }
}

fn read_token(path: &Path) -> Result<String, CliError> {
    let cannot = |cause: String| CliError::Failed(format!("cannot read the token `{}`: {cause}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| cannot(error.to_string()))?.len();
    if size > TOKEN_BYTES_MAX {
        return Err(cannot(format!("it has {size} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| cannot(error.to_string()))?;
    let token = text.trim();
    if token.is_empty() || token.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(cannot("it must hold one token and nothing else".to_owned()));
    }
    Ok(token.to_owned())
}

fn client(
    address: &str,
    token: Option<String>,
    role: &'static str,
    ca_file: Option<&Path>,
) -> Result<Client, CliError> {
    let url = Url::try_from(address.trim_end_matches('/').to_owned()).map_err(CliError::Usage)?;
    if token.is_some() && !url.is_private() {
        return Err(CliError::Usage(format!("`{}` would get the token unprotected: use `https://`", url.as_str())));
    }
    let roots = ca_file.map(crate::tls::roots_for_clients).transpose();
    Ok(Client::new(url, token, role, roots.map_err(CliError::failed)?))
}

#[cfg(test)]
mod tests;
