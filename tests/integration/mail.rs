//! Mail, handed to a mail server of another make (aiosmtpd) over TLS: that it arrives as it was meant, that
//! nothing is said without protection, and that no text becomes anything but text.

use crate::python::Program;
use lockbox::config::{Mail, MailTls};
use lockbox::domain::{Language, Timestamp};
use lockbox::notify::{Mailer, Message, SendError};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A mail server with a folder of its own.
struct Server {
    dir: TempDir,
    program: Program,
}

impl Server {
    fn start(tls: &str, more: Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = json!({"dir": dir.path(), "tls": tls});
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Self { program: Program::start("smtp_server", &options), dir }
    }

    fn authority(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Settings that fit the server, with a time limit that is only waited for where a test wants it.
    fn settings(&self, tls: MailTls) -> Mail {
        Mail {
            host: Some("127.0.0.1".into()),
            port: Some(self.program.said["port"].as_u64().unwrap().try_into().unwrap()),
            tls,
            ca_file: Some(self.authority()),
            from: Some("lockbox@provider.example".into()),
            from_name: "Ügyfélszéf".into(),
            reply_to: Some("help@provider.example".into()),
            ..Mail::default()
        }
    }

    /// The same, signed in.
    fn settings_with_password(&self, tls: MailTls, password: &str) -> Mail {
        let file = self.dir.path().join("password");
        std::fs::write(&file, format!("{password}\n")).unwrap();
        Mail { username: Some("lockbox".into()), password_file: Some(file), ..self.settings(tls) }
    }

    fn got(&self, number: u32) -> Option<Value> {
        let text = std::fs::read(self.dir.path().join(format!("{number}.json"))).ok()?;
        Some(serde_json::from_slice(&text).unwrap())
    }

    /// What it was told, in order, without the number of the connection.
    fn commands(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.dir.path().join("commands.log")).unwrap_or_default();
        log.lines().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
    }
}

fn users() -> Value {
    json!({"users": {"lockbox": "correct horse"}})
}

fn message() -> Message {
    Message {
        to: "csilla@contoso.example".into(),
        subject: "Jóváhagyásra vár: LBX-1001".into(),
        text: "Tisztelt Csilla!\n\nÁrvíztűrő tükörfúrógép.\n".into(),
        html: "<p lang=\"hu\">Árvíztűrő tükörfúrógép.</p>\n".into(),
        id: "notice-17".into(),
        thread: Some("lbx-1001".into()),
        date: Timestamp::from_ms(1_795_339_800_000),
        language: Language::Hungarian,
    }
}

fn mailer(settings: &Mail) -> Mailer {
    Mailer::new(settings).unwrap().unwrap()
}

async fn refused(settings: &Mail) -> SendError {
    let error = mailer(settings).send(&message()).await.unwrap_err();
    assert!(!error.permanent, "the mail can be sent once that is put right: {error}");
    error
}

/// What every mail that arrives has in common.
fn is_ours(got: &Value) {
    assert_eq!((got["from"].as_str(), got["to"].as_array().unwrap().len()), (Some("lockbox@provider.example"), 1));
    assert_eq!(got["kind"], "multipart/alternative");
    assert_eq!(got["headers"]["Auto-Submitted"], "auto-generated");
    assert_eq!(got["defects"], json!([]), "{got:#}");
    let mut names: Vec<&str> = got["names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    names.sort_unstable();
    let once = names.len();
    names.dedup();
    assert_eq!(names.len(), once, "a header is there twice: {names:?}");
    assert!(!names.iter().any(|name| ["Bcc", "Cc", "X-Evil"].contains(name)), "{names:?}");
    let parts: Vec<(&str, &str, &str)> = got["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| {
            assert_eq!(part["defects"], json!([]), "{part:#}");
            let member = |name: &str| part[name].as_str().unwrap();
            (member("type"), member("charset"), member("encoding"))
        })
        .collect();
    assert_eq!(parts, [("text/plain", "utf-8", "base64"), ("text/html", "utf-8", "base64")]);
    let raw = got["raw"].as_str().unwrap();
    assert!(raw.is_ascii() && !raw.replace("\r\n", "").contains(['\r', '\n']), "a lone CR or LF: {raw:?}");
    assert!(!raw.split("\r\n").any(|line| line.starts_with('.') || line.len() > 998), "{raw:?}");
}

#[tokio::test]
async fn a_mail_arrives_over_tls_of_both_kinds_signed_in() {
    for (kind, tls) in [("starttls", MailTls::StartTls), ("tls", MailTls::Tls)] {
        let server = Server::start(kind, users());
        let mailer = mailer(&server.settings_with_password(tls, "correct horse"));
        mailer.send(&message()).await.unwrap();
        let got = server.got(1).unwrap();
        is_ours(&got);
        assert_eq!((&got["tls"], &got["user"]), (&json!(true), &json!("lockbox")), "{kind}");
        assert_eq!(got["to"], json!(["csilla@contoso.example"]));
        let header = |name: &str| got["headers"][name].as_str().unwrap();
        assert_eq!(header("Subject"), "Jóváhagyásra vár: LBX-1001");
        assert_eq!(header("From"), "Ügyfélszéf <lockbox@provider.example>");
        assert_eq!(header("Reply-To"), "help@provider.example");
        assert_eq!(header("Message-ID"), "<notice-17@provider.example>");
        assert_eq!(header("References"), "<lbx-1001@provider.example>");
        assert_eq!(header("Content-Language"), "hu");
        assert_eq!(header("Date"), "Sun, 22 Nov 2026 09:30:00 +0000");
        assert_eq!(got["parts"][0]["text"], "Tisztelt Csilla!\r\n\r\nÁrvíztűrő tükörfúrógép.\r\n");
        assert_eq!(got["parts"][1]["text"], "<p lang=\"hu\">Árvíztűrő tükörfúrógép.</p>\r\n");
        mailer.hang_up().await;
    }
}

#[tokio::test]
async fn a_server_at_a_loopback_address_can_do_without_tls_if_that_is_said() {
    let server = Server::start("none", json!({}));
    let settings = Mail { ca_file: None, reply_to: None, ..server.settings(MailTls::PlaintextLoopback) };
    mailer(&settings).send(&message()).await.unwrap();
    let got = server.got(1).unwrap();
    is_ours(&got);
    assert_eq!((&got["tls"], got["headers"].get("Reply-To")), (&json!(false), None));
}

#[tokio::test]
async fn a_wrong_password_sends_nothing_and_a_new_one_is_taken_without_a_restart() {
    let server = Server::start("starttls", users());
    let settings = server.settings_with_password(MailTls::StartTls, "old horse");
    let mailer = mailer(&settings);
    let error = mailer.send(&message()).await.unwrap_err();
    assert!(!error.permanent && error.why.contains("refuses the sign-in"), "{error}");
    assert!(!error.why.contains("old horse") && !format!("{mailer:?}").contains("horse"), "{error}");
    assert!(!server.commands().contains(&"MAIL".to_owned()), "{:?}", server.commands());
    std::fs::write(settings.password_file.unwrap(), "correct horse").unwrap();
    mailer.send(&message()).await.unwrap();
    is_ours(&server.got(1).unwrap());
}

#[tokio::test]
async fn a_password_that_is_not_there_opens_no_connection() {
    let server = Server::start("starttls", users());
    let mut settings = server.settings_with_password(MailTls::StartTls, "correct horse");
    for text in ["", "\n", "a\nb\n", "a\0b"] {
        std::fs::write(settings.password_file.as_ref().unwrap(), text).unwrap();
        assert!(refused(&settings).await.why.contains("one password"), "{text:?}");
    }
    settings.password_file = Some("/nowhere/password".into());
    assert!(refused(&settings).await.why.contains("mail.password_file"));
    assert_eq!(server.commands(), [""; 0]);
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_is_not_the_right_one() {
    let stranger = Server::start("tls", users());
    for (kind, tls) in [("starttls", MailTls::StartTls), ("tls", MailTls::Tls)] {
        let server = Server::start(kind, users());
        let good = server.settings_with_password(tls, "correct horse");
        // Another authority; the ones of browsers; and a certificate for another name.
        let named = |name: &str| Mail { host: Some(name.into()), ..good.clone() };
        let other_name = Server::start(kind, json!({"hosts": ["mail.other.example"]}));
        for settings in [
            Mail { ca_file: Some(stranger.authority()), ..good.clone() },
            Mail { ca_file: None, ..good.clone() },
            Mail { ca_file: Some(other_name.authority()), port: other_name.settings(tls).port, ..named("localhost") },
        ] {
            let error = refused(&settings).await;
            assert!(error.why.contains("certificate"), "{kind}: {error}");
        }
        for server in [&server, &other_name] {
            let said = server.commands();
            assert!(said.iter().all(|command| command == "EHLO"), "{kind}: {said:?}");
            assert!(server.got(1).is_none());
        }
    }
}

#[tokio::test]
async fn a_server_without_tls_gets_neither_the_password_nor_the_mail() {
    let server = Server::start("none", json!({}));
    for tls in [MailTls::StartTls, MailTls::Tls] {
        let error = refused(&server.settings_with_password(tls, "correct horse")).await;
        assert!(error.why.contains("no way to the mail server"), "{error}");
    }
    let said = server.commands();
    assert!(!said.is_empty() && said.iter().all(|command| command == "EHLO"), "{said:?}");
}

/// Everything that has ever ended a header, a body or a session too early for somebody.
const EVIL: [&str; 14] = [
    "\r\nBcc: eve@evil.example",
    "\nBcc: eve@evil.example",
    "\rBcc: eve@evil.example",
    "\u{85}Bcc: eve@evil.example",
    "\u{2028}Bcc: eve@evil.example",
    "\0Bcc: eve@evil.example",
    "\r\n\r\nX-Evil: yes\r\n\r\nhello",
    "\r\n.\r\nMAIL FROM:<eve@evil.example>\r\nRCPT TO:<eve@evil.example>\r\nDATA\r\nX-Evil: yes\r\n\r\nhello\r\n.\r\n",
    "\n.\nMAIL FROM:<eve@evil.example>\n",
    "\r.\rMAIL FROM:<eve@evil.example>\r",
    "\n.\r\nRCPT TO:<eve@evil.example>\r\n",
    "\r\n--lockbox-part\r\nContent-Type: text/html\r\n\r\n<b>evil</b>\r\n--lockbox-part--\r\n",
    "=?utf-8?q?=0D=0ABcc:_eve=40evil.example?=",
    ".\r\n..\r\n...",
];

#[tokio::test]
async fn whatever_is_written_into_a_mail_arrives_as_text() {
    let server = Server::start("starttls", json!({}));
    let mailer = mailer(&server.settings(MailTls::StartTls));
    for (number, evil) in (1..).zip(EVIL) {
        let everywhere = Message {
            subject: format!("a{evil}"),
            text: format!("b{evil}"),
            html: format!("c{evil}"),
            id: format!("notice-{number}"),
            ..message()
        };
        mailer.send(&everywhere).await.unwrap();
        let got = server.got(number).unwrap();
        is_ours(&got);
        assert_eq!(got["to"], json!(["csilla@contoso.example"]), "{evil:?}");
        let subject = got["headers"]["Subject"].as_str().unwrap();
        assert!(subject.starts_with('a') && !subject.contains(|c: char| c.is_control()), "{evil:?}: {subject:?}");
        for (part, first) in [(0, "b"), (1, "c")] {
            // Line ends are made one kind, other controls are replaced; not a word is lost or added.
            let meant =
                evil.replace("\r\n", "\n").replace(['\r', '\u{85}', '\u{2028}'], "\n").replace('\0', "\u{fffd}");
            assert_eq!(got["parts"][part]["text"], format!("{first}{}", meant.replace('\n', "\r\n")), "{evil:?}");
        }
    }
    assert!(server.got(u32::try_from(EVIL.len()).unwrap() + 1).is_none(), "there are more mails than were sent");
    for evil in EVIL {
        for to in [format!("csilla@contoso.example{evil}"), format!("csilla{evil}@contoso.example"), evil.to_owned()] {
            let error = mailer.send(&Message { to, ..message() }).await.unwrap_err();
            assert!(error.permanent, "{evil:?}: {error}");
        }
        assert!(mailer.send(&Message { id: format!("a{evil}"), ..message() }).await.unwrap_err().permanent);
    }
    let said = server.commands();
    assert!(said.iter().all(|command| ["EHLO", "MAIL", "RCPT", "DATA"].contains(&command.as_str())), "{said:?}");
}

#[tokio::test]
async fn a_refusal_for_good_is_told_from_one_for_now_and_the_next_mail_is_not_held_up() {
    let server = Server::start(
        "starttls",
        json!({"answers": {
            "rcpt": {"nobody@contoso.example": "550 5.1.1 no such\u{7}person", "full@contoso.example": "452 4.2.2 full",
                     "stranger@contoso.example": "530 5.7.0 sign in first"},
            "data": {"spam@contoso.example": "554 5.7.1 looks like spam"},
            "mail": {"banned@provider.example": "553 5.7.1 not yours"},
        }}),
    );
    let settings = server.settings(MailTls::StartTls);
    let one_line = mailer(&settings);
    for (to, permanent, said) in [
        ("nobody@contoso.example", true, "no such person"),
        ("full@contoso.example", false, "452"),
        ("stranger@contoso.example", false, "sign in first"),
        ("spam@contoso.example", true, "looks like spam"),
    ] {
        let error = one_line.send(&Message { to: to.into(), ..message() }).await.unwrap_err();
        assert_eq!(error.permanent, permanent, "{error}");
        assert!(error.why.contains(said), "{error}");
        one_line.send(&message()).await.unwrap();
    }
    // All over one connection: refusals end it as little as mails do.
    let sessions: Vec<_> = (1..=4).map(|number| server.got(number).unwrap()["session"].clone()).collect();
    assert!(sessions.iter().all(|session| *session == sessions[0]), "{sessions:?}");
    assert!(server.got(5).is_none());
    // The sender is the operator's mistake, not the mail's.
    let banned = Mail { from: Some("banned@provider.example".into()), ..settings };
    assert!(refused(&banned).await.why.contains("`mail.from`"));
}

#[tokio::test]
async fn a_batch_goes_over_one_connection_and_the_next_one_over_another() {
    let server = Server::start("tls", users());
    let mailer = mailer(&server.settings_with_password(MailTls::Tls, "correct horse"));
    for _ in 0..3 {
        mailer.send(&message()).await.unwrap();
    }
    mailer.hang_up().await;
    mailer.send(&message()).await.unwrap();
    let sessions: Vec<u64> = (1..=4).map(|number| server.got(number).unwrap()["session"].as_u64().unwrap()).collect();
    assert!(sessions[0] == sessions[1] && sessions[1] == sessions[2] && sessions[2] != sessions[3], "{sessions:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_or_is_gone_costs_no_mail() {
    let silent = "silent@contoso.example";
    let server = Server::start("starttls", json!({"hang": [silent]}));
    let settings = Mail { timeout_ms: 1000, ..server.settings(MailTls::StartTls) };
    let mailer = mailer(&settings);
    mailer.send(&message()).await.unwrap();
    let error = mailer.send(&Message { to: silent.into(), ..message() }).await.unwrap_err();
    assert!(!error.permanent && error.why.contains("within 1000 ms"), "{error}");
    // The connection that hangs is given up: the next mail has one of its own.
    mailer.send(&message()).await.unwrap();
    assert_ne!(server.got(1).unwrap()["session"], server.got(2).unwrap()["session"]);
    drop(server.program);
    let error = mailer.send(&message()).await.unwrap_err();
    assert!(!error.permanent && error.why.contains("no way to the mail server"), "{error}");
}

#[test]
fn certificates_are_looked_at_when_the_program_starts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, "no certificate").unwrap();
    let settings = |file: &Path| Mail {
        host: Some("127.0.0.1".into()),
        from: Some("lockbox@provider.example".into()),
        ca_file: Some(file.to_owned()),
        ..Mail::default()
    };
    for path in [&file, Path::new("/nowhere/ca.pem")] {
        let error = Mailer::new(&settings(path)).unwrap_err().to_string();
        assert!(error.contains("mail.ca_file"), "{error}");
    }
    assert!(Mailer::new(&Mail::default()).unwrap().is_none());
}
