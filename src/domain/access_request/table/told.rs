//! Who is told of what: the notices of every transition, and nothing to anybody else.

use super::super::super::{Notice, NoticeKind, Tenant, notices};
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
fn people(engineer: bool, customer: bool) -> BTreeSet<PersonId> {
    let tenant = contoso();
    let mut all: BTreeSet<_> = if customer { &tenant.approvers | &tenant.notify } else { BTreeSet::new() };
    // The fixture names Ana among the approvers; of the engineer's own messages she gets one.
    all.extend(engineer.then(|| id("ana@provider.example")));
    all
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
            assert_eq!(Some(kind), expected, "{state}, {command}");
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
