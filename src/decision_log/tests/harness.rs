//! A driven clock, a disk with faults, and short names for what the tests do all the time.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::{fs, io};

use super::super::disk::{Disk, RealDisk, SegmentFile};
use super::super::*;

#[derive(Default)]
pub(super) struct TestClock(AtomicU64);

impl TestClock {
    pub(super) fn advance_ms(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl LogClock for TestClock {
    fn wall_ms(&self) -> u64 {
        1_795_000_000_000 + self.boot_ms()
    }

    fn boot_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Small enough for several segments; a quick watchdog.
pub(super) fn small() -> Settings {
    Settings { segment_bytes_max: 4096, stall_ms_max: 8, ..Settings::default() }
}

pub(super) fn payload(n: u64) -> Vec<u8> {
    format!(r#"{{"n":{n},"filler":"{}"}}"#, "x".repeat(usize::try_from(n * 7 % 90).unwrap())).into_bytes()
}

pub(super) fn open(dir: &Path) -> (DecisionLog, Recovery) {
    DecisionLog::open(dir, small(), Arc::new(TestClock::default())).unwrap()
}

pub(super) fn open_error(dir: &Path) -> String {
    match DecisionLog::open(dir, small(), Arc::new(TestClock::default())) {
        Ok(_) => panic!("it opened"),
        Err(error) => error.to_string(),
    }
}

pub(super) fn open_faulty(dir: &Path, faults: &Arc<Faults>, settings: Settings) -> (DecisionLog, Arc<TestClock>) {
    let clock = Arc::new(TestClock::default());
    let disk = Box::new(FaultyDisk(Arc::clone(faults)));
    let (log, _) = DecisionLog::open_on(disk, dir, settings, Arc::clone(&clock) as Arc<dyn LogClock>).unwrap();
    (log, clock)
}

/// Records 1 to `n` in small segments, closed.
pub(super) fn write_segments(dir: &Path, n: u64) {
    let (log, _) = open(dir);
    for n in 1..=n {
        log.append_blocking(payload(n), Durability::Process).unwrap();
    }
    log.close();
}

/// All payloads, after checking that the numbers have no gap.
pub(super) fn read(dir: &Path) -> Vec<Vec<u8>> {
    let records: Vec<Record> = Records::open(dir).unwrap().collect::<Result<_, _>>().unwrap();
    for (n, record) in (1..).zip(&records) {
        assert_eq!(record.sequence, n);
    }
    records.into_iter().map(|record| record.payload).collect()
}

/// Waits for a condition that is bound to come.
pub(super) fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        std::thread::yield_now();
    }
}

/// Appends until the log takes it again; the errors in between must all be `during`.
pub(super) fn append_when_well(log: &DecisionLog, payload: &[u8], during: AppendError) -> u64 {
    loop {
        match log.append_blocking(payload.to_vec(), Durability::Disk) {
            Ok(appended) => return appended.sequence,
            Err(error) => assert_eq!(error, during),
        }
        std::thread::yield_now();
    }
}

/// What is wrong with the disk at present.
#[derive(Default)]
pub(super) struct Faults {
    pub(super) allocate: AtomicBool,
    /// Half of the bytes arrive, then there is no space.
    pub(super) write: AtomicBool,
    /// The sync fails, and what it should have written is lost: the kernel drops the pages.
    pub(super) sync: AtomicBool,
    pub(super) create: AtomicBool,
    pub(super) truncate: AtomicBool,
    pub(super) failed_creates: AtomicU64,
    hang: Mutex<Hang>,
    changed: Condvar,
}

#[derive(Default)]
struct Hang {
    wanted: bool,
    /// Syncs that began to hang, ever.
    arrived: u64,
    /// Of these, how many may go on.
    let_through: u64,
}

impl Faults {
    pub(super) fn set(fault: &AtomicBool, on: bool) {
        fault.store(on, Ordering::SeqCst);
    }

    /// From now on syncs do not return.
    pub(super) fn hang(&self) {
        self.hang.lock().unwrap().wanted = true;
    }

    pub(super) fn unhang(&self) {
        self.hang.lock().unwrap().wanted = false;
        self.changed.notify_all();
    }

    /// Lets the oldest hanging sync go on.
    pub(super) fn let_one_through(&self) {
        self.hang.lock().unwrap().let_through += 1;
        self.changed.notify_all();
    }

    /// Waits until so many syncs have hung, counted from the beginning.
    pub(super) fn wait_until_hanging(&self, count: u64) {
        let mut hang = self.hang.lock().unwrap();
        while hang.arrived < count {
            hang = self.changed.wait(hang).unwrap();
        }
    }

    fn pass(&self) {
        let mut hang = self.hang.lock().unwrap();
        if !hang.wanted {
            return;
        }
        hang.arrived += 1;
        let me = hang.arrived;
        self.changed.notify_all();
        while hang.wanted && hang.let_through < me {
            hang = self.changed.wait(hang).unwrap();
        }
    }

    fn check(fault: &AtomicBool, code: i32) -> io::Result<()> {
        if fault.load(Ordering::SeqCst) { Err(io::Error::from_raw_os_error(code)) } else { Ok(()) }
    }
}

const ENOSPC: i32 = 28;
const EIO: i32 = 5;

struct FaultyDisk(Arc<Faults>);

struct FaultyFile {
    faults: Arc<Faults>,
    file: Box<dyn SegmentFile>,
    written: AtomicU64,
    synced: AtomicU64,
    failed: AtomicBool,
}

impl FaultyDisk {
    fn wrap(&self, file: Box<dyn SegmentFile>, length: u64) -> Box<dyn SegmentFile> {
        Box::new(FaultyFile {
            faults: Arc::clone(&self.0),
            file,
            written: length.into(),
            synced: length.into(),
            failed: AtomicBool::new(false),
        })
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Faults::check(&self.0.create, ENOSPC).inspect_err(|_| {
            self.0.failed_creates.fetch_add(1, Ordering::SeqCst);
        })?;
        Ok(self.wrap(RealDisk.create(path)?, 0))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        let length = fs::metadata(path)?.len();
        Ok(self.wrap(RealDisk.open(path)?, length))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }
}

impl SegmentFile for FaultyFile {
    fn allocate(&self, offset: u64, bytes: u64) -> io::Result<()> {
        Faults::check(&self.faults.allocate, ENOSPC)?;
        self.file.allocate(offset, bytes)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        assert!(!self.failed.load(Ordering::SeqCst), "written after a failure");
        if let Err(error) = Faults::check(&self.faults.write, ENOSPC) {
            self.failed.store(true, Ordering::SeqCst);
            self.file.write_all_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(error);
        }
        self.file.write_all_at(bytes, offset)?;
        self.written.store(offset + bytes.len() as u64, Ordering::SeqCst);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.faults.pass();
        assert!(!self.failed.load(Ordering::SeqCst), "synced after a failure");
        let written = self.written.load(Ordering::SeqCst);
        if let Err(error) = Faults::check(&self.faults.sync, EIO) {
            self.failed.store(true, Ordering::SeqCst);
            let synced = self.synced.load(Ordering::SeqCst);
            let lost = usize::try_from(written - synced).unwrap();
            self.file.write_all_at(&vec![0; lost], synced)?;
            return Err(error);
        }
        self.file.sync_data()?;
        self.synced.store(written, Ordering::SeqCst);
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        Faults::check(&self.faults.truncate, EIO)?;
        self.file.truncate(length)
    }
}
