//! A data path with a small world behind it, for tests that need a decision log as a sidecar writes it.

use super::{EvaluateAccess, Observer, Parts, Stated, Unaskable};
use crate::clock::{Boot, Clock as _, SeededIds, SteppedClock};
use crate::decision_log::{DecisionLog, Durability, LogClock, Settings};
use crate::domain::{
    Access, AccessRequestId, ActionName, Approval, Attributes, CallerName, ContentPath, ContentScope, Engineer,
    Evaluation, GrantId, PersonId, Reason, Scope, ServiceRequest, StateName, TenantFacts, TenantId, Timestamp, Value,
    Window, WorkloadName,
};
use crate::policy::{Origin, PolicyHandle, Reloaded, ShadowPolicies};
use crate::state::{Lease, LeaseSettings, Memory, State, StateItem};
use core::time::Duration;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// 2026-11-22T09:30:00Z.
pub(crate) const NOW_MS: i64 = 1_795_339_800_000;
/// Questions put at once.
const BATCH: usize = 64;

struct Unheard;

impl Observer for Unheard {
    fn decided(&self, _reason: Reason, _took: Duration) {}
    fn cache(&self, _hit: bool) {}
    fn shadow(&self, _outcome: crate::policy::ShadowOutcome) {}
}

struct LogTime;

impl LogClock for LogTime {
    fn wall_ms(&self) -> u64 {
        NOW_MS.unsigned_abs()
    }

    fn boot_ms(&self) -> u64 {
        1
    }
}

fn person(name: &str) -> PersonId {
    PersonId::parse(&format!("{name}@provider.example")).unwrap()
}

fn access(number: u64, engineer: &str, tenant: &str, approval: Approval) -> Access {
    Access {
        id: AccessRequestId::new(number),
        engineer: person(engineer),
        tenant: TenantId::parse(tenant).unwrap(),
        workload: WorkloadName::parse("exchange").unwrap(),
        service_request: ServiceRequest::parse("SR-1042").unwrap(),
        state: StateName::Active,
        scope: Scope {
            actions: BTreeSet::from([ActionName::parse("read").unwrap()]),
            content: ContentScope::from_paths(
                [ContentPath::parse("mailbox/adele@contoso.example").unwrap()].into_iter().collect(),
            ),
        },
        approval: Some(approval),
        grant: Some(GrantId::parse(&format!("0198c0de-0000-7000-8000-{number:012}")).unwrap()),
        window: Some(Window {
            starts_at: Timestamp::from_ms(NOW_MS - 600_000),
            expires_at: Timestamp::from_ms(NOW_MS + 7_200_000),
        }),
        respond_by: None,
        ended_at: None,
    }
}

/// Contoso with lockbox on and a Grant for ana, fabrikam with lockbox off and one for ben.
fn memory() -> Memory {
    let tenant = |name: &str, lockbox| {
        StateItem::Tenant(TenantFacts {
            id: TenantId::parse(name).unwrap(),
            lockbox,
            attributes: Attributes::new().into(),
        })
    };
    let engineer = |name: &str, team: &str| {
        StateItem::Engineer(Engineer {
            id: person(name),
            version: 1,
            teams: BTreeSet::from([team.to_owned()]),
            clearance: Some(3),
            country: Some("HU".to_owned()),
            suspended: false,
            attributes: Attributes::new(),
        })
    };
    let items = [
        tenant("contoso", true),
        tenant("fabrikam", false),
        engineer("ana", "exchange-oncall"),
        engineer("ben", "sharepoint-oncall"),
        StateItem::Access(access(1001, "ana", "contoso", Approval::Customer)),
        StateItem::Access(access(1002, "ben", "fabrikam", Approval::Internal)),
    ];
    let items: Vec<_> = items.into_iter().map(|item| (item.clone(), item.encode().unwrap().digest)).collect();
    let hash = items.iter().fold(0u128, |sum, (_, digest)| sum.wrapping_add(*digest));
    Memory::from_snapshot(items, 1, 7, hash).unwrap()
}

/// What was asked, one of eight kinds: allowed for a customer's and for an internal Grant, out of scope
/// by action and content, no Grant, an unmanaged device, an unknown tenant, a malformed name.
pub(crate) fn asked(kind: usize) -> Result<Evaluation, Unaskable> {
    let (engineer, action, tenant, content) = match kind % 8 {
        1 => ("ben@provider.example", "read", "fabrikam", "mailbox/adele@contoso.example"),
        2 => ("ana@provider.example", "export", "contoso", "mailbox/adele@contoso.example"),
        3 => ("ana@provider.example", "read", "contoso", "mailbox/bela@contoso.example"),
        4 => ("ben@provider.example", "read", "contoso", "mailbox/adele@contoso.example"),
        6 => ("ana@provider.example", "read", "nowhere", "mailbox/adele@contoso.example"),
        7 => ("Ana@provider.example\u{1b}[31m", "read", "contoso", "mailbox/adele@contoso.example"),
        _ => ("ana@provider.example", "read", "contoso", "mailbox/adele@contoso.example"),
    };
    let managed = Value::Bool(kind % 8 != 5);
    let context = Attributes::from([("device_managed".to_owned(), managed)]);
    let content = content.split_once('/');
    Stated { engineer, action, tenant, workload: "exchange", content, context, ..Stated::default() }.parse()
}

/// Asks `count` questions of all kinds in turn and records them in `dir`, in segments of
/// `segment_bytes_max`. With `leased` false nobody has told the sidecar anything yet.
pub(crate) fn write_log(dir: &Path, count: usize, segment_bytes_max: u64, leased: bool) {
    write_questions(dir, count, segment_bytes_max, leased, None, &asked);
}

/// The same with shadow policies from a directory.
pub(crate) fn write_log_beside(dir: &Path, count: usize, segment_bytes_max: u64, leased: bool, shadow: Option<&Path>) {
    write_questions(dir, count, segment_bytes_max, leased, shadow, &asked);
}

/// The same with questions about many thousand messages, so that few are asked twice.
pub(crate) fn write_varied_log(dir: &Path, count: usize, segment_bytes_max: u64) {
    let varied = |number: usize| {
        let mut question = asked(number)?;
        let message = format!("mailbox/adele@contoso.example/message/{}", number.wrapping_mul(7919) % 50_021);
        question.content = Some(ContentPath::parse(&message).unwrap());
        Ok(question)
    };
    write_questions(dir, count, segment_bytes_max, true, None, &varied);
}

fn write_questions(
    dir: &Path,
    count: usize,
    segment_bytes_max: u64,
    leased: bool,
    shadow: Option<&Path>,
    asked: &dyn Fn(usize) -> Result<Evaluation, Unaskable>,
) {
    let shadow = shadow.map(|path| {
        let shadow = ShadowPolicies::at(path.to_owned());
        assert!(matches!(shadow.poll(Duration::ZERO), Reloaded::Swapped { .. }));
        Arc::new(shadow)
    });
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let clock = Arc::new(SteppedClock::at(Timestamp::from_ms(NOW_MS)));
    let boot = clock.boot().since(Boot::default());
    let (policies, schema) = (here.join("policies"), here.join("schemas/lockbox.cedarschema"));
    let policies =
        PolicyHandle::open(Origin::Directory { dir: policies, schema }, Duration::from_secs(60), boot).unwrap();
    let state = State::default();
    if leased {
        let now = clock.wall();
        state.replace(memory(), Lease::new(clock.boot(), clock.boot(), now, now, LeaseSettings::default()));
    }
    let settings = Settings { segment_bytes_max, ..Settings::default() };
    let (log, _) = DecisionLog::open(dir, settings, Arc::new(LogTime)).unwrap();
    let log = Arc::new(log);
    let evaluate = EvaluateAccess::new(Parts {
        state: Arc::new(state),
        policies: Arc::new(policies),
        shadow,
        clock,
        ids: Arc::new(SeededIds::new(7)),
        log: Arc::clone(&log),
        cache: None,
        durability: Durability::Process,
        observer: Arc::new(Unheard),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let caller = CallerName::parse("exchange-frontend").unwrap();
    for first in (0..count).step_by(BATCH) {
        let batch: Vec<_> = (first..count.min(first + BATCH)).map(asked).collect();
        runtime.block_on(evaluate.evaluate_all(&caller, &batch, |_| false)).unwrap();
    }
    log.close();
}
