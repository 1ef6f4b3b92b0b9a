//! What operations refer to: schemas by the names the tables use, problem answers, headers, security.

use super::super::authzen::{DecisionDocument, DecisionDocuments, Metadata};
use super::super::bundle::PushedBody;
use super::super::fleet::{FleetBody, RemovedBody};
use super::super::operations::{Alive, Readiness, VersionBody};
use super::super::problem::{Problem, ProblemType};
use super::super::reload::PolicyReload;
use super::super::told::TakenBody;
use super::super::wire::{
    AccessBody, AccessRequestBody, DecisionBody, EngineerBody, EventBody, ListBody, NoticeBody, TenantBody,
};
use super::bodies;
use super::operation::BEARER;
use crate::domain::{Reason, ReasonCode, StateName};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{
    AdditionalProperties, Components, ComponentsBuilder, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, KnownFormat, Ref};

/// Texts whose values are listed in the domain: where they are, and the values.
fn enumerations() -> Vec<(&'static str, Vec<&'static str>)> {
    let states = || StateName::ALL.iter().map(|state| state.as_str()).collect();
    let codes = || ReasonCode::ALL.iter().map(|code| code.as_str()).collect();
    let verdicts = || vec!["allow", "deny"];
    let reasons: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    vec![
        ("AccessRequestBody/properties/state", states()),
        ("ReasonBody/properties/code", codes()),
        ("ReasonGiven/properties/code", codes()),
        ("DecisionBody/properties/decision", verdicts()),
        ("DecisionBody/properties/reason", reasons),
        ("AccessBody/properties/decision", verdicts()),
        ("RecordTold/properties/decision", verdicts()),
        ("GrantBody/properties/approval", vec!["customer", "internal"]),
        ("EndedBody/properties/how", vec!["closed", "revoked", "ended"]),
        ("TenantBody/properties/entitlement", vec!["e5", "add_on", "none"]),
        ("ReviewStep/properties/verdict", vec!["approve", "reject"]),
        ("SidecarBody/properties/state", vec!["current", "behind", "silent", "removed", "unheard"]),
    ]
}

/// What stands at the head of the description.
pub(super) fn introduction() -> String {
    let mut text = "No engineer reads a customer's content unless the customer said yes.\n\n\
         The authority takes AccessRequests and keeps Grants and settings; a sidecar answers questions from memory. \
         A decision is always HTTP 200, a denial too. Where there is none, the answer is a problem document \
         (RFC 9457) whose `type` is one of these and never changes its meaning:\n\n| type | status | title |\n|---|---|---|\n"
        .to_owned();
    for ProblemType { uri, status, title } in Problem::all_types() {
        text.push_str(&format!("| `{uri}` | {status} | {title} |\n"));
    }
    text.push_str(
        "\nTimes are RFC 3339 in UTC, durations ISO 8601, lists have `items` and, until the end, `next_cursor`.",
    );
    text
}

/// Adds a schema under a name, with all it refers to.
fn add<T: ToSchema>(components: ComponentsBuilder, name: &str) -> ComponentsBuilder {
    let mut below = Vec::new();
    T::schemas(&mut below);
    below
        .into_iter()
        .fold(components, |components, (name, schema)| components.schema(name, schema))
        .schema(name, T::schema())
}

pub(super) fn components() -> Components {
    let mut components = ComponentsBuilder::new();
    macro_rules! all {
        ($($kind:ty => $name:literal),+ $(,)?) => { $(components = add::<$kind>(components, $name);)+ };
    }
    all! {
        AccessRequestBody => "AccessRequestBody",
        ListBody<AccessRequestBody> => "AccessRequestList",
        ListBody<EventBody> => "EventList",
        EventBody => "EventBody",
        ListBody<AccessBody> => "AccessList",
        AccessBody => "AccessBody",
        TenantBody => "TenantBody",
        ListBody<TenantBody> => "TenantList",
        EngineerBody => "EngineerBody",
        ListBody<EngineerBody> => "EngineerList",
        ListBody<NoticeBody> => "NoticeList",
        NoticeBody => "NoticeBody",
        FleetBody => "FleetBody",
        RemovedBody => "RemovedBody",
        TakenBody => "TakenBody",
        DecisionBody<'static> => "DecisionBody",
        DecisionDocument => "DecisionDocument",
        DecisionDocuments => "DecisionDocuments",
        Metadata => "Metadata",
        PolicyReload => "PolicyReload",
        PushedBody => "PushedBody",
        Alive => "Alive",
        Readiness => "Readiness",
        VersionBody => "VersionBody",
        bodies::Submission => "Submission",
        bodies::ReviewStep => "ReviewStep",
        bodies::ApproveStep => "ApproveStep",
        bodies::CommentStep => "CommentStep",
        bodies::TenantSettings => "TenantSettings",
        bodies::EngineerFacts => "EngineerFacts",
        bodies::Renewal => "Renewal",
        bodies::AccessesTold => "AccessesTold",
        bodies::Question => "Question",
        bodies::AuthzenEvaluation => "AuthzenEvaluation",
        bodies::AuthzenEvaluations => "AuthzenEvaluations",
    }
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let token = token.description(Some("A token of `lockbox config token`, or a JWT of a configured issuer.")).build();
    components = components.schema("Problem", problem_schema()).security_scheme(BEARER, SecurityScheme::Http(token));
    for (name, what) in [
        ("ETag", "The version; send it as `If-Match`."),
        ("Location", "The path of what was made."),
        ("X-Request-ID", "The id the request was given, or came with."),
        ("Retry-After", "Seconds after which to try again."),
    ] {
        let header = HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String)));
        components = components.header(name, header.description(Some(what)).build());
    }
    let types = Problem::all_types();
    let statuses: BTreeSet<u16> = types.iter().map(|of| of.status).collect();
    for status in statuses {
        let these: Vec<&ProblemType> = types.iter().filter(|of| of.status == status).collect();
        components = components.response(format!("Problem{status}"), problem(&these));
    }
    components.response("Problem", problem(&[])).build()
}

fn problem_schema() -> Schema {
    let text = |what: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(what));
    let types = Problem::all_types().into_iter().map(|of| of.uri);
    let number =
        ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("A problem document (RFC 9457); further members depend on its type."))
        .property("type", text("The cause; stable.").enum_values(Some(types)))
        .property("title", text("The cause, for a person."))
        .property("status", number.description(Some("The status code.")))
        .property("detail", text("What happened here, and what to do."))
        .required("type")
        .required("title")
        .required("status")
        .required("detail")
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .into()
}

/// The answer for the problems of one status; of any other for none.
fn problem(types: &[&ProblemType]) -> Response {
    let mut what: Vec<String> = types.iter().map(|of| format!("`{}`: {}", of.uri, of.title)).collect();
    if what.is_empty() {
        what.push("Any other problem".to_owned());
    }
    let example = types.first().map(|of| json!({ "type": of.uri, "title": of.title, "status": of.status, "detail": "what happened, and what to do" }));
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).example(example).build();
    let response = ResponseBuilder::new()
        .description(what.join("; "))
        .content("application/problem+json", content)
        .header_ref("X-Request-ID", Ref::new("#/components/headers/X-Request-ID"));
    if types.iter().any(|of| matches!(of.status, 429 | 503)) {
        return response.header_ref("Retry-After", Ref::new("#/components/headers/Retry-After")).build();
    }
    response.build()
}

/// Closes the description where Rust types say less than the domain: the listed values of texts.
/// A place that is not there is a defect, which a test finds.
pub(super) fn close(document: &mut Value) {
    for (place, values) in enumerations() {
        if let Some(schema) =
            document.pointer_mut(&format!("/components/schemas/{place}")).and_then(Value::as_object_mut)
        {
            schema.insert("enum".to_owned(), json!(values));
        }
    }
}

#[cfg(test)]
pub(super) fn enumerated() -> Vec<&'static str> {
    enumerations().into_iter().map(|(place, _)| place).collect()
}
