//! Findings: what is wrong with a schema, a policy or a suite, where exactly, and what to do.
//! The only form in which this module complains about files.

use crate::domain::in_full;
use core::fmt;
use miette::Diagnostic;
use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a look; the set loads.
    Warning,
    /// The set does not load.
    Error,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// A stable name of the rule, such as `policy-id-missing`.
    pub code: &'static str,
    /// The file; a directory when nothing smaller is to blame.
    pub file: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// The column in characters, from 1; 0 when the whole line or file is meant.
    pub column: usize,
    /// The column behind the last marked character, from 1; 0 when the whole line or file is meant.
    pub end_column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
    /// The source line with a caret below; empty when the whole file is meant.
    pub excerpt: String,
}

impl Finding {
    /// An error about a whole file or directory.
    pub fn file(code: &'static str, file: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            file: file.to_owned(),
            line: 0,
            column: 0,
            end_column: 0,
            message: message.into(),
            help: help.into(),
            excerpt: String::new(),
        }
    }

    /// The same finding, at a byte range of the text.
    #[must_use]
    pub fn at(self, text: &str, offset: usize, length: usize) -> Self {
        let offset = offset.min(text.len());
        let before = text.get(..offset).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let source = text.lines().nth(line - 1).unwrap_or_default();
        let marked = text.get(offset..(offset + length).min(text.len())).unwrap_or_default();
        let marked = marked.split('\n').next().unwrap_or_default().chars().count().max(1);
        let gutter = line.to_string();
        let excerpt = format!(
            "{gutter} | {source}\n{:pad$} | {:skip$}{}",
            "",
            "",
            "^".repeat(marked),
            pad = gutter.len(),
            skip = column - 1
        );
        Self { line, column, end_column: column + marked, excerpt, ..self }
    }

    /// The same finding, at the first place in the text where `needle` stands.
    #[must_use]
    pub fn at_text(self, text: &str, needle: &str) -> Self {
        match text.find(needle) {
            Some(offset) => self.at(text, offset, needle.len()),
            None => self,
        }
    }

    /// The same finding as a warning.
    #[must_use]
    pub fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// What Cedar says of a file, one finding for each thing it says.
    pub(crate) fn of_cedar(code: &'static str, file: &str, text: &str, said: &dyn Diagnostic) -> Vec<Self> {
        let mut findings = vec![Self::of_one(code, file, text, said)];
        for related in said.related().into_iter().flatten() {
            findings.push(Self::of_one(code, file, text, related));
        }
        findings
    }

    fn of_one(code: &'static str, file: &str, text: &str, said: &dyn Diagnostic) -> Self {
        let help = said.help().map_or_else(|| "correct it as the message says".to_owned(), |help| help.to_string());
        let finding = Self::file(code, file, in_full(said), help);
        match said.labels().and_then(|mut labels| labels.next()) {
            Some(label) => finding.at(text, label.offset(), label.len()),
            None => finding,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}[{}]: {}\n  --> {}", self.code, self.message, self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        for line in self.excerpt.lines() {
            write!(f, "\n  {line}")?;
        }
        write!(f, "\n  = {}", self.help)
    }
}

/// A set of files that cannot be used. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", listed(.findings))]
pub struct LoadError {
    /// What is wrong, in the order it was found.
    pub findings: Vec<Finding>,
}

fn listed(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
}

impl From<Finding> for LoadError {
    fn from(finding: Finding) -> Self {
        Self { findings: vec![finding] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_points_at_its_place_with_a_caret() {
        let finding = Finding::file("x", "a.cedar", "wrong", "put it right").at("one\n  twö three", 11, 5);
        assert_eq!((finding.line, finding.column, finding.end_column), (2, 7, 12));
        assert_eq!(
            finding.to_string(),
            "error[x]: wrong\n  --> a.cedar:2:7\n  2 |   twö three\n    |       ^^^^^\n  = put it right"
        );
    }

    #[test]
    fn a_place_beyond_the_text_is_no_panic() {
        let finding = Finding::file("x", "a.cedar", "wrong", "put it right");
        assert_eq!(finding.clone().at("", 99, 99).line, 1);
        assert_eq!(finding.at("ö", 1, 1).column, 1);
    }
}
