//! A person's own page: the passkeys with which he confirms approvals.

use super::Console;
use super::answer::{Shown, json, page, see_other};
use super::frame::Frame;
use super::passkeys::{PASSKEYS_MAX, Passkey, said};
use super::session::secret;
use super::trouble::Trouble;
use super::visit::Visit;
use crate::domain::Timestamp;
use crate::identity::webauthn::registered;
use crate::store::NoteKind;
use askama::Template;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json as value;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// What a registration is asked under.
const REGISTER: &str = "register";

#[derive(Template)]
#[template(path = "console/account.html")]
struct AccountPage<'a> {
    f: &'a Frame,
    person: String,
    /// Id and time of registration.
    passkeys: Vec<(String, Timestamp)>,
    /// Whether there can be passkeys at this address.
    possible: bool,
    /// Whether there is room for one more.
    room: bool,
    done: Option<String>,
    problem: Option<String>,
}

/// `GET /account`.
pub(super) async fn show(console: Arc<Console>, visit: Visit) -> Shown {
    shown(&console, &visit, None).await
}

async fn shown(console: &Console, visit: &Visit, problem: Option<&str>) -> Shown {
    let person = visit.person()?;
    let frame = visit.frame(visit.words().say("account"));
    let passkeys = console.passkeys(&person.id).await?;
    let done = match visit.query.get("done") {
        "added" if problem.is_none() => Some(frame.t("passkey-added")),
        "removed" if problem.is_none() => Some(frame.t("passkey-removed")),
        _ => None,
    };
    let template = AccountPage {
        f: &frame,
        person: person.id.to_string(),
        possible: console.site().is_some(),
        room: passkeys.len() < PASSKEYS_MAX,
        passkeys: passkeys.into_iter().map(|passkey| (passkey.id, passkey.registered_at)).collect(),
        done,
        problem: problem.map(|key| frame.t(key)),
    };
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(&frame, status, &template)
}

/// `POST /account/passkeys/challenge`: what a new passkey is asked. For the page's script.
pub(super) async fn challenge(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?;
    let site = console.site().ok_or(Trouble::NotFound)?;
    let nonce = secret(&console)?;
    console.ask(&visit, REGISTER, &nonce, "").await?;
    let passkeys = console.passkeys(&person.id).await?;
    let known: Vec<&str> = passkeys.iter().map(|passkey| passkey.id.as_str()).collect();
    // An authenticator keeps the id of the user; it must not say who that is.
    let user = URL_SAFE_NO_PAD.encode(Sha256::digest(person.id.as_str()));
    let asked = value!({
        "challenge": nonce, "rp_id": site.rp_id, "rp_name": visit.words().say("product"),
        "user_id": user, "person": person.id.as_str(), "credentials": known,
    });
    json(StatusCode::OK, &asked)
}

/// `POST /account/passkeys`.
pub(super) async fn add(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?;
    let site = console.site().ok_or(Trouble::NotFound)?;
    let Some(asked) = console.asked(&visit, REGISTER).await? else {
        return shown(&console, &visit, Some("passkey-too-late")).await;
    };
    if console.passkeys(&person.id).await?.len() >= PASSKEYS_MAX {
        return shown(&console, &visit, Some("passkey-too-many")).await;
    }
    let part = |name: &str| URL_SAFE_NO_PAD.decode(visit.form.get(name)).map_err(|_| Trouble::BadForm);
    let (client_data, authenticator_data) = (part("passkey_client_data")?, part("passkey_authenticator_data")?);
    let challenge = URL_SAFE_NO_PAD.decode(&asked.nonce).map_err(|_| Trouble::BadForm)?;
    match registered(&site, &challenge, &client_data, &authenticator_data) {
        Ok(made) => {
            let passkey = Passkey::new(made, visit.now);
            console.keep_passkey(&person.id, &passkey).await?;
            tracing::info!(person = %person.id, passkey = passkey.id, "a passkey was added");
            see_other("/account?done=added")
        }
        Err(refused) => {
            tracing::warn!(person = %person.id, %refused, "a new passkey was refused");
            shown(&console, &visit, Some(said(refused))).await
        }
    }
}

/// `POST /account/passkeys/remove`.
pub(super) async fn remove(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?;
    let id = visit.form.get("passkey");
    console.store.take_note(NoteKind::Passkey, &format!("{}/{id}", person.id)).await?;
    tracing::info!(person = %person.id, passkey = id, "a passkey was removed");
    see_other("/account?done=removed")
}
