//! Answers: pages, redirects and assets, with the headers that keep a page to itself.

use super::frame::Frame;
use super::trouble::Trouble;
use askama::Template;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};

/// What a handler gives back.
pub(super) type Shown = Result<Response<Body>, Trouble>;

/// Nothing but this origin's own style, script and images; no frame around it, no other base.
const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A page in its frame.
pub(super) fn page(frame: &Frame, status: StatusCode, template: &impl Template) -> Shown {
    let html = template.render().map_err(|error| Trouble::Defect(error.to_string()))?;
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(language) = HeaderValue::from_str(frame.words.language().as_str()) {
        headers.insert(header::CONTENT_LANGUAGE, language);
    }
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Language, Cookie"));
    Ok(guarded(response))
}

/// An answer for a page's own script.
pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Shown {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(guarded(response))
}

/// The headers of every page and redirect.
fn guarded(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: browsers would then send `Origin: null` with a form.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-get=(self)",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// After a form: look at `path` (303, so that neither reload nor back sends the form again).
pub(super) fn see_other(path: &str) -> Shown {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let path = HeaderValue::from_str(path).map_err(|_| Trouble::Defect("a path is no header".to_owned()))?;
    response.headers_mut().insert(header::LOCATION, path);
    Ok(guarded(response))
}

/// Adds a cookie to an answer.
pub(super) fn with_cookie(mut response: Response<Body>, cookie: &str) -> Response<Body> {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// A file that never changes under its address.
pub(super) fn asset(text: &'static str, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    response
}
