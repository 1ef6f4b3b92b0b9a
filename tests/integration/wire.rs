//! A small HTTP client that sends exactly what a test says, byte for byte, on a connection of its own,
//! and never follows, retries or corrects anything.

use serde_json::Value;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// The longest an answer may take; far above any that is right.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// One listener, asked as one person, caller or nobody.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn anonymous(address: SocketAddr) -> Self {
        Self { address, headers: Vec::new() }
    }

    pub(crate) fn with_token(address: SocketAddr, token: &str) -> Self {
        Self::anonymous(address).with("Authorization", &format!("Bearer {token}"))
    }

    /// The same with one more header line.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut more = self.clone();
        more.headers.push((name.to_owned(), value.to_owned()));
        more
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.json("POST", path, body)
    }

    /// A `POST` without a body.
    pub(crate) fn post_nothing(&self, path: &str) -> Reply {
        self.send("POST", path, None)
    }

    pub(crate) fn json(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.post_bytes_as(method, path, "application/json", body.to_string().as_bytes())
    }

    /// A `POST` of exactly these bytes as JSON.
    pub(crate) fn post_bytes(&self, path: &str, body: &[u8]) -> Reply {
        self.post_bytes_as("POST", path, "application/json", body)
    }

    pub(crate) fn post_bytes_as(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Reply {
        self.with("Content-Type", content_type).send(method, path, Some(body))
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&[u8]>) -> Reply {
        let mut head = String::new();
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if body.is_some() || matches!(method, "POST" | "PUT" | "PATCH") {
            write!(head, "Content-Length: {}\r\n", body.map_or(0, <[u8]>::len)).unwrap();
        }
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{head}\r\n", self.address);
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body.unwrap_or_default());
        raw(self.address, &bytes, method == "HEAD").unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// As `get`, where nobody may be there to answer.
    pub(crate) fn try_post(&self, path: &str, body: &Value) -> std::io::Result<Reply> {
        let body = body.to_string();
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{headers}\r\n{body}",
            self.address,
            body.len()
        );
        raw(self.address, bytes.as_bytes(), false)
    }
}

/// Sends `bytes`, and reads until the other side closes.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8], head_only: bool) -> std::io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_nodelay(true)?;
    // Whoever refuses a body may close before all of it is sent; the answer is still to be read.
    let sent = stream.write_all(bytes);
    let mut got = Vec::new();
    let read = stream.read_to_end(&mut got);
    let _nothing_more_to_say = stream.shutdown(Shutdown::Both);
    match parse(&got, head_only) {
        Some(reply) => Ok(reply),
        None => Err(sent.and(read.map(|_| ())).err().unwrap_or_else(|| std::io::ErrorKind::UnexpectedEof.into())),
    }
}

fn parse(bytes: &[u8], head_only: bool) -> Option<Reply> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())))
        .collect();
    let body = bytes[end + 4..].to_vec();
    let length = headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.parse().unwrap());
    // An answer cut short is no answer.
    (head_only || length.is_none_or(|length: usize| length == body.len())).then_some(Reply { status, headers, body })
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// A problem document of this status, whose `detail` contains `words`.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, words: &str) -> Value {
        let reply = self.is(status);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        let problem = reply.json();
        assert_eq!(problem["status"], status);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(words), "`{detail}` does not say `{words}`");
        problem
    }

    #[track_caller]
    pub(crate) fn state(&self) -> String {
        self.json()["state"].as_str().unwrap_or_else(|| panic!("no state: {}", self.text())).to_owned()
    }

    #[track_caller]
    pub(crate) fn reason(&self) -> String {
        self.json()["reason"].as_str().unwrap_or_else(|| panic!("no reason: {}", self.text())).to_owned()
    }
}
