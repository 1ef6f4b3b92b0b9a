//! The switch: what turning it on or off means, said before it is turned.

use super::Console;
use super::answer::{Shown, page, see_other};
use super::frame::Frame;
use super::trouble::{Trouble, refused};
use super::visit::Visit;
use crate::domain::{Entitlement, Role, StateName, Tenant, TenantChange};
use crate::manage_requests::{AccessRequestQuery, ManageError};
use crate::store::Page;
use askama::Template;
use axum::http::StatusCode;
use std::sync::Arc;

/// How many accesses that would end are counted and named.
const ENDING_MAX: u32 = 100;

#[derive(Template)]
#[template(path = "console/switch.html")]
struct SwitchPage<'a> {
    f: &'a Frame,
    version: u64,
    lockbox: bool,
    entitled: bool,
    editable: bool,
    /// Whether too few people could approve once it is on.
    nobody: bool,
    respond_within: String,
    /// The accesses of internal review alone, which turning it on ends.
    ending: Vec<String>,
    problem: Option<String>,
    /// Whether he had to sign in before it could be turned.
    kept: bool,
}

/// `GET /settings/lockbox`.
pub(super) async fn show(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?.clone();
    let kept = console.take_draft(&person.id, &visit.path, visit.now).await?.is_some();
    shown(&console, &visit, None, kept, StatusCode::OK).await
}

async fn shown(console: &Console, visit: &Visit, problem: Option<String>, kept: bool, status: StatusCode) -> Shown {
    let person = visit.person()?;
    let Some(id) = &person.tenant else { return Err(Trouble::NotFound) };
    let tenant = console.manage().tenant(person, id).await?;
    let ending = if tenant.lockbox { Vec::new() } else { ending(console, visit).await? };
    let frame = visit.frame(visit.words().say("switch"));
    let on = Tenant { lockbox: true, ..tenant.clone() };
    let template = SwitchPage {
        f: &frame,
        version: tenant.version,
        lockbox: tenant.lockbox,
        entitled: tenant.entitlement != Entitlement::None,
        editable: person.is_of(&tenant.id, Role::TenantAdmin),
        nobody: on.nobody_can_approve(),
        respond_within: frame.words.duration(tenant.respond_within(console.manage().defaults())),
        ending,
        problem,
        kept,
    };
    page(&frame, status, &template)
}

/// The accesses that nobody of the customer approved.
async fn ending(console: &Console, visit: &Visit) -> Result<Vec<String>, Trouble> {
    let query = AccessRequestQuery { state: Some(StateName::Active), ..AccessRequestQuery::default() };
    let listed = console.manage().list(visit.person()?, query, Page { after: None, limit: ENDING_MAX }).await?;
    let internal = listed.items.iter().filter(|request| request.decided().is_none());
    Ok(internal.map(|request| request.id.to_string()).collect())
}

/// `POST /settings/lockbox`.
pub(super) async fn turn(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?;
    let on = match visit.form.get("lockbox") {
        "on" => true,
        "off" => false,
        _ => return Err(Trouble::BadForm),
    };
    let id = person.tenant.as_ref().ok_or(Trouble::Forbidden)?;
    let change = TenantChange { lockbox: Some(on), ..TenantChange::default() };
    match console.manage().change_tenant(person, id, change, Some(visit.seen_version()?)).await {
        Ok((_, revision)) => {
            // What ends has ended everywhere before it is said.
            console.manage().effective(revision).await;
            see_other(if on { "/settings?done=on" } else { "/settings?done=off" })
        }
        Err(error @ (ManageError::Setting(_) | ManageError::StaleVersion { .. })) => {
            let problem = refused(&visit.frame(String::new()), &error);
            let stale = matches!(error, ManageError::StaleVersion { .. });
            let status = if stale { StatusCode::PRECONDITION_FAILED } else { StatusCode::CONFLICT };
            shown(&console, &visit, Some(problem), false, status).await
        }
        Err(error) => Err(error.into()),
    }
}
