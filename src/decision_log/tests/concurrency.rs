//! Many tasks at once: no number twice, none missing, every acknowledged record where its number says.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Wake, Waker};

use super::*;

const TASKS: u64 = 64;
const APPENDS: u64 = 1_000;

fn many_tasks(runtime: &tokio::runtime::Runtime, relay: bool) {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { segment_bytes_max: 256 << 10, ..Settings::default() };
    let (log, _) = DecisionLog::open(dir.path(), settings, Arc::new(TestClock::default())).unwrap();
    let log = Arc::new(log);
    let acknowledged = runtime.block_on(async {
        if relay {
            tokio::spawn(log.relay());
        }
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    let mut acknowledged = Vec::new();
                    for n in 0..APPENDS {
                        let payload = payload(task * APPENDS + n);
                        let durability = if n % 100 == 0 { Durability::Disk } else { Durability::Process };
                        let appended = log.append(payload.clone(), durability).await.unwrap();
                        acknowledged.push((appended.sequence, payload));
                    }
                    acknowledged
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        all
    });
    log.close();
    let mut acknowledged = acknowledged;
    acknowledged.sort();
    let (sequences, payloads): (Vec<u64>, Vec<Vec<u8>>) = acknowledged.into_iter().unzip();
    assert_eq!(sequences, (1..=TASKS * APPENDS).collect::<Vec<_>>());
    assert!(read(dir.path()) == payloads, "what was read differs from what was acknowledged");
    assert!(log.health().segments > 5);
}

#[test]
fn sixty_four_tasks_on_several_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    many_tasks(&runtime, true);
}

#[test]
fn sixty_four_tasks_on_one_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    many_tasks(&runtime, true);
    many_tasks(&runtime, false);
}

struct Count(AtomicU64);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_relay_that_is_never_polled_again_holds_nobody_back() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let mut relay = log.relay();
    let _pending = Pin::new(&mut relay).poll(&mut Context::from_waker(Waker::noop()));
    for n in 1..=3 {
        assert_eq!(log.append_blocking(payload(n), Durability::Disk), Ok(Appended { sequence: n }));
    }
    drop(relay);
    assert_eq!(log.append_blocking(payload(4), Durability::Disk), Ok(Appended { sequence: 4 }));
}

#[test]
fn the_last_waker_is_the_one_that_is_woken_and_a_dropped_append_is_still_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Arc::new(Faults::default());
    let (log, _clock) = open_faulty(dir.path(), &faults, small());
    faults.hang();
    let [first, second] = [(); 2].map(|()| Arc::new(Count(AtomicU64::new(0))));
    let mut append = log.append(payload(1), Durability::Disk);
    for count in [&first, &second] {
        let waker = Waker::from(Arc::clone(count));
        assert!(Pin::new(&mut append).poll(&mut Context::from_waker(&waker)).is_pending());
    }
    let mut dropped = log.append(payload(2), Durability::Process);
    assert!(Pin::new(&mut dropped).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(dropped);
    faults.unhang();
    until(|| second.0.load(Ordering::SeqCst) == 1);
    assert_eq!(first.0.load(Ordering::SeqCst), 0);
    log.close();
    assert_eq!(read(dir.path()), [payload(1), payload(2)]);
}
