//! Each cause becomes the document, the status and the headers it should.

use super::*;
use crate::domain::{AccessRequestId, Act, PersonId, StateName, TenantId};
use http_body_util::BodyExt;

async fn sent(problem: Problem) -> (u16, axum::http::HeaderMap, Value) {
    let response = problem.into_response();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), parts.headers, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn a_document_carries_the_members_of_the_rfc_and_its_own() {
    let refusal = Refusal::IllegalStep { id: AccessRequestId::new(1001), state: StateName::Denied, act: Act::Approve };
    let (status, headers, document) = sent(refusal.into()).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (409, "application/problem+json"));
    assert_eq!(
        document,
        serde_json::json!({
            "type": "urn:lockbox:problem:conflict", "title": "The state does not allow this", "status": 409,
            "detail": "LBX-1001 is `denied`: it cannot be approved",
            "access_request": "LBX-1001", "state": "denied", "command": "approve",
        })
    );
}

#[tokio::test]
async fn headers_tell_what_to_do() {
    let (status, headers, _) = sent(Problem::new(Cause::Unauthenticated, "x")).await;
    assert_eq!((status, headers["www-authenticate"].to_str().unwrap()), (401, "Bearer realm=\"lockbox\""));
    for cause in [Cause::StoreUnavailable, Cause::AuditUnavailable, Cause::NotReady] {
        let (status, headers, _) = sent(Problem::new(cause, "x")).await;
        assert_eq!((status, headers["retry-after"].to_str().unwrap()), (503, "1"));
    }
    let (status, headers, _) = sent(Problem::new(Cause::TooMany, "x").retry_after(7)).await;
    assert_eq!((status, headers["retry-after"].to_str().unwrap()), (429, "7"));
}

#[test]
fn every_refusal_has_its_status() {
    let id = AccessRequestId::new(1001);
    let tenant = TenantId::parse("contoso").unwrap();
    let status = |problem: Problem| problem.status();
    assert_eq!(status(Refusal::StaleVersion { id, current: 3, seen: 2 }.into()), 412);
    assert_eq!(status(Refusal::NotEligible("x").into()), 403);
    assert_eq!(status(Refusal::AlreadyApproved(PersonId::parse("a").unwrap()).into()), 409);
    assert_eq!(status(Refusal::Wider("actions").into()), 422);
    assert_eq!(status(Refusal::Duration { tenant: tenant.clone(), longest: core::time::Duration::ZERO }.into()), 422);
    assert_eq!(status(Refusal::Size { what: "x", min: 0, max: 1, unit: "x" }.into()), 422);
    assert_eq!(status(TenantRefusal::NotEntitled(tenant).into()), 409);
    assert_eq!(status(TenantRefusal::Quorum { approvers: 0 }.into()), 422);
    assert_eq!(status(StoreError::Conflict("x".into()).into()), 409);
    assert_eq!(status(StoreError::Corrupt { what: "x".into(), why: "y".into() }.into()), 500);
    assert_eq!(status(JsonError::Empty.into()), 400);
}

#[test]
fn what_the_database_said_stays_inside() {
    let problem = Problem::from(StoreError::Unavailable("password=hunter2".into()));
    assert!(problem.status() == 503 && !problem.to_json().to_string().contains("hunter2"));
}

#[test]
fn of_a_commit_whose_outcome_is_not_known_nobody_says_that_nothing_was_changed() {
    let said = Problem::from(StoreError::Unknown("password=hunter2".into()));
    let text = said.to_json().to_string();
    assert!(said.status() == 503 && text.contains("is not known") && text.contains("look at it"), "{text}");
    assert!(!text.contains("nothing was changed") && !text.contains("hunter2"), "{text}");
    let away = Problem::from(StoreError::Unavailable("x".into())).to_json().to_string();
    assert!(away.contains("nothing was changed"), "{away}");
}

#[test]
fn an_extension_cannot_change_the_members_of_the_rfc() {
    let problem = Problem::new(Cause::Forbidden, "x").with("status", 200).with("type", "y");
    assert_eq!(problem.to_json()["status"], 403);
    assert_eq!(problem.to_json()["type"], "urn:lockbox:problem:forbidden");
}

#[test]
fn types_are_distinct_and_all_are_failures() {
    let types = Problem::all_types();
    let uris: std::collections::BTreeSet<&str> = types.iter().map(|row| row.uri.as_str()).collect();
    assert_eq!(uris.len(), Cause::ALL.len());
    assert!(types.iter().all(|row| row.status >= 400));
}
