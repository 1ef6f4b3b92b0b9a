//! The policies of a git revision, read by the `git` program without touching the work tree.
//!
//! What is needed of the revision's tree is laid out in a folder of its own, read as every other folder
//! is, and removed: so all that is refused of a folder is refused here too. Links of a tree are not
//! followed, because what they lead to may not be of that revision.

use super::super::super::error::CliError;
use crate::policy::{Layout, LoadError, Sources};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

/// The most files that are taken out of a tree.
const FILES_MAX: usize = 4096;
/// The largest of them, in bytes; what is larger is refused on reading, and is not even laid out whole.
const FILE_BYTES_MAX: usize = (1 << 20) + 1;

/// Opens `REV` or `REV:FOLDER` in the repository around `here`.
pub(super) fn open(here: &Path, named: &str, schema: Option<&Path>) -> Result<Sources, CliError> {
    let (revision, folder) = match named.split_once(':') {
        Some((revision, folder)) => (revision, Some(folder.trim_start_matches("./").trim_end_matches('/'))),
        None => (named, None),
    };
    let git = Git { here };
    let Ok(prefix) = git.says(&["rev-parse", "--show-prefix"]) else {
        return Err(CliError::Usage(format!(
            "there is no folder `{named}`, and no git repository around `{}` to find a revision in",
            here.display()
        )));
    };
    let unknown = || CliError::Usage(format!("`{revision}` is neither a folder nor a git revision: check its name"));
    if revision.is_empty() || revision.starts_with('-') {
        return Err(unknown());
    }
    let commit = git.says(&["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")]);
    let commit = commit.map_err(|_| unknown())?;
    let folder = folder.map_or_else(|| prefix.trim_end_matches('/').to_owned(), str::to_owned);
    let files = git.files(&commit)?;
    let below =
        |file: &String| folder.is_empty() || file.strip_prefix(&folder).is_some_and(|rest| rest.starts_with('/'));
    if !files.iter().any(below) {
        return Err(CliError::Usage(format!("there is no folder `{folder}` with policies in `{revision}`")));
    }
    let laid = Laid::out(&git, &commit, &files)?;
    let layout = Layout::find(&laid.root.join(&folder));
    let sources = Sources::read(&layout.policies, schema.unwrap_or(&layout.schema));
    sources.map(|sources| laid.named(sources, revision)).map_err(|error| laid.blamed(error, revision).into())
}

struct Git<'a> {
    here: &'a Path,
}

impl Git<'_> {
    fn run(&self, words: &[&str]) -> Result<Vec<u8>, CliError> {
        let run = Command::new("git").args(words).current_dir(self.here).stdin(Stdio::null()).output();
        let run = run.map_err(|error| CliError::failed(format!("`git` cannot be started: {error}")))?;
        if run.status.success() {
            return Ok(run.stdout);
        }
        let said = String::from_utf8_lossy(&run.stderr).trim().to_owned();
        Err(CliError::failed(format!("`git {}` failed: {said}", words.first().unwrap_or(&""))))
    }

    fn says(&self, words: &[&str]) -> Result<String, CliError> {
        Ok(String::from_utf8_lossy(&self.run(words)?).trim_end().to_owned())
    }

    /// The Cedar files of a commit, from the root of the repository.
    fn files(&self, commit: &str) -> Result<Vec<String>, CliError> {
        let listed = self.run(&["ls-tree", "-r", "-z", "--full-tree", commit])?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let mut files = Vec::new();
        for (kind, name) in listed.split('\0').filter_map(|line| line.split_once('\t')) {
            let is_file = kind.starts_with("100644") || kind.starts_with("100755");
            if is_file && [".cedar", ".cedarschema"].iter().any(|end| name.ends_with(end)) {
                files.push(name.to_owned());
            }
        }
        if files.len() > FILES_MAX {
            return Err(CliError::failed(format!("the revision has more than {FILES_MAX} Cedar files")));
        }
        Ok(files)
    }
}

/// Files of a commit, in a folder of their own that is removed in the end.
struct Laid {
    root: PathBuf,
}

impl Drop for Laid {
    fn drop(&mut self) {
        let _left = std::fs::remove_dir_all(&self.root);
    }
}

impl Laid {
    fn out(git: &Git<'_>, commit: &str, files: &[String]) -> Result<Self, CliError> {
        let laid = Self { root: fresh_folder()? };
        for file in files {
            let path = Path::new(file);
            // git knows no other; a path that leads elsewhere is not followed.
            if !path.components().all(|part| matches!(part, Component::Normal(_))) {
                continue;
            }
            let target = laid.root.join(path);
            if let Some(folder) = target.parent() {
                std::fs::create_dir_all(folder).map_err(CliError::failed)?;
            }
            let mut bytes = git.run(&["cat-file", "blob", &format!("{commit}:{file}")])?;
            bytes.truncate(FILE_BYTES_MAX);
            std::fs::write(&target, bytes).map_err(CliError::failed)?;
        }
        Ok(laid)
    }

    /// A name as a person knows it.
    fn name(&self, name: &str, revision: &str) -> String {
        match Path::new(name).strip_prefix(&self.root) {
            Ok(below) => format!("{revision}:{}", below.display()),
            Err(_) => name.to_owned(),
        }
    }

    fn named(&self, mut sources: Sources, revision: &str) -> Sources {
        let all = [&mut sources.schema].into_iter().chain(&mut sources.policies).chain(&mut sources.invariants);
        all.for_each(|file| file.name = self.name(&file.name, revision));
        sources
    }

    fn blamed(&self, mut error: LoadError, revision: &str) -> LoadError {
        error.findings.iter_mut().for_each(|finding| finding.file = self.name(&finding.file, revision));
        error
    }
}

/// A folder that nobody else has: making it fails where it is there already.
fn fresh_folder() -> Result<PathBuf, CliError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut last = None;
    for number in 0..100 {
        let root = std::env::temp_dir().join(format!("lockbox-diff-{}-{number}", std::process::id()));
        match std::fs::DirBuilder::new().mode(0o700).create(&root) {
            Ok(()) => return Ok(root),
            Err(error) => last = Some(error),
        }
    }
    let why = last.map(|error| error.to_string()).unwrap_or_default();
    Err(CliError::failed(format!("no folder can be made in `{}`: {why}", std::env::temp_dir().display())))
}
