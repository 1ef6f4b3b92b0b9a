//! Names of segment files, and which of them a directory holds.
//!
//! The name carries the first sequence number, so that the order of names is the order of records and a sequence is found without
//! opening anything. A file under construction ends in `.log.new` and is no segment until it is renamed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = "lockbox-decisions-";
const SUFFIX: &str = ".log";
/// Appended to the name while a segment is being made.
pub(super) const UNFINISHED: &str = ".new";

/// The file name of the segment that begins with `first_sequence`.
pub(super) fn segment_name(first_sequence: u64) -> String {
    format!("{PREFIX}{first_sequence:020}{SUFFIX}")
}

/// The first sequence in a segment's file name; None for any other file.
pub(super) fn parse_segment_name(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// A segment in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) first_sequence: u64,
    pub(super) path: PathBuf,
    /// Length in bytes when it was listed.
    pub(super) length: u64,
}

/// The segments of `dir`, oldest first.
pub(super) fn list(dir: &Path) -> io::Result<Vec<Listed>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if let Some(first_sequence) = entry.file_name().to_str().and_then(parse_segment_name) {
            found.push(Listed { first_sequence, path: entry.path(), length: entry.metadata()?.len() });
        }
    }
    found.sort_by_key(|segment| segment.first_sequence);
    Ok(found)
}

/// Files that an interrupted rotation left in `dir`.
pub(super) fn list_unfinished(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let unfinished = entry
            .file_name()
            .to_str()
            .and_then(|name| name.strip_suffix(UNFINISHED))
            .is_some_and(|name| parse_segment_name(name).is_some());
        if unfinished {
            found.push(entry.path());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_nothing_else_is_a_segment() {
        assert_eq!(segment_name(42), "lockbox-decisions-00000000000000000042.log");
        for first in [1, 42, u64::MAX] {
            assert_eq!(parse_segment_name(&segment_name(first)), Some(first));
        }
        for name in [
            "lockbox-decisions-42.log",
            "lockbox-decisions-00000000000000000042.log.new",
            "lockbox-decisions-+0000000000000000042.log",
            "lockbox-decisions-99999999999999999999.log",
            "lockbox-decisions.lock",
        ] {
            assert_eq!(parse_segment_name(name), None, "{name}");
        }
    }
}
