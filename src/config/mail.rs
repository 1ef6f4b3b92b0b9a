//! `[mail]`: how notices leave as mail. Without a `host` none does: they wait in the outbox, where the
//! page shows them.

use super::check::Checker;
use crate::domain::{Language, mail_address_refused};
use core::net::IpAddr;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The longest display name, in characters; longer ones are cut by many readers.
const NAME_CHARS_MAX: usize = 64;

/// The mail server, who the mails are from, and how often a refused one is tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// The mail server that takes the mails: a name, or an address. Its certificate has to be for this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its port, 1 to 65535. Without one: 465 for `tls`, 587 for `starttls`, 25 for `plaintext-loopback`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the way there is protected.
    pub tls: MailTls,
    /// The certificates of the authorities that may vouch for the server, as PEM; no others are trusted then.
    /// Without a file, those that browsers trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The name to sign in with at the server; with `password_file` or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The file with the password; read at every connection, so that it can be exchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// How this host introduces itself (EHLO). Without one: `[127.0.0.1]`, which submission servers accept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hello_name: Option<String>,
    /// The address that the mails are from. Needed with `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The name shown beside that address, at most 64 characters.
    pub from_name: String,
    /// The address that answers go to, when not to `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// The language of mails to the provider's own people; a tenant's people get them in the tenant's.
    pub language: MailLanguage,
    /// How long connecting and each mail may take, in ms, 100 to 300000.
    pub timeout_ms: u64,
    /// How often a mail is tried before it is given up and counted as dead, 1 to 100.
    pub attempts_max: u32,
    /// How long the second attempt waits, in s, 1 to 3600; each further one waits twice as long as the one before.
    pub retry_first_s: u64,
    /// The longest wait between two attempts, in s, `retry_first_s` to 86400.
    pub retry_longest_s: u64,
}

/// How the way to the mail server is protected. There is no "if the server offers it": whoever sits in
/// between could take the offer away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MailTls {
    /// TLS from the first byte (RFC 8314 recommends it).
    #[default]
    Tls,
    /// A plain greeting, then TLS before anything is said; without TLS nothing is sent.
    #[serde(rename = "starttls")]
    StartTls,
    /// No protection, to a server at a loopback address only.
    PlaintextLoopback,
}

/// A language of mails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MailLanguage {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Hungarian.
    #[serde(rename = "hu")]
    Hungarian,
}

impl From<MailLanguage> for Language {
    fn from(language: MailLanguage) -> Self {
        match language {
            MailLanguage::English => Self::English,
            MailLanguage::Hungarian => Self::Hungarian,
        }
    }
}

impl Default for Mail {
    /// 30 attempts from 15 s up to half an hour apart are tried for some eleven hours: beyond the 12 h that
    /// a customer has to answer, a mail that asks him is of no use.
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            tls: MailTls::Tls,
            ca_file: None,
            username: None,
            password_file: None,
            hello_name: None,
            from: None,
            from_name: "Customer Lockbox".to_owned(),
            reply_to: None,
            language: MailLanguage::English,
            timeout_ms: 30_000,
            attempts_max: 30,
            retry_first_s: 15,
            retry_longest_s: 1800,
        }
    }
}

impl Mail {
    /// The port that is used.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            MailTls::Tls => 465,
            MailTls::StartTls => 587,
            MailTls::PlaintextLoopback => 25,
        })
    }

    pub(super) fn check(&self, check: &mut Checker<'_>) {
        check.range("mail.timeout_ms", self.timeout_ms, 100..=300_000);
        check.range("mail.attempts_max", self.attempts_max, 1..=100);
        check.range("mail.retry_first_s", self.retry_first_s, 1..=3600);
        check.range("mail.retry_longest_s", self.retry_longest_s, self.retry_first_s..=86_400);
        if self.port == Some(0) {
            check.wrong("mail.port", "is 0: allowed is 1 to 65535");
        }
        self.check_server(check);
        for (key, address) in [("mail.from", &self.from), ("mail.reply_to", &self.reply_to)] {
            if let Some((address, why)) = address.as_ref().and_then(|a| mail_address_refused(a).map(|why| (a, why))) {
                check.wrong(key, format!("is `{}`, which {why}", address.escape_debug()));
            }
        }
        let name = &self.from_name;
        if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            check.wrong("mail.from_name", "must be a name on one line, 1 to 64 characters long");
        }
    }

    fn check_server(&self, check: &mut Checker<'_>) {
        if self.host.is_some() && self.from.is_none() {
            check.wrong("mail.host", "needs `mail.from` beside it: the address that the mails are from");
        }
        for (key, name) in [("mail.host", &self.host), ("mail.hello_name", &self.hello_name)] {
            if name.as_deref().is_some_and(|name| !is_host(name)) {
                check.wrong(key, "is neither a host name nor an address: give for instance `smtp.provider.example`");
            }
        }
        let loopback = |host: &str| host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if self.tls == MailTls::PlaintextLoopback && !self.host.as_deref().is_some_and(loopback) {
            // A name, even `localhost`, is somebody else's answer to where that is.
            check.wrong(
                "mail.tls",
                "is `plaintext-loopback`, which needs a loopback address such as `127.0.0.1` as `mail.host`: mails name \
                 people and content",
            );
        }
        if self.username.is_some() != self.password_file.is_some() {
            check.wrong("mail.username", "and `mail.password_file` belong together: set both or neither");
        }
        if self.username.as_deref().is_some_and(|name| name.is_empty() || name.chars().any(char::is_control)) {
            check.wrong("mail.username", "must be a name on one line");
        }
    }
}

fn is_host(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok() || mail_address_refused(&format!("a@{name}")).is_none()
}
