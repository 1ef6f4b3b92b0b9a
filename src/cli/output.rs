//! How answers look: aligned tables and times relative to now for people, JSON for programs, colour on
//! a terminal only.

use super::error::CliError;
use crate::domain::Timestamp;
use clap::ValueEnum;
use comfy_table::{Table, presets::NOTHING};
use core::time::Duration;
use owo_colors::{OwoColorize as _, Style};
use serde_json::Value;
use std::io::{ErrorKind, IsTerminal as _, Write as _};

/// The form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs: one JSON document.
    Json,
    /// `policy test`: suites with their tests, as text.
    Tree,
    /// `policy test`: JUnit's XML.
    Junit,
    /// `policy check`: SARIF 2.1.0.
    Sarif,
    /// `policy check`: annotations of a GitHub workflow.
    Github,
    /// `policy coverage`: a page that stands alone.
    Html,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Even into a file.
    Always,
    /// Not at all.
    Never,
}

/// What a piece of text means, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Allowed, done.
    Good,
    /// Waiting.
    Open,
    /// Denied, failed.
    Bad,
    /// Of less interest.
    Faint,
}

/// Where answers go.
#[derive(Debug)]
pub(super) struct Output {
    format: Format,
    colour: bool,
    colour_errors: bool,
}

impl Output {
    pub(super) fn new(format: Format, when: ColorWhen) -> Self {
        let wanted = |terminal: bool| match when {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            // https://no-color.org: any value but the empty one.
            ColorWhen::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Self {
            format,
            colour: wanted(std::io::stdout().is_terminal()),
            colour_errors: wanted(std::io::stderr().is_terminal()),
        }
    }

    /// Refuses a form that the verb has not.
    ///
    /// # Errors
    /// [`CliError::Usage`] naming the forms there are.
    pub(super) fn takes(&self, forms: &[Format]) -> Result<(), CliError> {
        if forms.contains(&self.format) {
            return Ok(());
        }
        let name =
            |form: &Format| form.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let known: Vec<String> = forms.iter().map(name).collect();
        Err(CliError::Usage(format!("this has no form `{}`: use one of {}", name(&self.format), known.join(", "))))
    }

    /// The form that was asked for.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Whether programs read the answer.
    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// The answer: `json` for programs, what `text` makes for people.
    pub(super) fn answer(&self, json: &Value, text: impl FnOnce() -> String) -> Result<(), CliError> {
        match self.format {
            Format::Json => self.print(&serde_json::to_string_pretty(json).map_err(CliError::failed)?),
            _ => self.print(&text()),
        }
    }

    /// Writes text and a line end, if it has none. A reader that has gone away wants no more.
    pub(super) fn print(&self, text: &str) -> Result<(), CliError> {
        let mut out = std::io::stdout().lock();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        match write!(out, "{text}{end}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Says on standard error what is not part of the answer.
    pub(super) fn note(&self, text: &str) {
        // Nobody can be told that nobody can be told.
        let _lost = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Says on standard error what went wrong.
    pub(super) fn error(&self, error: &CliError) {
        match self.format {
            Format::Json => {
                let problem = match error {
                    CliError::Client(client) | CliError::BundleRefused { client, .. } => client.problem(),
                    CliError::Policies(refused) => Some(
                        serde_json::json!({ "error": "the policies cannot be used", "findings": refused.findings }),
                    ),
                    _ => None,
                };
                self.note(&problem.unwrap_or_else(|| serde_json::json!({ "error": error.to_string() })).to_string());
            }
            _ => {
                let label = paint("error:", Style::new().red().bold(), self.colour_errors);
                self.note(&format!("{label} {error}"));
            }
        }
    }

    /// `text` in the colour of `tone`.
    pub(super) fn paint(&self, text: &str, tone: Tone) -> String {
        let style = match tone {
            Tone::Good => Style::new().green().bold(),
            Tone::Open => Style::new().yellow(),
            Tone::Bad => Style::new().red().bold(),
            Tone::Faint => Style::new().dimmed(),
        };
        paint(text, style, self.colour)
    }
}

fn paint(text: &str, style: Style, colour: bool) -> String {
    if colour { text.style(style).to_string() } else { text.to_owned() }
}

/// Rows under a heading, in columns.
pub(super) fn table(heading: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(heading.to_vec());
    for row in rows {
        table.add_row(row);
    }
    let lines = table.to_string();
    lines.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect::<Vec<_>>().join("\n")
}

/// Names and values, aligned; pairs without a value are left out.
pub(super) fn pairs(pairs: &[(&str, Option<String>)]) -> String {
    let there = || pairs.iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)));
    let width = there().map(|(name, _)| name.len()).max().unwrap_or(0);
    there().map(|(name, value)| format!("{name:width$}  {value}")).collect::<Vec<_>>().join("\n")
}

/// How far `instant` is from `now`, as a person says it: `in 1 h 58 min`, `3 d ago`.
pub(super) fn relative(instant: Timestamp, now: Timestamp) -> String {
    if instant >= now {
        format!("in {}", spoken(instant.since(now)))
    } else {
        format!("{} ago", spoken(now.since(instant)))
    }
}

/// An RFC 3339 text with how far it is from `now`; text that is none stays as it is.
pub(super) fn instant(text: &str, now: Timestamp) -> String {
    text.parse().map_or_else(|_| text.to_owned(), |at| format!("{text} ({})", relative(at, now)))
}

/// The two largest units of a duration.
pub(super) fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let parts = match (days, hours, minutes) {
        (0, 0, 0) => [(seconds, "s"), (0, "")],
        (0, 0, minutes) => [(minutes, "min"), (seconds % 60, "s")],
        (0, hours, minutes) => [(hours, "h"), (minutes, "min")],
        (days, hours, _) => [(days, "d"), (hours, "h")],
    };
    let said: Vec<String> =
        parts.iter().filter(|(amount, _)| *amount > 0).map(|(amount, unit)| format!("{amount} {unit}")).collect();
    if said.is_empty() { "0 s".to_owned() } else { said.join(" ") }
}

/// A text member of a JSON object.
pub(super) fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path).and_then(Value::as_str)
}

/// A list of texts, with commas; `None` when it is absent or empty.
pub(super) fn list(value: &Value, path: &str) -> Option<String> {
    let items = value.pointer(path)?.as_array()?;
    let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_in_time_are_said_in_two_units() {
        let now = Timestamp::from_ms(1_795_339_800_000);
        for (seconds, said) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (7080, "1 h 58 min"),
            (7200, "2 h"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(spoken(Duration::from_secs(seconds)), said);
        }
        assert_eq!(relative(now.plus(Duration::from_secs(7080)), now), "in 1 h 58 min");
        assert_eq!(relative(now.minus(Duration::from_secs(300)), now), "5 min ago");
        assert_eq!(instant("soon", now), "soon");
    }

    #[test]
    fn tables_are_aligned_and_have_no_trailing_space() {
        let text =
            table(&["ID", "STATE"], vec![vec!["LBX-1001".into(), "active".into()], vec!["LBX-2".into(), "x".into()]]);
        assert_eq!(text, "ID        STATE\nLBX-1001  active\nLBX-2     x");
        assert_eq!(pairs(&[("a", Some("1".into())), ("gone", None), ("long", Some("2".into()))]), "a     1\nlong  2");
    }

    #[test]
    fn colour_is_only_there_when_wanted() {
        assert_eq!(Output::new(Format::Text, ColorWhen::Never).paint("x", Tone::Bad), "x");
        assert!(Output::new(Format::Text, ColorWhen::Always).paint("x", Tone::Bad).contains("\u{1b}["));
    }
}
