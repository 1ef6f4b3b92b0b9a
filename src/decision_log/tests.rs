//! The log as a whole, on a disk that fails on demand and a clock that is driven.
//!
//! Timing never decides a test here: a thread waits for a condition, never for a duration.

mod concurrency;
mod faults;
mod harness;
mod kill;
mod reading;
mod recovery;

use harness::*;

use super::*;

#[test]
fn what_is_acknowledged_is_read_back_in_order_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (log, recovery) = open(dir.path());
    assert_eq!(recovery, Recovery::default());
    for (n, durability) in [(1, Durability::Process), (2, Durability::Disk), (3, Durability::Process)] {
        assert_eq!(log.append_blocking(payload(n), durability), Ok(Appended { sequence: n }));
    }
    let all = append::block_on(log.append_all(vec![payload(4), payload(5)], Durability::Disk));
    assert_eq!(all, Ok(Appended { sequence: 4 }));
    let health = log.health();
    assert_eq!((health.state, health.records, health.last_sequence, health.segments), (LogState::Ok, 5, 5, 1));
    log.close();

    let (log, recovery) = open(dir.path());
    assert_eq!((recovery.records, recovery.torn_bytes, recovery.segments), (5, 0, 1));
    assert_eq!(log.append_blocking(payload(6), Durability::Disk), Ok(Appended { sequence: 6 }));
    log.close();
    assert_eq!(read(dir.path()), (1..=6).map(payload).collect::<Vec<_>>());
}

#[test]
fn segments_rotate_and_chain() {
    let dir = tempfile::tempdir().unwrap();
    write_segments(dir.path(), 200);
    let segments = segment::list(dir.path()).unwrap();
    assert!(segments.len() > 3, "{segments:?}");
    assert!(segments.iter().all(|segment| segment.length <= 4096), "{segments:?}");
    let (log, recovery) = open(dir.path());
    assert_eq!((recovery.records, recovery.segments), (200, segments.len()));
    assert_eq!(log.health().segments, segments.len() as u64);
    assert_eq!(read(dir.path()), (1..=200).map(payload).collect::<Vec<_>>());
}

#[test]
fn process_records_reach_the_disk_without_another_append() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let syncs = log.health().syncs;
    log.append_blocking(payload(1), Durability::Process).unwrap();
    until(|| log.health().syncs > syncs);
}

#[test]
fn unfit_payloads_are_refused_before_they_are_queued() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let append = |payload| log.append_blocking(payload, Durability::Disk);
    assert_eq!(append(Vec::new()), Err(AppendError::PayloadSize { bytes: 0 }));
    assert_eq!(
        append(vec![b'x'; PAYLOAD_BYTES_MAX + 1]),
        Err(AppendError::PayloadSize { bytes: PAYLOAD_BYTES_MAX + 1 })
    );
    assert_eq!(append(vec![b'x'; PAYLOAD_BYTES_MAX]), Ok(Appended { sequence: 1 }));
    let all = |payloads| append::block_on(log.append_all(payloads, Durability::Disk));
    assert_eq!(all(Vec::new()), Err(AppendError::PayloadSize { bytes: 0 }));
    assert_eq!(all(vec![payload(1), Vec::new()]), Err(AppendError::PayloadSize { bytes: 0 }));
    let bytes = 65 * PAYLOAD_BYTES_MAX;
    assert_eq!(all(vec![vec![b'x'; PAYLOAD_BYTES_MAX]; 65]), Err(AppendError::BatchTooLarge { bytes }));
    assert_eq!(append(payload(2)), Ok(Appended { sequence: 2 }));
}

#[test]
fn a_directory_has_one_writer() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let again = DecisionLog::open(dir.path(), small(), Arc::new(TestClock::default()));
    assert!(matches!(again, Err(OpenError::Locked { .. })));
    log.close();
    assert!(DecisionLog::open(dir.path(), small(), Arc::new(TestClock::default())).is_ok());
}

#[test]
fn a_closed_log_refuses_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    log.close();
    log.close();
    assert_eq!(log.append_blocking(payload(1), Durability::Process), Err(AppendError::Closed));
    assert!(matches!(log.health().state, LogState::Failing { since_ms: None, .. }));
}

#[test]
fn settings_out_of_bounds_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for settings in [
        Settings { segment_bytes_max: 4095, ..Settings::default() },
        Settings { in_flight_max: 0, ..Settings::default() },
        Settings { stall_ms_max: 0, ..Settings::default() },
    ] {
        let refused = DecisionLog::open(dir.path(), settings, Arc::new(TestClock::default()));
        assert!(matches!(refused, Err(OpenError::Setting { .. })));
    }
}
