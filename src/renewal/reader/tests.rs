//! How often the record is looked at. The runtime's time stands still but for what is slept, so that a wait is
//! counted to the millisecond.
#![expect(clippy::disallowed_methods, reason = "the time of a paused runtime is what is slept, and nothing else")]

use super::*;
use crate::clock::SteppedClock;
use crate::store::MemoryStore;
use tokio::task::JoinSet;
use tokio::time::Instant;

fn reader(store: MemoryStore) -> (Arc<SteppedClock>, Arc<Reader>) {
    let clock = Arc::new(SteppedClock::at(Timestamp::from_ms(0)));
    let dyn_clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let time = Arc::new(AuthorityTime::starting_at(Timestamp::from_ms(0), Arc::clone(&dyn_clock)));
    (clock, Arc::new(Reader::new(Arc::new(store), dyn_clock, time)))
}

#[tokio::test(start_paused = true)]
async fn looks_at_a_shared_record_keep_their_distance_and_serve_whoever_has_come_meanwhile() {
    let (clock, reader) = reader(MemoryStore::new().shared());
    let begun = Instant::now();
    reader.look().await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO, "the first one waits for nothing");
    reader.look().await.unwrap();
    assert_eq!(begun.elapsed(), PACE);
    clock.advance(Duration::from_millis(2));
    reader.look().await.unwrap();
    assert_eq!(begun.elapsed(), PACE * 2 - Duration::from_millis(2), "what has passed already is not waited for");
    clock.advance(PACE);
    let (before, looks) = (Instant::now(), reader.looks().begun);
    reader.look().await.unwrap();
    assert_eq!(before.elapsed(), Duration::ZERO, "long enough after the last one");

    // A fleet that asks at once: nobody has a look of his own.
    let mut fleet = JoinSet::new();
    for _ in 0..1000 {
        let reader = Arc::clone(&reader);
        fleet.spawn(async move { reader.look().await });
    }
    for looked in fleet.join_all().await {
        looked.unwrap();
    }
    assert_eq!((reader.looks().begun - looks, before.elapsed()), (2, PACE));
}

#[tokio::test(start_paused = true)]
async fn a_record_of_ones_own_is_looked_at_whenever_somebody_asks() {
    let (_, reader) = reader(MemoryStore::new());
    let begun = Instant::now();
    for _ in 0..10 {
        reader.look().await.unwrap();
    }
    assert_eq!((reader.looks().begun, begun.elapsed()), (10, Duration::ZERO));
}
