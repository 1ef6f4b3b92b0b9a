//! What the ports promise, one promise a test. Each runs against every store.

use super::fixtures::{
    asked, at, engineer, event, in_state, in_state_at, item, page, person, submitted, tenant, tenant_id, then,
};
use crate::domain::{
    AccessRequestId, Command, Event, EventKind, Notice, NoticeKind, PersonId, Recipient, StateName, TenantId, Verdict,
    WorkloadName,
};
use crate::store::{AccessRequestFilter, Item, KeptAnswer, Store, StoreError};
use std::collections::BTreeSet;

const DAY_MS: i64 = 24 * 3_600_000;

fn id(number: u64) -> AccessRequestId {
    AccessRequestId::new(number)
}

fn notice(to: &str, tenant: &str, about: Option<u64>) -> Notice {
    Notice {
        kind: NoticeKind::Pending,
        to: Recipient::Person(person(to)),
        tenant: tenant_id(tenant),
        access_request: about.map(id),
        at: at(1),
    }
}

pub(super) async fn an_empty_store_answers_nothing(store: &dyn Store) {
    let revision = store.revision().await.unwrap();
    assert_eq!((revision.epoch, revision.number, revision.state_hash), (1, 0, 0));
    assert_eq!(store.snapshot().await.unwrap(), (Vec::new(), revision));
    assert!(store.access_request(id(1001)).await.unwrap().is_none());
    assert!(store.access_requests(&AccessRequestFilter::default(), page(None, 10)).await.unwrap().is_empty());
    assert!(store.tenants(page(None, 10)).await.unwrap().is_empty());
    assert!(store.engineers(page(None, 10)).await.unwrap().is_empty());
    assert!(store.outbox(None, page(None, 10)).await.unwrap().is_empty());
    assert!(store.kept_answer(&person("ana"), "k").await.unwrap().is_none());
    store.ping().await.unwrap();
}

pub(super) async fn what_was_written_reads_back(store: &dyn Store) {
    let contoso = tenant("contoso", true);
    let all: Vec<_> = (1001..).zip(StateName::ALL).map(|(number, state)| in_state(number, &contoso, state)).collect();
    let settings = Event { access_request: None, state: None, kind: EventKind::TenantChanged, ..event(&all[0]) };
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    transaction.put_engineer(&engineer("ana"), None).await.unwrap();
    for of in &all {
        transaction.put_access_request(of, None).await.unwrap();
        transaction.add_event(&event(of)).await.unwrap();
    }
    transaction.add_event(&settings).await.unwrap();
    transaction.add_notice(&notice("csilla", "contoso", Some(1001))).await.unwrap();
    transaction.add_notice(&notice("felix", "fabrikam", None)).await.unwrap();
    transaction.commit().await.unwrap();
    for of in &all {
        assert_eq!(store.access_request(of.id).await.unwrap().as_ref(), Some(of), "{}", of.state_name());
        assert_eq!(store.events(of.id).await.unwrap(), [event(of)]);
    }
    assert_eq!(store.tenant(&contoso.id).await.unwrap(), Some(contoso.clone()));
    assert_eq!(store.tenant(&tenant_id("fabrikam")).await.unwrap(), None);
    assert_eq!(store.tenant_events(&contoso.id).await.unwrap(), [settings]);
    assert_eq!(store.engineer(&person("ana")).await.unwrap(), Some(engineer("ana")));
    let outbox = store.outbox(Some(&contoso.id), page(None, 10)).await.unwrap();
    assert_eq!((outbox.len(), outbox[0].number), (1, 1));
    assert_eq!(outbox[0].notice, notice("csilla", "contoso", Some(1001)));
    let numbers: Vec<_> = store.outbox(None, page(None, 10)).await.unwrap().iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [2, 1]);
}

pub(super) async fn a_version_guard_lets_one_change_through(store: &dyn Store) {
    let contoso = tenant("contoso", true);
    let new = submitted(1001, &contoso, 0);
    let reviewed = then(&new, Command::Review(Verdict::Approve), &contoso, 1);
    let second = crate::domain::Engineer { version: 2, ..engineer("ana") };
    let next = crate::domain::Tenant { version: 2, ..contoso.clone() };
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_access_request(&new, None).await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    transaction.put_engineer(&engineer("ana"), None).await.unwrap();
    transaction.commit().await.unwrap();
    let conflict =
        |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::Conflict(_))), "{result:?}");
    // New though it exists, changed though it is another version or none, and a version that stands still.
    conflict(store.begin(at(1)).await.unwrap().put_access_request(&new, None).await);
    conflict(store.begin(at(1)).await.unwrap().put_access_request(&reviewed, Some(2)).await);
    conflict(store.begin(at(1)).await.unwrap().put_access_request(&submitted(1002, &contoso, 0), Some(1)).await);
    conflict(store.begin(at(1)).await.unwrap().put_access_request(&new, Some(1)).await);
    conflict(store.begin(at(1)).await.unwrap().put_tenant(&contoso, None).await);
    conflict(store.begin(at(1)).await.unwrap().put_tenant(&next, Some(7)).await);
    conflict(store.begin(at(1)).await.unwrap().put_engineer(&engineer("ana"), None).await);
    conflict(store.begin(at(1)).await.unwrap().put_engineer(&second, Some(7)).await);
    conflict(store.begin(at(1)).await.unwrap().remove_engineer(&person("ana"), 2).await);
    conflict(store.begin(at(1)).await.unwrap().remove_engineer(&person("ben"), 1).await);
    let mut transaction = store.begin(at(1)).await.unwrap();
    transaction.put_access_request(&reviewed, Some(1)).await.unwrap();
    transaction.put_tenant(&next, Some(1)).await.unwrap();
    transaction.put_engineer(&second, Some(1)).await.unwrap();
    transaction.remove_engineer(&person("ana"), 2).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.access_request(id(1001)).await.unwrap(), Some(reviewed));
    assert_eq!(store.tenant(&contoso.id).await.unwrap().unwrap().version, 2);
    assert_eq!(store.engineer(&person("ana")).await.unwrap(), None);
}

pub(super) async fn what_was_not_committed_has_not_happened(store: &dyn Store) {
    let contoso = tenant("contoso", true);
    let before = store.revision().await.unwrap();
    for _ in 0..3 {
        let mut transaction = store.begin(at(9)).await.unwrap();
        transaction.put_tenant(&contoso, None).await.unwrap();
        transaction.put_access_request(&submitted(1001, &contoso, 0), None).await.unwrap();
        transaction.add_event(&event(&submitted(1001, &contoso, 0))).await.unwrap();
        transaction.add_notice(&notice("csilla", "contoso", None)).await.unwrap();
        transaction.put_item(item("tenant/contoso", b"x")).await.unwrap();
        assert!(store.tenant(&contoso.id).await.unwrap().is_none(), "nobody else sees it under way");
        drop(transaction);
    }
    assert_eq!(store.revision().await.unwrap(), before);
    assert_eq!(store.snapshot().await.unwrap(), (Vec::new(), before));
    assert!(store.tenant(&contoso.id).await.unwrap().is_none());
    assert!(store.access_request(id(1001)).await.unwrap().is_none());
    assert!(store.events(id(1001)).await.unwrap().is_empty());
    assert!(store.outbox(None, page(None, 10)).await.unwrap().is_empty());
}

pub(super) async fn after_a_failure_nothing_commits(store: &dyn Store) {
    let contoso = tenant("contoso", true);
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    assert!(matches!(transaction.put_tenant(&contoso, None).await, Err(StoreError::Conflict(_))));
    let refused = [
        transaction.add_notice(&notice("csilla", "contoso", None)).await.unwrap_err(),
        transaction.tenant(&contoso.id).await.unwrap_err(),
        transaction.commit().await.unwrap_err(),
    ];
    assert!(refused.iter().all(|error| error.to_string().contains("begin another")), "{refused:?}");
    assert!(store.tenant(&contoso.id).await.unwrap().is_none());
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    transaction.commit().await.unwrap();
    assert!(store.tenant(&contoso.id).await.unwrap().is_some());
}

pub(super) async fn a_transaction_reads_what_it_wrote(store: &dyn Store) {
    let contoso = tenant("contoso", true);
    let new = submitted(1001, &contoso, 0);
    let before = store.revision().await.unwrap();
    let mut transaction = store.begin(at(5)).await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    transaction.put_access_request(&new, None).await.unwrap();
    transaction.put_item(item("a", b"1")).await.unwrap();
    assert_eq!(transaction.tenant(&contoso.id).await.unwrap(), Some(contoso));
    assert_eq!(transaction.access_request(new.id).await.unwrap(), Some(new));
    assert_eq!(transaction.revision().await.unwrap(), before, "the revision it began at, until it commits");
    let after = transaction.commit().await.unwrap();
    assert_eq!(after.number, before.number + 1);
}

pub(super) async fn pages_have_no_gaps_and_no_repeats(store: &dyn Store) {
    let contoso = tenant("contoso", true);
    let mut transaction = store.begin(at(0)).await.unwrap();
    for number in 1001..=1025 {
        let by = if number % 3 == 0 { "ben" } else { "ana" };
        transaction.put_access_request(&asked(number, &contoso, by, "exchange", 0), None).await.unwrap();
        transaction.put_tenant(&tenant(&format!("t{number}"), true), None).await.unwrap();
        transaction.put_engineer(&engineer(&format!("e{number}")), None).await.unwrap();
        let tenant = if number % 2 == 0 { "contoso" } else { "fabrikam" };
        transaction.add_notice(&notice("csilla", tenant, None)).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let filter = AccessRequestFilter { engineer: Some(person("ana")), ..AccessRequestFilter::default() };
    for limit in [1, 7, 25, 0] {
        let (mut ids, mut after) = (Vec::new(), None);
        while let Some(last) = {
            let got = store.access_requests(&filter, page(after, limit)).await.unwrap();
            assert!(got.len() <= usize::try_from(limit.max(1)).unwrap());
            ids.extend(got.iter().map(|of| of.id.number()));
            got.last().map(|of| of.id)
        } {
            after = Some(last);
        }
        assert_eq!(ids, (1001..=1025).rev().filter(|number| number % 3 != 0).collect::<Vec<_>>());
        let (mut names, mut after) = (Vec::new(), None::<TenantId>);
        while let Some(last) = {
            let got = store.tenants(page(after.clone(), limit)).await.unwrap();
            names.extend(got.iter().map(|tenant| tenant.id.to_string()));
            got.last().map(|tenant| tenant.id.clone())
        } {
            after = Some(last);
        }
        assert_eq!(names, (1001..=1025).map(|number| format!("t{number}")).collect::<Vec<_>>());
        let (mut names, mut after) = (Vec::new(), None::<PersonId>);
        while let Some(last) = {
            let got = store.engineers(page(after.clone(), limit)).await.unwrap();
            names.extend(got.iter().map(|engineer| engineer.id.to_string()));
            got.last().map(|engineer| engineer.id.clone())
        } {
            after = Some(last);
        }
        assert_eq!(names, (1001..=1025).map(|number| format!("e{number}")).collect::<Vec<_>>());
        let (mut numbers, mut after) = (Vec::new(), None);
        while let Some(last) = {
            let got = store.outbox(Some(&contoso.id), page(after, limit)).await.unwrap();
            numbers.extend(got.iter().map(|entry| entry.number));
            got.last().map(|entry| entry.number)
        } {
            after = Some(last);
        }
        assert_eq!(numbers, (1..=25).rev().filter(|number| number % 2 == 0).collect::<Vec<_>>());
    }
}

pub(super) async fn filters_judge_time_made_states_at_now(store: &dyn Store) {
    let (contoso, fabrikam) = (tenant("contoso", true), tenant("fabrikam", true));
    let mut transaction = store.begin(at(0)).await.unwrap();
    for (number, state) in (1001..).zip(StateName::ALL) {
        transaction.put_access_request(&in_state(number, &contoso, state), None).await.unwrap();
    }
    transaction.put_access_request(&asked(2001, &fabrikam, "ben", "sharepoint", 500), None).await.unwrap();
    transaction.commit().await.unwrap();
    let of_state =
        |state: StateName| 1001 + u64::try_from(StateName::ALL.iter().position(|s| *s == state).unwrap()).unwrap();
    let list = async |filter: &AccessRequestFilter| -> Vec<u64> {
        let page = store.access_requests(filter, page(None, 100)).await.unwrap();
        page.iter().map(|of| of.id.number()).collect()
    };
    // The fixtures: notified at 1 min for 12 h, active at 3 min for 1 h.
    let (respond_by, expires_at) = (60_000 + 12 * 3_600_000, 180_000 + 3_600_000);
    for (state, made_of, due_ms) in
        [(StateName::Expired, StateName::Notified, respond_by), (StateName::Ended, StateName::Active, expires_at)]
    {
        let (made, before) = (of_state(state), of_state(made_of));
        assert_eq!(list(&in_state_at(state, at(due_ms - 1))).await, [made]);
        assert_eq!(list(&in_state_at(made_of, at(due_ms - 1))).await, [before]);
        let mut both = [made, before];
        both.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(list(&in_state_at(state, at(due_ms))).await, both);
        assert!(list(&in_state_at(made_of, at(due_ms))).await.is_empty());
        let as_stored = AccessRequestFilter { now: None, ..in_state_at(made_of, at(0)) };
        assert_eq!(list(&as_stored).await, [before], "without a `now`, as stored");
    }
    for state in [StateName::Closed, StateName::Revoked, StateName::Denied, StateName::Rejected, StateName::Withdrawn] {
        assert_eq!(list(&in_state_at(state, at(i64::from(u32::MAX)))).await, [of_state(state)]);
    }
    let known = AccessRequestFilter { known_to_customer: true, ..AccessRequestFilter::default() };
    assert_eq!(list(&known).await, (1003..=1010).rev().collect::<Vec<_>>());
    for filter in [
        AccessRequestFilter { tenant: Some(fabrikam.id.clone()), ..AccessRequestFilter::default() },
        AccessRequestFilter { engineer: Some(person("ben")), ..AccessRequestFilter::default() },
        AccessRequestFilter { workload: WorkloadName::parse("sharepoint").ok(), ..AccessRequestFilter::default() },
        AccessRequestFilter { since: Some(at(500)), ..AccessRequestFilter::default() },
    ] {
        assert_eq!(list(&filter).await, [2001], "{filter:?}");
    }
    assert!(list(&AccessRequestFilter { since: Some(at(501)), ..AccessRequestFilter::default() }).await.is_empty());
}

pub(super) async fn lapsed_is_oldest_first_and_half_open(store: &dyn Store) {
    let contoso = tenant("contoso", true);
    let mut transaction = store.begin(at(0)).await.unwrap();
    let states = [StateName::Notified, StateName::Active, StateName::Submitted, StateName::Closed];
    for (number, state) in (1001..).zip(states) {
        transaction.put_access_request(&in_state(number, &contoso, state), None).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let (respond_by, expires_at) = (60_000 + 12 * 3_600_000, 180_000 + 3_600_000);
    assert!(store.lapsed(at(expires_at - 1), 10).await.unwrap().is_empty());
    assert_eq!(store.lapsed(at(expires_at), 10).await.unwrap(), [id(1002)]);
    assert_eq!(store.lapsed(at(respond_by), 10).await.unwrap(), [id(1002), id(1001)]);
    assert_eq!(store.lapsed(at(respond_by), 1).await.unwrap(), [id(1002)]);
}

pub(super) async fn what_ended_long_ago_is_retired_once(store: &dyn Store) {
    let contoso = tenant("contoso", true);
    let mut transaction = store.begin(at(0)).await.unwrap();
    let states = [StateName::Closed, StateName::Active, StateName::Denied, StateName::Closed];
    for (number, state) in (1001..).zip(states) {
        transaction.put_access_request(&in_state(number, &contoso, state), None).await.unwrap();
    }
    for number in [1001, 1002, 1003] {
        let item = Item { key: format!("access/LBX-{number}"), payload: Some(vec![1]), digest: 1 };
        transaction.put_item(item).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let retirable = |before, limit| store.retirable("access/LBX-", at(before), limit);
    // 1002 goes on, 1004 is held by nobody.
    assert_eq!(retirable(10_000_000, 10).await.unwrap(), [id(1001), id(1003)]);
    assert_eq!(retirable(10_000_000, 1).await.unwrap(), [id(1001)]);
    assert!(retirable(-10_000_000, 10).await.unwrap().is_empty());
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_item(Item { key: "access/LBX-1001".to_owned(), payload: None, digest: 0 }).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(retirable(10_000_000, 10).await.unwrap(), [id(1003)]);
}

pub(super) async fn ids_are_never_given_twice(store: &dyn Store) {
    let mut given = BTreeSet::new();
    for round in 0..4 {
        let mut transaction = store.begin(at(0)).await.unwrap();
        for _ in 0..3 {
            assert!(given.insert(transaction.next_access_request_id().await.unwrap()));
        }
        if round % 2 == 0 {
            transaction.commit().await.unwrap();
        }
    }
    assert_eq!(given.first(), Some(&id(AccessRequestId::FIRST)));
}

pub(super) async fn kept_answers_last_a_day(store: &dyn Store) {
    let contoso = tenant("contoso", true);
    let (ana, ben) = (person("ana"), person("ben"));
    let kept = |byte, ms| KeptAnswer { asked: [byte; 32], access_request: id(1001), at: at(ms) };
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_access_request(&submitted(1001, &contoso, 0), None).await.unwrap();
    transaction.keep_answer(&ana, "k", &kept(1, 0)).await.unwrap();
    transaction.keep_answer(&ben, "k", &kept(2, 0)).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.kept_answer(&ana, "k").await.unwrap(), Some(kept(1, 0)));
    assert_eq!(store.kept_answer(&ben, "k").await.unwrap(), Some(kept(2, 0)));
    assert_eq!(store.kept_answer(&ana, "K").await.unwrap(), None);
    let mut transaction = store.begin(at(0)).await.unwrap();
    let again = transaction.keep_answer(&ana, "k", &kept(3, DAY_MS - 1)).await;
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
    drop(transaction);
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.keep_answer(&ana, "k", &kept(3, DAY_MS)).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.kept_answer(&ana, "k").await.unwrap(), Some(kept(3, DAY_MS)));
    assert_eq!(store.kept_answer(&ben, "k").await.unwrap(), None, "outlived answers go as new ones come");
}

pub(super) async fn history_names_what_exists(store: &dyn Store) {
    let contoso = tenant("contoso", true);
    let new = submitted(1001, &contoso, 0);
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.add_event(&event(&new)).await.unwrap();
    assert!(matches!(transaction.commit().await, Err(StoreError::Corrupt { .. })));
    let kept = KeptAnswer { asked: [0; 32], access_request: new.id, at: at(0) };
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.keep_answer(&person("ana"), "k", &kept).await.unwrap();
    assert!(matches!(transaction.commit().await, Err(StoreError::Corrupt { .. })));
    assert!(store.events(new.id).await.unwrap().is_empty());
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.add_event(&event(&new)).await.unwrap();
    transaction.put_access_request(&new, None).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.events(new.id).await.unwrap().len(), 1, "in whichever order");
}

pub(super) async fn internal_grants_are_found_for_the_switch(store: &dyn Store) {
    let (contoso, fabrikam) = (tenant("contoso", true), tenant("fabrikam", false));
    let internal = |number, tenant| then(&submitted(number, tenant, 0), Command::Review(Verdict::Approve), tenant, 1);
    let mut transaction = store.begin(at(0)).await.unwrap();
    for of in [
        in_state(1001, &contoso, StateName::Active),
        internal(1002, &fabrikam),
        then(&internal(1003, &fabrikam), Command::Close, &fabrikam, 2),
        internal(1004, &fabrikam),
        internal(1005, &tenant("other", false)),
    ] {
        transaction.put_access_request(&of, None).await.unwrap();
    }
    assert_eq!(transaction.internal_grants(&fabrikam.id).await.unwrap(), [id(1002), id(1004)]);
    assert!(transaction.internal_grants(&contoso.id).await.unwrap().is_empty());
}
