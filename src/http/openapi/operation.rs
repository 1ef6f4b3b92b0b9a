//! One operation of the description, from one row of a table: parameters, body, answers, problems.

use super::super::call::{Takes, Who};
use super::{Endpoint, LISTENERS, Listener, bodies};
use crate::domain::StateName;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::{ContentBuilder, Ref, Required};

/// The name of the security scheme.
pub(super) const BEARER: &str = "bearer";

pub(super) fn method(name: &str) -> Option<HttpMethod> {
    Some(match name {
        "GET" => HttpMethod::Get,
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => return None,
    })
}

/// The whole operation; `listeners` are those that offer it.
pub(super) fn describe(endpoint: &Endpoint, listeners: &[Listener]) -> Operation {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(operation_id(endpoint)))
        .summary(Some(endpoint.summary))
        .tag(tag(endpoint))
        .securities(Some(match endpoint.who {
            Who::Anyone => Vec::new(),
            Who::Workload | Who::Person | Who::Operator | Who::Sidecar | Who::OnlySidecar => {
                vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]
            }
        }))
        .description(match endpoint.who {
            Who::Anyone => None,
            Who::Workload => Some("The caller is a workload service; it may ask about its own workload only."),
            Who::Person => Some("The caller is a person; policies decide what he may do."),
            Who::Operator => Some("The caller is an operator."),
            Who::Sidecar => Some("The caller is a sidecar, or an operator."),
            Who::OnlySidecar => Some("The caller is a sidecar."),
        })
        .servers(Some(servers(listeners)))
        .parameters(Some(parameters(endpoint)))
        .request_body(body(endpoint));
    for status in statuses(endpoint) {
        operation = operation.response(status.to_string(), success(endpoint, status));
    }
    for status in problems(endpoint) {
        operation = operation.response(status.to_string(), Ref::from_response_name(format!("Problem{status}")));
    }
    if endpoint.path == "/readyz" {
        operation = operation.response("503", json("It is not ready; the body says why", endpoint.answers.1).build());
    }
    operation.response("default", Ref::from_response_name("Problem")).build()
}

/// `requests::submit` is `requests_submit`; unique because a handler serves one row.
pub(super) fn operation_id(endpoint: &Endpoint) -> String {
    let handler: String = endpoint.handled_by.chars().filter(|c| !c.is_whitespace()).collect();
    handler
        .replace("openapi::serve_authority", "openapi")
        .replace("openapi::serve_sidecar", "openapi")
        .replace("::", "_")
}

pub(super) fn tag(endpoint: &Endpoint) -> &'static str {
    let begins = |prefix: &str| endpoint.path.starts_with(prefix);
    match endpoint.listener {
        Listener::Operations => "Operations",
        _ if begins("/v1/access-requests") => "AccessRequests",
        _ if begins("/v1/tenants") => "Tenants",
        _ if begins("/v1/engineers") => "Engineers",
        _ if begins("/v1/outbox") || begins("/.well-known/lockbox-webhook-keys") => "Notices",
        _ if begins("/v1/authorize") => "Decisions",
        _ if begins("/access/v1/") || begins("/.well-known/authzen") => "AuthZEN",
        _ if begins("/v1/renew") || begins("/v1/accesses") || begins("/v1/fleet") => "Fleet",
        _ if begins("/v1/policies") => "Policies",
        _ if begins("/openapi.json") => "Description",
        _ => "",
    }
}

fn servers(listeners: &[Listener]) -> Vec<utoipa::openapi::Server> {
    let known = LISTENERS.iter().filter(|(listener, ..)| listeners.contains(listener));
    let server = |what: &str, url: &str| {
        ServerBuilder::new().url(url).description(Some(format!("{what}, at its default address"))).build()
    };
    known.map(|(_, what, url)| server(what, url)).collect()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn parameter(place: ParameterIn, name: &str, what: &str, required: bool, schema: impl Into<Object>) -> Parameter {
    let required = if required { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .description(Some(what))
        .required(required)
        .schema(Some(schema.into()))
        .build()
}

/// The names of the query parameters that an endpoint reads.
pub(super) fn query(endpoint: &Endpoint) -> &'static [&'static str] {
    match (endpoint.method, endpoint.path, endpoint.answers.1) {
        ("GET", "/v1/access-requests", _) => {
            &["tenant", "state", "engineer", "workload", "since", "q", "cursor", "limit"]
        }
        ("GET", _, "TenantList" | "EngineerList" | "NoticeList" | "AccessList") => &["cursor", "limit"],
        ("POST", "/v1/access-requests/{id}/close" | "/v1/access-requests/{id}/revoke", _)
        | ("PATCH", "/v1/tenants/{id}", _)
        | ("PUT" | "DELETE", "/v1/engineers/{id}", _)
        | ("PUT", "/v1/policies/bundle", _) => &["wait"],
        ("GET", "/v1/policies/bundle", _) => &["digest"],
        _ => &[],
    }
}

fn query_parameter(name: &'static str) -> Parameter {
    let (what, schema) = match name {
        "tenant" => ("Of this tenant only.", text()),
        "state" => {
            let states = StateName::ALL.iter().map(|state| state.as_str());
            ("In this state only.", text().enum_values(Some(states)))
        }
        "engineer" => ("Of this engineer only.", text()),
        "workload" => ("Of this workload only.", text()),
        "q" => ("With this text in its id, engineer, service request or reason, in any case.", text()),
        "since" => {
            let instant = text().format(Some(SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)));
            ("Submitted at or after this instant only, RFC 3339 in UTC.", instant)
        }
        "digest" => ("The bundle whose bytes have this SHA-256, in use or not, as it was pushed.", text()),
        "cursor" => ("Where to continue: the `next_cursor` of the page before.", text()),
        "limit" => {
            let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(1000));
            ("The most items of the page.", number.default(Some(100.into())))
        }
        _ => {
            let truth = ObjectBuilder::new().schema_type(Type::Boolean).default(Some(true.into()));
            ("Whether to answer only when no sidecar can decide by what was before.", truth)
        }
    };
    parameter(ParameterIn::Query, name, what, false, schema)
}

/// Whether an endpoint reads `If-Match`, and whether it insists.
fn if_match(endpoint: &Endpoint) -> Option<bool> {
    match (endpoint.method, endpoint.path) {
        ("POST", "/v1/access-requests/{id}/approve" | "/v1/access-requests/{id}/deny") => Some(true),
        ("POST", path) if path.starts_with("/v1/access-requests/{id}/") => Some(false),
        ("PATCH", "/v1/tenants/{id}") | ("PUT", "/v1/engineers/{id}") => Some(false),
        _ => None,
    }
}

fn submits(endpoint: &Endpoint) -> bool {
    (endpoint.method, endpoint.path) == ("POST", "/v1/access-requests")
}

fn hands_out(endpoint: &Endpoint) -> bool {
    (endpoint.method, endpoint.path) == ("GET", "/v1/policies/bundle")
}

fn parameters(endpoint: &Endpoint) -> Vec<Parameter> {
    let mut all = Vec::new();
    if endpoint.path.contains("{id}") {
        let what = match tag(endpoint) {
            "Tenants" => "The tenant.",
            "Engineers" => "The engineer.",
            _ => "The AccessRequest, such as `LBX-1001`.",
        };
        all.push(parameter(ParameterIn::Path, "id", what, true, text()));
    }
    if endpoint.path.contains("{name}") {
        all.push(parameter(ParameterIn::Path, "name", "The sidecar's name.", true, text()));
    }
    if endpoint.path.contains("{number}") {
        all.push(parameter(ParameterIn::Path, "number", "The notice's number in the outbox.", true, text()));
    }
    all.extend(query(endpoint).iter().map(|name| query_parameter(name)));
    if let Some(required) = if_match(endpoint) {
        let what = "The ETag of what was looked at; another version is answered 412.";
        all.push(parameter(ParameterIn::Header, "If-Match", what, required, text()));
    }
    if hands_out(endpoint) {
        let what = "The ETag of the bundle that the caller has; the same is answered 304.";
        all.push(parameter(ParameterIn::Header, "If-None-Match", what, false, text()));
    }
    if submits(endpoint) {
        let what = "The same key with the same body makes one AccessRequest, however often it is sent.";
        let key = text().min_length(Some(1)).max_length(Some(255));
        all.push(parameter(ParameterIn::Header, "Idempotency-Key", what, false, key));
    }
    let what = "Echoed in the answer and in the logs; one is made if there is none.";
    all.push(parameter(ParameterIn::Header, "X-Request-ID", what, false, text().max_length(Some(128))));
    all
}

fn body(endpoint: &Endpoint) -> Option<RequestBody> {
    let required = match endpoint.takes {
        Takes::Nothing => return None,
        Takes::Json | Takes::Renewal => Required::True,
        Takes::PerhapsJson => Required::False,
        Takes::Bundle => {
            let file = ContentBuilder::new().schema(Some(text())).build();
            let body = RequestBodyBuilder::new().description(Some("The file that `lockbox policy sign` writes"));
            let kind = super::super::bundle::MEDIA_TYPE;
            return Some(body.required(Some(Required::True)).content(kind, file).build());
        }
    };
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(endpoint.asks)))
        .example(bodies::example_for(endpoint.method, endpoint.asks))
        .build();
    Some(RequestBodyBuilder::new().required(Some(required)).content("application/json", content).build())
}

/// The statuses of success: a PUT makes or replaces.
fn statuses(endpoint: &Endpoint) -> Vec<u16> {
    match endpoint.method {
        "PUT" if endpoint.takes != Takes::Bundle => vec![200, 201],
        _ if hands_out(endpoint) => vec![200, 304],
        _ => vec![endpoint.answers.0],
    }
}

fn json(what: &str, schema: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    ResponseBuilder::new().description(what).content("application/json", content)
}

fn success(endpoint: &Endpoint, status: u16) -> Response {
    let what = match (status, endpoint.path) {
        (200, "/openapi.json") => "The description",
        (200, "/metrics") => "The metrics",
        (200, "/.well-known/lockbox-webhook-keys") => "A JWK set (RFC 7517)",
        (201, _) => "It was made",
        (204, _) => "It is gone",
        (200, _) if hands_out(endpoint) => "The bundle: a gzip file with a manifest and its Ed25519 signature",
        (304, _) => "The caller has it",
        _ => "As it now is",
    };
    let mut response = match (endpoint.path, endpoint.answers.1) {
        ("/openapi.json", _) => {
            let object = ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::Object))).build();
            ResponseBuilder::new().description(what).content("application/json", object)
        }
        ("/metrics", _) => {
            let lines = ContentBuilder::new().schema(Some(text())).build();
            let kind = crate::telemetry::CONTENT_TYPE.split(';').next().unwrap_or_default();
            ResponseBuilder::new().description(what).content(kind, lines)
        }
        ("/v1/renew", _) => {
            let lines = ContentBuilder::new().schema(Some(text())).build();
            ResponseBuilder::new().description("What has changed").content(crate::renewal::wire::MEDIA_TYPE, lines)
        }
        ("/.well-known/lockbox-webhook-keys", _) => {
            let object = ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::Object))).build();
            ResponseBuilder::new().description(what).content("application/jwk-set+json", object)
        }
        _ if hands_out(endpoint) && status == 200 => {
            let file = ContentBuilder::new().schema(Some(text())).build();
            ResponseBuilder::new().description(what).content(super::super::bundle::MEDIA_TYPE, file)
        }
        (_, "") => ResponseBuilder::new().description(what),
        (_, schema) => json(what, schema),
    };
    response = response.header_ref("X-Request-ID", header("X-Request-ID"));
    if hands_out(endpoint) || matches!(endpoint.answers.1, "AccessRequestBody" | "TenantBody" | "EngineerBody") {
        response = response.header_ref("ETag", header("ETag"));
    }
    if submits(endpoint) {
        response = response.header_ref("Location", header("Location"));
    }
    response.build()
}

fn header(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// The statuses of the problems an endpoint may answer with; any other is `default`.
fn problems(endpoint: &Endpoint) -> Vec<u16> {
    if endpoint.listener == Listener::Operations || endpoint.who == Who::Anyone {
        return Vec::new();
    }
    let mut statuses = vec![401, 403, 500, 503];
    let takes_body = endpoint.takes != Takes::Nothing;
    if takes_body || !query(endpoint).is_empty() || if_match(endpoint).is_some() || hands_out(endpoint) {
        statuses.push(400);
    }
    if takes_body {
        statuses.extend([408, 413]);
    }
    if endpoint.path.contains('{') || hands_out(endpoint) {
        statuses.push(404);
    }
    if endpoint.method != "GET" && (endpoint.listener == Listener::Authority || tag(endpoint) == "Policies") {
        statuses.extend([409, 422]);
    }
    match if_match(endpoint) {
        Some(true) => statuses.extend([412, 428]),
        Some(false) => statuses.push(412),
        None => {}
    }
    statuses.sort_unstable();
    statuses
}
