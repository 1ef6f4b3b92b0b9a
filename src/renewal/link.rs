//! The way to one authority: one HTTP/2 connection, kept open, made anew when anything about it is in doubt. TLS
//! files and the token are read for each connection, and one whose token is refused is made anew within the attempt,
//! so that they can be exchanged while a sidecar runs.
//!
//! Invariant: an attempt ends. A connection on which one did not end in time is not used again: the other side may
//! have gone without a word.

use super::policies::token;
use super::protocol::{Body, Piece, Pieces, Renew, RenewAnswer, RenewError, RenewRequest, WireItem};
use super::wire::{self, Kind, Line, Lines, garbled};
use crate::domain::{Timestamp, in_full};
use crate::tls::{self, ClientFiles};
use async_trait::async_trait;
use bytes::Bytes;
use core::future::Future;
use core::time::Duration;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

/// The longest that a problem document may be to be read, in bytes.
const PROBLEM_BYTES_MAX: usize = 64 * 1024;
/// How long a connection may take to be made.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// How long a snapshot may stand still.
const STILL_MAX: Duration = Duration::from_secs(10);

/// See the module.
pub struct Link {
    secure: bool,
    host: String,
    port: u16,
    base: String,
    files: ClientFiles,
    token_file: Option<PathBuf>,
    named: Option<String>,
    /// How long an attempt may take in all, but for the pieces of a snapshot.
    attempt_max: Duration,
    connection: Mutex<Option<Connection>>,
}

/// A connection, and the proof that is shown on it if its certificate is none.
#[derive(Clone)]
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    proof: Option<HeaderValue>,
}

/// An address that is none.
fn no_address(url: &str) -> RenewError {
    RenewError::Unreachable(format!("`{url}` is no address of an authority"))
}

impl Link {
    /// A way to the authority at `url` (`https://host:8180`); nothing is connected yet.
    ///
    /// # Errors
    /// [`RenewError::Unreachable`] for an address that is none.
    pub fn new(
        url: &str,
        files: ClientFiles,
        token_file: Option<PathBuf>,
        named: Option<String>,
        attempt_max: Duration,
    ) -> Result<Self, RenewError> {
        let parsed: hyper::Uri = url.parse().map_err(|_| no_address(url))?;
        let secure = parsed.scheme_str() == Some("https");
        let host = parsed.host().ok_or_else(|| no_address(url))?.to_owned();
        let port = parsed.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let base = url.trim_end_matches('/').to_owned();
        let connection = Mutex::default();
        Ok(Self { secure, host, port, base, files, token_file, named, attempt_max, connection })
    }

    /// The address.
    pub fn address(&self) -> &str {
        &self.base
    }

    /// The connection, and whether it was there before.
    async fn connected(&self) -> Result<(Connection, bool), RenewError> {
        let mut kept = self.connection.lock().await;
        if let Some(connection) = kept.as_ref().filter(|connection| !connection.sender.is_closed()) {
            return Ok((connection.clone(), true));
        }
        let made = tokio::time::timeout(CONNECT_MAX.min(self.attempt_max), self.connect()).await;
        let sender = made.map_err(|_| self.unreachable("no connection came about in time"))??;
        let connection = Connection { sender, proof: self.proof().await? };
        *kept = Some(connection.clone());
        Ok((connection, false))
    }

    /// The token, as it stands in its file now.
    async fn proof(&self) -> Result<Option<HeaderValue>, RenewError> {
        let Some(path) = self.token_file.clone() else { return Ok(None) };
        let token = tokio::task::spawn_blocking(move || token(&path)).await.map_err(|error| self.unreachable(error))?;
        let token = token.map_err(|error| RenewError::Refused(error.to_string()))?;
        let mut proof = HeaderValue::try_from(format!("Bearer {token}")).map_err(|error| self.unreachable(error))?;
        proof.set_sensitive(true);
        Ok(Some(proof))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, RenewError> {
        let host = self.host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.port)).await.map_err(|error| self.unreachable(error))?;
        stream.set_nodelay(true).map_err(|error| self.unreachable(error))?;
        if !self.secure {
            return self.spoken(TokioIo::new(stream)).await;
        }
        let files = self.files.clone();
        let config = tokio::task::spawn_blocking(move || tls::client(&files)).await;
        let config = config.map_err(|error| self.unreachable(error))?.map_err(|error| self.unreachable(error))?;
        let name = rustls_pki_types::ServerName::try_from(host.to_owned()).map_err(|error| self.unreachable(error))?;
        let secured = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        self.spoken(TokioIo::new(secured.map_err(|error| self.unreachable(error))?)).await
    }

    async fn spoken<S>(&self, stream: S) -> Result<SendRequest<Full<Bytes>>, RenewError>
    where
        S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new());
        let (sender, connection) =
            builder.handshake(stream).await.map_err(|error| self.unreachable(in_full(&error)))?;
        tokio::spawn(async move {
            // Whoever sends on it learns of its end.
            let _ended = connection.await;
        });
        Ok(sender)
    }

    fn unreachable(&self, why: impl ToString) -> RenewError {
        RenewError::Unreachable(format!("{}: {}", self.base, why.to_string()))
    }

    async fn post(&self, path: &str, body: Vec<u8>) -> Result<Response<Incoming>, RenewError> {
        let body = Bytes::from(body);
        let (connection, kept) = self.connected().await?;
        let response = self.say(connection, path, body.clone()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        self.forget().await;
        if !kept {
            return Ok(response);
        }
        // The proof may have been exchanged since this connection was made.
        let (connection, _) = self.connected().await?;
        self.say(connection, path, body).await
    }

    async fn say(&self, connection: Connection, path: &str, body: Bytes) -> Result<Response<Incoming>, RenewError> {
        let Connection { mut sender, proof } = connection;
        let mut request = Request::post(format!("{}{path}", self.base));
        if let Some(proof) = proof {
            request = request.header(header::AUTHORIZATION, proof);
        }
        let request = request.header(header::CONTENT_TYPE, "application/json").body(Full::from(body));
        let request = request.map_err(|error| self.unreachable(error))?;
        sender.send_request(request).await.map_err(|error| self.unreachable(in_full(&error)))
    }

    async fn attempt(&self, request: &RenewRequest) -> Result<RenewAnswer, RenewError> {
        let asked = wire::asked(request, self.named.as_deref()).map_err(garbled)?;
        let response = self.post("/v1/renew", asked).await?;
        if response.status() != StatusCode::OK {
            return Err(self.problem(response).await);
        }
        let mut reading = Reading { body: response.into_body(), lines: Lines::default(), items: 0 };
        let head = wire::read_head(&reading.line().await?)?;
        let body = match head.kind {
            Kind::Snapshot => Body::Snapshot(Box::new(reading)),
            Kind::Changes => {
                let mut items = Vec::new();
                loop {
                    match reading.piece().await? {
                        Piece::Items(more) => items.extend(more),
                        Piece::End(end) => break Body::Changes(items, end),
                    }
                }
            }
        };
        let received_at = Timestamp::from_ms(head.received_at_ms);
        Ok(RenewAnswer { nonce: head.nonce, epoch: head.epoch, received_at, body })
    }

    /// What a problem document says.
    async fn problem(&self, response: Response<Incoming>) -> RenewError {
        let status = response.status();
        let body = self.whole(response).await.unwrap_or_default();
        RenewError::Refused(self.refusal(status, &body))
    }

    /// What a problem document says, in a sentence.
    pub(super) fn refusal(&self, status: StatusCode, body: &[u8]) -> String {
        let document: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let detail =
            document.as_ref().and_then(|document| document.get("detail")?.as_str()).unwrap_or("no reason given");
        format!("{} answers {}: {detail}", self.base, status.as_u16())
    }

    async fn whole(&self, response: Response<Incoming>) -> Result<Bytes, RenewError> {
        let body = Limited::new(response.into_body(), PROBLEM_BYTES_MAX).collect().await;
        body.map(|body| body.to_bytes()).map_err(|error| self.unreachable(error))
    }

    async fn answered(&self, path: &str, body: Vec<u8>) -> Result<(StatusCode, Bytes), RenewError> {
        let response = self.post(path, body).await?;
        Ok((response.status(), self.whole(response).await?))
    }

    /// Posts a JSON document and gives the answer, whatever its status, if it is short.
    ///
    /// # Errors
    /// [`RenewError::Unreachable`] when none comes in time; [`RenewError::Refused`] for a token that cannot be used.
    pub(super) async fn send(&self, path: &str, body: Vec<u8>) -> Result<(StatusCode, Bytes), RenewError> {
        self.in_time(self.answered(path, body)).await
    }

    /// An attempt, ended in time. After one that was not answered the connection is not used again.
    async fn in_time<T>(&self, attempt: impl Future<Output = Result<T, RenewError>> + Send) -> Result<T, RenewError> {
        match tokio::time::timeout(self.attempt_max, attempt).await {
            Ok(Ok(answer)) => Ok(answer),
            // It was answered: nothing is wrong with the connection.
            Ok(Err(error @ RenewError::Refused(_))) => Err(error),
            Ok(Err(error)) => {
                self.forget().await;
                Err(error)
            }
            Err(_elapsed) => {
                self.forget().await;
                Err(self.unreachable(format!("no answer within {} ms", self.attempt_max.as_millis())))
            }
        }
    }

    /// Uses the connection no more.
    async fn forget(&self) {
        *self.connection.lock().await = None;
    }
}

#[async_trait]
impl Renew for Link {
    async fn renew(&self, request: RenewRequest) -> Result<RenewAnswer, RenewError> {
        self.in_time(self.attempt(&request)).await
    }
}

/// An answer that is being read.
struct Reading {
    body: Incoming,
    lines: Lines,
    items: u64,
}

impl Reading {
    async fn more(&mut self) -> Result<(), RenewError> {
        loop {
            let frame = self.body.frame().await.ok_or_else(|| garbled("it broke off"))?;
            if let Ok(bytes) = frame.map_err(|error| garbled(in_full(&error)))?.into_data() {
                return self.lines.take(&bytes);
            }
        }
    }

    async fn line(&mut self) -> Result<Vec<u8>, RenewError> {
        loop {
            if let Some(line) = self.lines.whole() {
                return Ok(line.to_vec());
            }
            self.more().await?;
        }
    }

    /// The items whose lines are here, or the end.
    async fn piece(&mut self) -> Result<Piece, RenewError> {
        loop {
            let mut items: Vec<WireItem> = Vec::new();
            while let Some(line) = self.lines.whole() {
                match wire::read_line(line)? {
                    Line::Item(item) => items.push(item),
                    Line::End(end, told) => {
                        let came = self.items.saturating_add(u64::try_from(items.len()).unwrap_or(u64::MAX));
                        if came != told {
                            return Err(garbled(format!("{came} items came of {told}")));
                        }
                        if items.is_empty() {
                            return Ok(Piece::End(end));
                        }
                        // Looked at again, when what was before it has been taken.
                        self.lines.put_back();
                        break;
                    }
                }
            }
            if !items.is_empty() {
                self.items = self.items.saturating_add(u64::try_from(items.len()).unwrap_or(u64::MAX));
                return Ok(Piece::Items(items));
            }
            self.more().await?;
        }
    }
}

#[async_trait]
impl Pieces for Reading {
    async fn next(&mut self) -> Result<Piece, RenewError> {
        let next = tokio::time::timeout(STILL_MAX, self.piece()).await;
        next.map_err(|_| garbled(format!("nothing came for {STILL_MAX:?}")))?
    }
}
