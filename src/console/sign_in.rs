//! Signing in and out, and the choice of language.

use super::answer::{Shown, page, see_other, with_cookie};
use super::frame::Frame;
use super::router::with_visit_cookie;
use super::session::{COOKIE, Proved, VISIT_COOKIE};
use super::trouble::{Trouble, cookie_of};
use super::visit::Visit;
use super::{Console, LocalPerson};
use crate::domain::{Caller, Language, Person, PersonId};
use crate::store::{Note, NoteKind};
use askama::Template;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use std::sync::Arc;

/// The cookie of the chosen language; a year.
pub(super) const LANGUAGE_COOKIE: &str = "lockbox-language";

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignInPage<'a> {
    f: &'a Frame,
    /// Where to go afterwards.
    back: String,
    /// Whether he was signed in before.
    again: bool,
    /// Whether the last attempt failed.
    failed: bool,
    /// Whether there is an issuer to sign in at.
    oidc: bool,
    /// Whether a local token will do.
    token: bool,
    /// Whether he has just signed out, and where he can do so at the issuer.
    signed_out: bool,
    out_there: Option<String>,
    local: &'a [LocalPerson],
}

/// `GET /sign-in`.
pub(super) async fn show(console: Arc<Console>, visit: Visit) -> Shown {
    let (back, again) = (back_from(visit.query.get("return")), visit.query.has("again"));
    shown(&console, &visit, back, again, false)
}

fn shown(console: &Console, visit: &Visit, back: String, again: bool, failed: bool) -> Shown {
    let frame = visit.frame(visit.words().say("sign-in"));
    let status = if failed { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    // Nobody is told that he is signed out who is not.
    let out = visit.query.get("out");
    let signed_out = !out.is_empty() && visit.session.is_none();
    let issuer = console.oidc.as_ref().filter(|_| signed_out && out == "oidc");
    let template = SignInPage {
        f: &frame,
        back,
        again: again && visit.session.is_some(),
        failed,
        oidc: console.oidc.is_some(),
        token: console.token_sign_in,
        signed_out,
        out_there: issuer.and_then(|issuer| issuer.end_session_url()),
        local: &console.local,
    };
    Ok(with_visit_cookie(page(&frame, status, &template)?, visit))
}

/// Only a path of this page, so that nobody is sent elsewhere.
pub(super) fn back_from(text: &str) -> String {
    let fine = text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains('\\')
        && text.len() <= 512
        && text.bytes().all(|b| b.is_ascii_graphic())
        && !text.starts_with("/sign-");
    if fine { text.to_owned() } else { "/".to_owned() }
}

/// `POST /sign-in/token`: a local token, as the API takes it.
pub(super) async fn token(console: Arc<Console>, visit: Visit) -> Shown {
    if !console.token_sign_in {
        return Err(Trouble::NotFound);
    }
    let token = visit.form.get("token").trim();
    let back = back_from(visit.form.get("return"));
    match console.identity.caller_of_token(token).as_deref() {
        Some(Caller::Person(person)) => {
            let proved = Proved { person: person.clone(), at: Some(visit.now), token: Some(token.to_owned()) };
            let response = see_other(&back)?;
            signed_in(&console, &visit, proved, response).await
        }
        // A service's token opens no page.
        _ => shown(&console, &visit, back, visit.form.has("again"), true),
    }
}

/// Opens a session in place of the one before, and gives its cookie with `response`.
pub(super) async fn signed_in(console: &Console, visit: &Visit, proved: Proved, response: Response<Body>) -> Shown {
    if let Some(before) = &visit.session {
        console.end_session(&before.key).await?;
    }
    tracing::info!(person = %proved.person.id, method = proved.person.authentication.method, "signed in");
    let cookie = console.open_session(proved, visit.now).await?;
    Ok(with_cookie(response, &cookie_of(COOKIE, &cookie)))
}

/// `POST /sign-out`.
pub(super) async fn out(console: Arc<Console>, visit: Visit) -> Shown {
    if let Some(session) = &visit.session {
        console.end_session(&session.key).await?;
    }
    let by_issuer = visit.session.as_ref().is_some_and(|session| session.person.authentication.method == "oidc");
    let page = if by_issuer { "/sign-in?out=oidc" } else { "/sign-in?out=1" };
    let gone = |name: &str| format!("{}; Max-Age=0", cookie_of(name, ""));
    Ok(with_cookie(with_cookie(see_other(page)?, &gone(COOKIE)), &gone(VISIT_COOKIE)))
}

/// `POST /language`: for this browser, and for the mails of whoever is signed in.
pub(super) async fn language(console: Arc<Console>, visit: Visit) -> Shown {
    let language = Language::parse(visit.form.get("language")).ok_or(Trouble::BadForm)?;
    if let Some(session) = visit.session.as_ref().filter(|session| session.live) {
        console.choose_language(&session.person, language).await?;
    }
    let tag = language.as_str();
    let cookie = format!("{LANGUAGE_COOKIE}={tag}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax");
    let back = visit.form.get("return");
    // Back to the sign-in page is fine here.
    let back = if back.starts_with("/sign-in") && !back.contains('\\') { back.to_owned() } else { back_from(back) };
    Ok(with_cookie(see_other(&back)?, &cookie))
}

impl Console {
    /// The language a person has chosen on any device.
    pub(super) async fn chosen_language(&self, person: &PersonId) -> Result<Option<Language>, Trouble> {
        let note = self.store.note(NoteKind::Preference, person.as_str()).await?;
        Ok(note.and_then(|note| Language::parse(&note.document)))
    }

    async fn choose_language(&self, person: &Person, language: Language) -> Result<(), Trouble> {
        let document = language.as_str().to_owned();
        let note = Note { kind: NoteKind::Preference, key: person.id.to_string(), document, expires_at: None };
        Ok(self.store.put_note(note).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::back_from;

    #[test]
    fn nobody_is_sent_to_another_site_after_signing_in() {
        for path in ["/", "/requests/LBX-1001", "/requests?state=active&q=a%20b"] {
            assert_eq!(back_from(path), path);
        }
        let bad =
            ["", "//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a b", "/a\nb", "/sign-in"];
        for path in bad {
            assert_eq!(back_from(path), "/", "{path}");
        }
    }
}
