//! A small HTTP client for the verbs: JSON out, JSON in, problem documents as sentences.

use crate::config::Url;
use core::time::Duration;
use serde_json::Value;
use std::sync::Arc;
use ureq::http::{Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How long a call may take. A revocation waits for every sidecar, a lease at the longest.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);

/// Why a server could not be asked, or did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// Nobody listens there.
    #[error(
        "no {role} answers at {url}: start one with `lockbox serve --role {role}` (or `lockbox serve --demo` to try it), or name another with `--{role} URL`"
    )]
    NobodyThere {
        /// `authority` or `sidecar`.
        role: &'static str,
        /// Where.
        url: String,
    },
    /// It could not be asked for another reason.
    #[error("cannot ask the {role} at {url}: {cause}")]
    Unreachable {
        /// `authority` or `sidecar`.
        role: &'static str,
        /// Where.
        url: String,
        /// Why.
        cause: String,
    },
    /// It said no.
    #[error("{}", sentence(*status, document))]
    Problem {
        /// The HTTP status.
        status: u16,
        /// The problem document (RFC 9457), or `null`.
        document: Value,
    },
    /// It answered something else than JSON.
    #[error("{url} answered {status} with something that is not JSON: is this Lockbox?")]
    NotJson {
        /// Where.
        url: String,
        /// The HTTP status.
        status: u16,
    },
}

impl ClientError {
    /// The server's own words, for programs.
    pub(super) fn problem(&self) -> Option<Value> {
        match self {
            Self::Problem { document, .. } if !document.is_null() => Some(document.clone()),
            _ => None,
        }
    }
}

/// What a problem document says, and what to do about it.
fn sentence(status: u16, document: &Value) -> String {
    let member = |name: &str| document.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let said = match (member("title"), member("detail")) {
        (Some(title), Some(detail)) if title != detail => format!("{title}: {detail}"),
        (Some(text), _) | (None, Some(text)) => text.to_owned(),
        (None, None) => "the server gave no reason".to_owned(),
    };
    let advice = match status {
        401 => "\nshow who you are with `--token-file FILE` or `LOCKBOX_TOKEN` (in a demo: `--as NAME`)",
        403 => "\nthis needs another person or another role",
        412 => "\nit has changed meanwhile: look at it again with `lockbox request show`, then decide",
        413 => "\nsend less at once",
        503 => "\ntry again in a moment; `/readyz` of the operations listener says what is missing",
        _ => "",
    };
    // Text of a server is shown, not obeyed: no control character reaches the terminal.
    let clean: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{clean} (HTTP {status}){advice}")
}

/// An answer with a status below 400.
#[derive(Debug)]
pub(super) struct Answer {
    /// The body; `null` when there is none.
    pub(super) body: Value,
    /// The version of what it shows.
    pub(super) etag: Option<String>,
}

/// A client of one server, with one identity.
pub(super) struct Client {
    agent: Agent,
    url: Url,
    token: Option<String>,
    role: &'static str,
}

impl Client {
    /// A client; `roots` are the certificates (DER) that a server's must come from, if not those of the public web.
    pub(super) fn new(url: Url, token: Option<String>, role: &'static str, roots: Option<Vec<Vec<u8>>>) -> Self {
        let agent = Agent::config_builder()
            .tls_config(trusting(roots))
            .http_status_as_error(false)
            // A token is shown to the server that was named, and to no other.
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(CALL_TIMEOUT))
            .timeout_connect(Some(Duration::from_secs(10)))
            .user_agent(concat!("lockbox/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { agent, url, token, role }
    }

    /// Asks for `path`.
    pub(super) fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.call("GET", path, None, &[])
    }

    /// Sends `body` to `path`.
    pub(super) fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Result<Answer, ClientError> {
        self.call("POST", path, Some(body), headers)
    }

    /// One call.
    pub(super) fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, ClientError> {
        let url = format!("{}{path}", self.url.as_str());
        let mut request = Request::builder().method(method).uri(&url).header("accept", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match body {
            None => request.body(()).map_err(ureq::Error::from).and_then(|request| self.agent.run(request)),
            Some(body) => request
                .header("content-type", "application/json")
                .body(body.to_string())
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request)),
        };
        self.answer(sent.map_err(|error| self.unreachable(&error))?)
    }

    /// Puts a file at `path`, as it is.
    pub(super) fn put_file(&self, path: &str, kind: &str, bytes: Vec<u8>) -> Result<Answer, ClientError> {
        let url = format!("{}{path}", self.url.as_str());
        let mut request = Request::put(&url).header("accept", "application/json").header("content-type", kind);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let sent = request.body(bytes).map_err(ureq::Error::from).and_then(|request| self.agent.run(request));
        self.answer(sent.map_err(|error| self.unreachable(&error))?)
    }

    fn answer(&self, response: Response<Body>) -> Result<Answer, ClientError> {
        let status = response.status().as_u16();
        let etag = response.headers().get("etag").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let read = response.into_body().into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let bytes = read.map_err(|error| self.unreachable(&error))?;
        let parsed = if bytes.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&bytes) };
        match parsed {
            Ok(body) if status < 300 => Ok(Answer { body, etag }),
            Ok(document) => Err(ClientError::Problem { status, document }),
            Err(_) if status >= 400 => Err(ClientError::Problem { status, document: Value::Null }),
            Err(_) => Err(ClientError::NotJson { url: self.url.as_str().to_owned(), status }),
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> ClientError {
        let (role, url) = (self.role, self.url.as_str().to_owned());
        match error {
            ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => {
                ClientError::NobodyThere { role, url }
            }
            ureq::Error::ConnectionFailed => ClientError::NobodyThere { role, url },
            other => ClientError::Unreachable { role, url, cause: other.to_string() },
        }
    }
}

/// TLS by roots of one's own, or by those of the public web.
fn trusting(roots: Option<Vec<Vec<u8>>>) -> TlsConfig {
    let builder = TlsConfig::builder();
    match roots {
        None => builder.build(),
        Some(roots) => {
            let roots: Vec<_> = roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
            builder.root_certs(RootCerts::Specific(Arc::new(roots))).build()
        }
    }
}

/// `text` as one segment of a path, or one value of a query.
pub(super) fn escaped(text: &str) -> String {
    use core::fmt::Write as _;
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests;
