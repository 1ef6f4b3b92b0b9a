//! The decision log, read from where telling stands. How far that is stands in a small file beside the segments.
//!
//! Invariant: the place moves only past what was told, or concerns no AccessRequest. A place that is lost, damaged or of
//! another log costs repetition and nothing else, for what is told again is kept once; so the file is never synced.

use super::tell::{BYTES_MAX, Entry, RECORDS_MAX};
use crate::decision_log::{ReadError, Record, Records};
use crate::evaluate_access::Recorded;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use tracing::{info, warn};

/// The name of the file with the place, in the log's directory.
const PLACE_FILE: &str = "accesses-told.json";
/// The most records that are looked at in one go, so that progress is kept now and then.
const LOOKED_AT_MAX: u32 = 20_000;
/// What every record that names an AccessRequest has in it. Parsing every record of a busy log takes far longer.
const NEEDLE: &[u8] = b"\"access_request\":\"LBX-";

/// How far a log is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Everything up to this record; 0 for nothing.
    pub(super) sequence: u64,
    /// SHA-256 of that record, in hexadecimal digits: in another log its number is another record's.
    digest: String,
    /// The epoch of the authority's record that it was told to; 0 while that is not known.
    epoch: u64,
}

/// What was found in the log.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// What is to be told.
    pub(super) entries: Vec<Entry>,
    /// Where telling stands once it has been.
    pub(super) end: Place,
    /// Records that are in no segment any more and may not have been told.
    pub(super) lost: u64,
}

/// See the module. Everything here reads or writes files: not for a thread of the runtime.
#[derive(Debug)]
pub(super) struct Trail {
    dir: PathBuf,
    /// How far was read; what was gathered last is told, or is being.
    place: Option<Place>,
    /// What stands in the file.
    kept: Option<Place>,
    records: Option<Records>,
}

impl Trail {
    /// The trail through the log in a directory, from where it was left.
    pub(super) fn in_dir(dir: PathBuf) -> Self {
        Self { dir, place: None, kept: None, records: None }
    }

    /// What follows, up to record `written`, the last one that the log's writer vouches for; with `end` where this
    /// began when nothing does. `epoch` is that of the authority's record, 0 if it is not known: in another epoch all is
    /// told again, for the record may have been restored to before it was told.
    ///
    /// # Errors
    /// [`ReadError`]; the same is looked for again the next time.
    pub(super) fn gather(&mut self, written: u64, epoch: u64) -> Result<Gathered, ReadError> {
        let place = self.place.take().unwrap_or_else(|| kept(&self.dir.join(PLACE_FILE)));
        let mut gathered = Gathered { end: self.checked(place, written, epoch)?, ..Gathered::default() };
        let began = gathered.end.clone();
        let read = self.read_on(written, &mut gathered);
        self.place = Some(gathered.end.clone());
        match read {
            Ok(()) => Ok(gathered),
            Err(error) => {
                self.records = None;
                // What could be read before it is told first.
                if gathered.end == began { Err(error) } else { Ok(gathered) }
            }
        }
    }

    /// Keeps a place for the next run.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn keep(&mut self, place: &Place) -> std::io::Result<()> {
        if self.kept.as_ref() == Some(place) {
            return Ok(());
        }
        let path = self.dir.join(PLACE_FILE);
        let beside = path.with_extension("json.new");
        std::fs::write(&beside, serde_json::to_vec(place)?)?;
        std::fs::rename(beside, path)?;
        self.kept = Some(place.clone());
        Ok(())
    }

    /// The place to read on from: the one given, or the beginning if that is no place of this log and this epoch.
    fn checked(&mut self, mut place: Place, written: u64, epoch: u64) -> Result<Place, ReadError> {
        let restored = epoch != 0 && place.epoch != 0 && epoch != place.epoch;
        if epoch != 0 {
            place.epoch = epoch;
        }
        // While it is open the log cannot become another one; after a fault of its disk it may be shorter for a while.
        if self.records.is_some() && !restored {
            return Ok(place);
        }
        let beginning = Place { epoch: place.epoch, ..Place::default() };
        self.records = None;
        if place.sequence == 0 || written == 0 {
            return Ok(beginning);
        }
        if restored {
            info!(epoch, "the authority's record is of another epoch: what the log holds is told once more");
            return Ok(beginning);
        }
        if place.sequence <= written && self.is_at(&place)? {
            return Ok(place);
        }
        warn!(dir = %self.dir.display(), told = place.sequence, "the decision log is not the one that was told: it is told from its beginning");
        self.records = None;
        Ok(beginning)
    }

    /// Opens the log behind a place, if it is one of this log. Of a place before the oldest record nothing can be said;
    /// it is taken for one.
    fn is_at(&mut self, place: &Place) -> Result<bool, ReadError> {
        let mut records = Records::open_from(&self.dir, place.sequence)?;
        match records.next().transpose()? {
            None => Ok(false),
            Some(record) if record.sequence == place.sequence => {
                self.records = Some(records);
                Ok(digest(&record.payload) == place.digest)
            }
            // Opened again from the oldest record that is there.
            Some(record) => Ok(record.sequence > place.sequence),
        }
    }

    fn read_on(&mut self, written: u64, gathered: &mut Gathered) -> Result<(), ReadError> {
        let (mut bytes, mut last) = (0_usize, None);
        let mut ended = Ok(());
        for _ in 0..LOOKED_AT_MAX {
            let full = gathered.entries.len() >= RECORDS_MAX || bytes >= BYTES_MAX;
            if gathered.end.sequence >= written || full {
                break;
            }
            let record = match self.next(gathered.end.sequence) {
                Ok(Some(record)) => record,
                // What the writer vouches for and a reader does not find yet is found the next time.
                Ok(None) => break,
                Err(error) => {
                    ended = Err(error);
                    break;
                }
            };
            let expected = gathered.end.sequence.saturating_add(1);
            if gathered.end.sequence > 0 {
                gathered.lost = gathered.lost.saturating_add(record.sequence.saturating_sub(expected));
            }
            if let Some(entry) = concerning(&record) {
                bytes = bytes.saturating_add(entry.record.len());
                gathered.entries.push(entry);
            }
            gathered.end.sequence = record.sequence;
            last = Some(record.payload);
        }
        if let Some(payload) = last {
            gathered.end.digest = digest(&payload);
        }
        ended
    }

    /// The record after this one, from the log as it is open, or opened there.
    fn next(&mut self, after: u64) -> Result<Option<Record>, ReadError> {
        let records = match &mut self.records {
            Some(records) => records,
            none => none.insert(Records::open_from(&self.dir, after.saturating_add(1))?),
        };
        records.next().transpose()
    }
}

/// The place that was kept; the beginning where there is none to be read.
fn kept(path: &Path) -> Place {
    let read = std::fs::read(path).ok();
    read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn digest(payload: &[u8]) -> String {
    Sha256::digest(payload).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is told of a record, if it names an AccessRequest. One that cannot be read is another version's.
fn concerning(record: &Record) -> Option<Entry> {
    if !record.payload.windows(NEEDLE.len()).any(|window| window == NEEDLE) {
        return None;
    }
    let recorded = Recorded::parse(&record.payload).ok()?;
    recorded.access_request.is_some().then(|| Entry { sequence: record.sequence, record: recorded.extract() })
}
