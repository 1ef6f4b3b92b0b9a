//! `/v1/tenants`, `/v1/engineers` and `/v1/outbox`.

use super::call::{Answered, Call, answer, with_etag};
use super::json::{Json, JsonError};
use super::members::Members;
use super::problem::Problem;
use super::router::AuthorityApi;
use super::wire::{EngineerBody, EventBody, ListBody, NoticeBody, TenantBody};
use crate::domain::{
    Attributes, Entitlement, Language, PersonId, TenantChange, TenantId, TimeZoneName, WebhookName, parse_duration,
};
use crate::manage_requests::EngineerEntry;
use crate::store::Page;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most people, or teams, in one list of a body.
const PEOPLE_MAX: usize = 200;

/// `GET /v1/tenants`.
pub(super) async fn tenants(api: Arc<AuthorityApi>, call: Call) -> Answered {
    call.refuse_unknown_query(&["cursor", "limit"])?;
    let page = Page { after: call.query_as("cursor", TenantId::parse)?, limit: call.limit()? };
    let listed = api.manage.tenants(call.person()?, page).await?;
    let items: Vec<_> = listed.items.iter().map(|tenant| TenantBody::of(tenant, api.manage.defaults())).collect();
    Ok(answer(StatusCode::OK, &ListBody { items, next_cursor: listed.next.map(|id| id.to_string()) }))
}

/// `GET /v1/tenants/{id}`.
pub(super) async fn tenant(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let tenant = api.manage.tenant(call.person()?, &tenant_id(&call)?).await?;
    let body = TenantBody::of(&tenant, api.manage.defaults());
    Ok(with_etag(answer(StatusCode::OK, &body), tenant.version))
}

/// `GET /v1/tenants/{id}/events`.
pub(super) async fn tenant_events(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let events = api.manage.tenant_events(call.person()?, &tenant_id(&call)?).await?;
    let items: Vec<_> = events.iter().map(EventBody::from).collect();
    Ok(answer(StatusCode::OK, &ListBody { items, next_cursor: None }))
}

/// `PUT /v1/tenants/{id}`: adds a tenant.
pub(super) async fn add_tenant(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let id = TenantId::parse(call.param("id"))?;
    let mut change = change_of(&call)?;
    let entitlement = change.entitlement.take().unwrap_or(Entitlement::None);
    let (tenant, added) = api.manage.add_tenant(call.person()?, id, entitlement, change).await?;
    let status = if added { StatusCode::CREATED } else { StatusCode::OK };
    let body = TenantBody::of(&tenant, api.manage.defaults());
    Ok(with_etag(answer(status, &body), tenant.version))
}

/// `PATCH /v1/tenants/{id}`: changes what the body names; `null` takes a limit back to the default.
pub(super) async fn change_tenant(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let id = tenant_id(&call)?;
    let change = change_of(&call)?;
    // What may take something from somebody is waited for; whom to write to, and in which language, is not.
    let binds = change.lockbox.is_some()
        || change.approvers.is_some()
        || change.fallback_approvers.is_some()
        || change.quorum.is_some()
        || change.attributes.is_some();
    let waits = binds.then(|| call.waits()).transpose()?;
    let (tenant, revision) = api.manage.change_tenant(call.person()?, &id, change, call.if_match()?).await?;
    let mut body = TenantBody::of(&tenant, api.manage.defaults());
    if let Some(waits) = waits {
        (body.effective, body.effective_at) = api.effect(waits, revision).await;
    }
    Ok(with_etag(answer(StatusCode::OK, &body), tenant.version))
}

fn tenant_id(call: &Call) -> Result<TenantId, Problem> {
    TenantId::parse(call.param("id")).map_err(|_| Problem::not_found())
}

fn change_of(call: &Call) -> Result<TenantChange, Problem> {
    let json = call.json()?;
    let mut body = Members::of(&json, "the body")?;
    let entitlement = match body.optional_str("entitlement")? {
        None => None,
        Some(text) => Some(
            Entitlement::parse(text).ok_or_else(|| body.refuse("entitlement", "must be `e5`, `add_on` or `none`"))?,
        ),
    };
    let quorum = match body.optional_integer("quorum")? {
        None => None,
        Some(number) => Some(
            u32::try_from(number).map_err(|_| body.refuse("quorum", "must be from 1 to the number of approvers"))?,
        ),
    };
    let mut change = TenantChange {
        entitlement,
        lockbox: body.optional_bool("lockbox")?,
        approvers: people(&mut body, "approvers")?,
        fallback_approvers: people(&mut body, "fallback_approvers")?,
        notify: people(&mut body, "notify")?,
        webhooks: webhooks(&mut body)?,
        language: match body.optional_str("language")? {
            None => None,
            Some(text) => Some(Language::parse(text).ok_or_else(|| body.refuse("language", "must be `en` or `hu`"))?),
        },
        time_zone: match body.optional_str("time_zone")?.map(TimeZoneName::parse) {
            None => None,
            Some(parsed) => Some(parsed.map_err(|error| body.refuse("time_zone", error.to_string()))?),
        },
        quorum,
        ..TenantChange::default()
    };
    if let Some(mut limits) = body.optional_object("limits")? {
        change.respond_within = limit(&mut limits, "respond_within")?;
        change.grant_longest = limit(&mut limits, "grant_longest")?;
        limits.finish_refusing_unknown()?;
    }
    change.attributes = attributes(&mut body)?;
    body.finish_refusing_unknown()?;
    Ok(change)
}

fn limit(limits: &mut Members<'_, '_>, name: &'static str) -> Result<Option<Option<Duration>>, JsonError> {
    if limits.is_null(name) {
        return Ok(Some(None));
    }
    match limits.optional_str(name)? {
        None => Ok(None),
        Some(text) => match parse_duration(text) {
            Ok(duration) => Ok(Some(Some(duration))),
            Err(error) => Err(limits.refuse(name, error.to_string())),
        },
    }
}

fn attributes(body: &mut Members<'_, '_>) -> Result<Option<Attributes>, JsonError> {
    match body.optional("attributes") {
        None => Ok(None),
        Some(_) => body.optional_attributes("attributes").map(Some),
    }
}

/// Name and URL of each; an empty object takes all away.
fn webhooks(body: &mut Members<'_, '_>) -> Result<Option<BTreeMap<WebhookName, String>>, JsonError> {
    let Some(json) = body.optional("webhooks") else { return Ok(None) };
    let Json::Object(members) = json else {
        return Err(body.refuse("webhooks", "must be an object of names and URLs"));
    };
    let mut webhooks = BTreeMap::new();
    for (name, url) in members {
        let name = WebhookName::parse(name).map_err(|error| body.refuse("webhooks", error.to_string()))?;
        let Json::String(url) = url else {
            return Err(body.refuse("webhooks", format!("`{name}` must be a URL as a string")));
        };
        webhooks.insert(name, url.to_string());
    }
    Ok(Some(webhooks))
}

fn people(body: &mut Members<'_, '_>, name: &'static str) -> Result<Option<BTreeSet<PersonId>>, JsonError> {
    let Some(texts) = body.optional_strs(name, PEOPLE_MAX)? else { return Ok(None) };
    let parsed: Result<BTreeSet<_>, _> = texts.into_iter().map(PersonId::parse).collect();
    parsed.map(Some).map_err(|error| body.refuse(name, error.to_string()))
}

/// `GET /v1/engineers`.
pub(super) async fn engineers(api: Arc<AuthorityApi>, call: Call) -> Answered {
    call.refuse_unknown_query(&["cursor", "limit"])?;
    let page = Page { after: call.query_as("cursor", PersonId::parse)?, limit: call.limit()? };
    let listed = api.manage.engineers(call.person()?, page).await?;
    let items: Vec<_> = listed.items.iter().map(EngineerBody::from).collect();
    Ok(answer(StatusCode::OK, &ListBody { items, next_cursor: listed.next.map(|id| id.to_string()) }))
}

/// `GET /v1/engineers/{id}`.
pub(super) async fn engineer(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let engineer = api.manage.engineer(call.person()?, &person_id(&call)?).await?;
    Ok(with_etag(answer(StatusCode::OK, &EngineerBody::from(&engineer)), engineer.version))
}

/// `PUT /v1/engineers/{id}`: replaces all that is said of him.
pub(super) async fn put_engineer(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let id = person_id(&call)?;
    let json = call.json()?;
    let mut body = Members::of(&json, "the body")?;
    let entry = EngineerEntry {
        teams: body.optional_strs("teams", PEOPLE_MAX)?.unwrap_or_default().into_iter().map(str::to_owned).collect(),
        clearance: body.optional_integer("clearance")?,
        country: body.optional_str("country")?.map(str::to_owned),
        suspended: body.optional_bool("suspended")?.unwrap_or(false),
        attributes: attributes(&mut body)?.unwrap_or_default(),
    };
    body.finish_refusing_unknown()?;
    let waits = call.waits()?;
    let (engineer, revision, added) = api.manage.put_engineer(call.person()?, id, entry, call.if_match()?).await?;
    let mut body = EngineerBody::from(&engineer);
    (body.effective, body.effective_at) = api.effect(waits, revision).await;
    let status = if added { StatusCode::CREATED } else { StatusCode::OK };
    Ok(with_etag(answer(status, &body), engineer.version))
}

/// `DELETE /v1/engineers/{id}`.
pub(super) async fn remove_engineer(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let waits = call.waits()?;
    let revision = api.manage.remove_engineer(call.person()?, &person_id(&call)?).await?;
    api.effect(waits, revision).await;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

fn person_id(call: &Call) -> Result<PersonId, Problem> {
    PersonId::parse(call.param("id")).map_err(|_| Problem::not_found())
}

/// `POST /v1/outbox/{number}/send-again`: a notice that was given up gets all of its attempts anew.
pub(super) async fn send_again(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let number = call.param("number").parse().map_err(|_| Problem::not_found())?;
    let entry = api.manage.send_again(call.person()?, number).await?;
    Ok(answer(StatusCode::OK, &NoticeBody::from(&entry)))
}

/// `GET /.well-known/lockbox-webhook-keys`: a JWK set; what verifies a signature is no secret.
pub(super) async fn webhook_keys(api: Arc<AuthorityApi>, _: Call) -> Answered {
    let mut response = Response::new(Body::from(api.webhook_keys.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    Ok(response)
}

/// `GET /v1/outbox`.
pub(super) async fn outbox(api: Arc<AuthorityApi>, call: Call) -> Answered {
    call.refuse_unknown_query(&["cursor", "limit"])?;
    let page = Page { after: call.query_as("cursor", str::parse::<u64>)?, limit: call.limit()? };
    let listed = api.manage.outbox(call.person()?, page).await?;
    let items: Vec<_> = listed.items.iter().map(NoticeBody::from).collect();
    Ok(answer(StatusCode::OK, &ListBody { items, next_cursor: listed.next.map(|number| number.to_string()) }))
}
