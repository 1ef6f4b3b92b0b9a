//! The authority's side: what is kept, what is dropped, what is refused, and how it is read back.

use super::super::intake::{Intake, IntakeError, Taken};
use super::super::tell::InProcess;
use super::super::{History, HistoryError};
use super::courier;
use crate::decision_log::Records;
use crate::domain::{
    AccessRequest, AccessRequestId, ActionName, Attributes, ContentScope, Defaults, Engineer, Entitlement,
    Justification, PersonId, ReasonCode, Scope, ServiceRequest, Submission, Tenant, TenantId, Timestamp, WorkloadName,
};
use crate::evaluate_access::testing::{NOW_MS, write_log};
use crate::store::{MemoryStore, Store};
use crate::telemetry::Metrics;
use core::future::Future as _;
use core::task::{Context, Waker};
use core::time::Duration;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

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

#[tokio::test]
async fn two_batches_are_taken_at_a_time_and_the_next_one_waits() {
    let authority = Authority::new().await;
    let batch = [authority.record(1, &[])];
    // The store writes for nobody else, so that who has a turn keeps it.
    let other = authority.store.begin(Timestamp::from_ms(NOW_MS)).await.unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut takes = [(); 3].map(|()| Box::pin(authority.take("edge-1", &batch)));
    for take in &mut takes {
        assert!(take.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(authority.intake.turns_left(), 0, "two have a turn each");
    drop(other);
    let mut kept = 0;
    for take in takes {
        kept += take.await.unwrap().stored;
    }
    assert_eq!((kept, authority.intake.turns_left()), (1, 2));
}
