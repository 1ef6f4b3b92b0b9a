//! `lockbox log export`: the wanted records, byte for byte as they were recorded.

use super::super::error::CliError;
use super::super::lines::Lines;
use super::super::output::Output;
use super::super::progress::Progress;
use super::Exit;
use super::entry::{Entry, Filter};
use crate::decision_log::{Record, Records};
use std::io::Write;

/// Records between two looks at the clock.
const TELL_EVERY: u64 = 1024;

/// Prints what `filter` takes. Records that are no decision records are told and not printed.
pub(super) fn run(
    records: &mut Records,
    filter: &Filter,
    out: &mut impl Write,
    output: &Output,
) -> Result<Exit, CliError> {
    let mut lines = Lines::to(out);
    let mut progress = Progress::of("export", records.total_bytes());
    let (mut read, mut unreadable) = (0u64, 0u64);
    let mut damaged = None;
    while let Some(record) = records.next() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                damaged = Some(error);
                break;
            }
        };
        match wanted(&record, filter) {
            Ok(false) => {}
            Ok(true) if lines.line(&record.payload)? => {}
            Ok(true) => return Ok(Exit::Fine),
            Err(why) => {
                if unreadable == 0 {
                    progress.end();
                    output.note(&not_exported(&record, &why));
                }
                unreadable = unreadable.saturating_add(1);
            }
        }
        read = read.saturating_add(1);
        if read % TELL_EVERY == 0 {
            progress.tell(records.read_bytes());
        }
    }
    lines.flush()?;
    progress.end();
    match damaged {
        Some(error) => Err(CliError::failed(error)),
        None if unreadable > 0 => {
            Err(CliError::failed(format!("{unreadable} of {read} records are no decision records and were left out")))
        }
        None => Ok(Exit::Fine),
    }
}

fn wanted(record: &Record, filter: &Filter) -> Result<bool, String> {
    let entry = Entry::parse(&record.payload).map_err(|error| error.to_string())?;
    if filter.takes_all() {
        return Ok(true);
    }
    filter.takes(&entry).map_err(|error| error.to_string())
}

fn not_exported(record: &Record, why: &str) -> String {
    let place = &record.location;
    let file = place.path.display();
    format!("record {} (`{file}`, byte {}) is no decision record: {why}", record.sequence, place.offset)
}
