//! Problem documents (RFC 9457): what went wrong, as a person reads it and as a program can act on it.
//! The only file that knows status codes; everything else returns an error that becomes one here.
//!
//! `type` is a URN, not an address, so that it is the same wherever a copy of Lockbox runs:
//! `urn:lockbox:problem:` and the name from [`Problem::all_types`]. A name is never reused or changed.
//!
//! Invariant: a problem never carries tokens, bodies, or what a database or library said.

use super::json::JsonError;
use crate::domain::{NameError, Refusal, TenantRefusal};
use crate::identity::Unauthenticated;
use crate::store::StoreError;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

/// What every `type` begins with.
pub const TYPE_PREFIX: &str = "urn:lockbox:problem:";

/// Seconds after which a call that failed for want of a store or a log may be tried again.
const RETRY_AFTER_S: u64 = 1;

macro_rules! causes {
    ($($(#[$doc:meta])* $cause:ident => $status:ident, $name:literal, $title:literal;)+) => {
        /// Why there is no answer. Each is one `type`, one title, one status.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Cause {
            $($(#[$doc])* $cause,)+
        }

        impl Cause {
            /// Every cause, by status.
            pub const ALL: &'static [Self] = &[$(Self::$cause,)+];

            fn row(self) -> (StatusCode, &'static str, &'static str) {
                match self {
                    $(Self::$cause => (StatusCode::$status, $name, $title),)+
                }
            }
        }
    };
}

causes! {
    /// The body is not what the endpoint takes: Content-Type, JSON, or a member.
    MalformedBody => BAD_REQUEST, "malformed-body", "The body is not what this endpoint takes";
    /// Path, query or a header is not what the endpoint takes.
    MalformedRequest => BAD_REQUEST, "malformed-request", "The request is not what this endpoint takes";
    /// No proof of who calls, or none that holds.
    Unauthenticated => UNAUTHORIZED, "unauthenticated", "Who is calling is not proved";
    /// The caller is known and may know of it, but not do it.
    Forbidden => FORBIDDEN, "forbidden", "The caller may not do this";
    /// There is none, or the caller may not know of it: the two look the same.
    NotFound => NOT_FOUND, "not-found", "There is nothing here for this caller";
    /// The path is there, the method is not.
    MethodNotAllowed => METHOD_NOT_ALLOWED, "method-not-allowed", "The path does not take this method";
    /// The body did not arrive in time.
    BodyTimeout => REQUEST_TIMEOUT, "body-timeout", "The body did not arrive in time";
    /// What is asked does not fit the state things are in.
    Conflict => CONFLICT, "conflict", "The state does not allow this";
    /// It has changed since the caller looked.
    PreconditionFailed => PRECONDITION_FAILED, "precondition-failed", "It has changed since it was looked at";
    /// The body is larger than the endpoint takes.
    TooLarge => PAYLOAD_TOO_LARGE, "too-large", "The body is too large";
    /// Well formed, but more or other than is allowed.
    Unprocessable => UNPROCESSABLE_ENTITY, "unprocessable", "What is asked for is not allowed";
    /// The command needs `If-Match`.
    PreconditionRequired => PRECONDITION_REQUIRED, "precondition-required", "Say which version was looked at";
    /// The caller asks faster than he may.
    TooMany => TOO_MANY_REQUESTS, "too-many-requests", "Too many requests";
    /// A defect of Lockbox. Nothing was allowed.
    Internal => INTERNAL_SERVER_ERROR, "internal", "Lockbox failed";
    /// The database does not answer.
    StoreUnavailable => SERVICE_UNAVAILABLE, "store-unavailable", "The store is unavailable";
    /// The decision log cannot be written: what is not recorded is not answered.
    AuditUnavailable => SERVICE_UNAVAILABLE, "audit-unavailable", "The decision log is unavailable";
    /// This process has not yet what it needs to answer.
    NotReady => SERVICE_UNAVAILABLE, "not-ready", "Not ready";
}

/// One row of the table of problem types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemType {
    /// The `type` member.
    pub uri: String,
    /// The status it comes with.
    pub status: u16,
    /// The `title` member.
    pub title: &'static str,
}

/// A problem document and what goes with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    cause: Cause,
    detail: String,
    extensions: Vec<(&'static str, Value)>,
    retry_after_s: Option<u64>,
}

impl Problem {
    /// A problem of this cause; `detail` is for the person who must act on it.
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        let retry_after_s = matches!(cause.row().0, StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_S);
        Self { cause, detail: detail.into(), extensions: Vec::new(), retry_after_s }
    }

    /// Adds a member that programs may read. The names of RFC 9457 itself are ignored.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.extensions.push((name, value.into()));
        self
    }

    /// Tells the caller when to come back.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The one answer for what does not exist and for what the caller may not know of.
    pub fn not_found() -> Self {
        Self::new(Cause::NotFound, "there is no such thing, or it is not this caller's to know")
    }

    /// The one answer after a panic or another defect.
    pub fn internal() -> Self {
        Self::new(Cause::Internal, "an error was recorded; nothing was allowed or changed by this request")
    }

    /// Its cause.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Its status code.
    pub fn status(&self) -> u16 {
        self.cause.row().0.as_u16()
    }

    /// Its `detail`.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The document.
    pub fn to_json(&self) -> Value {
        let (status, name, title) = self.cause.row();
        let mut document: Map<String, Value> =
            self.extensions.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        document.insert("type".to_owned(), format!("{TYPE_PREFIX}{name}").into());
        document.insert("title".to_owned(), title.into());
        document.insert("status".to_owned(), status.as_u16().into());
        document.insert("detail".to_owned(), self.detail.as_str().into());
        Value::Object(document)
    }

    /// The table of all types, for the API description and the manual.
    pub fn all_types() -> Vec<ProblemType> {
        let row = |cause: &Cause| {
            let (status, name, title) = cause.row();
            ProblemType { uri: format!("{TYPE_PREFIX}{name}"), status: status.as_u16(), title }
        };
        Cause::ALL.iter().map(row).collect()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.to_json().to_string()));
        *response.status_mut() = self.cause.row().0;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.cause == Cause::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lockbox\""));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        let problem = Self::new(Cause::MalformedBody, error.to_string());
        match error {
            JsonError::Shape { path, .. } => problem.with("member", path.trim_matches('`')),
            JsonError::Empty | JsonError::Syntax(_) => problem,
        }
    }
}

impl From<NameError> for Problem {
    fn from(error: NameError) -> Self {
        Self::new(Cause::MalformedBody, error.to_string()).with("reason", "malformed_name")
    }
}

impl From<Unauthenticated> for Problem {
    fn from(error: Unauthenticated) -> Self {
        Self::new(Cause::Unauthenticated, error.to_string())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::IllegalStep { id, state, act } => Self::new(Cause::Conflict, detail)
                .with("access_request", id.to_string())
                .with("state", state.as_str())
                .with("command", act.as_str()),
            Refusal::StaleVersion { current, .. } => {
                Self::new(Cause::PreconditionFailed, detail).with("version", current)
            }
            Refusal::NotEligible(_) => Self::new(Cause::Forbidden, detail),
            Refusal::AlreadyApproved(_) => Self::new(Cause::Conflict, detail).with("command", "approve"),
            Refusal::Wider(_) | Refusal::Duration { .. } | Refusal::Size { .. } => {
                Self::new(Cause::Unprocessable, detail)
            }
        }
    }
}

impl From<TenantRefusal> for Problem {
    fn from(refusal: TenantRefusal) -> Self {
        let cause = match refusal {
            TenantRefusal::NotEntitled(_) => Cause::Conflict,
            TenantRefusal::Wider { .. }
            | TenantRefusal::Quorum { .. }
            | TenantRefusal::TooMany(_)
            | TenantRefusal::TooManyWebhooks
            | TenantRefusal::Webhook { .. } => Cause::Unprocessable,
        };
        Self::new(cause, refusal.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // The caller learns that it happened, not what the database said.
        if !matches!(error, StoreError::Conflict(_)) {
            tracing::warn!(%error, "the store did not do what was asked of it");
        }
        Self::of_store(&error)
    }
}

impl Problem {
    /// As the conversion, without a word in the log: for what thousands ask, and who asks for them has said it once.
    pub(super) fn of_store(error: &StoreError) -> Self {
        match error {
            StoreError::Conflict(_) => {
                Self::new(Cause::Conflict, "somebody else changed it in the same moment: read it again, then decide")
            }
            StoreError::Corrupt { .. } => Self::internal(),
            StoreError::Unavailable(_) => {
                Self::new(Cause::StoreUnavailable, "the store does not answer; nothing was changed, try again")
            }
            StoreError::Unknown(_) => Self::new(
                Cause::StoreUnavailable,
                "the store was lost while the change was being made: whether it was made is not known; look at it before \
                 you repeat it",
            ),
        }
    }
}

#[cfg(test)]
mod tests;
