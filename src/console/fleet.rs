//! The operators' page about the fleet: every authority, every sidecar, who holds what, and what to do about one
//! that is lost.

use super::Console;
use super::answer::{Shown, page, see_other};
use super::frame::Frame;
use super::trouble::Trouble;
use super::visit::Visit;
use crate::domain::{Person, Role};
use crate::http::fleet::{AuthorityBody, FleetBody, SidecarBody};
use askama::Template;
use axum::http::StatusCode;
use core::time::Duration;
use std::sync::Arc;

/// How many sidecars the page shows; what is not up to date comes first.
const SHOWN_MAX: usize = 200;
/// The states, the most urgent first.
const STATES: [&str; 5] = ["behind", "silent", "removed", "unheard", "current"];

#[derive(Template)]
#[template(path = "console/fleet.html")]
struct FleetPage<'a> {
    f: &'a Frame,
    epoch: String,
    revision: String,
    authorities: Vec<AuthorityBody>,
    sidecars: Vec<SidecarBody>,
    /// How many are in each state.
    counts: Vec<(&'static str, usize)>,
    /// How many are not shown.
    more: usize,
    /// The sidecar that was taken off the list, or let in again, and which of it.
    done: Option<(&'static str, String)>,
}

impl FleetPage<'_> {
    fn ago(&self, ms: &u64) -> String {
        self.f.words.duration(Duration::from_millis(*ms))
    }

    /// Enough of a digest to tell two apart.
    fn short(&self, digest: &str) -> String {
        digest.strip_prefix("sha256:").unwrap_or(digest).chars().take(12).collect()
    }
}

fn operator(visit: &Visit) -> Result<&Person, Trouble> {
    let person = visit.person()?;
    if person.is_provider(Role::Operator) { Ok(person) } else { Err(Trouble::Forbidden) }
}

/// `GET /fleet`.
pub(super) async fn show(console: Arc<Console>, visit: Visit) -> Shown {
    operator(&visit)?;
    let status = console.api.fleet.status().await.map_err(|_| Trouble::Unavailable)?;
    let FleetBody { epoch, revision, authorities, mut sidecars } = FleetBody::of(status);
    let urgency = |sidecar: &SidecarBody| STATES.iter().position(|state| *state == sidecar.state);
    sidecars.sort_by_key(urgency);
    let count = |state: &'static str| (state, sidecars.iter().filter(|sidecar| sidecar.state == state).count());
    let counts = STATES.map(count).into_iter().filter(|(_, count)| *count > 0).collect();
    let more = sidecars.len().saturating_sub(SHOWN_MAX);
    sidecars.truncate(SHOWN_MAX);
    let done = ["removed", "admitted"].into_iter().find_map(|what| {
        let name = visit.query.get(what);
        (!name.is_empty()).then(|| (what, name.to_owned()))
    });
    let frame = visit.frame(visit.words().say("fleet"));
    let (epoch, revision) = (epoch.to_string(), revision.to_string());
    let template = FleetPage { f: &frame, epoch, revision, authorities, sidecars, counts, more, done };
    page(&frame, StatusCode::OK, &template)
}

/// `POST /fleet/{name}/remove`.
pub(super) async fn remove(console: Arc<Console>, visit: Visit) -> Shown {
    let person = operator(&visit)?;
    let name = visit.param("name");
    let removed = console.api.fleet.remove(name, &person.id).await.map_err(|_| Trouble::Unavailable)?;
    removed.ok_or(Trouble::NotFound)?;
    see_other(&format!("/fleet?removed={name}"))
}

/// `POST /fleet/{name}/admit`.
pub(super) async fn admit(console: Arc<Console>, visit: Visit) -> Shown {
    operator(&visit)?;
    let name = visit.param("name");
    if !console.api.fleet.admit_again(name).await.map_err(|_| Trouble::Unavailable)? {
        return Err(Trouble::NotFound);
    }
    see_other(&format!("/fleet?admitted={name}"))
}
