//! Explanations, and tests that contradict each other.

use super::super::super::testing::shipped;
use super::super::{Cases, Suite};
use super::{PERSON, SMALL, here, run};
use crate::policy::Explanation;

fn explained(text: &str, action: &str) -> Explanation {
    let suite = Suite::parse("suite.yaml", text).unwrap();
    let cases = Cases::of(shipped(), &[("suite.yaml".to_owned(), suite)]).unwrap();
    let mut all = cases.explain(shipped(), "one", Some(action));
    assert_eq!(all.len(), 1);
    all.remove(0).1
}

#[test]
fn every_question_of_the_shipped_suites_is_explained_as_it_is_answered() {
    let cases = Cases::read(shipped(), &here("tests/policies")).unwrap();
    let (mut named, mut forbidden) = (0, 0);
    for question in cases.suites.iter().flat_map(|suite| &suite.tests).flat_map(|test| &test.questions) {
        let answer = question.put.ask(shipped(), &mut |_, _| {});
        let said = question.put.explain(shipped());
        assert_eq!((said.allowed, &said.deciding), (answer.allowed, &answer.policies), "{}", question.shown);
        assert_eq!(said.nearest.clone().unwrap_or_default(), question.put.decided_by(shipped(), &answer));
        assert_eq!(said.message.is_empty(), said.allowed, "{}: {said:?}", question.shown);
        for policy in &said.policies {
            assert_eq!(policy.applies, policy.conditions.iter().all(|condition| condition.met), "{policy:?}");
            assert!(policy.applies || !policy.decided, "{policy:?}");
            forbidden += usize::from(policy.decided && !policy.permits);
        }
        // The condition that the answer names is the first that is seen to be unmet.
        for policy in said.policies.iter().filter(|policy| policy.nearest && !policy.applies) {
            let first = policy.conditions.iter().find(|condition| !condition.met).unwrap();
            assert_eq!(said.nearest, Some(format!("{}: {}", policy.id, first.condition)));
            named += 1;
        }
    }
    assert!(named > 20 && forbidden > 5, "{named} {forbidden}");
}

#[test]
fn an_explanation_shows_all_that_failed_with_the_values_read() {
    let alone = SMALL.replace("ask: {", "guard: false\n    now: +3h\n    ask: {");
    let said = explained(&alone, "modify");
    assert!(!said.allowed && said.policies_asked && said.reason.is_none(), "{said:?}");
    let permit = &said.policies[0];
    assert!(permit.id == "content-access-with-grant" && permit.permits && permit.nearest && !permit.applies);
    let failed: Vec<String> = permit
        .conditions
        .iter()
        .filter(|condition| !condition.met)
        .map(|condition| {
            let reads = condition.reads.iter().map(|read| format!("{} = {}", read.path, read.value));
            format!("{}: {}", condition.condition, reads.collect::<Vec<_>>().join("; "))
        })
        .collect();
    assert_eq!(
        failed,
        [
            "context.grant.actions.contains(action): \
         context.grant.actions = [Lockbox::Action::\"read\"]; action = Lockbox::Action::\"modify\"",
            "context.now < context.grant.expires_at: \
         context.now = datetime(\"2026-11-22T12:30:00.000Z\"); \
         context.grant.expires_at = datetime(\"2026-11-22T11:30:00.000Z\")",
        ]
    );
    let device = said.policies.iter().find(|policy| policy.id == "refuse-noncompliant-device").unwrap();
    let has = device.conditions.iter().find(|condition| condition.condition.contains(" has ")).unwrap();
    assert_eq!((has.met, has.reads[0].value.as_str()), (false, "absent"));
    let read = device.conditions.last().unwrap();
    assert!(!read.met && read.fault.is_some(), "what is absent cannot be read: {read:?}");
}

#[test]
fn what_the_guard_refuses_was_never_put_to_the_policies() {
    let said = explained(&SMALL.replace("  - name: one", "  - name: one\n    now: +2h"), "read");
    assert_eq!((said.allowed, said.reason.as_deref()), (false, Some("grant_expired")));
    assert!(!said.policies_asked && said.policies.is_empty() && !said.message.is_empty(), "{said:?}");
}

#[test]
fn a_forbid_that_decided_comes_first() {
    let said = explained(&SMALL.replace("device_managed: true", "device_managed: false"), "read");
    let first = &said.policies[0];
    assert!(first.id == "refuse-unmanaged-device" && first.decided && first.applies && !first.permits);
    assert_eq!(said.deciding, ["refuse-unmanaged-device"]);
    assert!(said.policies.iter().any(|policy| policy.permits && policy.applies && !policy.decided));
    let person = explained(PERSON, "review");
    assert!(!person.allowed && person.policies_asked && !person.policies.is_empty(), "{person:?}");
}

#[test]
fn two_tests_of_one_question_must_expect_the_same() {
    let ask = "    ask: { engineer: ana, content: inbox, actions: [read], grants: [live], context: { device_managed: true } }\n";
    let twice = format!("{SMALL}    expect: {{ read: allow }}\n  - name: two\n{ask}");
    let error = run(&twice).unwrap_err();
    for part in [
        "error[suites-contradict]",
        "`small: two` expects `ana@provider.example read contoso/exchange at 2026-11-22T09:30:00.000Z` to be denied",
        "`small: one` in suite.yaml expects it to be allowed",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(run(&format!("{twice}    expect: {{ read: allow }}\n")).is_ok());
    // Another instant, fact or Grant is another question.
    for other in ["now: +1h\n    ask:", "guard: false\n    ask:"] {
        assert!(run(&twice.replace("two\n    ask:", &format!("two\n    {other}"))).is_ok(), "{other}");
    }
    let suites = [SMALL.to_owned() + "    expect: { read: allow }\n", SMALL.replace("name: small", "name: other")];
    let parsed = suites.map(|text| ("x.yaml".to_owned(), Suite::parse("x.yaml", &text).unwrap()));
    assert!(Cases::of(shipped(), &parsed).is_err(), "across suites as well");
}
