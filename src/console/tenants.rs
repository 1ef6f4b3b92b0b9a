//! The provider's view of tenants: all of them, one of them, and what an operator enters as bought.

use super::Console;
use super::answer::{Shown, page, see_other};
use super::frame::Frame;
use super::settings::{self, Returned};
use super::trouble::{Trouble, refused};
use super::visit::{Visit, is_customer};
use crate::domain::{Entitlement, Tenant, TenantChange, TenantId};
use crate::manage_requests::ManageError;
use crate::store::Page;
use askama::Template;
use axum::http::StatusCode;
use std::sync::Arc;

/// How many tenants a page has.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "console/tenants.html")]
struct TenantsPage<'a> {
    f: &'a Frame,
    tenants: Vec<Tenant>,
    next: Option<String>,
}

/// `GET /tenants`.
pub(super) async fn all(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?;
    if is_customer(person) {
        return see_other("/settings");
    }
    let after = TenantId::parse(visit.query.get("cursor")).ok();
    let listed = console.manage().tenants(person, Page { after, limit: PAGE }).await?;
    let frame = visit.frame(visit.words().say("tenants"));
    let next = listed.next.map(|id| format!("/tenants?cursor={id}"));
    page(&frame, StatusCode::OK, &TenantsPage { f: &frame, tenants: listed.items, next })
}

/// `GET /tenants/{id}`.
pub(super) async fn show(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?;
    let tenant = console.manage().tenant(person, &tenant_id(&visit)?).await?;
    if is_customer(person) {
        return see_other("/settings");
    }
    let draft = console.take_draft(&person.id, &visit.path, visit.now).await?;
    let returned = draft.map(Returned::kept).unwrap_or_default();
    settings::shown(&console, &visit, &tenant, returned, StatusCode::OK).await
}

/// `POST /tenants/{id}/entitlement`.
pub(super) async fn entitle(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?;
    let id = tenant_id(&visit)?;
    console.manage().tenant(person, &id).await?;
    let entitlement = Entitlement::parse(visit.form.get("entitlement")).ok_or(Trouble::BadForm)?;
    let change = TenantChange { entitlement: Some(entitlement), ..TenantChange::default() };
    match console.manage().change_tenant(person, &id, change, Some(visit.seen_version()?)).await {
        Ok((_, revision)) => {
            console.api.delivered(revision).await;
            see_other(&format!("/tenants/{id}?done=entitlement"))
        }
        Err(error @ (ManageError::Setting(_) | ManageError::StaleVersion { .. })) => {
            let frame = visit.frame(String::new());
            let (problem, status) = match &error {
                ManageError::Setting(_) => (frame.t("entitlement-in-use"), StatusCode::CONFLICT),
                _ => (refused(&frame, &error), StatusCode::PRECONDITION_FAILED),
            };
            let tenant = console.manage().tenant(person, &id).await?;
            settings::shown(&console, &visit, &tenant, Returned::refused(visit.form.clone(), problem), status).await
        }
        Err(error) => Err(error.into()),
    }
}

fn tenant_id(visit: &Visit) -> Result<TenantId, Trouble> {
    TenantId::parse(visit.param("id")).map_err(|_| Trouble::NotFound)
}
