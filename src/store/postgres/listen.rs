//! Hearing of other processes' commits: a connection of its own that listens, kept by a task.
//!
//! Invariant: a hint is only a hint. Nothing is read from it, and nothing rests on its coming.

use super::pool::Pool;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use sqlx::postgres::{PgListener, PgPoolOptions};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tracing::debug;

/// Where the trigger on the revision sends its hints.
const CHANNEL: &str = "lockbox_moved";
/// How long the connection may be silent before it is asked whether it lives.
const SILENT_MAX: Duration = Duration::from_secs(5);
/// How long it may take to connect, and to answer that.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// How long it rests after a failure, at first and at most.
const REST: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// The task that listens.
#[derive(Debug)]
pub(super) struct Listening {
    moved: Arc<Moved>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Moved {
    hint: Notify,
    waiting: AtomicUsize,
}

/// Somebody who waits, until he is told or gives up.
struct Waiting<'a>(&'a Moved);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listening {
    pub(super) fn start(pool: Arc<Pool>) -> Self {
        let moved = Arc::new(Moved::default());
        let task = tokio::spawn(listen(pool, Arc::clone(&moved))).abort_handle();
        Self { moved, task }
    }

    pub(super) fn stop(&self) {
        self.task.abort();
    }

    /// Waits for a hint; one that came while nobody waited is given to the next who does.
    pub(super) async fn heard(&self) {
        // Made first: who is counted is reached by a hint to all who wait.
        let notified = self.moved.hint.notified();
        self.moved.waiting.fetch_add(1, Ordering::AcqRel);
        let _counted = Waiting(&self.moved);
        notified.await;
    }
}

async fn listen(pool: Arc<Pool>, moved: Arc<Moved>) {
    let mut rest = REST.0;
    loop {
        match connected(&pool).await {
            Ok(mut listener) => {
                rest = REST.0;
                // Whatever was said while nobody listened.
                tell(&moved);
                let why = hear(&mut listener, &moved).await;
                debug!(why, "the connection that listens for changes is gone");
            }
            Err(why) => debug!(why, "cannot listen for changes"),
        }
        tokio::time::sleep(rest).await;
        rest = (rest * 2).min(REST.1);
    }
}

/// Tells everybody who waits, or the next who will.
fn tell(moved: &Moved) {
    if moved.waiting.load(Ordering::Acquire) > 0 {
        moved.hint.notify_waiters();
    } else {
        moved.hint.notify_one();
    }
}

async fn connected(pool: &Arc<Pool>) -> Result<PgListener, String> {
    // Finds the primary, if it is another one than before.
    pool.acquire().await.map_err(|error| error.to_string())?.keep();
    let options = pool.servers().primary().cloned().ok_or("no server")?;
    let connect = async {
        let one =
            PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None).connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&one).await?;
        // A connection that is lost ends in a new search for the primary, not in the same host for ever.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok::<_, sqlx::Error>(listener)
    };
    match tokio::time::timeout(ANSWER_MAX, connect).await {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_elapsed) => Err("no answer".to_owned()),
    }
}

/// Passes hints on until the connection is lost; gives why it is.
async fn hear(listener: &mut PgListener, moved: &Moved) -> &'static str {
    loop {
        match tokio::time::timeout(SILENT_MAX, listener.try_recv()).await {
            Ok(Ok(Some(_hint))) => tell(moved),
            Ok(Ok(None)) => return "it was closed",
            Ok(Err(_error)) => return "it failed",
            Err(_silent) => {
                let alive = sqlx::query("SELECT 1").execute(&mut *listener);
                if !matches!(tokio::time::timeout(ANSWER_MAX, alive).await, Ok(Ok(_))) {
                    return "it does not answer";
                }
            }
        }
    }
}
