//! Approvals that a passkey confirms, from the page to the auditor's command line, with an authenticator
//! made of software that does whatever it is told to.

use crate::app::{Settings, TestApp};
use crate::process::lockbox;
use crate::steps::wish;
use crate::window::{Window, csrf};
use crate::wire::Reply;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockbox::store::NoteKind;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const ORIGIN: &str = "http://localhost:18181";
const NEW: u8 = 0x40;
const VERIFIED: u8 = 0x05;
const ONLY_PRESENT: u8 = 0x01;

struct Authenticator(EcdsaKeyPair);

impl Authenticator {
    fn data(&self, flags: u8, counter: u32) -> Vec<u8> {
        let mut data = [Sha256::digest("localhost").as_slice(), &[flags], &counter.to_be_bytes()].concat();
        if flags & NEW != 0 {
            let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
            data.extend([[0; 16].as_slice(), &[0, 2], b"id"].concat());
            data.extend([&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20], x, &[0x22, 0x58, 0x20], y].concat());
        }
        data
    }

    /// The fields with which the page's script sends an answer to `challenge`.
    fn answer(&self, kind: &str, challenge: &Value, flags: u8, counter: u32) -> Vec<(&'static str, String)> {
        let client_data = json!({ "type": kind, "challenge": challenge, "origin": ORIGIN }).to_string();
        let data = self.data(flags, counter);
        let signed = [data.as_slice(), Sha256::digest(&client_data).as_slice()].concat();
        let signature = self.0.sign(&SystemRandom::new(), &signed).unwrap();
        vec![
            ("passkey_id", URL_SAFE_NO_PAD.encode("id")),
            ("passkey_client_data", URL_SAFE_NO_PAD.encode(client_data)),
            ("passkey_authenticator_data", URL_SAFE_NO_PAD.encode(data)),
            ("passkey_signature", URL_SAFE_NO_PAD.encode(signature)),
        ]
    }
}

/// Csilla's browser, her authenticator, and a request that waits for her.
struct Scene {
    app: TestApp,
    window: Window,
    authenticator: Authenticator,
    id: String,
}

const FORM: [(&str, &str); 5] = [
    ("version", "2"),
    ("duration", "PT30M"),
    ("action", "read"),
    ("content", "mailbox/adele@contoso.example"),
    ("comment", "only \"this\" mailbox"),
];

impl Scene {
    fn new() -> Self {
        let app = TestApp::start_with(Settings::of(&[("LOCKBOX_AUTHORITY__PUBLIC_URL", ORIGIN)]));
        let (id, mut window) = (app.pending(&wish()), Window::on(&app));
        let token = app.demo.token("csilla").to_owned();
        window.post("/sign-in", "/sign-in/token", &[("token", &token)]).is(303);
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self { app, window, authenticator: Authenticator(pair), id }
    }

    fn page(&self) -> String {
        format!("/requests/{}", self.id)
    }

    fn register(&mut self, flags: u8) -> Reply {
        let asked = self.window.post("/account", "/account/passkeys/challenge", &[]).is(200).json();
        assert_eq!(asked["rp_id"], "localhost");
        let answer = self.authenticator.answer("webauthn.create", &asked["challenge"], flags | NEW, 1);
        self.send("/account", "/account/passkeys", &[], &answer)
    }

    fn challenge(&mut self) -> Value {
        let page = self.page();
        self.window.post(&page, &format!("{page}/passkey-challenge"), &FORM).is(200).json()
    }

    fn approve(&mut self, form: &[(&str, &str)], answer: &[(&str, String)]) -> Reply {
        let page = self.page();
        self.send(&page, &format!("{page}/approve"), form, answer)
    }

    fn send(&mut self, page: &str, path: &str, form: &[(&str, &str)], answer: &[(&str, String)]) -> Reply {
        let token = csrf(&self.window.get(page));
        let answer: Vec<(&str, &str)> = answer.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let fields = [&[("csrf", token.as_str())], form, &answer].concat();
        self.window.post_with(path, &fields, &[("Sec-Fetch-Site", "same-origin")])
    }

    fn signed(&mut self, flags: u8, counter: u32) -> Vec<(&'static str, String)> {
        let asked = self.challenge();
        assert_eq!(asked["credentials"], json!([URL_SAFE_NO_PAD.encode("id")]));
        self.authenticator.answer("webauthn.get", &asked["challenge"], flags, counter)
    }

    #[track_caller]
    fn refused(&mut self, form: &[(&str, &str)], answer: &[(&str, String)], words: &str) {
        let reply = self.approve(form, answer).is(422);
        assert!(reply.text().contains(words), "{}", reply.text());
        assert!(reply.text().contains("mailbox</textarea>"), "what was written is there: {}", reply.text());
        assert_eq!(self.app.show("csilla", &self.id).state(), "notified");
    }

    fn verify(&self, who: &str) -> (Option<i32>, String) {
        let mut command = lockbox();
        command.args(["request", "verify-approval", &self.id, "--as", who]).arg("--demo-dir").arg(self.app.dir());
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }
}

#[test]
fn an_approval_is_confirmed_and_verified_later() {
    let mut scene = Scene::new();
    let page = scene.page();
    assert!(!scene.window.get(&page).text().contains("Approve with passkey"), "there is none yet");
    assert_eq!(scene.register(VERIFIED).is(303).header("location"), Some("/account?done=added"));
    assert!(scene.window.get("/account?done=added").is(200).text().contains("The passkey was added."));
    assert!(scene.window.get(&page).is(200).text().contains("Approve with passkey"));
    let answer = scene.signed(VERIFIED, 2);
    let sent = scene.approve(&FORM, &answer).is(303);
    assert_eq!(sent.header("location").unwrap(), format!("{page}?done=approved"));
    assert!(scene.window.get(&page).is(200).text().contains("(by token, passkey, from 127.0.0.1)"));
    let approved = scene.app.show("csilla", &scene.id).json();
    assert_eq!(approved["decided"]["authentication"]["strength"], "passkey");

    let (code, said) = scene.verify("csilla");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("csilla@contoso.example: verified by passkey"), "{said}");
    // The other side sees that it was one, and no more.
    let events = scene.app.authority("rita").get(&format!("/v1/access-requests/{}/events", scene.id)).is(200);
    assert!(!events.text().contains("evidence"));
    let (code, said) = scene.verify("rita");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("FAILED"), "{said}");
}

#[test]
fn what_is_not_confirmed_is_not_verified() {
    let scene = Scene::new();
    scene.app.approve("csilla", &scene.id, &json!({})).is(200);
    let (code, said) = scene.verify("csilla");
    assert_eq!(code, Some(1));
    assert!(said.contains("not confirmed by passkey"), "{said}");
}

#[test]
fn an_answer_counts_once_for_this_form_by_a_verified_user() {
    let mut scene = Scene::new();
    let reply = scene.register(ONLY_PRESENT).is(422);
    assert!(reply.text().contains("did not make sure that it was you"));
    scene.register(VERIFIED).is(303);

    let answer = scene.signed(ONLY_PRESENT, 2);
    scene.refused(&FORM, &answer, "did not make sure that it was you");
    scene.refused(&FORM, &answer, "asked too long ago");
    let answer = scene.signed(VERIFIED, 1);
    scene.refused(&FORM, &answer, "counter of this passkey went back");
    // More than was signed.
    let answer = scene.signed(VERIFIED, 2);
    let wider: Vec<_> = FORM.iter().map(|(k, v)| (*k, if *k == "duration" { "PT1H" } else { *v })).collect();
    scene.refused(&wider, &answer, "is not what the form says now");
    // Of another key.
    let own = std::mem::replace(
        &mut scene.authenticator,
        Authenticator(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()),
    );
    let answer = scene.signed(VERIFIED, 3);
    scene.refused(&FORM, &answer, "is not valid");
    scene.authenticator = own;
    // Too late.
    let answer = scene.signed(VERIFIED, 3);
    scene.app.change_notes(NoteKind::Challenge, |asked| asked["nonce"] = json!("another"));
    scene.refused(&FORM, &answer, "is not what the form says now");
    // An answer to somebody else's question, or removed meanwhile.
    let answer = scene.signed(VERIFIED, 3);
    let id = URL_SAFE_NO_PAD.encode("id");
    scene.window.post("/account", "/account/passkeys/remove", &[("passkey", &id)]).is(303);
    scene.refused(&FORM, &answer, "is not registered as yours");
}

#[test]
fn where_browsers_have_no_passkeys_none_are_offered() {
    let app = TestApp::start();
    let mut window = Window::on(&app);
    let token = app.demo.token("csilla").to_owned();
    window.post("/sign-in", "/sign-in/token", &[("token", &token)]).is(303);
    let page = window.get("/account").is(200);
    assert!(page.text().contains("Passkeys cannot be used at this address"));
    window.post("/account", "/account/passkeys/challenge", &[]).is(404);
}
