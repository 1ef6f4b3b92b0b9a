//! `lockbox policy diff`: what an edit newly allows and newly denies, with a question for each.

mod revision;

use super::super::Exit;
use super::super::error::CliError;
use super::super::output::{Format, Output, Tone};
use super::prove::MeansArgs;
use crate::policy::diff::{Compared, DiffReport, Outcome, Shown, diff};
use crate::policy::symbolic::on_deep_stack;
use crate::policy::{Layout, Sources};
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

/// Say which questions an edit newly allows or denies, with an example for each.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox policy diff HEAD .\n  lockbox policy diff origin/main:policies policies\n  lockbox policy diff v1.4 v1.5 --output json\n\nOLD and NEW are folders, bundles, or git revisions (REV, or REV:FOLDER; REV alone means the present folder\nthere). A folder or file of that name goes before a revision.\n\nExit code 0 when proved equivalent or only newly denied, 1 when anything is newly allowed, 3 when one does not\nload, 4 when it could not be proved; with `--solver none` what merely was not found is no failure."
)]
pub(super) struct Args {
    /// The policies before the edit.
    #[arg(value_name = "OLD")]
    old: String,
    /// The policies after it.
    #[arg(value_name = "NEW")]
    new: String,
    /// Use this schema for both, not each its own.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    #[command(flatten)]
    means: MeansArgs,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    output.takes(&[Format::Text, Format::Json])?;
    on_deep_stack(|| compared(&args, output))?
}

fn compared(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let Args { old, new, schema, means } = args;
    let (old, new) = (open(old, schema.as_deref())?, open(new, schema.as_deref())?);
    let mut prover = means.prover(output);
    let mut busy = std::io::stderr().is_terminal();
    let report = diff(&old, &new, &mut prover, &mut |what| {
        if busy {
            busy = write!(std::io::stderr(), "\r\x1b[2Kcomparing: {what}").is_ok();
        }
    })?;
    if busy {
        let _lost = write!(std::io::stderr(), "\r\x1b[2K");
    }
    let json = serde_json::to_value(&report).map_err(CliError::failed)?;
    output.answer(&json, || shown(&report, output))?;
    Ok(if report.outcome == Outcome::NewlyAllowed {
        Exit::Failed
    } else if report.opens_nothing(means.asked_to_enumerate()) {
        Exit::Fine
    } else {
        Exit::ProofFailed
    })
}

/// The files of a folder, a bundle, or a revision. A bundle has its own schema in any case.
fn open(named: &str, schema: Option<&Path>) -> Result<Sources, CliError> {
    let path = Path::new(named);
    if path.exists() {
        return match schema.filter(|_| path.is_dir()) {
            Some(schema) => Ok(Sources::read(&Layout::find(path).policies, schema)?),
            None => Ok(Sources::open(path)?),
        };
    }
    let here = std::env::current_dir().map_err(CliError::failed)?;
    revision::open(&here, named, schema)
}

fn shown(report: &DiffReport, output: &Output) -> String {
    let mut text = String::new();
    for note in &report.schema {
        text.push_str(&format!("schema: {note}\n"));
    }
    for file in &report.invariants {
        text.push_str(&format!("invariant {file}\n"));
    }
    for change in &report.policies {
        text.push_str(&format!("{change}\n"));
    }
    for compared in &report.questions {
        text.push_str(&question(compared, output));
    }
    let (word, tone) = match report.outcome {
        Outcome::Equivalent => ("EQUIVALENT: every question is answered as before", Tone::Good),
        Outcome::NoDifferenceFound => ("NO DIFFERENCE FOUND, which proves nothing", Tone::Open),
        Outcome::NewlyDenied if report.opens_nothing(false) => {
            ("ONLY NEWLY DENIED: nothing more is allowed", Tone::Good)
        }
        Outcome::NewlyDenied => ("NEWLY DENIED; nothing newly allowed was found, which proves nothing", Tone::Open),
        Outcome::Unknown => ("UNKNOWN: it could not be said what changes", Tone::Bad),
        Outcome::NewlyAllowed => ("NEWLY ALLOWED: let somebody else look at this edit", Tone::Bad),
    };
    text.push_str(&format!("{}\n", output.paint(word, tone)));
    text.push_str(&format!("old revision {}\nnew revision {}", report.old_revision, report.new_revision));
    text
}

fn question(compared: &Compared, output: &Output) -> String {
    let mut text = String::new();
    let sides =
        [("newly allowed", Tone::Bad, &compared.newly_allowed), ("newly denied", Tone::Open, &compared.newly_denied)];
    for (word, tone, shown) in sides {
        if let Some(shown) = shown {
            text.push_str(&format!("\n{}: {}, for example\n", output.paint(word, tone), compared.environment));
            text.push_str(&example(shown));
        }
    }
    for why in &compared.undecided {
        text.push_str(&format!("\n{}: {}: {why}\n", output.paint("undecided", Tone::Bad), compared.environment));
    }
    text
}

fn example(shown: &Shown) -> String {
    let mut text: String = shown.question.lines().map(|line| format!("  {line}\n")).collect();
    let because = |policies: &[String]| match policies {
        [] => "no policy permits it".to_owned(),
        some => some.join(", "),
    };
    text.push_str(&format!("  old: {}; new: {}\n", because(&shown.old), because(&shown.new)));
    text
}

#[cfg(test)]
mod tests;
