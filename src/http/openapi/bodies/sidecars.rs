//! What sidecars send: renewals, and what they tell of accesses.

use serde::Serialize;
use utoipa::ToSchema;

/// Where a sidecar's memory stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct Held {
    /// The epoch.
    pub epoch: u64,
    /// The revision.
    pub revision: u64,
}

/// A sidecar's renewal. The answer is lines of JSON: a head, an item a line, and an end that says how many there were.
#[derive(Debug, Serialize, ToSchema)]
pub struct Renewal {
    /// The version of the protocol: 1.
    pub protocol: u32,
    /// This run of the sidecar, 1 to 64 characters.
    pub incarnation: &'static str,
    /// Ties the answer to this renewal.
    pub nonce: u64,
    /// What it holds, and so acknowledges; `null` for nothing.
    pub holds: Option<Held>,
    /// The workloads it is for; none for all.
    pub workloads: Vec<&'static str>,
    /// The tenants it is for; none for all.
    pub tenants: Vec<&'static str>,
    /// L as it reckons, in milliseconds; the authority's must be the same.
    pub lease_ms: u64,
    /// The drift it allows for, in millionths; the authority's must be the same.
    pub drift_ppm_max: u32,
    /// The digest of the policies it decides by.
    pub policy_digest: &'static str,
    /// The number of its last recorded Decision.
    pub log_sequence: Option<u64>,
}

/// What sidecars tell of Decisions that concern AccessRequests. The sidecar is the one whose proof comes with it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessesTold {
    /// The records, at most 100; those told before are taken once.
    #[schema(max_items = 100)]
    pub records: Vec<AccessTold>,
}

/// A record.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessTold {
    /// Its number in the sidecar's decision log.
    #[schema(minimum = 1)]
    pub sequence: u64,
    /// The record as it is in the log, or as much of it as is shown here.
    pub record: RecordTold,
}

/// A record of the decision log. Members that are not named here are let be, and not kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordTold {
    /// The version of its form: 1.
    pub v: u32,
    /// The decision id.
    pub id: &'static str,
    /// When it was decided, by the sidecar's clock.
    pub at: &'static str,
    /// Who asked the sidecar.
    pub caller: &'static str,
    /// The bounds of the authority's time it was judged at, in milliseconds since the epoch.
    pub now_ms: Option<(i64, i64)>,
    /// The question.
    pub question: QuestionRecorded,
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// Why.
    pub reason: &'static str,
    /// The Grant, or the one that came nearest.
    pub grant: Option<&'static str>,
    /// Its AccessRequest.
    pub access_request: &'static str,
    /// The digest of the policies it was decided by.
    pub policy_revision: &'static str,
    /// The revision of the state it was decided from.
    pub state_revision: u64,
}

/// A recorded question.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuestionRecorded {
    /// Who wanted to.
    pub engineer: &'static str,
    /// What.
    pub action: &'static str,
    /// Whose content.
    pub tenant: &'static str,
    /// Where.
    pub workload: &'static str,
    /// Which content; absent for the workload as a whole.
    pub content: Option<&'static str>,
    /// The support case.
    pub service_request: Option<&'static str>,
}

pub(super) fn renewal() -> Renewal {
    Renewal {
        protocol: 1,
        incarnation: "01930d5e-8b1c-7a53-9f0e-5f6a1b2c3d4e",
        nonce: 17,
        holds: Some(Held { epoch: 1, revision: 4711 }),
        workloads: vec!["exchange"],
        tenants: Vec::new(),
        lease_ms: 3000,
        drift_ppm_max: 100_000,
        policy_digest: "sha256:0",
        log_sequence: Some(52_001),
    }
}

pub(super) fn accesses_told() -> AccessesTold {
    let question = QuestionRecorded {
        engineer: "ana@provider.example",
        action: "read",
        tenant: "contoso",
        workload: "exchange",
        content: Some("mailbox/adele@contoso.example"),
        service_request: Some("SR-1042"),
    };
    let record = RecordTold {
        v: 1,
        id: "01930d5e-9c2d-7b64-8a1f-6a7b2c3d4e5f",
        at: "2026-11-22T10:16:00.000Z",
        caller: "exchange-frontend",
        now_ms: Some((1_795_342_559_950, 1_795_342_560_050)),
        question,
        decision: "allow",
        reason: "grant_active",
        grant: Some("01930d5e-7a1b-7c42-9e0d-4e5f6a1b2c3d"),
        access_request: "LBX-1001",
        policy_revision: "sha256:0",
        state_revision: 4711,
    };
    AccessesTold { records: vec![AccessTold { sequence: 52_001, record }] }
}
