//! Tests of [`judge`](super::judge): what is allowed, and why what is not is not.

use super::super::testing::{access, ask, asked, engineer, narrowed, now, question, shipped, tenant};
use super::super::{Facts, judge};
use crate::domain::{Access, Approval, Engineer, Reason, StateName, TenantFacts, Value};
use std::sync::Arc;

#[test]
fn a_good_grant_allows_a_question_without_any_context() {
    let judged = ask(&question("read", Some("mailbox/adele@contoso.example")), &[access()]);
    let decision = judged.decision();
    assert_eq!((decision.reason, decision.message.as_str()), (Reason::GrantActive, ""));
    assert_eq!(decision.policies, ["content-access-with-grant"]);
    assert_eq!(decision.grant.as_ref().unwrap().id, access().grant.unwrap());
    assert!(judged.permit().is_some() && judged.cacheable());
    assert_eq!(judged.boundary(), Some(access().window.unwrap().expires_at));
}

#[test]
fn without_a_grant_nothing_is_allowed() {
    let judged = ask(&question("read", None), &[]);
    assert_eq!(judged.decision().reason, Reason::NoGrant);
    assert!(judged.permit().is_none() && judged.decision().grant.is_none());
}

#[test]
fn a_narrowed_grant_covers_what_lies_below_and_nothing_beside() {
    let grant = [narrowed(&["mailbox/adele@contoso.example"])];
    for (content, reason) in [
        (Some("mailbox/adele@contoso.example"), Reason::GrantActive),
        (Some("mailbox/adele@contoso.example/message/7"), Reason::GrantActive),
        (Some("mailbox/adele@contoso.example2"), Reason::OutOfScope),
        (None, Reason::OutOfScope),
    ] {
        assert_eq!(ask(&question("read", content), &grant).decision().reason, reason, "{content:?}");
    }
}

#[test]
fn guardrails_stop_what_a_grant_allows_and_say_so() {
    let managed = |truth| {
        let mut question = question("read", None);
        question.context.insert("device_managed".to_owned(), Value::Bool(truth));
        ask(&question, &[access()])
    };
    assert_eq!(managed(true).decision().reason, Reason::GrantActive);
    let denied = managed(false);
    let decision = denied.decision();
    assert_eq!(decision.reason, Reason::PolicyDenied);
    assert_eq!(decision.policies, ["refuse-unmanaged-device"]);
    assert_eq!(decision.policy_reason.as_deref(), Some("device_not_managed"));
    assert_eq!(decision.message, "Sign in again from a device that the provider manages.");
    let failed = &decision.nearest.as_ref().unwrap().failed;
    assert!(failed.starts_with("refuse-unmanaged-device: ") && failed.contains("device_managed"), "{failed}");
}

#[test]
fn export_takes_clearance_where_sensitivity_is_stated() {
    for (clearance, sensitivity, reason) in [
        (None, None, Reason::GrantActive),
        (None, Some(1), Reason::PolicyDenied),
        (Some(1), Some(2), Reason::PolicyDenied),
        (Some(2), Some(2), Reason::GrantActive),
    ] {
        let mut question = question("export", None);
        if let Some(level) = sensitivity {
            question.content_stated.insert("sensitivity".to_owned(), Value::Long(level));
        }
        let engineer = Engineer { clearance, ..engineer() };
        let facts = Facts { tenant: Some(&tenant()), engineer: Some(&engineer), accesses: &[Arc::new(access())] };
        assert_eq!(
            judge(shipped(), &question, &facts, now()).decision().reason,
            reason,
            "{clearance:?} {sensitivity:?}"
        );
    }
}

#[test]
fn legal_hold_keeps_content_as_it_is() {
    let mut held = tenant();
    Arc::make_mut(&mut held.attributes).insert("legal_hold".to_owned(), Value::Bool(true));
    for (action, reason) in [("read", Reason::GrantActive), ("modify", Reason::PolicyDenied)] {
        let facts = Facts { tenant: Some(&held), engineer: Some(&engineer()), accesses: &[Arc::new(access())] };
        assert_eq!(judge(shipped(), &question(action, None), &facts, now()).decision().reason, reason, "{action}");
    }
}

#[test]
fn a_suspended_engineer_is_denied_with_and_without_a_grant() {
    let suspended = Engineer { suspended: true, ..engineer() };
    for accesses in [vec![], vec![Arc::new(access())]] {
        let facts = Facts { tenant: Some(&tenant()), engineer: Some(&suspended), accesses: &accesses };
        let judged = judge(shipped(), &question("read", None), &facts, now());
        assert_eq!(judged.decision().reason, Reason::PolicyDenied);
        assert!(judged.decision().message.contains("suspended"));
    }
}

#[test]
fn internal_approval_allows_only_while_lockbox_is_off() {
    let internal = Arc::new(Access { approval: Some(Approval::Internal), ..access() });
    for (lockbox, reason) in [(false, Reason::LockboxOff), (true, Reason::GrantRevoked)] {
        let tenant = TenantFacts { lockbox, ..tenant() };
        let facts =
            Facts { tenant: Some(&tenant), engineer: Some(&engineer()), accesses: std::slice::from_ref(&internal) };
        assert_eq!(judge(shipped(), &question("read", None), &facts, now()).decision().reason, reason, "{lockbox}");
    }
}

#[test]
fn names_that_the_schema_does_not_declare_are_denied_as_such() {
    let mut teams = question("read", None);
    teams.workload = crate::domain::WorkloadName::parse("teams").unwrap();
    let kind = question("read", Some("mailbox/a/thread/7"));
    let group = question("content_access", None);
    for (question, word) in
        [(teams, "teams"), (kind, "thread"), (question("fly", None), "fly"), (group, "content_access")]
    {
        let judged = ask(&question, &[access()]);
        assert_eq!(judged.decision().reason, Reason::NotInSchema);
        assert!(judged.decision().message.contains(word), "{}", judged.decision().message);
    }
}

#[test]
fn a_caller_can_state_nothing_that_is_lockboxs_own() {
    let mut question = question("read", None);
    question.service_request = crate::domain::ServiceRequest::parse("SR-7").ok();
    for name in ["grant", "now", "tenant", "workload", "action", "service_request", "lockbox", "never_heard_of"] {
        question.context.insert(name.to_owned(), Value::Bool(true));
    }
    for name in ["suspended", "clearance", "country", "tenant"] {
        question.engineer_stated.insert(name.to_owned(), Value::Bool(false));
    }
    for name in ["tenant", "workload", "content_type"] {
        question.content_stated.insert(name.to_owned(), Value::String("fabrikam".to_owned()));
    }
    let judged = ask(&question, &[access()]);
    assert_eq!((judged.decision().reason, judged.dropped()), (Reason::GrantActive, 15));
    assert_eq!(ask(&question, &[asked(StateName::Denied)]).decision().reason, Reason::RequestDenied);
}

#[test]
fn a_stated_value_of_another_type_is_denied() {
    let mut question = question("read", None);
    question.context.insert("device_managed".to_owned(), Value::String("yes".to_owned()));
    let judged = ask(&question, &[access()]);
    assert_eq!(judged.decision().reason, Reason::NotInSchema);
    assert_eq!(
        judged.decision().message,
        "`context.device_managed` must be true or false: correct what states it, or leave it out."
    );
}

#[test]
fn unknown_tenant_and_unknown_engineer_are_told_apart() {
    let facts = Facts { tenant: None, engineer: Some(&engineer()), accesses: &[Arc::new(access())] };
    assert_eq!(judge(shipped(), &question("read", None), &facts, now()).decision().reason, Reason::UnknownTenant);
    let facts = Facts { tenant: Some(&tenant()), engineer: None, accesses: &[Arc::new(access())] };
    let judged = judge(shipped(), &question("read", None), &facts, now());
    assert_eq!(judged.decision().reason, Reason::NoGrant);
    assert!(judged.decision().message.contains("not in the engineer directory"));
}
