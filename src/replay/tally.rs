//! What a replay finds: counted by each worker for itself, added up at the end. Counts are of all
//! records; the list of changes has a limit.

use crate::decision_log::{ReadError, Record};
use crate::domain::{Decision, Evaluation};
use crate::evaluate_access::RecordError;
use serde::Serialize;
use std::collections::{BTreeMap, BinaryHeap};

/// How a Decision changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Denied before, allowed now.
    NewlyAllowed,
    /// Allowed before, denied now.
    NewlyDenied,
    /// The same verdict for another reason.
    ReasonChanged,
}

/// How many Decisions change, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Denied before, allowed now.
    pub newly_allowed: u64,
    /// Allowed before, denied now.
    pub newly_denied: u64,
    /// The same verdict for another reason.
    pub reason_changed: u64,
}

/// A verdict with its reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Verdict {
    /// Whether it allows.
    pub allowed: bool,
    /// The reason.
    pub reason: String,
    /// The policies that decided.
    pub policies: Vec<String>,
}

/// One Decision that changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Changed {
    /// Its number in the log.
    pub sequence: u64,
    /// How it changes.
    pub change: Change,
    /// The decision id.
    pub id: String,
    /// When it was made, RFC 3339 in UTC.
    pub at: String,
    /// Who wanted to.
    pub engineer: String,
    /// What.
    pub action: String,
    /// Where: `tenant/workload/content`.
    pub resource: String,
    /// As recorded.
    pub before: Verdict,
    /// As decided again.
    pub after: Verdict,
    /// The condition that fails now; empty for an allow.
    pub failed: String,
}

/// A record that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Its number.
    pub sequence: u64,
    /// The segment file.
    pub file: String,
    /// The byte it begins at.
    pub offset: u64,
    /// Why.
    pub why: String,
}

/// What a replay found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The digest of the policies it was decided by.
    pub policy_revision: String,
    /// Records read.
    pub read: u64,
    /// Records decided again.
    pub decided: u64,
    /// Of these, with verdict and reason as before.
    pub unchanged: u64,
    /// Of these, changed.
    pub changed: Counts,
    /// Records that hold no question that can be decided again, by cause: `stated_only` (it was
    /// malformed and could only be denied), `no_lease` (nothing was known at the time), `no_facts`
    /// (there were no policies to look facts up for).
    pub not_replayable: BTreeMap<&'static str, u64>,
    /// Records that cannot be read.
    pub unreadable: u64,
    /// The first of them.
    pub first_unreadable: Option<Unreadable>,
    /// Where and why the log is damaged; nothing behind that was read.
    pub damaged: Option<String>,
    /// Changes by reason, `before → after`.
    pub by_reason: BTreeMap<String, Counts>,
    /// Changes by tenant.
    pub by_tenant: BTreeMap<String, Counts>,
    /// Changes by the policies that decide now, or that decided before where none does.
    pub by_policy: BTreeMap<String, Counts>,
    /// The changed Decisions in the order of the log, the first of them where there are many.
    pub changes: Vec<Changed>,
}

impl Report {
    /// Whether nothing is allowed that was denied, and every record was read.
    pub fn is_good(&self) -> bool {
        self.changed.newly_allowed == 0 && self.unreadable == 0 && self.damaged.is_none()
    }
}

impl Counts {
    fn count(&mut self, change: Change) {
        let counter = match change {
            Change::NewlyAllowed => &mut self.newly_allowed,
            Change::NewlyDenied => &mut self.newly_denied,
            Change::ReasonChanged => &mut self.reason_changed,
        };
        *counter = counter.saturating_add(1);
    }

    fn add(&mut self, other: Self) {
        self.newly_allowed = self.newly_allowed.saturating_add(other.newly_allowed);
        self.newly_denied = self.newly_denied.saturating_add(other.newly_denied);
        self.reason_changed = self.reason_changed.saturating_add(other.reason_changed);
    }

    /// How many change at all.
    pub fn total(self) -> u64 {
        self.newly_allowed.saturating_add(self.newly_denied).saturating_add(self.reason_changed)
    }
}

/// The counts of one worker.
#[derive(Debug, Default)]
pub(super) struct Tally {
    report: Report,
    /// The first changes in the order of the log: the last of them on top, to be put out for an earlier one.
    first: BinaryHeap<Changed>,
    changes_max: usize,
}

impl Tally {
    pub(super) fn keeping(changes_max: usize) -> Self {
        Self { changes_max, ..Self::default() }
    }

    pub(super) fn unreadable(&mut self, record: &Record, why: String) {
        self.report.read = self.report.read.saturating_add(1);
        self.report.unreadable = self.report.unreadable.saturating_add(1);
        let found = Unreadable {
            sequence: record.sequence,
            file: record.location.path.display().to_string(),
            offset: record.location.offset,
            why,
        };
        self.note_unreadable(found);
    }

    fn note_unreadable(&mut self, found: Unreadable) {
        let first = &mut self.report.first_unreadable;
        if first.as_ref().is_none_or(|known| found.sequence < known.sequence) {
            *first = Some(found);
        }
    }

    pub(super) fn not_replayable(&mut self, cause: &'static str) {
        self.report.read = self.report.read.saturating_add(1);
        let counter = self.report.not_replayable.entry(cause).or_default();
        *counter = counter.saturating_add(1);
    }

    /// Counts what was recorded against another verdict. `policies` gives those that decided before, read
    /// only where they are told: a record in which they cannot be read is not counted here at all.
    pub(super) fn compared(
        &mut self,
        before: &Before<'_>,
        policies: impl FnOnce() -> Result<Vec<String>, RecordError>,
        question: &Evaluation,
        after: &After<'_>,
    ) -> Result<(), RecordError> {
        let change = match (before.allowed, after.allowed) {
            (false, true) => Some(Change::NewlyAllowed),
            (true, false) => Some(Change::NewlyDenied),
            _ if before.reason != after.reason => Some(Change::ReasonChanged),
            _ => None,
        };
        let policies = if change.is_some() { policies()? } else { Vec::new() };
        let report = &mut self.report;
        report.read = report.read.saturating_add(1);
        report.decided = report.decided.saturating_add(1);
        let Some(change) = change else {
            report.unchanged = report.unchanged.saturating_add(1);
            return Ok(());
        };
        report.changed.count(change);
        let reasons = format!("{} → {}", before.reason, after.reason);
        report.by_reason.entry(reasons).or_default().count(change);
        report.by_tenant.entry(question.tenant.to_string()).or_default().count(change);
        let deciding = if after.policies.is_empty() { policies.as_slice() } else { after.policies };
        for policy in deciding {
            report.by_policy.entry(policy.clone()).or_default().count(change);
        }
        let last_kept = self.first.peek().map_or(u64::MAX, |changed| changed.sequence);
        if self.first.len() < self.changes_max || before.sequence < last_kept {
            self.keep(changed(before, policies, change, question, after));
        }
        Ok(())
    }

    fn keep(&mut self, changed: Changed) {
        self.first.push(changed);
        if self.first.len() > self.changes_max {
            self.first.pop();
        }
    }

    /// Takes the counts of another worker in.
    pub(super) fn add(&mut self, other: Self) {
        let Self { report: other, first, changes_max: _ } = other;
        let report = &mut self.report;
        report.read = report.read.saturating_add(other.read);
        report.decided = report.decided.saturating_add(other.decided);
        report.unchanged = report.unchanged.saturating_add(other.unchanged);
        report.unreadable = report.unreadable.saturating_add(other.unreadable);
        report.changed.add(other.changed);
        for (cause, count) in other.not_replayable {
            let counter = report.not_replayable.entry(cause).or_default();
            *counter = counter.saturating_add(count);
        }
        for (mine, theirs) in [
            (&mut report.by_reason, other.by_reason),
            (&mut report.by_tenant, other.by_tenant),
            (&mut report.by_policy, other.by_policy),
        ] {
            theirs.into_iter().for_each(|(name, counts)| mine.entry(name).or_default().add(counts));
        }
        if let Some(found) = other.first_unreadable {
            self.note_unreadable(found);
        }
        first.into_iter().for_each(|changed| self.keep(changed));
    }

    pub(super) fn report(self, policy_revision: &str, damaged: Option<ReadError>) -> Report {
        let Self { report, first, .. } = self;
        Report {
            policy_revision: policy_revision.to_owned(),
            damaged: damaged.map(|error| error.to_string()),
            changes: first.into_sorted_vec(),
            ..report
        }
    }
}

/// A Decision as it was recorded.
pub(super) struct Before<'a> {
    pub(super) sequence: u64,
    pub(super) id: &'a str,
    /// RFC 3339.
    pub(super) at: &'a str,
    pub(super) allowed: bool,
    pub(super) reason: &'a str,
}

/// The verdict it is compared with.
pub(super) struct After<'a> {
    pub(super) allowed: bool,
    pub(super) reason: &'a str,
    pub(super) policies: &'a [String],
    /// The condition that denies; empty for an allow, or where it is not known.
    pub(super) failed: &'a str,
}

impl<'a> After<'a> {
    pub(super) fn of(decision: &'a Decision) -> Self {
        Self {
            allowed: decision.allows(),
            reason: decision.reason.as_str(),
            policies: &decision.policies,
            failed: decision.nearest.as_ref().map_or("", |near| near.failed.as_str()),
        }
    }
}

fn changed(
    before: &Before<'_>,
    policies: Vec<String>,
    change: Change,
    question: &Evaluation,
    after: &After<'_>,
) -> Changed {
    let content = question.content.as_ref().map(|content| format!("/{content}")).unwrap_or_default();
    Changed {
        sequence: before.sequence,
        change,
        id: before.id.to_owned(),
        at: before.at.to_owned(),
        engineer: question.engineer.to_string(),
        action: question.action.to_string(),
        resource: format!("{}/{}{content}", question.tenant, question.workload),
        before: Verdict { allowed: before.allowed, reason: before.reason.to_owned(), policies },
        after: Verdict { allowed: after.allowed, reason: after.reason.to_owned(), policies: after.policies.to_vec() },
        failed: after.failed.to_owned(),
    }
}
