//! `lockbox policy shadow`: what shadow policies would have answered differently, from the decision log.

use super::super::error::CliError;
use super::super::output::{self, Format, Output, Tone};
use super::super::progress::Progress;
use super::super::replay::{grouped, listed};
use super::super::{Exit, log};
use crate::domain::{TimeError, Timestamp};
use crate::evaluate_access::Recorded;
use crate::replay::{Counts, ShadowReport, shadowed};
use std::path::PathBuf;

/// The most that `--all` lists; the counts are always of all.
const ALL: usize = 1_000_000;

/// Print what shadow policies would have answered differently.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox policy shadow decisions --tenant contoso --since 2026-11-22T00:00:00Z\n\nShadow policies (`policies.shadow`) are asked beside those in use, and never answer. This reads what they said from the\ndecision log. Exit code 1 when they would allow anything that was denied, or a record cannot be read."
)]
pub(super) struct Args {
    /// The folder of the segments, or one segment.
    log: PathBuf,
    /// Only of this tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// Only what was decided at or after this instant (RFC 3339, UTC).
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    since: Option<Timestamp>,
    /// How many of the Decisions that differ to list; the counts are always of all.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    limit: u32,
    /// List all that differ, up to a million.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

fn instant(text: &str) -> Result<Timestamp, TimeError> {
    text.parse()
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    output.takes(&[Format::Text, Format::Json])?;
    let Args { log: path, tenant, since, limit, all } = args;
    let mut records = log::open(&path)?;
    let mut progress = Progress::of("shadow", records.total_bytes());
    let wanted = |recorded: &Recorded| {
        let of = recorded.question.as_ref().map(|question| question.tenant.as_str());
        tenant.as_ref().is_none_or(|tenant| of == Some(tenant)) && since.is_none_or(|since| since <= recorded.at)
    };
    let limit = if all { ALL } else { usize::try_from(limit).unwrap_or(ALL) };
    let found = shadowed(&mut records, &wanted, limit, &mut |bytes| progress.tell(bytes));
    progress.end();
    let json = serde_json::to_value(&found).map_err(CliError::failed)?;
    output.answer(&json, || shown(&found, output))?;
    let report = &found.report;
    if let Some(damaged) = &report.damaged {
        return Err(CliError::failed(format!("{damaged}; what came before it was compared")));
    }
    if let Some(first) = &report.first_unreadable {
        let (count, sequence, why) = (report.unreadable, first.sequence, &first.why);
        return Err(CliError::failed(format!("{count} records cannot be read, the first is {sequence}: {why}")));
    }
    Ok(if report.is_good() { Exit::Fine } else { Exit::Failed })
}

fn shown(found: &ShadowReport, output: &Output) -> String {
    let ShadowReport { revisions, passed_over, report } = found;
    let without: u64 = report.not_replayable.values().sum();
    let number = |count: u64, tone: Tone| {
        let text = count.to_string();
        Some(if count == 0 { text } else { output.paint(&text, tone) })
    };
    let Counts { newly_allowed, newly_denied, reason_changed } = report.changed;
    let sets: Vec<String> = revisions.iter().map(|(revision, count)| format!("{revision} ({count})")).collect();
    let mut parts = vec![output::pairs(&[
        ("shadow policies", Some(if sets.is_empty() { "none".to_owned() } else { sets.join("\n                 ") })),
        ("records read", Some(report.read.saturating_add(*passed_over).to_string())),
        ("passed over", Some(passed_over.to_string())),
        ("without shadow", Some(without.to_string())),
        ("compared", Some(report.decided.to_string())),
        ("the same", Some(report.unchanged.to_string())),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::ColorWhen;
    use crate::evaluate_access::testing::{NOW_MS, write_log, write_log_beside};
    use crate::replay::Change;
    use clap::Parser;
    use std::path::Path;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        args: Args,
    }

    fn ends(words: &[&str]) -> Exit {
        let args = Only::try_parse_from([&["x"], words].concat()).unwrap().args;
        run(args, &Output::new(Format::Text, ColorWhen::Never)).unwrap()
    }

    /// The shipped set without its guardrail for unmanaged devices.
    fn laxer(dir: &Path) -> PathBuf {
        let (here, to) = (Path::new(env!("CARGO_MANIFEST_DIR")), dir.join("next"));
        std::fs::create_dir(&to).unwrap();
        for name in ["access.cedar", "guardrails.cedar", "lifecycle.cedar"] {
            let text = std::fs::read_to_string(here.join("policies").join(name)).unwrap();
            let text = text.replace("!context.device_managed", "!context.device_managed && principal.suspended");
            std::fs::write(to.join(name), text).unwrap();
        }
        std::fs::copy(here.join("schemas/lockbox.cedarschema"), to.join("lockbox.cedarschema")).unwrap();
        to
    }

    #[test]
    fn what_the_shadow_would_have_allowed_is_counted_listed_and_told_by_exit_code() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("decisions");
        write_log_beside(&log, 32, 1 << 16, true, Some(&laxer(dir.path())));
        let log = log.to_str().unwrap();
        assert_eq!(ends(&[log]), Exit::Failed);
        assert_eq!(ends(&[log, "--tenant", "fabrikam"]), Exit::Fine);
        let later = Timestamp::from_ms(NOW_MS + 1).to_string();
        assert_eq!(ends(&[log, "--since", &later]), Exit::Fine);

        let found = shadowed(&mut log::open(Path::new(log)).unwrap(), &|_| true, 2, &mut |_| {});
        let Counts { newly_allowed, newly_denied, reason_changed } = found.report.changed;
        assert_eq!(
            (newly_allowed, newly_denied, reason_changed),
            (4, 0, 0),
            "one in eight is from an unmanaged device"
        );
        assert_eq!(found.report.not_replayable["no_shadow"], 4, "what is malformed is not judged");
        assert_eq!((found.report.decided, found.revisions.len()), (28, 1));
        assert_eq!((found.report.changes.len(), found.report.changes[0].change), (2, Change::NewlyAllowed));
        let text = shown(&found, &Output::new(Format::Text, ColorWhen::Never));
        for part in ["newly allowed    4", "policy_denied → grant_active", "contoso", "the first 2 of 4"] {
            assert!(text.contains(part), "`{part}` is not in:\n{text}");
        }
    }

    #[test]
    fn a_log_without_shadows_has_nothing_to_compare() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("decisions");
        write_log(&log, 8, 1 << 16, true);
        assert_eq!(ends(&[log.to_str().unwrap()]), Exit::Fine);
        let found = shadowed(&mut log::open(&log).unwrap(), &|_| true, 2, &mut |_| {});
        assert_eq!((found.report.decided, found.report.not_replayable["no_shadow"]), (0, 8));
    }
}
