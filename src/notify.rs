//! How notices leave the house: as mail over SMTP, and as signed calls to the tenants' systems. Here are
//! the ways out; what is said, to whom and when is decided elsewhere and handed in whole.
//!
//! Invariant: nothing is sent without protection, except to a mail server at a loopback address.
//! Invariant: recipients are handed in; none is ever taken from a text.
//! Invariant: what is sent again has the id it had: receivers can tell a repetition from news.

mod backoff;
mod mail;
mod receipt;
pub mod render;
mod story;
mod webhook;
mod worker;

pub use backoff::Backoff;
pub use mail::{Mailer, MailerError, Message};
pub use story::{Receipt, Rendered, Side, Story, Touch};
pub use webhook::{Delivery, WebhookError, WebhookSender};
pub use worker::Postman;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// The longest reason that is kept, in characters: some of it is the other side's own words.
const WHY_CHARS_MAX: usize = 300;

/// Why something could not be handed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct SendError {
    /// Whether trying again is of no use.
    pub permanent: bool,
    /// What happened, on one line of at most 300 characters.
    pub why: String,
}

impl SendError {
    fn permanent(why: impl Into<String>) -> Self {
        Self { permanent: true, why: shown(&why.into()) }
    }

    fn temporary(why: impl Into<String>) -> Self {
        Self { permanent: false, why: shown(&why.into()) }
    }
}

/// A small file's bytes, or why there are none.
fn small_file(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(error.to_string()),
        Ok(_) if u64::try_from(bytes.len()).is_ok_and(|len| len <= bytes_max) => Ok(bytes),
        Ok(_) => Err(format!("it has more than {bytes_max} bytes")),
    }
}

/// Text of another system, for a record and for people: one line, not too long, nothing that moves a cursor.
fn shown(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() || is_reordering(c) { ' ' } else { c });
    clean.take(WHY_CHARS_MAX).collect::<String>().trim().to_owned()
}

/// Characters that make text read in another order than it is written (UAX #9): they let `gpj.exe` pass for a picture.
fn is_reordering(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line() {
        let error = SendError::temporary(format!("550\r\nno\u{202e}\u{1b}[2J{}", "x".repeat(1000)));
        assert!(error.why.starts_with("550  no  [2J") && error.why.chars().count() <= WHY_CHARS_MAX, "{error}");
        assert!(!error.why.chars().any(char::is_control));
    }
}
