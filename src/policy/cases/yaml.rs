//! Suites as text: read with the place of what is wrong and the nearest known key, and written so that
//! what is read again is the same suite.

use super::super::finding::{Finding, LoadError};
use super::suite::{Suite, TestCase};
use serde::Serialize;

impl Suite {
    /// Reads a suite.
    ///
    /// # Errors
    /// [`LoadError`] with the place and, for an unknown key, the nearest known one.
    pub fn parse(file: &str, text: &str) -> Result<Self, LoadError> {
        serde_saphyr::from_str(text).map_err(|error| {
            let said = error.without_snippet().to_string();
            let mut finding = Finding::file("suite-invalid", file, said.clone(), help(&said));
            if let Some(place) = error.location() {
                let lines =
                    text.split_inclusive('\n').take(usize::try_from(place.line()).unwrap_or(1).saturating_sub(1));
                let before: usize = lines.map(str::len).sum();
                let column = usize::try_from(place.column()).unwrap_or(1).saturating_sub(1);
                finding = finding.at(text, before + column, 1);
            }
            finding.into()
        })
    }

    /// The suite as YAML, with what `comment` says of a test (such as `confirm me`) above it.
    ///
    /// # Errors
    /// When a value has no form in YAML; the values that policies know all have one.
    pub fn to_yaml(&self, comment: impl Fn(&TestCase) -> Option<String>) -> Result<String, String> {
        let head = Self { tests: Vec::new(), ..self.clone() };
        let mut text = written(&head)?;
        // The tests are written one by one, because a comment has no place in the value.
        if let Some(rest) = text.strip_suffix("tests: []\n") {
            text.truncate(rest.len());
        }
        if self.tests.is_empty() {
            text.push_str("tests: []\n");
            return Ok(text);
        }
        text.push_str("tests:\n");
        for test in &self.tests {
            text.push_str(&test.to_yaml(comment(test).as_deref())?);
        }
        Ok(text)
    }
}

impl TestCase {
    /// The test as an element of a suite's `tests`, indented by two, with a comment above it.
    ///
    /// # Errors
    /// When a value has no form in YAML.
    pub fn to_yaml(&self, comment: Option<&str>) -> Result<String, String> {
        let mut text = String::new();
        for line in comment.unwrap_or_default().lines() {
            text.push_str(&format!("  # {line}\n"));
        }
        for (number, line) in written(self)?.lines().enumerate() {
            let lead = if number == 0 { "  - " } else { "    " };
            text.push_str(&format!("{lead}{line}\n"));
        }
        Ok(text)
    }
}

fn written(value: &impl Serialize) -> Result<String, String> {
    serde_saphyr::to_string(value).map_err(|error| error.to_string())
}

/// For an unknown key, the nearest known one: the message names it in backticks, then the known ones.
fn help(said: &str) -> String {
    let nearest = said.strip_prefix("unknown field `").and_then(|rest| {
        let (unknown, rest) = rest.split_once('`')?;
        let known = rest.split_once("expected ")?.1.trim_start_matches("one of ");
        let known = known.split(" at line ").next()?.split([',', ' ']).map(|name| name.trim_matches('`'));
        known.filter(|name| !name.is_empty()).min_by_key(|name| strsim::damerau_levenshtein(unknown, name))
    });
    match nearest {
        Some(known) => format!("write `{known}`, if that is meant"),
        None => "correct it; schemas/policy-suite.schema.json describes suites".to_owned(),
    }
}

/// The JSON Schema of suites, as checked in.
pub fn suite_schema() -> String {
    let schema = schemars::schema_for!(Suite);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
