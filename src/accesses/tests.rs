//! Telling and taking: once and in full, over outages, restarts, refusals, other logs and lost segments; and nothing that
//! a sidecar may not say.

use super::courier::{Courier, CourierParts};
use super::intake::{Intake, IntakeError, Taken};
use super::tell::{Entry, InProcess, Tell, TellError};
use super::trail::Trail;
use super::{History, HistoryError};
use crate::decision_log::{DecisionLog, LogClock, Records, Settings};
use crate::domain::{
    AccessRequest, AccessRequestId, ActionName, Attributes, ContentScope, Defaults, Engineer, Entitlement,
    Justification, PersonId, ReasonCode, Scope, ServiceRequest, Submission, Tenant, TenantId, Timestamp, WorkloadName,
};
use crate::evaluate_access::testing::{NOW_MS, write_log, write_varied_log};
use crate::store::{MemoryStore, Store};
use crate::telemetry::Metrics;
use async_trait::async_trait;
use core::time::Duration;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

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

fn person(name: &str) -> PersonId {
    PersonId::parse(&format!("{name}@provider.example")).unwrap()
}

/// An AccessRequest as the written logs know it, submitted some time before (or, negative, after) their records.
fn submitted(number: u64, engineer: &str, tenant: &str, ago_ms: i64) -> (Tenant, AccessRequest) {
    let at = Timestamp::from_ms(NOW_MS - ago_ms);
    let tenant = Tenant {
        lockbox: true,
        approvers: [PersonId::parse("csilla@contoso.example").unwrap()].into(),
        ..Tenant::new(TenantId::parse(tenant).unwrap(), Entitlement::E5, at)
    };
    let engineer = Engineer {
        id: person(engineer),
        version: 1,
        teams: BTreeSet::new(),
        clearance: None,
        country: None,
        suspended: false,
        attributes: Attributes::new(),
    };
    let asked = Submission {
        tenant: tenant.id.clone(),
        workload: WorkloadName::parse("exchange").unwrap(),
        service_request: ServiceRequest::parse("SR-1042").unwrap(),
        reason: Justification { code: ReasonCode::CustomerInitiatedSupport, text: "does not sync".to_owned() },
        duration: Duration::from_secs(7200),
        scope: Scope { actions: [ActionName::parse("read").unwrap()].into(), content: ContentScope::Workload },
    };
    let id = AccessRequestId::new(number);
    let request = AccessRequest::submit(id, &engineer, asked, &tenant, Defaults::default(), at).unwrap();
    (tenant, request)
}

async fn stored(requests: &[(Tenant, AccessRequest)]) -> Arc<dyn Store> {
    let store = MemoryStore::new();
    let mut transaction = store.begin(Timestamp::from_ms(NOW_MS)).await.unwrap();
    for (tenant, request) in requests {
        transaction.put_tenant(tenant, None).await.unwrap();
        transaction.put_access_request(request, None).await.unwrap();
    }
    transaction.commit().await.unwrap();
    Arc::new(store)
}

/// An authority with an AccessRequest of ana's, and one of ben's that is younger than the records.
struct Authority {
    store: Arc<dyn Store>,
    intake: Intake,
    metrics: Arc<Metrics>,
    /// The record of ana's read under LBX-1001, as the log has it.
    record: Value,
}

impl Authority {
    async fn new() -> Self {
        let requests = [submitted(1001, "ana", "contoso", 3_600_000), submitted(1002, "ben", "fabrikam", -60_000)];
        let (store, metrics) = (stored(&requests).await, Arc::new(Metrics::default()));
        let record = tokio::task::spawn_blocking(|| {
            let dir = tempfile::tempdir().unwrap();
            write_log(dir.path(), 8, 1 << 20, true);
            let first = Records::open(dir.path()).unwrap().next().unwrap().unwrap();
            serde_json::from_slice(&first.payload).unwrap()
        });
        let intake = Intake::new(Arc::clone(&store), Arc::clone(&metrics));
        Self { store, intake, metrics, record: record.await.unwrap() }
    }

    /// The record with another decision id, which ends so, and other values.
    fn record(&self, id: u32, changes: &[(&str, Value)]) -> String {
        let mut record = self.record.clone();
        record["id"] = json!(format!("0198c0de-0000-7000-8000-{id:012}"));
        for (pointer, value) in changes {
            *record.pointer_mut(pointer).unwrap() = value.clone();
        }
        record.to_string()
    }

    async fn take(&self, sidecar: &str, records: &[String]) -> Result<Taken, IntakeError> {
        let entries: Vec<_> = records.iter().map(|record| (7, record.as_bytes())).collect();
        self.intake.take(sidecar, &entries).await
    }

    fn counted(&self, outcome: &str) -> bool {
        self.metrics.render().contains(&format!("lockbox_accesses_taken_total{{outcome=\"{outcome}"))
    }
}

fn kept(stored: u64, known: u64, dropped: u64) -> Taken {
    Taken { stored, known, dropped }
}

#[tokio::test]
async fn what_a_sidecar_tells_is_kept_once_under_its_own_name() {
    let authority = Authority::new().await;
    let whole = &authority.record;
    assert!(whole["facts"].is_object() && whole["question"]["context"].is_object(), "{whole}");
    let [first, second] = [1, 2].map(|id| authority.record(id, &[]));
    assert_eq!(authority.take("edge-1", std::slice::from_ref(&first)).await.unwrap(), kept(1, 0, 0));
    // Another one that tells the same adds nothing, and is not taken for the one that decided.
    assert_eq!(authority.take("edge-2", &[first, second]).await.unwrap(), kept(1, 1, 0));
    // A sidecar whose time of day is wrong is judged by the authority's time that it knew.
    let long_ago = authority.record(3, &[("/at", json!("2001-01-01T00:00:00Z"))]);
    assert_eq!(authority.take("edge-1", &[long_ago]).await.unwrap(), kept(1, 0, 0));
    let history = History::new(Arc::clone(&authority.store), None);
    let (touched, next) = history.under(AccessRequestId::new(1001), None, 10).await.unwrap();
    assert_eq!(next, None);
    // By when they were decided, and then by id; without the facts.
    let shown = touched.iter().map(|touched| (touched.sidecar.as_str(), touched.record.known.is_some()));
    assert_eq!(shown.collect::<Vec<_>>(), [("edge-1", false), ("edge-1", false), ("edge-2", false)]);
    assert_eq!(touched[0].record.at, "2001-01-01T00:00:00Z".parse().unwrap());
    let question = touched[1].record.question.as_ref().unwrap();
    assert!(question.context.is_empty() && question.content.is_some(), "circumstances stay with the sidecar");
    assert!(authority.counted("stored\"} 3") && authority.counted("known\"} 1") && authority.counted("dropped\"} 0"));
}

#[tokio::test]
async fn what_is_about_no_access_request_is_dropped_and_counted() {
    let authority = Authority::new().await;
    let fabrikam = ("/question/tenant", json!("fabrikam"));
    let ben = ("/question/engineer", json!("ben@provider.example"));
    let second = ("/access_request", json!("LBX-1002"));
    let foreign = [
        authority.record(1, &[("/access_request", json!("LBX-4711"))]),
        authority.record(2, &[("/access_request", Value::Null)]),
        authority.record(3, std::slice::from_ref(&second)),
        authority.record(4, std::slice::from_ref(&fabrikam)),
        authority.record(5, std::slice::from_ref(&ben)),
        authority.record(6, &[("/question/workload", json!("sharepoint"))]),
        // Of another life of that number, before the record was restored.
        authority.record(7, &[second, fabrikam, ben]),
    ];
    assert_eq!(authority.take("edge-1", &foreign).await.unwrap(), kept(0, 0, 7));
    assert!(authority.counted("dropped\"} 7"), "{}", authority.metrics.render());
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_all_that_came_with_it() {
    let authority = Authority::new().await;
    let fine = authority.record(1, &[]);
    for (pointer, value) in [
        ("/id", json!("1")),
        ("/caller", json!("x".repeat(200))),
        ("/reason", json!("x".repeat(200))),
        ("/policy_revision", json!("é")),
        ("/grant", json!("none")),
        ("/question/content", json!("../x")),
        ("/at", json!("yesterday")),
    ] {
        let garbage = authority.record(2, &[(pointer, value)]);
        let refused = authority.take("edge-1", &[fine.clone(), garbage]).await;
        assert!(
            matches!(refused, Err(IntakeError::Unreadable { place: 1, sequence: 7, .. })),
            "{pointer}: {refused:?}"
        );
    }
    let newer = authority.take("edge-1", &[authority.record(3, &[("/v", json!(2))])]).await;
    assert!(matches!(newer, Err(IntakeError::Version(_))), "{newer:?}");
    assert!(authority.store.accesses(AccessRequestId::new(1001), None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_own_sidecars_answers_are_shown_at_once_or_it_is_said_that_they_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let written = dir.path().to_owned();
    tokio::task::spawn_blocking(move || write_log(&written, 64, 1 << 20, true)).await.unwrap();
    let store = stored(&[submitted(1001, "ana", "contoso", 3_600_000)]).await;
    let metrics = Arc::new(Metrics::default());
    let intake = Arc::new(Intake::new(Arc::clone(&store), Arc::clone(&metrics)));
    let courier = courier(dir.path(), Arc::new(InProcess { intake, sidecar: "embedded" }), &metrics);
    let history = History::new(store, Some(Arc::clone(&courier)));
    let behind = tokio::time::timeout(Duration::from_secs(20), history.under(AccessRequestId::new(1001), None, 3))
        .await
        .unwrap();
    assert!(matches!(behind, Err(HistoryError::Behind(_))), "nobody tells: what could be shown would not be all");
    let running = tokio::spawn(async move { courier.run().await });
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let (page, next) = history.under(AccessRequestId::new(1001), after, 3).await.unwrap();
        assert!(page.len() <= 3);
        seen.extend(page.into_iter().map(|touched| (touched.record.at, touched.record.id)));
        after = next;
        if after.is_none() {
            break;
        }
    }
    // Of 64, those of ana: the allow, two out of scope and the forbidden one of each eight.
    assert_eq!(seen.len(), 32);
    assert!(seen.is_sorted() && seen.iter().collect::<BTreeSet<_>>().len() == 32);
    running.abort();
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
