//! The memory against the plainest model of it, and what it costs (`--run-ignored only`, printed).

use super::*;
use crate::domain::{
    AccessRequestId, ActionName, Approval, Attributes, ContentPath, ContentScope, GrantId, PersonId, Scope,
    ServiceRequest, StateName, TenantId, Window, WorkloadName,
};
use core::time::Duration;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn access(number: u64, engineer: usize, tenant: usize, state: StateName) -> Access {
    let path = ContentPath::of("mailbox", &format!("person-{number}@contoso.example")).unwrap();
    let starts_at = Timestamp::from_ms(1_795_339_800_000);
    Access {
        id: AccessRequestId::new(number),
        engineer: PersonId::parse(&format!("engineer-{engineer}@provider.example")).unwrap(),
        tenant: tenant_id(tenant),
        workload: WorkloadName::parse("exchange").unwrap(),
        service_request: ServiceRequest::parse("SR-1042").unwrap(),
        state,
        scope: Scope {
            actions: [ActionName::parse("read").unwrap()].into(),
            content: ContentScope::from_paths([path].into()),
        },
        approval: Some(Approval::Customer),
        grant: Some(GrantId::parse(&format!("00000000-0000-7000-8000-{number:012}")).unwrap()),
        window: Some(Window { starts_at, expires_at: starts_at.plus(Duration::from_secs(3600)) }),
        respond_by: None,
        ended_at: None,
    }
}

fn tenant_id(number: usize) -> TenantId {
    TenantId::parse(&format!("tenant-{number}")).unwrap()
}

fn tenant(number: usize, lockbox: bool) -> StateItem {
    StateItem::Tenant(TenantFacts { id: tenant_id(number), lockbox, attributes: Attributes::new().into() })
}

fn bundle(at: i64) -> StateItem {
    StateItem::Bundle(BundleDemand { digest: format!("{at:064x}"), signed_at: Timestamp::from_ms(at) })
}

fn question(engineer: usize, tenant: usize) -> Evaluation {
    Evaluation::new(
        PersonId::parse(&format!("engineer-{engineer}@provider.example")).unwrap(),
        ActionName::parse("read").unwrap(),
        tenant_id(tenant),
        WorkloadName::parse("exchange").unwrap(),
        None,
    )
}

fn lease() -> Lease {
    let (boot, now) = (Boot::from_ms(1000), Timestamp::from_ms(0));
    Lease::new(boot, boot, now, now, LeaseSettings::default())
}

fn encoded(item: &StateItem) -> (String, (StateItem, u128)) {
    let encoded = item.encode().unwrap();
    (encoded.key.clone(), StateItem::decode(&encoded.key, &encoded.payload).unwrap())
}

fn items() -> impl Strategy<Value = (StateItem, bool)> {
    let one = prop_oneof![
        (0..3usize, any::<bool>()).prop_map(|(number, lockbox)| tenant(number, lockbox)),
        (1001u64..1006, 0..2usize, 0..3usize, any::<bool>()).prop_map(|(number, engineer, tenant, live)| {
            StateItem::Access(access(
                number,
                engineer,
                tenant,
                if live { StateName::Active } else { StateName::Closed },
            ))
        }),
        (0..3i64).prop_map(bundle),
    ];
    (one, prop::bool::weighted(0.8))
}

proptest! {
    #[test]
    fn the_memory_knows_what_the_last_change_of_each_key_said(changes in prop::collection::vec(items(), 1..30)) {
        let state = State::default();
        let mut model: BTreeMap<String, (StateItem, u128)> = BTreeMap::new();
        for (revision, (item, put)) in (1..).zip(&changes) {
            let (key, held) = encoded(item);
            if *put { model.insert(key.clone(), held.clone()) } else { model.remove(&key) };
            let hash = model.values().fold(0u128, |sum, (_, digest)| sum.wrapping_add(*digest));
            state.apply(vec![(key, put.then_some(held))], revision, hash, lease()).unwrap();
        }
        for (engineer, tenant) in [(0, 0), (0, 1), (1, 0), (1, 2)] {
            let (_, known) = state.look_one(&question(engineer, tenant));
            let mut ids: Vec<_> = known.accesses.iter().map(|access| access.id).collect();
            ids.sort();
            let expected: Vec<_> = model.values().filter_map(|(item, _)| match item {
                StateItem::Access(access) if access.engineer == question(engineer, tenant).engineer
                    && access.tenant == tenant_id(tenant) => Some(access.id),
                _ => None,
            }).collect();
            prop_assert_eq!(ids, expected);
            prop_assert_eq!(known.tenant.is_some(), model.contains_key(&format!("tenant/tenant-{tenant}")));
        }
        let demanded = state.inner.read().unwrap().memory.bundle().cloned().map(StateItem::Bundle);
        prop_assert_eq!(demanded.as_ref(), model.get(StateItem::BUNDLE_KEY).map(|(item, _)| item));
    }
}

#[test]
fn a_demand_for_a_bundle_reads_as_it_was_written_and_is_a_digest() {
    let (key, (read, _)) = encoded(&bundle(7));
    assert_eq!((key.as_str(), &read), (StateItem::BUNDLE_KEY, &bundle(7)));
    let form = |digest: &str| format!(r#"{{"kind":"bundle","digest":"{digest}","signed_at_ms":7}}"#);
    let digest = format!("{:064x}", 7);
    assert_eq!(StateItem::decode(&key, form(&digest).as_bytes()).unwrap().0, bundle(7));
    for wrong in [&"0".repeat(63), "", &"G".repeat(64), &"A".repeat(64), &format!("{digest}0")] {
        assert!(StateItem::decode(&key, form(wrong).as_bytes()).is_err(), "{wrong}");
    }
    for key in ["policies/other", "policies", "tenant/bundle"] {
        assert!(StateItem::decode(key, form(&digest).as_bytes()).is_err(), "{key}");
    }
}

#[test]
fn changes_that_do_not_add_up_end_the_lease() {
    let state = State::default();
    let (key, held) = encoded(&tenant(1, true));
    let hash = held.1;
    state.apply(vec![(key.clone(), Some(held.clone()))], 1, hash, lease()).unwrap();
    assert!(state.standing().now(Boot::from_ms(1000)).is_some());
    let lost = state.apply(Vec::new(), 2, hash.wrapping_add(1), lease());
    assert_eq!(lost, Err(Diverged::Hash { revision: 2 }));
    assert_eq!(state.standing().now(Boot::from_ms(1000)), None);
    assert!(matches!(state.apply(Vec::new(), 1, hash, lease()), Err(Diverged::Backwards { .. })));
}

fn rss_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() * 1024
}

fn filled(tenants: usize, grants: u64) -> State {
    let tenants = (0..tenants).map(|number| tenant(number, true));
    let grants = (0..grants).map(|number| {
        let place = usize::try_from(number).unwrap();
        StateItem::Access(access(number + 1001, place % 500, place, StateName::Active))
    });
    let mut hash = 0u128;
    let items: Vec<_> = tenants.chain(grants).map(|item| (item, 1)).inspect(|_| hash += 1).collect();
    let state = State::default();
    state.replace(Memory::from_snapshot(items, 1, 1, hash).unwrap(), lease());
    state
}

fn look_ns(state: &State, tenants: usize) -> u128 {
    use crate::clock::{Clock as _, SystemClock};
    let questions: Vec<_> = (0..1000).map(|n| question(n % 10, (n * 7919) % tenants)).collect();
    let began = SystemClock.boot();
    for _ in 0..200 {
        for question in &questions {
            std::hint::black_box(state.look_one(question));
        }
    }
    SystemClock.boot().since(began).as_nanos() / 200_000
}

#[test]
#[ignore = "prints figures; run it alone"]
fn measure_a_large_memory() {
    let small = filled(10, 10);
    let before = rss_bytes();
    let tenants = filled(1_000_000, 0);
    let with_tenants = rss_bytes();
    println!("a tenant: {} B", (with_tenants - before) / 1_000_000);
    let grants = filled(10, 100_000);
    println!("a live grant: {} B", (rss_bytes() - with_tenants) / 100_000);
    drop((tenants, grants));
    let large = filled(1_000_000, 100_000);
    println!(
        "a look-up: {} ns of 10, {} ns of 1,000,000 tenants and 100,000 grants",
        look_ns(&small, 10),
        look_ns(&large, 1_000_000)
    );
}
