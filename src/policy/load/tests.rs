//! Tests of loading: what is refused, and where the finding points; the ways in which Cedar opens
//! silently; and that a new workload, action or attribute is an edit of the schema alone.

use super::super::testing::{access, ask_set, question, shipped, with};
use super::super::{PolicySet, Sources};
use crate::domain::{Access, Reason, Value, WorkloadName};
use std::sync::Arc;

const SCOPE: &str =
    "(principal is Lockbox::Engineer, action == Lockbox::Action::\"read\", resource is Lockbox::Content)";

fn refused(sources: &Sources, code: &str) -> String {
    let error = PolicySet::from_sources(sources).map(|_| ()).unwrap_err();
    assert!(error.findings.iter().any(|finding| finding.code == code), "`{code}` expected: {error}");
    error.to_string()
}

fn without(policy: &str) -> Sources {
    let mut sources = Sources::shipped();
    for file in &mut sources.policies {
        if let Some(from) = file.text.find(&format!("@id(\"{policy}\")")) {
            let rest = file.text.get(from..).unwrap();
            let end = from + rest.find(";\n").unwrap() + 2;
            file.text = format!("{}{}", file.text.get(..from).unwrap(), file.text.get(end..).unwrap()).into();
        }
    }
    sources
}

#[test]
fn what_an_edit_must_not_do_is_refused() {
    for (policy, code, part) in [
        (format!("permit {SCOPE};"), "policy-id-missing", "no `@id`"),
        (format!("@id(\"Not This\") permit {SCOPE};"), "policy-id-form", "more.cedar:1:1"),
        (format!("@id(\"stop-suspended-engineer\") permit {SCOPE};"), "policy-id-twice", "more.cedar:1:1"),
        ("@id(\"x\") permit (principal == ?principal, action, resource);".to_owned(), "template", "?principal"),
        (format!("@id(\"x\") permit {SCOPE}"), "policy-syntax", "more.cedar"),
        (format!("@id(\"x\") permit {SCOPE} when {{ principal.suspendedd }};"), "policy-invalid", "suspended"),
        (format!("@id(\"x\") forbid {SCOPE} when {{ principal.clearance < 1 }};"), "policy-invalid", "clearance"),
        (format!("@id(\"x\") permit {SCOPE} when {{ false }};"), "policy-never-applies", "more.cedar"),
        (
            format!("@id(\"x\") permit {SCOPE} when {{ principal in Lockbox::Team::\"аlice\" }};"),
            "policy-doubtful",
            "more.cedar",
        ),
        (
            format!("@id(\"x\") permit {SCOPE} when {{ resource.workload == Lockbox::Workload::\"teams\" }};"),
            "policy-invalid",
            "teams",
        ),
        (format!("@id(\"x\") permit {SCOPE} when {{ context has grant && context.grant.tenant.lockbox }};"), "", ""),
    ] {
        if code.is_empty() {
            PolicySet::from_sources(&with(&policy)).unwrap();
            continue;
        }
        let text = refused(&with(&policy), code);
        assert!(text.contains(part) && text.contains("= "), "{text}");
    }
}

#[test]
fn an_error_points_at_its_place() {
    let text = refused(&with(&format!("@id(\"x\")\nforbid {SCOPE}\nwhen {{ principal.nobody }};")), "policy-invalid");
    assert!(text.contains("more.cedar:3:8\n  3 | when { principal.nobody };\n    |        ^"), "{text}");
}

#[test]
fn a_set_without_its_guardrail_or_without_anything_is_refused() {
    assert!(refused(&without("stop-suspended-engineer"), "canary").contains("guardrails.cedar"));
    let empty = Sources { policies: Vec::new(), ..Sources::shipped() };
    refused(&empty, "set-empty");
    PolicySet::from_sources(&without("refuse-unmanaged-device")).unwrap();
}

#[test]
fn a_permit_for_everything_still_allows_nothing_without_a_grant() {
    let set = PolicySet::from_sources(&with("@id(\"open-all\") permit (principal, action, resource);")).unwrap();
    assert_eq!(ask_set(&set, &question("read", None), &[]).decision().reason, Reason::NoGrant);
    let covered = ask_set(&set, &question("read", None), &[access()]);
    assert_eq!(covered.decision().policies, ["content-access-with-grant", "open-all"]);
    assert_eq!(ask_set(&set, &question("delete", None), &[access()]).decision().reason, Reason::OutOfScope);
}

#[test]
fn a_forbid_that_errors_denies_even_beside_a_permit() {
    let forbid = format!(
        "@id(\"overflow\") forbid {SCOPE} when {{ context has authentication_strength && context.authentication_strength + 1 < 0 }};"
    );
    let set = PolicySet::from_sources(&with(&forbid)).unwrap();
    let mut asked = question("read", None);
    assert_eq!(ask_set(&set, &asked, &[access()]).decision().reason, Reason::GrantActive);
    asked.context.insert("authentication_strength".to_owned(), Value::Long(i64::MAX));
    let judged = ask_set(&set, &asked, &[access()]);
    assert_eq!(judged.decision().reason, Reason::PolicyError);
    assert!(judged.decision().nearest.as_ref().unwrap().failed.contains("overflow"));
}

#[test]
fn an_entity_that_is_missing_denies_instead_of_skipping_a_forbid() {
    // The tenant of the Grant is in the store, an approving team's entity never is.
    let mut sources = with(&format!(
        "@id(\"ask-missing\") forbid {SCOPE} when {{ principal has mentor && principal.mentor.suspended }};"
    ));
    let text =
        sources.schema.text.replace("@source(\"caller\") on_call?: Bool", "@source(\"caller\") mentor?: Engineer");
    sources.schema.text = Arc::from(text);
    let set = PolicySet::from_sources(&sources).unwrap();
    let mut asked = question("read", None);
    asked.engineer_stated.insert("mentor".to_owned(), Value::String("nobody-knows".to_owned()));
    assert_eq!(ask_set(&set, &asked, &[access()]).decision().reason, Reason::PolicyError);
}

#[test]
fn a_forbid_on_the_group_of_actions_is_seen() {
    let set = PolicySet::from_sources(&with(
        "@id(\"close-all\") forbid (principal, action in Lockbox::Action::\"content_access\", resource);",
    ))
    .unwrap();
    for action in ["read", "export", "modify"] {
        let judged = ask_set(&set, &question(action, None), &[access()]);
        assert_eq!(judged.decision().policies, ["close-all"], "{action}");
    }
    assert_eq!(set.content_slice("read").unwrap().base.len(), 6, "all actions of the group are in the store");
}

#[test]
fn teams_is_an_edit_of_the_schema() {
    let mut sources = with(&format!(
        "@id(\"keep-private-chats\") forbid {} when {{ resource has private && resource.private }};",
        SCOPE.replace("\"read\"", "\"listen\"")
    ));
    let text = sources
        .schema
        .text
        .replace("\"onedrive\"]", "\"onedrive\", \"teams\"]")
        .replace("\"mailbox\",", "\"chat\", \"mailbox\",")
        .replace("action metadata, read,", "action listen, metadata, read,")
        .replace("sensitivity?: Long,", "sensitivity?: Long, @source(\"caller\") private?: Bool,");
    sources.schema.text = Arc::from(text);
    let set = PolicySet::from_sources(&sources).unwrap();
    let teams = WorkloadName::parse("teams").unwrap();
    let mut grant = Access { workload: teams.clone(), ..access() };
    let mut asked = question("listen", Some("chat/7"));
    asked.workload = teams;
    grant.scope.actions.insert(asked.action.clone());
    for (private, reason) in [(false, Reason::GrantActive), (true, Reason::PolicyDenied)] {
        asked.content_stated.insert("private".to_owned(), Value::Bool(private));
        assert_eq!(ask_set(&set, &asked, std::slice::from_ref(&grant)).decision().reason, reason);
    }
    assert_eq!(ask_set(shipped(), &asked, &[grant]).decision().reason, Reason::NotInSchema);
}

#[test]
fn a_schema_that_would_let_others_state_what_is_lockboxs_is_refused() {
    for (from, to, code) in [
        ("@source(\"lockbox\") suspended", "@source(\"caller\") suspended", "source-not-lockbox"),
        ("@source(\"lockbox\") grant?", "@source(\"caller\") grant?", "source-not-lockbox"),
        ("@source(\"caller\") device_managed?", "@source(\"caller\") device_managed", "attribute-required"),
        ("@source(\"caller\") device_managed?", "@source(\"anybody\") device_managed?", "source-unknown"),
        ("approval: Approval,", "approval: String,", "policy-invalid"),
        ("service_request: String,", "service_request: Long,", "canary"),
        ("entity Team;", "entity Team", "schema-invalid"),
        ("entity ContentType enum", "entity ContentTypes enum", "schema-invalid"),
    ] {
        let mut sources = Sources::shipped();
        assert!(sources.schema.text.contains(from), "{from}");
        sources.schema.text = sources.schema.text.replacen(from, to, 1).into();
        refused(&sources, code);
    }
}

#[test]
fn invariants_are_checked_and_never_asked() {
    let mut sources = Sources::shipped();
    let text = format!("@id(\"promise\") @invariant(\"x\") permit {SCOPE};");
    sources.invariants.push(super::SourceFile { name: "invariant/promise.cedar".to_owned(), text: Arc::from(text) });
    let set = PolicySet::from_sources(&sources).unwrap();
    assert!(set.policy("promise").is_none() && set.digest() != shipped().digest());
    for bad in [
        "@id(\"p\") permit",
        "@id(\"p\") @invariant(\"x\") @direction(\"up\") permit",
        "@id(\"p\") @invariant(\"x\") forbid",
    ] {
        let last = sources.invariants.last_mut().unwrap();
        last.text = Arc::from(format!("{bad} {SCOPE};"));
        refused(&sources, "invariant-form");
    }
}
