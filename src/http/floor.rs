//! A bare endpoint of the same stack, to measure against: axum as it comes, typed JSON in, typed JSON
//! out, both of the size of a real question and a real decision. It decides nothing.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::routing::post;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

#[derive(Deserialize)]
struct Question<'a> {
    engineer: &'a str,
    action: &'a str,
    tenant: &'a str,
    workload: &'a str,
    content: Content<'a>,
    service_request: &'a str,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    id: &'a str,
}

#[derive(Serialize)]
struct Answer<'a> {
    decision: &'a str,
    reason: &'a str,
    decision_id: &'a str,
    evaluated_at: &'a str,
    grant: Grant<'a>,
    valid_for_ms: usize,
    policies: [&'a str; 1],
    policy_revision: &'a str,
    state_revision: usize,
}

#[derive(Serialize)]
struct Grant<'a> {
    id: &'a str,
    access_request: &'a str,
    expires_at: &'a str,
}

/// Serves `POST /v1/authorize` on a free loopback port until the task is dropped; `tell` gets the address.
///
/// # Errors
/// When no port can be had.
pub async fn serve(tell: impl FnOnce(SocketAddr)) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    tell(listener.local_addr()?);
    let router = Router::new().route("/v1/authorize", post(|body: Bytes| async move { answer(&body) }));
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _slower_without = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await
}

fn answer(body: &[u8]) -> Response<Body> {
    let Ok(question) = serde_json::from_slice::<Question<'_>>(body) else {
        let mut refused = Response::new(Body::empty());
        *refused.status_mut() = StatusCode::BAD_REQUEST;
        return refused;
    };
    // Every field is used, so that none is optimized away.
    let read = [question.engineer, question.action, question.tenant, question.workload, question.service_request];
    let length: usize = read.iter().map(|text| text.len()).sum();
    let answer = Answer {
        decision: "allow",
        reason: "grant_active",
        decision_id: "01a203af-415b-7752-8610-3b7cd1135f44",
        evaluated_at: "2026-11-22T14:35:46.907Z",
        grant: Grant {
            id: "01a203af-413a-72cf-9222-b87bb0575f13",
            access_request: "LBX-1001",
            expires_at: "2026-11-22T15:35:46.874Z",
        },
        valid_for_ms: length,
        policies: ["content-access-with-grant"],
        policy_revision: "sha256:b623920f293914cfb15553cabba60af992cdceecc9d3249a1641e90fd820b75e",
        state_revision: question.content.kind.len().saturating_add(question.content.id.len()),
    };
    let mut response = Response::new(Body::from(serde_json::to_vec(&answer).unwrap_or_default()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
