//! What every request passes on its way in and every answer on its way out, whatever endpoint it is:
//! a request id, security headers, and a panic that becomes a 500 instead of a dead process.
//!
//! Invariant: `serve` sends every request through here, so no endpoint can leave it out.

use super::problem::Problem;
use crate::clock::{Clock, Ids};
use crate::identity::Peer;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use core::future::{Future as _, poll_fn};
use core::panic::AssertUnwindSafe;
use core::pin::pin;
use core::task::Poll;
use std::sync::Arc;
use tower::ServiceExt as _;

/// The header that ties an answer to its request.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that is echoed, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// The request's id, as the caller gave it or made here; handlers find it among the extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub HeaderValue);

/// The edge around a router.
#[derive(Clone)]
pub struct Edge {
    router: Router,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl Edge {
    /// The edge around `router`.
    pub fn around(router: Router, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { router, clock, ids }
    }

    /// Answers one request that came from `peer`. Never fails, never panics.
    pub async fn answer(&self, mut request: Request, peer: Peer) -> Response {
        let id = self.request_id(request.headers());
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(RequestId(id.clone()));
        let mut response = self.routed(request, &id).await;
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, id);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // An endpoint may know better (discovery, assets); decisions and records are never kept.
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        response
    }

    async fn routed(&self, request: Request, id: &HeaderValue) -> Response {
        let mut answering = pin!(self.router.clone().oneshot(request));
        let caught = poll_fn(|context| {
            // The future is dropped after a panic and never polled again, so nothing half-changed is seen.
            match std::panic::catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(context))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(answer)) => Poll::Ready(Some(answer)),
                Err(_) => Poll::Ready(None),
            }
        });
        match caught.await {
            Some(Ok(response)) => response,
            Some(Err(never)) => match never {},
            None => {
                tracing::error!(request_id = ?id, "a request handler panicked; answered 500");
                Problem::internal().into_response()
            }
        }
    }

    /// The caller's id if it is printable ASCII of a sensible length, else one made here.
    fn request_id(&self, headers: &HeaderMap) -> HeaderValue {
        let mut given = headers.get_all(X_REQUEST_ID).iter();
        if let (Some(id), None) = (given.next(), given.next()) {
            let printable = id.as_bytes().iter().all(|b| matches!(b, b' '..=b'~'));
            if printable && !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX {
                return id.clone();
            }
        }
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let made = self.ids.uuid(self.clock.wall()).hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(made).unwrap_or(HeaderValue::from_static("none"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{SeededIds, SteppedClock};
    use crate::domain::Timestamp;
    use axum::body::Body;
    use axum::routing::get;

    fn edge() -> Edge {
        async fn panics() -> &'static str {
            panic!("on purpose");
        }
        let router = Router::new()
            .route("/fine", get(|| async { "fine" }))
            .route("/kept", get(|| async { ([(header::CACHE_CONTROL, "max-age=60")], "kept") }))
            .route("/panics", get(panics))
            .route(
                "/later",
                get(|| async {
                    tokio::task::yield_now().await;
                    panic!("after a pause");
                    #[expect(unreachable_code, reason = "gives the handler its type")]
                    "never"
                }),
            );
        Edge::around(router, Arc::new(SteppedClock::at(Timestamp::from_ms(0))), Arc::new(SeededIds::new(1)))
    }

    async fn answer(edge: &Edge, path: &str, ids: &[&[u8]]) -> Response {
        let mut request = Request::builder().uri(path);
        for id in ids {
            request = request.header("x-request-id", HeaderValue::from_bytes(id).unwrap());
        }
        edge.answer(request.body(Body::empty()).unwrap(), Peer::Unix { uid: 0 }).await
    }

    #[tokio::test]
    async fn every_answer_carries_the_request_id_and_the_security_headers() {
        let edge = edge();
        for (path, status) in [("/fine", 200), ("/panics", 500), ("/later", 500), ("/none", 404)] {
            let response = answer(&edge, path, &[b"req 7"]).await;
            assert_eq!(response.status().as_u16(), status, "{path}");
            assert_eq!(response.headers()["x-request-id"], "req 7");
            assert_eq!(response.headers()["x-content-type-options"], "nosniff");
            assert_eq!(response.headers()["cache-control"], "no-store");
        }
        assert_eq!(answer(&edge, "/kept", &[]).await.headers()["cache-control"], "max-age=60");
        assert_eq!(answer(&edge, "/panics", &[]).await.headers()["content-type"], "application/problem+json");
    }

    #[tokio::test]
    async fn an_id_that_is_not_printable_or_not_one_is_replaced() {
        let edge = edge();
        let long = [b'x'; REQUEST_ID_BYTES_MAX + 1];
        let cases: [&[&[u8]]; 6] = [&[b"\xffabc"], &[b"a\tb"], &[&long], &[b""], &[b"a", b"b"], &[]];
        for ids in cases {
            let response = answer(&edge, "/fine", ids).await;
            let id = response.headers()["x-request-id"].to_str().unwrap();
            assert!(uuid::Uuid::try_parse(id).is_ok(), "{ids:?}: {id}");
        }
        let fits = [b'x'; REQUEST_ID_BYTES_MAX];
        assert_eq!(answer(&edge, "/fine", &[&fits]).await.headers()["x-request-id"].as_bytes(), fits);
    }
}
