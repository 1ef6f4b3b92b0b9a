//! The one layout of policy files: Cedar's own formatter, with what it must not lose looked after.
//!
//! Invariant: a file whose meaning, comments or form after a second pass would differ is left alone.

use super::files::{self, SourceFile};
use super::finding::{Finding, LoadError};
use cedar_policy_formatter::{Config, policies_str_to_pretty};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The longest line that the layout aims at, in characters.
const LINE_WIDTH: usize = 120;
/// By how much what is inside is moved in.
const INDENT_WIDTH: isize = 2;
/// Of a file that differs at more places than this only these are shown.
const LINES_SHOWN: usize = 40;
/// Texts with more lines than this are not compared line by line.
const LINES_COMPARED_MAX: usize = 2000;

/// A policy file, and how it should look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Formatted {
    /// The file.
    pub file: String,
    /// Whether it looks so already.
    pub fine: bool,
    /// The lines that differ: `-` as they are, `+` as they should be; the first of them where there are many.
    pub diff: Vec<String>,
    /// How it should look.
    #[serde(skip)]
    pub text: String,
}

/// The policy files in `path`, which may be one: its own, and those of `invariant/` and `shadow/`.
///
/// # Errors
/// [`LoadError`] when there is none, or the directory cannot be read.
pub fn policy_files(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = files::policies_of(path)?;
    for below in ["invariant", "shadow", "shadow/invariant"].map(|name| path.join(name)) {
        if below.is_dir() {
            found.extend(files::policies_of(&below)?);
        }
    }
    if found.is_empty() {
        let finding = Finding::file(
            "set-empty",
            &path.display().to_string(),
            "there is no policy file",
            "name the folder that has some",
        );
        return Err(finding.into());
    }
    Ok(found)
}

/// How a file should look.
///
/// # Errors
/// [`LoadError`] when it cannot be read, is no policies, or cannot be laid out without loss.
pub fn formatted(path: &Path) -> Result<Formatted, LoadError> {
    let source = files::read_file(path).map_err(|finding| LoadError::from(*finding))?;
    let text = laid_out(&source)?;
    let fine = text == *source.text;
    let diff = if fine { Vec::new() } else { differing(&source.text, &text) };
    Ok(Formatted { file: source.name, fine, diff, text })
}

/// Puts the text in the file's place: whole or not at all, with the permissions that were there.
///
/// # Errors
/// Of the file system, naming nothing: the caller knows the file.
pub fn write(path: &Path, text: &str) -> std::io::Result<()> {
    // What a link points to is changed, not the link.
    let path = path.canonicalize()?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // Begins with a dot, so that no load looks at it should it be left behind.
    let beside = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let done = replace(&path, &beside, text);
    if done.is_err() {
        // The first error is the one to tell.
        let _left_behind = std::fs::remove_file(&beside);
    }
    done
}

fn replace(path: &Path, beside: &Path, text: &str) -> std::io::Result<()> {
    let permissions = std::fs::metadata(path)?.permissions();
    let mut file = OpenOptions::new().write(true).create_new(true).open(beside)?;
    file.set_permissions(permissions)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(beside, path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

fn laid_out(source: &SourceFile) -> Result<String, LoadError> {
    if let Err(error) = source.text.parse::<cedar_policy::PolicySet>() {
        return Err(LoadError { findings: Finding::of_cedar("policy-syntax", &source.name, &source.text, &error) });
    }
    let config = Config { line_width: LINE_WIDTH, indent_width: INDENT_WIDTH };
    let lost = |why: &str| {
        let help = "lay it out by hand, and report it: the file is left as it is";
        LoadError::from(Finding::file("cannot-format", &source.name, why, help))
    };
    // A file without policies has nothing to lay out; the formatter would take it for an error.
    if !source.text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//")) {
        return Ok(source.text.to_string());
    }
    let text = policies_str_to_pretty(&source.text, &config).map_err(|error| lost(&error.to_string()))?;
    if policies_str_to_pretty(&text, &config).ok().as_ref() != Some(&text) {
        return Err(lost("laying it out twice gives something else than once"));
    }
    if comments(&text) != comments(&source.text) {
        return Err(lost("a comment would be lost"));
    }
    Ok(text)
}

/// The comments in order, without the space around them.
fn comments(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in text.lines() {
        let (mut quoted, mut escaped, mut slash) = (false, false, false);
        for (at, c) in line.char_indices() {
            match c {
                '/' if !quoted && slash => {
                    found.push(line.get(at + 1..).unwrap_or_default().trim());
                    break;
                }
                '"' if !escaped => quoted = !quoted,
                _ => {}
            }
            slash = c == '/' && !quoted && !slash;
            escaped = c == '\\' && !escaped;
        }
    }
    found
}

/// The lines that differ, between what the two texts begin and end with in common.
fn differing(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = |(a, b): &(&&str, &&str)| a == b;
    let before = old.iter().zip(&new).take_while(same).count();
    let shorter = old.len().min(new.len()) - before;
    let after = old.iter().rev().zip(new.iter().rev()).take(shorter).take_while(same).count();
    let part = |lines: &[&str]| -> Vec<String> {
        lines.iter().skip(before).take(lines.len() - before - after).map(|line| (*line).to_owned()).collect()
    };
    let mut lines = compared(&part(&old), &part(&new));
    if lines.is_empty() {
        lines.push("~ only line ends, or the last of them, differ".to_owned());
    }
    if let Some(more) = lines.len().checked_sub(LINES_SHOWN).filter(|more| *more > 0) {
        lines.truncate(LINES_SHOWN);
        lines.push(format!("~ and {more} more lines"));
    }
    lines
}

/// What is taken out and put in, by the longest common sequence of lines.
fn compared(old: &[String], new: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut a, mut b) = (0, 0);
    let common = if old.len().max(new.len()) > LINES_COMPARED_MAX { Vec::new() } else { common(old, new) };
    for (old_at, new_at) in common.into_iter().chain([(old.len(), new.len())]) {
        lines.extend(old.iter().take(old_at).skip(a).map(|line| format!("- {line}")));
        lines.extend(new.iter().take(new_at).skip(b).map(|line| format!("+ {line}")));
        (a, b) = (old_at + 1, new_at + 1);
    }
    lines
}

/// The places of a longest common sequence.
fn common(old: &[String], new: &[String]) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    let at = |longest: &[u32], a: usize, b: usize| longest.get(a * width + b).copied().unwrap_or(0);
    for (a, line) in old.iter().enumerate().rev() {
        for (b, other) in new.iter().enumerate().rev() {
            let here = if line == other {
                at(&longest, a + 1, b + 1) + 1
            } else {
                at(&longest, a + 1, b).max(at(&longest, a, b + 1))
            };
            if let Some(place) = longest.get_mut(a * width + b) {
                *place = here;
            }
        }
    }
    let (mut a, mut b, mut found) = (0, 0, Vec::new());
    while let (Some(line), Some(other)) = (old.get(a), new.get(b)) {
        if line == other {
            found.push((a, b));
            (a, b) = (a + 1, b + 1);
        } else if at(&longest, a + 1, b) >= at(&longest, a, b + 1) {
            a += 1;
        } else {
            b += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests;
