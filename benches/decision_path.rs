//! How long one question takes without any cache of decisions: the guard alone, an allow, denials, and
//! both again beside policies that do not apply: of another action, and of another tenant, team or content.

#![expect(clippy::expect_used, reason = "a benchmark ends when its data cannot be made")]

use criterion::{Criterion, criterion_group, criterion_main};
use lockbox::domain::{
    Access, AccessRequestId, ActionName, Approval, Attributes, ContentPath, ContentScope, Engineer, Evaluation,
    GrantId, PersonId, Scope, ServiceRequest, StateName, TenantFacts, TenantId, Timestamp, Value, Window, WorkloadName,
};
use lockbox::policy::{Facts, Now, PolicySet, SourceFile, Sources, guard, judge};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

const NOW_MS: i64 = 1_795_339_800_000;

/// What keeps the other policies from applying.
#[derive(Clone, Copy)]
enum Other {
    /// Their action.
    Action,
    /// What they demand: a tenant, a team, content.
    Keys,
}

fn set(others: usize, kind: Other) -> PolicySet {
    let mut sources = Sources::shipped();
    let mut text = String::new();
    for number in 0..others {
        let action = match kind {
            Other::Action => "== Lockbox::Action::\"delete\"",
            Other::Keys => "in Lockbox::Action::\"content_access\"",
        };
        let condition = match (kind, number % 3) {
            (Other::Action, _) | (Other::Keys, 0) => format!("resource.tenant == Lockbox::Tenant::\"t{number}\""),
            (Other::Keys, 1) => format!("principal in Lockbox::Team::\"t{number}\" && context has device_managed"),
            (Other::Keys, _) => format!("resource in Lockbox::Content::\"contoso/exchange/mailbox/m{number}\""),
        };
        writeln!(
            text,
            "@id(\"other-{number}\") forbid (principal is Lockbox::Engineer, action {action}, resource is Lockbox::Content) \
             when {{ {condition} }};"
        )
        .expect("writing to a string");
    }
    let lines: Vec<&str> = text.lines().collect();
    for (number, lines) in lines.chunks(2000).enumerate() {
        let name = format!("policies/others-{number}.cedar");
        sources.policies.push(SourceFile { name, text: Arc::from(lines.join("\n")) });
    }
    PolicySet::from_sources(&sources).expect("the set loads")
}

struct World {
    accesses: Vec<Arc<Access>>,
    tenant: TenantFacts,
    engineer: Engineer,
    question: Evaluation,
}

fn world() -> World {
    let engineer = PersonId::parse("ana@provider.example").expect("a person");
    let tenant = TenantId::parse("contoso").expect("a tenant");
    let workload = WorkloadName::parse("exchange").expect("a workload");
    let read = ActionName::parse("read").expect("an action");
    let path = ContentPath::parse("mailbox/adele@contoso.example").expect("a path");
    let access = Access {
        id: AccessRequestId::new(1001),
        engineer: engineer.clone(),
        tenant: tenant.clone(),
        workload: workload.clone(),
        service_request: ServiceRequest::parse("SR-1042").expect("a service request"),
        state: StateName::Active,
        scope: Scope {
            actions: BTreeSet::from([read.clone()]),
            content: ContentScope::Paths(BTreeSet::from([path.clone()])),
        },
        approval: Some(Approval::Customer),
        grant: Some(GrantId::parse("0198c0de-0000-7000-8000-000000000001").expect("a grant id")),
        window: Some(Window {
            starts_at: Timestamp::from_ms(NOW_MS - 600_000),
            expires_at: Timestamp::from_ms(NOW_MS + 7_200_000),
        }),
        respond_by: None,
        ended_at: None,
    };
    World {
        accesses: vec![Arc::new(access)],
        tenant: TenantFacts { id: tenant.clone(), lockbox: true, attributes: Attributes::new().into() },
        engineer: Engineer {
            id: engineer.clone(),
            version: 1,
            teams: BTreeSet::from(["exchange-oncall".to_owned()]),
            clearance: Some(2),
            country: Some("HU".to_owned()),
            suspended: false,
            attributes: Attributes::new(),
        },
        question: Evaluation::new(engineer, read, tenant, workload, Some(path)),
    }
}

fn decisions(c: &mut Criterion) {
    let now = Now::exactly(Timestamp::from_ms(NOW_MS));
    let world = world();
    let facts = Facts { tenant: Some(&world.tenant), engineer: Some(&world.engineer), accesses: &world.accesses };
    let none = Facts { accesses: &[], ..facts };
    let mut stated = world.question.clone();
    stated.context.insert("device_managed".to_owned(), Value::Bool(true));
    let mut unmanaged = world.question.clone();
    unmanaged.context.insert("device_managed".to_owned(), Value::Bool(false));
    c.bench_function("guard/allow", |b| b.iter(|| guard(black_box(&world.question), &facts, now)));
    let beside = [
        (0, Other::Action, "action"),
        (1000, Other::Action, "action"),
        (1000, Other::Keys, "tenant, team, content"),
        (10_000, Other::Keys, "tenant, team, content"),
    ];
    for (others, kind, of) in beside {
        let set = set(others, kind);
        let mut group = c.benchmark_group(format!("judge/{others} others of another {of}"));
        group.bench_function("allow", |b| b.iter(|| judge(&set, black_box(&world.question), &facts, now)));
        group.bench_function("allow with statements", |b| b.iter(|| judge(&set, black_box(&stated), &facts, now)));
        group.bench_function("deny by forbid", |b| b.iter(|| judge(&set, black_box(&unmanaged), &facts, now)));
        group.bench_function("deny without Grant", |b| b.iter(|| judge(&set, black_box(&world.question), &none, now)));
        group.finish();
    }
}

fn loading(c: &mut Criterion) {
    let mut group = c.benchmark_group("load");
    group.sample_size(10);
    for others in [0, 1000, 10_000] {
        group.bench_function(format!("{others} others"), |b| b.iter(|| set(others, Other::Keys)));
    }
    group.finish();
}

criterion_group!(benches, decisions, loading);
criterion_main!(benches);
