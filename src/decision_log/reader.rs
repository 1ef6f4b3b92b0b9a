//! Reads records back, in order: for replay, tail, verify and export.
//!
//! It takes no lock and never writes, so that it may run beside the sidecar that is writing: an incomplete tail simply ends the
//! iteration, and asking again later goes on from there. Memory is bounded by one read buffer and one record, whatever the log's size.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::framing::{BadFrame, BadHeader, Header};
use super::recovery::check_seal;
use super::scan::{ReadError, Scanner, Step};
use super::segment::{self, Listed};

/// Where a record stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The segment file.
    pub path: Arc<Path>,
    /// Byte offset of its frame in that file.
    pub offset: u64,
}

/// One record of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number: from 1, without gaps.
    pub sequence: u64,
    /// The bytes that were appended.
    pub payload: Vec<u8>,
    /// Where it stands.
    pub location: Location,
}

/// The records of a log directory or of one segment file, oldest first.
///
/// As an iterator it is not fused: `None` means nothing more *at present*; to follow a live log, wait and call `next` again. After an
/// error there is nothing more, ever. Records at the very end of a live log may not be acknowledged yet; if their batch then fails, the
/// next segment begins with their number again and those records are given out in their stead.
#[derive(Debug)]
pub struct Records {
    /// None when one file is read.
    dir: Option<PathBuf>,
    from_sequence: u64,
    waiting: VecDeque<Listed>,
    current: Option<Scanner>,
    total_bytes: u64,
    finished_bytes: u64,
    failed: bool,
}

/// What the end of a segment turned out to be.
enum Onward {
    /// The next segment is open now, or the present one has more to give.
    Go,
    /// The end of the log, for now.
    Wait,
}

impl Records {
    /// Opens a directory or a single segment file.
    ///
    /// # Errors
    /// When it cannot be read, or holds no readable segment header.
    pub fn open(path: &Path) -> Result<Records, ReadError> {
        Records::open_from(path, 0)
    }

    /// The same, beginning with record `from_sequence`: earlier segments are skipped by their names.
    ///
    /// # Errors
    /// As for [`Records::open`].
    pub fn open_from(path: &Path, from_sequence: u64) -> Result<Records, ReadError> {
        let metadata = std::fs::metadata(path).map_err(|e| ReadError::io("open", path, e))?;
        let mut waiting = VecDeque::new();
        let dir = if metadata.is_dir() {
            waiting.extend(segment::list(path).map_err(|e| ReadError::io("list", path, e))?);
            // The last segment that begins at or before the wanted record holds it.
            while waiting.get(1).is_some_and(|next| next.first_sequence <= from_sequence) {
                waiting.pop_front();
            }
            Some(path.to_path_buf())
        } else {
            waiting.push_back(Listed { first_sequence: 0, path: path.to_path_buf(), length: metadata.len() });
            None
        };
        let total_bytes = waiting.iter().map(|segment| segment.length).sum();
        let mut records =
            Records { dir, from_sequence, waiting, current: None, total_bytes, finished_bytes: 0, failed: false };
        records.open_first()?;
        Ok(records)
    }

    /// The same, beginning so far before the end that at least the last `count` records are given, and
    /// not many segments more: for what only wants the end of a long log.
    ///
    /// # Errors
    /// As for [`Records::open`].
    pub fn open_last(path: &Path, count: u64) -> Result<Records, ReadError> {
        let newest = match path.is_dir() {
            true => segment::list(path).map_err(|e| ReadError::io("list", path, e))?.pop(),
            false => None,
        };
        Records::open_from(path, newest.map_or(0, |newest| newest.first_sequence.saturating_sub(count)))
    }

    /// Bytes to read, as known at open: what progress is measured against.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Bytes read so far. It passes `total_bytes` when a live log grows.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.finished_bytes + self.current.as_ref().map_or(0, Scanner::offset)
    }

    /// The number that the next record has; None while the log has no segment at all.
    #[must_use]
    pub fn next_sequence(&self) -> Option<u64> {
        self.current.as_ref().map(|scanner| scanner.expected().max(self.from_sequence))
    }

    fn open_first(&mut self) -> Result<(), ReadError> {
        let Some(first) = self.waiting.pop_front() else {
            return Ok(());
        };
        let mut scanner = Scanner::open(&first.path)?.map_err(|bad| ReadError::header(&first.path, bad))?;
        if let Some(next) = self.waiting.front() {
            scanner.set_limit(successor_header(next)?.previous.length);
        }
        self.current = Some(scanner);
        Ok(())
    }

    /// Called where the current segment gives no further frame: `bad` is None at an end, clean or not.
    fn onward(&mut self, left_bytes: u64, bad: Option<BadFrame>) -> Result<Onward, ReadError> {
        if self.waiting.is_empty() {
            self.relist()?;
        }
        let Some(current) = self.current.as_mut() else {
            self.open_first()?;
            return Ok(if self.current.is_some() { Onward::Go } else { Onward::Wait });
        };
        let Some(next) = self.waiting.front() else {
            return judge_tail(current, left_bytes, bad);
        };
        let header = successor_header(next)?;
        let sealed = header.previous.length;
        if bad.is_none() && current.offset() < sealed && current.limit() != Some(sealed) {
            // The writer went on and sealed it after our last look.
            current.set_limit(sealed);
            return Ok(Onward::Go);
        }
        if current.offset() < sealed {
            let detail = bad.map_or_else(|| "a record is cut short".to_owned(), |bad| bad.to_string());
            return Err(ReadError::corrupt(current.path(), current.offset(), detail));
        }
        // Beyond the seal stands only what was given up, possibly after it was given out here.
        if current.offset() == sealed {
            check_seal(current, &header)?;
        }
        self.finished_bytes += sealed;
        self.current = None;
        self.open_first()?;
        Ok(Onward::Go)
    }

    /// Looks for segments newer than the current one.
    fn relist(&mut self) -> Result<(), ReadError> {
        let Some(dir) = &self.dir else {
            return Ok(());
        };
        let after = self.current.as_ref().map_or(0, |scanner| scanner.header().first_sequence);
        let listed = segment::list(dir).map_err(|e| ReadError::io("list", dir, e))?;
        self.waiting.extend(listed.into_iter().filter(|segment| segment.first_sequence > after));
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<Record>, ReadError> {
        loop {
            let (left_bytes, bad) = match self.current.as_mut() {
                None => (0, None),
                Some(scanner) => {
                    let path = Arc::clone(scanner.path());
                    match scanner.step()? {
                        Step::Frame { sequence, .. } if sequence < self.from_sequence => continue,
                        Step::Frame { sequence, offset, payload } => {
                            let location = Location { path, offset };
                            return Ok(Some(Record { sequence, payload: payload.to_vec(), location }));
                        }
                        Step::End { bytes } => (bytes, None),
                        Step::Bad(bad) => (0, Some(bad)),
                    }
                }
            };
            if let Onward::Wait = self.onward(left_bytes, bad)? {
                return Ok(None);
            }
        }
    }
}

impl Iterator for Records {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.advance().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

/// The last segment gives no more: its end, a write under way, a torn tail, or corruption.
fn judge_tail(scanner: &Scanner, left_bytes: u64, bad: Option<BadFrame>) -> Result<Onward, ReadError> {
    let detail = match bad {
        None if left_bytes == 0 => return Ok(Onward::Wait),
        None => "a record is cut short".to_owned(),
        Some(bad @ BadFrame::Sequence { .. }) => return Err(ReadError::corrupt(scanner.path(), scanner.offset(), bad)),
        Some(bad) => bad.to_string(),
    };
    match scanner.good_frame_behind(left_bytes)? {
        Some(good) => {
            let detail = format!("{detail}, and good records follow at byte {good}");
            Err(ReadError::corrupt(scanner.path(), scanner.offset(), detail))
        }
        None => Ok(Onward::Wait),
    }
}

fn successor_header(next: &Listed) -> Result<Header, ReadError> {
    let scanner = Scanner::open(&next.path)?.map_err(|bad: BadHeader| ReadError::header(&next.path, bad))?;
    Ok(scanner.header())
}
