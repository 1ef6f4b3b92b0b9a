//! Adoption: policies that the record demands are in use before the sidecar acknowledges, or it has no lease.

use super::*;
use crate::clock::SeededIds;
use crate::domain::{Authentication, Defaults, Person, PersonId, Role};
use crate::manage_requests::{self, ManageRequests, PushedBundle};
use crate::policy::bundle::{Contents, PrivateKey, Require, put_whole, sign};
use crate::policy::{Origin, PolicyHandle, SignedBundle, SourceFile, Sources};
use crate::state::BundleDemand;
use crate::store::NoteKind;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::BTreeSet;
use tempfile::TempDir;

/// Adopts what it trusts.
#[derive(Default)]
struct Scripted {
    trusted: Mutex<BTreeSet<String>>,
    in_use: Mutex<Option<String>>,
    tried: AtomicUsize,
    slow: Duration,
}

#[async_trait]
impl Adopt for Scripted {
    async fn adopt(&self, demand: &BundleDemand) -> Result<(), String> {
        self.tried.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.slow).await;
        if !self.trusted.lock().unwrap().contains(&demand.digest) {
            return Err("no trusted key has signed it".to_owned());
        }
        *self.in_use.lock().unwrap() = Some(demand.digest.clone());
        Ok(())
    }
}

impl Scripted {
    fn trust(&self, demand: &BundleDemand) {
        self.trusted.lock().unwrap().insert(demand.digest.clone());
    }

    fn uses(&self, demand: &BundleDemand) -> bool {
        self.in_use.lock().unwrap().as_ref() == Some(&demand.digest)
    }
}

fn demand(number: i64) -> BundleDemand {
    BundleDemand { digest: format!("{number:064x}"), signed_at: Timestamp::from_ms(number) }
}

#[tokio::test]
async fn what_is_demanded_is_in_use_before_it_is_acknowledged() {
    let world = world();
    world.change(true).await;
    let hook = Arc::new(Scripted::default());
    let authority = Arc::clone(&world.fleet) as Arc<dyn Renew>;
    let (state, renewer) = world.sidecar_that(authority, Some(Arc::clone(&hook) as Arc<dyn Adopt>));
    let running = tokio::spawn(async move { renewer.run().await });
    until(|| state.standing().revision == 1).await;
    assert_eq!(hook.tried.load(Ordering::Relaxed), 0, "nothing is demanded");
    for number in 1..10 {
        hook.trust(&demand(number));
        let revision = world.write(&StateItem::Bundle(demand(number))).await;
        world.fleet.effective(revision).await;
        assert!(hook.uses(&demand(number)), "effective, and the sidecar decides by what was before");
        assert_eq!(state.standing().revision, revision.number);
    }
    running.abort();
}

#[tokio::test]
async fn who_cannot_adopt_has_no_lease_when_the_change_is_effective_and_one_when_he_can() {
    let world = world();
    world.change(true).await;
    let hook = Arc::new(Scripted::default());
    let authority = Arc::clone(&world.fleet) as Arc<dyn Renew>;
    let (state, renewer) = world.sidecar_that(authority, Some(Arc::clone(&hook) as Arc<dyn Adopt>));
    let failing = Arc::clone(&renewer);
    let running = tokio::spawn(async move { renewer.run().await });
    until(|| state.standing().now(world.clock.boot()).is_some()).await;

    let began = world.clock.boot();
    let revision = world.write(&StateItem::Bundle(demand(7))).await;
    world.fleet.effective(revision).await;
    let waited = world.clock.boot().since(began);
    assert!(waited >= SETTINGS.lease, "it is outwaited: {waited:?}");
    assert_eq!(state.standing().revision, 1, "the demand is not acknowledged");
    assert!(state.standing().now(world.clock.boot()).is_none(), "it decides by what was before");
    let why = failing.failure().unwrap();
    assert!(why.contains("no trusted key has signed it") && why.contains("no lease"), "{why}");
    assert!(hook.tried.load(Ordering::Relaxed) > 1, "it tries again");

    hook.trust(&demand(7));
    until(|| state.standing().now(world.clock.boot()).is_some()).await;
    assert!(hook.uses(&demand(7)) && state.standing().revision == revision.number);
    until(|| failing.failure().is_none()).await;
    running.abort();
}

#[tokio::test]
async fn a_sidecar_that_starts_adopts_before_its_first_lease() {
    let world = world();
    world.write(&StateItem::Bundle(demand(7))).await;
    world.change(true).await;
    let hook = Arc::new(Scripted::default());
    let authority = || Arc::clone(&world.fleet) as Arc<dyn Renew>;
    let (state, renewer) = world.sidecar_that(authority(), Some(Arc::clone(&hook) as Arc<dyn Adopt>));
    let running = tokio::spawn(async move { renewer.run().await });
    until(|| hook.tried.load(Ordering::Relaxed) > 2).await;
    assert_eq!(state.standing().lease, None);
    hook.trust(&demand(7));
    until(|| state.standing().now(world.clock.boot()).is_some()).await;
    assert!(hook.uses(&demand(7)));
    running.abort();

    let (unbound, renewer) = world.sidecar(authority());
    let running = tokio::spawn(async move { renewer.run().await });
    until(|| unbound.standing().now(world.clock.boot()).is_some()).await;
    running.abort();
}

#[tokio::test]
async fn a_lease_is_reckoned_from_the_renewal_however_long_adopting_takes() {
    let encoded = StateItem::Bundle(demand(7)).encode().unwrap();
    let item = WireItem { key: encoded.key.into(), payload: Some(encoded.payload.into()) };
    for whole in [true, false] {
        let empty = snapshot(3, 7, 0, Vec::new());
        let demanding = Forged { whole, ..snapshot(3, 8, encoded.digest, vec![item.clone()]) };
        let forging = Arc::new(Forging(Mutex::new(vec![demanding, empty])));
        let hook = Scripted { slow: SETTINGS.lease, ..Scripted::default() };
        hook.trust(&demand(7));
        let (state, renewer) = world().sidecar_that(forging, Some(Arc::new(hook)));
        let running = tokio::spawn(async move { renewer.run().await });
        until(|| state.standing().revision == 8).await;
        assert!(state.standing().now(SystemClock.boot()).is_none(), "the lease of that answer was over already");
        running.abort();
    }
}

/// Policies of an authority, from a bundle of the key 1.
struct Authority {
    place: TempDir,
    policies: Arc<PolicyHandle>,
}

fn key() -> PrivateKey {
    PrivateKey::generate(&SeededIds::new(1)).unwrap()
}

fn bundle(more: &str, signed_ms: i64) -> Vec<u8> {
    let mut sources = Sources::shipped();
    let text = format!("@id(\"{more}\") forbid (principal is Lockbox::Engineer, action, resource);");
    sources.policies.push(SourceFile { name: format!("policies/{more}.cedar"), text: text.into() });
    let created_at = Timestamp::from_ms(signed_ms);
    let contents =
        Contents { sources: &sources, suites: Vec::new(), tests: None, evidence: None, name: None, created_at };
    sign(contents, &key()).unwrap()
}

impl Authority {
    fn start() -> Self {
        let place = TempDir::new().unwrap();
        let at = |name: &str| place.path().join(name);
        put_whole(&at("key.pub"), key().public().to_pem().unwrap().as_bytes(), 0o644).unwrap();
        put_whole(&at("b.tar.gz"), &bundle("first", 1000), 0o644).unwrap();
        let (path, trusted_keys) = (at("b.tar.gz"), vec![at("key.pub")]);
        let origin = Origin::Bundle(SignedBundle { path, trusted_keys, require: Require::default(), keep_dir: None });
        let policies = PolicyHandle::open(origin, Duration::from_secs(60), Duration::ZERO).unwrap();
        Self { place, policies: Arc::new(policies) }
    }

    fn manage(&self, world: &World) -> ManageRequests {
        ManageRequests::new(manage_requests::Parts {
            store: Arc::clone(&world.store),
            clock: Arc::clone(&world.clock),
            time: Arc::new(AuthorityTime::starting_at(Timestamp::from_ms(0), Arc::clone(&world.clock))),
            ids: Arc::new(SeededIds::new(7)),
            policies: Arc::clone(&self.policies),
            effects: Arc::clone(&world.fleet) as Arc<dyn manage_requests::Effects>,
            defaults: Defaults::default(),
        })
    }

    fn in_use(&self) -> String {
        self.policies.status().bundle.unwrap().file.digest
    }
}

fn otto(role: Role) -> Person {
    Person {
        id: PersonId::parse("otto@provider.example").unwrap(),
        roles: [role].into_iter().collect(),
        tenant: None,
        authentication: Authentication { method: "token", strength: None, address: None },
    }
}

#[tokio::test]
async fn another_authority_takes_what_was_pushed_from_the_record_and_verifies_it() {
    let (world, here, there) = (world(), Authority::start(), Authority::start());
    assert_eq!(world.fleet.demanded().await.unwrap(), None);
    let push = |bytes| async { here.manage(&world).push_bundle(&otto(Role::Operator), bytes).await };
    let forbidden = here.manage(&world).push_bundle(&otto(Role::Auditor), bundle("second", 2000)).await;
    assert!(forbidden.unwrap_err().to_string().contains("operator"));
    let PushedBundle { bundle: pushed, revision, .. } = push(bundle("second", 2000)).await.unwrap();
    assert_eq!((here.in_use(), revision.number), (pushed.file.digest.clone(), 1));
    let demanded = world.fleet.demanded().await.unwrap().unwrap();
    assert_eq!(demanded, BundleDemand { digest: here.in_use(), signed_at: Timestamp::from_ms(2000) });

    let adopting = || FromRecord::new(Arc::clone(&world.store), Arc::clone(&there.policies), Arc::clone(&world.clock));
    put_whole(&there.place.path().join("key.pub"), other_key().as_bytes(), 0o644).unwrap();
    let record = adopting();
    let untrusted = record.adopt(&demanded).await.unwrap_err();
    assert!(untrusted.contains("bundle-untrusted"), "{untrusted}");
    assert_eq!((record.failure(), there.in_use() == here.in_use()), (Some(untrusted), false));
    put_whole(&there.place.path().join("key.pub"), key().public().to_pem().unwrap().as_bytes(), 0o644).unwrap();
    record.adopt(&demanded).await.unwrap();
    assert_eq!((record.failure(), there.in_use()), (None, here.in_use()));
    assert_eq!(std::fs::read(there.place.path().join("b.tar.gz")).unwrap(), bundle("second", 2000), "it is kept");

    // Older than what is demanded, though the authority that it is pushed to does not have that yet.
    let late = Authority::start().manage(&world).push_bundle(&otto(Role::Operator), bundle("between", 1500)).await;
    assert!(late.unwrap_err().to_string().contains("bundle-older"));
    assert_eq!(world.fleet.demanded().await.unwrap(), Some(demanded.clone()));

    // What was signed later than the demanded one will do; what is not kept cannot be had.
    push(bundle("third", 3000)).await.unwrap();
    let third = FromRecord::new(Arc::clone(&world.store), Arc::clone(&here.policies), Arc::clone(&world.clock));
    third.adopt(&demanded).await.unwrap();
    let lost = BundleDemand { digest: "0".repeat(64), signed_at: Timestamp::from_ms(9000) };
    assert!(third.adopt(&lost).await.unwrap_err().contains("push it again"));
}

#[tokio::test]
async fn only_the_newest_few_are_kept() {
    let (world, here) = (world(), Authority::start());
    let manage = here.manage(&world);
    for number in 0..7 {
        let bytes = bundle("more", 2000 + number);
        let pushed = manage.push_bundle(&otto(Role::Operator), bytes.clone()).await.unwrap();
        let kept = manage.kept_bundle(&pushed.bundle.file.digest).await.unwrap();
        assert_eq!(kept, Some(bytes));
    }
    assert_eq!(world.store.notes(NoteKind::Bundle, "").await.unwrap().len(), 4);
}

fn other_key() -> String {
    PrivateKey::generate(&SeededIds::new(2)).unwrap().public().to_pem().unwrap()
}
