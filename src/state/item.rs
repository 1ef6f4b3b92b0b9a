//! Items: the pieces that the authority numbers and sidecars hold, in their encoded form. The bytes
//! are what is hashed, stored and sent; decoding parses every name again.

use crate::domain::{
    Access, AccessRequestId, ActionName, Approval, Attributes, ContentPath, ContentScope, Engineer, GrantId, NameError,
    PersonId, Scope, ServiceRequest, StateName, TenantFacts, TenantId, Timestamp, Value, Window, WorkloadName,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// One thing a sidecar holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateItem {
    /// A tenant's facts.
    Tenant(TenantFacts),
    /// An engineer's facts.
    Engineer(Engineer),
    /// An AccessRequest, with its Grant if it has one.
    Access(Access),
    /// The bundle of policies that the record demands.
    Bundle(BundleDemand),
}

/// The bundle that whoever takes bundles from the authority must decide by: this one, or one signed later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleDemand {
    /// The SHA-256 of its bytes, in 64 hexadecimal digits.
    pub digest: String,
    /// When it was signed.
    pub signed_at: Timestamp,
}

/// An item as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedItem {
    /// What it is: `tenant/…`, `engineer/…`, `access/…` or `policies/bundle`.
    pub key: String,
    /// The encoded facts.
    pub payload: Vec<u8>,
    /// The digest of both.
    pub digest: u128,
}

/// An item that cannot be read: from another version, or damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("item `{key}` cannot be read: {why}")]
pub struct ItemError {
    /// Which.
    pub key: String,
    /// Why.
    pub why: String,
}

impl StateItem {
    /// The key of a tenant's item.
    pub fn tenant_key(id: &TenantId) -> String {
        format!("tenant/{id}")
    }

    /// The key of an engineer's item.
    pub fn engineer_key(id: &PersonId) -> String {
        format!("engineer/{id}")
    }

    /// The key of an AccessRequest's item.
    pub fn access_key(id: AccessRequestId) -> String {
        format!("{}{}", Self::ACCESS_PREFIX, id.number())
    }

    /// What the key of an AccessRequest's item has before the number of its id.
    pub const ACCESS_PREFIX: &str = "access/LBX-";

    /// The key of the item of the bundle that is demanded.
    pub const BUNDLE_KEY: &str = "policies/bundle";

    /// This item's key.
    pub fn key(&self) -> String {
        match self {
            Self::Tenant(tenant) => Self::tenant_key(&tenant.id),
            Self::Engineer(engineer) => Self::engineer_key(&engineer.id),
            Self::Access(access) => Self::access_key(access.id),
            Self::Bundle(_) => Self::BUNDLE_KEY.to_owned(),
        }
    }

    /// The item as bytes.
    ///
    /// # Errors
    /// [`ItemError`] when the facts have no JSON form, which no domain value lacks.
    pub fn encode(&self) -> Result<EncodedItem, ItemError> {
        let key = self.key();
        let facts = match self {
            Self::Tenant(tenant) => FactsRef::Tenant(tenant),
            Self::Engineer(engineer) => FactsRef::Engineer(engineer),
            Self::Access(access) => FactsRef::Access(access),
            Self::Bundle(bundle) => FactsRef::Bundle(bundle),
        };
        let payload = facts.payload().map_err(|error| ItemError { key: key.clone(), why: error.to_string() })?;
        let digest = digest(&key, &payload);
        Ok(EncodedItem { key, payload, digest })
    }

    /// The item with this key and these bytes, and the digest it counts with.
    ///
    /// # Errors
    /// [`ItemError`] when the bytes are not such an item, or a name is not canonical.
    pub fn decode(key: &str, payload: &[u8]) -> Result<(Self, u128), ItemError> {
        let unreadable = |why: String| ItemError { key: key.to_owned(), why };
        let wire: Wire = serde_json::from_slice(payload).map_err(|error| unreadable(error.to_string()))?;
        let item = match (key.split_once('/'), wire) {
            (Some(("tenant", id)), Wire::Tenant { lockbox, attributes }) => TenantId::parse(id).map(|id| {
                Self::Tenant(TenantFacts { id, lockbox, attributes: WireValue::attributes(attributes).into() })
            }),
            (Some(("engineer", id)), Wire::Engineer { version, teams, clearance, country, suspended, attributes }) => {
                PersonId::parse(id).map(|id| {
                    let attributes = WireValue::attributes(attributes);
                    Self::Engineer(Engineer { id, version, teams, clearance, country, suspended, attributes })
                })
            }
            (Some(("access", id)), Wire::Access(wire)) => {
                AccessRequestId::parse(id).and_then(|id| wire.into_domain(id)).map(Self::Access)
            }
            (Some(("policies", "bundle")), Wire::Bundle { digest, signed_at_ms }) => {
                BundleDemand::of(digest, Timestamp::from_ms(signed_at_ms)).map(Self::Bundle)
            }
            _ => return Err(unreadable("key and content do not belong together".to_owned())),
        };
        item.map(|item| (item, digest(key, payload))).map_err(|error| unreadable(error.to_string()))
    }
}

impl BundleDemand {
    /// A demand for the bundle of this digest.
    ///
    /// # Errors
    /// [`NameError`] when it is no digest.
    pub fn of(digest: String, signed_at: Timestamp) -> Result<Self, NameError> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digest.len() == 64 && digest.bytes().all(is_digit) {
            return Ok(Self { digest, signed_at });
        }
        Err(NameError { what: "digest of a bundle", text: digest, rule: "it has 64 hexadecimal digits" })
    }
}

/// Facts to be encoded where they are.
#[derive(Debug, Clone, Copy)]
pub enum FactsRef<'a> {
    /// A tenant's.
    Tenant(&'a TenantFacts),
    /// An engineer's.
    Engineer(&'a Engineer),
    /// Of an AccessRequest.
    Access(&'a Access),
    /// Of a bundle that is demanded.
    Bundle(&'a BundleDemand),
}

impl FactsRef<'_> {
    /// The encoded facts, as an item carries them.
    ///
    /// # Errors
    /// When the facts have no JSON form, which no domain value lacks.
    pub fn payload(self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&match self {
            Self::Tenant(tenant) => {
                Wire::Tenant { lockbox: tenant.lockbox, attributes: WireValue::record(&tenant.attributes) }
            }
            Self::Engineer(engineer) => Wire::Engineer {
                version: engineer.version,
                teams: engineer.teams.clone(),
                clearance: engineer.clearance,
                country: engineer.country.clone(),
                suspended: engineer.suspended,
                attributes: WireValue::record(&engineer.attributes),
            },
            Self::Access(access) => Wire::access(access),
            Self::Bundle(bundle) => {
                Wire::Bundle { digest: bundle.digest.clone(), signed_at_ms: bundle.signed_at.as_ms() }
            }
        })
    }
}

/// The digest that counts in the state hash: the first 128 bits of SHA-256 over the key's length, the
/// key and the payload. The hash guards against lost and doubled changes, not against the authority.
fn digest(key: &str, payload: &[u8]) -> u128 {
    let mut hasher = Sha256::new();
    hasher.update((key.len() as u64).to_le_bytes());
    hasher.update(key.as_bytes());
    hasher.update(payload);
    hasher.finalize().iter().take(16).fold(0, |sum, byte| (sum << 8) | u128::from(*byte))
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Wire {
    Tenant {
        lockbox: bool,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        attributes: BTreeMap<String, WireValue>,
    },
    Engineer {
        version: u64,
        teams: BTreeSet<String>,
        clearance: Option<i64>,
        country: Option<String>,
        suspended: bool,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        attributes: BTreeMap<String, WireValue>,
    },
    Access(Box<WireAccess>),
    Bundle {
        digest: String,
        signed_at_ms: i64,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireAccess {
    engineer: String,
    tenant: String,
    workload: String,
    service_request: String,
    state: String,
    actions: Vec<String>,
    content: Vec<String>,
    grant: Option<WireGrant>,
    respond_by_ms: Option<i64>,
    ended_at_ms: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireGrant {
    id: String,
    approval: String,
    starts_at_ms: i64,
    expires_at_ms: i64,
}

/// An attribute's value in its JSON form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WireValue {
    /// See [`Value::Bool`].
    Bool(bool),
    /// See [`Value::Long`].
    Long(i64),
    /// See [`Value::String`].
    String(String),
    /// See [`Value::Set`].
    Set(Vec<WireValue>),
    /// See [`Value::Record`].
    Record(BTreeMap<String, WireValue>),
}

impl Wire {
    fn access(access: &Access) -> Self {
        let grant = match (&access.grant, access.approval, access.window) {
            (Some(id), Some(approval), Some(window)) => Some(WireGrant {
                id: id.to_string(),
                approval: approval.as_str().to_owned(),
                starts_at_ms: window.starts_at.as_ms(),
                expires_at_ms: window.expires_at.as_ms(),
            }),
            _ => None,
        };
        Self::Access(Box::new(WireAccess {
            engineer: access.engineer.to_string(),
            tenant: access.tenant.to_string(),
            workload: access.workload.to_string(),
            service_request: access.service_request.to_string(),
            state: access.state.as_str().to_owned(),
            actions: access.scope.actions.iter().map(ToString::to_string).collect(),
            content: access.scope.content.paths().map(ToString::to_string).collect(),
            grant,
            respond_by_ms: access.respond_by.map(Timestamp::as_ms),
            ended_at_ms: access.ended_at.map(Timestamp::as_ms),
        }))
    }
}

impl WireAccess {
    fn into_domain(self, id: AccessRequestId) -> Result<Access, NameError> {
        let unknown =
            |what, text: &str| NameError { what, text: text.to_owned(), rule: "this version does not know it" };
        let (mut grant, mut approval, mut window) = (None, None, None);
        if let Some(wire) = self.grant {
            grant = Some(GrantId::parse(&wire.id)?);
            approval = Some(Approval::parse(&wire.approval).ok_or_else(|| unknown("approval", &wire.approval))?);
            window = Some(Window {
                starts_at: Timestamp::from_ms(wire.starts_at_ms),
                expires_at: Timestamp::from_ms(wire.expires_at_ms),
            });
        }
        let content: Result<BTreeSet<_>, _> = self.content.iter().map(|path| ContentPath::parse(path)).collect();
        let actions: Result<BTreeSet<_>, _> = self.actions.iter().map(|name| ActionName::parse(name)).collect();
        Ok(Access {
            id,
            engineer: PersonId::parse(&self.engineer)?,
            tenant: TenantId::parse(&self.tenant)?,
            workload: WorkloadName::parse(&self.workload)?,
            service_request: ServiceRequest::parse(&self.service_request)?,
            state: StateName::parse(&self.state).ok_or_else(|| unknown("state", &self.state))?,
            scope: Scope { actions: actions?, content: ContentScope::from_paths(content?) },
            approval,
            grant,
            window,
            respond_by: self.respond_by_ms.map(Timestamp::from_ms),
            ended_at: self.ended_at_ms.map(Timestamp::from_ms),
        })
    }
}

impl WireValue {
    /// The JSON form of a value.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Long(number) => Self::Long(*number),
            Value::String(text) => Self::String(text.clone()),
            Value::Set(values) => Self::Set(values.iter().map(Self::of).collect()),
            Value::Record(attributes) => Self::Record(Self::record(attributes)),
        }
    }

    /// The JSON form of attributes.
    pub fn record(attributes: &Attributes) -> BTreeMap<String, Self> {
        attributes.iter().map(|(name, value)| (name.clone(), Self::of(value))).collect()
    }

    /// The attributes that these are the JSON form of.
    pub fn attributes(wires: BTreeMap<String, Self>) -> Attributes {
        wires.into_iter().map(|(name, wire)| (name, wire.into_domain())).collect()
    }

    fn into_domain(self) -> Value {
        match self {
            Self::Bool(truth) => Value::Bool(truth),
            Self::Long(number) => Value::Long(number),
            Self::String(text) => Value::String(text),
            Self::Set(wires) => Value::Set(wires.into_iter().map(Self::into_domain).collect()),
            Self::Record(wires) => Value::Record(Self::attributes(wires)),
        }
    }
}
