//! `lockbox log tail`: the last records, then, if asked, the new ones as they come.

use super::super::error::CliError;
use super::super::lines::{Columns, Lines};
use super::super::output::{Output, Tone};
use super::Exit;
use super::entry::Entry;
use crate::decision_log::{Record, Records};
use core::time::Duration;
use std::collections::VecDeque;
use std::io::Write;
use std::path::Path;

/// How often a live log is looked at for more.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Prints the last `lines` records of the log at `path`, and goes on if `follow`. What can be read
/// before damage is printed before the damage is told.
pub(super) fn run(
    path: &Path,
    lines: u32,
    follow: bool,
    out: &mut impl Write,
    output: &Output,
) -> Result<Exit, CliError> {
    let mut records = Records::open_last(path, u64::from(lines)).map_err(CliError::failed)?;
    let mut shown = Shown { lines: Lines::to(out), columns: Columns::default(), output };
    let (last, damaged) = last(&mut records, usize::try_from(lines).unwrap_or(usize::MAX));
    let mut read = shown.all(&last)?;
    if let Some(damaged) = damaged {
        return Err(CliError::failed(damaged));
    }
    while follow && read {
        match records.next() {
            Some(Ok(record)) => read = shown.all(std::slice::from_ref(&record))?,
            Some(Err(damaged)) => return Err(CliError::failed(damaged)),
            None => std::thread::sleep(LOOK_EVERY),
        }
    }
    Ok(Exit::Fine)
}

/// Reads to the end, or to damage, and keeps the last.
fn last(records: &mut Records, lines: usize) -> (Vec<Record>, Option<crate::decision_log::ReadError>) {
    let mut last = VecDeque::new();
    for record in records {
        match record {
            Ok(record) => last.push_back(record),
            Err(damaged) => return (last.into(), Some(damaged)),
        }
        if last.len() > lines {
            last.pop_front();
        }
    }
    (last.into(), None)
}

struct Shown<'o, W: Write> {
    lines: Lines<W>,
    columns: Columns,
    output: &'o Output,
}

impl<W: Write> Shown<'_, W> {
    /// Prints records; false when nobody reads any more.
    fn all(&mut self, records: &[Record]) -> Result<bool, CliError> {
        if self.output.is_json() {
            for record in records {
                if !self.lines.line(&record.payload)? {
                    return Ok(false);
                }
            }
            return self.lines.flush();
        }
        let entries: Vec<_> = records.iter().map(|record| (record, Entry::parse(&record.payload))).collect();
        for (_, entry) in &entries {
            if let Ok(entry) = entry {
                self.columns.widen(&entry.cells());
            }
        }
        for (record, entry) in &entries {
            let line = match entry {
                Ok(entry) => self.line(entry),
                Err(why) => format!("record {}: not a decision record ({why})", record.sequence),
            };
            if !self.lines.line(line.as_bytes())? {
                return Ok(false);
            }
        }
        self.lines.flush()
    }

    fn line(&mut self, entry: &Entry<'_>) -> String {
        let tone = if entry.allows() { Tone::Good } else { Tone::Bad };
        let output = self.output;
        self.columns.line(&entry.cells(), |number, cell| match number {
            0 | 7 => output.paint(cell, Tone::Faint),
            1 => output.paint(cell, tone),
            _ => cell.to_owned(),
        })
    }
}
