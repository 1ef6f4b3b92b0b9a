//! Properties of random lives: whatever people do, in whatever order, at whatever time and under
//! whatever settings, no Grant arises without the consent it needs, and none comes back.

use super::super::super::{Approval, Person, Role, Scope};
use super::super::{
    AccessRequest, Act, Circumstances, Command, Consent, Defaults, GrantId, Refusal, State, StateName, Step, Tenant,
    Terms, Timestamp,
};
use super::people::{GRANT_ID, HOUR, commands, contoso, everybody, named, scope, start, step, submitted, then};
use core::time::Duration;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

/// What happens next in a random life.
#[derive(Debug, Clone)]
enum Happening {
    Step { command: usize, by: usize, terms: Terms, seen: Seen },
    Passes { minutes: u64 },
    Settings { lockbox: bool, quorum: u32, approvers: Vec<bool>, longest_minutes: u64 },
}

#[derive(Debug, Clone, Copy)]
enum Seen {
    Nothing,
    Present,
    Other(u64),
}

fn terms() -> impl Strategy<Value = Terms> {
    let duration = proptest::option::of((0..180_u64).prop_map(|minutes| Duration::from_secs(minutes * 60)));
    let actions = prop::sample::select(vec!["list", "read", "export"]);
    let paths = prop::sample::select(vec!["mailbox/adele", "mailbox/adele/message/7", "mailbox/bela", "mailbox/other"]);
    let scope = (btree_set(actions, 0..3), btree_set(paths, 0..3)).prop_map(|(actions, paths)| {
        let (actions, paths): (Vec<_>, Vec<_>) = (actions.into_iter().collect(), paths.into_iter().collect());
        scope(&actions, &paths)
    });
    (duration, proptest::option::of(scope)).prop_map(|(duration, scope)| {
        let (actions, content) = scope.map(|Scope { actions, content }| (actions, content)).unzip();
        Terms { duration, actions, content }
    })
}

fn happening() -> impl Strategy<Value = Happening> {
    let people = everybody().len();
    let seen = prop_oneof![
        4 => Just(Seen::Present),
        2 => Just(Seen::Nothing),
        1 => (0..6_u64).prop_map(Seen::Other),
    ];
    let terms = prop_oneof![2 => Just(Terms::default()), 1 => terms()];
    prop_oneof![
        12 => (0..commands().len(), 0..people, terms, seen)
            .prop_map(|(command, by, terms, seen)| Happening::Step { command, by, terms, seen }),
        // What leads somewhere, so that most lives get beyond the first state.
        8 => (0..commands().len()).prop_map(|command| {
            let by = everybody().iter().position(|(who, _)| *who == commands()[command].2).unwrap();
            Happening::Step { command, by, terms: Terms::default(), seen: Seen::Present }
        }),
        3 => (0..200_u64).prop_map(|minutes| Happening::Passes { minutes }),
        3 => (prop::bool::weighted(0.7), 1..3_u32, vec(prop::bool::weighted(0.8), 15), 1..240_u64).prop_map(
            |(lockbox, quorum, approvers, longest_minutes)| {
                Happening::Settings { lockbox, quorum, approvers, longest_minutes }
            }
        ),
    ]
}

/// One life under observation.
struct Life {
    now: Timestamp,
    tenant: Tenant,
    of: AccessRequest,
}

impl Life {
    fn happens(&mut self, happening: &Happening) -> Result<(), TestCaseError> {
        match happening.clone() {
            Happening::Passes { minutes } => self.now = self.now.plus(Duration::from_secs(60 * minutes)),
            Happening::Settings { lockbox, quorum, approvers, longest_minutes } => {
                let everybody = everybody();
                let chosen = everybody.iter().zip(approvers).filter(|(_, chosen)| *chosen);
                self.tenant.approvers = chosen.map(|((_, person), _)| person.id.clone()).collect();
                self.tenant.lockbox = lockbox;
                self.tenant.quorum = quorum;
                self.tenant.limits.grant_longest = Some(Duration::from_secs(60 * longest_minutes));
            }
            Happening::Step { command, by, terms, seen } => {
                let command = match commands()[command].1.clone() {
                    Command::Approve(_) => Command::Approve(terms),
                    other => other,
                };
                self.takes(command, &everybody()[by].1.clone(), seen)?;
            }
        }
        self.clock()
    }

    fn takes(&mut self, command: Command, by: &Person, seen: Seen) -> Result<(), TestCaseError> {
        let seen_version = match seen {
            Seen::Nothing => None,
            Seen::Present => Some(self.of.version),
            Seen::Other(version) => Some(version),
        };
        let grant_id = GrantId::parse(GRANT_ID).unwrap();
        let on =
            Circumstances { tenant: &self.tenant, defaults: Defaults::default(), now: self.now, grant_id: &grant_id };
        let step = Step { command: command.clone(), comment: None, seen_version, evidence: None };
        let before = self.of.clone();
        let taken = match before.apply(&step, by, on) {
            Err(refusal) => {
                if seen_version.is_some_and(|seen| seen != before.version) {
                    // What the state has no step for is told first: it helps more than "look again".
                    let told = matches!(refusal, Refusal::StaleVersion { .. } | Refusal::IllegalStep { .. });
                    prop_assert!(told, "{}", refusal);
                }
                return Ok(());
            }
            Ok(taken) => taken,
        };
        prop_assert!(seen_version.is_none_or(|seen| seen == before.version), "a stale version changed something");
        prop_assert!(!before.state_name().is_final(), "{} is final", before.state_name());
        prop_assert_eq!(taken.after.version, before.version + 1);
        prop_assert_eq!(taken.event.version, taken.after.version);
        prop_assert_eq!(taken.event.state, Some(taken.after.state_name()));
        prop_assert_eq!((&taken.after.asked, &taken.after.engineer), (&before.asked, &before.engineer));
        if let (None, State::Active { .. }) = (before.grant(), &taken.after.state) {
            self.arises(&before, &taken.after, by)?;
        }
        if let (Some(was), Some(is)) = (before.grant(), taken.after.grant()) {
            prop_assert_eq!((&was.window, &was.scope, &was.id), (&is.window, &is.scope, &is.id));
            prop_assert!(is.ended.is_some() && !is.is_live(self.now), "a step on a Grant can only end it");
        }
        self.of = taken.after;
        Ok(())
    }

    /// What must hold when a Grant arises.
    fn arises(&self, before: &AccessRequest, after: &AccessRequest, by: &Person) -> Result<(), TestCaseError> {
        let (grant, review) = (after.grant().unwrap(), after.review().unwrap());
        prop_assert!(review.by != after.engineer, "reviewed by the requester");
        prop_assert!(grant.is_live(self.now));
        prop_assert_eq!(grant.window.starts_at, self.now);
        let length = grant.window.expires_at.since(grant.window.starts_at);
        let longest = self.tenant.grant_longest(Defaults::default());
        prop_assert!(!length.is_zero() && length <= after.asked.duration.min(longest), "{:?}", length);
        prop_assert!(!grant.scope.actions.is_empty() && grant.scope.actions.is_subset(&after.asked.scope.actions));
        prop_assert!(after.asked.scope.content.contains(&grant.scope.content));
        if grant.approval == Approval::Internal {
            prop_assert!(!self.tenant.lockbox && after.decided().is_none() && by.is_provider(Role::Reviewer));
            return Ok(());
        }
        let State::Notified { consents, respond_by, .. } = &before.state else {
            return Err(TestCaseError::fail(format!("a customer's Grant out of {}", before.state_name())));
        };
        prop_assert!(self.now < *respond_by);
        let mut agreed: Vec<_> = consents.iter().map(|Consent { decided, .. }| decided.by.clone()).collect();
        agreed.retain(|who| self.tenant.approvers.contains(who));
        agreed.push(by.id.clone());
        agreed.sort();
        agreed.dedup();
        prop_assert!(agreed.len() >= usize::try_from(self.tenant.quorum).unwrap(), "{:?} are no quorum", agreed);
        for who in &agreed {
            let eligible =
                |(_, person): &(&str, Person)| person.id == *who && person.is_of(&after.asked.tenant, Role::Approver);
            prop_assert!(everybody().iter().any(eligible) && *who != after.engineer && *who != review.by);
        }
        for Consent { terms, .. } in consents {
            // Nobody's agreement is stretched: what he agreed to covers what was granted.
            prop_assert!(terms.duration.is_none_or(|agreed| length <= agreed));
            prop_assert!(terms.actions.as_ref().is_none_or(|agreed| grant.scope.actions.is_subset(agreed)));
            prop_assert!(terms.content.as_ref().is_none_or(|agreed| agreed.contains(&grant.scope.content)));
        }
        Ok(())
    }

    /// What time does, and does not do.
    fn clock(&mut self) -> Result<(), TestCaseError> {
        let due = match &self.of.state {
            State::Notified { respond_by, .. } => Some((*respond_by, StateName::Expired)),
            State::Active { grant, .. } => Some((grant.window.expires_at, StateName::Ended)),
            _ => None,
        };
        let lapsed = self.of.lapse(self.now);
        let expected = due.filter(|(at, _)| self.now >= *at);
        prop_assert_eq!(lapsed.as_ref().map(|lapsed| lapsed.after.state_name()), expected.map(|(_, state)| state));
        if let (Some(lapsed), Some((at, _))) = (lapsed, expected) {
            prop_assert_eq!(lapsed.after.version, self.of.version + 1);
            prop_assert_eq!(lapsed.event.at, at, "it happened when the time ran out, not when somebody looked");
            prop_assert!(lapsed.after.lapse(self.now).is_none());
            self.of = lapsed.after;
        }
        let live = self.of.grant().is_some_and(|grant| grant.is_live(self.now));
        prop_assert_eq!(live, self.of.state_name() == StateName::Active);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn every_life_keeps_the_rules(happenings in vec(happening(), 1..40)) {
        let mut life = Life { now: start(), tenant: contoso(), of: submitted() };
        let mut ended: Option<AccessRequest> = None;
        for happening in &happenings {
            life.happens(happening)?;
            match &ended {
                Some(last) => prop_assert_eq!(last, &life.of, "a final state changed"),
                None if life.of.state_name().is_final() => ended = Some(life.of.clone()),
                None => {}
            }
        }
    }

    #[test]
    fn an_approval_narrows_or_is_refused(wanted in terms()) {
        let notified = then(&submitted(), "review-approve", &contoso());
        let asked = &notified.asked;
        let wider = wanted.duration.is_some_and(|wanted| wanted > asked.duration)
            || wanted.actions.as_ref().is_some_and(|wanted| !wanted.is_subset(&asked.scope.actions))
            || wanted.content.as_ref().is_some_and(|wanted| !asked.scope.content.contains(wanted));
        let nothing = wanted.duration.is_some_and(|wanted| wanted.is_zero())
            || wanted.actions.as_ref().is_some_and(|wanted| wanted.is_empty());
        let now = start().plus(HOUR);
        match step(&notified, Command::Approve(wanted.clone()), &named("approver"), &contoso(), now) {
            Ok(taken) => {
                prop_assert!(!wider && !nothing, "{:?} was granted", wanted);
                let grant = taken.after.grant().unwrap();
                prop_assert_eq!(grant.window.expires_at, now.plus(wanted.duration.unwrap_or(asked.duration)));
                prop_assert_eq!(&grant.scope.actions, wanted.actions.as_ref().unwrap_or(&asked.scope.actions));
                prop_assert_eq!(&grant.scope.content, wanted.content.as_ref().unwrap_or(&asked.scope.content));
            }
            Err(Refusal::Wider(_)) => prop_assert!(wider),
            Err(refusal) => prop_assert!(nothing, "{}", refusal),
        }
    }
}

/// One millisecond, the finest there is.
const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn the_last_moment_to_answer_is_before_respond_by() {
    let notified = then(&submitted(), "review-approve", &contoso());
    let respond_by = notified.respond_by().unwrap();
    assert_eq!(respond_by, start().plus(Duration::from_secs(60)).plus(12 * HOUR));
    let approve = |now| step(&notified, Command::Approve(Terms::default()), &named("approver"), &contoso(), now);
    assert_eq!(approve(respond_by.minus(MOMENT)).unwrap().after.state_name(), StateName::Active);
    // Whether or not he said what he saw, he is told what it has become.
    assert!(matches!(approve(respond_by), Err(Refusal::IllegalStep { state: StateName::Expired, .. })));
    let grant_id = GrantId::parse(GRANT_ID).unwrap();
    let tenant = contoso();
    let on = Circumstances { tenant: &tenant, defaults: Defaults::default(), now: respond_by, grant_id: &grant_id };
    let unseen = Step { command: Command::Deny, comment: None, seen_version: None, evidence: None };
    let refused = notified.apply(&unseen, &named("approver"), on).unwrap_err();
    assert!(matches!(refused, Refusal::IllegalStep { state: StateName::Expired, act: Act::Deny, .. }), "{refused}");
}

#[test]
fn the_last_moment_of_a_grant_is_before_expires_at() {
    let active = then(&then(&submitted(), "review-approve", &contoso()), "approve", &contoso());
    let grant = active.grant().unwrap();
    let end = grant.window.expires_at;
    assert_eq!(end, grant.window.starts_at.plus(2 * HOUR));
    assert!(grant.is_live(grant.window.starts_at) && !grant.is_live(grant.window.starts_at.minus(MOMENT)));
    assert!(grant.is_live(end.minus(MOMENT)) && !grant.is_live(end));
    assert!(active.lapse(end.minus(MOMENT)).is_none());
    assert_eq!(active.lapse(end).unwrap().after.state_name(), StateName::Ended);
    let close = |now| step(&active, Command::Close, &named("requester"), &contoso(), now);
    assert_eq!(close(end.minus(MOMENT)).unwrap().after.state_name(), StateName::Closed);
    close(end).unwrap_err();
}

#[test]
fn an_approver_who_lost_the_right_no_longer_counts() {
    let two = Tenant { quorum: 2, ..contoso() };
    let once = then(&then(&submitted(), "review-approve", &two), "approve", &two);
    let without_csilla = {
        let mut tenant = two.clone();
        tenant.approvers.remove("csilla@contoso.example");
        tenant
    };
    let approve = |tenant: &Tenant| {
        step(&once, Command::Approve(Terms::default()), &named("second approver"), tenant, start().plus(HOUR)).unwrap()
    };
    assert_eq!(approve(&without_csilla).after.state_name(), StateName::Notified);
    assert_eq!(approve(&two).after.state_name(), StateName::Active);
}
