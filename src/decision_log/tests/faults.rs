//! The disk full, failing, hanging, and well again: what was acknowledged stays, what was not is not, and the log comes back by itself.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use super::*;

fn poll_once(append: &mut Append) -> Poll<Result<Appended, AppendError>> {
    std::pin::Pin::new(append).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_full_disk_denies_until_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Arc::new(Faults::default());
    let (log, _) = open_faulty(dir.path(), &faults, small());
    Faults::set(&faults.allocate, true);
    let mut acknowledged = Vec::new();
    let refused = loop {
        let payload = payload(acknowledged.len() as u64);
        match log.append_blocking(payload.clone(), Durability::Process) {
            Ok(_) => acknowledged.push(payload),
            Err(error) => break error,
        }
    };
    assert_eq!(refused, AppendError::Unavailable);
    assert!(!acknowledged.is_empty(), "what was reserved before is used first");
    let LogState::Failing { reason, since_ms } = log.health().state else { panic!("it does not tell") };
    assert!(reason.contains("No space left") && since_ms.is_some(), "{reason}");

    Faults::set(&faults.allocate, false);
    acknowledged.push(payload(1_000));
    let sequence = append_when_well(&log, &payload(1_000), AppendError::Unavailable);
    assert_eq!(sequence, acknowledged.len() as u64);
    assert_eq!(log.health().state, LogState::Ok);
    log.close();
    assert_eq!(read(dir.path()), acknowledged);
}

#[test]
fn half_a_write_is_no_part_of_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Arc::new(Faults::default());
    let (log, _) = open_faulty(dir.path(), &faults, small());
    log.append_blocking(payload(1), Durability::Process).unwrap();
    // Not even tidying up works: the seal of the next segment alone must exclude the torn bytes.
    Faults::set(&faults.truncate, true);
    Faults::set(&faults.write, true);
    let batch = log.append_all(vec![payload(90); 4], Durability::Disk);
    assert_eq!(append::block_on(batch), Err(AppendError::Unavailable));
    Faults::set(&faults.write, false);
    assert_eq!(append_when_well(&log, &payload(2), AppendError::Unavailable), 2);
    log.close();
    assert_eq!(read(dir.path()), [payload(1), payload(2)]);
    let (_log, recovery) = open(dir.path());
    assert_eq!((recovery.records, recovery.torn_bytes), (2, 0));
}

#[test]
fn a_failed_sync_loses_nothing_acknowledged_and_acknowledges_nothing_lost() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Arc::new(Faults::default());
    let (log, _) = open_faulty(dir.path(), &faults, Settings { segment_bytes_max: 1 << 20, ..small() });
    log.append_blocking(payload(1), Durability::Disk).unwrap();
    // These are acknowledged and yet not on disk when it fails. (Unless the background sync was quicker, which is as good.)
    log.append_blocking(payload(2), Durability::Process).unwrap();
    log.append_blocking(payload(3), Durability::Process).unwrap();
    Faults::set(&faults.create, true);
    Faults::set(&faults.sync, true);
    assert_eq!(log.append_blocking(payload(40), Durability::Disk), Err(AppendError::Unavailable));
    until(|| faults.failed_creates.load(Ordering::SeqCst) > 1);
    assert_eq!(log.append_blocking(payload(41), Durability::Process), Err(AppendError::Unavailable));

    Faults::set(&faults.sync, false);
    Faults::set(&faults.create, false);
    assert_eq!(append_when_well(&log, &payload(4), AppendError::Unavailable), 4);
    let health = log.health();
    assert!(health.errors >= 3 && health.segments == 2 && health.last_sequence == 4, "{health:?}");
    log.close();
    assert_eq!(read(dir.path()), [payload(1), payload(2), payload(3), payload(4)]);
    assert_eq!(open(dir.path()).1.records, 4);
}

#[test]
fn a_mixed_batch_is_acknowledged_in_two_steps_and_only_the_second_fails_with_the_sync() {
    for (order, kept, next) in [
        ([Durability::Process, Durability::Disk], vec![payload(1), payload(2)], 3),
        // Its number is given out already, so that the refused one before it stays too.
        ([Durability::Disk, Durability::Process], vec![payload(1), payload(2), payload(3)], 4),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let faults = Arc::new(Faults::default());
        let (log, _clock) = open_faulty(dir.path(), &faults, small());
        faults.hang();
        let mut first = log.append(payload(1), Durability::Disk);
        assert!(poll_once(&mut first).is_pending());
        faults.wait_until_hanging(1);
        let mut mixed = [log.append(payload(2), order[0]), log.append(payload(3), order[1])];
        for append in &mut mixed {
            assert!(poll_once(append).is_pending());
        }
        faults.let_one_through();
        assert_eq!(append::block_on(&mut first), Ok(Appended { sequence: 1 }));
        faults.wait_until_hanging(2);
        for (append, (durability, sequence)) in mixed.iter_mut().zip(order.into_iter().zip(2..)) {
            if durability == Durability::Process {
                assert_eq!(append::block_on(append), Ok(Appended { sequence }), "no sync is waited for");
            } else {
                assert!(poll_once(append).is_pending());
            }
        }
        Faults::set(&faults.create, true);
        Faults::set(&faults.sync, true);
        faults.unhang();
        for (append, durability) in mixed.iter_mut().zip(order) {
            if durability == Durability::Disk {
                assert_eq!(append::block_on(append), Err(AppendError::Unavailable));
            }
        }
        Faults::set(&faults.sync, false);
        Faults::set(&faults.create, false);
        assert_eq!(append_when_well(&log, &payload(9), AppendError::Unavailable), next);
        log.close();
        let expected: Vec<_> = kept.into_iter().chain([payload(9)]).collect();
        assert_eq!(read(dir.path()), expected);
    }
}

#[test]
fn a_segment_that_fails_before_its_first_record_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Arc::new(Faults::default());
    let (log, _) = open_faulty(dir.path(), &faults, small());
    Faults::set(&faults.write, true);
    assert_eq!(log.append_blocking(payload(9), Durability::Disk), Err(AppendError::Unavailable));
    Faults::set(&faults.write, false);
    assert_eq!(append_when_well(&log, &payload(1), AppendError::Unavailable), 1);
    assert_eq!(log.health().segments, 1);
    log.close();
    assert_eq!(read(dir.path()), [payload(1)]);
}

#[test]
fn a_hanging_disk_stalls_no_one_beyond_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Arc::new(Faults::default());
    let (log, clock) = open_faulty(dir.path(), &faults, small());
    faults.hang();
    let mut hung = log.append(payload(1), Durability::Disk);
    assert!(poll_once(&mut hung).is_pending());
    faults.wait_until_hanging(1);
    let mut queued = log.append(payload(2), Durability::Disk);
    assert!(poll_once(&mut queued).is_pending());
    assert_eq!(log.health().queue_depth, 2);

    clock.advance_ms(9);
    assert_eq!(append::block_on(&mut hung), Err(AppendError::Stalled));
    assert_eq!(append::block_on(&mut queued), Err(AppendError::Stalled));
    let mut late = log.append(payload(3), Durability::Process);
    assert_eq!(poll_once(&mut late), Poll::Ready(Err(AppendError::Stalled)), "refused at once, without waiting");
    let health = log.health();
    assert!(matches!(health.state, LogState::Failing { .. }) && health.oldest_wait_ms == 9, "{health:?}");

    faults.unhang();
    // The hung record is in the log after all: it was refused, so that this errs to the safe side. The queued one is not.
    assert_eq!(append_when_well(&log, &payload(4), AppendError::Stalled), 2);
    assert_eq!(log.health().state, LogState::Ok);
    log.close();
    assert_eq!(read(dir.path()), [payload(1), payload(4)]);
}

#[test]
fn more_than_the_limit_in_flight_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Arc::new(Faults::default());
    let (log, _clock) = open_faulty(dir.path(), &faults, Settings { in_flight_max: 4, ..small() });
    faults.hang();
    let mut waiting: Vec<Append> = (1..=4).map(|n| log.append(payload(n), Durability::Disk)).collect();
    for append in &mut waiting {
        assert!(poll_once(append).is_pending());
    }
    let refused = Poll::Ready(Err(AppendError::Overloaded));
    assert_eq!(poll_once(&mut log.append(payload(5), Durability::Process)), refused);
    assert_eq!(log.health().queue_depth, 4);
    faults.unhang();
    for (append, sequence) in waiting.iter_mut().zip(1..) {
        assert_eq!(append::block_on(append), Ok(Appended { sequence }));
    }
    until(|| log.health().queue_depth == 0);
    let too_many = log.append_all(vec![payload(1); 5], Durability::Disk);
    assert_eq!(append::block_on(too_many), Err(AppendError::Overloaded));
}

#[test]
fn closing_writes_what_is_queued() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Arc::new(Faults::default());
    let (log, _clock) = open_faulty(dir.path(), &faults, small());
    faults.hang();
    let mut first = log.append(payload(1), Durability::Disk);
    assert!(poll_once(&mut first).is_pending());
    faults.wait_until_hanging(1);
    let mut second = log.append(payload(2), Durability::Process);
    assert!(poll_once(&mut second).is_pending());
    std::thread::scope(|scope| {
        scope.spawn(|| log.close());
        until(|| log.health().state != LogState::Ok);
        assert_eq!(log.append_blocking(payload(3), Durability::Process), Err(AppendError::Closed));
        faults.unhang();
    });
    assert_eq!(append::block_on(first), Ok(Appended { sequence: 1 }));
    assert_eq!(append::block_on(second), Ok(Appended { sequence: 2 }));
    assert_eq!(read(dir.path()), [payload(1), payload(2)]);
}
