//! `/v1/renew`, which sidecars call, and `/v1/fleet`, where operators see who holds what.

use super::call::{Answered, Call, answer, forbidden};
use super::problem::{Cause, Problem};
use super::router::AuthorityApi;
use crate::domain::{Person, Role, Timestamp, whole_ms};
use crate::renewal::wire::{self, Head, Kind, MEDIA_TYPE, PROTOCOL, Unreadable};
use crate::renewal::{
    AuthorityStatus, Body as Lacks, EMBEDDED, FleetStatus, Piece, Pieces, Renew as _, RenewAnswer, RenewError,
    SidecarStatus,
};
use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use hyper::body::Frame;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::mpsc;
use utoipa::ToSchema;

/// How many pieces of a snapshot may be ready before they are taken.
const PIECES_AHEAD: usize = 2;
/// How long a sidecar may take no piece of its snapshot before it is given up.
const SLOW_MAX: Duration = Duration::from_secs(10);

/// The fleet.
#[derive(Debug, Serialize, ToSchema)]
pub struct FleetBody {
    /// The epoch of the record.
    pub epoch: u64,
    /// The revision of the record.
    pub revision: u64,
    /// Every authority over the record.
    pub authorities: Vec<AuthorityBody>,
    /// Every sidecar that is registered or was heard lately; one entry for each run of it.
    pub sidecars: Vec<SidecarBody>,
}

/// An authority.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorityBody {
    /// This run of it.
    pub id: String,
    /// Where it listens.
    pub address: String,
    /// The version of the program.
    pub version: String,
    /// The epoch it has read.
    pub epoch: u64,
    /// The revision it has read.
    pub revision: u64,
    /// For how long it has said nothing, in milliseconds.
    pub silent_ms: u64,
    /// Whether it is the one that answers this.
    pub own: bool,
}

/// A sidecar, or one run of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SidecarBody {
    /// Its name.
    pub name: String,
    /// `current`, `behind`, `silent` (its lease is over), `removed`, or `unheard` (registered, not heard lately).
    pub state: &'static str,
    /// This run of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<String>,
    /// The authority that heard it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// The epoch it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// The revision it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// The digest of the policies it decides by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_revision: Option<String>,
    /// How old its lease is at least: for how long it was not heard, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_age_ms: Option<u64>,
    /// The number of its last recorded Decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_sequence: Option<u64>,
    /// The workloads it is for; empty for all.
    pub workloads: Vec<String>,
    /// The tenants it is for; empty for all.
    pub tenants: Vec<String>,
    /// When it was taken off the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<String>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_by: Option<String>,
}

/// What became of a sidecar that was taken off the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct RemovedBody {
    /// Its name.
    pub name: String,
    /// From when it certainly holds no lease.
    pub effective_at: String,
}

impl FleetBody {
    /// The fleet as the API and the page show it.
    pub fn of(status: FleetStatus) -> Self {
        let ((epoch, revision), over) = (status.record, status.lease_over);
        let sidecars = status.sidecars.into_iter().map(|told| SidecarBody::of(told, (epoch, revision), over)).collect();
        let authorities = status.authorities.into_iter().map(AuthorityBody::from).collect();
        Self { epoch, revision, authorities, sidecars }
    }
}

impl From<AuthorityStatus> for AuthorityBody {
    fn from(status: AuthorityStatus) -> Self {
        let AuthorityStatus { id, address, version, read: (epoch, revision), silent_for, own } = status;
        Self { id, address, version, epoch, revision, silent_ms: whole_ms(silent_for), own }
    }
}

impl SidecarBody {
    fn of(status: SidecarStatus, record: (u64, u64), over: Duration) -> Self {
        let text = |text: String| (!text.is_empty()).then_some(text);
        let state = match (&status.removed, status.silent_ms) {
            (Some(_), _) => "removed",
            (None, None) => "unheard",
            (None, Some(silent)) if silent >= whole_ms(over) => "silent",
            (None, Some(_)) if status.holds.is_some_and(|holds| holds >= record) => "current",
            (None, Some(_)) => "behind",
        };
        let (removed_at, removed_by) = status.removed.map(|removed| (removed.at_ms, removed.by)).unzip();
        Self {
            name: status.sidecar,
            state,
            incarnation: text(status.incarnation),
            authority: text(status.authority),
            epoch: status.holds.map(|holds| holds.0),
            revision: status.holds.map(|holds| holds.1),
            policy_revision: text(status.policy_digest),
            lease_age_ms: status.silent_ms,
            log_sequence: status.log_sequence,
            workloads: status.workloads.into_iter().collect(),
            tenants: status.tenants.into_iter().collect(),
            removed_at: removed_at.map(|at| Timestamp::from_ms(at).to_string()),
            removed_by,
        }
    }
}

fn operator(call: &Call) -> Result<&Person, Problem> {
    let person = call.person()?;
    if person.is_provider(Role::Operator) {
        Ok(person)
    } else {
        Err(forbidden("only an operator may see and change the fleet"))
    }
}

/// `GET /v1/fleet`.
pub(super) async fn status(api: Arc<AuthorityApi>, call: Call) -> Answered {
    operator(&call)?;
    let body = FleetBody::of(api.fleet.status().await?);
    Ok(answer(StatusCode::OK, &body))
}

/// `DELETE /v1/fleet/sidecars/{name}`.
pub(super) async fn remove(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let person = operator(&call)?;
    let name = call.param("name").to_owned();
    let effective_at = api.fleet.remove(&name, &person.id).await?.ok_or_else(|| unheard(&name))?;
    Ok(answer(StatusCode::OK, &RemovedBody { name, effective_at: effective_at.to_string() }))
}

/// Operators may know of every sidecar, so nothing is given away by naming it.
fn unheard(name: &str) -> Problem {
    let why = if name == EMBEDDED {
        format!("`{name}` is the sidecar within the authority: it starts and ends with it")
    } else {
        format!("no sidecar `{name}` was ever heard of: `lockbox fleet status` lists the names")
    };
    Problem::new(Cause::NotFound, why)
}

/// `POST /v1/fleet/sidecars/{name}/admit`.
pub(super) async fn admit(api: Arc<AuthorityApi>, call: Call) -> Answered {
    operator(&call)?;
    let name = call.param("name");
    if !api.fleet.admit_again(name).await? {
        return Err(unheard(name));
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// `POST /v1/renew`.
pub(super) async fn renew(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let name = call.sidecar()?.as_str();
    let request = wire::read_asked(call.body(), name)?;
    let RenewAnswer { nonce, epoch, received_at, body } = api.fleet.renew(request).await?;
    let kind = match &body {
        Lacks::Changes(..) => Kind::Changes,
        Lacks::Snapshot(_) => Kind::Snapshot,
    };
    let head = Head { protocol: PROTOCOL, nonce, epoch, received_at_ms: received_at.as_ms(), kind };
    let mut bytes = Vec::new();
    wire::write_head(&head, &mut bytes)?;
    let body = match body {
        Lacks::Changes(items, end) => {
            wire::write_items(&items, &mut bytes)?;
            wire::write_end(end, u64::try_from(items.len()).unwrap_or(u64::MAX), &mut bytes)?;
            Body::from(bytes)
        }
        Lacks::Snapshot(pieces) => {
            let (into, from) = mpsc::channel(PIECES_AHEAD);
            tokio::spawn(say(pieces, bytes, into));
            Body::new(Said(from))
        }
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    Ok(response)
}

type Part = Result<Bytes, RenewError>;

/// Says a snapshot piece by piece, as fast as it is taken. A reader that takes nothing for long is given up; what it
/// has is not whole, and it knows.
async fn say(mut pieces: Box<dyn Pieces>, first: Vec<u8>, into: mpsc::Sender<Part>) {
    let (mut bytes, mut count) = (first, 0_u64);
    loop {
        let ended = match pieces.next().await {
            Ok(Piece::Items(items)) => {
                count = count.saturating_add(u64::try_from(items.len()).unwrap_or(u64::MAX));
                wire::write_items(&items, &mut bytes).map(|()| false)
            }
            Ok(Piece::End(end)) => wire::write_end(end, count, &mut bytes).map(|()| true),
            Err(error) => Err(Unreadable(error.to_string())),
        };
        if bytes.is_empty() && matches!(ended, Ok(false)) {
            // Nothing of this page is for this sidecar. An empty frame would say nothing, and many of them are an attack
            // to whoever reads; but others get their turn.
            tokio::task::yield_now().await;
            continue;
        }
        let part = match &ended {
            Ok(_) => Ok(Bytes::from(core::mem::take(&mut bytes))),
            Err(error) => Err(RenewError::Garbled(error.to_string())),
        };
        let taken = tokio::time::timeout(SLOW_MAX, into.send(part)).await;
        if !matches!((ended, taken), (Ok(false), Ok(Ok(())))) {
            return;
        }
    }
}

/// The body of a snapshot.
struct Said(mpsc::Receiver<Part>);

impl HttpBody for Said {
    type Data = Bytes;
    type Error = RenewError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RenewError>>> {
        self.0.poll_recv(context).map(|part| part.map(|part| part.map(Frame::data)))
    }
}

impl From<Unreadable> for Problem {
    fn from(error: Unreadable) -> Self {
        Self::new(Cause::MalformedBody, error.to_string())
    }
}

impl From<RenewError> for Problem {
    fn from(error: RenewError) -> Self {
        let detail = error.to_string();
        match error {
            RenewError::Store(error) => Self::of_store(&error),
            RenewError::Refused(_) => Self::new(Cause::Forbidden, detail),
            RenewError::Behind { .. } => {
                tracing::error!(error = detail, "a sidecar holds more than the record");
                Self::new(Cause::Conflict, detail)
            }
            RenewError::Unlisted(_) => Self::new(Cause::NotReady, detail),
            RenewError::Unreachable(_) | RenewError::Garbled(_) => Self::internal(),
        }
    }
}

#[cfg(test)]
mod tests;
