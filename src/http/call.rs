//! One call, as a handler sees it: who calls (proved), path, query, body. Everything an endpoint must
//! check in the same order is checked here, before it: proof (401), right (403), size (413),
//! Content-Type (400), JSON (400).

use super::body::{BodyBounds, Media, caller_of, typed_bytes};
use super::json::Json;
use super::problem::{Cause, Problem};
use crate::domain::{AccessRequestId, Caller, CallerName, Person, Role, Timestamp, WorkloadName};
use crate::identity::Identity;
use crate::renewal::EMBEDDED;
use crate::store::LIST_MAX;
use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRequestParts as _, Query, RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use bytes::Bytes;
use serde::Serialize;
use std::sync::Arc;

/// Who may call an endpoint at all; what he may do there is judged behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anybody, without proof.
    Anyone,
    /// A workload service.
    Workload,
    /// A person.
    Person,
    /// An operator of the provider: a person whose body may be large is asked for his role before it is read.
    Operator,
    /// A sidecar; and an operator, who may look at what sidecars get.
    Sidecar,
    /// A sidecar, for what only it can say of itself.
    OnlySidecar,
}

/// What an endpoint takes as a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// None; one that comes anyway is not read.
    Nothing,
    /// JSON.
    Json,
    /// JSON, or nothing at all.
    PerhapsJson,
    /// The bytes of a bundle of policies.
    Bundle,
    /// The JSON of a renewal, which names all tenants that a sidecar is for.
    Renewal,
}

/// What all endpoints of a listener share.
pub struct Doorkeeper {
    /// Proves callers.
    pub identity: Arc<Identity>,
    /// Bounds of a body.
    pub body: BodyBounds,
}

/// Whether the caller of a command waits for its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// Until nobody can act on what was before.
    UntilEffective,
    /// He wants to know from when on that is certain.
    No,
}

/// One call that passed the door.
pub struct Call {
    caller: Option<Arc<Caller>>,
    headers: HeaderMap,
    params: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: Bytes,
}

/// What a handler gives back.
pub type Answered = Result<Response<Body>, Problem>;

impl Doorkeeper {
    /// Lets a call in, or says why not.
    ///
    /// # Errors
    /// The [`Problem`] to answer with.
    pub async fn admit(&self, who: Who, takes: Takes, request: Request) -> Result<Call, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = match who {
            Who::Anyone => None,
            Who::Workload | Who::Person | Who::Operator | Who::Sidecar | Who::OnlySidecar => {
                Some(caller_of(&parts.headers, &parts.extensions, &self.identity)?)
            }
        };
        match (who, caller.as_deref()) {
            (Who::Workload, Some(Caller::Workload { .. }))
            | (Who::Person, Some(Caller::Person(_)))
            | (Who::Sidecar | Who::OnlySidecar, Some(Caller::Sidecar { .. }))
            | (Who::Anyone, _) => {}
            (Who::Sidecar | Who::Operator, Some(Caller::Person(person))) if person.is_provider(Role::Operator) => {}
            (Who::Sidecar, _) => return Err(forbidden("only a sidecar or an operator may do this")),
            (Who::OnlySidecar, _) => return Err(forbidden("only a sidecar may do this")),
            (Who::Workload, _) => return Err(forbidden("only a workload service may ask for decisions")),
            (Who::Operator, _) => return Err(forbidden("only an operator may do this")),
            (Who::Person, _) => return Err(forbidden("only a person may do this")),
        }
        let params = RawPathParams::from_request_parts(&mut parts, &()).await.map_err(|_| Problem::not_found())?;
        let params = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let query = parsed_query(&parts.uri)?;
        let body = match takes {
            Takes::Nothing => Bytes::new(),
            Takes::PerhapsJson if body.size_hint().exact() == Some(0) => Bytes::new(),
            Takes::Json | Takes::PerhapsJson => typed_bytes(&parts.headers, body, self.body, Media::Json).await?,
            Takes::Renewal => typed_bytes(&parts.headers, body, BodyBounds::of_a_renewal(), Media::Json).await?,
            Takes::Bundle => typed_bytes(&parts.headers, body, BodyBounds::of_a_bundle(), Media::Gzip).await?,
        };
        Ok(Call { caller, headers: parts.headers, params, query, body })
    }
}

impl Call {
    /// The person who calls. The door lets only persons in where this is used.
    ///
    /// # Errors
    /// 403 otherwise.
    pub fn person(&self) -> Result<&Person, Problem> {
        match self.caller.as_deref() {
            Some(Caller::Person(person)) => Ok(person),
            _ => Err(forbidden("only a person may do this")),
        }
    }

    /// The workload service that calls, and the workload it may ask about.
    ///
    /// # Errors
    /// 403 for anybody else.
    pub fn workload(&self) -> Result<(&CallerName, &WorkloadName), Problem> {
        match self.caller.as_deref() {
            Some(Caller::Workload { name, workload }) => Ok((name, workload)),
            _ => Err(forbidden("only a workload service may ask for decisions")),
        }
    }

    /// The name of the sidecar that calls.
    ///
    /// # Errors
    /// 403 for anybody else, and for a name that is the one of the sidecar in this process.
    pub fn sidecar(&self) -> Result<&CallerName, Problem> {
        match self.caller.as_deref() {
            Some(Caller::Sidecar { name }) if name.as_str() == EMBEDDED => {
                Err(forbidden("`embedded` is the sidecar in the authority's own process: give this one another name"))
            }
            Some(Caller::Sidecar { name }) => Ok(name),
            _ => Err(forbidden("only a sidecar may do this")),
        }
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// 400 naming what is wrong.
    pub fn json(&self) -> Result<Json<'_>, Problem> {
        Ok(Json::parse(&self.body)?)
    }

    /// The body's bytes.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// A part of the path; the empty text if the route has none of that name, which no id is.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The AccessRequest in the path. What is no id is as unknown as an id that nobody has.
    ///
    /// # Errors
    /// 404.
    pub fn access_request(&self) -> Result<AccessRequestId, Problem> {
        AccessRequestId::parse(self.param("id")).map_err(|_| Problem::not_found())
    }

    /// A header as text, if there is one.
    ///
    /// # Errors
    /// 400 when it is there twice or not visible ASCII.
    pub fn header(&self, name: &'static str) -> Result<Option<&str>, Problem> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(HeaderValue::to_str);
        match (value, values.next()) {
            (None, _) => Ok(None),
            (Some(Ok(text)), None) => Ok(Some(text)),
            _ => Err(Problem::new(Cause::MalformedRequest, format!("`{name}` must be given once, in visible ASCII"))),
        }
    }

    /// The version in `If-Match`, if it is given.
    ///
    /// # Errors
    /// 400 when it is not one of the tags that Lockbox gives.
    pub fn if_match(&self) -> Result<Option<u64>, Problem> {
        let Some(tag) = self.header("if-match")? else { return Ok(None) };
        let version = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(tag);
        version.parse().map(Some).map_err(|_| {
            Problem::new(Cause::MalformedRequest, "`If-Match` must be the ETag that was given, such as `\"3\"`")
        })
    }

    /// A query parameter, if it is given and not empty.
    ///
    /// # Errors
    /// 400 when it is given twice.
    pub fn query(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.query.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str()).filter(|value| !value.is_empty());
        if values.next().is_some() {
            return Err(Problem::new(Cause::MalformedRequest, format!("`{name}` is given twice in the query")));
        }
        Ok(value)
    }

    /// A query parameter read by `parse`.
    ///
    /// # Errors
    /// 400 with what `parse` says.
    pub fn query_as<T, E: core::fmt::Display>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        self.query(name)?.map(|text| parse(text).map_err(|error| malformed_query(name, error))).transpose()
    }

    /// Whether the caller waits until what he changes is effective. To be asked before the change: a call that is
    /// refused has changed nothing.
    ///
    /// # Errors
    /// 400 for anything but `?wait=true` and `?wait=false`.
    pub fn waits(&self) -> Result<Waits, Problem> {
        match self.query("wait")? {
            None | Some("true") => Ok(Waits::UntilEffective),
            Some("false") => Ok(Waits::No),
            Some(_) => Err(malformed_query("wait", "it is `true` or `false`")),
        }
    }

    /// Refuses query parameters that the endpoint does not know: a misspelt filter must not widen a list.
    ///
    /// # Errors
    /// 400 naming the known ones.
    pub fn refuse_unknown_query(&self, known: &[&str]) -> Result<(), Problem> {
        match self.query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => Err(malformed_query(name, format!("this endpoint knows {}", known.join(", ")))),
        }
    }

    /// The `limit` of a list: 1 to 1000, 100 if not given.
    ///
    /// # Errors
    /// 400 otherwise.
    pub fn limit(&self) -> Result<u32, Problem> {
        let limit = self.query_as("limit", |text| match text.parse::<u32>() {
            Ok(limit) if (1..=LIST_MAX).contains(&limit) => Ok(limit),
            _ => Err("must be from 1 to 1000"),
        })?;
        Ok(limit.unwrap_or(100))
    }

    /// The `since` of a list.
    ///
    /// # Errors
    /// 400 when it is no instant.
    pub fn since(&self) -> Result<Option<Timestamp>, Problem> {
        self.query_as("since", str::parse)
    }
}

fn malformed_query(name: &str, why: impl core::fmt::Display) -> Problem {
    let shown: String = name.chars().filter(char::is_ascii_graphic).take(40).collect();
    Problem::new(Cause::MalformedRequest, format!("query parameter `{shown}`: {why}"))
}

fn parsed_query(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    match Query::<Vec<(String, String)>>::try_from_uri(uri) {
        Ok(Query(pairs)) => Ok(pairs),
        Err(_) => Err(Problem::new(Cause::MalformedRequest, "the query is not percent-encoded UTF-8")),
    }
}

/// 403 with a sentence.
pub fn forbidden(why: &'static str) -> Problem {
    Problem::new(Cause::Forbidden, why)
}

/// 200 (or another success) with a JSON body.
pub fn answer(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            let mut response = Response::new(Body::from(bytes));
            *response.status_mut() = status;
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(_) => axum::response::IntoResponse::into_response(Problem::internal()),
    }
}

/// Adds the `ETag` of a version.
pub fn with_etag(mut response: Response<Body>, version: u64) -> Response<Body> {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
