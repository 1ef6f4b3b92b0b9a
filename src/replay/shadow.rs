//! What shadow policies would have said, from the records: nothing is decided again, because the shadow
//! was asked when the question was.

use super::tally::{After, Before, Report, Tally};
use crate::decision_log::{ReadError, Records};
use crate::evaluate_access::{RecordError, Recorded, RecordedShadow};
use serde::Serialize;
use std::collections::BTreeMap;

/// How many bytes are read between two tellings.
const TOLD_BYTES: u64 = 1 << 20;

/// How the shadow's answers differ from those that were given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShadowReport {
    /// The shadow sets that were compared with, and with how many Decisions each.
    pub revisions: BTreeMap<String, u64>,
    /// Records that were not asked for.
    pub passed_over: u64,
    /// What differs. `not_replayable` counts records without a shadow.
    #[serde(flatten)]
    pub report: Report,
}

/// Compares what `records` hold and `wanted` accepts with what the shadow said. `told` hears now and then
/// how many bytes are read. A damaged log ends it early; the report is then of what came before, and
/// says so.
pub fn shadowed(
    records: &mut Records,
    wanted: &dyn Fn(&Recorded) -> bool,
    changes_max: usize,
    told: &mut dyn FnMut(u64),
) -> ShadowReport {
    let (mut tally, mut revisions, mut passed_over) = (Tally::keeping(changes_max), BTreeMap::new(), 0u64);
    let mut damaged: Option<ReadError> = None;
    let mut next_told = TOLD_BYTES;
    while let Some(record) = records.next() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                damaged = Some(error);
                break;
            }
        };
        match Recorded::parse(&record.payload) {
            Err(why) => tally.unreadable(&record, why.to_string()),
            Ok(recorded) if !wanted(&recorded) => passed_over = passed_over.saturating_add(1),
            Ok(recorded) => {
                if let Err(why) = one(record.sequence, recorded, &mut tally, &mut revisions) {
                    tally.unreadable(&record, why.to_string());
                }
            }
        }
        if records.read_bytes() >= next_told {
            next_told = records.read_bytes().saturating_add(TOLD_BYTES);
            told(records.read_bytes());
        }
    }
    // Where there were several, `revisions` names them all, and none is the one.
    let mut names = revisions.keys();
    let only = names.next().filter(|_| names.next().is_none()).cloned().unwrap_or_default();
    ShadowReport { revisions, passed_over, report: tally.report(&only, damaged) }
}

fn one(
    sequence: u64,
    mut recorded: Recorded,
    tally: &mut Tally,
    revisions: &mut BTreeMap<String, u64>,
) -> Result<(), RecordError> {
    let (Some(question), Some(shadow)) = (recorded.question.take(), recorded.shadow.take()) else {
        tally.not_replayable("no_shadow");
        return Ok(());
    };
    let RecordedShadow { revision, decision, reason, policies } = shadow;
    let count = revisions.entry(revision).or_default();
    *count = count.saturating_add(1);
    let Recorded { id, at, allowed, reason: before, policies: decided, .. } = recorded;
    let at = at.to_string();
    let before = Before { sequence, id: &id, at: &at, allowed, reason: &before };
    let after = After { allowed: decision == "allow", reason: &reason, policies: &policies, failed: "" };
    tally.compared(&before, || Ok(decided), &question, &after)
}
