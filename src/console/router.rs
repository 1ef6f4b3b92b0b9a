//! The page's routes: one table, and the one way in. What every page must check is checked here, before
//! its handler: where a form comes from, who is signed in, how fresh his proof is, and that the form is his.

use super::answer::{Shown, see_other, with_cookie};
use super::form::Form;
use super::session::{COOKIE, Session, VISIT_COOKIE, csrf_of, secret};
use super::trouble::{Trouble, cookie_of};
use super::visit::{Visit, accepted};
use super::{
    Console, account, ask, assets, fleet, lists, oidc, outbox, passkeys, provider, request, settings, sign_in, switch,
    tenants,
};
use crate::domain::Language;
use crate::http::body::{BodyBounds, read_body};
use crate::http::problem::Problem;
use crate::identity::Peer;
use crate::words::Zone;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, Method, Response, header};
use axum::response::IntoResponse as _;
use axum::routing::{MethodFilter, on};
use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// Who gets past the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Anybody.
    Anyone,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever is signed in and has proved lately who he is.
    Fresh,
}

type Handler = fn(Arc<Console>, Visit) -> Pin<Box<dyn Future<Output = Shown> + Send>>;

/// One route.
#[derive(Clone, Copy)]
pub struct Row {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// Who gets in.
    pub door: Door,
    /// The page that its form stands on, where the person comes back to after signing in.
    pub page: &'static str,
    handler: Handler,
}

macro_rules! rows {
    ($($method:ident $path:literal $door:ident $page:literal $handler:path;)+) => {
        vec![$(Row {
            method: stringify!($method),
            path: $path,
            door: Door::$door,
            page: $page,
            handler: |console, visit| Box::pin($handler(console, visit)),
        },)+]
    };
}

/// Every route of the page.
pub fn table() -> Vec<Row> {
    rows! {
        GET "/" SignedIn "/" lists::home;
        GET "/requests" SignedIn "/requests" lists::all;
        GET "/requests/new" SignedIn "/requests/new" ask::show;
        POST "/requests" SignedIn "/requests/new" ask::submit;
        GET "/requests/{id}" SignedIn "/requests/{id}" request::show;
        POST "/requests/{id}/look" SignedIn "/requests/{id}" request::look;
        POST "/requests/{id}/approve" Fresh "/requests/{id}" request::approve;
        POST "/requests/{id}/passkey-challenge" Fresh "/requests/{id}" passkeys::challenge;
        POST "/requests/{id}/deny" Fresh "/requests/{id}" request::deny;
        POST "/requests/{id}/revoke" Fresh "/requests/{id}" request::revoke;
        POST "/requests/{id}/review" Fresh "/requests/{id}" provider::review;
        POST "/requests/{id}/withdraw" SignedIn "/requests/{id}" provider::withdraw;
        POST "/requests/{id}/close" SignedIn "/requests/{id}" provider::close;
        GET "/settings" SignedIn "/settings" settings::own;
        POST "/settings/approvers" Fresh "/settings" settings::approvers;
        POST "/settings/notify" Fresh "/settings" settings::notify;
        POST "/settings/limits" Fresh "/settings" settings::limits;
        POST "/settings/language" Fresh "/settings" settings::language;
        POST "/settings/webhooks" Fresh "/settings" settings::webhooks;
        GET "/settings/lockbox" SignedIn "/settings/lockbox" switch::show;
        POST "/settings/lockbox" Fresh "/settings/lockbox" switch::turn;
        GET "/account" SignedIn "/account" account::show;
        POST "/account/passkeys/challenge" Fresh "/account" account::challenge;
        POST "/account/passkeys" Fresh "/account" account::add;
        POST "/account/passkeys/remove" Fresh "/account" account::remove;
        GET "/tenants" SignedIn "/tenants" tenants::all;
        GET "/tenants/{id}" SignedIn "/tenants/{id}" tenants::show;
        POST "/tenants/{id}/entitlement" Fresh "/tenants/{id}" tenants::entitle;
        GET "/outbox" SignedIn "/outbox" outbox::all;
        GET "/outbox/{number}" SignedIn "/outbox/{number}" outbox::show;
        POST "/outbox/{number}/send-again" SignedIn "/outbox" outbox::send_again;
        GET "/fleet" SignedIn "/fleet" fleet::show;
        POST "/fleet/{name}/remove" Fresh "/fleet" fleet::remove;
        POST "/fleet/{name}/admit" Fresh "/fleet" fleet::admit;
        GET "/sign-in" Anyone "/sign-in" sign_in::show;
        POST "/sign-in/oidc" Anyone "/sign-in" oidc::begin;
        GET "/sign-in/callback" Anyone "/sign-in" oidc::callback;
        POST "/sign-in/token" Anyone "/sign-in" sign_in::token;
        POST "/sign-out" Anyone "/sign-in" sign_in::out;
        POST "/language" Anyone "/" sign_in::language;
        GET "/assets/{name}" Anyone "/" assets::serve;
    }
}

/// The largest body of a form, in bytes: the longest comment, escaped, and the most fields, fit.
const FORM_BOUNDS: BodyBounds = BodyBounds { bytes_max: 64 * 1024, deadline: core::time::Duration::from_secs(10) };

/// Puts the page's routes onto a router; what is nowhere is answered as a page to a browser.
pub fn mount(router: Router, console: &Arc<Console>) -> Router {
    let mut router = router;
    for row in table() {
        let filter = if row.method == "POST" { MethodFilter::POST } else { MethodFilter::GET };
        let console = Arc::clone(console);
        let enter = move |request: Request| {
            let console = Arc::clone(&console);
            async move { entered(console, row, request).await }
        };
        router = router.route(row.path, on(filter, enter));
    }
    let console = Arc::clone(console);
    router.fallback(move |request: Request| {
        let console = Arc::clone(&console);
        async move { nowhere(&console, request).await }
    })
}

async fn nowhere(console: &Arc<Console>, request: Request) -> Response<Body> {
    let (head, _) = request.into_parts();
    let browser = header_text(&head.headers, header::ACCEPT.as_str()).contains("text/html");
    if !browser || head.uri.path().starts_with("/v1/") {
        return Problem::not_found().into_response();
    }
    let shown = match visit(console, &head, Vec::new(), Form::default()).await {
        Ok(visit) => Trouble::NotFound.shown(&visit),
        Err(trouble) => Err(trouble),
    };
    shown.unwrap_or_else(|_| Problem::not_found().into_response())
}

async fn entered(console: Arc<Console>, row: Row, request: Request) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    let params = RawPathParams::from_request_parts(&mut head, &()).await;
    let params: Vec<(String, String)> = match params {
        Ok(params) => params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        Err(_) => return Problem::not_found().into_response(),
    };
    let form = if head.method == Method::POST { read_form(&head, body).await } else { Ok(Form::default()) };
    let (form, unread) = match form {
        Ok(form) => (form, None),
        Err(trouble) => (Form::default(), Some(trouble)),
    };
    let came = match visit(&console, &head, params, form).await {
        Ok(visit) => visit,
        Err(trouble) => {
            tracing::error!(?trouble, "a page could not be begun");
            return Problem::internal().into_response();
        }
    };
    let shown = match unread {
        Some(trouble) => Err(trouble),
        None => passed(&console, row, &came, &head).await,
    };
    // Kept for a page about what went wrong, for the handler takes the visit.
    let beside = came.clone();
    let shown = match shown {
        Ok(Some(response)) => Ok(response),
        Ok(None) => (row.handler)(console, came).await,
        Err(trouble) => Err(trouble),
    };
    shown.or_else(|trouble| trouble.shown(&beside)).unwrap_or_else(|_| Problem::internal().into_response())
}

/// Whether the visit gets in; `Some` is where it is sent instead.
async fn passed(
    console: &Arc<Console>,
    row: Row,
    visit: &Visit,
    head: &Head,
) -> Result<Option<Response<Body>>, Trouble> {
    let posted = row.method == "POST";
    if posted {
        if !same_origin(&head.headers, console.public_url.as_deref()) {
            return Err(Trouble::Foreign);
        }
        let given = visit.form.get("csrf").as_bytes();
        if !bool::from(given.ct_eq(visit.csrf.as_bytes())) {
            return Err(Trouble::BadForm);
        }
    }
    if row.door == Door::Anyone {
        return Ok(None);
    }
    let page = filled(row.page, &visit.params);
    let Some(session) = &visit.session else {
        return Ok(Some(to_sign_in(&with_query(&page, head, posted), false)?));
    };
    if !session.live {
        if posted {
            console.keep_draft(&session.person.id, &page, &visit.form, visit.now).await?;
        }
        return Ok(Some(to_sign_in(&with_query(&page, head, posted), true)?));
    }
    console.touch(session, visit.now).await?;
    let fresh = session.authenticated_at.is_some_and(|at| visit.now < at.plus(console.sessions.proof));
    if row.door == Door::Fresh && !fresh {
        console.keep_draft(&session.person.id, &page, &visit.form, visit.now).await?;
        return Ok(Some(to_sign_in(&page, true)?));
    }
    Ok(None)
}

/// The page with the query it was asked for with; a form's page has none.
fn with_query(page: &str, head: &Head, posted: bool) -> String {
    match head.uri.query() {
        Some(query) if !posted => format!("{page}?{query}"),
        _ => page.to_owned(),
    }
}

fn to_sign_in(page: &str, again: bool) -> Shown {
    let page: String = form_urlencoded::byte_serialize(page.as_bytes()).collect();
    let again = if again { "&again=1" } else { "" };
    see_other(&format!("/sign-in?return={page}{again}"))
}

fn filled(pattern: &str, params: &[(String, String)]) -> String {
    params.iter().fold(pattern.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
}

/// Whether a form comes from a page of this origin. Browsers say so in `Sec-Fetch-Site`, older ones in
/// `Origin`; who says neither is no browser and has no cookies that were not given to it.
fn same_origin(headers: &HeaderMap, public_url: Option<&str>) -> bool {
    match header_text(headers, "sec-fetch-site") {
        "" => {}
        site => return site == "same-origin",
    }
    let origin = header_text(headers, header::ORIGIN.as_str());
    let host = header_text(headers, header::HOST.as_str());
    let own = |origin: &str| origin.split_once("://").is_some_and(|(_, named)| named == host && !host.is_empty());
    origin.is_empty() || own(origin) || public_url == Some(origin)
}

async fn read_form(head: &Head, body: Body) -> Result<Form, Trouble> {
    let kind = header_text(&head.headers, header::CONTENT_TYPE.as_str());
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Trouble::BadForm);
    }
    let bytes: Bytes = read_body(body, FORM_BOUNDS).await.map_err(|_| Trouble::TooLarge)?;
    Form::parse(&bytes).ok_or(Trouble::BadForm)
}

fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A cookie's value.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(known, _)| *known == name).map(|(_, value)| value).next()
}

async fn visit(
    console: &Arc<Console>,
    head: &Head,
    params: Vec<(String, String)>,
    form: Form,
) -> Result<Visit, Trouble> {
    let now = console.api.now();
    let session_cookie = cookie(&head.headers, COOKIE);
    let mut session = match session_cookie {
        Some(cookie) => console.session(cookie, now).await?,
        None => None,
    };
    if let (Some(session), Some(peer)) = (&mut session, head.extensions.get::<Peer>()) {
        session.person.authentication.address = peer.address();
    }
    let (secret_of_forms, new_cookie) = match (session_cookie, &session, cookie(&head.headers, VISIT_COOKIE)) {
        (Some(cookie), Some(_), _) => (cookie.to_owned(), None),
        (_, _, Some(cookie)) => (cookie.to_owned(), None),
        _ => {
            let cookie = secret(console)?;
            (cookie.clone(), Some(cookie))
        }
    };
    let language = language(console, head, session.as_ref()).await?;
    let zone = zone(console, head, session.as_ref()).await?;
    Ok(Visit {
        session,
        csrf: csrf_of(&secret_of_forms),
        new_cookie,
        language,
        zone,
        path: head.uri.path().to_owned(),
        flow: cookie(&head.headers, oidc::FLOW_COOKIE).map(str::to_owned),
        params,
        query: Form::parse(&Bytes::from(head.uri.query().unwrap_or_default().to_owned())).unwrap_or_default(),
        form,
        now,
        demo: !console.local.is_empty(),
    })
}

/// The language somebody chose in this browser; else the one he chose elsewhere, his browser's, his
/// tenant's.
async fn language(console: &Console, head: &Head, session: Option<&Session>) -> Result<Language, Trouble> {
    if let Some(chosen) = cookie(&head.headers, sign_in::LANGUAGE_COOKIE).and_then(Language::parse) {
        return Ok(chosen);
    }
    if let Some(session) = session
        && let Some(chosen) = console.chosen_language(&session.person.id).await?
    {
        return Ok(chosen);
    }
    if let Some(accepted) = accepted(header_text(&head.headers, header::ACCEPT_LANGUAGE.as_str())) {
        return Ok(accepted);
    }
    let tenant = match session.and_then(|session| session.person.tenant.as_ref()) {
        Some(id) => console.store.tenant(id).await?,
        None => None,
    };
    Ok(tenant.map_or_else(Language::default, |tenant| tenant.language))
}

/// The zone of the browser, which its script tells by a cookie; else the tenant's.
async fn zone(console: &Console, head: &Head, session: Option<&Session>) -> Result<Zone, Trouble> {
    let told = cookie(&head.headers, "lockbox-zone").map(|value| value.replace("%2F", "/"));
    if let Some(zone) = told.as_deref().and_then(Zone::find) {
        return Ok(zone);
    }
    let tenant = match session.and_then(|session| session.person.tenant.as_ref()) {
        Some(id) => console.store.tenant(id).await?,
        None => None,
    };
    Ok(tenant.map_or_else(Zone::utc, |tenant| Zone::named(&tenant.time_zone)))
}

/// Gives the cookie that ties a form to a browser that has none.
pub(super) fn with_visit_cookie(response: Response<Body>, visit: &Visit) -> Response<Body> {
    match &visit.new_cookie {
        Some(cookie) => with_cookie(response, &cookie_of(VISIT_COOKIE, cookie)),
        None => response,
    }
}
