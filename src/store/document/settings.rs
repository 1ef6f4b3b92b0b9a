//! The documents of tenants, engineers, events and notices.

use super::access_request::AuthenticationMirror;
use super::{Document, Ms, Text, set, texts};
use crate::domain::{
    AccessRequestId, Actor, Attributes, Engineer, Entitlement, Event, EventKind, Language, Limits, Notice, NoticeKind,
    PersonId, Recipient, StateName, Tenant, TenantId, TimeZoneName, Value, WebhookName, whole_ms,
};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The document of a tenant.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store) struct TenantMirror {
    id: Text<TenantId>,
    version: u64,
    entitlement: Text<Entitlement>,
    lockbox: bool,
    approvers: Vec<Text<PersonId>>,
    #[serde(default)]
    fallback_approvers: Vec<Text<PersonId>>,
    notify: Vec<Text<PersonId>>,
    #[serde(default)]
    webhooks: Vec<WebhookMirror>,
    // What a document of before says nothing of is as a new tenant has it.
    language: Option<Text<Language>>,
    time_zone: Option<Text<TimeZoneName>>,
    quorum: u32,
    respond_within_ms: Option<u64>,
    grant_longest_ms: Option<u64>,
    attributes: BTreeMap<String, ValueMirror>,
    changed_at: Ms,
}

/// A webhook.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookMirror {
    name: Text<WebhookName>,
    url: String,
}

/// The document of an engineer.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store) struct EngineerMirror {
    id: Text<PersonId>,
    version: u64,
    teams: BTreeSet<String>,
    clearance: Option<i64>,
    country: Option<String>,
    suspended: bool,
    attributes: BTreeMap<String, ValueMirror>,
}

/// The document of an event.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store) struct EventMirror {
    at: Ms,
    kind: Text<EventKind>,
    by: Option<ActorMirror>,
    access_request: Option<Text<AccessRequestId>>,
    tenant: Option<Text<TenantId>>,
    state: Option<Text<StateName>>,
    version: u64,
    comment: Option<String>,
    detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
}

/// The document of a notice.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store) struct NoticeMirror {
    kind: Text<NoticeKind>,
    to: Text<Recipient>,
    tenant: Text<TenantId>,
    access_request: Option<Text<AccessRequestId>>,
    at: Ms,
}

/// A person as an actor; no actor stands for the clock.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActorMirror {
    id: Text<PersonId>,
    authentication: AuthenticationMirror,
}

/// An attribute's value in plain JSON. Fractions and nulls have no form here, so they do not read.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ValueMirror {
    Bool(bool),
    Long(i64),
    String(String),
    Set(Vec<Self>),
    Record(BTreeMap<String, Self>),
}

impl Document for Tenant {
    type Mirror = TenantMirror;

    fn mirror(&self) -> TenantMirror {
        TenantMirror {
            id: Text(self.id.clone()),
            version: self.version,
            entitlement: Text(self.entitlement),
            lockbox: self.lockbox,
            approvers: texts(&self.approvers),
            fallback_approvers: texts(&self.fallback_approvers),
            notify: texts(&self.notify),
            webhooks: self
                .webhooks
                .iter()
                .map(|(name, url)| WebhookMirror { name: Text(name.clone()), url: url.clone() })
                .collect(),
            language: Some(Text(self.language)),
            time_zone: Some(Text(self.time_zone.clone())),
            quorum: self.quorum,
            respond_within_ms: self.limits.respond_within.map(whole_ms),
            grant_longest_ms: self.limits.grant_longest.map(whole_ms),
            attributes: mirrored(&self.attributes),
            changed_at: Ms(self.changed_at),
        }
    }

    fn parse(mirror: TenantMirror) -> Result<Self, String> {
        if mirror.version == 0 || mirror.quorum == 0 {
            return Err("version and quorum count from 1".to_owned());
        }
        if mirror.lockbox && mirror.entitlement.0 == Entitlement::None {
            return Err("lockbox is on without an entitlement".to_owned());
        }
        let limits = Limits {
            respond_within: mirror.respond_within_ms.map(Duration::from_millis),
            grant_longest: mirror.grant_longest_ms.map(Duration::from_millis),
        };
        Ok(Self {
            id: mirror.id.0,
            version: mirror.version,
            entitlement: mirror.entitlement.0,
            lockbox: mirror.lockbox,
            approvers: set(mirror.approvers),
            fallback_approvers: set(mirror.fallback_approvers),
            notify: set(mirror.notify),
            webhooks: mirror.webhooks.into_iter().map(|webhook| (webhook.name.0, webhook.url)).collect(),
            language: mirror.language.map_or_else(Language::default, |language| language.0),
            time_zone: mirror.time_zone.map_or_else(TimeZoneName::utc, |zone| zone.0),
            quorum: mirror.quorum,
            limits,
            attributes: attributes(mirror.attributes),
            changed_at: mirror.changed_at.0,
        })
    }
}

impl Document for Engineer {
    type Mirror = EngineerMirror;

    fn mirror(&self) -> EngineerMirror {
        EngineerMirror {
            id: Text(self.id.clone()),
            version: self.version,
            teams: self.teams.clone(),
            clearance: self.clearance,
            country: self.country.clone(),
            suspended: self.suspended,
            attributes: mirrored(&self.attributes),
        }
    }

    fn parse(mirror: EngineerMirror) -> Result<Self, String> {
        if mirror.version == 0 {
            return Err("versions count from 1".to_owned());
        }
        Ok(Self {
            id: mirror.id.0,
            version: mirror.version,
            teams: mirror.teams,
            clearance: mirror.clearance,
            country: mirror.country,
            suspended: mirror.suspended,
            attributes: attributes(mirror.attributes),
        })
    }
}

impl Document for Event {
    type Mirror = EventMirror;

    fn mirror(&self) -> EventMirror {
        let by = match &self.by {
            Actor::Clock => None,
            Actor::Person { id, authentication } => {
                Some(ActorMirror { id: Text(id.clone()), authentication: AuthenticationMirror::of(authentication) })
            }
        };
        EventMirror {
            at: Ms(self.at),
            kind: Text(self.kind),
            by,
            access_request: self.access_request.map(Text),
            tenant: self.tenant.clone().map(Text),
            state: self.state.map(Text),
            version: self.version,
            comment: self.comment.clone(),
            detail: self.detail.clone(),
            evidence: self.evidence.clone(),
        }
    }

    fn parse(mirror: EventMirror) -> Result<Self, String> {
        let by = match mirror.by {
            None => Actor::Clock,
            Some(ActorMirror { id, authentication }) => {
                Actor::Person { id: id.0, authentication: authentication.authentication()? }
            }
        };
        Ok(Self {
            at: mirror.at.0,
            kind: mirror.kind.0,
            by,
            access_request: mirror.access_request.map(|id| id.0),
            tenant: mirror.tenant.map(|id| id.0),
            state: mirror.state.map(|state| state.0),
            version: mirror.version,
            comment: mirror.comment,
            detail: mirror.detail,
            evidence: mirror.evidence,
        })
    }
}

impl Document for Notice {
    type Mirror = NoticeMirror;

    fn mirror(&self) -> NoticeMirror {
        NoticeMirror {
            kind: Text(self.kind),
            to: Text(self.to.clone()),
            tenant: Text(self.tenant.clone()),
            access_request: self.access_request.map(Text),
            at: Ms(self.at),
        }
    }

    fn parse(mirror: NoticeMirror) -> Result<Self, String> {
        Ok(Self {
            kind: mirror.kind.0,
            to: mirror.to.0,
            tenant: mirror.tenant.0,
            access_request: mirror.access_request.map(|id| id.0),
            at: mirror.at.0,
        })
    }
}

fn mirrored(attributes: &Attributes) -> BTreeMap<String, ValueMirror> {
    attributes.iter().map(|(name, value)| (name.clone(), ValueMirror::of(value))).collect()
}

fn attributes(mirrors: BTreeMap<String, ValueMirror>) -> Attributes {
    mirrors.into_iter().map(|(name, mirror)| (name, mirror.value())).collect()
}

impl ValueMirror {
    fn of(value: &Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Long(value) => Self::Long(*value),
            Value::String(value) => Self::String(value.clone()),
            Value::Set(values) => Self::Set(values.iter().map(Self::of).collect()),
            Value::Record(record) => Self::Record(mirrored(record)),
        }
    }

    fn value(self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Long(value) => Value::Long(value),
            Self::String(value) => Value::String(value),
            Self::Set(values) => Value::Set(values.into_iter().map(Self::value).collect()),
            Self::Record(record) => Value::Record(attributes(record)),
        }
    }
}
