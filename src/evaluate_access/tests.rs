//! The data path under a stepped clock: what the cache gives is what judging anew gives, at every
//! instant and over every change; nothing is allowed that no live Grant covers; no lease, no allow.

use super::*;
use crate::clock::{SeededIds, SteppedClock};
use crate::decision_log::{LogClock, Records, Settings};
use crate::domain::{
    Access, AccessRequestId, ActionName, Approval, Attributes, ContentPath, ContentScope, Engineer, GrantId, PersonId,
    Scope, ServiceRequest, StateName, TenantFacts, TenantId, Window, WorkloadName,
};
use crate::policy::{LoadError, Origin};
use crate::state::{Lease, LeaseSettings, Memory, StateItem};
use core::sync::atomic::{AtomicUsize, Ordering};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

mod shadow;
mod stands;

struct LogTime;

impl LogClock for LogTime {
    fn wall_ms(&self) -> u64 {
        0
    }

    fn boot_ms(&self) -> u64 {
        0
    }
}

#[derive(Default)]
struct Counted {
    hits: AtomicUsize,
    shadow: [AtomicUsize; ShadowOutcome::ALL.len()],
}

impl Observer for Counted {
    fn decided(&self, _reason: Reason, _took: Duration) {}

    fn cache(&self, hit: bool) {
        self.hits.fetch_add(usize::from(hit), Ordering::Relaxed);
    }

    fn shadow(&self, outcome: ShadowOutcome) {
        if let Some(count) = self.shadow.get(outcome.index()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct World {
    clock: Arc<SteppedClock>,
    state: Arc<State>,
    cached: EvaluateAccess,
    uncached: EvaluateAccess,
    counted: Arc<Counted>,
    grants: BTreeMap<u64, Access>,
    revision: u64,
    dir: tempfile::TempDir,
}

/// Loaded once: every world decides by the shipped policies.
static POLICIES: LazyLock<Arc<PolicyHandle>> = LazyLock::new(|| policies().unwrap());

fn policies() -> Result<Arc<PolicyHandle>, LoadError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (dir, schema) = (root.join("policies"), root.join("schemas/lockbox.cedarschema"));
    // A grace longer than any stepped clock runs: reloading has tests of its own.
    PolicyHandle::open(Origin::Directory { dir, schema }, Duration::from_secs(u64::MAX / 2), Duration::ZERO)
        .map(Arc::new)
}

fn start() -> Timestamp {
    "2026-11-22T09:30:00Z".parse().unwrap()
}

impl World {
    fn new() -> Self {
        Self::shadowed(None)
    }

    /// With shadow policies beside those of the path with a cache, and none beside the other.
    fn shadowed(shadow: Option<Arc<ShadowPolicies>>) -> Self {
        let clock = Arc::new(SteppedClock::at(start()));
        let (state, counted) = (Arc::new(State::default()), Arc::new(Counted::default()));
        let dir = tempfile::tempdir().unwrap();
        let policies = Arc::clone(&POLICIES);
        let log = DecisionLog::open(dir.path(), Settings::default(), Arc::new(LogTime)).unwrap().0;
        let log = Arc::new(log);
        let path = |cache, shadow| {
            EvaluateAccess::new(Parts {
                state: Arc::clone(&state),
                policies: Arc::clone(&policies),
                shadow,
                clock: Arc::clone(&clock) as Arc<dyn Clock>,
                ids: Arc::new(SeededIds::new(1)),
                log: Arc::clone(&log),
                cache,
                durability: Durability::Process,
                observer: Arc::clone(&counted) as Arc<dyn Observer>,
            })
        };
        let cached = path(Some(CacheSettings { entries_max: 1000, ttl: Duration::from_secs(1) }), shadow);
        let uncached = path(None, None);
        let mut world = Self { clock, state, cached, uncached, counted, grants: BTreeMap::new(), revision: 0, dir };
        world.renew();
        world
    }

    /// A renewal that took no time, at the authority's time by a clock that is right.
    fn renew(&mut self) {
        let (boot, now) = (self.clock.boot(), self.clock.wall());
        let lease = Lease::new(boot, boot, now, now, LeaseSettings::default());
        let mut items = vec![
            StateItem::Tenant(TenantFacts { id: tenant(), lockbox: true, attributes: Attributes::new().into() }),
            StateItem::Engineer(Engineer {
                id: ana(),
                version: 1,
                teams: std::collections::BTreeSet::new(),
                clearance: None,
                country: None,
                suspended: false,
                attributes: Attributes::new(),
            }),
        ];
        items.extend(self.grants.values().cloned().map(StateItem::Access));
        let items: Vec<_> = items
            .into_iter()
            .map(|item| {
                let digest = item.encode().unwrap().digest;
                (item, digest)
            })
            .collect();
        let hash = items.iter().fold(0u128, |sum, (_, digest)| sum.wrapping_add(*digest));
        self.state.replace(Memory::from_snapshot(items, 1, self.revision, hash).unwrap(), lease);
    }

    async fn ask(&self, path: &EvaluateAccess, question: &Evaluation) -> Answer {
        let caller = CallerName::parse("exchange-frontend").unwrap();
        path.evaluate(&caller, &Ok(question.clone())).await.unwrap()
    }
}

fn ana() -> PersonId {
    PersonId::parse("ana@provider.example").unwrap()
}

fn tenant() -> TenantId {
    TenantId::parse("contoso").unwrap()
}

fn question(mailbox: &str, action: &str) -> Evaluation {
    Evaluation::new(
        ana(),
        ActionName::parse(action).unwrap(),
        tenant(),
        WorkloadName::parse("exchange").unwrap(),
        Some(ContentPath::of("mailbox", mailbox).unwrap()),
    )
}

fn grant(number: u64, mailbox: &str, starts_at: Timestamp, lasts: Duration) -> Access {
    let path = ContentPath::of("mailbox", mailbox).unwrap();
    Access {
        id: AccessRequestId::new(number),
        engineer: ana(),
        tenant: tenant(),
        workload: WorkloadName::parse("exchange").unwrap(),
        service_request: ServiceRequest::parse("SR-1").unwrap(),
        state: StateName::Active,
        scope: Scope {
            actions: [ActionName::parse("read").unwrap()].into(),
            content: ContentScope::from_paths([path].into()),
        },
        approval: Some(Approval::Customer),
        grant: Some(GrantId::parse(&format!("00000000-0000-7000-8000-{number:012}")).unwrap()),
        window: Some(Window { starts_at, expires_at: starts_at.plus(lasts) }),
        respond_by: None,
        ended_at: None,
    }
}

#[derive(Debug, Clone)]
enum Happens {
    Passes(u64),
    Renews,
    Granted { number: u64, mailbox: usize, lead_ms: u64, lasts_ms: u64 },
    Revoked(u64),
    Asked { mailbox: usize, modify: bool },
}

const MAILBOXES: [&str; 2] = ["adele", "bela"];

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    let one = prop_oneof![
        3 => (0u64..700).prop_map(Happens::Passes),
        2 => Just(Happens::Renews),
        1 => (1001u64..1005, 0..2usize, 0u64..300, 1u64..2000).prop_map(|(number, mailbox, lead_ms, lasts_ms)| {
            Happens::Granted { number, mailbox, lead_ms, lasts_ms }
        }),
        1 => (1001u64..1005).prop_map(Happens::Revoked),
        6 => (0..2usize, any::<bool>()).prop_map(|(mailbox, modify)| Happens::Asked { mailbox, modify }),
    ];
    prop::collection::vec(one, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_cache_changes_nothing_and_no_allow_is_without_a_live_grant(happenings in happenings()) {
        block(lived(World::new(), happenings));
    }
}

/// What happens, happens; every answer is held against one that was judged anew.
async fn lived(mut world: World, happenings: Vec<Happens>) {
    for happens in happenings {
        match happens {
            Happens::Passes(ms) => world.clock.advance(Duration::from_millis(ms)),
            Happens::Renews => world.renew(),
            Happens::Granted { number, mailbox, lead_ms, lasts_ms } => {
                let starts_at = world.clock.wall().plus(Duration::from_millis(lead_ms));
                let lasts = Duration::from_millis(lasts_ms);
                world.grants.insert(number, grant(number, MAILBOXES[mailbox], starts_at, lasts));
                world.revision += 1;
                world.renew();
            }
            Happens::Revoked(number) => {
                if let Some(access) = world.grants.get_mut(&number) {
                    (access.state, access.ended_at) = (StateName::Revoked, Some(world.clock.wall()));
                }
                world.revision += 1;
                world.renew();
            }
            Happens::Asked { mailbox, modify } => {
                let question = question(MAILBOXES[mailbox], if modify { "modify" } else { "read" });
                let anew = world.ask(&world.uncached, &question).await;
                let first = world.ask(&world.cached, &question).await;
                let again = world.ask(&world.cached, &question).await;
                for cached in [&first, &again] {
                    assert_eq!(cached.decision(), anew.decision());
                    assert_eq!(cached.valid_for, anew.valid_for);
                }
                let now = world.clock.wall();
                let covered = world.grants.values().any(|access| {
                    access.state == StateName::Active
                        && access.window.is_some_and(|window| window.contains(now))
                        && access.scope.covers(&question.action, question.content.as_ref()).is_ok()
                });
                assert!(covered || !anew.decision().allows(), "allowed without a live grant");
            }
        }
    }
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn a_hit_counts_until_the_grant_ends_the_time_to_live_is_over_or_the_lease_is() {
    block(async {
        let mut world = World::new();
        world.grants.insert(1001, grant(1001, "adele", start(), Duration::from_millis(700)));
        world.revision += 1;
        world.renew();
        let question = question("adele", "read");
        let hits = || world.counted.hits.load(Ordering::Relaxed);
        assert!(world.ask(&world.cached, &question).await.decision().allows());
        assert!(world.ask(&world.cached, &question).await.decision().allows());
        assert_eq!(hits(), 1, "the second answer is from the cache");
        world.clock.advance(Duration::from_millis(650));
        let late = world.ask(&world.cached, &question).await;
        assert_eq!(late.decision().reason, Reason::GrantExpired, "at the latest the authority's clock may show");
        world.clock.advance(Duration::from_millis(2100));
        assert_eq!(world.ask(&world.cached, &question).await.decision().reason, Reason::LeaseExpired);
        assert_eq!(hits(), 1);
    });
}

#[test]
fn without_news_nothing_is_answered_from_memory() {
    block(async {
        let world = World::new();
        world.state.forget_lease();
        assert_eq!(world.ask(&world.cached, &question("adele", "read")).await.decision().reason, Reason::NotReady);
    });
}

#[test]
fn every_answer_is_on_record_with_the_facts_that_decided() {
    block(async {
        let mut world = World::new();
        world.grants.insert(1001, grant(1001, "adele", start(), Duration::from_secs(60)));
        world.revision += 1;
        world.renew();
        let allowed = world.ask(&world.cached, &question("adele", "read")).await;
        let cached = world.ask(&world.cached, &question("adele", "read")).await;
        let denied = world.ask(&world.cached, &question("bela", "read")).await;
        let stated =
            Stated { engineer: "Ana", action: "read", tenant: "contoso", workload: "exchange", ..Stated::default() };
        let caller = CallerName::parse("exchange-frontend").unwrap();
        let malformed = world.cached.evaluate(&caller, &stated.parse()).await.unwrap();
        let records: Vec<_> = Records::open(world.dir.path()).unwrap().map(|record| record.unwrap().payload).collect();
        let read: Vec<_> = records.iter().map(|payload| Recorded::parse(payload).unwrap()).collect();
        let ids: Vec<_> = read.iter().map(|record| record.id.clone()).collect();
        let answers = [&allowed, &cached, &denied, &malformed];
        assert_eq!(ids, answers.map(|answer| answer.decision_id.as_hyphenated().to_string()));
        let reasons: Vec<_> = read.iter().map(|record| record.reason.as_str()).collect();
        assert_eq!(reasons, ["grant_active", "grant_active", "out_of_scope", "malformed_name"]);
        let known = read[0].known.as_ref().unwrap();
        assert_eq!((known.accesses.len(), known.tenant.is_some(), known.engineer.is_some()), (1, true, true));
        assert_eq!(read[0].question, Some(question("adele", "read")));
        assert_eq!(read[0].access_request.as_deref(), Some("LBX-1001"));
        assert!(read[3].question.is_none() && String::from_utf8_lossy(&records[3]).contains("\"engineer\":\"Ana\""));
    });
}

#[test]
fn a_batch_is_answered_at_one_instant_and_stops_where_it_is_told() {
    block(async {
        let mut world = World::new();
        world.grants.insert(1001, grant(1001, "adele", start(), Duration::from_secs(60)));
        world.revision += 1;
        world.renew();
        let caller = CallerName::parse("exchange-frontend").unwrap();
        let asked = [Ok(question("adele", "read")), Ok(question("bela", "read")), Ok(question("adele", "read"))];
        let all = world.cached.evaluate_all(&caller, &asked, |_| false).await.unwrap();
        let allowed: Vec<_> = all.iter().map(|answer| answer.decision().allows()).collect();
        assert_eq!(allowed, [true, false, true]);
        assert_eq!(all[0].evaluated_at, all[2].evaluated_at);
        let stopped = world.cached.evaluate_all(&caller, &asked, |decision| !decision.allows()).await.unwrap();
        assert_eq!(stopped.len(), 2);
        assert!(world.cached.evaluate_all(&caller, &[], |_| false).await.unwrap().is_empty());
        assert_eq!(Records::open(world.dir.path()).unwrap().count(), 5);
    });
}
