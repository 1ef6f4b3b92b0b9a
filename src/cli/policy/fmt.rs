//! `lockbox policy fmt`: policy files in the one layout.

use super::super::Exit;
use super::super::error::CliError;
use super::super::output::{Format, Output, Tone};
use crate::policy::{Finding, Formatted, Layout, LoadError, formatted, policy_files, write_formatted};
use std::path::{Path, PathBuf};

/// Lay policy files out as Cedar's formatter does: what they say and their comments stay.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox policy fmt --check policies\n\nExit code 1 when `--check` finds a file that is laid out otherwise, 3 when one is no policies: that one is left\nas it is."
)]
pub(super) struct Args {
    /// Folders of policies (or with `policies/` in them), or files.
    #[arg(value_name = "DIR|FILE", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Change nothing; say what would be.
    #[arg(long)]
    check: bool,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let Args { paths, check } = args;
    output.takes(&[Format::Text, Format::Json])?;
    let (mut files, mut findings): (Vec<Formatted>, Vec<Finding>) = (Vec::new(), Vec::new());
    for path in listed(&paths)? {
        match formatted(&path) {
            Ok(file) => {
                if !check && !file.fine {
                    let failed = |error| CliError::failed(format!("cannot write {}: {error}", path.display()));
                    write_formatted(&path, &file.text).map_err(failed)?;
                }
                files.push(file);
            }
            Err(LoadError { findings: more }) => findings.extend(more),
        }
    }
    let json = serde_json::json!({ "checked_only": check, "files": files, "findings": findings });
    output.answer(&json, || shown(&files, &findings, check, output))?;
    Ok(match (findings.is_empty(), files.iter().all(|file| file.fine)) {
        (false, _) => Exit::PoliciesInvalid,
        (true, false) if check => Exit::Failed,
        _ => Exit::Fine,
    })
}

fn listed(paths: &[PathBuf]) -> Result<Vec<PathBuf>, LoadError> {
    let mut files = Vec::new();
    for path in paths {
        let place = |path: &Path| if path.is_dir() { Layout::find(path).policies } else { path.to_owned() };
        files.extend(policy_files(&place(path))?);
    }
    Ok(files)
}

pub(super) fn shown(files: &[Formatted], findings: &[Finding], check: bool, output: &Output) -> String {
    let mut text: String = findings.iter().map(|finding| format!("{finding}\n\n")).collect();
    let differing = files.iter().filter(|file| !file.fine);
    let count = differing.clone().count();
    for file in differing {
        text.push_str(&format!("{}\n", file.file));
        for line in file.diff.iter().filter(|_| check) {
            let tone = match line.chars().next() {
                Some('+') => Tone::Good,
                Some('-') => Tone::Bad,
                _ => Tone::Faint,
            };
            text.push_str(&format!("  {}\n", output.paint(line, tone)));
        }
    }
    let all = files.len();
    text.push_str(&match (check, count) {
        (_, 0) => format!("{} files are laid out", output.paint(&all.to_string(), Tone::Good)),
        (true, _) => format!("{} of {all} files would change", output.paint(&count.to_string(), Tone::Bad)),
        (false, _) => format!("{} of {all} files changed", output.paint(&count.to_string(), Tone::Good)),
    });
    text
}
