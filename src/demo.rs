//! The demo: a directory with everything a first look needs, made from nothing and kept from run to
//! run: configuration, shipped policies, tokens, two tenants, people in every role.
//!
//! Invariant: demo identities exist only in a directory that this module made, and only on loopback
//! addresses. Nothing else in the program knows that there is a demo.

mod cast;
mod walk_through;

pub use cast::{CALLERS, CastError, Demo, PEOPLE};

use crate::app::{Addresses, App};
use crate::clock::Ids;
use crate::domain::{Attributes, Authentication, Entitlement, Person, PersonId, Role, TenantChange, TenantId, Value};
use crate::manage_requests::{EngineerEntry, ManageError, ManageRequests};
use crate::policy::Sources;
use crate::store::StoreError;
use core::time::Duration;
use std::path::{Path, PathBuf};

/// How long the sidecar may take to learn of the cast: far above the milliseconds that are usual.
const LEARNS_MAX: Duration = Duration::from_secs(10);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Why the demo cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file cannot be read or written.
    #[error("cannot {what} `{path}`: {why}; choose another directory with `--demo-dir`")]
    File {
        /// Read or write.
        what: &'static str,
        /// Which.
        path: String,
        /// Why.
        why: std::io::Error,
    },
    /// People and tokens cannot be made.
    #[error(transparent)]
    Cast(#[from] CastError),
    /// The tenants and engineers cannot be entered.
    #[error("cannot enter the demo's tenants and engineers: {0}")]
    Seed(#[from] ManageError),
    /// The record cannot be read.
    #[error("cannot read the demo's record: {0}")]
    Record(#[from] StoreError),
    /// There is nowhere to enter them.
    #[error("the demo needs an authority in its process")]
    NoAuthority,
    /// A name of the cast is not canonical: a defect.
    #[error(transparent)]
    Name(#[from] crate::domain::NameError),
}

/// Makes the directory what a demo needs, keeping what is there. Gives the cast and the path of the
/// configuration.
///
/// # Errors
/// [`DemoError`].
pub fn prepare(dir: &Path, ids: &dyn Ids) -> Result<(Demo, PathBuf), DemoError> {
    std::fs::create_dir_all(dir).map_err(|why| fault("make", dir, why))?;
    let demo = Demo::read_or_make(&dir.join("demo.json"), ids)?;
    write_private(&dir.join("tokens.toml"), &demo.token_file()?)?;
    let shipped = Sources::shipped();
    let files = shipped.policies.iter().chain(&shipped.invariants).chain(std::iter::once(&shipped.schema));
    for file in files {
        // Kept once written: whoever edits the policies of his demo finds them as he left them.
        write_new(&dir.join(&file.name), &file.text)?;
    }
    let config = dir.join("lockbox.toml");
    write_new(&config, &configuration(dir))?;
    Ok((demo, config))
}

/// Enters tenants and engineers, unless they are there, and writes `demo.json` with the addresses
/// that were taken. The sidecar in the process knows them then: the first question is answered by them.
///
/// # Errors
/// [`DemoError`].
pub async fn enter(dir: &Path, demo: &Demo, app: &App) -> Result<String, DemoError> {
    let Some(authority) = &app.authority else { return Err(DemoError::NoAuthority) };
    seed(&authority.api.manage).await?;
    let entered = authority.store.revision().await?.number;
    // One that does not learn of it in time denies, and `/readyz` says why: that is for people to see.
    let learns = async {
        while app.decides_by().is_some_and(|revision| revision < entered) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let _in_time = tokio::time::timeout(LEARNS_MAX, learns).await;
    let json = demo.to_json(&app.addresses);
    write_private(&dir.join("demo.json"), &format!("{json:#}\n"))?;
    Ok(walk_through::text(demo, &app.addresses))
}

/// What programs read: addresses, people, callers.
pub fn document(demo: &Demo, addresses: &Addresses) -> serde_json::Value {
    demo.to_json(addresses)
}

async fn seed(manage: &ManageRequests) -> Result<(), DemoError> {
    let otto = otto()?;
    let people = |names: &[&str]| names.iter().map(|name| PersonId::parse(name)).collect::<Result<_, _>>();
    let plan = |plan: &str| Attributes::from([("plan".to_owned(), Value::String(plan.to_owned()))]);
    for (id, lockbox, approvers) in [
        ("contoso", true, &["csilla@contoso.example", "dora@contoso.example"][..]),
        ("fabrikam", false, &["felix@fabrikam.example"][..]),
    ] {
        let change = TenantChange {
            lockbox: Some(lockbox),
            approvers: Some(people(approvers)?),
            attributes: Some(plan("E5")),
            ..TenantChange::default()
        };
        manage.add_tenant(&otto, TenantId::parse(id)?, Entitlement::E5, change).await?;
    }
    for (id, team, clearance) in
        [("ana@provider.example", "exchange-oncall", 3), ("ben@provider.example", "sharepoint-oncall", 1)]
    {
        let id = PersonId::parse(id)?;
        if manage.engineer(&otto, &id).await.is_ok() {
            continue;
        }
        let entry = EngineerEntry {
            teams: [team.to_owned()].into(),
            clearance: Some(clearance),
            country: Some("HU".to_owned()),
            ..EngineerEntry::default()
        };
        manage.put_engineer(&otto, id, entry, None).await?;
    }
    Ok(())
}

fn otto() -> Result<Person, DemoError> {
    Ok(Person {
        id: PersonId::parse("otto@provider.example")?,
        roles: [Role::Operator].into_iter().collect(),
        tenant: None,
        authentication: Authentication { method: "demo", strength: None, address: None },
    })
}

fn configuration(dir: &Path) -> String {
    let path = |name: &str| toml::Value::String(dir.join(name).display().to_string());
    let mut text = format!(
        "# The demo's settings. `lockbox config check --config FILE` explains them.\n\
         [authority]\ndatabase = {}\n\n[policies]\ndir = {}\nschema = {}\n\n[log]\ndir = {}\n\n[identity]\ntokens_file = {}\n",
        path("lockbox.db"),
        path("policies"),
        path("schemas/lockbox.cedarschema"),
        path("decisions"),
        path("tokens.toml"),
    );
    // The path of a Unix socket has 107 bytes at most; without room for it the demo does without.
    let socket = dir.join("sidecar.sock");
    if socket.as_os_str().len() < 90 {
        let uid = rustix::process::getuid().as_raw();
        text.push_str(&format!(
            "\n[identity.unix_peers.{uid}]\nname = \"exchange-frontend\"\nworkload = \"exchange\"\n\n[sidecar]\nunix_socket = {}\n",
            path("sidecar.sock")
        ));
    }
    text
}

fn fault(what: &'static str, path: &Path, why: std::io::Error) -> DemoError {
    DemoError::File { what, path: path.display().to_string(), why }
}

fn write_new(path: &Path, text: &str) -> Result<(), DemoError> {
    if path.exists() {
        return Ok(());
    }
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|why| fault("make", dir, why))?;
    }
    std::fs::write(path, text).map_err(|why| fault("write", path, why))
}

/// Writes a file that nobody else can read, whole or not at all.
fn write_private(path: &Path, text: &str) -> Result<(), DemoError> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let making = path.with_extension("new");
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&making)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&making, path)
    };
    write().map_err(|why| fault("write", path, why))
}
