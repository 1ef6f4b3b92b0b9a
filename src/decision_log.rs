//! The decision log: an append-only record of every decision, written before the decision is answered.
//!
//! It takes bytes and gives back bytes; what a record says is built elsewhere. One thread owns the file, tasks share its writes and
//! syncs, segments are verified at open, and any fault refuses every append until a new segment stands. It must
//! never acknowledge a record that is not in the log, never delete one, and never block a task.
//!
//! ```text
//! append.rs    the future of one append          queue.rs     what waits for the writer, refusals, the watchdog's look
//! batch.rs     one acknowledgement for many      relay.rs     wakes a batch at the cost of one task
//! writer.rs    write, sync, rotate, recover      framing.rs   the bytes
//! recovery.rs  verify at open, cut a torn tail   reader.rs    records for replay and tail
//! ```

mod append;
mod batch;
mod disk;
mod framing;
mod health;
mod queue;
mod reader;
mod recovery;
mod relay;
mod scan;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use append::Append;
pub use framing::PAYLOAD_BYTES_MAX;
pub use health::{Health, LogState};
pub use reader::{Location, Record, Records};
pub use recovery::Recovery;
pub use relay::Relay;
pub use scan::ReadError;

use disk::{Disk, RealDisk};
use queue::{APPEND_BYTES_MAX, Shared};
use writer::Writer;

/// How durable a record must be before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Written: survives the end of the process. On disk within 100 ms.
    Process,
    /// Synced: survives a power cut.
    Disk,
}

/// The log's own view of time, so that tests can drive it. Neither method may block.
pub trait LogClock: Send + Sync + 'static {
    /// Wall time, milliseconds UTC: only ever recorded, never compared.
    fn wall_ms(&self) -> u64;
    /// Time since boot, milliseconds, suspend included: measures waits.
    fn boot_ms(&self) -> u64;
}

/// Limits of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A segment that would grow beyond this gets a successor first. Only a single batch larger than this exceeds it. At least 4 KiB.
    pub segment_bytes_max: u64,
    /// Records queued or being written, beyond which appends are refused as overloaded. At least 1.
    pub in_flight_max: usize,
    /// How long the oldest record may wait, beyond which appends are refused as stalled, milliseconds. At least 1.
    pub stall_ms_max: u64,
    /// How much is read at open: the newest segments are verified to the last byte, older ones beyond this only by their headers. The
    /// last segment is always read.
    pub open_scan_bytes_max: u64,
}

impl Default for Settings {
    /// 64 MiB, 1,024 records, 2 s; 1 GiB is read in about a second from a warm disk.
    fn default() -> Settings {
        Settings { segment_bytes_max: 64 << 20, in_flight_max: 1024, stall_ms_max: 2_000, open_scan_bytes_max: 1 << 30 }
    }
}

/// A record that is as durable as was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its number; of several records, the number of the first.
    pub sequence: u64,
}

/// Why a record was not acknowledged. Whatever depended on it must be denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// A write or sync failed; the log recovers by itself when the disk does. `health` tells the cause.
    #[error("the decision log cannot be written; see the readiness report for the cause")]
    Unavailable,
    /// The disk did not answer in time.
    #[error("the disk of the decision log does not answer")]
    Stalled,
    /// More records are in flight than `in_flight_max`.
    #[error("too many records wait for the decision log; send fewer requests at once")]
    Overloaded,
    /// The payload is empty or too long. Nothing was queued.
    #[error("a record of {bytes} bytes cannot be logged, it must have 1 to {PAYLOAD_BYTES_MAX}")]
    PayloadSize {
        /// Its length; 0 also when no record was given at all.
        bytes: usize,
    },
    /// The payloads of one `append_all` are too long together. Nothing was queued.
    #[error("records of {bytes} bytes together cannot be logged at once, at most {APPEND_BYTES_MAX} can: split them")]
    BatchTooLarge {
        /// Their length together.
        bytes: usize,
    },
    /// The log was closed.
    #[error("the decision log is closed")]
    Closed,
}

/// Why the log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What is there cannot be read or must not be continued.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Another process writes this directory.
    #[error("`{}` is being written by another process: stop it, or give this one a directory of its own", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory cannot be written.
    #[error("cannot write the decision log in `{}`: {source}", dir.display())]
    Write {
        /// The directory.
        dir: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// A limit is out of bounds.
    #[error("`{name}` = {value} is too small for the decision log, the least is {least}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: u64,
        /// The least value that works.
        least: u64,
    },
}

/// The open log. Share it in an `Arc`; all methods take `&self`.
pub struct DecisionLog {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl DecisionLog {
    /// Verifies what `dir` holds, makes it when it is not there, and starts the writer. It reads files: call it before serving.
    ///
    /// # Errors
    /// When the directory is in use, unreadable, unwritable, or holds a damaged log; nothing is changed then.
    pub fn open(
        dir: &Path,
        settings: Settings,
        clock: Arc<dyn LogClock>,
    ) -> Result<(DecisionLog, Recovery), OpenError> {
        DecisionLog::open_on(Box::new(RealDisk), dir, settings, clock)
    }

    fn open_on(
        disk: Box<dyn Disk>,
        dir: &Path,
        settings: Settings,
        clock: Arc<dyn LogClock>,
    ) -> Result<(DecisionLog, Recovery), OpenError> {
        settings.check()?;
        let unwritable = |source| OpenError::Write { dir: dir.to_path_buf(), source };
        std::fs::create_dir_all(dir).map_err(unwritable)?;
        let Some(lock) = disk::lock_directory(dir).map_err(unwritable)? else {
            return Err(OpenError::Locked { dir: dir.to_path_buf() });
        };
        let (last, recovery) = recovery::recover(dir, settings.open_scan_bytes_max)?;

        let next_sequence = last.as_ref().map_or(1, |last| last.next_sequence);
        let shared = Arc::new(Shared::new(clock, settings.in_flight_max, settings.stall_ms_max, next_sequence));
        shared.counters.segments.store(recovery.segments as u64, Ordering::Relaxed);
        let tick = Duration::from_millis((settings.stall_ms_max / 8).clamp(1, 250));
        let writer =
            Writer::open(Arc::clone(&shared), disk, dir.to_path_buf(), settings, last, lock).map_err(unwritable)?;

        let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(unwritable)
        };
        let log = DecisionLog { shared: Arc::clone(&shared), threads: Mutex::default() };
        let written = spawn("decision-log", Box::new(move || writer.run()))?;
        log.threads().push(written);
        let watched = spawn("decision-watch", Box::new(move || watch(&shared, tick)))?;
        log.threads().push(watched);
        Ok((log, recovery))
    }

    /// Appends one record: queued at the first poll, resolved when it is as durable as asked.
    pub fn append(&self, payload: Vec<u8>, durability: Durability) -> Append {
        Append::one(&self.shared, payload, durability)
    }

    /// Appends records with consecutive numbers, one acknowledgement for all; the number of the first is returned. They are refused
    /// together, but a power cut may leave only the first few of an unacknowledged batch.
    pub fn append_all(&self, payloads: Vec<Vec<u8>>, durability: Durability) -> Append {
        Append::many(&self.shared, payloads, durability)
    }

    /// The same as [`DecisionLog::append`] for a thread without a runtime. Never call it from a task.
    ///
    /// # Errors
    /// As the future does.
    pub fn append_blocking(&self, payload: Vec<u8>, durability: Durability) -> Result<Appended, AppendError> {
        append::block_on(self.append(payload, durability))
    }

    /// The task that makes appending from a runtime cheap: spawn it there once. Appends work without it, at about twice the cost.
    pub fn relay(&self) -> Relay {
        Relay::new(&self.shared)
    }

    /// Whether records are taken, and the numbers for the metrics.
    pub fn health(&self) -> Health {
        health::health(&self.shared)
    }

    /// Refuses new records, writes and syncs what is queued, and ends the threads. Blocks until then: call it from a blocking thread.
    /// A second call does nothing.
    pub fn close(&self) {
        self.shared.begin_close();
        for thread in std::mem::take(&mut *self.threads()) {
            thread.thread().unpark();
            // A panic of the thread was told to all who waited, by `writer_ended`.
            let _panic = thread.join();
        }
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for DecisionLog {
    /// Lets the writer finish what is queued, without waiting for a disk that may hang.
    fn drop(&mut self) {
        self.shared.begin_close();
        for thread in &*self.threads() {
            thread.thread().unpark();
        }
    }
}

impl Settings {
    fn check(&self) -> Result<(), OpenError> {
        let at_least = |name, value, least| {
            if value < least { Err(OpenError::Setting { name, value, least }) } else { Ok(()) }
        };
        at_least("segment_bytes_max", self.segment_bytes_max, 4096)?;
        at_least("in_flight_max", self.in_flight_max as u64, 1)?;
        at_least("stall_ms_max", self.stall_ms_max, 1)
    }
}

/// The watchdog's thread: it owns no file, so that it can tell when the disk hangs the one that does.
fn watch(shared: &Shared, tick: Duration) {
    while !shared.is_closed() {
        shared.watch();
        std::thread::park_timeout(tick);
    }
}
