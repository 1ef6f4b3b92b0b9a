//! `lockbox replay`: decides recorded questions again, by other policies, and says what would change.

use super::error::CliError;
use super::lines::{Columns, plain};
use super::output::{self, Output, Tone};
use super::progress::Progress;
use super::{Exit, log};
use crate::domain::whole_ms;
use crate::policy::{Layout, load};
use crate::replay::{Change, Changed, Counts, Report, Settings, replay};
use core::time::Duration;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The most changed Decisions that `--all` lists; the counts are always of all.
const ALL: usize = 1_000_000;

/// Decide recorded questions again, and print what changes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox replay decisions --policies policies.new\n\nEach question is decided from the facts and at the time that were recorded with it; nothing is changed\nor recorded. Exit code 1 when anything is allowed that was denied, or a record cannot be read; 3 when the\npolicies do not load. What is newly denied, or denied for another reason, is told and is no failure."
)]
pub(super) struct Args {
    /// The folder of the segments, or one segment.
    log: PathBuf,
    /// The policies to decide by: a folder of policies, or one with `policies/` in it.
    #[arg(long, value_name = "DIR")]
    policies: PathBuf,
    /// The Cedar schema; without it the one in or beside the policies.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// How many changed Decisions to list; the counts are always of all.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    limit: u32,
    /// List all that change, up to a million.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// How many threads decide; without it as many as there are processors.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: Option<u32>,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let Args { log, policies, schema, limit, all, threads } = args;
    let layout = Layout::find(&policies);
    let policies = load(&layout.policies, &schema.unwrap_or(layout.schema))?;
    let mut records = log::open(&log)?;
    let processors = || std::thread::available_parallelism().map_or(1, core::num::NonZero::get);
    let settings = Settings {
        workers: threads.map_or_else(processors, |threads| usize::try_from(threads).unwrap_or(1)),
        changes_max: if all { ALL } else { usize::try_from(limit).unwrap_or(ALL) },
    };
    let mut progress = Progress::of("replay", records.total_bytes());
    let report =
        replay(&mut records, &policies, settings, &mut |bytes| progress.tell(bytes)).map_err(CliError::failed)?;
    progress.end();
    let json = serde_json::to_value(&report).map_err(CliError::failed)?;
    output.answer(&json, || shown(&report, output))?;
    output.note(&rate(report.read, progress.lasted(), settings.workers));
    if let Some(damaged) = &report.damaged {
        return Err(CliError::failed(format!("{damaged}; what came before it was decided again")));
    }
    if let Some(first) = &report.first_unreadable {
        let count = report.unreadable;
        return Err(CliError::failed(format!(
            "{count} records cannot be read, the first is {} (`{}`, byte {}): {}",
            first.sequence, first.file, first.offset, first.why
        )));
    }
    Ok(if report.is_good() { Exit::Fine } else { Exit::Failed })
}

fn rate(read: u64, lasted: Duration, workers: usize) -> String {
    let ms = whole_ms(lasted).max(1);
    let per_second = read.saturating_mul(1000) / ms;
    let threads = if workers == 1 { "1 thread".to_owned() } else { format!("{workers} threads") };
    format!("{read} records in {}.{:01} s: {per_second} a second with {threads}", ms / 1000, ms % 1000 / 100)
}

fn shown(report: &Report, output: &Output) -> String {
    let causes: Vec<String> = report.not_replayable.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    let skipped: u64 = report.not_replayable.values().sum();
    let number = |count: u64, tone: Tone| {
        let text = count.to_string();
        Some(if count == 0 { text } else { output.paint(&text, tone) })
    };
    let Counts { newly_allowed, newly_denied, reason_changed } = report.changed;
    let because = if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
    let mut parts = vec![output::pairs(&[
        ("policies", Some(report.policy_revision.clone())),
        ("records read", Some(report.read.to_string())),
        ("decided again", Some(report.decided.to_string())),
        ("not replayable", Some(format!("{skipped}{because}"))),
        ("unreadable", number(report.unreadable, Tone::Bad)),
        ("unchanged", Some(report.unchanged.to_string())),
        ("newly allowed", number(newly_allowed, Tone::Bad)),
        ("newly denied", number(newly_denied, Tone::Open)),
        ("reason changed", number(reason_changed, Tone::Open)),
    ])];
    for (heading, groups) in
        [("REASON", &report.by_reason), ("TENANT", &report.by_tenant), ("POLICY", &report.by_policy)]
    {
        if !groups.is_empty() {
            parts.push(grouped(heading, groups));
        }
    }
    if !report.changes.is_empty() {
        parts.push(listed(&report.changes, report.changed.total(), output));
    }
    parts.join("\n\n")
}

/// The groups, those that change most first.
pub(super) fn grouped(heading: &str, groups: &BTreeMap<String, Counts>) -> String {
    let mut groups: Vec<_> = groups.iter().collect();
    groups.sort_by_key(|(_, counts)| core::cmp::Reverse(counts.total()));
    let row = |(name, counts): (&String, &Counts)| {
        let Counts { newly_allowed, newly_denied, reason_changed } = counts;
        vec![
            plain(name).replace("\\u{2192}", "→"),
            newly_allowed.to_string(),
            newly_denied.to_string(),
            reason_changed.to_string(),
        ]
    };
    output::table(&[heading, "NEWLY ALLOWED", "NEWLY DENIED", "REASON CHANGED"], groups.into_iter().map(row).collect())
}

pub(super) fn listed(changes: &[Changed], total: u64, output: &Output) -> String {
    let rows: Vec<Vec<String>> = changes.iter().map(cells).collect();
    let mut columns = Columns::default();
    rows.iter().for_each(|row| columns.widen(row));
    let mut text = String::new();
    for (row, changed) in rows.iter().zip(changes) {
        let tone = if changed.change == Change::NewlyAllowed { Tone::Bad } else { Tone::Open };
        let line = columns.line(row, |number, cell| match number {
            1 => output.paint(cell, tone),
            _ => cell.to_owned(),
        });
        text.push_str(&line);
        text.push('\n');
        if !changed.failed.is_empty() {
            text.push_str(&format!("  {}\n", output.paint(&plain(&changed.failed), Tone::Faint)));
        }
    }
    let kept = u64::try_from(changes.len()).unwrap_or(u64::MAX);
    if kept < total {
        text.push_str(&format!("the first {kept} of {total}; `--all` lists all\n"));
    }
    text
}

fn cells(changed: &Changed) -> Vec<String> {
    let how = match changed.change {
        Change::NewlyAllowed => "newly allowed",
        Change::NewlyDenied => "newly denied",
        Change::ReasonChanged => "reason changed",
    };
    let reasons = format!("{} -> {}", changed.before.reason, changed.after.reason);
    [&changed.at, how, &reasons, &changed.engineer, &changed.action, &changed.resource, &changed.id].map(plain).into()
}

#[cfg(test)]
mod tests {
    use super::super::output::{ColorWhen, Format};
    use super::*;
    use crate::evaluate_access::testing::write_log;
    use clap::Parser;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        args: Args,
    }

    fn args(words: &[&str]) -> Args {
        Only::try_parse_from([&["x"], words].concat()).unwrap().args
    }

    fn output() -> Output {
        Output::new(Format::Text, ColorWhen::Never)
    }

    #[test]
    fn the_shipped_policies_change_nothing_and_others_are_told_by_exit_code() {
        let (here, dir) = (env!("CARGO_MANIFEST_DIR"), tempfile::tempdir().unwrap());
        let decisions = dir.path().join("decisions");
        write_log(&decisions, 32, 1 << 16, true);
        let decisions = decisions.to_str().unwrap();
        assert_eq!(run(args(&[decisions, "--policies", here]), &output()).unwrap(), Exit::Fine);

        let (policies, schema) = (dir.path().join("new"), format!("{here}/schemas/lockbox.cedarschema"));
        std::fs::create_dir(&policies).unwrap();
        for file in ["access.cedar", "guardrails.cedar", "lifecycle.cedar"] {
            let text = std::fs::read_to_string(format!("{here}/policies/{file}")).unwrap();
            let text = text.replace(
                "context has device_managed && !context.device_managed",
                "context has device_managed && !context.device_managed && principal.suspended",
            );
            std::fs::write(policies.join(file), text).unwrap();
        }
        let policies = policies.to_str().unwrap();
        let words = [decisions, "--policies", policies, "--schema", &schema];
        assert_eq!(run(args(&words), &output()).unwrap(), Exit::Failed, "what is newly allowed must be noticed");

        std::fs::write(dir.path().join("new/broken.cedar"), "permit (").unwrap();
        assert_eq!(run(args(&words), &output()).unwrap_err().exit(), Exit::PoliciesInvalid);
    }

    #[test]
    fn a_report_is_shown_with_groups_and_the_limit() {
        let counts = Counts { newly_allowed: 2, newly_denied: 0, reason_changed: 1 };
        let verdict =
            |allowed, reason: &str| crate::replay::Verdict { allowed, reason: reason.to_owned(), policies: vec![] };
        let report = Report {
            read: 9,
            decided: 7,
            changed: counts,
            not_replayable: [("no_lease", 2)].into(),
            by_reason: [("policy_denied → grant_active".to_owned(), counts)].into(),
            changes: vec![Changed {
                sequence: 3,
                change: Change::NewlyAllowed,
                id: "d".to_owned(),
                at: "t".to_owned(),
                engineer: "ana".to_owned(),
                action: "read".to_owned(),
                resource: "contoso/exchange".to_owned(),
                before: verdict(false, "policy_denied"),
                after: verdict(true, "grant_active"),
                failed: String::new(),
            }],
            ..Report::default()
        };
        let text = shown(&report, &output());
        for line in [
            "records read    9",
            "not replayable  2 (no_lease 2)",
            "newly allowed   2",
            "policy_denied → grant_active  2",
            "t  newly allowed  policy_denied -> grant_active  ana  read  contoso/exchange  d",
            "the first 1 of 3; `--all` lists all",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert_eq!(
            rate(200_000, Duration::from_millis(2500), 2),
            "200000 records in 2.5 s: 80000 a second with 2 threads"
        );
    }
}
