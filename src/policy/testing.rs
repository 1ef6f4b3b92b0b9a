//! Makings of questions and facts for tests of this module.

use super::{Facts, Judged, Now, PolicySet, Sources, judge};
use crate::domain::{
    Access, AccessRequestId, ActionName, Approval, Attributes, ContentPath, ContentScope, Engineer, Evaluation,
    GrantId, PersonId, Scope, ServiceRequest, StateName, TenantFacts, TenantId, Timestamp, Window, WorkloadName,
};
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// 2026-11-22T09:30:00Z.
pub(crate) const NOON: i64 = 1_795_339_800_000;
pub(crate) const MINUTE: i64 = 60_000;

static SHIPPED: LazyLock<PolicySet> = LazyLock::new(|| PolicySet::from_sources(&Sources::shipped()).unwrap());

pub(crate) fn shipped() -> &'static PolicySet {
    &SHIPPED
}

/// The shipped files with one more policy file.
pub(crate) fn with(policy: &str) -> Sources {
    let mut sources = Sources::shipped();
    sources.policies.push(super::SourceFile { name: "policies/more.cedar".to_owned(), text: Arc::from(policy) });
    sources
}

pub(crate) fn now() -> Now {
    Now::exactly(Timestamp::from_ms(NOON))
}

pub(crate) fn question(action: &str, content: Option<&str>) -> Evaluation {
    Evaluation::new(
        PersonId::parse("ana@provider.example").unwrap(),
        ActionName::parse(action).unwrap(),
        TenantId::parse("contoso").unwrap(),
        WorkloadName::parse("exchange").unwrap(),
        content.map(|path| ContentPath::parse(path).unwrap()),
    )
}

pub(crate) fn engineer() -> Engineer {
    Engineer {
        id: PersonId::parse("ana@provider.example").unwrap(),
        version: 1,
        teams: BTreeSet::from(["exchange-oncall".to_owned()]),
        clearance: None,
        country: None,
        suspended: false,
        attributes: Attributes::new(),
    }
}

pub(crate) fn tenant() -> TenantFacts {
    TenantFacts { id: TenantId::parse("contoso").unwrap(), lockbox: true, attributes: Attributes::new().into() }
}

/// A Grant from ten minutes ago for two hours, for reading and more, everywhere in the workload.
pub(crate) fn access() -> Access {
    Access {
        id: AccessRequestId::new(1001),
        engineer: PersonId::parse("ana@provider.example").unwrap(),
        tenant: TenantId::parse("contoso").unwrap(),
        workload: WorkloadName::parse("exchange").unwrap(),
        service_request: ServiceRequest::parse("SR-1042").unwrap(),
        state: StateName::Active,
        scope: Scope {
            actions: ["read", "export", "modify"].map(|action| ActionName::parse(action).unwrap()).into(),
            content: ContentScope::Workload,
        },
        approval: Some(Approval::Customer),
        grant: Some(GrantId::parse("0198c0de-0000-7000-8000-000000000001").unwrap()),
        window: Some(Window {
            starts_at: Timestamp::from_ms(NOON - 10 * MINUTE),
            expires_at: Timestamp::from_ms(NOON + 120 * MINUTE),
        }),
        respond_by: None,
        ended_at: None,
    }
}

/// An AccessRequest without a Grant.
pub(crate) fn asked(state: StateName) -> Access {
    Access { state, approval: None, grant: None, window: None, ..access() }
}

pub(crate) fn narrowed(paths: &[&str]) -> Access {
    let mut narrowed = access();
    narrowed.scope.content =
        ContentScope::from_paths(paths.iter().map(|path| ContentPath::parse(path).unwrap()).collect());
    narrowed
}

pub(crate) fn ask_set(set: &PolicySet, question: &Evaluation, accesses: &[Access]) -> Judged {
    let accesses: Vec<Arc<Access>> = accesses.iter().cloned().map(Arc::new).collect();
    judge(set, question, &Facts { tenant: Some(&tenant()), engineer: Some(&engineer()), accesses: &accesses }, now())
}

pub(crate) fn ask(question: &Evaluation, accesses: &[Access]) -> Judged {
    ask_set(shipped(), question, accesses)
}
