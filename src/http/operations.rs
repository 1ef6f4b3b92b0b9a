//! The operations listener: is it alive, is it ready and if not why, its numbers, its version. No
//! names of people, tenants or content ever appear here, for nobody proves who he is.

use super::call::{Answered, Call, answer};
use super::router::{Row, rows};
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use std::sync::Arc;

/// What the operations endpoints report.
pub struct OperationsApi {
    /// Whether the process is ready; asked anew each time.
    pub readiness: Box<dyn Fn() -> Readiness + Send + Sync>,
    /// The metrics as text; refreshed each time.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
}

/// One thing readiness depends on.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// How it is, in a sentence.
    pub detail: String,
}

/// Whether the process is ready, and why not.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Readiness {
    /// Whether it answers questions and commands.
    pub ready: bool,
    /// Why not; empty when it is ready.
    pub reasons: Vec<String>,
    /// Everything that was looked at.
    pub checks: Vec<Check>,
}

impl Readiness {
    /// The sum of the checks.
    pub fn of(checks: Vec<Check>) -> Self {
        let reasons: Vec<String> =
            checks.iter().filter(|check| !check.ok).map(|check| format!("{}: {}", check.name, check.detail)).collect();
        Self { ready: reasons.is_empty(), reasons, checks }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Alive {
    alive: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct VersionBody {
    name: &'static str,
    version: &'static str,
}

/// The endpoints of the operations listener.
pub fn operations_table() -> Vec<Row<OperationsApi>> {
    rows! {
        GET "/livez" Anyone Nothing ("") -> 200 "Alive", alive, "Whether the process answers at all";
        GET "/readyz" Anyone Nothing ("") -> 200 "Readiness", ready, "Whether it is ready, and if not why";
        GET "/metrics" Anyone Nothing ("") -> 200 "", metrics, "Prometheus metrics";
        GET "/version" Anyone Nothing ("") -> 200 "VersionBody", version, "Which version this is";
    }
}

async fn alive(_api: Arc<OperationsApi>, _call: Call) -> Answered {
    Ok(answer(StatusCode::OK, &Alive { alive: true }))
}

async fn ready(api: Arc<OperationsApi>, _call: Call) -> Answered {
    let readiness = (api.readiness)();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(answer(status, &readiness))
}

async fn metrics(api: Arc<OperationsApi>, _call: Call) -> Answered {
    let mut response = Response::new(Body::from((api.metrics)()));
    let text = HeaderValue::from_static(crate::telemetry::CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    Ok(response)
}

async fn version(_api: Arc<OperationsApi>, _call: Call) -> Answered {
    Ok(answer(StatusCode::OK, &VersionBody { name: "lockbox", version: env!("CARGO_PKG_VERSION") }))
}
