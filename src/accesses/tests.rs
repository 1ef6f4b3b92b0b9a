//! Telling and taking: once and in full, over outages, restarts, refusals, other logs and lost segments; and nothing that
//! a sidecar may not say.

use super::courier::{Courier, CourierParts};
use super::intake::Taken;
use super::tell::{Entry, Tell, TellError};
use super::trail::Trail;
use crate::decision_log::{DecisionLog, LogClock, Records, Settings};
use crate::evaluate_access::testing::{NOW_MS, write_log, write_varied_log};
use crate::telemetry::Metrics;
use async_trait::async_trait;
use core::time::Duration;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

mod taking;

/// Of every eight questions of the written logs, these concern an AccessRequest.
const CONCERNED: [u64; 5] = [0, 1, 2, 3, 5];

struct LogTime;

impl LogClock for LogTime {
    fn wall_ms(&self) -> u64 {
        NOW_MS.unsigned_abs()
    }

    fn boot_ms(&self) -> u64 {
        1
    }
}

/// The numbers of the records that concern an AccessRequest, of the first `count`.
fn concerned(count: u64) -> Vec<u64> {
    (1..=count).filter(|sequence| CONCERNED.contains(&((sequence - 1) % 8))).collect()
}

/// Everything that follows, told at once.
fn rest(trail: &mut Trail, written: u64, epoch: u64) -> (Vec<u64>, u64) {
    let (mut all, mut lost) = (Vec::new(), 0);
    loop {
        let gathered = trail.gather(written, epoch).unwrap();
        let more = !gathered.entries.is_empty();
        all.extend(gathered.entries.iter().map(|entry| entry.sequence));
        lost += gathered.lost;
        trail.keep(&gathered.end).unwrap();
        if !more {
            return (all, lost);
        }
    }
}

fn trail(dir: &Path) -> Trail {
    Trail::in_dir(dir.to_owned())
}

#[test]
fn a_trail_tells_what_concerns_an_access_request_once_wherever_it_was_left() {
    let dir = tempfile::tempdir().unwrap();
    write_log(dir.path(), 400, 16 << 10, true);
    assert_eq!(rest(&mut trail(dir.path()), 0, 1), (Vec::new(), 0), "nothing is vouched for");
    let (mut told, mut runs) = (Vec::new(), 0);
    for written in [3, 7, 8, 200, 201, 400] {
        // A new trail each time: the place is all that is left of the one before.
        let (more, lost) = rest(&mut trail(dir.path()), written, 1);
        assert_eq!(lost, 0);
        told.extend(more);
        runs += 1;
        assert_eq!(told, concerned(written), "after run {runs}");
    }
    // What was gathered and not told is gathered again by the next run.
    let fresh = tempfile::tempdir().unwrap();
    write_log(fresh.path(), 16, 16 << 10, true);
    assert_eq!(trail(fresh.path()).gather(16, 1).unwrap().entries.len(), 10);
    assert_eq!(rest(&mut trail(fresh.path()), 16, 1).0, concerned(16));
}

#[test]
fn another_log_another_epoch_and_a_damaged_place_begin_from_the_beginning() {
    // The last record is one that no two of these logs have alike.
    let dir = tempfile::tempdir().unwrap();
    write_log(dir.path(), 41, 16 << 10, true);
    assert_eq!(rest(&mut trail(dir.path()), 41, 0).0, concerned(41));
    assert!(rest(&mut trail(dir.path()), 41, 0).0.is_empty());
    assert!(rest(&mut trail(dir.path()), 41, 3).0.is_empty(), "an epoch that is only learned is no other one");
    assert_eq!(rest(&mut trail(dir.path()), 41, 4).0, concerned(41), "the record was restored");
    let mut running = trail(dir.path());
    assert!(rest(&mut running, 41, 4).0.is_empty());
    assert_eq!(rest(&mut running, 41, 5).0, concerned(41), "restored while the sidecar runs");
    // The folder was emptied, but for the place; the new log is as long, then shorter.
    let place = dir.path().join("accesses-told.json");
    for count in [48, 8] {
        let other = tempfile::tempdir().unwrap();
        write_varied_log(other.path(), count, 16 << 10);
        std::fs::copy(&place, other.path().join("accesses-told.json")).unwrap();
        let count = u64::try_from(count).unwrap();
        assert_eq!(rest(&mut trail(other.path()), count, 5).0, concerned(count));
    }
    for damaged in ["", "{", "{\"sequence\":41}", "[]", "{\"sequence\":41,\"digest\":\"\",\"epoch\":5}"] {
        std::fs::write(&place, damaged).unwrap();
        assert_eq!(rest(&mut trail(dir.path()), 41, 5).0, concerned(41), "{damaged}");
    }
}

#[test]
fn segments_that_went_are_counted_and_the_oldest_that_is_left_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    write_log(dir.path(), 400, 16 << 10, true);
    assert_eq!(rest(&mut trail(dir.path()), 8, 1).0, concerned(8));
    let mut segments: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    segments.sort();
    assert!(segments.len() > 4, "{segments:?}");
    for gone in &segments[..3] {
        std::fs::remove_file(gone).unwrap();
    }
    let oldest = Records::open(dir.path()).unwrap().next().unwrap().unwrap().sequence;
    let (told, lost) = rest(&mut trail(dir.path()), 400, 1);
    assert_eq!(lost, oldest - 9, "records 9 to {} are in no segment", oldest - 1);
    assert_eq!(told, concerned(400).into_iter().filter(|sequence| *sequence >= oldest).collect::<Vec<_>>());
    assert!(rest(&mut trail(dir.path()), 400, 1).0.is_empty());
}

/// Takes what it is told, when it is not told to do otherwise.
#[derive(Default)]
struct Listener {
    told: Mutex<Vec<Entry>>,
    away_for: Mutex<u32>,
    /// Refused for good, alone or together with others.
    poison: Option<u64>,
}

#[async_trait]
impl Tell for Listener {
    async fn tell(&self, entries: &[Entry]) -> Result<Taken, TellError> {
        let mut away_for = self.away_for.lock().unwrap();
        if *away_for > 0 {
            *away_for -= 1;
            return Err(TellError::Later("away".to_owned()));
        }
        if entries.iter().any(|entry| Some(entry.sequence) == self.poison) {
            return Err(TellError::Never("not this one".to_owned()));
        }
        self.told.lock().unwrap().extend_from_slice(entries);
        Ok(Taken { stored: u64::try_from(entries.len()).unwrap(), ..Taken::default() })
    }
}

fn courier(dir: &Path, teller: Arc<dyn Tell>, metrics: &Arc<Metrics>) -> Arc<Courier> {
    let (log, _) = DecisionLog::open(dir, Settings::default(), Arc::new(LogTime)).unwrap();
    let (dir, metrics) = (dir.to_owned(), Arc::clone(metrics));
    let parts = CourierParts { log: Arc::new(log), dir, teller, epoch: Box::new(|| 1), metrics, chance: 7 };
    Arc::new(Courier::new(parts))
}

#[test]
fn an_outage_is_caught_up_and_one_record_holds_up_no_others() {
    let dir = tempfile::tempdir().unwrap();
    write_log(dir.path(), 400, 16 << 10, true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (listener, metrics) =
        (Arc::new(Listener { away_for: Mutex::new(2), poison: Some(10), ..Listener::default() }), Arc::default());
    runtime.block_on(async {
        let courier = courier(dir.path(), Arc::clone(&listener) as Arc<dyn Tell>, &metrics);
        assert_eq!(courier.standing().behind, 400);
        assert!(courier.caught_up(Duration::from_millis(10)).await.is_err(), "it does not run yet");
        let running = tokio::spawn({
            let courier = Arc::clone(&courier);
            async move { courier.run().await }
        });
        let mut away = courier.standing();
        for _ in 0..2000 {
            if away.failure.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            away = courier.standing();
        }
        assert_eq!((away.told, away.failure.as_deref()), (0, Some("away")));
        courier.caught_up(Duration::from_secs(20)).await.unwrap();
        let standing = courier.standing();
        assert_eq!((standing.told, standing.behind, standing.failure), (400, 0, None));
        running.abort();
    });
    let told: Vec<u64> = listener.told.lock().unwrap().iter().map(|entry| entry.sequence).collect();
    assert_eq!(told, concerned(400).into_iter().filter(|sequence| *sequence != 10).collect::<Vec<_>>());
    let shown = metrics.render();
    for line in
        ["lockbox_accesses_told_total{outcome=\"kept\"} 249", "lockbox_accesses_told_total{outcome=\"refused\"} 1"]
    {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
#[ignore = "measures"]
#[expect(clippy::disallowed_methods, reason = "measures how long something takes, and decides nothing by it")]
fn a_hundred_thousand_records_are_gathered() {
    let dir = tempfile::tempdir_in(".").unwrap();
    write_varied_log(dir.path(), 160_000, 64 << 20);
    let mut trail = trail(dir.path());
    let (began, mut entries, mut bytes) = (Instant::now(), 0, 0);
    loop {
        let gathered = trail.gather(160_000, 1).unwrap();
        if gathered.entries.is_empty() {
            break;
        }
        entries += gathered.entries.len();
        bytes += gathered.entries.iter().map(|entry| entry.record.len()).sum::<usize>();
    }
    println!("160000 records gone through, {entries} extracts of {} bytes: {:?}", bytes / entries, began.elapsed());
}
