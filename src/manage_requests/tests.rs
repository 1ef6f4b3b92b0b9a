//! The clock and the people, over the reference store and a clock that is moved by hand: reminders,
//! escalation, quorum, expiry, first uses. Whoever sweeps may die between any two of them.

use super::*;
use crate::clock::{SeededIds, SteppedClock};
use crate::domain::{
    AccessRequest, AccessRequestId, ActionName, Authentication, Command, ContentScope, Entitlement, EventKind,
    Justification, Person, PersonId, ReasonCode, Role, Scope, ServiceRequest, StateName, Step, Submission,
    TenantChange, TenantId, Terms, Timestamp, Verdict, WorkloadName,
};
use crate::policy::Origin;
use crate::store::{MemoryStore, Outbox as _, OutboxEntry, Page};
use core::future::Future as _;
use core::time::Duration;
use std::path::Path;

const HOUR: Duration = Duration::from_secs(3600);

struct NoSidecars;

#[async_trait]
impl Effects for NoSidecars {
    fn committed(&self, _: Revision) {}

    async fn effective(&self, _: Revision) {}
}

struct Office {
    manage: ManageRequests,
    clock: Arc<SteppedClock>,
    store: MemoryStore,
}

fn person(name: &str, roles: &[Role], tenant: Option<&str>) -> Person {
    Person {
        id: PersonId::parse(name).unwrap(),
        roles: roles.iter().copied().collect(),
        tenant: tenant.map(|tenant| TenantId::parse(tenant).unwrap()),
        authentication: Authentication { method: "token", strength: None, address: None },
    }
}

fn approver(name: &str) -> Person {
    person(&format!("{name}@contoso.example"), &[Role::Approver, Role::TenantAdmin], Some("contoso"))
}

fn ids(names: &[&str]) -> std::collections::BTreeSet<PersonId> {
    names.iter().map(|name| PersonId::parse(&format!("{name}@contoso.example")).unwrap()).collect()
}

impl Office {
    /// Contoso with lockbox on, and ana in the directory.
    async fn open(change: TenantChange) -> Self {
        let clock = Arc::new(SteppedClock::at("2026-11-22T09:30:00Z".parse().unwrap()));
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let origin = Origin::Directory { dir: root.join("policies"), schema: root.join("schemas/lockbox.cedarschema") };
        let boot = clock.boot().since(crate::clock::Boot::default());
        let policies = Arc::new(PolicyHandle::open(origin, Duration::from_secs(u64::MAX / 2), boot).unwrap());
        let store = MemoryStore::new();
        let time = Arc::new(AuthorityTime::starting_at(clock.wall(), Arc::clone(&clock) as Arc<dyn Clock>));
        let manage = ManageRequests::new(Parts {
            store: Arc::new(store.clone()),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            time,
            ids: Arc::new(SeededIds::new(7)),
            policies,
            effects: Arc::new(NoSidecars),
            defaults: Defaults::default(),
        });
        let otto = person("otto@provider.example", &[Role::Operator], None);
        let change = TenantChange { lockbox: Some(true), ..change };
        let contoso = TenantId::parse("contoso").unwrap();
        manage.add_tenant(&otto, contoso, Entitlement::E5, change).await.unwrap();
        let ana = PersonId::parse("ana@provider.example").unwrap();
        manage.put_engineer(&otto, ana, EngineerEntry::default(), None).await.unwrap();
        Self { manage, clock, store }
    }

    /// A request that waits for contoso.
    async fn notified(&self) -> AccessRequest {
        let asked = Submission {
            tenant: TenantId::parse("contoso").unwrap(),
            workload: WorkloadName::parse("exchange").unwrap(),
            service_request: ServiceRequest::parse("SR-1042").unwrap(),
            reason: Justification { code: ReasonCode::CustomerInitiatedSupport, text: "does not sync".to_owned() },
            duration: 2 * HOUR,
            scope: Scope { actions: [ActionName::parse("read").unwrap()].into(), content: ContentScope::Workload },
        };
        let ana = person("ana@provider.example", &[Role::Engineer], None);
        let made = self.manage.submit(&ana, asked, None).await.unwrap();
        let rita = person("rita@provider.example", &[Role::Reviewer], None);
        self.step(&rita, &made, Command::Review(Verdict::Approve)).await.unwrap()
    }

    async fn step(&self, by: &Person, on: &AccessRequest, command: Command) -> Result<AccessRequest, ManageError> {
        let step = Step { command, comment: None, seen_version: Some(on.version), evidence: None };
        self.manage.step(by, on.id, &step).await.map(|stepped| stepped.after)
    }

    /// Moves the clock and sweeps; gives what was told since, as kind and recipient.
    async fn after(&self, passed: Duration) -> Vec<(&'static str, String)> {
        let before = self.outbox().await.len();
        self.clock.advance(passed);
        self.manage.sweep().await.unwrap();
        let told = self.outbox().await.into_iter().skip(before);
        told.map(|entry| (entry.notice.kind.as_str(), entry.notice.to.to_string())).collect()
    }

    async fn outbox(&self) -> Vec<OutboxEntry> {
        let mut all = self.store.outbox(None, Page { after: None, limit: 1000 }).await.unwrap();
        all.reverse();
        all
    }
}

fn to(kind: &'static str, names: &[&str]) -> Vec<(&'static str, String)> {
    names.iter().map(|name| (kind, format!("{name}@contoso.example"))).collect()
}

fn with_fallback() -> TenantChange {
    TenantChange {
        approvers: Some(ids(&["csilla", "dora"])),
        fallback_approvers: Some(ids(&["felicia"])),
        ..TenantChange::default()
    }
}

#[tokio::test]
async fn approvers_are_reminded_twice_the_fallback_is_called_and_silence_means_no() {
    let office = Office::open(with_fallback()).await;
    let request = office.notified().await;
    assert!(office.after(HOUR).await.is_empty());
    assert!(office.after(5 * HOUR - Duration::from_millis(1)).await.is_empty());
    assert_eq!(office.after(Duration::from_millis(1)).await, to("reminder", &["csilla", "dora"]));
    assert!(office.after(HOUR).await.is_empty(), "told once");
    let at_ten = office.after(3 * HOUR).await;
    assert_eq!(at_ten, [to("escalated", &["felicia"]), to("last_reminder", &["csilla", "dora"])].concat());
    let expired = office.after(2 * HOUR).await;
    assert_eq!(expired.iter().filter(|(kind, _)| *kind == "expired").count(), expired.len());
    let ana = person("ana@provider.example", &[Role::Engineer], None);
    assert_eq!(office.manage.get(&ana, request.id).await.unwrap().state_name(), StateName::Expired);
    assert!(office.after(48 * HOUR).await.is_empty());
}

#[tokio::test]
async fn after_a_long_pause_nobody_gets_two_reminders_at_once() {
    let office = Office::open(with_fallback()).await;
    office.notified().await;
    let told = office.after(11 * HOUR).await;
    assert_eq!(told, [to("escalated", &["felicia"]), to("last_reminder", &["csilla", "dora"])].concat());
}

#[tokio::test]
async fn a_tenant_with_less_time_is_reminded_sooner_and_an_answer_ends_the_reminding() {
    let change = TenantChange { respond_within: Some(Some(HOUR)), ..with_fallback() };
    let office = Office::open(change).await;
    let request = office.notified().await;
    assert_eq!(office.after(HOUR / 2).await, to("reminder", &["csilla", "dora"]));
    office.step(&approver("csilla"), &request, Command::Deny).await.unwrap();
    let told = office.outbox().await;
    let to_dora: Vec<_> = told.iter().filter(|entry| entry.notice.to.to_string() == "dora@contoso.example").collect();
    assert_eq!(to_dora.last().unwrap().notice.kind.as_str(), "no_longer_needed");
    assert!(office.after(12 * HOUR).await.is_empty());
}

#[tokio::test]
async fn a_fallback_approver_may_answer_from_his_hour_on_or_at_once_where_others_are_too_few() {
    let office = Office::open(with_fallback()).await;
    let request = office.notified().await;
    let felicia = approver("felicia");
    office.clock.advance(10 * HOUR - Duration::from_millis(1));
    for command in [Command::Approve(Terms::default()), Command::Deny] {
        let refused = office.step(&felicia, &request, command).await.unwrap_err();
        assert!(matches!(refused, ManageError::Refused(Refusal::NotEligible(_))), "{refused}");
    }
    // Judged by the clock, whether or not anybody has swept.
    office.clock.advance(Duration::from_millis(1));
    office.step(&felicia, &request, Command::Approve(Terms::default())).await.unwrap();
    let alone = TenantChange { approvers: Some(ids(&["csilla"])), ..with_fallback() };
    let office = Office::open(alone).await;
    let two = TenantChange { approvers: Some(ids(&["csilla", "dora"])), quorum: Some(2), ..TenantChange::default() };
    let contoso = TenantId::parse("contoso").unwrap();
    office.manage.change_tenant(&approver("csilla"), &contoso, two, None).await.unwrap();
    let fewer = TenantChange { approvers: Some(ids(&["csilla"])), ..TenantChange::default() };
    office.manage.change_tenant(&approver("csilla"), &contoso, fewer, None).await.unwrap();
    let request = office.notified().await;
    let half = office.step(&felicia, &request, Command::Approve(Terms::default())).await.unwrap();
    assert_eq!(half.state_name(), StateName::Notified);
    let whole = office.step(&approver("csilla"), &half, Command::Approve(Terms::default())).await.unwrap();
    assert_eq!(whole.state_name(), StateName::Active);
}

#[tokio::test]
async fn a_sweeper_that_dies_anywhere_does_no_harm() {
    let office = Office::open(with_fallback()).await;
    office.notified().await;
    office.clock.advance(6 * HOUR);
    // Dropped at its first, second … wait: nothing is told twice in the end, nothing is lost.
    for polls in 1..40_u32 {
        let mut sweep = Box::pin(office.manage.sweep());
        let mut left = polls;
        let ended = core::future::poll_fn(|context| {
            left -= 1;
            match sweep.as_mut().poll(context) {
                core::task::Poll::Ready(_) => core::task::Poll::Ready(true),
                core::task::Poll::Pending if left == 0 => core::task::Poll::Ready(false),
                core::task::Poll::Pending => core::task::Poll::Pending,
            }
        });
        if ended.await {
            break;
        }
    }
    office.manage.sweep().await.unwrap();
    let reminders = office.outbox().await.into_iter().filter(|entry| entry.notice.kind.as_str() == "reminder").count();
    assert_eq!(reminders, 2);
}

#[tokio::test]
async fn the_first_use_is_told_once_whoever_tells_of_it() {
    let office = Office::open(with_fallback()).await;
    let request = office.notified().await;
    let at = Timestamp::from_ms(0);
    assert!(!office.manage.first_used(request.id, at).await.unwrap(), "there is no Grant yet");
    assert!(!office.manage.first_used(AccessRequestId::new(4711), at).await.unwrap());
    office.step(&approver("csilla"), &request, Command::Approve(Terms::default())).await.unwrap();
    let before = office.outbox().await.len();
    assert!(office.manage.first_used(request.id, office.clock.wall()).await.unwrap());
    assert!(!office.manage.first_used(request.id, office.clock.wall()).await.unwrap());
    let told: Vec<_> = office.outbox().await.into_iter().skip(before).collect();
    assert_eq!(told.iter().map(|entry| entry.notice.kind.as_str()).collect::<Vec<_>>(), ["first_use", "first_use"]);
    let events = office.manage.events(&approver("csilla"), request.id).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == EventKind::FirstUsed).count(), 1);
    let version = office.manage.get(&approver("csilla"), request.id).await.unwrap().version;
    assert_eq!(events.last().unwrap().version, version, "a use changes no version: who revokes is not refused");
}

#[tokio::test]
async fn only_those_who_run_the_settings_send_a_notice_again() {
    let office = Office::open(with_fallback()).await;
    office.notified().await;
    let entry = office.outbox().await[0].clone();
    let dead = crate::store::Delivery {
        state: crate::store::DeliveryState::Dead,
        attempts: 5,
        at: office.clock.wall(),
        last_error: Some("550".to_owned()),
    };
    let mut transaction = office.store.begin(office.clock.wall()).await.unwrap();
    transaction.put_delivery(entry.number, &dead, 0).await.unwrap();
    transaction.commit().await.unwrap();
    let stranger = person("felix@fabrikam.example", &[Role::TenantAdmin], Some("fabrikam"));
    let only_approver = person("dora@contoso.example", &[Role::Approver], Some("contoso"));
    assert!(matches!(office.manage.send_again(&stranger, entry.number).await, Err(ManageError::NotFound(_))));
    assert!(matches!(office.manage.send_again(&only_approver, entry.number).await, Err(ManageError::Forbidden(_))));
    let again = office.manage.send_again(&approver("csilla"), entry.number).await.unwrap();
    assert_eq!((again.delivery.state.as_str(), again.delivery.attempts), ("waiting", 0));
    assert!(matches!(office.manage.send_again(&approver("csilla"), 4711).await, Err(ManageError::NotFound(_))));
}
