//! Sessions: who is signed in, since when, and how long ago he proved it. The browser holds 256 random
//! bits in a cookie; the store holds their SHA-256 and the rest.
//!
//! Invariant: whoever reads the store learns no cookie. A session by a local token lives no longer than the
//! token; its roles are those of now.

use super::Console;
use super::form::Form;
use super::trouble::Trouble;
use crate::domain::{Authentication, Caller, Person, PersonId, Role, TenantId, Timestamp};
use crate::store::{Note, NoteKind, StoreError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The session's cookie: only over a protected connection, from this host alone.
pub(super) const COOKIE: &str = "__Host-lockbox";
/// The cookie of somebody who is not signed in; ties a form to the browser that was given it.
pub(super) const VISIT_COOKIE: &str = "__Host-lockbox-visit";
/// How long a session that is over is still known, so that what was being written can be kept.
const REMEMBERED_FOR: Duration = Duration::from_secs(24 * 3600);
/// How long a draft is kept.
const DRAFT_FOR: Duration = Duration::from_secs(3600);
/// How often at most a session's last use is written down.
const TOUCH_EVERY: Duration = Duration::from_secs(60);

/// A session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// Its key in the store.
    pub(super) key: String,
    /// Who is signed in.
    pub(super) person: Person,
    /// When he proved who he is. `None`: nobody said, so it never counts as lately.
    pub(super) authenticated_at: Option<Timestamp>,
    /// Whether it may still be used.
    pub(super) live: bool,
    document: SessionDocument,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionDocument {
    person: String,
    roles: Vec<String>,
    tenant: Option<String>,
    method: String,
    strength: Option<String>,
    opened_ms: i64,
    seen_ms: i64,
    authenticated_ms: Option<i64>,
    /// The hash of the local token it was opened with.
    token: Option<String>,
}

/// What somebody had written when he had to sign in again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    /// The page it was written on.
    pub(super) page: String,
    /// The fields.
    pub(super) fields: Vec<(String, String)>,
}

/// How somebody has just proved who he is.
pub(super) struct Proved {
    /// Who, with roles and tenant.
    pub(super) person: Person,
    /// When; `None` if nobody said.
    pub(super) at: Option<Timestamp>,
    /// The local token it was done with.
    pub(super) token: Option<String>,
}

/// A fresh cookie value.
pub(super) fn secret(console: &Console) -> Result<String, crate::clock::NoEntropy> {
    Ok(URL_SAFE_NO_PAD.encode(console.ids.secret()?))
}

/// What a form must carry that was given to the holder of this cookie.
pub(super) fn csrf_of(cookie: &str) -> String {
    digest("form", cookie)
}

fn digest(purpose: &str, text: &str) -> String {
    let digest = Sha256::new().chain_update(purpose).chain_update([0]).chain_update(text).finalize();
    URL_SAFE_NO_PAD.encode(digest)
}

impl Console {
    /// Opens a session; gives the cookie's value.
    pub(super) async fn open_session(&self, proved: Proved, now: Timestamp) -> Result<String, Trouble> {
        let cookie = secret(self)?;
        let person = &proved.person;
        let document = SessionDocument {
            person: person.id.to_string(),
            roles: person.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            tenant: person.tenant.as_ref().map(ToString::to_string),
            method: person.authentication.method.to_owned(),
            strength: person.authentication.strength.clone(),
            opened_ms: now.as_ms(),
            seen_ms: now.as_ms(),
            authenticated_ms: proved.at.map(|at| at.min(now).as_ms()),
            token: proved
                .token
                .as_deref()
                .map(|token| crate::identity::tokens::hex(&crate::identity::tokens::hash(token))),
        };
        self.write_session(digest("session", &cookie), &document).await?;
        Ok(cookie)
    }

    async fn write_session(&self, key: String, document: &SessionDocument) -> Result<(), StoreError> {
        let expires_at = Timestamp::from_ms(document.opened_ms).plus(self.sessions.longest).plus(REMEMBERED_FOR);
        let document = serde_json::to_string(document).unwrap_or_default();
        self.store.put_note(Note { kind: NoteKind::Session, key, document, expires_at: Some(expires_at) }).await
    }

    /// The session of a cookie, over or not.
    pub(super) async fn session(&self, cookie: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let key = digest("session", cookie);
        let Some(note) = self.store.note(NoteKind::Session, &key).await? else { return Ok(None) };
        // What an older program wrote and this one cannot read is no session.
        let Ok(document) = serde_json::from_str::<SessionDocument>(&note.document) else { return Ok(None) };
        let Some((person, proved)) = self.person_of(&document) else { return Ok(None) };
        let [opened_at, seen_at] = [document.opened_ms, document.seen_ms].map(Timestamp::from_ms);
        let authenticated_at = document.authenticated_ms.map(Timestamp::from_ms);
        // Of a sign-in through an issuer that is not configured any more, nothing is left.
        let proved = proved && (person.authentication.method != "oidc" || self.oidc.is_some());
        let within = now < opened_at.plus(self.sessions.longest) && now < seen_at.plus(self.sessions.idle);
        Ok(Some(Session { key, person, authenticated_at, live: within && proved, document }))
    }

    /// The person of a session, and whether what he proved it with still holds.
    fn person_of(&self, document: &SessionDocument) -> Option<(Person, bool)> {
        let mut roles = Vec::new();
        for role in &document.roles {
            roles.push(Role::parse(role)?);
        }
        let method = ["oidc", "token", "demo"].into_iter().find(|known| *known == document.method)?;
        let person = Person {
            id: PersonId::parse(&document.person).ok()?,
            roles: roles.into_iter().collect(),
            tenant: document.tenant.as_deref().map(TenantId::parse).transpose().ok()?,
            authentication: Authentication { method, strength: document.strength.clone(), address: None },
        };
        let Some(hash) = &document.token else { return Some((person, true)) };
        if !self.token_sign_in {
            return Some((person, false));
        }
        match self.identity.caller_of_token_hash(hash).as_deref() {
            Some(Caller::Person(now)) if now.id == person.id => Some((now.clone(), true)),
            _ => Some((person, false)),
        }
    }

    /// Notes that a session is in use.
    pub(super) async fn touch(&self, session: &Session, now: Timestamp) -> Result<(), StoreError> {
        if now.since(Timestamp::from_ms(session.document.seen_ms)) < TOUCH_EVERY {
            return Ok(());
        }
        let document = SessionDocument { seen_ms: now.as_ms(), ..session.document.clone() };
        self.write_session(session.key.clone(), &document).await
    }

    /// Ends a session, by its key in the store.
    pub(super) async fn end_session(&self, key: &str) -> Result<(), StoreError> {
        self.store.take_note(NoteKind::Session, key).await.map(drop)
    }

    /// Keeps what a person has written until he is back.
    pub(super) async fn keep_draft(
        &self,
        person: &PersonId,
        page: &str,
        form: &Form,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let fields = form.fields().iter().filter(|(name, _)| name != "csrf" && name != "version").cloned().collect();
        let document = serde_json::to_string(&Draft { page: page.to_owned(), fields }).unwrap_or_default();
        let expires_at = Some(now.plus(DRAFT_FOR));
        self.store.put_note(Note { kind: NoteKind::Draft, key: person.to_string(), document, expires_at }).await
    }

    /// What a person had written on this page; it is given once.
    pub(super) async fn take_draft(
        &self,
        person: &PersonId,
        page: &str,
        now: Timestamp,
    ) -> Result<Option<Form>, StoreError> {
        let Some(note) = self.store.note(NoteKind::Draft, person.as_str()).await? else { return Ok(None) };
        let draft = serde_json::from_str::<Draft>(&note.document).ok().filter(|draft| draft.page == page);
        let Some(draft) = draft else { return Ok(None) };
        self.store.take_note(NoteKind::Draft, person.as_str()).await?;
        Ok(note.expires_at.is_none_or(|expires_at| now < expires_at).then(|| Form::of(draft.fields)))
    }
}
