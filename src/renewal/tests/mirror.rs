//! The mirror against a plain model: sums of every view, what changed since, and everything page by page.

use super::super::mirror::{Mirror, VIEWS_MAX};
use super::super::view::View;
use crate::domain::{TenantId, Timestamp, WorkloadName};
use crate::store::{Item, Revision};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Keys, each with its tenant and workload, where it has them.
const KEYS: [(&str, &str, &str); 7] = [
    ("access/LBX-1001", "contoso", "exchange"),
    ("access/LBX-1002", "contoso", "sharepoint"),
    ("access/LBX-1003", "fabrikam", "exchange"),
    ("access/LBX-1004", "fabrikam", "sharepoint"),
    ("engineer/ana@provider.example", "", ""),
    ("tenant/contoso", "contoso", ""),
    ("tenant/fabrikam", "fabrikam", ""),
];

/// What is held of a key: its content, if it is there, and the revision of its last change.
type Model = BTreeMap<&'static str, (Option<Vec<u8>>, u64)>;

fn item(key: usize, content: Option<u8>) -> Item {
    let (key, tenant, workload) = KEYS[key];
    let payload = content
        .map(|content| format!(r#"{{"tenant":"{tenant}","workload":"{workload}","content":{content}}}"#).into_bytes());
    Item { key: key.to_owned(), digest: payload.as_deref().map_or(0, |payload| digest(key, payload)), payload }
}

fn digest(key: &str, payload: &[u8]) -> u128 {
    key.bytes()
        .chain(payload.iter().copied())
        .fold(7, |sum: u128, byte| sum.wrapping_mul(0x1_0000_01b3).wrapping_add(byte.into()))
}

fn views() -> Vec<View> {
    let tenants = [vec![], vec!["contoso"], vec!["fabrikam", "contoso"], vec!["nobody"]];
    let workloads = [vec![], vec!["exchange"], vec!["sharepoint"]];
    let view = |(tenants, workloads): (&Vec<&str>, &Vec<&str>)| View {
        tenants: tenants.iter().map(|name| TenantId::parse(name).unwrap()).collect(),
        workloads: workloads.iter().map(|name| WorkloadName::parse(name).unwrap()).collect(),
    };
    tenants.iter().flat_map(|tenants| workloads.iter().map(move |workloads| (tenants, workloads))).map(view).collect()
}

/// Whether a view shows a key: an empty set is all, and an engineer is everybody's.
fn shows(view: &View, key: &str) -> bool {
    let (_, tenant, workload) = KEYS.into_iter().find(|(known, ..)| *known == key).unwrap();
    let of_tenant = tenant.is_empty() || view.tenants.is_empty() || view.tenants.contains(tenant);
    of_tenant && (workload.is_empty() || view.workloads.is_empty() || view.workloads.contains(workload))
}

fn sum(model: &Model, view: &View) -> u128 {
    let shown = model.iter().filter(|(key, _)| shows(view, key));
    let digests = shown.filter_map(|(key, (payload, _))| Some(digest(key, payload.as_deref()?)));
    digests.fold(0, u128::wrapping_add)
}

fn check(mirror: &mut Mirror, model: &Model, floor: u64, number: u64) {
    for view in views() {
        assert_eq!(mirror.sum(&view), sum(model, &view), "{view:?}");
        for since in 0..=number {
            let told = mirror.since(since, &view, 100);
            if since < floor {
                assert!(told.is_none(), "what is not known is not told in part");
                continue;
            }
            let mut later: Vec<_> =
                model.iter().filter(|(key, (_, changed))| *changed > since && shows(&view, key)).collect();
            later.sort_by_key(|(key, (_, changed))| (*changed, **key));
            let later: Vec<_> =
                later.into_iter().map(|(key, (payload, _))| ((*key).to_owned(), payload.clone())).collect();
            let told: Vec<_> = told
                .unwrap()
                .into_iter()
                .map(|item| (item.key.to_string(), item.payload.map(|p| p.to_vec())))
                .collect();
            assert_eq!(told, later, "since {since} for {view:?}");
        }
        assert!(mirror.since(number + 1, &view, 100).is_none(), "of the future nothing is known");
        let (mut after, mut paged) = (None::<Arc<str>>, Vec::new());
        loop {
            let (items, next) = mirror.page(after.as_ref(), &view, 2);
            paged.extend(items.into_iter().map(|item| item.key.to_string()));
            after = next;
            if after.is_none() {
                break;
            }
        }
        let live = model.iter().filter(|(key, (payload, _))| payload.is_some() && shows(&view, key));
        let live: Vec<_> = live.map(|(key, _)| (*key).to_owned()).collect();
        assert_eq!(paged, live, "{view:?}");
        let keys = mirror.keys_of(&view);
        assert_eq!(keys.is_some(), !view.tenants.is_empty(), "{view:?}");
        let Some(keys) = keys else { continue };
        let of_others = |key: &Arc<str>| !shows(&View { workloads: BTreeSet::new(), ..view.clone() }, key);
        assert!(!keys.iter().any(of_others), "{keys:?} for {view:?}");
        let found = keys.iter().filter_map(|key| mirror.present(key, &view));
        let mut found: Vec<_> = found.map(|item| item.key.to_string()).collect();
        found.sort_unstable();
        assert_eq!(found, live, "{view:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Several changes at each revision, some keys again and again, some gone; the first few were there before.
    #[test]
    fn the_mirror_is_what_the_changes_make(
        before in prop::collection::btree_set(0..KEYS.len(), 0..5),
        revisions in prop::collection::vec(prop::collection::btree_map(0..KEYS.len(), prop::option::of(0u8..9), 1..4), 0..12),
    ) {
        let floor = 3;
        let mut model = Model::new();
        let mut mirror = Mirror::begin(floor);
        for key in before {
            mirror.put(item(key, Some(0)), floor);
            model.insert(KEYS[key].0, (item(key, Some(0)).payload, floor));
        }
        let mut number = floor;
        for changes in revisions {
            number += 1;
            for (key, content) in changes {
                // Nothing is taken away that was never there.
                if content.is_none() && !model.contains_key(KEYS[key].0) {
                    continue;
                }
                mirror.put(item(key, content), number);
                model.insert(KEYS[key].0, (item(key, content).payload, number));
            }
            let stands = Revision { epoch: 1, number, state_hash: sum(&model, &View::default()), time_floor: Timestamp::from_ms(0) };
            let wrong = Revision { state_hash: stands.state_hash.wrapping_add(1), ..stands };
            prop_assert!(mirror.stands_at(wrong).is_err());
            prop_assert!(mirror.stands_at(stands).is_ok());
            check(&mut mirror, &model, floor, number);
        }
    }
}

#[test]
fn one_view_too_many_costs_one_sum_and_not_all() {
    let mut mirror = Mirror::begin(0);
    mirror.put(item(5, Some(1)), 1);
    mirror.put(item(6, Some(1)), 1);
    let of = |tenant: &str| View { tenants: [TenantId::parse(tenant).unwrap()].into(), ..View::default() };
    let contoso = mirror.sum(&of("contoso"));
    for number in 1..VIEWS_MAX {
        mirror.sum(&of(&format!("tenant-{number}")));
    }
    assert_eq!(mirror.sums_kept(), VIEWS_MAX);
    let fabrikam = mirror.sum(&of("fabrikam"));
    assert_eq!(mirror.sums_kept(), VIEWS_MAX, "one made room");
    assert_eq!(mirror.sum(&View::default()), contoso.wrapping_add(fabrikam), "that of everything is never lost");
    assert_eq!((mirror.sum(&of("contoso")), mirror.sum(&of("fabrikam"))), (contoso, fabrikam));
}
