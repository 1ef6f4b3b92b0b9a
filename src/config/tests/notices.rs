//! `[mail]` and `[webhooks]`: what is accepted, and that nothing leaves without protection.

use super::{load, refused};
use crate::config::{Mail, MailTls, Webhooks};
use crate::domain::Language;

const SERVER: &str = "[mail]\nhost = \"smtp.provider.example\"\nfrom = \"lockbox@provider.example\"\n";

#[test]
fn nothing_leaves_by_default_and_a_server_means_tls() {
    let config = load("", &[]).unwrap();
    assert_eq!((config.mail.host, config.webhooks.signing_key_file), (None, None));
    let mail = load(SERVER, &[]).unwrap().mail;
    assert_eq!((mail.tls, mail.port()), (MailTls::Tls, 465));
    let mail = load(&format!("{SERVER}tls = \"starttls\"\n"), &[]).unwrap().mail;
    assert_eq!((mail.tls, mail.port()), (MailTls::StartTls, 587));
    assert_eq!(load(&format!("{SERVER}port = 2525\n"), &[]).unwrap().mail.port(), 2525);
    assert_eq!((Mail::default(), Webhooks::default()), (load("", &[]).unwrap().mail, load("", &[]).unwrap().webhooks));
}

#[test]
fn every_language_can_be_set() {
    for language in Language::ALL {
        let mail = load(&format!("[mail]\nlanguage = \"{}\"\n", language.as_str()), &[]).unwrap().mail;
        assert_eq!(Language::from(mail.language), language);
    }
    refused("[mail]\nlanguage = \"de\"\n", &[], &["`mail.language` is `de`", "`en`, `hu`"]);
}

#[test]
fn plain_text_stays_on_this_host() {
    let plain =
        |host: &str| format!("[mail]\nhost = \"{host}\"\nfrom = \"a@b.example\"\ntls = \"plaintext-loopback\"\n");
    for host in ["127.0.0.1", "::1"] {
        assert_eq!(load(&plain(host), &[]).unwrap().mail.port(), 25);
    }
    for host in ["localhost", "10.0.0.1", "smtp.provider.example", "127.0.0.1.nip.example", "0.0.0.0"] {
        refused(&plain(host), &[], &["`mail.tls` is `plaintext-loopback`, which needs a loopback address"]);
    }
    refused("[mail]\ntls = \"plaintext-loopback\"\n", &[], &["`mail.tls`"]);
    refused(&format!("{SERVER}tls = \"opportunistic\"\n"), &[], &["`mail.tls` is `opportunistic`", "`starttls`"]);
}

#[test]
fn addresses_names_and_numbers_of_mail_are_checked() {
    refused("[mail]\nhost = \"smtp.provider.example\"\n", &[], &["`mail.host` needs `mail.from`"]);
    refused("[mail]\nfrom = \"Lockbox <a@b.example>\"\n", &[], &["`mail.from` is `Lockbox <a@b.example>`"]);
    refused("[mail]\nreply_to = \"a@b.example\\r\\nBcc: c@d.example\"\n", &[], &["mail.reply_to", "\\r\\n"]);
    refused("[mail]\nfrom_name = \"a\\nb\"\n", &[], &["`mail.from_name`"]);
    refused("[mail]\nhello_name = \"a b\"\n", &[], &["`mail.hello_name`"]);
    refused(&SERVER.replace("smtp.", "smtp\\r\\n."), &[], &["`mail.host`"]);
    refused(&format!("{SERVER}username = \"u\"\n"), &[], &["`mail.username` and `mail.password_file`"]);
    refused(&format!("{SERVER}password_file = \"p\"\n"), &[], &["`mail.username` and `mail.password_file`"]);
    refused(&format!("{SERVER}password = \"p\"\n"), &[], &["`mail.password`", "did you mean `password_file`?"]);
    refused(
        "[mail]\nport = 0\ntimeout_ms = 99\nattempts_max = 0\nretry_first_s = 60\nretry_longest_s = 59\n",
        &[],
        &["`mail.port` is 0", "allowed is 100 to 300000", "allowed is 1 to 100", "is 59: allowed is 60 to 86400"],
    );
}

#[test]
fn networks_and_numbers_of_webhooks_are_checked() {
    let good = "[webhooks]\nsigning_key_file = \"k\"\nallow_networks = [\"10.20.0.0/16\", \"fd00::/8\"]\n";
    assert_eq!(load(good, &[]).unwrap().webhooks.allow_networks.len(), 2);
    refused(
        "[webhooks]\nallow_networks = [\"10.20.30.40/16\"]\n",
        &[],
        &["webhooks.allow_networks", "bits set beyond"],
    );
    refused("[webhooks]\nallow_networks = [\"localhost\"]\n", &[], &["`localhost` is not a network"]);
    refused("[webhooks]\nsigning_key = \"x\"\n", &[], &["did you mean `signing_key_file`?"]);
    refused("[webhooks]\ntimeout_ms = 60001\n", &[], &["`webhooks.timeout_ms` is 60001: allowed is 100 to 60000"]);
}
