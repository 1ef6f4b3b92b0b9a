//! The one thread that writes: batches in order, group commit without a timer, and what happens when the disk fails.
//!
//! While one `fdatasync` runs, the next batch fills. After a failed write or sync the file is never written or synced again, because the
//! kernel reports an error once and then calls the lost pages clean; the log refuses until a *new* segment holds everything that was
//! acknowledged but not yet known to be on disk. This file never acknowledges what it did not write, and never blocks a caller.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crc32fast::Hasher;

use super::batch::Outcome;
use super::disk::{Disk, SegmentFile};
use super::framing::{HEADER_BYTES, Header, Seal};
use super::health::Counters;
use super::queue::{Open, Shared, Work};
use super::recovery::Last;
use super::segment::{UNFINISHED, segment_name};
use super::{Durability, Settings};

/// Blocks reserved ahead of the writing. Small enough that a nearly full disk is used to the end, large enough to be rare.
const ALLOCATE_BYTES: u64 = 8 * 1024 * 1024;
/// A `Process` record is on disk after this many milliseconds (SAFETY: deny: `write`, synced within 100 ms).
const SYNC_MS_MAX: u64 = 100;
/// Or as soon as this many bytes wait for it: they are kept in memory for a rewrite.
const UNSYNCED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// First and longest wait between two attempts at a new segment.
const RETRY_MS: u64 = 50;
const RETRY_MS_MAX: u64 = 1_000;

/// A place in a segment up to which something holds.
#[derive(Clone)]
struct Mark {
    length: u64,
    checksum: Hasher,
    next_sequence: u64,
}

/// The segment being written.
struct Segment {
    file: Box<dyn SegmentFile>,
    path: PathBuf,
    previous: Seal,
    /// Blocks are reserved up to here.
    allocated: u64,
    written: Mark,
    /// Up to here it is on disk. After a fault this is where the segment ends.
    synced: Mark,
}

/// The writer thread's own.
pub(super) struct Writer {
    shared: Arc<Shared>,
    disk: Box<dyn Disk>,
    dir: PathBuf,
    settings: Settings,
    segment: Segment,
    /// Frames written and acknowledged, but not synced: what a new segment must begin with after a fault.
    unsynced: Vec<u8>,
    unsynced_records: u64,
    unsynced_since_ms: u64,
    /// The wait before the next attempt at a new segment, while failing.
    retry_ms: Option<u64>,
    /// Held for its lock.
    _lock: File,
}

impl Writer {
    /// Goes on with the last segment, or makes the first. Whatever was found is on disk when this returns.
    pub(super) fn open(
        shared: Arc<Shared>,
        disk: Box<dyn Disk>,
        dir: PathBuf,
        settings: Settings,
        last: Option<Last>,
        lock: File,
    ) -> io::Result<Writer> {
        let segment = match last {
            None => {
                let nothing = Mark { length: 0, checksum: Hasher::new(), next_sequence: 1 };
                make_segment(&shared, &*disk, &dir, &settings, Seal::default(), &nothing, (&[], 0))?
            }
            Some(last) => {
                let file = disk.open(&last.path)?;
                file.sync_data()?;
                disk.sync_dir(&dir)?;
                let mark = Mark { length: last.length, checksum: last.checksum, next_sequence: last.next_sequence };
                Segment {
                    file,
                    path: last.path,
                    previous: last.previous,
                    allocated: last.length,
                    written: mark.clone(),
                    synced: mark,
                }
            }
        };
        Ok(Writer {
            shared,
            disk,
            dir,
            settings,
            segment,
            unsynced: Vec::new(),
            unsynced_records: 0,
            unsynced_since_ms: 0,
            retry_ms: None,
            _lock: lock,
        })
    }

    /// Writes until the log is closed and everything queued is settled.
    pub(super) fn run(mut self) {
        let _ended = Ended(Arc::clone(&self.shared));
        let mut open = Open::default();
        loop {
            match self.shared.take(&mut open, self.wait()) {
                Work::Batch => self.commit(&mut open),
                Work::Timeout if self.retry_ms.is_some() => self.recover(),
                Work::Timeout => self.sync_or_fail(),
                Work::Close => break,
            }
        }
        if self.retry_ms.is_some() {
            self.recover();
        } else {
            self.sync_or_fail();
        }
        // Gives back the blocks reserved ahead; the length is already right.
        let _optional = self.segment.file.truncate(self.segment.written.length);
    }

    fn wait(&self) -> Option<Duration> {
        match self.retry_ms {
            Some(ms) => Some(Duration::from_millis(ms)),
            None if !self.unsynced.is_empty() => Some(Duration::from_millis(SYNC_MS_MAX)),
            None => None,
        }
    }

    /// One batch: write, acknowledge `Process`, sync if asked, acknowledge `Disk`.
    fn commit(&mut self, open: &mut Open) {
        let batch = Arc::clone(&open.batch);
        if let Err(error) = self.write(open) {
            self.fault("write", &error);
            batch.settle_all(Outcome::Unavailable, &self.shared.board);
            open.recycle(Vec::new(), Vec::new());
            self.recover();
            return;
        }
        if !open.wants_disk {
            if self.unsynced.is_empty() {
                self.unsynced_since_ms = self.shared.clock.boot_ms();
            }
            self.keep_unsynced(&open.bytes, open.records);
        }
        let process_wakers = batch.settle(Durability::Process, Outcome::Done, &self.shared.board);
        let mut disk_wakers = Vec::new();
        if open.wants_disk || self.sync_is_due() {
            match self.sync() {
                Ok(()) => disk_wakers = batch.settle(Durability::Disk, Outcome::Done, &self.shared.board),
                Err(error) => {
                    if open.wants_disk {
                        let acknowledged = open.bytes.get(..open.process_end).unwrap_or_default();
                        self.keep_unsynced(acknowledged, open.process_records);
                    }
                    self.fault("sync", &error);
                    batch.settle(Durability::Disk, Outcome::Unavailable, &self.shared.board);
                    self.recover();
                }
            }
        }
        open.recycle(process_wakers, disk_wakers);
    }

    fn keep_unsynced(&mut self, frames: &[u8], records: usize) {
        self.unsynced.extend_from_slice(frames);
        self.unsynced_records += records as u64;
    }

    fn sync_is_due(&self) -> bool {
        self.unsynced.len() >= UNSYNCED_BYTES_MAX
            || (!self.unsynced.is_empty()
                && self.shared.clock.boot_ms().saturating_sub(self.unsynced_since_ms) >= SYNC_MS_MAX)
    }

    fn write(&mut self, open: &Open) -> io::Result<()> {
        let bytes = open.bytes.len() as u64;
        let has_records = self.segment.written.length > HEADER_BYTES as u64;
        if has_records && self.segment.written.length + bytes > self.settings.segment_bytes_max {
            self.sync()?;
            self.start_segment()?;
        }
        let segment = &mut self.segment;
        let end = segment.written.length + bytes;
        if end > segment.allocated {
            segment.allocated = allocate(&*segment.file, segment.allocated, end, self.settings.segment_bytes_max)?;
        }
        segment.file.write_all_at(&open.bytes, segment.written.length)?;
        segment.written.length = end;
        segment.written.checksum.update(&open.bytes);
        segment.written.next_sequence += open.records as u64;
        let counters = &self.shared.counters;
        Counters::add(&counters.records, open.records as u64);
        Counters::add(&counters.bytes, bytes);
        Counters::add(&counters.batches, 1);
        counters.last_sequence.store(segment.written.next_sequence - 1, Ordering::Relaxed);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.segment.synced.length == self.segment.written.length {
            return Ok(());
        }
        self.segment.file.sync_data()?;
        self.segment.synced = self.segment.written.clone();
        self.unsynced.clear();
        self.unsynced_records = 0;
        Counters::add(&self.shared.counters.syncs, 1);
        Ok(())
    }

    fn sync_or_fail(&mut self) {
        if let Err(error) = self.sync() {
            self.fault("sync", &error);
            self.recover();
        }
    }

    /// Refuses from here on. Numbers that were given out but not acknowledged are taken back.
    fn fault(&mut self, what: &str, error: &io::Error) {
        let next_sequence = self.segment.synced.next_sequence + self.unsynced_records;
        let reason = format!("cannot {what} `{}`: {error}", self.segment.path.display());
        self.shared.fail(reason, next_sequence);
        self.shared.counters.last_sequence.store(next_sequence - 1, Ordering::Relaxed);
        Counters::add(&self.shared.counters.errors, 1);
        self.retry_ms = Some(RETRY_MS);
    }

    /// One attempt at a new segment; until it succeeds everything is refused.
    fn recover(&mut self) {
        match self.start_segment() {
            Ok(()) => {
                self.retry_ms = None;
                self.shared.recovered();
            }
            Err(error) => {
                let wait_ms = self.retry_ms.unwrap_or(RETRY_MS);
                self.fault("start a new segment after", &error);
                self.retry_ms = Some((wait_ms * 2).min(RETRY_MS_MAX));
            }
        }
    }

    /// Puts a new segment in place of the present one, which ends where it was last synced.
    fn start_segment(&mut self) -> io::Result<()> {
        let old = &self.segment;
        let previous = if old.synced.length > HEADER_BYTES as u64 {
            Seal { length: old.synced.length, checksum: old.synced.checksum.clone().finalize() }
        } else {
            // Nothing was ever recorded in it: the new one takes its name and its place.
            old.previous
        };
        let kept = (self.unsynced.as_slice(), self.unsynced_records);
        let new = make_segment(&self.shared, &*self.disk, &self.dir, &self.settings, previous, &old.synced, kept)?;
        let old = std::mem::replace(&mut self.segment, new);
        // Only tidies up: gives back reserved blocks, and spares other readers what the new seal excludes.
        let _optional = old.file.truncate(old.synced.length);
        self.unsynced.clear();
        self.unsynced_records = 0;
        Ok(())
    }
}

/// Makes a segment that continues at `after` and begins with the `kept` frames. It gets its name only when all of it is on disk.
fn make_segment(
    shared: &Shared,
    disk: &dyn Disk,
    dir: &std::path::Path,
    settings: &Settings,
    previous: Seal,
    after: &Mark,
    kept: (&[u8], u64),
) -> io::Result<Segment> {
    let (frames, records) = kept;
    let first_sequence = after.next_sequence;
    let header = Header { first_sequence, created_at_ms: shared.clock.wall_ms(), previous };
    let mut bytes = header.encode().to_vec();
    bytes.extend_from_slice(frames);
    let length = bytes.len() as u64;

    let name = segment_name(first_sequence);
    let (path, unfinished) = (dir.join(&name), dir.join(name + UNFINISHED));
    let replaces = path.exists();
    let make = || -> io::Result<(Box<dyn SegmentFile>, u64)> {
        let file = disk.create(&unfinished)?;
        let allocated = allocate(&*file, 0, length, settings.segment_bytes_max)?;
        file.write_all_at(&bytes, 0)?;
        file.sync_data()?;
        disk.rename(&unfinished, &path)?;
        disk.sync_dir(dir)?;
        Ok((file, allocated))
    };
    let (file, allocated) = make().inspect_err(|_| {
        let _left_for_recovery = disk.remove(&unfinished);
    })?;
    if !replaces {
        Counters::add(&shared.counters.segments, 1);
    }
    Counters::add(&shared.counters.syncs, 1);
    let mut checksum = Hasher::new();
    checksum.update(&bytes);
    let mark = Mark { length, checksum, next_sequence: first_sequence + records };
    shared.counters.last_sequence.store(mark.next_sequence - 1, Ordering::Relaxed);
    Ok(Segment { file, path, previous, allocated, written: mark.clone(), synced: mark })
}

/// Reserves blocks from `allocated` to at least `end`; returns up to where. A file system that cannot is written without.
fn allocate(file: &dyn SegmentFile, allocated: u64, end: u64, segment_bytes_max: u64) -> io::Result<u64> {
    let ahead = allocated.saturating_add(ALLOCATE_BYTES).min(segment_bytes_max);
    let target = ahead.max(end);
    match file.allocate(allocated, target - allocated) {
        Ok(()) => Ok(target),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(u64::MAX),
        Err(error) => Err(error),
    }
}

/// Tells those who wait that nobody writes any more, whichever way the thread ended.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.writer_ended();
    }
}
