//! Explanations from the command line, against the answers of the judge.

use super::super::tests::{HERE, Only, changed, ends, ends_as};
use super::*;
use crate::cli::output::ColorWhen;
use crate::domain::{
    Access, AccessRequestId, ActionName, Approval, ContentScope, Engineer, Evaluation, GrantId, PersonId, Scope,
    ServiceRequest, StateName, TenantFacts, TenantId, Timestamp, Value as Stated, Window, WorkloadName,
};
use crate::policy::{Facts, Now, Sources, judge};
use clap::Parser as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const ASKED: [&str; 10] = [
    "explain",
    HERE,
    "--engineer",
    "ana@provider.example",
    "--tenant",
    "contoso",
    "--workload",
    "exchange",
    "--action",
    "export",
];

fn set() -> PolicySet {
    PolicySet::from_sources(&Sources::shipped()).unwrap()
}

fn explanations(words: &[&str]) -> Result<Vec<(String, Explanation)>, CliError> {
    let super::super::Verb::Explain(args) = Only::try_parse_from([&["x"], words].concat()).unwrap().args.verb else {
        panic!("another verb: {words:?}")
    };
    explained(&args, &set())
}

fn text(words: &[&str], all: bool) -> String {
    let (question, explanation) = explanations(words).unwrap().remove(0);
    shown::shown(
        &question,
        &explanation,
        shown::Extent { all, others: 3 },
        &Output::new(Format::Text, ColorWhen::Never),
    )
}

/// What a sidecar answers to the same question and facts, built from the domain.
fn judged(device_managed: bool, actions: &[&str]) -> (String, Option<String>, Vec<String>) {
    let now: Timestamp = "2026-11-22T09:30:00Z".parse().unwrap();
    let (engineer, tenant, workload) = ("ana@provider.example", "contoso", "exchange");
    let question = Evaluation {
        context: BTreeMap::from([("device_managed".to_owned(), Stated::Bool(device_managed))]),
        ..Evaluation::new(
            PersonId::parse(engineer).unwrap(),
            ActionName::parse("export").unwrap(),
            TenantId::parse(tenant).unwrap(),
            WorkloadName::parse(workload).unwrap(),
            None,
        )
    };
    let access = Access {
        id: AccessRequestId::new(AccessRequestId::FIRST),
        engineer: question.engineer.clone(),
        tenant: question.tenant.clone(),
        workload: question.workload.clone(),
        service_request: ServiceRequest::parse("SR-1").unwrap(),
        state: StateName::Active,
        scope: Scope {
            actions: actions.iter().map(|action| ActionName::parse(action).unwrap()).collect(),
            content: ContentScope::Workload,
        },
        approval: Some(Approval::Customer),
        grant: Some(GrantId::parse("00000000-0000-0000-0000-000000000001").unwrap()),
        window: Some(Window {
            starts_at: "2026-11-22T09:29:00Z".parse().unwrap(),
            expires_at: "2026-11-22T10:30:00Z".parse().unwrap(),
        }),
        respond_by: None,
        ended_at: None,
    };
    let directory = Engineer {
        id: question.engineer.clone(),
        version: 1,
        teams: BTreeSet::new(),
        clearance: None,
        country: None,
        suspended: false,
        attributes: BTreeMap::new(),
    };
    let settings = TenantFacts { id: question.tenant.clone(), lockbox: true, attributes: BTreeMap::new().into() };
    let facts = Facts { tenant: Some(&settings), engineer: Some(&directory), accesses: &[Arc::new(access)] };
    let decision = judge(&set(), &question, &facts, Now::exactly(now)).into_decision();
    (decision.message, decision.nearest.map(|nearest| nearest.failed), decision.policies)
}

#[test]
fn an_explanation_says_what_a_sidecar_answers() {
    for (device_managed, actions) in [(false, ["export"].as_slice()), (true, &["export"]), (true, &["read"])] {
        let question = json!({
            "engineer": "ana@provider.example", "tenant": "contoso", "workload": "exchange", "action": "export",
            "context": { "device_managed": device_managed },
            "facts": {
                "now": "2026-11-22T09:30:00Z",
                "grants": [{ "actions": actions, "from": "-1m", "until": "+1h" }],
            },
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), question.to_string()).unwrap();
        let (_, said) =
            explanations(&["explain", HERE, "--question", file.path().to_str().unwrap()]).unwrap().remove(0);
        assert_eq!((said.message, said.nearest, said.deciding), judged(device_managed, actions), "{question}");
    }
}

#[test]
fn what_decided_comes_first_and_all_that_failed_is_shown_with_its_values() {
    let words = [&ASKED[..], &["--granted", "--context", "device_managed=false"]].concat();
    let said = text(&words, false);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "deny (policy_denied)", "{said}");
    assert!(lines[1].starts_with("question  ana@provider.example export contoso/exchange at "), "{said}");
    for part in [
        "because   Sign in again from a device that the provider manages.\n",
        "policies  refuse-unmanaged-device\n\nforbid refuse-unmanaged-device: decided\n",
        "  met     !context.device_managed\n            context.device_managed = false\n",
        "permit content-access-with-grant: applies, and did not decide\n",
        "forbid stop-suspended-engineer: does not apply\n  failed  principal.suspended\n            principal.suspended = false",
        "  failed  context has device_compliant\n            context.device_compliant = absent\n",
        "3 other policies cannot apply to such a question",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("  met     context has grant"), "{said}");
    assert!(text(&words, true).contains("  met     context has grant"));
}

#[test]
fn the_guard_can_be_left_out() {
    let guarded = text(&ASKED, false);
    assert!(guarded.starts_with("deny (no_grant)\n") && guarded.contains("before any policy is asked"), "{guarded}");
    let alone = text(&[&ASKED[..], &["--no-guard"]].concat(), false);
    assert!(alone.starts_with("deny\n") && alone.contains("without the guard"), "{alone}");
    assert!(alone.contains("permit content-access-with-grant: does not apply, and came nearest\n"), "{alone}");
    assert!(alone.contains("  failed  context has grant\n            context.grant = absent\n"), "{alone}");
}

#[test]
fn a_test_of_a_suite_is_explained_question_by_question() {
    let suite = format!("{HERE}/tests/policies/guardrails.yaml");
    let ask = |more: &[&str]| explanations(&[&["explain", HERE, "--suite", &suite], more].concat());
    assert_eq!(ask(&["--test", "an unmanaged device"]).unwrap().len(), 2);
    let one = ask(&["--test", "an unmanaged device", "--action", "read"]).unwrap();
    assert_eq!((one.len(), one[0].1.deciding.as_slice()), (1, ["refuse-unmanaged-device".to_owned()].as_slice()));
    let error = |more: &[&str]| ask(more).unwrap_err();
    let unknown = error(&["--test", "an unmanged device"]);
    assert_eq!(unknown.exit(), Exit::Usage);
    assert!(unknown.to_string().contains("is `an unmanaged device` meant?"), "{unknown}");
    let unasked = error(&["--test", "an unmanaged device", "--action", "export"]).to_string();
    assert!(unasked.contains("does not ask for `export`"), "{unasked}");
}

#[test]
fn what_cannot_be_asked_is_said() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let question = json!({ "engineer": "ana", "tenant": "contoso", "workload": "exchange", "action": "read" });
    for (change, said) in [
        (json!({ "enginer": "ana" }), "unknown field `enginer`"),
        (json!({ "facts": { "grants": [{ "form": "-1m" }] } }), "`facts.grants[0]`: unknown field `form`"),
        (json!({ "facts": { "grants": [{}] } }), "an active one needs `from` and `until`"),
        (json!({ "facts": { "now": "noon" } }), "noon"),
        (json!({ "tenant": "Contoso" }), "`Contoso`"),
    ] {
        let mut asked = question.as_object().unwrap().clone();
        asked.extend(change.as_object().unwrap().clone());
        std::fs::write(path, serde_json::to_string(&asked).unwrap()).unwrap();
        let error = ends(&["explain", HERE, "--question", path]).unwrap_err();
        assert!(error.exit() == Exit::Usage && error.to_string().contains(said), "{said}: {error}");
    }
    assert_eq!(ends(&["explain", HERE]).unwrap_err().exit(), Exit::Usage);
    assert_eq!(ends(&["explain", HERE, "--question", "/no/such/file"]).unwrap_err().exit(), Exit::Failed);
}

#[test]
fn every_form_ends_with_0_whatever_the_answer_is() {
    let granted = [&ASKED[..], &["--granted"]].concat();
    assert_eq!(ends(&granted).unwrap(), Exit::Fine);
    assert!(text(&granted, false).starts_with("allow (grant_active)\n"));
    assert_eq!(ends_as(Format::Json, &ASKED).unwrap(), Exit::Fine);
    assert_eq!(ends_as(Format::Junit, &ASKED).unwrap_err().exit(), Exit::Usage);
    let broken = changed("policies/guardrails.cedar", "context.device_managed", "context.device_managd");
    let mut words = ASKED;
    words[1] = broken.path().to_str().unwrap();
    assert_eq!(ends(&words).unwrap_err().exit(), Exit::PoliciesInvalid);
}
