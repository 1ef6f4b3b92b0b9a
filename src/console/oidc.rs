//! Signing in at the issuer: sending somebody there, and taking him back.
//!
//! Two rules of browsers shape it. A page's `form-action` also counts for where the answer to a form leads,
//! and an issuer may lead on to a third party that nobody here knows; and a `SameSite=Strict` cookie is not
//! sent on a way that another site began. So nobody is redirected: both ways go over a page of ours that
//! goes on by itself (and by a link), the CSP stays as strict as on every page, and the cookie arrives.
//!
//! Invariant: an answer counts only in the browser that asked, for its cookie holds the question. Who is
//! asked to prove again who he is must come back as the same person, or nothing changes. No page that is
//! given on the way back has a form: the cookies that its token would belong to are not at hand then.

use super::Console;
use super::answer::{Shown, page, with_cookie};
use super::frame::Frame;
use super::session::Proved;
use super::sign_in::{back_from, signed_in};
use super::trouble::Trouble;
use super::visit::Visit;
use crate::domain::PersonId;
use crate::identity::oidc::{CallbackQuery, Flow, OidcError, SignedIn};
use askama::Template;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The cookie of a sign-in on its way. `Lax`: it must come along when the issuer sends somebody back.
pub(super) const FLOW_COOKIE: &str = "__Host-lockbox-flow";
/// How long it is kept, in seconds: as long as a sign-in may take.
const FLOW_COOKIE_S: u64 = 600;
/// How many codes are exchanged at once. Each waits for the issuer, and anybody can make one up.
pub(super) const EXCHANGES_MAX: usize = 16;

/// A sign-in on its way, as its cookie holds it. Whoever changes his own can only fail, or sign in as
/// himself; the key of a session is a digest that nobody can guess.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Away {
    flow: String,
    /// Where to go afterwards.
    back: String,
    /// The session that ends when he is back.
    session: Option<String>,
    /// Who must come back.
    only: Option<String>,
}

impl Away {
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn decode(text: &str) -> Option<(Self, Flow)> {
        let away: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let flow = Flow::decode(&away.flow)?;
        Some((away, flow))
    }
}

fn flow_cookie(value: &str, max_age_s: u64) -> String {
    format!("{FLOW_COOKIE}={value}; Path=/; Max-Age={max_age_s}; Secure; HttpOnly; SameSite=Lax")
}

/// Why nobody was signed in.
#[derive(Debug)]
enum Failure {
    /// The protocol says so.
    Protocol(OidcError),
    /// Somebody else came back.
    SomebodyElse(PersonId),
    /// Too many are coming back at once.
    Busy,
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Protocol(error) => match error {
                OidcError::NotReady
                | OidcError::NoEntropy(_)
                | OidcError::Client
                | OidcError::Exchange(_)
                | OidcError::Secret { .. } => StatusCode::SERVICE_UNAVAILABLE,
                OidcError::TooLate | OidcError::State | OidcError::MixedUp | OidcError::NoCode | OidcError::Code => {
                    StatusCode::BAD_REQUEST
                }
                OidcError::Declined(_) | OidcError::Token(_) | OidcError::NotFresh => StatusCode::FORBIDDEN,
            },
            Self::SomebodyElse(_) => StatusCode::FORBIDDEN,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// In a sentence that says what to do. What an operator needs to know is in the log instead.
    fn said(&self, frame: &Frame) -> String {
        let key = match self {
            Self::Protocol(error) => match error {
                OidcError::NotReady => "oidc-not-ready",
                OidcError::NoEntropy(_) | OidcError::Client | OidcError::Secret { .. } => "oidc-misconfigured",
                OidcError::TooLate => "oidc-too-late",
                OidcError::State => "oidc-other-browser",
                OidcError::MixedUp => "oidc-mixed-up",
                OidcError::Declined(code) => return frame.t1("oidc-declined", "code", code),
                OidcError::NoCode | OidcError::Code => "oidc-code",
                OidcError::Exchange(_) => "oidc-exchange",
                OidcError::Token(_) => "oidc-token",
                OidcError::NotFresh => "oidc-not-fresh",
            },
            Self::SomebodyElse(person) => return frame.t1("oidc-somebody-else", "person", person.as_str()),
            Self::Busy => "oidc-busy",
        };
        frame.t(key)
    }
}

#[derive(Template)]
#[template(path = "console/onward.html")]
struct OnwardPage<'a> {
    f: &'a Frame,
    said: String,
    /// Whether it is about something that went wrong; then nothing goes on by itself.
    problem: bool,
    url: String,
    link: String,
}

/// A page without forms that leads to `url`.
fn onward(visit: &Visit, status: StatusCode, said: impl Fn(&Frame) -> String, url: String, link: &str) -> Shown {
    let mut frame = Frame::new(visit, None, visit.words().say("sign-in"));
    frame.csrf.clear();
    let template =
        OnwardPage { f: &frame, said: said(&frame), problem: !status.is_success(), url, link: frame.t(link) };
    page(&frame, status, &template)
}

/// The page that says why, and leads back to the sign-in; or to the start, where nobody knows whether one was
/// begun: who opens an old answer once more is signed in already.
fn failed(visit: &Visit, failure: &Failure, back: Option<(&str, bool)>) -> Shown {
    tracing::warn!(?failure, "nobody was signed in");
    let (url, link) = match back {
        Some((back, again)) => {
            let back: String = form_urlencoded::byte_serialize(back.as_bytes()).collect();
            (format!("/sign-in?return={back}{}", if again { "&again=1" } else { "" }), "sign-in-back")
        }
        None => ("/".to_owned(), "to-start"),
    };
    onward(visit, failure.status(), |frame| failure.said(frame), url, link)
}

/// `POST /sign-in/oidc`: to the issuer. Who has to prove once more who he is does so there, whether he is
/// signed in there or not.
pub(super) async fn begin(console: Arc<Console>, visit: Visit) -> Shown {
    let Some(client) = &console.oidc else { return Err(Trouble::NotFound) };
    let back = back_from(visit.form.get("return"));
    let only = visit.session.as_ref().filter(|_| visit.form.has("again")).map(|session| session.person.id.to_string());
    let max_age = only.is_some().then_some(Duration::ZERO);
    // The wall clock, as at the issuer; the authority's own time may run ahead of it after a restart.
    match client.begin(console.ids.as_ref(), max_age, console.clock.wall(), console.clock.boot()) {
        Ok(begun) => {
            let session = visit.session.as_ref().map(|session| session.key.clone());
            let away = Away { flow: begun.flow.encode(), back, session, only };
            let said = |frame: &Frame| frame.t("sign-in-leaving");
            let shown = onward(&visit, StatusCode::OK, said, begun.url, "sign-in-leave")?;
            Ok(with_cookie(shown, &flow_cookie(&away.encode(), FLOW_COOKIE_S)))
        }
        Err(error) => failed(&visit, &Failure::Protocol(error), Some((&back, only.is_some()))),
    }
}

/// `GET /sign-in/callback`: back from the issuer.
pub(super) async fn callback(console: Arc<Console>, visit: Visit) -> Shown {
    if console.oidc.is_none() {
        return Err(Trouble::NotFound);
    }
    let Some((away, flow)) = visit.flow.as_deref().and_then(Away::decode) else {
        return failed(&visit, &Failure::Protocol(OidcError::State), None);
    };
    let back = back_from(&away.back);
    let signed = match finished(&console, &visit, flow).await? {
        Ok(signed) if away.only.as_ref().is_some_and(|only| signed.person.id.as_str() != only) => {
            Err(Failure::SomebodyElse(signed.person.id))
        }
        other => other,
    };
    let spent = flow_cookie("", 0);
    match signed {
        Ok(SignedIn { person, authenticated_at }) => {
            if let Some(before) = &away.session {
                console.end_session(before).await?;
            }
            let proved = Proved { person, at: authenticated_at, token: None };
            let shown = onward(&visit, StatusCode::OK, |frame| frame.t("sign-in-done"), back, "sign-in-go-on")?;
            signed_in(&console, &visit, proved, with_cookie(shown, &spent)).await
        }
        Err(failure) => {
            let shown = failed(&visit, &failure, Some((&back, away.only.is_some())))?;
            // An answer to another question leaves this one open.
            let open = matches!(&failure, Failure::Protocol(OidcError::State | OidcError::MixedUp) | Failure::Busy);
            Ok(if open { shown } else { with_cookie(shown, &spent) })
        }
    }
}

/// What the issuer sends along, with whatever is there twice.
fn answer(visit: &Visit) -> Result<CallbackQuery, OidcError> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    CallbackQuery::parse(&query.extend_pairs(visit.query.fields()).finish())
}

/// Exchanges the code, on a thread that may wait for the issuer.
async fn finished(console: &Console, visit: &Visit, flow: Flow) -> Result<Result<SignedIn, Failure>, Trouble> {
    let Some(client) = console.oidc.clone() else { return Err(Trouble::NotFound) };
    let Ok(_permit) = console.exchanges.try_acquire() else { return Ok(Err(Failure::Busy)) };
    let query = match answer(visit) {
        Ok(query) => query,
        Err(error) => return Ok(Err(Failure::Protocol(error))),
    };
    let (wall, boot) = (console.clock.wall(), console.clock.boot());
    let finished = tokio::task::spawn_blocking(move || client.finish(&flow, &query, wall, boot)).await;
    let finished = finished.map_err(|error| Trouble::Defect(error.to_string()))?;
    Ok(finished.map_err(Failure::Protocol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_on_its_way_is_read_back_from_its_cookie_alone() {
        let secret = "A".repeat(43);
        let flow = format!("1.{secret}.{secret}.{secret}.1795339800000.0");
        let away = Away { flow: flow.clone(), back: "/".to_owned(), session: None, only: Some("csilla".to_owned()) };
        let (read, decoded) = Away::decode(&away.encode()).unwrap();
        assert_eq!((read.only.as_deref(), decoded.encode()), (Some("csilla"), flow));
        assert!(away.encode().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        let broken = Away { flow: "1.x".to_owned(), ..away };
        assert!(Away::decode(&broken.encode()).is_none());
        let more = URL_SAFE_NO_PAD.encode(r#"{"flow":"","back":"/","session":null,"only":null,"roles":["operator"]}"#);
        assert!(Away::decode(&more).is_none());
    }
}
