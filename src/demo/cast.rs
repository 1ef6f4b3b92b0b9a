//! The people and callers of the demo, and their tokens.

use crate::app::Addresses;
use crate::clock::{Ids, NoEntropy};
use crate::console::LocalPerson;
use crate::domain::{Authentication, Caller, CallerName, NameError, Person, PersonId, Role, TenantId, WorkloadName};
use crate::identity::tokens::{Entry, generate, hash, render};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Short name, id, roles, tenant.
type Played = (&'static str, &'static str, &'static [Role], Option<&'static str>);

/// The people.
pub const PEOPLE: &[Played] = &[
    ("ana", "ana@provider.example", &[Role::Engineer], None),
    ("ben", "ben@provider.example", &[Role::Engineer], None),
    ("rita", "rita@provider.example", &[Role::Reviewer], None),
    ("olga", "olga@provider.example", &[Role::Auditor], None),
    ("otto", "otto@provider.example", &[Role::Operator], None),
    ("csilla", "csilla@contoso.example", &[Role::Approver, Role::TenantAdmin], Some("contoso")),
    ("dora", "dora@contoso.example", &[Role::Approver], Some("contoso")),
    ("felix", "felix@fabrikam.example", &[Role::Approver, Role::TenantAdmin], Some("fabrikam")),
];

/// The callers and their workloads.
pub const CALLERS: &[(&str, &str)] =
    &[("exchange-frontend", "exchange"), ("sharepoint-frontend", "sharepoint"), ("onedrive-frontend", "onedrive")];

/// Why the cast cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CastError {
    /// No random bytes for tokens.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// A name of the cast is not canonical: a defect.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The file of an earlier run is not what it was.
    #[error("`{0}` is not the demo.json of an earlier run; remove it, or choose another directory with `--demo-dir`")]
    Foreign(String),
}

/// Everybody's tokens, by short name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demo {
    tokens: BTreeMap<String, String>,
}

impl Demo {
    /// The cast of an earlier run, or a new one.
    ///
    /// # Errors
    /// [`CastError`].
    pub fn read_or_make(path: &Path, ids: &dyn Ids) -> Result<Self, CastError> {
        let names = PEOPLE.iter().map(|(name, ..)| *name).chain(CALLERS.iter().map(|(name, _)| *name));
        let Ok(text) = std::fs::read_to_string(path) else {
            let made: Result<_, NoEntropy> = names.map(|name| Ok((name.to_owned(), generate(ids)?))).collect();
            return Ok(Self { tokens: made? });
        };
        let foreign = || CastError::Foreign(path.display().to_string());
        let json: Value = serde_json::from_str(&text).map_err(|_| foreign())?;
        let token = |name: &str| {
            let entry = json.pointer(&format!("/people/{name}")).or(json.pointer(&format!("/callers/{name}")));
            entry.and_then(|entry| entry.get("token")).and_then(Value::as_str).map(str::to_owned)
        };
        let read: Option<BTreeMap<_, _>> = names.map(|name| Some((name.to_owned(), token(name)?))).collect();
        read.map(|tokens| Self { tokens }).ok_or_else(foreign)
    }

    /// The token of a person or caller; empty for a name that is not in the cast.
    pub fn token(&self, name: &str) -> &str {
        self.tokens.get(name).map_or("", String::as_str)
    }

    /// Whose sign-in the page offers.
    pub fn local(&self) -> Vec<LocalPerson> {
        let person = |(name, id, roles, tenant): &Played| LocalPerson {
            id: (*id).to_owned(),
            roles: roles.iter().map(|role| role.as_str().to_owned()).collect(),
            tenant: tenant.map(str::to_owned),
            token: self.token(name).to_owned(),
        };
        PEOPLE.iter().map(person).collect()
    }

    /// The token file with everybody's hash.
    ///
    /// # Errors
    /// [`CastError::Name`], a defect.
    pub fn token_file(&self) -> Result<String, CastError> {
        let mut entries = Vec::new();
        for (name, id, roles, tenant) in PEOPLE {
            let person = Person {
                id: PersonId::parse(id)?,
                roles: roles.iter().copied().collect(),
                tenant: tenant.map(TenantId::parse).transpose()?,
                authentication: Authentication { method: "token", strength: None, address: None },
            };
            entries.push(Entry { sha256: hash(self.token(name)), caller: Caller::Person(person) });
        }
        for (name, workload) in CALLERS {
            let caller = Caller::Workload { name: CallerName::parse(name)?, workload: WorkloadName::parse(workload)? };
            entries.push(Entry { sha256: hash(self.token(name)), caller });
        }
        Ok(render(&entries))
    }

    /// What `demo.json` says (DESIGN.md §1).
    pub fn to_json(&self, addresses: &Addresses) -> Value {
        let person = |(name, id, roles, tenant): &Played| {
            let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
            let mut entry = json!({ "id": id, "roles": roles, "token": self.token(name) });
            if let (Some(tenant), Some(entry)) = (tenant, entry.as_object_mut()) {
                entry.insert("tenant".to_owned(), json!(tenant));
            }
            ((*name).to_owned(), entry)
        };
        let caller = |(name, workload): &(&str, &str)| {
            ((*name).to_owned(), json!({ "workload": workload, "token": self.token(name) }))
        };
        json!({
            "authority": format!("http://{}", addresses.authority),
            "sidecar": format!("http://{}", addresses.sidecar),
            "operations": format!("http://{}", addresses.operations),
            "ext_authz": addresses.ext_authz.to_string(),
            "people": PEOPLE.iter().map(person).collect::<Map<_, _>>(),
            "callers": CALLERS.iter().map(caller).collect::<Map<_, _>>(),
        })
    }
}
