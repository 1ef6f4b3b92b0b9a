//! The index against the same slice without it: random policies with keys, conditions that err and
//! times, asked random questions. Every part of the answer must be the same.

use super::super::testing::{MINUTE, NOON, access, engineer, question, tenant};
use super::super::{Facts, Judged, Now, PolicySet, SourceFile, Sources, judge};
use crate::domain::{
    Access, Engineer, Evaluation, PersonId, Reason, TenantFacts, TenantId, Timestamp, Value, WorkloadName,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Conditions with a key, without one, reading the time, and such that err for some questions.
const ATOMS: [&str; 22] = [
    "resource.tenant == Lockbox::Tenant::\"contoso\"",
    "Lockbox::Tenant::\"fabrikam\" == resource.tenant",
    "resource.workload == Lockbox::Workload::\"exchange\"",
    "resource.workload != Lockbox::Workload::\"exchange\"",
    "(context has grant && context.grant.tenant == Lockbox::Tenant::\"contoso\")",
    "(context has grant && context.grant.workload == Lockbox::Workload::\"sharepoint\")",
    "(context has grant && context.grant.engineer == Lockbox::Engineer::\"ben\")",
    "principal == Lockbox::Engineer::\"ana@provider.example\"",
    "principal in Lockbox::Team::\"oncall\"",
    "principal in [Lockbox::Team::\"oncall\", Lockbox::Team::\"fraud\"]",
    "resource in Lockbox::Content::\"contoso/exchange/mailbox/a\"",
    "resource in Lockbox::Content::\"contoso/exchange\"",
    "resource == Lockbox::Content::\"fabrikam/sharepoint\"",
    "[Lockbox::Tenant::\"contoso\", Lockbox::Tenant::\"fabrikam\"].contains(resource.tenant)",
    "resource.tenant.lockbox",
    "(principal has country && principal.country like \"H*\")",
    "(principal has clearance && principal.clearance + 9223372036854775800 < 0)",
    "(principal has clearance && principal.clearance * 2 < 9)",
    "(resource has sensitivity && -resource.sensitivity < 3)",
    "context.now < datetime(\"2026-11-22T09:40:00Z\")",
    "(context has grant && context.grant.expires_at < datetime(\"2026-11-22T11:00:00Z\"))",
    "(context has device_managed && context.device_managed)",
];

const SCOPES: [&str; 7] = [
    "principal is Lockbox::Engineer, action in Lockbox::Action::\"content_access\", resource is Lockbox::Content",
    "principal, action == Lockbox::Action::\"read\", resource",
    "principal == Lockbox::Engineer::\"ben\", action in Lockbox::Action::\"content_access\", resource",
    "principal in Lockbox::Team::\"oncall\", action == Lockbox::Action::\"read\", resource is Lockbox::Content",
    "principal is Lockbox::Engineer in Lockbox::Team::\"fraud\", action, resource is Lockbox::Content",
    "principal is Lockbox::Engineer, action, resource in Lockbox::Content::\"contoso/exchange\"",
    "principal is Lockbox::Engineer, action, resource == Lockbox::Content::\"contoso/exchange/mailbox/a\"",
];

fn condition() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(ATOMS.to_vec()).prop_map(str::to_owned);
    atom.prop_recursive(3, 6, 2, |inner| {
        prop_oneof![
            3 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            1 => inner.clone().prop_map(|a| format!("!({a})")),
            1 => (inner.clone(), inner).prop_map(|(a, b)| format!("(if {a} then {b} else false)")),
        ]
    })
}

fn policy() -> impl Strategy<Value = String> {
    let clauses = prop::collection::vec((prop::bool::weighted(0.8), condition()), 0..3);
    (prop::bool::ANY, prop::sample::select(SCOPES.to_vec()), clauses).prop_map(|(permits, scope, clauses)| {
        let clauses = clauses
            .iter()
            .map(|(when, condition)| format!(" {} {{ {condition} }}", if *when { "when" } else { "unless" }));
        format!("{} ({scope}){};", if permits { "permit" } else { "forbid" }, clauses.collect::<String>())
    })
}

fn sources(policies: &[String], guarded: bool) -> Sources {
    let mut sources = Sources::shipped();
    if !guarded {
        sources.policies.retain(|file| !file.name.ends_with("access.cedar"));
    }
    let text: String = policies.iter().enumerate().map(|(n, policy)| format!("@id(\"p-{n}\") {policy}\n")).collect();
    // No file may be larger than 1 MiB; what is put together here does not look at that.
    sources.policies.push(SourceFile { name: "policies/random.cedar".to_owned(), text: text.into() });
    sources
}

#[derive(Debug, Clone)]
struct Asking {
    question: Evaluation,
    engineer: Engineer,
    tenant: TenantFacts,
    access: Access,
    now: Now,
}

fn asking() -> impl Strategy<Value = Asking> {
    let who = (prop::bool::ANY, prop::bool::ANY, prop::bool::ANY);
    let teams = prop::collection::btree_set(prop::sample::select(vec!["oncall", "fraud", "other"]), 0..3);
    let content = prop::sample::select(vec![None, Some("mailbox/a"), Some("mailbox/a/message/1"), Some("mailbox/b")]);
    let facts = (
        prop::option::of(prop::sample::select(vec![0i64, 5, 100])),
        prop::option::of(prop::sample::select(vec![1i64, i64::MIN])),
        prop::option::of(prop::bool::ANY),
        prop::option::of(prop::sample::select(vec!["HU", "DE"])),
    );
    let rest = (prop::sample::select(vec!["read", "export"]), -5i64..40, 0i64..3);
    (who, teams, content, facts, rest).prop_map(|((ana, contoso, exchange), teams, content, facts, rest)| {
        let mut question = question(rest.0, content);
        question.engineer = PersonId::parse(if ana { "ana@provider.example" } else { "ben" }).unwrap();
        question.tenant = TenantId::parse(if contoso { "contoso" } else { "fabrikam" }).unwrap();
        question.workload = WorkloadName::parse(if exchange { "exchange" } else { "sharepoint" }).unwrap();
        let stated = |value: Option<i64>| value.map(|n| ("sensitivity".to_owned(), Value::Long(n)));
        question.content_stated.extend(stated(facts.1));
        question.context.extend(facts.2.map(|managed| ("device_managed".to_owned(), Value::Bool(managed))));
        let now = NOON + rest.1 * MINUTE;
        Asking {
            engineer: Engineer {
                id: question.engineer.clone(),
                teams: teams.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(),
                clearance: facts.0,
                country: facts.3.map(str::to_owned),
                ..engineer()
            },
            tenant: TenantFacts { id: question.tenant.clone(), lockbox: contoso, ..tenant() },
            access: Access {
                engineer: question.engineer.clone(),
                tenant: question.tenant.clone(),
                workload: question.workload.clone(),
                ..access()
            },
            now: Now { earliest: Timestamp::from_ms(now), latest: Timestamp::from_ms(now + rest.2 * MINUTE) },
            question,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn with_and_without_the_index_the_answer_is_the_same(
        policies in prop::collection::vec(policy(), 4..20),
        guarded in prop::bool::weighted(0.7),
        askings in prop::collection::vec(asking(), 100),
    ) {
        let sources = sources(&policies, guarded);
        // What strict validation refuses (a condition that contradicts itself, say) is of no interest here.
        let Ok(mut set) = PolicySet::from_sources(&sources) else { return Err(TestCaseError::reject("refused")) };
        let ask = |set: &PolicySet, asking: &Asking| {
            let accesses = [Arc::new(asking.access.clone())];
            let facts = Facts { tenant: Some(&asking.tenant), engineer: Some(&asking.engineer), accesses: &accesses };
            judge(set, &asking.question, &facts, asking.now)
        };
        let indexed: Vec<Judged> = askings.iter().map(|asking| ask(&set, asking)).collect();
        set.slices.without_index();
        for (asking, with) in askings.iter().zip(indexed) {
            let without = ask(&set, asking);
            prop_assert_eq!(with.decision(), without.decision(), "{:?}", asking);
            // Policies that were left out need not be waited for: an answer can be kept longer, never shorter.
            let until = |at: Option<Timestamp>| at.map_or(i64::MAX, Timestamp::as_ms);
            prop_assert!(until(with.boundary()) >= until(without.boundary()));
            prop_assert!(with.cacheable() || !without.cacheable());
        }
    }
}

fn keyed(tenants: usize) -> Sources {
    let policies: Vec<String> = (0..tenants)
        .map(|n| format!("forbid ({}) when {{ resource.tenant == Lockbox::Tenant::\"t{n}\" && context.now < datetime(\"2026-11-23\") }};", SCOPES[0]))
        .collect();
    sources(&policies, true)
}

#[test]
fn a_question_is_put_to_the_policies_of_its_own_tenant_only() {
    let set = PolicySet::from_sources(&keyed(50)).unwrap();
    let slice = set.content_slice("read").unwrap();
    let asked = |tenant: &str| {
        let mut question = question("read", None);
        question.tenant = TenantId::parse(tenant).unwrap();
        let facts = TenantFacts { id: question.tenant.clone(), ..super::super::testing::tenant() };
        let parts = set.parts(&question, &engineer(), &facts, &slice.base).unwrap();
        let asked = slice.asked(&set, &question, &parts);
        (asked.len(), asked.time().literals.len())
    };
    let general = slice.len() - 50;
    assert_eq!(asked("contoso"), (general, 0));
    assert_eq!(asked("t7"), (general + 1, 2));
    // The whole stays what tools see.
    assert_eq!(slice.time.literals.len(), 2);
}

#[test]
fn a_policy_that_errs_before_its_key_is_not_left_out() {
    let errs = "principal has clearance && principal.clearance + 9223372036854775800 < 0";
    let key = "resource.tenant == Lockbox::Tenant::\"fabrikam\"";
    for (condition, reason) in
        [(format!("{errs} && {key}"), Reason::PolicyError), (format!("{key} && {errs}"), Reason::GrantActive)]
    {
        let policy = format!("forbid ({}) when {{ {condition} }};", SCOPES[0]);
        let set = PolicySet::from_sources(&sources(&[policy], true)).unwrap();
        let engineer = Engineer { clearance: Some(100), ..engineer() };
        let accesses = [Arc::new(access())];
        let facts = Facts { tenant: Some(&tenant()), engineer: Some(&engineer), accesses: &accesses };
        let judged = judge(&set, &question("read", None), &facts, Now::exactly(Timestamp::from_ms(NOON)));
        assert_eq!(judged.decision().reason, reason, "{condition}");
    }
}

/// Prints figures and decides nothing: `cargo nextest run --lib beside_many --run-ignored all --no-capture`.
#[test]
#[ignore = "prints how long a question takes beside many policies that do not apply"]
fn beside_many_policies_that_do_not_apply() {
    use crate::clock::{Clock, SystemClock};
    let began = SystemClock.boot();
    let mut last = began;
    let mut lap = |what: &str| {
        let now = SystemClock.boot();
        println!("{what}: {:?}", now.since(core::mem::replace(&mut last, now)));
    };
    let few = PolicySet::from_sources(&keyed(0)).unwrap();
    lap("loading the shipped set");
    let thousand = PolicySet::from_sources(&keyed(1_000)).unwrap();
    lap("loading 1,000 more");
    let many = PolicySet::from_sources(&keyed(10_000)).unwrap();
    lap("loading 10,000 more");
    let mut whole = PolicySet::from_sources(&keyed(1_000)).unwrap();
    whole.slices.without_index();
    let accesses = [Arc::new(access())];
    let (tenant, engineer) = (tenant(), engineer());
    let facts = Facts { tenant: Some(&tenant), engineer: Some(&engineer), accesses: &accesses };
    let asked = question("read", None);
    let mut times: [Vec<u128>; 4] = Default::default();
    for _ in 0..31 {
        for (set, times) in [&few, &thousand, &many, &whole].into_iter().zip(&mut times) {
            let began = SystemClock.boot();
            for _ in 0..200 {
                assert!(judge(set, &asked, &facts, Now::exactly(Timestamp::from_ms(NOON))).decision().allows());
            }
            times.push(SystemClock.boot().since(began).as_nanos() / 200);
        }
    }
    for (times, what) in times.iter_mut().zip(["few", "1,000", "10,000", "1,000 without index"]) {
        times.sort_unstable();
        println!("{what}: {} ns a question", times.get(times.len() / 2).unwrap());
    }
}
