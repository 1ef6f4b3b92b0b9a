//! Passkeys on the page: what a person has registered, what they are asked, and whether an approval was
//! confirmed by one.
//!
//! Invariant: every question is asked once, of one session, for two minutes. What is confirmed is what the
//! form says when it is sent, or nothing: the statement is made again from it and must be the one that was
//! signed. A key counts only as the person's who registered it with a fresh proof.

use super::Console;
use super::answer::{Shown, json};
use super::choices::terms;
use super::session::{Session, secret};
use super::trouble::Trouble;
use super::visit::Visit;
use crate::domain::{Person, PersonId, Terms, Timestamp};
use crate::identity::approval::{Evidence, Statement};
use crate::identity::webauthn::{Algorithm, Assertion, PublicKey, Refused, Registered, Site, asserted, counted};
use crate::store::{Note, NoteKind, StoreError};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use serde_json::json as value;
use std::sync::Arc;

/// How long a question may wait for its answer.
const ASKED_FOR: Duration = Duration::from_secs(120);
/// How many passkeys a person may have.
pub(super) const PASSKEYS_MAX: usize = 10;
/// What a step is marked with that one confirmed.
const STRENGTH: &str = "passkey";

/// A passkey of a person.
pub(super) struct Passkey {
    /// Its id, base64url.
    pub(super) id: String,
    key: PublicKey,
    counter: u32,
    /// When he registered it.
    pub(super) registered_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PasskeyDocument {
    algorithm: String,
    public_key: String,
    counter: u32,
    registered_ms: i64,
}

/// What was asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// What nobody can guess.
    pub(super) nonce: String,
    /// What is to be signed; empty for a registration.
    statement: String,
}

/// An approval that a passkey has confirmed.
pub(super) struct Confirmed {
    /// The person, with the strength of his proof.
    pub(super) person: Person,
    /// What proves it later.
    pub(super) evidence: String,
}

impl Passkey {
    fn of(note: &Note) -> Option<Self> {
        let (_, id) = note.key.rsplit_once('/')?;
        let document: PasskeyDocument = serde_json::from_str(&note.document).ok()?;
        let algorithm = Algorithm::parse(&document.algorithm)?;
        let key = PublicKey { algorithm, spki: URL_SAFE_NO_PAD.decode(&document.public_key).ok()? };
        let registered_at = Timestamp::from_ms(document.registered_ms);
        Some(Self { id: id.to_owned(), key, counter: document.counter, registered_at })
    }

    /// The passkey of a registration.
    pub(super) fn new(made: Registered, now: Timestamp) -> Self {
        let id = URL_SAFE_NO_PAD.encode(made.credential_id);
        Self { id, key: made.key, counter: made.counter, registered_at: now }
    }
}

impl Console {
    /// The site that passkeys are for; `None` where there can be none.
    pub(super) fn site(&self) -> Option<Site> {
        self.public_url.as_deref().and_then(Site::of)
    }

    /// What a person has registered.
    pub(super) async fn passkeys(&self, person: &PersonId) -> Result<Vec<Passkey>, StoreError> {
        let notes = self.store.notes(NoteKind::Passkey, &format!("{person}/")).await?;
        Ok(notes.iter().filter_map(Passkey::of).collect())
    }

    /// Whether this person could confirm something by a passkey.
    pub(super) async fn offers_passkey(&self, person: &Person) -> Result<bool, StoreError> {
        Ok(self.site().is_some() && !self.passkeys(&person.id).await?.is_empty())
    }

    /// Writes a passkey down.
    pub(super) async fn keep_passkey(&self, person: &PersonId, passkey: &Passkey) -> Result<(), StoreError> {
        let document = PasskeyDocument {
            algorithm: passkey.key.algorithm.as_str().to_owned(),
            public_key: URL_SAFE_NO_PAD.encode(&passkey.key.spki),
            counter: passkey.counter,
            registered_ms: passkey.registered_at.as_ms(),
        };
        let document = serde_json::to_string(&document).unwrap_or_default();
        let key = format!("{person}/{}", passkey.id);
        self.store.put_note(Note { kind: NoteKind::Passkey, key, document, expires_at: None }).await
    }

    /// Keeps what a session is asked; a later question for the same takes the place of an earlier one.
    pub(super) async fn ask(&self, visit: &Visit, what: &str, nonce: &str, statement: &str) -> Result<(), Trouble> {
        let asked = Asked { nonce: nonce.to_owned(), statement: statement.to_owned() };
        let document = serde_json::to_string(&asked).unwrap_or_default();
        let key = challenge_key(session(visit)?, what);
        let expires_at = Some(visit.now.plus(ASKED_FOR));
        Ok(self.store.put_note(Note { kind: NoteKind::Challenge, key, document, expires_at }).await?)
    }

    /// What this session was asked; it is given once, and not after its time.
    pub(super) async fn asked(&self, visit: &Visit, what: &str) -> Result<Option<Asked>, Trouble> {
        let key = challenge_key(session(visit)?, what);
        let note = self.store.take_note(NoteKind::Challenge, &key).await?;
        let note = note.filter(|note| note.expires_at.is_some_and(|at| visit.now < at));
        Ok(note.and_then(|note| serde_json::from_str(&note.document).ok()))
    }
}

fn session(visit: &Visit) -> Result<&Session, Trouble> {
    visit.session.as_ref().ok_or(Trouble::SignIn)
}

fn challenge_key(session: &Session, what: &str) -> String {
    format!("{}/{what}", session.key)
}

/// `POST /requests/{id}/passkey-challenge`: what an approver would sign with the form as it stands. For the
/// page's script.
pub(super) async fn challenge(console: Arc<Console>, visit: Visit) -> Shown {
    let (person, id) = (visit.person()?, visit.access_request()?);
    let terms = match terms(&console, &visit).await? {
        Ok(terms) => terms,
        Err(problem) => return json(StatusCode::UNPROCESSABLE_ENTITY, &value!({ "problem": problem })),
    };
    let site = console.site().ok_or(Trouble::NotFound)?;
    let passkeys = console.passkeys(&person.id).await?;
    let nonce = secret(&console)?;
    let statement = statement(&console, &visit, &terms, &nonce).await?.ok_or(Trouble::BadForm)?;
    console.ask(&visit, &id.to_string(), &nonce, &statement).await?;
    let credentials: Vec<&str> = passkeys.iter().map(|passkey| passkey.id.as_str()).collect();
    let challenge = URL_SAFE_NO_PAD.encode(Statement::challenge(&statement));
    let asked =
        value!({ "statement": statement, "challenge": challenge, "rp_id": site.rp_id, "credentials": credentials });
    json(StatusCode::OK, &asked)
}

async fn statement(console: &Console, visit: &Visit, terms: &Terms, nonce: &str) -> Result<Option<String>, Trouble> {
    let person = visit.person()?;
    let request = console.manage().get(person, visit.access_request()?).await?;
    let (version, comment) = (visit.seen_version()?, visit.form.text("comment"));
    Ok(Statement::of(&request, version, &person.id, terms, comment, nonce).map(|statement| statement.text()))
}

/// Whether the form carries the answer of a passkey.
pub(super) fn is_confirmed(visit: &Visit) -> bool {
    visit.form.text("passkey_id").is_some()
}

/// Checks the answer of a passkey to what this form says; or says in words what is wrong with it.
pub(super) async fn confirmed(
    console: &Console,
    visit: &Visit,
    terms: &Terms,
) -> Result<Result<Confirmed, String>, Trouble> {
    let (person, id) = (visit.person()?, visit.access_request()?);
    let wrong = |key: &str| Ok(Err(visit.words().say(key)));
    let site = console.site().ok_or(Trouble::BadForm)?;
    let Some(asked) = console.asked(visit, &id.to_string()).await? else { return wrong("passkey-too-late") };
    let statement = statement(console, visit, terms, &asked.nonce).await?;
    let Some(statement) = statement.filter(|statement| *statement == asked.statement) else {
        return wrong("passkey-other-form");
    };
    let named = visit.form.get("passkey_id");
    let passkeys = console.passkeys(&person.id).await?;
    let Some(mut passkey) = passkeys.into_iter().find(|passkey| passkey.id == named) else {
        return wrong("passkey-unknown");
    };
    let part = |name: &str| URL_SAFE_NO_PAD.decode(visit.form.get(name)).map_err(|_| Trouble::BadForm);
    let assertion = Assertion {
        client_data: part("passkey_client_data")?,
        authenticator_data: part("passkey_authenticator_data")?,
        signature: part("passkey_signature")?,
    };
    let checked = asserted(&site, &Statement::challenge(&statement), &passkey.key, &assertion);
    match checked.and_then(|counter| counted(passkey.counter, counter).map(|()| counter)) {
        Ok(counter) => passkey.counter = counter,
        Err(refused) => {
            tracing::warn!(person = %person.id, access_request = %id, %refused, "a passkey was refused");
            return wrong(said(refused));
        }
    }
    console.keep_passkey(&person.id, &passkey).await?;
    let evidence = Evidence::of(&site, &statement, &passkey.id, &passkey.key, &assertion).text();
    let mut person = person.clone();
    let strength = person.authentication.strength.take();
    person.authentication.strength =
        Some(strength.map_or_else(|| STRENGTH.to_owned(), |before| format!("{before}+{STRENGTH}")));
    Ok(Ok(Confirmed { person, evidence }))
}

/// A refusal in words.
pub(super) fn said(refused: Refused) -> &'static str {
    match refused {
        Refused::NotPresent | Refused::NotVerified => "passkey-not-verified",
        Refused::Counter => "passkey-copied",
        Refused::Key => "passkey-key",
        _ => "passkey-wrong",
    }
}
