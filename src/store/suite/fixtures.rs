//! People, tenants and AccessRequests in every state, made by the domain's own steps.

use crate::domain::{
    AccessRequest, AccessRequestId, Actor, Attributes, Authentication, Circumstances, Command, ContentPath,
    ContentScope, Defaults, Engineer, Entitlement, Event, EventKind, GrantId, Justification, Person, PersonId,
    ReasonCode, Role, Scope, ServiceRequest, StateName, Step, Submission, Tenant, TenantId, Terms, Timestamp, Value,
    Verdict, WorkloadName,
};
use crate::store::{AccessRequestFilter, Item, Page};
use core::time::Duration;

/// A moment in the tests' day, in milliseconds after its beginning.
pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(1_795_339_800_000 + ms)
}

pub(super) fn person(name: &str) -> PersonId {
    PersonId::parse(name).unwrap()
}

pub(super) fn tenant_id(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

/// A tenant with two approvers and every kind of setting.
pub(super) fn tenant(name: &str, lockbox: bool) -> Tenant {
    let record = Value::Record(Attributes::from([("hold".to_owned(), Value::Bool(true))]));
    Tenant {
        lockbox,
        approvers: ["csilla", "dora"].map(|who| person(&format!("{who}@{name}.example"))).into(),
        notify: [person(&format!("security@{name}.example"))].into(),
        quorum: 2,
        attributes: Attributes::from([
            ("region".to_owned(), Value::Set(vec![Value::String("eu".to_owned()), Value::Long(-7)])),
            ("legal".to_owned(), record),
        ]),
        ..Tenant::new(tenant_id(name), Entitlement::E5, at(0))
    }
}

pub(super) fn engineer(name: &str) -> Engineer {
    Engineer {
        id: person(name),
        version: 1,
        teams: ["exchange-oncall".to_owned()].into(),
        clearance: Some(2),
        country: None,
        suspended: false,
        attributes: Attributes::new(),
    }
}

fn signed_in(name: &str, role: Role, of: Option<&TenantId>) -> Person {
    let authentication =
        Authentication { method: "token", strength: Some("mfa".to_owned()), address: Some("192.0.2.7".to_owned()) };
    Person { id: person(name), roles: [role].into_iter().collect(), tenant: of.cloned(), authentication }
}

/// A new AccessRequest of Ana for two hours on one mailbox.
pub(super) fn submitted(number: u64, tenant: &Tenant, ms: i64) -> AccessRequest {
    asked(number, tenant, "ana@provider.example", "exchange", ms)
}

pub(super) fn asked(number: u64, tenant: &Tenant, by: &str, workload: &str, ms: i64) -> AccessRequest {
    let content = [ContentPath::of("mailbox", "adele@contoso.example").unwrap()].into();
    let asked = Submission {
        tenant: tenant.id.clone(),
        workload: WorkloadName::parse(workload).unwrap(),
        service_request: ServiceRequest::parse("SR-1042").unwrap(),
        reason: Justification { code: ReasonCode::CustomerInitiatedSupport, text: "does not sync 🗝".to_owned() },
        duration: Duration::from_secs(7200),
        scope: Scope {
            actions: ["read", "list"].map(|action| crate::domain::ActionName::parse(action).unwrap()).into(),
            content: ContentScope::from_paths(content),
        },
    };
    let id = AccessRequestId::new(number);
    AccessRequest::submit(id, &engineer(by), asked, tenant, Defaults::default(), at(ms)).unwrap()
}

/// The AccessRequest after a command by whoever may give it.
pub(super) fn then(before: &AccessRequest, command: Command, tenant: &Tenant, ms: i64) -> AccessRequest {
    let number = before.id.number();
    let grant_id = GrantId::parse(&format!("0198c0de-0000-7000-8000-{number:012x}")).unwrap();
    let by = match &command {
        Command::Review(_) => signed_in("rita@provider.example", Role::Reviewer, None),
        Command::Withdraw | Command::Close => signed_in(before.engineer.as_str(), Role::Engineer, None),
        Command::SwitchOn => signed_in(&format!("csilla@{}.example", tenant.id), Role::TenantAdmin, Some(&tenant.id)),
        Command::Approve(_) if has_consent(before) => {
            signed_in(&format!("dora@{}.example", tenant.id), Role::Approver, Some(&tenant.id))
        }
        _ => signed_in(&format!("csilla@{}.example", tenant.id), Role::Approver, Some(&tenant.id)),
    };
    let step = Step {
        command,
        comment: Some("so be it".to_owned()),
        seen_version: Some(before.version),
        evidence: Some("{}".to_owned()),
    };
    let on = Circumstances { tenant, defaults: Defaults::default(), now: at(ms), grant_id: &grant_id };
    before.apply(&step, &by, on).unwrap().after
}

fn has_consent(of: &AccessRequest) -> bool {
    matches!(&of.state, crate::domain::State::Notified { consents, .. } if !consents.is_empty())
}

/// An AccessRequest in a state, a minute after each step; by the customer's approval where there is one.
pub(super) fn in_state(number: u64, tenant: &Tenant, state: StateName) -> AccessRequest {
    let new = submitted(number, tenant, 0);
    let step = |before: &AccessRequest, command, ms| then(before, command, tenant, ms);
    let notified = || step(&new, Command::Review(Verdict::Approve), 60_000);
    let consented = || step(&notified(), Command::Approve(Terms::default()), 120_000);
    let active = || {
        let duration = Some(Duration::from_secs(3600));
        step(&consented(), Command::Approve(Terms { duration, ..Terms::default() }), 180_000)
    };
    let long_after = at(100 * 3_600_000);
    match state {
        StateName::Submitted => new,
        StateName::Rejected => step(&new, Command::Review(Verdict::Reject), 60_000),
        StateName::Notified => consented(),
        StateName::Denied => step(&notified(), Command::Deny, 120_000),
        StateName::Expired => notified().lapse(long_after).unwrap().after,
        StateName::Withdrawn => step(&notified(), Command::Withdraw, 120_000),
        StateName::Active => active(),
        StateName::Closed => step(&active(), Command::Close, 240_000),
        StateName::Revoked => step(&active(), Command::Revoke, 240_000),
        StateName::Ended => active().lapse(long_after).unwrap().after,
    }
}

/// The event of an AccessRequest as it now is.
pub(super) fn event(of: &AccessRequest) -> Event {
    let ana = signed_in(of.engineer.as_str(), Role::Engineer, None);
    Event {
        at: of.submitted_at,
        kind: EventKind::Submitted,
        by: if of.version.is_multiple_of(2) { Actor::Clock } else { Actor::of(&ana) },
        access_request: Some(of.id),
        tenant: Some(of.asked.tenant.clone()),
        state: Some(of.state_name()),
        version: of.version,
        comment: Some("\u{202e}kept as it is".to_owned()),
        detail: None,
        evidence: None,
    }
}

/// A live item whose digest follows from key and content.
pub(super) fn item(key: &str, content: &[u8]) -> Item {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::new().chain_update(key).chain_update(content).finalize();
    let digest = u128::from_be_bytes(hash[..16].try_into().unwrap());
    Item { key: key.to_owned(), payload: Some(content.to_vec()), digest }
}

pub(super) fn gone(key: &str) -> Item {
    Item { key: key.to_owned(), payload: None, digest: 0 }
}

pub(super) fn page<K>(after: Option<K>, limit: u32) -> Page<K> {
    Page { after, limit }
}

/// No filter but the state, judged at `now`.
pub(super) fn in_state_at(state: StateName, now: Timestamp) -> AccessRequestFilter {
    AccessRequestFilter { state: Some(state), now: Some(now), ..AccessRequestFilter::default() }
}
