//! `/v1/accesses`: sidecars tell of the Decisions that concern AccessRequests.

use super::call::{Answered, Call, answer};
use super::json::{Json, JsonError};
use super::members::Members;
use super::problem::{Cause, Problem};
use super::router::AuthorityApi;
use crate::accesses::{IntakeError, RECORDS_MAX, Taken};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;
use utoipa::ToSchema;

/// What became of the records.
#[derive(Debug, Serialize, ToSchema)]
pub struct TakenBody {
    /// How many are kept now.
    pub stored: u64,
    /// How many were kept before.
    pub known: u64,
    /// How many are not kept: they are about no AccessRequest that there is.
    pub dropped: u64,
}

impl From<Taken> for TakenBody {
    fn from(taken: Taken) -> Self {
        let Taken { stored, known, dropped } = taken;
        Self { stored, known, dropped }
    }
}

/// The records as the bytes they are. Read only after the strict reader has found the form right.
#[derive(Deserialize)]
struct Told<'b> {
    #[serde(borrow)]
    records: Vec<Record<'b>>,
}

#[derive(Deserialize)]
struct Record<'b> {
    sequence: u64,
    #[serde(borrow)]
    record: &'b RawValue,
}

/// The form of the body: a list of objects, each a number and an object.
fn checked(json: &Json<'_>) -> Result<(), JsonError> {
    let mut body = Members::of(json, "the body")?;
    let records = body.optional_array("records", RECORDS_MAX)?;
    let records = records.ok_or_else(|| body.refuse("records", "is missing: it must be a list of records"))?;
    for (place, record) in records.iter().enumerate() {
        let mut record = Members::below(record, format!("records[{place}]"))?;
        if record.optional_integer("sequence")?.is_none_or(|sequence| sequence < 1) {
            return Err(record.refuse("sequence", "must be the number of the record, 1 or more"));
        }
        record.required_object("record")?.finish_ignoring_unknown();
        record.finish_refusing_unknown()?;
    }
    body.finish_refusing_unknown()
}

/// `POST /v1/accesses`.
pub(super) async fn take(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let name = call.sidecar()?.as_str();
    api.fleet.admits(name)?;
    checked(&call.json()?)?;
    let told: Result<Told<'_>, _> = serde_json::from_slice(call.body());
    let told = told.map_err(|error| Problem::new(Cause::MalformedBody, error.to_string()))?;
    let records: Vec<_> = told.records.iter().map(|of| (of.sequence, of.record.get().as_bytes())).collect();
    let taken = api.intake.take(name, &records).await?;
    Ok(answer(StatusCode::OK, &TakenBody::from(taken)))
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        let detail = error.to_string();
        match error {
            IntakeError::Store(error) => error.into(),
            IntakeError::Unreadable { .. } => Self::new(Cause::MalformedBody, detail),
            IntakeError::Version(_) => Self::new(Cause::Conflict, detail),
        }
    }
}
