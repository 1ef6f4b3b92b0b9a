//! What is done with the files at open: verify, cut a torn tail, refuse corruption.
//!
//! Only the end of the last segment may be incomplete, because everything acknowledged as on disk was synced in order. There the bytes
//! behind the last good frame are cut, if nothing good follows them. Anything else that does not fit refuses to open and changes
//! nothing. This file never drops a good record and never repairs a bad one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crc32fast::Hasher;

use super::framing::{BadFrame, BadHeader, HEADER_BYTES, Header, Seal};
use super::scan::{ReadError, Scanner, Step};
use super::segment::{self, Listed};

/// What was found and done when the log was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments in the directory.
    pub segments: usize,
    /// Of these, the oldest ones of which only the header was verified, because of `open_scan_bytes_max`.
    pub segments_unscanned: usize,
    /// Records in the log.
    pub records: u64,
    /// Bytes of segments that were read and verified.
    pub scanned_bytes: u64,
    /// Bytes cut from the end of the last segment: a batch that a crash interrupted before it was acknowledged.
    pub torn_bytes: u64,
    /// Leavings of an interrupted rotation that were removed.
    pub removed: Vec<PathBuf>,
}

/// The segment to go on writing.
pub(super) struct Last {
    pub(super) path: PathBuf,
    pub(super) previous: Seal,
    pub(super) length: u64,
    pub(super) checksum: Hasher,
    pub(super) next_sequence: u64,
}

/// Verifies the segments of `dir`; None when there is none.
pub(super) fn recover(dir: &Path, scan_bytes_max: u64) -> Result<(Option<Last>, Recovery), ReadError> {
    let mut report = Recovery { removed: remove_unfinished(dir)?, ..Recovery::default() };
    let mut segments = segment::list(dir).map_err(|e| ReadError::io("list", dir, e))?;
    remove_headless_last(&mut segments, &mut report)?;
    report.segments = segments.len();
    let Some(last) = segments.last() else {
        return Ok((None, report));
    };

    let mut headers = Vec::with_capacity(segments.len());
    for listed in &segments {
        headers.push(read_header(listed)?);
    }
    check_chain(&segments, &headers)?;

    let mut budget = scan_bytes_max;
    let sealed = segments.iter().zip(headers.iter().skip(1)).rev();
    let scanner = scan_last(last, &mut report)?;
    for (listed, successor) in sealed {
        if listed.length > budget {
            budget = 0;
            report.segments_unscanned += 1;
        } else {
            budget -= listed.length;
            scan_sealed(listed, successor, &mut report)?;
        }
    }
    let next_sequence = scanner.expected();
    report.records = next_sequence - 1;
    let found = Last {
        path: last.path.clone(),
        previous: scanner.header().previous,
        length: scanner.offset(),
        checksum: scanner.into_checksum(),
        next_sequence,
    };
    Ok((Some(found), report))
}

/// Files that never got their name hold nothing that was acknowledged.
fn remove_unfinished(dir: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let unfinished = segment::list_unfinished(dir).map_err(|e| ReadError::io("list", dir, e))?;
    for path in &unfinished {
        fs::remove_file(path).map_err(|e| ReadError::io("remove", path, e))?;
    }
    Ok(unfinished)
}

/// A last segment without a whole header and nothing behind it: a rotation that a power cut interrupted.
fn remove_headless_last(segments: &mut Vec<Listed>, report: &mut Recovery) -> Result<(), ReadError> {
    let Some(last) = segments.last().filter(|last| last.length <= HEADER_BYTES as u64) else {
        return Ok(());
    };
    let torn = match Scanner::open(&last.path)? {
        Ok(_) | Err(BadHeader::Format(_)) => false,
        Err(BadHeader::Short | BadHeader::Magic | BadHeader::Checksum) => true,
    };
    if torn {
        fs::remove_file(&last.path).map_err(|e| ReadError::io("remove", &last.path, e))?;
        report.removed.push(last.path.clone());
        segments.pop();
    }
    Ok(())
}

fn read_header(listed: &Listed) -> Result<Header, ReadError> {
    let header = Scanner::open(&listed.path)?.map_err(|bad| ReadError::header(&listed.path, bad))?.header();
    if header.first_sequence != listed.first_sequence {
        let detail = format!(
            "its header says that it begins with {}, its name {}",
            header.first_sequence, listed.first_sequence
        );
        return Err(ReadError::gap(&listed.path, detail));
    }
    Ok(header)
}

fn check_chain(segments: &[Listed], headers: &[Header]) -> Result<(), ReadError> {
    if let (Some(first), Some(header)) = (segments.first(), headers.first())
        && header.first_sequence != 1
    {
        let detail = format!(
            "it is the oldest segment here and begins with {}, so that those before it are missing",
            header.first_sequence
        );
        return Err(ReadError::gap(&first.path, detail));
    }
    for (listed, successor) in segments.iter().zip(headers.iter().skip(1)) {
        if listed.length < successor.previous.length {
            let detail = format!("it ends here, the next segment vouches for {} bytes", successor.previous.length);
            return Err(ReadError::corrupt(&listed.path, listed.length, detail));
        }
    }
    Ok(())
}

/// Reads an earlier segment up to the length that its successor vouches for.
fn scan_sealed(listed: &Listed, successor: &Header, report: &mut Recovery) -> Result<(), ReadError> {
    let path = &listed.path;
    let mut scanner = Scanner::open(path)?.map_err(|bad| ReadError::header(path, bad))?;
    scanner.set_limit(successor.previous.length);
    loop {
        match scanner.step()? {
            Step::Frame { .. } => {}
            Step::End { bytes: 0 } => break,
            Step::End { .. } => return Err(ReadError::corrupt(path, scanner.offset(), "a record is cut short")),
            Step::Bad(bad) => return Err(ReadError::corrupt(path, scanner.offset(), bad)),
        }
    }
    report.scanned_bytes += scanner.offset();
    check_seal(&scanner, successor)
}

/// What a segment says of its predecessor must be what the predecessor is.
pub(super) fn check_seal(predecessor: &Scanner, successor: &Header) -> Result<(), ReadError> {
    let path = predecessor.path();
    let (found, expected) = (predecessor.expected(), successor.first_sequence);
    if found != expected {
        return Err(ReadError::gap(
            path,
            format!("its records end before {found}, the next segment begins with {expected}"),
        ));
    }
    let (found, expected) = (predecessor.seal(), successor.previous);
    if found != expected {
        let detail = format!(
            "its {} bytes have checksum {:08x}, the next segment vouches for {:08x}",
            found.length, found.checksum, expected.checksum
        );
        return Err(ReadError::gap(path, detail));
    }
    Ok(())
}

/// Reads the last segment to its last good frame and cuts what a crash left behind it.
fn scan_last(listed: &Listed, report: &mut Recovery) -> Result<Scanner, ReadError> {
    let path = &listed.path;
    let mut scanner = Scanner::open(path)?.map_err(|bad| ReadError::header(path, bad))?;
    let why = loop {
        match scanner.step()? {
            Step::Frame { .. } => {}
            Step::End { bytes: 0 } => break None,
            Step::End { .. } => break Some("a record is cut short".to_owned()),
            // A good frame in the wrong place was never torn there.
            Step::Bad(bad @ BadFrame::Sequence { .. }) => return Err(ReadError::corrupt(path, scanner.offset(), bad)),
            Step::Bad(bad) => break Some(bad.to_string()),
        }
    };
    report.scanned_bytes += scanner.offset();
    if let Some(why) = why {
        if let Some(good) = scanner.good_frame_behind(0)? {
            let detail = format!("{why}, and good records follow at byte {good}, so that this is no torn tail");
            return Err(ReadError::corrupt(path, scanner.offset(), detail));
        }
        report.torn_bytes = listed.length.saturating_sub(scanner.offset());
        let file = File::options().write(true).open(path).map_err(|e| ReadError::io("open", path, e))?;
        file.set_len(scanner.offset()).map_err(|e| ReadError::io("cut the torn tail of", path, e))?;
    }
    Ok(scanner)
}
