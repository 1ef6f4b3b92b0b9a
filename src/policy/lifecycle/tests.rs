//! The matrix of who may do what, as golden text, and the pair of it: the domain's hard rules.

use super::super::testing::{NOON, shipped};
use super::{Deed, Subject};
use crate::domain::{
    AccessRequest, Act, Authentication, Circumstances, Command, Defaults, Engineer, Entitlement, GrantId,
    Justification, Person, PersonId, ReasonCode, Refusal, Role, Scope, ServiceRequest, Step, Submission, Tenant,
    TenantChange, TenantId, Terms, Timestamp, Verdict, WorkloadName,
};
use std::collections::BTreeSet;
use std::fmt::Write as _;

fn id(text: &str) -> PersonId {
    PersonId::parse(text).unwrap()
}

fn person(name: &str, tenant: Option<&str>, roles: &[Role]) -> Person {
    Person {
        id: id(name),
        roles: roles.iter().copied().collect(),
        tenant: tenant.map(|tenant| TenantId::parse(tenant).unwrap()),
        authentication: Authentication { method: "token", strength: None, address: None },
    }
}

/// Everybody who differs in what he may do, and impostors: right id but wrong side, role but not named.
fn people() -> Vec<(&'static str, Person)> {
    use Role::{Approver, Auditor, Engineer, Operator, Reviewer, TenantAdmin};
    let all = Role::ALL;
    vec![
        ("requester", person("ana", None, &[Engineer])),
        ("requester, all roles", person("ana", None, &all)),
        ("requester, at customer", person("ana", Some("contoso"), &all)),
        ("other engineer", person("ben", None, &[Engineer])),
        ("reviewer", person("rita", None, &[Reviewer])),
        ("reviewer, at customer", person("rita", Some("contoso"), &all)),
        ("other reviewer", person("rob", None, &[Reviewer])),
        ("approver", person("csilla", Some("contoso"), &[Approver])),
        ("approver, provider side", person("csilla", None, &[Approver])),
        ("approver, role lost", person("csilla", Some("contoso"), &[])),
        ("approver, not named", person("dora", Some("contoso"), &[Approver])),
        ("approver elsewhere", person("felix", Some("fabrikam"), &[Approver, TenantAdmin])),
        ("tenant admin", person("tina", Some("contoso"), &[TenantAdmin])),
        ("customer's auditor", person("otis", Some("contoso"), &[Auditor])),
        ("provider's auditor", person("olga", None, &[Auditor])),
        ("operator", person("otto", None, &[Operator])),
        ("operator, at customer", person("otto", Some("contoso"), &[Operator])),
        ("nobody", person("nobody", None, &[])),
    ]
}

fn tenant() -> Tenant {
    let tenant = Tenant::new(TenantId::parse("contoso").unwrap(), Entitlement::E5, Timestamp::from_ms(0));
    let approvers = BTreeSet::from([id("csilla"), id("felix"), id("ana"), id("rita")]);
    let change = TenantChange { lockbox: Some(true), approvers: Some(approvers), ..TenantChange::default() };
    tenant.changed(change, Defaults::default(), Timestamp::from_ms(0)).unwrap()
}

fn submitted(tenant: &Tenant) -> AccessRequest {
    let engineer = Engineer {
        id: id("ana"),
        version: 1,
        teams: BTreeSet::new(),
        clearance: None,
        country: None,
        suspended: false,
        attributes: crate::domain::Attributes::new(),
    };
    let asked = Submission {
        tenant: tenant.id.clone(),
        workload: WorkloadName::parse("exchange").unwrap(),
        service_request: ServiceRequest::parse("SR-1").unwrap(),
        reason: Justification { code: ReasonCode::Emergency, text: "it is".to_owned() },
        duration: core::time::Duration::from_secs(3600),
        scope: Scope {
            actions: BTreeSet::from([crate::domain::ActionName::parse("read").unwrap()]),
            content: crate::domain::ContentScope::Workload,
        },
    };
    let id = crate::domain::AccessRequestId::new(1001);
    AccessRequest::submit(id, &engineer, asked, tenant, Defaults::default(), Timestamp::from_ms(NOON)).unwrap()
}

fn apply(request: &AccessRequest, tenant: &Tenant, by: &Person, command: Command) -> Result<AccessRequest, Refusal> {
    let grant_id = GrantId::parse("0198c0de-0000-7000-8000-000000000001").unwrap();
    let on =
        Circumstances { tenant, defaults: Defaults::default(), now: Timestamp::from_ms(NOON + 1), grant_id: &grant_id };
    let step = Step { command, comment: None, seen_version: None, evidence: None };
    request.apply(&step, by, on).map(|transition| transition.after)
}

fn stages() -> (Tenant, AccessRequest, AccessRequest, AccessRequest) {
    let tenant = tenant();
    let submitted = submitted(&tenant);
    let rita = person("rita", None, &[Role::Reviewer]);
    let notified = apply(&submitted, &tenant, &rita, Command::Review(Verdict::Approve)).unwrap();
    let csilla = person("csilla", Some("contoso"), &[Role::Approver]);
    let active = apply(&notified, &tenant, &csilla, Command::Approve(Terms::default())).unwrap();
    (tenant, submitted, notified, active)
}

#[test]
fn the_whole_matrix() {
    let (tenant, submitted, notified, active) = stages();
    let engineer = id("ana");
    let mut text = String::new();
    for (name, person) in people() {
        let mut may = Vec::new();
        for deed in Deed::ALL {
            let subjects: Vec<(&str, Subject<'_>)> = match deed {
                Deed::Review => vec![("", Subject::AccessRequest(&submitted, &tenant))],
                Deed::Approve | Deed::Deny => vec![("", Subject::AccessRequest(&notified, &tenant))],
                Deed::Withdraw | Deed::View => vec![
                    ("", Subject::AccessRequest(&notified, &tenant)),
                    ("/submitted", Subject::AccessRequest(&submitted, &tenant)),
                ],
                Deed::Close | Deed::Revoke | Deed::ViewAccesses => vec![("", Subject::AccessRequest(&active, &tenant))],
                Deed::ManageEngineer | Deed::ViewEngineer => vec![("", Subject::Engineer(&engineer))],
                Deed::ListTenants | Deed::ListEngineers => vec![("", Subject::System)],
                Deed::ViewOutbox => vec![("", Subject::Tenant(&tenant)), ("/all", Subject::System)],
                Deed::Submit | Deed::ConfigureTenant | Deed::EntitleTenant | Deed::ViewTenant => {
                    vec![("", Subject::Tenant(&tenant))]
                }
            };
            for (which, subject) in subjects {
                // What typed code builds is what the schema declares.
                shipped().lifecycle_entities(&person, subject).unwrap();
                if shipped().may(&person, deed, subject).is_ok() {
                    may.push(format!("{}{which}", deed.as_str()));
                }
            }
        }
        writeln!(text, "{name}: {}", may.join(" ")).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn policies_and_hard_rules_agree_about_every_person_and_step() {
    let (tenant, submitted, notified, active) = stages();
    let commands = [
        (&submitted, Command::Review(Verdict::Approve)),
        (&notified, Command::Approve(Terms::default())),
        (&notified, Command::Deny),
        (&submitted, Command::Withdraw),
        (&notified, Command::Withdraw),
        (&active, Command::Close),
        (&active, Command::Revoke),
    ];
    for (name, person) in people() {
        for (request, command) in &commands {
            let act: Act = command.act();
            let by_rule = apply(request, &tenant, &person, command.clone());
            let by_policy = shipped().may(&person, act.into(), Subject::AccessRequest(request, &tenant));
            assert_eq!(by_rule.is_ok(), by_policy.is_ok(), "{name}: {}: {by_rule:?}, {by_policy:?}", act.as_str());
            assert!(matches!(by_rule, Ok(_) | Err(Refusal::NotEligible(_))), "{name}: {by_rule:?}");
        }
    }
}

#[test]
fn a_refusal_says_who_may() {
    let (tenant, _, notified, _) = stages();
    let ben = person("ben", None, &[Role::Engineer]);
    let refused = shipped().may(&ben, Deed::Approve, Subject::AccessRequest(&notified, &tenant)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "An approver named in the tenant's settings, who neither asked nor reviewed, has to answer."
    );
    assert!(shipped().may(&ben, Deed::Approve, Subject::System).is_err());
}
