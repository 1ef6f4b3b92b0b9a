//! Properties of [`judge`](super::judge) for random facts and questions: never an allow that the plain
//! words of the safety property do not give, and one answer up to the boundary.

use super::super::testing::{MINUTE, NOON, access, engineer, question, shipped, tenant, with};
use super::super::{Facts, Judged, Now, PolicySet, judge};
use crate::domain::{
    Access, AccessRequestId, ActionName, Approval, ContentPath, ContentScope, Engineer, Evaluation, PersonId,
    StateName, TenantFacts, TenantId, Timestamp, Value, Window, WorkloadName,
};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

/// The shipped set and policies that open too much, read the time by literals, and look at an hour.
static ODD: LazyLock<PolicySet> = LazyLock::new(|| {
    let scope = "(principal, action == Lockbox::Action::\"read\", resource is Lockbox::Content)";
    PolicySet::from_sources(&with(&format!(
        "@id(\"open-all\") permit (principal, action, resource);\n\
         @id(\"freeze\") forbid {scope} when {{ datetime(\"2026-11-22T09:40:00Z\") <= context.now && context.now <= datetime(\"2026-11-22T09:50:00Z\") }};"
    )))
    .unwrap()
});

fn accesses() -> impl Strategy<Value = Vec<Arc<Access>>> {
    let one = (
        (0usize..4, prop::bool::ANY, prop::bool::ANY, prop::bool::ANY),
        (-90i64..90, 1i64..120, prop::bool::weighted(0.9), prop::bool::ANY),
        prop::sample::select(vec![None, Some("mailbox/a"), Some("mailbox/b"), Some("mailbox/a/message/1")]),
        prop::sample::select(StateName::ALL.iter().copied().chain([StateName::Active; 10]).collect::<Vec<_>>()),
    );
    let one = one.prop_map(|((action, own, tenant, workload), (from, minutes, granted, internal), content, state)| {
        let starts_at = Timestamp::from_ms(NOON + from * MINUTE);
        let expires_at = Timestamp::from_ms(NOON + (from + minutes) * MINUTE);
        let mut made = access();
        made.engineer = PersonId::parse(if own { "ana@provider.example" } else { "ben" }).unwrap();
        made.tenant = TenantId::parse(if tenant { "contoso" } else { "fabrikam" }).unwrap();
        made.workload = WorkloadName::parse(if workload { "exchange" } else { "sharepoint" }).unwrap();
        let actions = ["read", "export", "modify", "delete"];
        made.scope.actions = [ActionName::parse(actions[action]).unwrap(), ActionName::parse("read").unwrap()].into();
        made.scope.content =
            ContentScope::from_paths(content.iter().map(|path| ContentPath::parse(path).unwrap()).collect());
        made.state = state;
        made.window = granted.then_some(Window { starts_at, expires_at });
        made.approval = granted.then_some(if internal { Approval::Internal } else { Approval::Customer });
        made.grant = made.grant.filter(|_| granted);
        made.respond_by = (state == StateName::Notified).then_some(expires_at);
        made.ended_at = state.is_final().then_some(starts_at);
        made
    });
    prop::collection::vec(one, 0..5).prop_map(|made| {
        (1001..).zip(made).map(|(id, access)| Arc::new(Access { id: AccessRequestId::new(id), ..access })).collect()
    })
}

fn questions() -> impl Strategy<Value = Evaluation> {
    let contents = vec![None, Some("mailbox/a"), Some("mailbox/a/message/1"), Some("mailbox/b")];
    let actions = vec!["read", "read", "export", "modify", "fly"];
    (prop::sample::select(actions), prop::sample::select(contents), prop::option::of(prop::bool::ANY)).prop_map(
        |(action, content, managed)| {
            let mut asked = question(action, content);
            if let Some(managed) = managed {
                asked.context.insert("device_managed".to_owned(), Value::Bool(managed));
            }
            asked
        },
    )
}

#[derive(Debug, Clone)]
struct World {
    accesses: Vec<Arc<Access>>,
    tenant: TenantFacts,
    engineer: Engineer,
    odd: bool,
}

impl World {
    fn judge(&self, asked: &Evaluation, now: Now) -> Judged {
        let facts = Facts { tenant: Some(&self.tenant), engineer: Some(&self.engineer), accesses: &self.accesses };
        judge(if self.odd { &ODD } else { shipped() }, asked, &facts, now)
    }
}

fn worlds() -> impl Strategy<Value = World> {
    (accesses(), prop::bool::ANY, prop::bool::weighted(0.1), prop::bool::ANY).prop_map(
        |(accesses, lockbox, suspended, odd)| World {
            accesses,
            tenant: TenantFacts { lockbox, ..tenant() },
            engineer: Engineer { suspended, ..engineer() },
            odd,
        },
    )
}

fn times() -> impl Strategy<Value = Now> {
    (-100i64..100, 0i64..3, 0i64..3).prop_map(|(minute, back, ahead)| {
        let now = NOON + minute * MINUTE;
        Now { earliest: Timestamp::from_ms(now - back * 40_000), latest: Timestamp::from_ms(now + ahead * 40_000) }
    })
}

/// The safety property in plain words, written without looking at the guard.
fn good(access: &Access, asked: &Evaluation, world: &World, now: Now) -> bool {
    let window = access.window.unwrap();
    access.engineer == asked.engineer
        && access.tenant == asked.tenant
        && access.workload == asked.workload
        && access.state == StateName::Active
        && access.ended_at.is_none()
        && window.starts_at <= now.earliest
        && now.latest < window.expires_at
        && access.scope.actions.contains(&asked.action)
        && access.scope.content.covers(asked.content.as_ref())
        && (access.approval == Some(Approval::Customer) || !world.tenant.lockbox)
        && !world.engineer.suspended
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn an_allow_has_a_good_grant_behind_it(world in worlds(), asked in questions(), now in times()) {
        let judged = world.judge(&asked, now);
        prop_assert_eq!(judged.decision().allows(), judged.permit().is_some());
        prop_assert_eq!(judged.decision().allows(), judged.decision().grant.is_some());
        match judged.permit() {
            Some(permit) => prop_assert!(good(permit.access(), &asked, &world, now)),
            None => prop_assert!(!judged.decision().message.is_empty()),
        }
        let covered = world.accesses.iter().any(|access| access.window.is_some() && good(access, &asked, &world, now));
        if covered && asked.context.is_empty() && !world.odd {
            prop_assert!(judged.decision().allows(), "{:?}", judged.decision());
        }
    }

    #[test]
    fn up_to_the_boundary_the_answer_is_one(world in worlds(), asked in questions(), now in times(), shares in prop::collection::vec(0.0..1.0f64, 4)) {
        let before = world.judge(&asked, now);
        prop_assert!(before.cacheable());
        let last = before.boundary().map_or(NOON * 2, |boundary| boundary.as_ms() - 1);
        prop_assert!(last >= now.latest.as_ms(), "a boundary lies ahead");
        let room = last - now.latest.as_ms();
        for share in shares.into_iter().chain([1.0]) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any instant of the room will do")]
            let by = core::time::Duration::from_millis(((room as f64 * share) as i64).clamp(0, room).unsigned_abs());
            let later = Now { earliest: now.earliest.plus(by), latest: now.latest.plus(by) };
            let after = world.judge(&asked, later);
            prop_assert_eq!(before.decision(), after.decision(), "{:?}", later);
        }
    }
}
