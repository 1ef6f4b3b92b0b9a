//! `POST /v1/policies/reload`: an operator asks for the policy files to be read anew, now. A set that
//! does not load changes nothing: the answer says what is wrong with it, and the last good one stays.

use super::call::{Answered, Call, answer, forbidden};
use super::problem::{Cause, Problem};
use super::router::SidecarApi;
use crate::clock::Boot;
use crate::domain::Role;
use crate::policy::{LoadError, Reloaded};
use axum::http::StatusCode;
use serde::Serialize;
use std::sync::Arc;

/// What became of a reload.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PolicyReload {
    /// The digest of the policies in use now.
    policy_revision: String,
    /// Whether they are others than before.
    changed: bool,
}

/// Reads the policy files anew.
pub(super) async fn policies(api: Arc<SidecarApi>, call: Call) -> Answered {
    if !call.person()?.is_provider(Role::Operator) {
        return Err(forbidden("only an operator may reload policies"));
    }
    let (policies, clock) = (Arc::clone(&api.policies), Arc::clone(&api.clock));
    // Reads files and compiles: on a thread that may wait for a disk.
    let reloading = tokio::task::spawn_blocking(move || {
        let reloaded = policies.reload(clock.boot().since(Boot::default()));
        (reloaded, policies.status().digest)
    });
    let Ok((reloaded, in_use)) = reloading.await else { return Err(Problem::internal()) };
    let body = match reloaded {
        Reloaded::Unchanged => PolicyReload { policy_revision: in_use, changed: false },
        Reloaded::Swapped { digest } => PolicyReload { policy_revision: digest, changed: true },
        Reloaded::Changing => {
            let why = "the policy files change while they are read; ask again when they are all there";
            return Err(Problem::new(Cause::Conflict, why));
        }
        Reloaded::Failed(error) => return Err(refused(&error, &in_use)),
    };
    tracing::info!(policy_revision = body.policy_revision, changed = body.changed, "policies were reloaded by hand");
    Ok(answer(StatusCode::OK, &body))
}

fn refused(error: &LoadError, in_use: &str) -> Problem {
    let findings = serde_json::to_value(&error.findings).unwrap_or_default();
    let why = "the policy files cannot be used; what was in use stays until the grace is over";
    Problem::new(Cause::Unprocessable, why).with("findings", findings).with("policy_revision", in_use)
}
