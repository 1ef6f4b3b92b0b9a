//! The accept loop against clients that are slow, many, impolite or gone. Real sockets; every wait is
//! for an event, with a bound that only a failure reaches.

use super::*;
use crate::clock::{SeededIds, SteppedClock};
use crate::domain::Timestamp;
use crate::http::body::{BodyBounds, Media, typed_bytes};
use axum::Router;
use axum::extract::{Extension, Request};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use core::future::Future as _;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use hyper::body::{Body as HttpBody, Frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Sleep;

mod stop_and_h2;

/// Long after every bound that is tested: reached only when something hangs.
const HANG: Duration = Duration::from_secs(60);

/// How many pieces `/slowly` says, one every 20 ms: longer than idle connections live where it is asked.
const PIECES: usize = 150;

/// An answer in pieces.
struct Slowly(usize, Pin<Box<Sleep>>);

impl HttpBody for Slowly {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        ready!(self.1.as_mut().poll(context));
        *self = Self(self.0 - 1, Box::pin(tokio::time::sleep(Duration::from_millis(20))));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"piece;")))))
    }
}

struct TestServer {
    address: SocketAddr,
    counts: Arc<Counts>,
    stop: watch::Sender<bool>,
    done: JoinHandle<Stopped>,
    /// `/held` tells that it has begun, and waits to be released.
    begun: Arc<Notify>,
    release: Arc<Notify>,
}

async fn start(bounds: Bounds) -> TestServer {
    let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tells, waits) = (Arc::clone(&begun), Arc::clone(&release));
    let body = BodyBounds { bytes_max: 1000, deadline: Duration::from_millis(200) };
    let router = Router::new()
        .route("/slowly", get(|| async { Body::new(Slowly(PIECES, Box::pin(tokio::time::sleep(Duration::ZERO)))) }))
        .route("/", get(|Extension(peer): Extension<Peer>| async move { format!("{peer:?}") }))
        .route(
            "/panics",
            get(|| async {
                if true {
                    panic!("on purpose")
                }
            }),
        )
        .route(
            "/held",
            get(move || async move {
                tells.notify_one();
                waits.notified().await;
                "released"
            }),
        )
        .route(
            "/echo",
            post(move |request: Request| async move {
                let (parts, sent) = request.into_parts();
                match typed_bytes(&parts.headers, sent, body, Media::Json).await {
                    Ok(bytes) => Response::new(Body::from(bytes)),
                    Err(problem) => problem.into_response(),
                }
            }),
        );
    let clock = SteppedClock::at(Timestamp::from_ms(0));
    let edge = Edge::around(router, Arc::new(clock), Arc::new(SeededIds::new(1)));
    let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (address, counts) = (listener.address().unwrap(), Arc::new(Counts::default()));
    let (stop, stopped) = watch::channel(false);
    let done = tokio::spawn(serve(listener, edge, bounds, Arc::clone(&counts), stopped));
    TestServer { address, counts, stop, done, begun, release }
}

impl TestServer {
    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    async fn stop(self) -> Stopped {
        self.stop.send_replace(true);
        tokio::time::timeout(HANG, self.done).await.expect("the server stops").unwrap()
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, text: &str) {
        // The server may have closed already; what it answered before is what counts.
        let _sent = self.0.write_all(text.as_bytes()).await;
    }

    /// Everything until the server closes.
    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let _closed_or_reset =
            tokio::time::timeout(HANG, self.0.read_to_end(&mut bytes)).await.expect("the server closes");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What has come as soon as it contains `end`, or all until the server closes.
    async fn until(&mut self, end: &str) -> String {
        let (mut text, mut buffer) = (String::new(), [0; 4096]);
        while !text.contains(end) {
            match tokio::time::timeout(HANG, self.0.read(&mut buffer)).await.expect("the server answers") {
                Ok(0) | Err(_) => break,
                Ok(count) => text.push_str(&String::from_utf8_lossy(&buffer[..count])),
            }
        }
        text
    }

    /// Asks for a path on a connection that stays open.
    async fn get(&mut self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        self.until("\r\n\r\n").await
    }
}

fn quick() -> Bounds {
    Bounds { head_deadline: Duration::from_millis(200), idle_max: Duration::from_millis(200), ..Bounds::default() }
}

const CLOSING: &str = "Host: x\r\nConnection: close\r\n";
const JSON: &str = "Content-Type: application/json\r\n";

#[tokio::test]
async fn a_request_is_answered_and_knows_its_peer() {
    let server = start(Bounds::default()).await;
    let mut client = server.connect().await;
    let local = client.0.local_addr().unwrap();
    client.send(&format!("GET / HTTP/1.1\r\n{CLOSING}X-Request-ID: r1\r\n\r\n")).await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(&format!("Tcp({local})")), "{answer}");
    assert!(answer.contains("x-request-id: r1\r\n"), "{answer}");
    client = server.connect().await;
    client.send(&format!("HEAD / HTTP/1.1\r\n{CLOSING}\r\n")).await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert_eq!(server.stop().await, Stopped { connections_cut: 0, requests_cut: 0 });
}

#[tokio::test]
async fn a_head_that_does_not_end_ends_the_connection() {
    let server = start(quick()).await;
    // No byte at all; a byte that could begin HTTP/2; a head cut short; a second head cut short; the
    // whole HTTP/2 preface and then nothing.
    for text in ["", "P", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow:", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut client = server.connect().await;
        client.send(text).await;
        client.rest().await;
    }
    let mut client = server.connect().await;
    assert!(client.get("/").await.contains("200 OK"));
    client.send("GET / HTT").await;
    client.rest().await;
    server.stop().await;
}

#[tokio::test]
async fn an_idle_connection_ends_and_a_busy_one_does_not() {
    let server = start(quick()).await;
    let mut busy = server.connect().await;
    busy.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.begun.notified().await;
    let mut idle = server.connect().await;
    assert!(idle.get("/").await.contains("200 OK"));
    idle.rest().await;
    // A whole idle connection has lived and died since: the held request is still there.
    server.release.notify_one();
    assert!(busy.until("released").await.contains("200 OK"));
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_goes_on_longer_than_idle_connections_live_is_not_cut() {
    // Many pieces to each look at the connection, so that no pause of this machine is taken for silence.
    let bound = Duration::from_millis(500);
    let server = start(Bounds { head_deadline: bound, idle_max: bound, ..Bounds::default() }).await;
    let mut client = server.connect().await;
    client.send(&format!("GET /slowly HTTP/1.1\r\n{CLOSING}\r\n")).await;
    let answer = client.rest().await;
    assert_eq!(answer.matches("piece;").count(), PIECES, "{answer}");
}

#[tokio::test]
async fn a_body_must_come_in_time_and_in_size() {
    let server = start(Bounds::default()).await;
    let big = "x".repeat(2000);
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n7d0\r\n{big}\r\n0\r\n\r\n");
    for (rest, status) in [
        ("Content-Length: 10\r\n\r\n{\"a\"".to_owned(), "408"),
        ("Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n".to_owned(), "408"),
        ("Content-Length: 1000000000\r\n\r\n{".to_owned(), "413"),
        (chunked, "413"),
        ("Content-Length: 2\r\n\r\n{}".to_owned(), "200"),
        ("Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_owned(), "200"),
    ] {
        let mut client = server.connect().await;
        client.send(&format!("POST /echo HTTP/1.1\r\n{CLOSING}{JSON}{rest}")).await;
        let answer = client.until("\r\n\r\n").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{rest:.60}: {answer}");
        assert_eq!(answer.contains("application/problem+json"), status != "200");
    }
    server.stop().await;
}

#[tokio::test]
async fn connections_over_the_cap_are_closed_and_counted() {
    let server = start(Bounds { connections_max: 50, ..Bounds::default() }).await;
    let mut inside = Vec::new();
    for _ in 0..50 {
        let mut client = server.connect().await;
        assert!(client.get("/").await.contains("200 OK"));
        inside.push(client);
    }
    for _ in 50..200 {
        assert_eq!(server.connect().await.rest().await, "");
    }
    assert_eq!(server.counts.over_cap.load(Ordering::SeqCst), 150);
    for client in &mut inside {
        assert!(client.get("/").await.contains("200 OK"));
    }
    // A place that comes free is taken again, as soon as the server has seen that it is.
    drop(inside.pop());
    while !server.connect().await.get("/").await.contains("200 OK") {
        tokio::task::yield_now().await;
    }
    drop(inside);
    assert_eq!(server.stop().await.connections_cut, 0);
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_connection_goes_on() {
    let server = start(Bounds::default()).await;
    let mut client = server.connect().await;
    client.send("GET /panics HTTP/1.1\r\nHost: x\r\nX-Request-ID: p1\r\n\r\n").await;
    let answer = client.until("urn:lockbox:problem:internal").await;
    assert!(answer.starts_with("HTTP/1.1 500") && answer.contains("x-request-id: p1"), "{answer}");
    let mut other = server.connect().await;
    assert!(other.get("/").await.contains("200 OK"));
    drop((client, other));
    server.stop().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(Bounds::default()).await;
    let mut client = server.connect().await;
    let one = |id: u32| format!("GET / HTTP/1.1\r\nHost: x\r\nX-Request-ID: n{id}\r\n\r\n");
    let last = format!("GET /none HTTP/1.1\r\n{CLOSING}\r\n");
    client.send(&((0..5).map(one).collect::<String>() + &last)).await;
    let answers = client.rest().await;
    let at: Vec<usize> = (0..5).map(|id| answers.find(&format!("x-request-id: n{id}\r\n")).unwrap()).collect();
    assert!(
        at.is_sorted() && answers.matches("HTTP/1.1 200").count() == 5 && answers.contains("HTTP/1.1 404"),
        "{answers}"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_body_with_two_lengths_smuggles_nothing() {
    let server = start(Bounds::default()).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = smuggled.len() + 5;
    for (head, status) in [
        // Two lengths: the chunks count (RFC 9112 §6.1), and the connection ends with the answer.
        (format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 200),
        (format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n"), 200),
        ("Content-Length: 0\r\nContent-Length: 40\r\n\r\n".to_owned(), 400),
        ("Content-Length: 0, 40\r\n\r\n".to_owned(), 400),
        ("Content-Length: +0\r\n\r\n".to_owned(), 400),
        ("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n".to_owned(), 400),
        ("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n".to_owned(), 400),
        ("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n".to_owned(), 400),
        ("Transfer-Encoding: chunked\r\n\r\n0\r\nx\r\n".to_owned(), 400),
    ] {
        let mut client = server.connect().await;
        client.send(&format!("POST /echo HTTP/1.1\r\nHost: x\r\n{JSON}{head}{smuggled}")).await;
        let answers = client.rest().await;
        // One answer and the end of the connection: the second request is never read as one.
        assert_eq!(answers.matches("HTTP/1.1").count(), 1, "{head}: {answers}");
        assert!(answers.starts_with(&format!("HTTP/1.1 {status}")), "{head}: {answers}");
    }
    server.stop().await;
}
