//! Whatever is put into a message, one mail with our headers comes out.

use super::*;
use proptest::prelude::*;

fn sender() -> Sender {
    let mailbox = |name: &str, at: &str| Mailbox::new(Some(name.to_owned()), address(at).unwrap());
    Sender {
        from: mailbox("Ügyfélszéf", "lockbox@provider.example"),
        reply_to: Some(mailbox("Support", "help@provider.example")),
    }
}

fn message() -> Message {
    Message {
        to: "csilla@contoso.example".into(),
        subject: "Jóváhagyásra vár: LBX-1001".into(),
        text: "Első sor.\nMásodik sor.\n".into(),
        html: "<p>Első sor.</p>".into(),
        id: "notice-17".into(),
        thread: Some("lbx-1001".into()),
        date: Timestamp::from_ms(1_795_339_800_123),
        language: Language::Hungarian,
    }
}

fn composed(message: &Message) -> String {
    String::from_utf8(compose(message, &sender()).unwrap().bytes).unwrap()
}

#[test]
fn a_mail_says_what_it_is_and_is_the_same_each_time() {
    let mail = composed(&message());
    for line in [
        "Reply-To: Support <help@provider.example>",
        "To: csilla@contoso.example",
        "Date: Sun, 22 Nov 2026 09:30:00 +0000",
        "Message-ID: <notice-17@provider.example>",
        "References: <lbx-1001@provider.example>",
        "Auto-Submitted: auto-generated",
        "Content-Language: hu",
        "Content-Type: multipart/alternative; boundary=\"lockbox-part\"",
    ] {
        assert!(mail.split("\r\n").any(|there| there == line), "`{line}` is not in\n{mail}");
    }
    assert_eq!(mail.matches("Content-Transfer-Encoding: base64").count(), 2);
    assert!(mail.contains("Subject: =?utf-8?b?") && mail.contains("From: =?utf-8?b?"), "{mail}");
    assert_eq!(mail, composed(&message()));
}

#[test]
fn text_is_put_on_lines_of_one_kind_without_controls() {
    assert_eq!(lines("a\nb\rc\r\nd\u{85}e\u{2028}f\n\r"), "a\r\nb\r\nc\r\nd\r\ne\r\nf\r\n\r\n");
    assert_eq!(lines("a\tb\0c\u{1b}d\u{7f}e\u{202e}f"), "a\tb\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}f");
    assert_eq!(one_line(" a\r\nBcc: b\u{2028}c\u{0}\u{b}d\t "), "a Bcc: b c d");
    assert_eq!(one_line("=?utf-8?q?=0D=0Aa?= é =?=?x"), "= ?utf-8?q?=0D=0Aa?= é = ?= ?x");
    let long = one_line(&"é".repeat(500));
    assert!(long.chars().count() == SUBJECT_CHARS_MAX && long.ends_with("é…"), "{long}");
    assert_eq!(one_line(&"é".repeat(200)), "é".repeat(200));
}

#[test]
fn what_cannot_be_an_address_or_an_id_is_never_sent() {
    let refused = |message: &Message| compose(message, &sender()).unwrap_err();
    for to in ["", "0198c0de", "a@x.example\r\nBcc: b@x.example", "a@x.example, b@x.example", "\"a\rb\"@x.example"] {
        let error = refused(&Message { to: to.into(), ..message() });
        assert!(error.permanent && !error.why.contains(['\r', '\n']), "{error}");
    }
    for id in ["", "a b", "a>", "a@b", "a\r\nX: y", ".a", &"a".repeat(65)] {
        assert!(refused(&Message { id: id.into(), ..message() }).permanent);
        assert!(refused(&Message { thread: Some(id.into()), ..message() }).permanent);
    }
    assert!(refused(&Message { text: "x".repeat(PART_BYTES_MAX + 1), ..message() }).why.contains("too long"));
    let error = refused(&Message { text: "x".repeat(PART_BYTES_MAX + 1), ..message() });
    assert!(error.permanent);
}

/// The guard alone, with mails as a faulty library might make them.
#[test]
fn the_guard_refuses_what_the_library_should_not_make() {
    let good = composed(&message());
    assert_eq!(guard(good.as_bytes()), Ok(()));
    let refused = |from: &str, to: &str| {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "`{from}` is not there");
        assert!(guard(bad.as_bytes()).is_err(), "{bad:?}");
    };
    refused("MIME-Version", "Bcc: x@y.example\r\nMIME-Version");
    refused("MIME-Version", "To: x@y.example\r\nMIME-Version");
    refused("auto-generated", "auto-generated\rX: y");
    refused("auto-generated", "auto-generated\nX: y");
    refused("auto-generated", "auto-generated\r\n\r\nbody");
    refused("auto-generated", "auto-generated\0");
    refused("auto-generated", "autó");
    refused("auto-generated", &"x".repeat(999));
    refused("base64\r\n\r\n", "base64\r\n\r\n.\r\n");
    refused("base64\r\n\r\n", "base64\r\n\r\nMAIL FROM:<x@y.example>\r\n");
    refused("base64\r\n\r\n", "base64\r\n\r\n\r");
    refused("base64", "8bit");
    refused("base64", "quoted-printable");
}

proptest! {
    #[test]
    fn no_text_becomes_anything_but_text(
        subject in "(.|[\\r\\n\\x00-\\x1f\u{2028}]){0,300}",
        text in "(.|[\\r\\n.\\x00-\\x1f]){0,200}",
        html in "(.|\\r|\\n|\\r\\n\\.\\r\\n){0,100}",
        name in "(.|\\r|\\n){0,60}",
    ) {
        let from = Mailbox::new(Some(one_line(&name)), address("lockbox@provider.example").unwrap());
        let made = compose(&Message { subject, text, html, ..message() }, &Sender { from, reply_to: None });
        let mail = String::from_utf8(made.unwrap().bytes).unwrap();
        prop_assert!(mail.replace("\r\n", "").chars().all(|c| c.is_ascii_graphic() || c == ' '));
        prop_assert!(mail.split("\r\n").all(|line| !line.starts_with('.') && line.len() <= 998));
        prop_assert_eq!(mail.matches("\r\nTo: ").count(), 1);
    }
}
