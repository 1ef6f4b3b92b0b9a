//! The router: one table a listener, one row an endpoint: method, path, who may call, what it takes,
//! what it is for. The table is what OpenAPI is generated from and what the tests walk: an endpoint
//! that is not in it does not exist.

use super::access_requests as requests;
use super::authzen::AuthzenSettings;
use super::call::{Answered, Call, Doorkeeper, Takes, Waits, Who};
use super::problem::{Cause, Problem};
use super::{ask, authzen, bundle, fleet, openapi, reload, settings, told};
use crate::accesses::{History, Intake};
use crate::clock::{AuthorityTime, Clock};
use crate::domain::Timestamp;
use crate::evaluate_access::EvaluateAccess;
use crate::manage_requests::{ManageError, ManageRequests};
use crate::policy::PolicyHandle;
use crate::renewal::Fleet;
use crate::store::Revision;
use crate::telemetry::{LifecycleOutcome, Metrics};
use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse as _;
use axum::routing::{MethodFilter, on};
use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

/// How long an approval waits to be known everywhere before it is answered anyway.
const DELIVERY_MAX: core::time::Duration = core::time::Duration::from_millis(500);

/// What the authority's endpoints work with.
pub struct AuthorityApi {
    /// The lifecycle.
    pub manage: ManageRequests,
    /// The sidecars and the other authorities.
    pub fleet: Arc<Fleet>,
    /// The authority's time.
    pub time: Arc<AuthorityTime>,
    /// The policies, whose bundle is handed out.
    pub policies: Arc<PolicyHandle>,
    /// What was decided under an AccessRequest.
    pub history: History,
    /// Takes what sidecars tell of that.
    pub intake: Arc<Intake>,
    /// Where commands are counted.
    pub metrics: Arc<Metrics>,
    /// The public keys that webhooks are signed with, as a JWK set; an empty one where none are called.
    pub webhook_keys: String,
}

/// What the sidecar's endpoints work with.
pub struct SidecarApi {
    /// The data path.
    pub evaluate: EvaluateAccess,
    /// AuthZEN's settings.
    pub authzen: AuthzenSettings,
    /// The policies, to be reloaded by hand.
    pub policies: Arc<PolicyHandle>,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
}

pub(super) type Handler<S> = fn(Arc<S>, Call) -> Pin<Box<dyn Future<Output = Answered> + Send>>;

/// One endpoint.
pub struct Row<S> {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// Who may call it at all.
    pub who: Who,
    /// What it takes as a body.
    pub takes: Takes,
    /// What it is for, in a sentence.
    pub summary: &'static str,
    /// The path of its handler, which names the operation.
    pub handled_by: &'static str,
    /// The name of the schema of its body; empty if it takes none.
    pub asks: &'static str,
    /// The status and the name of the schema of its answer; empty for none.
    pub answers: (u16, &'static str),
    pub(super) handler: Handler<S>,
}

macro_rules! rows {
    ($($method:ident $path:literal $who:ident $takes:ident ($asks:literal) -> $status:literal $answer:literal, $handler:path, $summary:literal;)+) => {
        vec![$($crate::http::router::Row {
            method: stringify!($method),
            path: $path,
            who: $crate::http::call::Who::$who,
            takes: $crate::http::call::Takes::$takes,
            summary: $summary,
            handled_by: stringify!($handler),
            asks: $asks,
            answers: ($status, $answer),
            handler: |api, call| Box::pin($handler(api, call)),
        },)+]
    };
}

pub(super) use rows;

/// The endpoints of the sidecar's listener.
pub fn sidecar_table() -> Vec<Row<SidecarApi>> {
    rows! {
        POST "/v1/authorize" Workload Json ("Question") -> 200 "DecisionBody", ask::authorize, "Ask whether an engineer may touch content now";
        POST "/access/v1/evaluation" Workload Json ("AuthzenEvaluation") -> 200 "DecisionDocument", authzen::evaluation, "AuthZEN Access Evaluation";
        POST "/access/v1/evaluations" Workload Json ("AuthzenEvaluations") -> 200 "DecisionDocuments", authzen::evaluations, "AuthZEN Access Evaluations";
        GET "/.well-known/authzen-configuration" Anyone Nothing ("") -> 200 "Metadata", authzen::metadata, "AuthZEN metadata";
        POST "/v1/policies/reload" Person Nothing ("") -> 200 "PolicyReload", reload::policies, "Read the policy files anew, and use them if they are good";
        GET "/openapi.json" Anyone Nothing ("") -> 200 "", openapi::serve_sidecar, "This description";
    }
}

/// The endpoints of the authority's listener.
pub fn authority_table() -> Vec<Row<AuthorityApi>> {
    rows! {
        POST "/v1/access-requests" Person Json ("Submission") -> 201 "AccessRequestBody", requests::submit, "Ask for access";
        GET "/v1/access-requests" Person Nothing ("") -> 200 "AccessRequestList", requests::list, "List the AccessRequests that concern the caller, newest first";
        GET "/v1/access-requests/{id}" Person Nothing ("") -> 200 "AccessRequestBody", requests::show, "Show one AccessRequest";
        GET "/v1/access-requests/{id}/events" Person Nothing ("") -> 200 "EventList", requests::events, "Show its history, oldest first";
        GET "/v1/access-requests/{id}/accesses" Person Nothing ("") -> 200 "AccessList", requests::accesses, "Show what was decided under it";
        POST "/v1/access-requests/{id}/review" Person Json ("ReviewStep") -> 200 "AccessRequestBody", requests::review, "Review it before the customer sees it";
        POST "/v1/access-requests/{id}/approve" Person Json ("ApproveStep") -> 200 "AccessRequestBody", requests::approve, "Approve it for the customer, perhaps narrowed";
        POST "/v1/access-requests/{id}/deny" Person PerhapsJson ("CommentStep") -> 200 "AccessRequestBody", requests::deny, "Deny it for the customer";
        POST "/v1/access-requests/{id}/withdraw" Person PerhapsJson ("CommentStep") -> 200 "AccessRequestBody", requests::withdraw, "Take it back before it is decided";
        POST "/v1/access-requests/{id}/close" Person PerhapsJson ("CommentStep") -> 200 "AccessRequestBody", requests::close, "End the access: the problem is fixed";
        POST "/v1/access-requests/{id}/revoke" Person PerhapsJson ("CommentStep") -> 200 "AccessRequestBody", requests::revoke, "End the access: the customer wants it back";
        GET "/v1/tenants" Person Nothing ("") -> 200 "TenantList", settings::tenants, "List tenants";
        GET "/v1/tenants/{id}" Person Nothing ("") -> 200 "TenantBody", settings::tenant, "Show a tenant's settings";
        GET "/v1/tenants/{id}/events" Person Nothing ("") -> 200 "EventList", settings::tenant_events, "Show the history of a tenant's settings";
        PUT "/v1/tenants/{id}" Person Json ("TenantSettings") -> 201 "TenantBody", settings::add_tenant, "Add a tenant";
        PATCH "/v1/tenants/{id}" Person Json ("TenantSettings") -> 200 "TenantBody", settings::change_tenant, "Change a tenant's settings";
        GET "/v1/engineers" Person Nothing ("") -> 200 "EngineerList", settings::engineers, "List the engineer directory";
        GET "/v1/engineers/{id}" Person Nothing ("") -> 200 "EngineerBody", settings::engineer, "Show an engineer";
        PUT "/v1/engineers/{id}" Person Json ("EngineerFacts") -> 200 "EngineerBody", settings::put_engineer, "Add an engineer or replace what is known of him";
        DELETE "/v1/engineers/{id}" Person Nothing ("") -> 204 "", settings::remove_engineer, "Remove an engineer; he is allowed nothing from then on";
        GET "/v1/outbox" Person Nothing ("") -> 200 "NoticeList", settings::outbox, "List the notices and how far each has come, newest first";
        POST "/v1/outbox/{number}/send-again" Person Nothing ("") -> 200 "NoticeBody", settings::send_again, "Send a notice again that was given up";
        POST "/v1/renew" OnlySidecar Renewal ("Renewal") -> 200 "", fleet::renew, "Renew a sidecar's lease, and learn what has changed";
        POST "/v1/accesses" OnlySidecar Json ("AccessesTold") -> 200 "TakenBody", told::take, "Tell of the Decisions that concern AccessRequests";
        GET "/v1/fleet" Person Nothing ("") -> 200 "FleetBody", fleet::status, "Show every authority and every sidecar";
        DELETE "/v1/fleet/sidecars/{name}" Person Nothing ("") -> 200 "RemovedBody", fleet::remove, "Take a sidecar that is lost off the list: it gets no lease any more";
        POST "/v1/fleet/sidecars/{name}/admit" Person Nothing ("") -> 204 "", fleet::admit, "Let a sidecar in again";
        GET "/v1/policies/bundle" Sidecar Nothing ("") -> 200 "", bundle::policies, "Fetch the signed bundle of policies in use";
        PUT "/v1/policies/bundle" Operator Bundle ("") -> 200 "PushedBody", bundle::push, "Push a signed bundle of policies to the whole fleet";
        GET "/.well-known/lockbox-webhook-keys" Anyone Nothing ("") -> 200 "", settings::webhook_keys, "The public keys that webhooks are signed with";
        GET "/openapi.json" Anyone Nothing ("") -> 200 "", openapi::serve_authority, "This description";
    }
}

impl AuthorityApi {
    /// The authority's time.
    pub fn now(&self) -> Timestamp {
        self.time.now()
    }

    /// Counts a command and how it ended.
    pub(crate) fn count<T>(&self, act: &'static str, ended: &Result<T, ManageError>) {
        let outcome = match ended {
            Ok(_) => LifecycleOutcome::Done,
            Err(ManageError::Store(_) | ManageError::Defect(_) | ManageError::NoPolicies(_)) => {
                LifecycleOutcome::Failed
            }
            Err(_) => LifecycleOutcome::Refused,
        };
        self.metrics.commanded(act, outcome);
    }

    /// Waits a little for the sidecars to learn of a change that opens something, so that who gives
    /// access and asks next finds it given. Nothing rests on it.
    pub(crate) async fn delivered(&self, revision: Revision) {
        let _late_is_no_harm = tokio::time::timeout(DELIVERY_MAX, self.manage.effective(revision)).await;
    }

    /// Waits until a change that is committed is effective everywhere, unless the caller does not want to. Gives
    /// `effective` and `effective_at`.
    pub(super) async fn effect(&self, waits: Waits, revision: Revision) -> (Option<bool>, Option<String>) {
        match waits {
            Waits::UntilEffective => {
                self.manage.effective(revision).await;
                (Some(true), Some(self.time.now().to_string()))
            }
            Waits::No => (Some(false), Some(self.fleet.certainly_effective_at().await.to_string())),
        }
    }
}

/// The axum router of a table.
pub fn mount<S: Send + Sync + 'static>(
    table: Vec<Row<S>>,
    api: &Arc<S>,
    door: &Arc<Doorkeeper>,
    clock: &Arc<dyn Clock>,
    metrics: &Metrics,
) -> Router {
    let mut router = Router::new();
    for row in table {
        let Some(filter) = filter(row.method) else { continue };
        let (api, door, clock) = (Arc::clone(api), Arc::clone(door), Arc::clone(clock));
        let counted = metrics.route(row.method, row.path);
        let (who, takes, handler) = (row.who, row.takes, row.handler);
        let endpoint = move |request: Request| {
            let (api, door, clock, counted) =
                (Arc::clone(&api), Arc::clone(&door), Arc::clone(&clock), counted.clone());
            async move {
                let began = clock.boot();
                let answered = match door.admit(who, takes, request).await {
                    Ok(call) => handler(api, call).await,
                    Err(problem) => Err(problem),
                };
                let response = answered.unwrap_or_else(axum::response::IntoResponse::into_response);
                counted.answered(response.status().as_u16(), clock.boot().since(began));
                response
            }
        };
        router = router.route(row.path, on(filter, endpoint));
    }
    router.fallback(|| async { Problem::not_found().into_response() }).method_not_allowed_fallback(|| async {
        Problem::new(Cause::MethodNotAllowed, "the path is there, but not with this method").into_response()
    })
}

fn filter(method: &str) -> Option<MethodFilter> {
    Some(match method {
        "GET" => MethodFilter::GET,
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "PATCH" => MethodFilter::PATCH,
        "DELETE" => MethodFilter::DELETE,
        _ => return None,
    })
}
