//! The description of the API (OpenAPI 3.1), generated from the route tables: one document for all
//! listeners, checked in as `schemas/openapi.json`. It adds nothing that the tables and the types of
//! bodies do not say, so that it cannot promise what is not there.

pub mod bodies;
mod components;
mod operation;
#[cfg(test)]
mod tests;

use super::call::{Answered, Call, Takes, Who};
use super::operations::operations_table;
use super::router::{AuthorityApi, Row, SidecarApi, authority_table, sidecar_table};
use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use bytes::Bytes;
use serde_json::Value;
use std::sync::{Arc, LazyLock};
use utoipa::openapi::path::Paths;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApiBuilder};

/// The listeners: what each is for, and its default address.
const LISTENERS: [(Listener, &str, &str); 3] = [
    (Listener::Authority, "the authority", "http://127.0.0.1:8180"),
    (Listener::Sidecar, "a sidecar", "http://127.0.0.1:8181"),
    (Listener::Operations, "operations", "http://127.0.0.1:9180"),
];

/// The groups of operations.
const TAGS: [(&str, &str); 10] = [
    ("AccessRequests", "Asking for access, and giving, refusing and ending it"),
    ("Tenants", "The switch, the approvers and the limits of a tenant"),
    ("Engineers", "What is known of engineers"),
    ("Notices", "What waits to be sent"),
    ("Fleet", "The sidecars and the authorities: what each has, and what it tells"),
    ("Decisions", "Asking whether an engineer may touch content now"),
    ("AuthZEN", "The same by OpenID AuthZEN Authorization API 1.0"),
    ("Policies", "The policies in use"),
    ("Description", "This description"),
    ("Operations", "Health, metrics, version"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listener {
    Authority,
    Sidecar,
    Operations,
}

/// A row of any table, without its handler.
struct Endpoint {
    listener: Listener,
    method: &'static str,
    path: &'static str,
    who: Who,
    takes: Takes,
    summary: &'static str,
    handled_by: &'static str,
    asks: &'static str,
    answers: (u16, &'static str),
}

fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = of(Listener::Authority, authority_table());
    endpoints.extend(of(Listener::Sidecar, sidecar_table()));
    endpoints.extend(of(Listener::Operations, operations_table()));
    endpoints
}

fn of<S>(listener: Listener, table: Vec<Row<S>>) -> Vec<Endpoint> {
    let row = |row: Row<S>| {
        let Row { method, path, who, takes, summary, handled_by, asks, answers, handler: _ } = row;
        Endpoint { listener, method, path, who, takes, summary, handled_by, asks, answers }
    };
    table.into_iter().map(row).collect()
}

/// The description as JSON.
pub fn document() -> Value {
    let endpoints = endpoints();
    let mut paths = Paths::new();
    for (at, endpoint) in endpoints.iter().enumerate() {
        let same = |other: &&Endpoint| (other.method, other.path) == (endpoint.method, endpoint.path);
        if endpoints.iter().take(at).any(|before| same(&before)) {
            continue;
        }
        let listeners: Vec<Listener> = endpoints.iter().filter(same).map(|endpoint| endpoint.listener).collect();
        let Some(method) = operation::method(endpoint.method) else { continue };
        paths.add_path_operation(endpoint.path, vec![method], operation::describe(endpoint, &listeners));
    }
    let info = InfoBuilder::new()
        .title("Customer Lockbox")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(components::introduction()))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let tags = TAGS.map(|(name, what)| TagBuilder::new().name(name).description(Some(what)).build());
    let document = OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components::components()))
        .tags(Some(tags))
        .build();
    // A document of texts and numbers always has a JSON form; the test of the checked-in file holds it.
    let mut document = serde_json::to_value(&document).unwrap_or_default();
    components::close(&mut document);
    document
}

/// The description as the text of `schemas/openapi.json`.
pub fn text() -> String {
    format!("{:#}\n", document())
}

static TEXT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(text()));

pub(super) async fn serve_authority(_api: Arc<AuthorityApi>, _call: Call) -> Answered {
    Ok(served())
}

pub(super) async fn serve_sidecar(_api: Arc<SidecarApi>, _call: Call) -> Answered {
    Ok(served())
}

fn served() -> Response<Body> {
    let mut response = Response::new(Body::from(TEXT.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
