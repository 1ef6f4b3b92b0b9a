//! The files of a policy set, as they lie in a directory: read whole, bounded, and refused when they
//! could hide something (byte order mark, control characters, a directory nobody looks into).
//!
//! Invariant: reading decides nothing; what is not read here does not exist for the rest.

use super::bundle::Bundle;
use super::finding::{Finding, LoadError};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file, in bytes (SAFETY.md §6: a 100 MB file is tried).
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;
/// The most files of a set.
pub(super) const FILES_MAX: usize = 4096;
/// All files of a set together, in bytes.
pub(super) const SET_BYTES_MAX: usize = 32 << 20;
/// Directories beside the policies that mean something else; any other with policies in it is refused.
const OTHER_DIRECTORIES: [&str; 4] = ["invariant", "shadow", "tests", "schemas"];

/// One file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path as findings show it.
    pub name: String,
    /// Its text.
    pub text: Arc<str>,
}

impl SourceFile {
    /// A file from its bytes, if they are text that hides nothing.
    pub(crate) fn of_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, Box<Finding>> {
        let wrong = |code, message: String, help: &str| Box::new(Finding::file(code, name, message, help));
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(wrong("file-too-large", "the file is larger than 1 MiB".to_owned(), "split it"));
        }
        if bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(wrong(
                "byte-order-mark",
                "the file begins with a byte order mark".to_owned(),
                "save it as UTF-8 without BOM",
            ));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            wrong("not-text", format!("the file is not UTF-8 from byte {at} on"), "save it as UTF-8")
        })?;
        if let Some(found) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            let escaped = found.escape_unicode();
            let finding = wrong(
                "not-text",
                format!("the file has the control character `{escaped}`"),
                "take it out: it is not a text file",
            );
            return Err(Box::new(finding.at_text(&text, found.encode_utf8(&mut [0; 4]))));
        }
        Ok(Self { name: name.to_owned(), text: Arc::from(text) })
    }

    /// The last part of its path: what it is called in a bundle and in the digest.
    pub(crate) fn last_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }
}

/// The files of a policy set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// The schema.
    pub schema: SourceFile,
    /// The policies, by name.
    pub policies: Vec<SourceFile>,
    /// The invariants, by name: checked with the rest, never evaluated.
    pub invariants: Vec<SourceFile>,
}

/// Where the files of a policy set lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The directory of the policies; invariants lie in `invariant/` below.
    pub policies: PathBuf,
    /// The schema.
    pub schema: PathBuf,
    /// The directory of the suites.
    pub tests: PathBuf,
}

impl Layout {
    /// The layout around `dir`, which is a directory of policies or one that has `policies/` in it.
    /// The schema is looked for as `lockbox.cedarschema` in it, in `schemas/` in it and beside it.
    pub fn find(dir: &Path) -> Self {
        let policies = if dir.join("policies").is_dir() { dir.join("policies") } else { dir.to_owned() };
        let around = [Some(policies.as_path()), Some(dir), policies.parent()];
        let beside = |name: &str| around.iter().flatten().map(|place| place.join(name)).find(|path| path.exists());
        let schema = beside("lockbox.cedarschema").or_else(|| beside("schemas/lockbox.cedarschema"));
        let tests = beside("tests/policies").or_else(|| beside("tests"));
        Self {
            schema: schema.unwrap_or_else(|| dir.join("schemas/lockbox.cedarschema")),
            tests: tests.unwrap_or_else(|| dir.join("tests")),
            policies,
        }
    }
}

impl Sources {
    /// The set this program ships.
    pub fn shipped() -> Self {
        let file = |name: &str, text: &str| SourceFile { name: name.to_owned(), text: Arc::from(text) };
        macro_rules! files {
            ($($name:literal),*) => { vec![$(file($name, include_str!(concat!("../../", $name)))),*] };
        }
        Self {
            schema: file("schemas/lockbox.cedarschema", include_str!("../../schemas/lockbox.cedarschema")),
            policies: files!["policies/access.cedar", "policies/guardrails.cedar", "policies/lifecycle.cedar"],
            invariants: files![
                "policies/invariant/customer-decides.cedar",
                "policies/invariant/grant-required.cedar",
                "policies/invariant/grant-suffices-to-read.cedar",
                "policies/invariant/never-mixed.cedar",
                "policies/invariant/nothing-for-suspended.cedar",
                "policies/invariant/within-window.cedar"
            ],
        }
    }

    /// Reads a set: every `*.cedar` of `dir`, every `*.cedar` of `dir/invariant`, and the schema.
    /// Links are followed; names that begin with a dot are not looked at.
    ///
    /// # Errors
    /// [`LoadError`] with everything that cannot be read, or is not text of a sensible size.
    pub fn read(dir: &Path, schema: &Path) -> Result<Self, LoadError> {
        let mut findings = Vec::new();
        let mut total = 0;
        let mut all = |paths: Vec<PathBuf>, findings: &mut Vec<Finding>| {
            let mut files = Vec::new();
            for path in paths {
                match read_file(&path) {
                    Ok(file) => {
                        total += file.text.len();
                        files.push(file);
                    }
                    Err(finding) => findings.push(*finding),
                }
                if total > SET_BYTES_MAX {
                    findings.push(too_much(&path));
                    break;
                }
            }
            files
        };
        let schema = all(vec![schema.to_owned()], &mut findings);
        let (below, others) = listed(dir, &mut findings);
        let policies = all(below, &mut findings);
        let (below, _) = match dir.join("invariant") {
            invariants if invariants.is_dir() => listed(&invariants, &mut findings),
            _ => (Vec::new(), Vec::new()),
        };
        let invariants = all(below, &mut findings);
        findings.extend(others);
        match schema.into_iter().next() {
            Some(schema) if findings.is_empty() => Ok(Self { schema, policies, invariants }),
            _ => Err(LoadError { findings }),
        }
    }

    /// Reads the set in or around a directory, or the one in a bundle file. A bundle is checked against
    /// its manifest, but nobody's signature is asked for: this is for looking, not for putting to use.
    ///
    /// # Errors
    /// [`LoadError`] with everything that cannot be read.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        if path.is_file() {
            return Self::from_bundle(&Bundle::read(path, None)?);
        }
        let layout = Layout::find(path);
        Self::read(&layout.policies, &layout.schema)
    }

    /// The set in a bundle.
    ///
    /// # Errors
    /// [`LoadError`] when a file of it is not text, or the set is not the one that the manifest names.
    pub fn from_bundle(bundle: &Bundle) -> Result<Self, LoadError> {
        bundle.sources()
    }

    /// The policy revision: `sha256:…` over all files, each with its kind, name and length.
    pub fn digest(&self) -> String {
        use core::fmt::Write as _;
        let mut hash = Sha256::new();
        let mut part = |kind: &str, file: &SourceFile| {
            for text in [kind, file.last_name(), &file.text] {
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text.as_bytes());
            }
        };
        part("schema", &SourceFile { name: "lockbox.cedarschema".to_owned(), text: self.schema.text.clone() });
        for (kind, files) in [("policy", &self.policies), ("invariant", &self.invariants)] {
            let mut files: Vec<&SourceFile> = files.iter().collect();
            files.sort_by(|a, b| a.name.cmp(&b.name));
            for file in files {
                part(kind, file);
            }
        }
        let mut text = String::from("sha256:");
        for byte in hash.finalize() {
            let _infallible = write!(text, "{byte:02x}");
        }
        text
    }
}

fn too_much(path: &Path) -> Finding {
    Finding::file("set-too-large", &shown(path), "the set is larger than 32 MiB", "take files out of the directory")
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The policy files of a directory by name, and what is wrong with what else lies there.
fn listed(dir: &Path, findings: &mut Vec<Finding>) -> (Vec<PathBuf>, Vec<Finding>) {
    let (mut files, mut others) = (Vec::new(), Vec::new());
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            findings.push(unreadable(dir, "directory", &error));
            return (files, others);
        }
    };
    for entry in entries {
        let Ok(entry) = entry else {
            findings.push(Finding::file(
                "unreadable",
                &shown(dir),
                "the directory changed while it was read",
                "try again",
            ));
            return (files, others);
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            let hides = std::fs::read_dir(&path).is_ok_and(|mut below| {
                below.any(|file| file.is_ok_and(|file| file.path().extension().is_some_and(|end| end == "cedar")))
            });
            if hides && !OTHER_DIRECTORIES.contains(&name.as_str()) {
                others.push(Finding::file(
                    "policies-in-subdirectory",
                    &shown(&path),
                    "there are policies in a directory that is not looked into",
                    "move them up: policies lie side by side, invariants in `invariant/`",
                ));
            }
        } else if path.extension().is_some_and(|end| end == "cedar") {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            findings.push(Finding::file(
                "too-many-files",
                &shown(dir),
                "there are more than 4096 policy files",
                "put policies together into fewer files",
            ));
            return (files, others);
        }
    }
    files.sort();
    (files, others)
}

/// The policy files that lie in a directory, by name.
pub(super) fn policies_of(dir: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let mut findings = Vec::new();
    let (files, _) = listed(dir, &mut findings);
    if findings.is_empty() { Ok(files) } else { Err(LoadError { findings }) }
}

/// What keeps a path from being read, and what to do about just that.
fn unreadable(path: &Path, what: &str, error: &std::io::Error) -> Finding {
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|kind| kind.is_symlink());
    let (message, help) = match error.kind() {
        ErrorKind::NotFound if is_link => {
            ("the link leads to nothing".to_owned(), "correct where it leads, or remove it".to_owned())
        }
        ErrorKind::NotFound => (format!("there is no such {what}"), "check the path, or put it there".to_owned()),
        ErrorKind::NotADirectory => ("it is not a directory".to_owned(), "name the folder of the policies".to_owned()),
        ErrorKind::PermissionDenied => (
            format!("this user may not read the {what}"),
            format!(
                "let the user that this runs as read it (`chmod +r`{})",
                if what == "file" { "" } else { ", `chmod +x`" }
            ),
        ),
        _ => (format!("the {what} cannot be read: {error}"), "correct what the message names".to_owned()),
    };
    Finding::file("unreadable", &shown(path), message, help)
}

/// Reads one file whole.
pub(super) fn read_file(path: &Path) -> Result<SourceFile, Box<Finding>> {
    let name = shown(path);
    let wrong = |code, message: String, help: &str| Box::new(Finding::file(code, &name, message, help));
    let unreadable = |error: std::io::Error| Box::new(unreadable(path, "file", &error));
    // A pipe or device would block for ever, so the kind is asked before the file is opened.
    let kind = std::fs::metadata(path).map_err(unreadable)?;
    if !kind.is_file() {
        return Err(wrong("not-a-file", "it is not a regular file".to_owned(), "put a file there"));
    }
    if kind.len() > FILE_BYTES_MAX {
        return Err(wrong("file-too-large", "the file is larger than 1 MiB".to_owned(), "split it"));
    }
    let mut bytes = Vec::new();
    // The length is bounded again: the file may grow after it was asked for its size.
    File::open(path).map_err(unreadable)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    SourceFile::of_bytes(&name, bytes)
}
