//! What the ports promise of revisions, items, the time floor and many tasks at once. Each test runs
//! against every store.

use super::fixtures::{at, event, gone, item, submitted, tenant};
use crate::store::{Changes, Item, Store};

async fn since(store: &dyn Store, number: u64) -> Option<Vec<Item>> {
    match store.changes_since(1, number, 1000).await.unwrap() {
        Changes::Since { items, revision } => {
            assert_eq!(revision, store.revision().await.unwrap());
            Some(items)
        }
        Changes::TooOld => None,
    }
}

pub(super) async fn the_revision_counts_changes_and_the_hash_adds_up(store: &dyn Store) {
    let (a, b, other) = (item("a", b"1"), item("b", b"1"), item("a", b"2"));
    let mut transaction = store.begin(at(1)).await.unwrap();
    transaction.put_item(other.clone()).await.unwrap();
    transaction.put_item(a.clone()).await.unwrap();
    transaction.put_item(b.clone()).await.unwrap();
    let first = transaction.commit().await.unwrap();
    assert_eq!((first.number, first.state_hash), (1, a.digest.wrapping_add(b.digest)), "the last write counts");
    assert_eq!(since(store, 0).await, Some(vec![a.clone(), b.clone()]));
    let unchanged = store.begin(at(2)).await.unwrap().commit().await.unwrap();
    assert_eq!((unchanged.number, unchanged.state_hash), (first.number, first.state_hash));
    let mut transaction = store.begin(at(3)).await.unwrap();
    transaction.put_item(other.clone()).await.unwrap();
    let second = transaction.commit().await.unwrap();
    assert_eq!((second.number, second.state_hash), (2, other.digest.wrapping_add(b.digest)));
    assert_eq!(since(store, 1).await, Some(vec![other.clone()]));
    assert_eq!(since(store, 0).await, Some(vec![b, other]), "by the revision of the last change");
    assert_eq!(since(store, 2).await, Some(Vec::new()));
    let mut transaction = store.begin(at(4)).await.unwrap();
    transaction.put_item(Item { digest: 99, ..gone("a") }).await.unwrap();
    transaction.put_item(gone("b")).await.unwrap();
    let third = transaction.commit().await.unwrap();
    assert_eq!((third.number, third.state_hash), (3, 0), "a tombstone counts nothing, whatever it says");
    assert_eq!(store.snapshot().await.unwrap(), (Vec::new(), third));
}

pub(super) async fn gone_items_stay_known_until_they_are_pruned(store: &dyn Store) {
    for (key, live) in [("a", true), ("b", true), ("a", false), ("c", true), ("c", false)] {
        let mut transaction = store.begin(at(1)).await.unwrap();
        transaction.put_item(if live { item(key, b"1") } else { gone(key) }).await.unwrap();
        transaction.commit().await.unwrap();
    }
    assert_eq!(since(store, 2).await, Some(vec![gone("a"), gone("c")]));
    assert!(matches!(store.changes_since(2, 5, 10).await.unwrap(), Changes::TooOld), "another epoch");
    assert!(matches!(store.changes_since(1, 6, 10).await.unwrap(), Changes::TooOld), "ahead of the record");
    assert!(matches!(store.changes_since(1, 0, 2).await.unwrap(), Changes::TooOld), "more than the limit");
    assert!(matches!(store.changes_since(1, 0, 3).await.unwrap(), Changes::Since { .. }), "just the limit");
    store.prune_tombstones(3, at(2)).await.unwrap();
    assert_eq!(since(store, 2).await, None, "below the floor");
    assert_eq!(since(store, 3).await, Some(vec![gone("c")]), "the tombstone above the floor is kept");
    store.prune_tombstones(1, at(2)).await.unwrap();
    assert_eq!(since(store, 2).await, None, "the floor never sinks");
    store.prune_tombstones(u64::MAX, at(2)).await.unwrap();
    assert_eq!(since(store, 5).await, Some(Vec::new()), "nor rises above the record");
    assert_eq!(store.snapshot().await.unwrap().0, [item("b", b"1")]);
}

pub(super) async fn pages_of_items_tell_tombstones_and_revisions(store: &dyn Store) {
    for (key, live) in [("a", true), ("b", true), ("c", true), ("b", false)] {
        let mut transaction = store.begin(at(1)).await.unwrap();
        transaction.put_item(if live { item(key, b"1") } else { gone(key) }).await.unwrap();
        transaction.commit().await.unwrap();
    }
    let first = store.items_after(None, 2).await.unwrap();
    assert_eq!((first.items, first.tombstone_floor), (vec![(item("a", b"1"), 1), (gone("b"), 4)], 0));
    assert_eq!(store.items_after(Some("b"), 2).await.unwrap().items, [(item("c", b"1"), 3)]);
    assert!(store.items_after(Some("c"), 2).await.unwrap().items.is_empty());
    store.prune_tombstones(4, at(2)).await.unwrap();
    let pruned = store.items_after(Some("a"), 9).await.unwrap();
    assert_eq!((pruned.items, pruned.tombstone_floor), (vec![(item("c", b"1"), 3)], 4));
}

pub(super) async fn a_new_epoch_ends_what_was_told_before(store: &dyn Store) {
    /// The second that `at` counts from.
    const EPOCH: u64 = 1_795_339_800;
    let mut transaction = store.begin(at(1)).await.unwrap();
    transaction.put_item(item("a", b"1")).await.unwrap();
    let before = transaction.commit().await.unwrap();
    let mut transaction = store.begin(at(2)).await.unwrap();
    transaction.raise_epoch().await.unwrap();
    drop(transaction);
    assert_eq!(store.revision().await.unwrap().epoch, 1, "not committed, not raised");
    let mut transaction = store.begin(at(2)).await.unwrap();
    transaction.raise_epoch().await.unwrap();
    let after = transaction.commit().await.unwrap();
    assert_eq!((after.epoch, after.number, after.state_hash), (EPOCH, before.number + 1, before.state_hash));
    assert_eq!(store.revision().await.unwrap(), after);
    assert!(matches!(store.changes_since(1, before.number, 10).await.unwrap(), Changes::TooOld));
    assert!(matches!(store.changes_since(EPOCH, after.number, 10).await.unwrap(), Changes::Since { .. }));
    // Restored once more from the same backup, it is another epoch than the last time.
    for (later_ms, epoch) in [(1000, EPOCH + 1), (5000, EPOCH + 5), (2, EPOCH + 6)] {
        let mut transaction = store.begin(at(later_ms)).await.unwrap();
        transaction.raise_epoch().await.unwrap();
        assert_eq!(transaction.commit().await.unwrap().epoch, epoch, "it rises though the clock was set back");
    }
}

pub(super) async fn the_time_floor_never_sinks(store: &dyn Store) {
    store.raise_time_floor(at(100)).await.unwrap();
    let raised = store.revision().await.unwrap();
    assert_eq!((raised.number, raised.time_floor), (0, at(100)));
    store.raise_time_floor(at(50)).await.unwrap();
    assert_eq!(store.begin(at(20)).await.unwrap().commit().await.unwrap().time_floor, at(100));
    assert_eq!(store.begin(at(200)).await.unwrap().commit().await.unwrap().time_floor, at(200));
    drop(store.begin(at(300)).await.unwrap());
    assert_eq!(store.revision().await.unwrap().time_floor, at(200), "only a commit raises it");
}

pub(super) async fn many_tasks_lose_nothing(store: &dyn Store) {
    let contoso = tenant("contoso", true);
    let task = async |number: u32| {
        let mut revisions = Vec::new();
        for round in 0..5 {
            let mut transaction = store.begin(at(0)).await.unwrap();
            let id = transaction.next_access_request_id().await.unwrap();
            let new = submitted(id.number(), &contoso, 0);
            transaction.put_access_request(&new, None).await.unwrap();
            transaction.add_event(&event(&new)).await.unwrap();
            transaction.put_item(item(&format!("grant/{id}"), b"live")).await.unwrap();
            if (number + round).is_multiple_of(4) {
                continue; // dropped: rolled back
            }
            revisions.push((transaction.commit().await.unwrap().number, id));
        }
        revisions
    };
    let tasks = (0..16).map(task).collect::<Vec<_>>();
    let mut all: Vec<_> = futures_join(tasks).await.into_iter().flatten().collect();
    all.sort_unstable();
    let expected = u64::try_from(all.len()).unwrap();
    assert_eq!(all.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (1..=expected).collect::<Vec<_>>());
    for (_, id) in &all {
        assert!(store.access_request(*id).await.unwrap().is_some());
        assert_eq!(store.events(*id).await.unwrap().len(), 1);
    }
    let (items, revision) = store.snapshot().await.unwrap();
    assert_eq!((items.len(), revision.number), (all.len(), expected));
    assert_eq!(items.iter().fold(0_u128, |sum, item| sum.wrapping_add(item.digest)), revision.state_hash);
}

/// Drives futures side by side on one task until all are done.
async fn futures_join<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    core::future::poll_fn(|context| {
        for (future, done) in &mut futures {
            if done.is_none()
                && let core::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if futures.iter().all(|(_, done)| done.is_some()) {
            core::task::Poll::Ready(())
        } else {
            core::task::Poll::Pending
        }
    })
    .await;
    futures.into_iter().filter_map(|(_, done)| done).collect()
}
