//! `lockbox policy init`: a policy repository to start from: the shipped set with its promises and suites,
//! what a build server runs, and what an editor wants to know.

use super::super::Exit;
use super::super::error::CliError;
use super::super::output::{Format, Output, Tone};
use crate::policy::Sources;
use crate::policy::bundle::put_whole;
use std::path::{Path, PathBuf};

/// Begin a repository of policies: the shipped set, its tests, a CI script, editor settings.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox policy init lockbox-policies\n  lockbox policy test lockbox-policies\n\nWrites nothing, and ends with 1, when any of its files is there already."
)]
pub(super) struct Args {
    /// The folder to begin in; made if it is not there.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Write the files anew that are there already. Others are left alone.
    #[arg(long)]
    force: bool,
}

macro_rules! starters {
    ($($path:literal = $from:literal),* $(,)?) => { [$(($path, include_str!($from))),*] };
}

/// What is beside the set itself.
const AROUND: [(&str, &str); 9] = starters! {
    "README.md" = "init/README.md",
    "ci.sh" = "init/ci.sh",
    ".github/workflows/policies.yml" = "init/policies.yml",
    ".vscode/settings.json" = "init/settings.json",
    ".vscode/extensions.json" = "init/extensions.json",
    ".gitattributes" = "init/gitattributes",
    ".gitignore" = "init/gitignore",
    "schemas/policy-suite.schema.json" = "../../../schemas/policy-suite.schema.json",
    "schemas/lockbox.cedarschema" = "../../../schemas/lockbox.cedarschema",
};

/// The suites of the shipped set.
const SUITES: [(&str, &str); 4] = starters! {
    "tests/policies/access.yaml" = "../../../tests/policies/access.yaml",
    "tests/policies/guardrails.yaml" = "../../../tests/policies/guardrails.yaml",
    "tests/policies/lifecycle.yaml" = "../../../tests/policies/lifecycle.yaml",
    "tests/policies/mixed.json" = "../../../tests/policies/mixed.json",
};

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    output.takes(&[Format::Text, Format::Json])?;
    let Args { dir, force } = args;
    let sources = Sources::shipped();
    let set: Vec<(&str, &str)> = sources
        .policies
        .iter()
        .chain(&sources.invariants)
        .map(|file| (file.name.as_str(), file.text.as_ref()))
        .collect();
    let files: Vec<(&str, &str)> = AROUND.into_iter().chain(SUITES).chain(set).collect();
    // A link that leads nowhere is there, too.
    let there: Vec<&str> =
        files.iter().map(|(path, _)| *path).filter(|path| dir.join(path).symlink_metadata().is_ok()).collect();
    if !force && !there.is_empty() {
        let listed: String = there.iter().map(|path| format!("\n  {path}")).collect();
        let what = format!("these files are in `{}` already, and nothing was written:{listed}", dir.display());
        return Err(CliError::failed(format!("{what}\nname another folder, or write them anew with `--force`")));
    }
    for (path, text) in &files {
        put(&dir.join(path), text)?;
    }
    let paths: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    let json = serde_json::json!({ "dir": dir, "files": paths, "written_anew": there });
    output.answer(&json, || {
        let begun = output.paint("begun", Tone::Good);
        let dir = dir.display();
        format!(
            "{begun}: {} files in `{dir}`\nnext: `cd {dir} && lockbox policy check && lockbox policy test`",
            paths.len()
        )
    })?;
    Ok(Exit::Fine)
}

fn put(path: &Path, text: &str) -> Result<(), CliError> {
    let cannot = |error: std::io::Error| CliError::Failed(format!("cannot write `{}`: {error}", path.display()));
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(cannot)?;
    }
    let mode = if path.extension().is_some_and(|end| end == "sh") { 0o755 } else { 0o644 };
    put_whole(path, text.as_bytes(), mode).map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::super::super::output::ColorWhen;
    use super::*;
    use crate::policy::cases::test_dir;
    use crate::policy::check;

    fn begin(dir: &Path, force: bool) -> Result<Exit, CliError> {
        run(Args { dir: dir.to_owned(), force }, &Output::new(Format::Text, ColorWhen::Never))
    }

    #[test]
    fn what_is_begun_loads_and_passes_its_tests() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("a/b");
        assert_eq!(begin(&dir, false).unwrap(), Exit::Fine);
        let report = check(&dir, None, &mut |_| {});
        assert!(report.is_good() && report.findings.is_empty(), "{report}");
        assert_eq!(report.digest, Some(Sources::shipped().digest()));
        assert!(test_dir(&dir, &|_| true).unwrap().is_good());
        for name in ["settings.json", "extensions.json"] {
            let text = std::fs::read_to_string(dir.join(".vscode").join(name)).unwrap();
            let _is_json: serde_json::Value = serde_json::from_str(&text).unwrap();
        }
        let workflow = std::fs::read_to_string(dir.join(".github/workflows/policies.yml")).unwrap();
        let _is_yaml: serde_json::Value = serde_saphyr::from_str(&workflow).unwrap();
    }

    #[test]
    fn nothing_is_overwritten_unless_asked_and_then_only_its_own_files() {
        let place = tempfile::tempdir().unwrap();
        let (readme, own) = (place.path().join("README.md"), place.path().join("policies/own.cedar"));
        std::fs::write(&readme, "mine").unwrap();
        let error = begin(place.path(), false).unwrap_err();
        assert_eq!(error.exit(), Exit::Failed);
        assert!(error.to_string().contains("README.md") && !error.to_string().contains("ci.sh"), "{error}");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "nothing was written");
        std::fs::create_dir(place.path().join("policies")).unwrap();
        std::fs::write(&own, "// mine").unwrap();
        assert_eq!(begin(place.path(), true).unwrap(), Exit::Fine);
        assert_ne!(std::fs::read_to_string(&readme).unwrap(), "mine");
        assert_eq!(std::fs::read_to_string(&own).unwrap(), "// mine");
    }

    #[test]
    fn everything_that_is_shipped_goes_in() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let sources = Sources::shipped();
        let mut known: Vec<&str> = SUITES.iter().map(|(path, _)| *path).collect();
        known.extend(sources.policies.iter().chain(&sources.invariants).map(|file| file.name.as_str()));
        for dir in ["policies", "policies/invariant", "tests/policies"] {
            for entry in std::fs::read_dir(root.join(dir)).unwrap() {
                let entry = entry.unwrap();
                let path = format!("{dir}/{}", entry.file_name().to_str().unwrap());
                let is_file = entry.file_type().unwrap().is_file();
                assert!(!is_file || known.contains(&path.as_str()), "`{path}` is not among what `policy init` writes");
            }
        }
    }
}
