//! The customer's answers: approve, deny, revoke. Whatever is refused comes back with what was written.

use super::Console;
use super::answer::{Shown, see_other};
use super::choices::terms;
use super::frame::Frame;
use super::passkeys::{self, Confirmed};
use super::request::{Said, shown};
use super::trouble::{refused, status_of};
use super::visit::Visit;
use crate::domain::{AccessRequest, Command, Person, PersonId, Refusal, State, Step, Terms};
use crate::manage_requests::{ManageError, Stepped};
use crate::store::StoreError;
use axum::http::StatusCode;
use std::sync::Arc;

/// `POST /requests/{id}/look`: what approving would allow as it is chosen now. Nothing is changed; this is
/// also what Enter in a field does, so that nobody approves by it.
pub(super) async fn look(console: Arc<Console>, visit: Visit) -> Shown {
    if let Err(problem) = terms(&console, &visit).await? {
        return again(&console, &visit, problem, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let said = Said { form: visit.form.clone(), looked: true, ..Said::default() };
    shown(&console, &visit, said, StatusCode::OK).await
}

/// `POST /requests/{id}/approve`.
pub(super) async fn approve(console: Arc<Console>, visit: Visit) -> Shown {
    let terms = match terms(&console, &visit).await? {
        Ok(terms) => terms,
        Err(problem) => return again(&console, &visit, problem, StatusCode::UNPROCESSABLE_ENTITY).await,
    };
    if !passkeys::is_confirmed(&visit) {
        return stepped(&console, &visit, Command::Approve(terms), "approved").await;
    }
    match passkeys::confirmed(&console, &visit, &terms).await? {
        Ok(Confirmed { person, evidence }) => {
            taken(&console, &visit, &person, Command::Approve(terms), Some(evidence), "approved").await
        }
        Err(problem) => again(&console, &visit, problem, StatusCode::UNPROCESSABLE_ENTITY).await,
    }
}

/// `POST /requests/{id}/deny`.
pub(super) async fn deny(console: Arc<Console>, visit: Visit) -> Shown {
    stepped(&console, &visit, Command::Deny, "denied").await
}

/// `POST /requests/{id}/revoke`.
pub(super) async fn revoke(console: Arc<Console>, visit: Visit) -> Shown {
    stepped(&console, &visit, Command::Revoke, "revoked").await
}

/// Takes a step, and shows what came of it.
pub(super) async fn stepped(console: &Console, visit: &Visit, command: Command, done: &str) -> Shown {
    taken(console, visit, visit.person()?, command, None, done).await
}

async fn taken(
    console: &Console,
    visit: &Visit,
    person: &Person,
    command: Command,
    evidence: Option<String>,
    done: &str,
) -> Shown {
    let id = visit.access_request()?;
    let comment = visit.form.text("comment").map(str::to_owned);
    let ends = matches!(command, Command::Revoke | Command::Close);
    let step = Step { command, comment, seen_version: Some(visit.seen_version()?), evidence };
    let taken = console.manage().step(person, id, &step).await;
    console.api.count(step.command.act().as_str(), &taken);
    let error = match taken {
        Ok(Stepped { revision, .. }) => {
            if ends {
                console.manage().effective(revision).await;
            } else {
                console.api.delivered(revision).await;
            }
            return see_other(&format!("/requests/{id}?done={done}"));
        }
        Err(error) => error,
    };
    let looks_again = match &error {
        ManageError::Refused(refusal) => !matches!(refusal, Refusal::NotEligible(_)),
        ManageError::Store(StoreError::Conflict(_)) => true,
        _ => false,
    };
    if !looks_again {
        return Err(error.into());
    }
    let request = console.manage().get(person, id).await?;
    if has_done(&request, &person.id, &step) {
        // The same form a second time, by a double click or by going back: it is done, and was by him.
        return see_other(&format!("/requests/{id}?done={done}"));
    }
    let frame = visit.frame(String::new());
    let mut problem = refused(&frame, &error);
    if let Some(whose) = whose(&frame, &request) {
        problem = format!("{problem} {whose}");
    }
    again(console, visit, problem, status_of(&error)).await
}

/// Whether what the step would do is what this person has done already, to the letter.
fn has_done(request: &AccessRequest, person: &PersonId, step: &Step) -> bool {
    match (&step.command, &request.state) {
        (Command::Approve(terms), State::Active { decided: Some(decided), grant, .. }) => {
            let length = grant.window.expires_at.since(grant.window.starts_at);
            let Terms { duration, actions, content } = terms;
            decided.by == *person
                && decided.comment == step.comment
                && duration.is_none_or(|duration| duration == length)
                && actions.as_ref().is_none_or(|actions| *actions == grant.scope.actions)
                && content.as_ref().is_none_or(|content| *content == grant.scope.content)
        }
        (Command::Approve(terms), State::Notified { consents, .. }) => consents.iter().any(|consent| {
            consent.decided.by == *person && consent.decided.comment == step.comment && consent.terms == *terms
        }),
        (Command::Deny, State::Denied { decided, .. }) => decided.by == *person && decided.comment == step.comment,
        (Command::Revoke, State::Revoked { grant, .. }) | (Command::Close, State::Closed { grant, .. }) => {
            grant.ended.as_ref().is_some_and(|ended| ended.by.as_ref() == Some(person))
        }
        _ => false,
    }
}

/// Who has decided, and when.
fn whose(f: &Frame, request: &AccessRequest) -> Option<String> {
    let decided = request.decided()?;
    Some(f.t2("refused-decided-by", "person", decided.by.as_str(), "at", f.time(&decided.at)))
}

/// The page once more, with what was written and what is wrong.
pub(super) async fn again(console: &Console, visit: &Visit, problem: String, status: StatusCode) -> Shown {
    let said = Said { form: visit.form.clone(), problem: Some(problem), ..Said::default() };
    shown(console, visit, said, status).await
}
