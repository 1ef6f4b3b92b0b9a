//! Who is told of what: the notices of every transition, and nothing to anybody else.

use super::super::super::{Notice, NoticeKind, Recipient, Tenant, TimerKind, WebhookName, notices, reminder};
use super::super::{PersonId, Transition};
use super::people::{HOUR, commands, contoso, id, named, start, states, step, submitted};
use std::collections::BTreeSet;

fn taken(state: &str, command: &str) -> (Transition, Tenant) {
    let (_, of, tenant) = states().into_iter().find(|(name, ..)| *name == state).unwrap();
    if command == "lapse" {
        return (of.lapse(start().plus(100 * HOUR)).unwrap(), tenant);
    }
    let (_, command, by) = commands().into_iter().find(|(name, ..)| *name == command).unwrap();
    let now = start().plus(core::time::Duration::from_secs(120));
    (step(&of, command, &named(by), &tenant, now).unwrap(), tenant)
}

/// Engineer and customer side, each told or not.
fn people(engineer: bool, customer: bool) -> BTreeSet<Recipient> {
    let tenant = contoso();
    let mut all: BTreeSet<PersonId> = if customer { &tenant.approvers | &tenant.notify } else { BTreeSet::new() };
    // The fixture names Ana among the approvers; of the engineer's own messages she gets one.
    all.extend(engineer.then(|| id("ana@provider.example")));
    all.into_iter().map(Recipient::Person).collect()
}

#[test]
fn each_transition_tells_exactly_those_it_concerns_and_once() {
    use NoticeKind as Kind;
    for (state, command, expected, engineer, customer) in [
        ("submitted", "review-approve", Some(Kind::Pending), false, true),
        ("submitted", "review-reject", Some(Kind::Rejected), true, false),
        ("submitted, lockbox off", "review-approve", Some(Kind::Approved), true, true),
        ("submitted", "withdraw", None, false, false),
        ("notified", "withdraw", Some(Kind::Withdrawn), false, true),
        ("notified", "approve", Some(Kind::Approved), true, true),
        ("notified, quorum 2", "approve", None, false, false),
        ("notified", "deny", Some(Kind::Denied), true, true),
        ("notified", "lapse", Some(Kind::Expired), true, true),
        ("active", "close", Some(Kind::Ended), true, true),
        ("active", "revoke", Some(Kind::Ended), true, true),
        ("active, internal", "switch_on", Some(Kind::Ended), true, true),
        ("active", "lapse", Some(Kind::Ended), true, true),
    ] {
        let (transition, tenant) = taken(state, command);
        let told = notices(&transition, &tenant);
        let to: BTreeSet<_> = told.iter().map(|notice| notice.to.clone()).collect();
        assert_eq!(to, people(engineer, customer), "{state}, {command}");
        assert_eq!(told.len(), to.len(), "{state}, {command}: nobody is told twice");
        for Notice { kind, tenant: whose, access_request, at, .. } in told {
            let other = kind == NoticeKind::NoLongerNeeded && matches!(expected, Some(Kind::Approved | Kind::Denied));
            assert!(other || Some(kind) == expected, "{state}, {command}: {kind:?}");
            assert_eq!((whose, access_request), (tenant.id.clone(), Some(transition.after.id)));
            assert_eq!(at, transition.event.at);
        }
    }
}

#[test]
fn too_few_approvers_is_an_alarm_and_each_person_hears_it_once() {
    let alone = ["csilla@contoso.example"].map(id);
    let tenant = Tenant { quorum: 2, approvers: alone.into(), ..contoso() };
    let (_, command, by) = commands().into_iter().find(|(name, ..)| *name == "review-approve").unwrap();
    let transition = step(&submitted(), command, &named(by), &tenant, start()).unwrap();
    let mut told: Vec<_> = notices(&transition, &tenant)
        .into_iter()
        .map(|notice| {
            assert_eq!(notice.access_request, Some(transition.after.id));
            (notice.kind, notice.to.to_string())
        })
        .collect();
    told.sort();
    // Csilla is an approver and an address to notify: one person.
    let each = |kind| ["csilla@contoso.example", "security@contoso.example"].map(|to| (kind, to.to_owned()));
    assert_eq!(told, [each(NoticeKind::Pending), each(NoticeKind::NobodyCanApprove)].concat());
}

#[test]
fn a_decision_goes_to_both_sides_and_the_other_approvers_need_not_answer() {
    let tenant = Tenant {
        approvers: ["csilla", "dora", "emil"].map(|name| id(&format!("{name}@contoso.example"))).into(),
        notify: ["security@contoso.example"].map(id).into(),
        webhooks: [(WebhookName::parse("siem").unwrap(), "https://siem.contoso.example/".to_owned())].into(),
        ..contoso()
    };
    let (_, review, by) = commands().into_iter().find(|(name, ..)| *name == "review-approve").unwrap();
    let notified = step(&submitted(), review, &named(by), &tenant, start()).unwrap().after;
    for (command, kind) in [("approve", "approved"), ("deny", "denied")] {
        let (_, command, by) = commands().into_iter().find(|(name, ..)| *name == command).unwrap();
        let transition = step(&notified, command, &named(by), &tenant, start()).unwrap();
        let told = notices(&transition, &tenant).into_iter();
        let told: BTreeSet<_> = told.map(|notice| (notice.kind.as_str(), notice.to.to_string())).collect();
        let decider = transition.event.by.id().unwrap().as_str();
        let expected = [
            (kind, "ana@provider.example"),
            (kind, decider),
            (kind, "security@contoso.example"),
            (kind, "webhook:siem"),
            ("no_longer_needed", "dora@contoso.example"),
            ("no_longer_needed", "emil@contoso.example"),
        ];
        assert_eq!(told, expected.map(|(kind, to)| (kind, to.to_owned())).into());
    }
}

#[test]
fn reminders_go_to_those_who_can_answer_and_the_fallback_is_called_once() {
    let fallback = ["felicia@contoso.example"].map(id);
    let tenant = Tenant { fallback_approvers: fallback.into(), ..contoso() };
    let told = |kind, tenant: &Tenant| -> Vec<String> {
        reminder(kind, &submitted(), tenant, start()).iter().map(|notice| notice.to.to_string()).collect()
    };
    let approvers = told(TimerKind::Reminder, &tenant);
    assert!(approvers.len() >= 2 && approvers == told(TimerKind::LastReminder, &tenant), "{approvers:?}");
    assert!(!approvers.contains(&"felicia@contoso.example".to_owned()));
    assert_eq!(told(TimerKind::Escalation, &tenant), ["felicia@contoso.example"]);
    // Nobody to call, or called from the start because the approvers are too few.
    assert!(told(TimerKind::Escalation, &contoso()).is_empty());
    let alone = Tenant { approvers: BTreeSet::new(), ..tenant };
    assert!(told(TimerKind::Escalation, &alone).is_empty());
    let (_, review, by) = commands().into_iter().find(|(name, ..)| *name == "review-approve").unwrap();
    let transition = step(&submitted(), review, &named(by), &alone, start()).unwrap();
    let pending = notices(&transition, &alone);
    assert!(pending.iter().any(|notice| notice.to.to_string() == "felicia@contoso.example"), "{pending:?}");
}
