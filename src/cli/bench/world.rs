//! The record under load: a demo's, with as many tenants and live Grants more as are asked for.

use super::super::error::CliError;
use crate::app::{Addresses, record};
use crate::clock::{Clock as _, SystemClock, SystemIds};
use crate::config::Config;
use crate::demo;
use crate::domain::{
    Access, AccessRequestId, ActionName, Approval, Attributes, Caller, CallerName, ContentPath, ContentScope,
    Entitlement, GrantId, PersonId, Scope, ServiceRequest, StateName, Tenant, TenantFacts, TenantId, Timestamp,
    Value as Fact, Window, WorkloadName,
};
use crate::identity::tokens::{self, Entry};
use crate::state::StateItem;
use crate::store::{Item, Transaction};
use core::time::Duration;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// How many are written in one transaction.
const BATCH: usize = 10_000;
/// Grants of the load have numbers from here on, so that they meet none of the demo's.
const FIRST_NUMBER: u64 = 10_000_000;

/// See the module.
#[derive(Debug)]
pub(super) struct World {
    dir: PathBuf,
    /// The record, if it is no file in the folder.
    database: Option<String>,
}

impl World {
    /// Makes the demo's folder, with a token for the sidecars of the load.
    pub(super) fn prepare(dir: &Path, database: Option<String>) -> Result<Self, CliError> {
        let (cast, _) = demo::prepare(dir, &SystemIds).map_err(CliError::failed)?;
        let world = Self { dir: dir.to_owned(), database };
        // The cast is kept by its file: the server prepares the folder again, and finds the same people.
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let nowhere = Addresses { authority: nowhere, sidecar: nowhere, operations: nowhere, ext_authz: nowhere };
        std::fs::write(dir.join("demo.json"), cast.to_json(&nowhere).to_string())?;
        let token = tokens::generate(&SystemIds).map_err(CliError::failed)?;
        let caller = Caller::Sidecar { name: CallerName::parse("bench").map_err(CliError::failed)? };
        let entry = tokens::render(&[Entry { sha256: tokens::hash(&token), caller }]);
        let everybody = format!("{}\n{entry}", cast.token_file().map_err(CliError::failed)?);
        crate::policy::bundle::put_whole(&world.tokens_file(), everybody.as_bytes(), 0o600)?;
        crate::policy::bundle::put_whole(&world.sidecar_token_file(), token.as_bytes(), 0o600)?;
        Ok(world)
    }

    /// The file with everybody's tokens, those of the load too.
    fn tokens_file(&self) -> PathBuf {
        self.dir.join("bench-tokens.toml")
    }

    /// What differs from the demo's settings, as variables.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let tokens = ("LOCKBOX_IDENTITY__TOKENS_FILE".to_owned(), self.tokens_file().display().to_string());
        let database = self.database.clone().map(|url| ("LOCKBOX_AUTHORITY__DATABASE".to_owned(), url));
        core::iter::once(tokens).chain(database).collect()
    }

    pub(super) fn sidecar_token_file(&self) -> PathBuf {
        self.dir.join("bench.token")
    }

    /// Writes tenants with their settings, and the Grants as sidecars hold them.
    pub(super) async fn fill(&self, tenants: usize, grants: u64) -> Result<(), CliError> {
        let config = Config::load(Some(&self.dir.join("lockbox.toml")), self.variables()).map_err(CliError::failed)?;
        let store = record::open(&config).await.map_err(CliError::failed)?;
        let revision = store.revision().await.map_err(CliError::failed)?.number;
        if revision > 0 {
            let what = &config.authority.database;
            return Err(CliError::failed(format!("`{what}` is at revision {revision}: name an empty database")));
        }
        let now = SystemClock.wall();
        let numbers: Vec<usize> = (0..tenants).collect();
        for batch in numbers.chunks(BATCH) {
            let mut transaction = store.begin(now).await.map_err(CliError::failed)?;
            for number in batch {
                let tenant = tenant(*number, now)?;
                transaction.put_tenant(&tenant, None).await.map_err(CliError::failed)?;
                put(transaction.as_mut(), &StateItem::Tenant(TenantFacts::from(&tenant))).await?;
            }
            transaction.commit().await.map_err(CliError::failed)?;
        }
        let numbers: Vec<u64> = (0..grants).collect();
        for batch in numbers.chunks(BATCH) {
            let mut transaction = store.begin(now).await.map_err(CliError::failed)?;
            for number in batch {
                put(transaction.as_mut(), &StateItem::Access(access(*number, tenants, now)?)).await?;
            }
            transaction.commit().await.map_err(CliError::failed)?;
        }
        Ok(())
    }
}

async fn put(transaction: &mut dyn Transaction, item: &StateItem) -> Result<(), CliError> {
    let encoded = item.encode().map_err(CliError::failed)?;
    let item = Item { key: encoded.key, payload: Some(encoded.payload), digest: encoded.digest };
    transaction.put_item(item).await.map_err(CliError::failed)
}

fn tenant(number: usize, now: Timestamp) -> Result<Tenant, CliError> {
    let id = TenantId::parse(&format!("tenant-{number}")).map_err(CliError::failed)?;
    let approver = PersonId::parse(&format!("admin@tenant-{number}.example")).map_err(CliError::failed)?;
    Ok(Tenant {
        version: 1,
        lockbox: true,
        approvers: [approver].into(),
        attributes: Attributes::from([("plan".to_owned(), Fact::String("E5".to_owned()))]),
        ..Tenant::new(id, Entitlement::E5, now)
    })
}

fn access(number: u64, tenants: usize, now: Timestamp) -> Result<Access, CliError> {
    let place = usize::try_from(number).unwrap_or(0) % tenants.max(1);
    let name = if tenants == 0 { "contoso".to_owned() } else { format!("tenant-{place}") };
    let path = ContentPath::of("mailbox", &format!("person-{number}@{name}.example")).map_err(CliError::failed)?;
    Ok(Access {
        id: AccessRequestId::new(FIRST_NUMBER.saturating_add(number)),
        engineer: PersonId::parse(&format!("engineer-{}@provider.example", number % 500)).map_err(CliError::failed)?,
        tenant: TenantId::parse(&name).map_err(CliError::failed)?,
        workload: WorkloadName::parse("exchange").map_err(CliError::failed)?,
        service_request: ServiceRequest::parse("SR-1042").map_err(CliError::failed)?,
        state: StateName::Active,
        scope: Scope {
            actions: [ActionName::parse("read").map_err(CliError::failed)?].into(),
            content: ContentScope::from_paths([path].into()),
        },
        approval: Some(Approval::Customer),
        grant: Some(GrantId::parse(&format!("00000000-0000-7000-8000-{number:012}")).map_err(CliError::failed)?),
        window: Some(Window { starts_at: now, expires_at: now.plus(Duration::from_secs(4 * 3600)) }),
        respond_by: None,
        ended_at: None,
    })
}
