//! Taking a request apart in the one order that gives the right answers (AUTHZEN.md §3): who calls
//! (401, the body is not read), how large it says it is (413), Content-Type (400), then the body,
//! with a limit (413) and a deadline (408). What the bytes mean is read by `json`.

use super::problem::{Cause, Problem};
use crate::domain::Caller;
use crate::identity::{Identity, Peer};
use crate::policy::bundle::BUNDLE_BYTES_MAX;
use axum::body::{Body, HttpBody};
use axum::http::{Extensions, HeaderMap, header};
use bytes::{Bytes, BytesMut};
use core::future::{Future as _, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use http_body_util::BodyExt as _;
use std::sync::Arc;

/// How much of a body is taken, and how long it may take to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyBounds {
    /// The largest body, in bytes.
    pub bytes_max: usize,
    /// The longest time until its last byte, from when it is asked for.
    pub deadline: Duration,
}

/// What the bytes of a body are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// JSON.
    Json,
    /// A gzip file, as it is: no coding of something else.
    Gzip,
}

impl Media {
    fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Gzip => super::bundle::MEDIA_TYPE,
        }
    }
}

impl BodyBounds {
    /// For a bundle of policies: the largest that is read, over a line of 10 Mbit/s.
    pub fn of_a_bundle() -> Self {
        let bytes_max = usize::try_from(BUNDLE_BYTES_MAX).unwrap_or(usize::MAX);
        Self { bytes_max, deadline: Duration::from_secs(30) }
    }

    /// For a renewal: 10,000 tenants with the longest names, 63 bytes, and 1,000 first uses fit; over a line of 1 Mbit/s.
    pub fn of_a_renewal() -> Self {
        Self { bytes_max: 1024 * 1024, deadline: Duration::from_secs(10) }
    }
}

impl Default for BodyBounds {
    /// 64 KiB within 5 s: a question is some hundred bytes, the largest AccessRequest (256 content paths) fits.
    fn default() -> Self {
        Self { bytes_max: 64 * 1024, deadline: Duration::from_secs(5) }
    }
}

/// Who sent this request. Looks at the head alone.
///
/// # Errors
/// [`Cause::Unauthenticated`].
pub fn caller_of(headers: &HeaderMap, extensions: &Extensions, identity: &Identity) -> Result<Arc<Caller>, Problem> {
    // Invariant: `serve` puts the peer in. A request from elsewhere has none, and proves nothing.
    let Some(peer) = extensions.get::<Peer>() else {
        return Err(Problem::new(Cause::Unauthenticated, "the connection is not known"));
    };
    let authorizations = headers.get_all(header::AUTHORIZATION).iter().map(|value| value.as_bytes());
    Ok(identity.authenticate_all(authorizations, peer)?)
}

/// The body of a request that must say that it is `media`; what the bytes mean is not looked at here.
///
/// # Errors
/// [`Cause::TooLarge`], [`Cause::MalformedBody`], [`Cause::BodyTimeout`].
pub async fn typed_bytes(headers: &HeaderMap, body: Body, bounds: BodyBounds, media: Media) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > u64::try_from(bounds.bytes_max).unwrap_or(u64::MAX) {
        return Err(too_large(bounds.bytes_max));
    }
    check_content_type(headers, media.as_str())?;
    read_body(body, bounds).await
}

fn check_content_type(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    let wrong = |why: String| Err(Problem::new(Cause::MalformedBody, why));
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (types.next(), types.next()) else {
        return wrong(format!("send one `Content-Type: {wanted}`"));
    };
    // Parameters such as `charset=utf-8` are legal; the bytes must be UTF-8 whatever they say.
    let media_type = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case(wanted) {
        return wrong(format!("the Content-Type must be `{wanted}`"));
    }
    match headers.get(header::CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            wrong(format!("a Content-Encoding is not taken: send plain `{wanted}`"))
        }
        _ => Ok(()),
    }
}

/// The whole body, within its bounds. A body that is there already costs no timer.
///
/// # Errors
/// [`Cause::TooLarge`], [`Cause::BodyTimeout`], and [`Cause::MalformedBody`] when it breaks off.
pub async fn read_body(body: Body, bounds: BodyBounds) -> Result<Bytes, Problem> {
    let mut collecting = pin!(collect(body, bounds.bytes_max));
    if let Poll::Ready(read) = poll_fn(|context| Poll::Ready(collecting.as_mut().poll(context))).await {
        return read;
    }
    let late = |_| Problem::new(Cause::BodyTimeout, format!("the body must arrive within {:?}", bounds.deadline));
    tokio::time::timeout(bounds.deadline, collecting).await.map_err(late)?
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(Cause::TooLarge, format!("the body may have {bytes_max} bytes at most")).with("bytes_max", bytes_max)
}

async fn collect(mut body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > u64::try_from(bytes_max).unwrap_or(u64::MAX) {
        return Err(too_large(bytes_max));
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(Cause::MalformedBody, "the body broke off"))?;
        // Trailers say nothing that is believed.
        let Ok(data) = frame.into_data() else { continue };
        let so_far = first.len().saturating_add(rest.len());
        if so_far.saturating_add(data.len()) > bytes_max {
            return Err(too_large(bytes_max));
        }
        if so_far == 0 {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
        if body.is_end_stream() {
            break;
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len().saturating_add(rest.len()));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::identity::Proofs;
    use axum::extract::Request;

    fn post(headers: &[(&str, &str)], body: impl Into<Body>) -> Request {
        let mut request = Request::builder().method("POST");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body.into()).unwrap()
    }

    const SMALL: BodyBounds = BodyBounds { bytes_max: 8, deadline: Duration::from_secs(60) };

    #[tokio::test]
    async fn the_first_thing_wrong_decides() {
        let json = ("content-type", "application/json");
        for (headers, body, cause) in [
            (&[("content-type", "text/plain")][..], "123456789", Cause::TooLarge),
            (&[("content-type", "text/plain")], "1", Cause::MalformedBody),
            (&[], "1", Cause::MalformedBody),
            (&[json, json], "1", Cause::MalformedBody),
            (&[json, ("content-encoding", "gzip")], "1", Cause::MalformedBody),
            (&[("content-type", "application/jsonp")], "1", Cause::MalformedBody),
        ] {
            let (parts, body) = post(headers, body).into_parts();
            let refused = typed_bytes(&parts.headers, body, SMALL, Media::Json).await.unwrap_err();
            assert_eq!(refused.cause(), cause, "{headers:?}");
        }
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/json;x=y"] {
            let (parts, body) = post(&[("content-type", kind)], "12345678").into_parts();
            let bytes = typed_bytes(&parts.headers, body, SMALL, Media::Json).await.unwrap();
            assert_eq!(bytes, "12345678");
        }
    }

    #[tokio::test]
    async fn frames_are_joined_and_counted_together() {
        use axum::body::HttpBody as _;
        let frames = |parts: &'static [&'static str]| Body::new(Frames(parts.to_vec().into()));
        assert_eq!(frames(&["a"]).size_hint().lower(), 0);
        assert_eq!(read_body(frames(&["ab", "", "cd", "ef"]), SMALL).await.unwrap(), "abcdef");
        assert_eq!(read_body(frames(&[]), SMALL).await.unwrap(), "");
        let refused = read_body(frames(&["12345678", "9"]), SMALL).await.unwrap_err();
        assert_eq!(refused.cause(), Cause::TooLarge);
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let refused =
            read_body(Body::new(Never), BodyBounds { deadline: Duration::from_millis(1), ..SMALL }).await.unwrap_err();
        assert_eq!(refused.cause(), Cause::BodyTimeout);
    }

    #[test]
    fn a_request_without_a_connection_proves_nothing() {
        let identity = Identity::new(Proofs::default(), Arc::new(SystemClock)).unwrap();
        let refused = caller_of(&HeaderMap::new(), &Extensions::new(), &identity).unwrap_err();
        assert_eq!(refused.cause(), Cause::Unauthenticated);
    }

    struct Frames(std::collections::VecDeque<&'static str>);

    impl HttpBody for Frames {
        type Data = Bytes;
        type Error = core::convert::Infallible;

        fn poll_frame(
            mut self: core::pin::Pin<&mut Self>,
            _: &mut core::task::Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            let data = self.0.pop_front().map(|text| Bytes::from_static(text.as_bytes()));
            Poll::Ready(data.map(|data| Ok(hyper::body::Frame::data(data))))
        }
    }

    struct Never;

    impl HttpBody for Never {
        type Data = Bytes;
        type Error = core::convert::Infallible;

        fn poll_frame(
            self: core::pin::Pin<&mut Self>,
            _: &mut core::task::Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            Poll::Pending
        }
    }
}
