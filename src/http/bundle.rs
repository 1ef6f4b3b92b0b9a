//! `GET /v1/policies/bundle`: an authority hands out the bundle that it uses itself, in the very bytes that
//! were signed. Who fetches it verifies it again: the authority is a carrier.

use super::call::{Answered, Call};
use super::problem::{Cause, Problem};
use super::router::AuthorityApi;
use crate::policy::BundleFile;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use std::sync::Arc;

/// The media type of a bundle.
pub(super) const MEDIA_TYPE: &str = "application/gzip";

/// Hands out the bundle in use; 304 to somebody who has it.
pub(super) async fn policies(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let Some(bundle) = api.policies.status().bundle else {
        let why = "this authority's policies are from a folder: there is no bundle to hand out";
        return Err(Problem::new(Cause::NotFound, why));
    };
    let BundleFile { digest, bytes } = bundle.file;
    let tag = format!("\"{digest}\"");
    let has_it = call.header("if-none-match")?.is_some_and(|known| known.split(',').any(|known| known.trim() == tag));
    let mut response = Response::new(if has_it { Body::empty() } else { Body::from(bytes) });
    if has_it {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    }
    let tag = HeaderValue::from_str(&tag).map_err(|_| Problem::internal())?;
    response.headers_mut().insert(header::ETAG, tag);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}
