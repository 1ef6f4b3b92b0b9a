//! From a message to the bytes that a mail server gets. Text of people goes in here and comes out as text
//! and nothing else: no header, no line of the protocol and no second mail (SAFETY.md §4).
//!
//! Invariant: both parts are base64. So no line begins with a dot, none is too long, and nothing in a text
//! can end the message, whatever the library or the next server think of a lone CR or LF.
//! Invariant: the finished bytes are looked at once more ([`guard`]) before they leave.

use super::super::{SendError, is_reordering};
use crate::domain::{Language, Timestamp, mail_address_refused};
use core::time::Duration;
use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, MultiPartKind, SinglePart};
use std::time::{SystemTime, UNIX_EPOCH};

/// The longest subject, in characters.
const SUBJECT_CHARS_MAX: usize = 200;
/// The longest text or HTML, in bytes; a reason has at most 4 KiB, and there are but a few in a mail.
const PART_BYTES_MAX: usize = 512 * 1024;
/// The longest id, in bytes.
const ID_BYTES_MAX: usize = 64;
/// The longest line, in bytes, without its end (RFC 5321 §4.5.3.1.6).
const LINE_BYTES_MAX: usize = 998;
/// The headers of a mail. Each is there once at most, and there is no other.
const HEADERS: [&str; 12] = [
    "From",
    "Reply-To",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
];

/// One mail to one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The address; never from a request.
    pub to: String,
    /// One line; control characters become spaces, and what is beyond 200 characters is cut.
    pub subject: String,
    /// The plain part.
    pub text: String,
    /// The same as HTML, everything that people wrote escaped.
    pub html: String,
    /// What is before the `@` of the Message-ID: unique, and the same each time this mail is tried.
    pub id: String,
    /// What is before the `@` of the id that all mails on one matter refer to, so that readers show them together.
    pub thread: Option<String>,
    /// Since when it waits to be sent.
    pub date: Timestamp,
    /// The language of text and subject.
    pub language: Language,
}

/// Who mails are from.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub(super) from: Mailbox,
    pub(super) reply_to: Option<Mailbox>,
}

/// A mail as it goes over the wire, before dots are doubled; there are none to double.
#[derive(Debug)]
pub(super) struct Composed {
    pub(super) to: Address,
    pub(super) bytes: Vec<u8>,
}

/// An address as the library knows it, if it is one that anything is sent to.
pub(super) fn address(text: &str) -> Result<Address, String> {
    if let Some(why) = mail_address_refused(text) {
        return Err(format!("`{}` {why}", text.escape_debug()));
    }
    text.parse().map_err(|error| format!("`{}` is no mail address: {error}", text.escape_debug()))
}

/// The mail in full.
///
/// # Errors
/// [`SendError`], permanent: it can never be sent as it is.
pub(super) fn compose(message: &Message, sender: &Sender) -> Result<Composed, SendError> {
    let to = address(&message.to).map_err(SendError::permanent)?;
    let home = sender.from.email.domain();
    let mut mail = lettre::Message::builder().from(sender.from.clone());
    if let Some(reply_to) = &sender.reply_to {
        mail = mail.reply_to(reply_to.clone());
    }
    mail = mail
        .to(Mailbox::new(None, to.clone()))
        .subject(one_line(&message.subject))
        .date(system_time(message.date))
        .message_id(Some(id(&message.id, home)?));
    if let Some(thread) = &message.thread {
        mail = mail.references(id(thread, home)?);
    }
    for (name, value) in [
        // RFC 3834: nobody's holiday notice answers this.
        (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated"),
        (HeaderName::new_from_ascii_str("X-Auto-Response-Suppress"), "OOF, AutoReply"),
        (HeaderName::new_from_ascii_str("Content-Language"), message.language.as_str()),
    ] {
        mail = mail.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    // No line of base64 begins with `--`, so any boundary is one.
    let parts = MultiPart::builder().kind(MultiPartKind::Alternative).boundary("lockbox-part");
    let parts = parts
        .singlepart(part(&message.text, ContentType::TEXT_PLAIN)?)
        .singlepart(part(&message.html, ContentType::TEXT_HTML)?);
    let made = mail.multipart(parts).map_err(|error| SendError::permanent(format!("no mail can be made: {error}")))?;
    let bytes = made.formatted();
    guard(&bytes).map_err(|why| SendError::permanent(format!("the mail was not sent: {why}")))?;
    Ok(Composed { to, bytes })
}

fn part(text: &str, kind: ContentType) -> Result<SinglePart, SendError> {
    if text.len() > PART_BYTES_MAX {
        return Err(SendError::permanent(format!("the mail is too long: {} bytes", text.len())));
    }
    let body = Body::new_with_encoding(lines(text), ContentTransferEncoding::Base64);
    let body = body.map_err(|_| SendError::permanent("the text cannot be written as base64"))?;
    Ok(SinglePart::builder().header(kind).body(body))
}

/// One line of at most 200 characters: controls, line ends of every kind and runs of spaces are one space.
/// What only looks encoded (RFC 2047) is taken apart, or readers would decode it to anything, line ends too.
fn one_line(text: &str) -> String {
    let clean: String =
        text.chars().map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { harmless(c) }).collect();
    let clean = clean.replace("=?", "= ?");
    let line = clean.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SUBJECT_CHARS_MAX {
        return line;
    }
    line.chars().take(SUBJECT_CHARS_MAX - 1).chain(['…']).collect()
}

/// Text with every kind of line end as CRLF, and without other controls than tabs.
fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push_str("\r\n"),
            '\t' => out.push(c),
            c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(harmless(c)),
        }
    }
    out
}

fn harmless(c: char) -> char {
    if is_reordering(c) { char::REPLACEMENT_CHARACTER } else { c }
}

fn id(local: &str, home: &str) -> Result<String, SendError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if local.len() > ID_BYTES_MAX || !local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(fine)) {
        return Err(SendError::permanent(format!("`{}` is no id of a mail", local.escape_debug())));
    }
    Ok(format!("<{local}@{home}>"))
}

fn system_time(at: Timestamp) -> SystemTime {
    let ms = u64::try_from(at.as_ms()).unwrap_or(0);
    UNIX_EPOCH.checked_add(Duration::from_millis(ms)).unwrap_or(UNIX_EPOCH)
}

/// What must hold of a finished mail. Believes nothing about how it was made.
pub(super) fn guard(mail: &[u8]) -> Result<(), &'static str> {
    let text = core::str::from_utf8(mail).map_err(|_| "it is not text")?;
    let allowed = |c: char| c.is_ascii_graphic() || matches!(c, ' ' | '\t');
    // Cut at CRLF only: whatever else ends a line for some reader is then a character that is not allowed.
    let all: Vec<&str> = text.split("\r\n").collect();
    if !all.iter().all(|line| line.len() <= LINE_BYTES_MAX && line.chars().all(allowed)) {
        return Err("a line is too long, or has a character that mail does not carry");
    }
    let mut parts = all.split(|line| line.is_empty());
    let mut seen = Vec::new();
    for line in parts.next().unwrap_or_default().iter().filter(|line| !line.starts_with([' ', '\t'])) {
        let name = line.split(':').next().unwrap_or_default();
        if !HEADERS.contains(&name) || seen.contains(&name) {
            return Err("it has a header that no mail of ours has");
        }
        seen.push(name);
    }
    let base64 = |line: &str| line.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
    let ours = |line: &str| {
        ["--lockbox-part", "--lockbox-part--", "Content-Transfer-Encoding: base64"].contains(&line)
            || line.starts_with("Content-Type: text/")
            || base64(line)
    };
    if parts.flatten().all(|line| ours(line)) { Ok(()) } else { Err("its body is not base64 throughout") }
}

#[cfg(test)]
mod tests;
