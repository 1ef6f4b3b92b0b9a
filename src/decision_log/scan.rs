//! Walks the frames of one segment file with bounded memory: the one reader under both recovery and replay.
//!
//! It judges bytes only. What a bad or short frame means (a torn tail, corruption, a live writer) is for the caller to say.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crc32fast::Hasher;

use super::framing::{
    self, BadFrame, BadHeader, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, HEADER_BYTES, Header, Parsed, Seal,
};

/// Read at a time: large enough that system calls vanish beside the checksum, small enough to forget.
const READ_BYTES: usize = 256 * 1024;
/// Bytes searched at a time for a good frame after a bad one.
const SEARCH_BYTES: usize = 1024 * 1024;

/// Why the log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A bad record with good ones behind it, or before the end that a later segment vouches for.
    #[error(
        "`{}` is corrupt at byte {offset}: {detail}; nothing was changed: keep the file as evidence and put back an intact copy of it",
        path.display()
    )]
    Corrupt {
        /// The segment.
        path: PathBuf,
        /// Where the first bad byte range begins.
        offset: u64,
        /// What is wrong there.
        detail: String,
    },
    /// Written by a build with another format.
    #[error("`{}` has format version {found}, this build reads version {}: use the build that wrote it", path.display(), framing::FORMAT)]
    Format {
        /// The segment.
        path: PathBuf,
        /// The version in its header.
        found: u32,
    },
    /// Segments are missing or do not follow each other.
    #[error("`{}` does not continue the log: {detail}; put back the missing or altered segment", path.display())]
    Gap {
        /// The segment at which the chain breaks.
        path: PathBuf,
        /// What was expected and found.
        detail: String,
    },
}

impl ReadError {
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> ReadError {
        ReadError::Io { action, path: path.to_path_buf(), source }
    }

    pub(super) fn corrupt(path: &Path, offset: u64, detail: impl ToString) -> ReadError {
        ReadError::Corrupt { path: path.to_path_buf(), offset, detail: detail.to_string() }
    }

    pub(super) fn gap(path: &Path, detail: String) -> ReadError {
        ReadError::Gap { path: path.to_path_buf(), detail }
    }

    pub(super) fn header(path: &Path, bad: BadHeader) -> ReadError {
        match bad {
            BadHeader::Format(found) => ReadError::Format { path: path.to_path_buf(), found },
            BadHeader::Short => ReadError::corrupt(path, 0, "its header is cut short"),
            BadHeader::Magic => ReadError::corrupt(path, 0, "it does not begin like a decision log"),
            BadHeader::Checksum => ReadError::corrupt(path, 0, "the checksum of its header does not fit"),
        }
    }
}

/// The next thing in a segment.
pub(super) enum Step<'a> {
    Frame {
        sequence: u64,
        offset: u64,
        payload: &'a [u8],
    },
    /// No whole frame up to the end of the file or the sealed length. `bytes` of something are there, none at a clean end.
    End {
        bytes: u64,
    },
    Bad(BadFrame),
}

/// A segment file being read frame by frame.
#[derive(Debug)]
pub(super) struct Scanner {
    path: Arc<Path>,
    file: File,
    header: Header,
    buffer: Vec<u8>,
    /// What of the buffer is used up.
    consumed: usize,
    /// Where in the file the next frame begins.
    offset: u64,
    expected: u64,
    /// The sealed length, where a successor has told it.
    limit: Option<u64>,
    checksum: Hasher,
}

impl Scanner {
    /// Opens a segment and reads its header.
    pub(super) fn open(path: &Path) -> Result<Result<Scanner, BadHeader>, ReadError> {
        let file = File::open(path).map_err(|e| ReadError::io("open", path, e))?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        io::Read::read_to_end(&mut io::Read::take(&file, HEADER_BYTES as u64), &mut bytes)
            .map_err(|e| ReadError::io("read", path, e))?;
        let header = match Header::decode(&bytes) {
            Ok(header) => header,
            Err(bad) => return Ok(Err(bad)),
        };
        let mut checksum = Hasher::new();
        checksum.update(&bytes);
        Ok(Ok(Scanner {
            path: path.into(),
            file,
            header,
            buffer: Vec::new(),
            consumed: 0,
            offset: HEADER_BYTES as u64,
            expected: header.first_sequence,
            limit: None,
            checksum,
        }))
    }

    pub(super) fn header(&self) -> Header {
        self.header
    }

    pub(super) fn path(&self) -> &Arc<Path> {
        &self.path
    }

    /// Where the next frame begins or would begin.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The sequence that the next frame must have.
    pub(super) fn expected(&self) -> u64 {
        self.expected
    }

    /// The sealed length, once it was set.
    pub(super) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Length and checksum of all that was read so far, header included: what a successor would say of it.
    pub(super) fn seal(&self) -> Seal {
        Seal { length: self.offset, checksum: self.checksum.clone().finalize() }
    }

    pub(super) fn into_checksum(self) -> Hasher {
        self.checksum
    }

    /// Ends the segment at `length`, whatever the file holds beyond it.
    pub(super) fn set_limit(&mut self, length: u64) {
        self.limit = Some(length);
        let ahead = usize::try_from(length.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        self.buffer.truncate(self.consumed.saturating_add(ahead));
    }

    /// The next frame. After `End` it may be called again: a live writer may have gone on.
    pub(super) fn step(&mut self) -> Result<Step<'_>, ReadError> {
        if framing::is_short(self.rest()) {
            self.fill()?;
        }
        // Borrowed apart from `self`, so that the counters below can move while the payload is lent out.
        let rest = self.buffer.get(self.consumed..).unwrap_or_default();
        match framing::parse_frame(rest) {
            Parsed::Short => Ok(Step::End { bytes: rest.len() as u64 }),
            Parsed::Bad(bad) => Ok(Step::Bad(bad)),
            Parsed::Frame { sequence, .. } if sequence != self.expected => {
                Ok(Step::Bad(BadFrame::Sequence { expected: self.expected, found: sequence }))
            }
            Parsed::Frame { sequence, payload } => {
                let frame_bytes = FRAME_HEADER_BYTES + payload.len();
                self.checksum.update(rest.get(..frame_bytes).unwrap_or_default());
                let offset = self.offset;
                self.consumed += frame_bytes;
                self.offset += frame_bytes as u64;
                self.expected += 1;
                Ok(Step::Frame { sequence, offset, payload })
            }
        }
    }

    /// Where a good later frame stands behind the present offset, if anywhere.
    ///
    /// `left_bytes` is what [`Step::End`] told: only these are searched, since a live writer may have completed the frame meanwhile. 0
    /// searches to the end of the file, as a complete frame that is bad never becomes good.
    pub(super) fn good_frame_behind(&self, left_bytes: u64) -> Result<Option<u64>, ReadError> {
        if left_bytes > 0 {
            let left = self.rest().get(1..).unwrap_or_default();
            let found = framing::find_frame(left, left.len(), self.expected, u64::from(u32::MAX));
            return Ok(found.map(|at| self.offset + 1 + at as u64));
        }
        let mut window = Vec::new();
        let mut from = self.offset + 1;
        loop {
            window.clear();
            let read = self.read_at(from, SEARCH_BYTES + FRAME_BYTES_MAX, &mut window)?;
            // The span is generous: every record takes at least 17 bytes, so no honest sequence lies further ahead.
            if let Some(at) = framing::find_frame(&window, SEARCH_BYTES, self.expected, u64::from(u32::MAX)) {
                return Ok(Some(from + at as u64));
            }
            if read < SEARCH_BYTES {
                return Ok(None);
            }
            from += SEARCH_BYTES as u64;
        }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.consumed..).unwrap_or_default()
    }

    /// Reads until the buffer is full or the file ends.
    fn fill(&mut self) -> Result<(), ReadError> {
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        let held = self.buffer.len();
        let from = self.offset + held as u64;
        let mut wanted = READ_BYTES.saturating_sub(held);
        if let Some(limit) = self.limit {
            wanted = wanted.min(usize::try_from(limit.saturating_sub(from)).unwrap_or(usize::MAX));
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = self.read_at(from, wanted, &mut buffer);
        self.buffer = buffer;
        outcome.map(|_| ())
    }

    /// Appends up to `wanted` bytes from offset `from` to `out`; fewer only at the end of the file.
    fn read_at(&self, from: u64, wanted: usize, out: &mut Vec<u8>) -> Result<usize, ReadError> {
        let held = out.len();
        out.resize(held + wanted, 0);
        let mut done = 0;
        while let Some(slot) = out.get_mut(held + done..).filter(|slot| !slot.is_empty()) {
            match self.file.read_at(slot, from + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    out.truncate(held + done);
                    return Err(ReadError::io("read", &self.path, e));
                }
            }
        }
        out.truncate(held + done);
        Ok(done)
    }
}
