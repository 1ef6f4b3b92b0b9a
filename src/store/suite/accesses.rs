//! What the accesses promise. Each test runs against every store.

use super::fixtures::{at, submitted, tenant};
use crate::domain::AccessRequestId;
use crate::store::{ACCESS_BYTES_MAX, ACCESS_PAGE_MAX, AccessKey, Store, ToldAccess};
use uuid::Uuid;

fn told(number: u64, ms: i64, id: u128) -> ToldAccess {
    ToldAccess {
        access_request: AccessRequestId::new(number),
        key: AccessKey { at: at(ms), decision_id: Uuid::from_u128(id) },
        sidecar: "beside-exchange".to_owned(),
        sequence: 7,
        document: format!("{{\"id\":{id}}}"),
    }
}

async fn two_access_requests(store: &dyn Store) {
    let contoso = tenant("contoso", true);
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    for number in [1001, 1002] {
        transaction.put_access_request(&submitted(number, &contoso, 0), None).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

pub(super) async fn accesses_are_kept_once_and_listed_by_when_they_were_decided(store: &dyn Store) {
    two_access_requests(store).await;
    let before = store.revision().await.unwrap();
    let of = AccessRequestId::new(1001);
    assert!(store.accesses(of, None, 10).await.unwrap().is_empty());
    assert_eq!(store.put_accesses(&[]).await.unwrap(), 0);
    let (first, tie, late, other) = (told(1001, 20, 9), told(1001, 20, 10), told(1001, 30, 1), told(1002, 10, 2));
    assert_eq!(store.put_accesses(&[late.clone(), other.clone(), tie.clone()]).await.unwrap(), 3);
    // Told again, with something new: only that is new, and what was told first stays.
    let forged = ToldAccess { sidecar: "another".to_owned(), document: "{}".to_owned(), ..late.clone() };
    let moved = ToldAccess { access_request: AccessRequestId::new(1002), ..tie.clone() };
    assert_eq!(store.put_accesses(&[forged, moved, first.clone(), first.clone()]).await.unwrap(), 1);
    let all = [first.clone(), tie.clone(), late.clone()];
    assert_eq!(store.accesses(of, None, 10).await.unwrap(), all, "what came late takes its place");
    assert_eq!(store.accesses(of, None, 2).await.unwrap(), all[..2]);
    for (place, access) in all.iter().enumerate() {
        assert_eq!(store.accesses(of, Some(access.key), 10).await.unwrap(), all[place + 1..]);
    }
    assert_eq!(store.accesses(AccessRequestId::new(1002), None, 10).await.unwrap(), [other]);
    assert_eq!(store.revision().await.unwrap(), before, "they are no part of the record");
}

pub(super) async fn accesses_are_bounded_and_of_what_exists(store: &dyn Store) {
    two_access_requests(store).await;
    let (fine, unknown) = (told(1001, 1, 1), told(4711, 1, 2));
    assert!(store.put_accesses(&[fine.clone(), unknown]).await.is_err());
    let longest = ToldAccess { document: "é".repeat(ACCESS_BYTES_MAX / 2), ..told(1001, 1, 3) };
    let longer = ToldAccess { document: format!("{}x", longest.document), ..told(1001, 1, 4) };
    assert!(store.put_accesses(&[fine.clone(), longer]).await.is_err());
    let of = AccessRequestId::new(1001);
    assert!(store.accesses(of, None, 10).await.unwrap().is_empty(), "all of them or none");
    assert_eq!(store.put_accesses(&[longest]).await.unwrap(), 1);
    // More than one statement's worth, and more than one page's.
    let many: Vec<_> = (0..2500).map(|id| told(1002, 5, 100 + id)).collect();
    assert_eq!(store.put_accesses(&many).await.unwrap(), 2500);
    let page = store.accesses(AccessRequestId::new(1002), None, u32::MAX).await.unwrap();
    assert_eq!(page.len(), usize::try_from(ACCESS_PAGE_MAX).unwrap());
    let rest = store.accesses(AccessRequestId::new(1002), Some(page.last().unwrap().key), 1).await.unwrap();
    assert_eq!(rest, many[page.len()..=page.len()]);
}

pub(super) async fn accesses_outlive_what_a_transaction_does_beside_them(store: &dyn Store) {
    two_access_requests(store).await;
    // A transaction begun before does not take them away when it commits after.
    let transaction = store.begin(at(5)).await.unwrap();
    let (kept, wrote) = tokio::join!(
        async {
            tokio::task::yield_now().await;
            transaction.commit().await
        },
        async { store.put_accesses(&[told(1001, 1, 1)]).await }
    );
    kept.unwrap();
    assert_eq!(wrote.unwrap(), 1);
    assert_eq!(store.accesses(AccessRequestId::new(1001), None, 10).await.unwrap().len(), 1);
}
