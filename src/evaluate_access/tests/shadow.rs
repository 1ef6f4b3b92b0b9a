//! Shadow policies beside the data path: no answer depends on them, whatever they are; what they would
//! have said is counted and on record.

use super::*;
use std::path::PathBuf;
use tempfile::TempDir;

const READ: &str =
    "(principal is Lockbox::Engineer, action == Lockbox::Action::\"read\", resource is Lockbox::Content)";

/// The shipped set with one more policy, in a directory.
fn with(policy: &str) -> (TempDir, PathBuf) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().unwrap();
    for name in ["access.cedar", "guardrails.cedar", "lifecycle.cedar"] {
        std::fs::copy(root.join("policies").join(name), dir.path().join(name)).unwrap();
    }
    let schema = "lockbox.cedarschema";
    std::fs::copy(root.join("schemas").join(schema), dir.path().join(schema)).unwrap();
    std::fs::write(dir.path().join("more.cedar"), policy).unwrap();
    let path = dir.path().to_owned();
    (dir, path)
}

fn forbids(id: &str, when: &str) -> String {
    format!("@id(\"{id}\") @reason(\"r\") forbid {READ} when {{ {when} }};")
}

/// Polled once, so that it compares if it can be loaded at all.
fn shadow(path: &Path) -> Arc<ShadowPolicies> {
    let shadow = ShadowPolicies::at(path.to_owned());
    shadow.poll(Duration::ZERO);
    Arc::new(shadow)
}

/// Shadows of every kind: none there, broken, the same, stricter, by time, erring.
static KINDS: LazyLock<Vec<Arc<ShadowPolicies>>> = LazyLock::new(|| {
    let boundary = "context.now >= datetime(\"2026-11-22T09:30:00.900Z\")";
    let overflow = "context.now.offset(duration(\"9223372036854775807ms\")) > context.now";
    let policies = [
        "permit (".to_owned(),
        String::new(),
        forbids("no", "true"),
        forbids("by-time", boundary),
        forbids("errs", overflow),
    ];
    let mut kinds: Vec<_> = policies.iter().map(|policy| shadow(&with(policy).1)).collect();
    kinds.push(shadow(Path::new("/nowhere")));
    kinds
});

impl World {
    fn granted(shadow: Option<Arc<ShadowPolicies>>) -> Self {
        let mut world = Self::shadowed(shadow);
        world.grants.insert(1001, grant(1001, "adele", start(), Duration::from_secs(60)));
        world.revision += 1;
        world.renew();
        world
    }

    fn counted(&self) -> [usize; ShadowOutcome::ALL.len()] {
        std::array::from_fn(|index| self.counted.shadow[index].load(Ordering::Relaxed))
    }

    fn records(&self) -> Vec<Recorded> {
        let records = Records::open(self.dir.path()).unwrap();
        records.map(|record| Recorded::parse(&record.unwrap().payload).unwrap()).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_depends_on_a_shadow(happenings in happenings(), kind in 0..6usize) {
        block(lived(World::shadowed(Some(Arc::clone(&KINDS[kind]))), happenings));
    }
}

#[test]
fn what_the_shadow_would_say_is_counted_and_on_record() {
    block(async {
        let world = World::granted(Some(Arc::clone(&KINDS[2])));
        for _ in 0..2 {
            assert!(world.ask(&world.cached, &question("adele", "read")).await.decision().allows());
        }
        assert_eq!(world.counted.hits.load(Ordering::Relaxed), 1);
        world.ask(&world.cached, &question("bela", "read")).await;
        world.ask(&world.uncached, &question("adele", "read")).await;
        // Two would be denied, one of them from the cache; what the guard denies is denied alike.
        assert_eq!(world.counted(), [1, 0, 2, 0, 0]);
        let records = world.records();
        let recorded = records[0].shadow.as_ref().unwrap();
        assert_eq!((recorded.decision.as_str(), recorded.reason.as_str()), ("deny", "policy_denied"));
        assert_eq!(recorded.policies, ["no"]);
        assert_eq!(Some(&recorded.revision), KINDS[2].status().digest.as_ref());
        assert_eq!(records[1].shadow, records[0].shadow, "a cached answer has the shadow it was judged with");
        assert_eq!(records[2].shadow.as_ref().unwrap().reason, "out_of_scope");
        assert_eq!(records[3].shadow, None);
        assert!(
            records.iter().take(2).all(|record| record.allowed && record.policies == ["content-access-with-grant"])
        );
    });
}

#[test]
fn a_shadow_that_fails_or_is_missing_is_only_counted() {
    for (kind, on_record) in [(0, false), (4, true), (5, false)] {
        block(async {
            let world = World::granted(Some(Arc::clone(&KINDS[kind])));
            assert!(world.ask(&world.cached, &question("adele", "read")).await.decision().allows());
            assert_eq!(world.counted(), [0, 0, 0, 0, 1], "kind {kind}");
            let reason = world.records()[0].shadow.clone().map(|shadow| shadow.reason);
            assert_eq!(reason.as_deref(), on_record.then_some("policy_error"));
        });
    }
}

#[test]
fn what_time_alone_changes_for_the_shadow_is_judged_anew() {
    block(async {
        let world = World::granted(Some(Arc::clone(&KINDS[3])));
        let ask = async || world.ask(&world.cached, &question("adele", "read")).await.decision().allows();
        assert!(ask().await && ask().await);
        world.clock.advance(Duration::from_millis(910));
        assert!(ask().await);
        assert_eq!(world.counted(), [2, 0, 1, 0, 0]);
    });
}

#[test]
fn records_of_before_there_were_shadows_are_read() {
    block(async {
        let world = World::granted(None);
        world.ask(&world.cached, &question("adele", "read")).await;
        let record = Records::open(world.dir.path()).unwrap().next().unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&record.payload).contains("shadow"));
        assert_eq!(Recorded::parse(&record.payload).unwrap().shadow, None);
        assert_eq!(world.counted(), [0; 5]);
    });
}
