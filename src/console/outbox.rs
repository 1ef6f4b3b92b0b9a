//! The outbox: what was told to whom, how far it has come, and once more for what was given up. Where no mail
//! server is configured, as in a demo, the messages themselves can be read here.

use super::Console;
use super::answer::{Shown, page, see_other};
use super::frame::Frame;
use super::trouble::Trouble;
use super::visit::{Visit, has_any};
use crate::domain::{Person, Recipient, Role, Timestamp};
use crate::store::{DeliveryState, OutboxEntry, Page, StoreError};
use askama::Template;
use async_trait::async_trait;
use axum::http::StatusCode;
use std::sync::Arc;

/// How many entries a page has.
const PAGE: usize = 25;
/// How many entries are read at once to find those that were given up, and how often.
const READ_AT_ONCE: u32 = 500;
const READS_MAX: usize = 20;

/// A message as its recipient would get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
}

/// Makes the message of an entry, where messages are read on the page because they are not sent.
#[async_trait]
pub trait Messages: Send + Sync {
    /// The message, as things are now; `None` when what it is about is gone.
    async fn message(&self, entry: &OutboxEntry) -> Result<Option<Message>, StoreError>;
}

/// An entry as the page shows it.
struct Line {
    number: u64,
    kind: String,
    to: String,
    tenant: String,
    access_request: Option<String>,
    written_at: Timestamp,
    state: &'static str,
    state_said: String,
    /// How far it has come: the message that says it, and how many attempts there were.
    progress: Option<&'static str>,
    attempts: u32,
    at: Timestamp,
    error: Option<String>,
    /// Whether the reader can have it sent again.
    again: bool,
}

impl Line {
    /// `unsent` says that nothing goes out, so that there is nothing to hurry.
    fn of(entry: &OutboxEntry, f: &Frame, person: &Person, unsent: bool) -> Self {
        let (notice, delivery) = (&entry.notice, &entry.delivery);
        let runs = person.is_provider(Role::Operator) || person.is_of(&notice.tenant, Role::TenantAdmin);
        Self {
            number: entry.number,
            kind: f.t(&format!("outbox-kind-{}", notice.kind.as_str())),
            to: match &notice.to {
                Recipient::Person(id) => id.to_string(),
                Recipient::Webhook(name) => f.t1("outbox-webhook", "name", name.as_str()),
            },
            tenant: notice.tenant.to_string(),
            access_request: notice.access_request.map(|id| id.to_string()),
            written_at: notice.at,
            state: delivery.state.as_str(),
            state_said: f.t(&format!("outbox-state-{}", delivery.state.as_str())),
            progress: match (delivery.state, delivery.attempts) {
                (DeliveryState::Waiting, 0) if unsent => None,
                (state, attempts) => Some(progress(state, attempts)),
            },
            attempts: delivery.attempts,
            at: delivery.at,
            error: delivery.last_error.clone(),
            again: runs
                && match delivery.state {
                    DeliveryState::Waiting => !unsent,
                    DeliveryState::Dead => true,
                    DeliveryState::Sent | DeliveryState::Moot => false,
                },
        }
    }
}

/// The message that says how far a delivery has come.
fn progress(state: DeliveryState, attempts: u32) -> &'static str {
    match (state, attempts) {
        (DeliveryState::Waiting, 0) => "outbox-due",
        (DeliveryState::Waiting, _) => "outbox-due-again",
        (DeliveryState::Sent, _) => "outbox-sent",
        (DeliveryState::Moot, _) => "outbox-moot",
        (DeliveryState::Dead, _) => "outbox-given-up",
    }
}

#[derive(Template)]
#[template(path = "console/outbox.html")]
struct OutboxPage<'a> {
    f: &'a Frame,
    lines: Vec<Line>,
    /// Whether only what was given up is shown.
    dead: bool,
    /// Whether entries are read here, because none is sent.
    opens: bool,
    provider: bool,
    /// The entry that goes out again.
    done: Option<String>,
    next: Option<String>,
}

/// `GET /outbox`.
pub(super) async fn all(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?;
    let dead = visit.query.get("state") == DeliveryState::Dead.as_str();
    let after = visit.query.get("cursor").parse().ok();
    let (entries, next) = if dead {
        given_up(&console, person, after).await?
    } else {
        let listed = console.manage().outbox(person, Page { after, limit: u32::try_from(PAGE).unwrap_or(1) }).await?;
        (listed.items, listed.next)
    };
    let frame = visit.frame(visit.words().say("outbox"));
    let opens = visit.demo && console.messages.is_some();
    let template = OutboxPage {
        f: &frame,
        lines: entries.iter().map(|entry| Line::of(entry, &frame, person, opens)).collect(),
        dead,
        opens,
        provider: frame.provider(),
        done: visit.query.get("done").parse::<u64>().ok().map(|number| number.to_string()),
        next: next.map(|cursor| format!("/outbox?{}cursor={cursor}", if dead { "state=dead&" } else { "" })),
    };
    page(&frame, StatusCode::OK, &template)
}

/// Entries that were given up, newest first, and where to go on.
async fn given_up(
    console: &Console,
    person: &Person,
    mut after: Option<u64>,
) -> Result<(Vec<OutboxEntry>, Option<u64>), Trouble> {
    let mut found: Vec<OutboxEntry> = Vec::new();
    for _ in 0..READS_MAX {
        let listed = console.manage().outbox(person, Page { after, limit: READ_AT_ONCE }).await?;
        found.extend(listed.items.into_iter().filter(|entry| entry.delivery.state == DeliveryState::Dead));
        if found.len() > PAGE {
            found.truncate(PAGE);
            let last = found.last().map(|entry| entry.number);
            return Ok((found, last));
        }
        after = listed.next;
        if after.is_none() {
            break;
        }
    }
    Ok((found, after))
}

#[derive(Template)]
#[template(path = "console/notice.html")]
struct NoticePage<'a> {
    f: &'a Frame,
    line: Line,
    message: Option<Message>,
}

/// `GET /outbox/{number}`: in a demo only.
pub(super) async fn show(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?;
    let number = number(&visit)?;
    let messages = console.messages.as_ref().filter(|_| visit.demo).ok_or(Trouble::NotFound)?;
    let entry = found(&console, person, number).await?.ok_or(Trouble::NotFound)?;
    let message = messages.message(&entry).await?;
    let frame = visit.frame(visit.words().say_with("notice-title", &[("number", number.into())]));
    let template = NoticePage { f: &frame, line: Line::of(&entry, &frame, person, true), message };
    page(&frame, StatusCode::OK, &template)
}

/// An entry, if it is one that the person may see.
async fn found(console: &Console, person: &Person, number: u64) -> Result<Option<OutboxEntry>, Trouble> {
    let from = Page { after: Some(number.saturating_add(1)), limit: 1 };
    let listed = console.manage().outbox(person, from).await?;
    Ok(listed.items.into_iter().find(|entry| entry.number == number))
}

/// `POST /outbox/{number}/send-again`.
pub(super) async fn send_again(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?;
    let number = number(&visit)?;
    if !has_any(person, &[Role::Operator, Role::TenantAdmin]) {
        return Err(Trouble::Forbidden);
    }
    console.manage().send_again(person, number).await?;
    see_other(&format!("/outbox?done={number}"))
}

/// The number in the path, in its one spelling.
fn number(visit: &Visit) -> Result<u64, Trouble> {
    let text = visit.param("number");
    let number: Option<u64> = text.parse().ok();
    // Numbers of the store are signed.
    number.filter(|number| number.to_string() == text && i64::try_from(*number).is_ok()).ok_or(Trouble::NotFound)
}
