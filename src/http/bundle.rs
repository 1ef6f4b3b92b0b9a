//! `/v1/policies/bundle`: an authority hands out the bundle that it uses itself, or one that was pushed, in the very
//! bytes that were signed. Who fetches it verifies it again: the authority is a carrier. An operator may push another.

use super::call::{Answered, Call, answer};
use super::problem::{Cause, Problem};
use super::router::AuthorityApi;
use crate::manage_requests::PushedBundle;
use crate::policy::{BundleFile, BundleInUse};
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use serde::Serialize;
use std::sync::Arc;

/// The media type of a bundle.
pub(super) const MEDIA_TYPE: &str = "application/gzip";

/// What became of a push.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PushedBody {
    /// The SHA-256 of the bundle, in hexadecimal digits.
    digest: String,
    /// The digest of its policies, as Decisions name it.
    policy_revision: String,
    /// What its maker calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The id of the trusted key that signed it.
    signed_by: String,
    /// When.
    signed_at: String,
    /// The revision of the record that demands it of the fleet.
    revision: u64,
    /// Whether no sidecar that takes its policies from an authority can decide by others any more.
    effective: bool,
    /// From when on that is certain.
    effective_at: String,
}

/// Hands out the bundle in use, or the one of a digest; 304 to somebody who has it.
pub(super) async fn policies(api: Arc<AuthorityApi>, call: Call) -> Answered {
    call.refuse_unknown_query(&["digest"])?;
    let in_use = api.policies.status().bundle.map(|bundle| bundle.file);
    let Some(BundleFile { digest, bytes }) = wanted(&api, call.query("digest")?, in_use).await? else {
        let why = "this authority's policies are from a folder, or the bundle is not kept: there is none to hand out";
        return Err(Problem::new(Cause::NotFound, why));
    };
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

/// The bundle of a digest, in use or not; the one in use for nobody's.
async fn wanted(
    api: &AuthorityApi,
    digest: Option<&str>,
    in_use: Option<BundleFile>,
) -> Result<Option<BundleFile>, Problem> {
    let Some(digest) = digest else { return Ok(in_use) };
    if let Some(in_use) = in_use.filter(|in_use| in_use.digest == digest) {
        return Ok(Some(in_use));
    }
    let kept = api.manage.kept_bundle(digest).await?;
    Ok(kept.map(|bytes| BundleFile { digest: digest.to_owned(), bytes: Bytes::from(bytes) }))
}

/// Takes a bundle, and answers when it is effective in the whole fleet.
pub(super) async fn push(api: Arc<AuthorityApi>, call: Call) -> Answered {
    call.refuse_unknown_query(&["wait"])?;
    let waits = call.waits()?;
    let pushed = api.manage.push_bundle(call.person()?, call.body().to_vec()).await;
    api.count("push_policies", &pushed);
    let PushedBundle { bundle, policy_revision, revision } = pushed?;
    let BundleInUse { name, signed_by, created_at, file } = bundle;
    tracing::info!(digest = file.digest, ?name, signed_by, policy_revision, "a bundle was pushed and is in use here");
    let (effective, effective_at) = api.effect(waits, revision).await;
    let body = PushedBody {
        digest: file.digest,
        policy_revision,
        name,
        signed_by,
        signed_at: created_at.to_string(),
        revision: revision.number,
        effective: effective.unwrap_or(false),
        effective_at: effective_at.unwrap_or_default(),
    };
    Ok(answer(StatusCode::OK, &body))
}
