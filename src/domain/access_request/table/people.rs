//! The people around one AccessRequest, the right ones and the wrong ones, and the commands.

use super::super::super::{
    ActionName, Authentication, ContentPath, ContentScope, Entitlement, Justification, Person, PersonId, ReasonCode,
    Role, Scope,
};
use super::super::{
    AccessRequest, AccessRequestId, Circumstances, Command, Defaults, Engineer, GrantId, Refusal, ServiceRequest, Step,
    Submission, Tenant, TenantId, Terms, Timestamp, Transition, Verdict, WorkloadName,
};
use core::time::Duration;

pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const GRANT_ID: &str = "0198c0de-0000-7000-8000-000000001001";

pub(super) fn start() -> Timestamp {
    "2026-11-22T09:30:00Z".parse().unwrap()
}

pub(super) fn id(name: &str) -> PersonId {
    PersonId::parse(name).unwrap()
}

pub(super) fn someone(name: &str, roles: &[Role], tenant: Option<&str>) -> Person {
    Person {
        id: id(name),
        roles: roles.iter().copied().collect(),
        tenant: tenant.map(|tenant| TenantId::parse(tenant).unwrap()),
        authentication: Authentication { method: "token", strength: None, address: None },
    }
}

/// Everybody, by what he is to the AccessRequest.
pub(super) fn everybody() -> Vec<(&'static str, Person)> {
    let contoso = Some("contoso");
    vec![
        ("requester", someone("ana@provider.example", &[Role::Engineer], None)),
        ("requester, all roles", someone("ana@provider.example", &Role::ALL, None)),
        ("other engineer", someone("ben@provider.example", &[Role::Engineer], None)),
        ("its reviewer", someone("rita@provider.example", &[Role::Reviewer], None)),
        ("its reviewer, as approver", someone("rita@provider.example", &[Role::Approver], contoso)),
        ("other reviewer", someone("rob@provider.example", &[Role::Reviewer], None)),
        ("approver", someone("csilla@contoso.example", &[Role::Approver], contoso)),
        ("second approver", someone("dora@contoso.example", &[Role::Approver], contoso)),
        ("approver of another tenant", someone("felix@fabrikam.example", &[Role::Approver], Some("fabrikam"))),
        ("approver, not named", someone("gabor@contoso.example", &[Role::Approver], contoso)),
        ("named, without the role", someone("hanna@contoso.example", &[Role::Auditor], contoso)),
        ("named, of no tenant", someone("ivan@contoso.example", &[Role::Approver], None)),
        ("tenant_admin", someone("judit@contoso.example", &[Role::TenantAdmin], contoso)),
        ("auditor", someone("olga@provider.example", &[Role::Auditor], None)),
        ("operator", someone("otto@provider.example", &[Role::Operator], None)),
    ]
}

pub(super) fn named(who: &str) -> Person {
    everybody().into_iter().find(|(name, _)| *name == who).unwrap().1
}

/// Contoso: lockbox on, one approval suffices. Even the requester and the reviewer are named as
/// approvers, and a stranger: naming alone must not make anybody eligible.
pub(super) fn contoso() -> Tenant {
    let named = ["csilla@contoso.example", "dora@contoso.example", "hanna@contoso.example", "ivan@contoso.example"];
    let wrongly_named = ["ana@provider.example", "rita@provider.example", "felix@fabrikam.example"];
    Tenant {
        lockbox: true,
        approvers: named.into_iter().chain(wrongly_named).map(id).collect(),
        notify: ["security@contoso.example", "csilla@contoso.example"].map(id).into(),
        ..Tenant::new(TenantId::parse("contoso").unwrap(), Entitlement::E5, start())
    }
}

pub(super) fn scope(actions: &[&str], paths: &[&str]) -> Scope {
    let paths = paths.iter().map(|path| ContentPath::parse(path).unwrap()).collect();
    Scope {
        actions: actions.iter().map(|action| ActionName::parse(action).unwrap()).collect(),
        content: ContentScope::from_paths(paths),
    }
}

/// Ana asks for two hours, to list and read two mailboxes.
pub(super) fn submitted() -> AccessRequest {
    let asked = Submission {
        tenant: contoso().id,
        workload: WorkloadName::parse("exchange").unwrap(),
        service_request: ServiceRequest::parse("SR-1042").unwrap(),
        reason: Justification { code: ReasonCode::CustomerInitiatedSupport, text: "does not sync".to_owned() },
        duration: 2 * HOUR,
        scope: scope(&["list", "read"], &["mailbox/adele", "mailbox/bela"]),
    };
    let ana = Engineer {
        id: id("ana@provider.example"),
        version: 1,
        teams: Default::default(),
        clearance: None,
        country: None,
        suspended: false,
        attributes: Default::default(),
    };
    let access_request = AccessRequestId::new(1001);
    AccessRequest::submit(access_request, &ana, asked, &contoso(), Defaults::default(), start()).unwrap()
}

/// Every command, by its name in the tables, and who is to give it.
pub(super) fn commands() -> Vec<(&'static str, Command, &'static str)> {
    vec![
        ("review-approve", Command::Review(Verdict::Approve), "its reviewer"),
        ("review-reject", Command::Review(Verdict::Reject), "its reviewer"),
        ("approve", Command::Approve(Terms::default()), "approver"),
        ("deny", Command::Deny, "approver"),
        ("withdraw", Command::Withdraw, "requester"),
        ("close", Command::Close, "requester"),
        ("revoke", Command::Revoke, "approver"),
        ("switch_on", Command::SwitchOn, "tenant_admin"),
    ]
}

/// A step of somebody who saw the present version.
pub(super) fn step(
    before: &AccessRequest,
    command: Command,
    by: &Person,
    tenant: &Tenant,
    now: Timestamp,
) -> Result<Transition, Refusal> {
    let step =
        Step { command, comment: Some("so be it".to_owned()), seen_version: Some(before.version), evidence: None };
    let grant_id = GrantId::parse(GRANT_ID).unwrap();
    before.apply(&step, by, Circumstances { tenant, defaults: Defaults::default(), now, grant_id: &grant_id })
}

/// The AccessRequest after a step of the right person, a minute after its submission.
pub(super) fn then(before: &AccessRequest, command: &str, tenant: &Tenant) -> AccessRequest {
    let (_, command, by) = commands().into_iter().find(|(name, ..)| *name == command).unwrap();
    step(before, command, &named(by), tenant, start().plus(Duration::from_secs(60))).unwrap().after
}

/// Every state, and the variants that matter, with the tenant's settings they are met under.
pub(super) fn states() -> Vec<(&'static str, AccessRequest, Tenant)> {
    let (on, off) = (contoso(), Tenant { lockbox: false, ..contoso() });
    let two = Tenant { quorum: 2, ..contoso() };
    let notified = then(&submitted(), "review-approve", &on);
    let active = then(&notified, "approve", &on);
    let internal = then(&submitted(), "review-approve", &off);
    let long_after = start().plus(100 * HOUR);
    vec![
        ("submitted", submitted(), on.clone()),
        ("submitted, lockbox off", submitted(), off.clone()),
        ("rejected", then(&submitted(), "review-reject", &on), on.clone()),
        ("notified", notified.clone(), on.clone()),
        ("notified, quorum 2", notified.clone(), two.clone()),
        ("notified, csilla of 2", then(&notified, "approve", &two), two),
        ("denied", then(&notified, "deny", &on), on.clone()),
        ("expired", notified.lapse(long_after).unwrap().after, on.clone()),
        ("withdrawn", then(&notified, "withdraw", &on), on.clone()),
        ("active", active.clone(), on.clone()),
        ("active, internal", internal, off),
        ("closed", then(&active, "close", &on), on.clone()),
        ("revoked", then(&active, "revoke", &on), on.clone()),
        ("ended", active.lapse(long_after).unwrap().after, on),
    ]
}
