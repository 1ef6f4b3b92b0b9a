//! The accept loop: connections in, each with bounds on how long it may say nothing, how many there
//! may be, and how it ends. (The loop that comes with axum has no header timeout and no cap.)
//!
//! Invariant: a connection is never kept without a bound, a full process still accepts (and closes),
//! and nothing a client does ends the loop.

use super::edge::Edge;
use super::listen::{Listener, Stream};
use crate::identity::Peer;
use axum::body::{Body, HttpBody as _};
use axum::http::Response;
use core::convert::Infallible;
use core::pin::pin;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use http_body_util::BodyExt as _;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// The bounds of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Connections at once; what comes above is accepted, closed and counted.
    pub connections_max: u32,
    /// From a connection's start, or an answer's end, to the end of the next request's head.
    pub head_deadline: Duration,
    /// How long a connection may be without a request; it ends between one and two of these.
    pub idle_max: Duration,
    /// Requests at once on one HTTP/2 connection.
    pub streams_max: u32,
    /// Streams a client may reset before they are taken up; above it the connection ends (rapid reset).
    pub resets_max: usize,
    /// How long requests in flight may take to finish at a stop.
    pub stop_deadline: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            head_deadline: Duration::from_secs(10),
            idle_max: Duration::from_secs(60),
            streams_max: 128,
            resets_max: 20,
            stop_deadline: Duration::from_secs(10),
        }
    }
}

/// The largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// The most header lines of a request.
const HEADERS_MAX: usize = 64;
/// The pauses after an accept that failed, doubling from the first to the second.
const PAUSE_MS: (u64, u64) = (5, 1000);

/// What a listener has seen, for the metrics.
#[derive(Debug, Default)]
pub struct Counts {
    /// Connections taken.
    pub accepted: AtomicU64,
    /// Connections open now.
    pub open: AtomicUsize,
    /// Connections closed at once because there were too many.
    pub over_cap: AtomicU64,
    /// Accepts that failed, for instance for want of file descriptors.
    pub accept_failed: AtomicU64,
    /// Connections ended because they said nothing for too long.
    pub idled_out: AtomicU64,
    /// Requests being answered now.
    pub requests_in_flight: AtomicUsize,
}

/// How a stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were cut because they did not end in time.
    pub connections_cut: usize,
    /// Requests that were being answered on them.
    pub requests_cut: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    Draining,
    Cut,
}

/// Serves `listener` until `stop` is true or its sender is gone, then lets requests in flight finish
/// within the bound. Returns when every connection has ended.
pub async fn serve(
    listener: Listener,
    edge: Edge,
    bounds: Bounds,
    counts: Arc<Counts>,
    mut stop: watch::Receiver<bool>,
) -> Stopped {
    let places = Arc::new(Semaphore::new(usize::try_from(bounds.connections_max).unwrap_or(Semaphore::MAX_PERMITS)));
    let (phase, _) = watch::channel(Phase::Serving);
    let shared = Arc::new(Shared { edge, bounds, counts, builder: builder(bounds) });
    let mut pause_ms = PAUSE_MS.0;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                pause_ms = PAUSE_MS.0;
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    shared.counts.over_cap.fetch_add(1, Ordering::Relaxed);
                    continue;
                };
                shared.counts.accepted.fetch_add(1, Ordering::Relaxed);
                let (shared, phase) = (Arc::clone(&shared), phase.subscribe());
                tokio::spawn(async move {
                    shared.counts.open.fetch_add(1, Ordering::Relaxed);
                    shared.connection(stream, peer, phase).await;
                    shared.counts.open.fetch_sub(1, Ordering::Relaxed);
                    drop(place);
                });
            }
            // The client was gone before it was accepted: nothing is wrong here.
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                if shared.counts.accept_failed.fetch_add(1, Ordering::Relaxed) == 0 {
                    tracing::warn!(%error, "a connection could not be accepted; pausing between attempts");
                }
                // The connection stays in the backlog, so trying at once would spin.
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                pause_ms = pause_ms.saturating_mul(2).min(PAUSE_MS.1);
            }
        }
    }
    drop(listener);
    drain(&phase, &places, &shared).await
}

fn is_of_the_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput | NotConnected)
}

async fn drain(phase: &watch::Sender<Phase>, places: &Semaphore, shared: &Shared) -> Stopped {
    let all = shared.bounds.connections_max;
    phase.send_replace(Phase::Draining);
    if tokio::time::timeout(shared.bounds.stop_deadline, places.acquire_many(all)).await.is_ok() {
        return Stopped { connections_cut: 0, requests_cut: 0 };
    }
    let connections_cut = usize::try_from(all).unwrap_or(usize::MAX).saturating_sub(places.available_permits());
    let requests_cut = shared.counts.requests_in_flight.load(Ordering::Relaxed);
    phase.send_replace(Phase::Cut);
    let _every_connection_ends_at_once_now = places.acquire_many(all).await;
    Stopped { connections_cut, requests_cut }
}

fn builder(bounds: Bounds) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head_deadline)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(bounds.streams_max)
        .max_pending_accept_reset_streams(bounds.resets_max)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(bounds.idle_max)
        .keep_alive_timeout(bounds.head_deadline);
    builder
}

struct Shared {
    edge: Edge,
    bounds: Bounds,
    counts: Arc<Counts>,
    builder: Builder<TokioExecutor>,
}

/// What a connection is doing, as its watch sees it.
#[derive(Default)]
struct Life {
    active: AtomicUsize,
    /// Requests that have begun, and pieces of long answers that were taken.
    begun: AtomicU64,
}

/// Counts a request while it is answered, also when it is dropped in the middle.
struct InFlight<'l>(&'l Life, &'l Counts);

impl<'l> InFlight<'l> {
    fn begin(life: &'l Life, counts: &'l Counts) -> Self {
        life.active.fetch_add(1, Ordering::Relaxed);
        life.begun.fetch_add(1, Ordering::Relaxed);
        counts.requests_in_flight.fetch_add(1, Ordering::Relaxed);
        Self(life, counts)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
        self.1.requests_in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer that is made piece by piece shows, by each that is taken, that the connection is not idle: a snapshot over
/// a slow line takes longer than an idle one may live. One that nobody reads shows nothing.
fn seen_to_go_on(answer: Response<Body>, life: &Arc<Life>) -> Response<Body> {
    if answer.body().size_hint().exact().is_some() {
        return answer;
    }
    let life = Arc::clone(life);
    answer.map(|body| {
        Body::new(body.map_frame(move |frame| {
            life.begun.fetch_add(1, Ordering::Relaxed);
            frame
        }))
    })
}

impl Shared {
    /// Drives one connection to its end. Beside hyper's own head timeout, a watch ends what says
    /// nothing: hyper-util waits without a bound for the bytes that tell HTTP/1 from HTTP/2, HTTP/2
    /// connections may idle for ever, and a client may never read its answer.
    async fn connection(self: &Arc<Self>, stream: Stream, peer: Peer, mut phase: watch::Receiver<Phase>) {
        let (stream, peer) = match stream {
            Stream::Unsecured(..) => {
                let agreed = tokio::time::timeout(self.bounds.head_deadline, stream.agreed(peer)).await;
                // Nobody to tell: without TLS there is nothing to say it in.
                let Ok(Ok(agreed)) = agreed else { return };
                agreed
            }
            stream => (stream, peer),
        };
        let life = Arc::new(Life::default());
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
            let (shared, life, peer) = (Arc::clone(self), Arc::clone(&life), peer.clone());
            async move {
                let _counted = InFlight::begin(&life, &shared.counts);
                let answer = shared.edge.answer(request.map(Body::new), peer).await;
                Ok::<_, Infallible>(seen_to_go_on(answer, &life))
            }
        });
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        let (mut patience, mut seen, mut ending) = (self.bounds.head_deadline, 0, false);
        let mut quiet = pin!(tokio::time::sleep(patience));
        loop {
            tokio::select! {
                // An error is the client's: a broken pipe, bytes that are no HTTP. There is nobody to tell.
                _ended = connection.as_mut() => return,
                changed = phase.wait_for(|phase| *phase != Phase::Serving && (!ending || *phase == Phase::Cut)) => {
                    match changed.map(|phase| *phase) {
                        Ok(Phase::Draining) => {
                            ending = true;
                            connection.as_mut().graceful_shutdown();
                        }
                        Ok(Phase::Serving) => {}
                        Ok(Phase::Cut) | Err(_) => return,
                    }
                }
                () = quiet.as_mut() => {
                    let begun = life.begun.load(Ordering::Relaxed);
                    if life.active.load(Ordering::Relaxed) == 0 && begun == seen {
                        if ending {
                            return;
                        }
                        self.counts.idled_out.fetch_add(1, Ordering::Relaxed);
                        ending = true;
                        connection.as_mut().graceful_shutdown();
                    } else {
                        (seen, patience) = (begun, self.bounds.idle_max);
                    }
                    quiet.set(tokio::time::sleep(patience));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
