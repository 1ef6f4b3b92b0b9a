//! Mail over SMTP: one connection for as many mails as there are, signed in as the configuration says.
//!
//! Invariant: nothing is said to a server before TLS holds and its certificate is the one of `mail.host`,
//! unless it is at a loopback address and the configuration says so in so many words.
//! Invariant: a password is read for each connection, kept no longer, and never shown.

mod compose;

pub use compose::Message;

use super::SendError;
use crate::config::{Mail, MailTls};
use compose::{Composed, Sender, address, compose};
use core::fmt;
use core::future::Future;
use core::time::Duration;
use lettre::message::Mailbox;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use std::path::PathBuf;
use tokio::io::AsyncReadExt as _;
use tokio::sync::Mutex;

/// The largest password file, in bytes.
const PASSWORD_BYTES_MAX: u64 = 4096;
/// The largest file of certificates, in bytes.
const CA_BYTES_MAX: u64 = 1024 * 1024;
/// Answers of 5xx that are about us and not about the mail: sign in first, or with something else
/// (RFC 4954 §6).
const ABOUT_SIGNING_IN: [&str; 4] = ["530", "534", "535", "538"];

/// Why no mail can be sent at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailerError {
    /// The certificates of the authorities.
    #[error("`mail.ca_file` `{path}` cannot be used: {why}")]
    Authorities {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// Another setting, which the configuration's own checks let pass.
    #[error("`{key}` cannot be used: {why}")]
    Setting {
        /// The key.
        key: &'static str,
        /// Why.
        why: String,
    },
}

/// A way to the mail server.
pub struct Mailer {
    host: String,
    port: u16,
    tls: MailTls,
    trust: TlsParameters,
    login: Option<(String, PathBuf)>,
    hello: ClientId,
    sender: Sender,
    timeout: Duration,
    /// The open connection. Taken out while it is used: whoever drops a `send` half-way drops it too.
    open: Mutex<Option<AsyncSmtpConnection>>,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailer({}:{})", self.host, self.port)
    }
}

impl Mailer {
    /// A way to the server of the configuration; `None` when it names none. Connects to nothing yet.
    ///
    /// # Errors
    /// [`MailerError`] naming the setting.
    pub fn new(config: &Mail) -> Result<Option<Self>, MailerError> {
        let Mail {
            host,
            port: _,
            tls,
            ca_file,
            username,
            password_file,
            hello_name,
            from,
            from_name,
            reply_to,
            language: _,
            timeout_ms,
            attempts_max: _,
            retry_first_s: _,
            retry_longest_s: _,
        } = config;
        let Some(host) = host.clone() else { return Ok(None) };
        let setting = |key: &'static str| move |why: String| MailerError::Setting { key, why };
        let from = address(from.as_deref().unwrap_or_default()).map_err(setting("mail.from"))?;
        let reply_to = reply_to.as_deref().map(address).transpose().map_err(setting("mail.reply_to"))?;
        Ok(Some(Self {
            trust: trust(&host, ca_file.as_ref())?,
            port: config.port(),
            tls: *tls,
            login: username.clone().zip(password_file.clone()),
            hello: hello_name.clone().map_or_else(ClientId::default, ClientId::Domain),
            sender: Sender {
                from: Mailbox::new(Some(from_name.clone()), from),
                reply_to: reply_to.map(|address| Mailbox::new(None, address)),
            },
            timeout: Duration::from_millis(*timeout_ms),
            open: Mutex::new(None),
            host,
        }))
    }

    /// Hands one mail to the server, over the connection of the mail before where it still stands. A mail that
    /// the server took just as the connection broke is sent again: its Message-ID is the same.
    ///
    /// # Errors
    /// [`SendError`]: permanent when the server refuses this recipient or this mail for good (5xx), or there
    /// can be no such mail. Whatever else is wrong, with the way there, the sign-in or the sender, is somebody's
    /// to put right, and the mail waits for that.
    pub async fn send(&self, message: &Message) -> Result<(), SendError> {
        let mail = compose(message, &self.sender)?;
        let mut open = self.open.lock().await;
        let mut line = match self.standing(open.take()).await {
            Some(line) => line,
            None => self.bounded(self.connect()).await??,
        };
        let handed = self.bounded(hand_over(&mut line, &self.sender, &mail)).await?;
        // After a refusal the server still waits for the rest: it is told that there is none.
        let stands = match &handed {
            Ok(()) => true,
            Err(failed) => failed.answered && matches!(self.bounded(line.command(Rset)).await, Ok(Ok(_))),
        };
        if stands {
            *open = Some(line);
        }
        handed.map_err(|failed| failed.error)
    }

    /// Takes leave of the server, after a batch. Nothing is lost without it.
    pub async fn hang_up(&self) {
        if let Some(mut line) = self.open.lock().await.take() {
            let _nothing_depends_on_it = self.bounded(line.quit()).await;
        }
    }

    /// The connection, if the server still answers on it: it may have hung up meanwhile.
    async fn standing(&self, line: Option<AsyncSmtpConnection>) -> Option<AsyncSmtpConnection> {
        let mut line = line?;
        let answers = self.bounded(line.test_connected()).await;
        (answers == Ok(true)).then_some(line)
    }

    async fn bounded<T>(&self, what: impl Future<Output = T>) -> Result<T, SendError> {
        let late = |_| {
            let ms = self.timeout.as_millis();
            SendError::temporary(format!("the mail server `{}` did not answer within {ms} ms", self.host))
        };
        tokio::time::timeout(self.timeout, what).await.map_err(late)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let away = |error: SmtpError| {
            SendError::temporary(format!("no way to the mail server `{}:{}`: {error}", self.host, self.port))
        };
        // Read before anything is opened: without it nothing would come of the connection.
        let login = match &self.login {
            Some((name, file)) => Some(Credentials::new(name.clone(), password(file).await?)),
            None => None,
        };
        let from_the_start = (self.tls == MailTls::Tls).then(|| self.trust.clone());
        let server = (self.host.as_str(), self.port);
        let opened = AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &self.hello, from_the_start, None);
        let mut line = opened.await.map_err(away)?;
        if self.tls == MailTls::StartTls {
            line.starttls(self.trust.clone(), &self.hello).await.map_err(away)?;
        }
        if self.tls != MailTls::PlaintextLoopback && !line.is_encrypted() {
            return Err(SendError::temporary(format!("the way to the mail server `{}` has no TLS", self.host)));
        }
        if let Some(login) = login {
            let signed_in = line.auth(&[Mechanism::Plain, Mechanism::Login], &login).await;
            signed_in.map_err(|error| {
                SendError::temporary(format!("the mail server `{}` refuses the sign-in: {error}", self.host))
            })?;
        }
        Ok(line)
    }
}

/// A mail that was not taken, and whether the server said so itself: then the connection still stands.
struct Failed {
    error: SendError,
    answered: bool,
}

async fn hand_over(line: &mut AsyncSmtpConnection, sender: &Sender, mail: &Composed) -> Result<(), Failed> {
    let answered = |error: &SmtpError| error.is_permanent() || error.is_transient();
    let ours = |error: SmtpError| Failed {
        answered: answered(&error),
        error: SendError::temporary(format!("the mail server refuses `mail.from`: {error}")),
    };
    let theirs = |what: &'static str| {
        move |error: SmtpError| {
            let about_us = error.status().is_some_and(|code| ABOUT_SIGNING_IN.contains(&code.to_string().as_str()));
            let why = format!("the mail server refuses {what}: {error}");
            let permanent = error.is_permanent() && !about_us;
            let refused = if permanent { SendError::permanent(why) } else { SendError::temporary(why) };
            Failed { answered: answered(&error), error: refused }
        }
    };
    line.command(MailFrom::new(Some(sender.from.email.clone()), Vec::new())).await.map_err(ours)?;
    line.command(Rcpt::new(mail.to.clone(), Vec::new())).await.map_err(theirs("the recipient"))?;
    line.command(Data).await.map_err(theirs("the mail"))?;
    line.message(&mail.bytes).await.map_err(theirs("the mail"))?;
    Ok(())
}

fn trust(host: &str, ca_file: Option<&PathBuf>) -> Result<TlsParameters, MailerError> {
    let mut tls = TlsParametersBuilder::new(host.to_owned());
    tls = match ca_file {
        None => tls.certificate_store(CertificateStore::WebpkiRoots),
        Some(path) => {
            let wrong = |why: String| MailerError::Authorities { path: path.display().to_string(), why };
            let pem = super::small_file(path, CA_BYTES_MAX).map_err(wrong)?;
            let read = Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
            if !pem.windows(11).any(|window| window == b"CERTIFICATE") {
                return Err(wrong("it holds no certificate in PEM".to_owned()));
            }
            tls.certificate_store(CertificateStore::None).add_root_certificate(read)
        }
    };
    tls.build().map_err(|error| MailerError::Setting { key: "mail.host", why: error.to_string() })
}

/// The password: the first line of the file, without what ends it.
async fn password(path: &PathBuf) -> Result<String, SendError> {
    let cannot = |why: String| SendError::temporary(format!("`mail.password_file` `{}`: {why}", path.display()));
    let file = tokio::fs::File::open(path).await.map_err(|error| cannot(error.to_string()))?;
    let mut text = String::new();
    let read = file.take(PASSWORD_BYTES_MAX).read_to_string(&mut text).await;
    read.map_err(|error| cannot(error.to_string()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.chars().any(char::is_control) {
        return Err(cannot("it must hold one password on one line".to_owned()));
    }
    Ok(password.to_owned())
}
