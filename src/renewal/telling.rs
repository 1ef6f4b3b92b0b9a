//! The way that accesses take to authorities elsewhere: one is told, and when it does not answer the next one. They share
//! the record, so it does not matter which one is told, or whether two are. Its connections are its own: a long telling
//! never delays a renewal.

use super::link::Link;
use super::protocol::RenewError;
use super::remote::RemoteSettings;
use super::ways::{Ways, nobody};
use crate::accesses::{Entry, Taken, Tell, TellError, said};
use async_trait::async_trait;
use core::time::Duration;
use hyper::StatusCode;
use serde::Deserialize;

/// Where accesses are told.
const PATH: &str = "/v1/accesses";
/// How long one authority may take over a telling.
const ATTEMPT_MAX: Duration = Duration::from_secs(10);

/// What an authority answers.
#[derive(Deserialize)]
struct Answer {
    stored: u64,
    known: u64,
    dropped: u64,
}

/// See the module.
pub struct Telling {
    ways: Ways,
}

impl Telling {
    /// The way to these authorities; nothing is connected yet. Which one is told first follows from `chance`.
    ///
    /// # Errors
    /// [`RenewError::Unreachable`] for an address that is none, or none at all.
    pub fn new(settings: RemoteSettings, chance: u64) -> Result<Self, RenewError> {
        Ok(Self { ways: Ways::new(settings, ATTEMPT_MAX, chance)? })
    }
}

/// What an answer means. Only what is said of the document itself is for good; whatever else is wrong may be mended,
/// such as a proof that has run out, or an authority that is older than its sidecars.
fn meant(link: &Link, status: StatusCode, body: &[u8]) -> Result<Taken, TellError> {
    match status {
        StatusCode::OK => {
            let answer: Result<Answer, _> = serde_json::from_slice(body);
            let Answer { stored, known, dropped } = answer.map_err(|error| {
                TellError::Later(format!("the answer of {} cannot be read: {error}", link.address()))
            })?;
            Ok(Taken { stored, known, dropped })
        }
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
            Err(TellError::Never(link.refusal(status, body)))
        }
        _ => Err(TellError::Later(link.refusal(status, body))),
    }
}

#[async_trait]
impl Tell for Telling {
    async fn tell(&self, entries: &[Entry]) -> Result<Taken, TellError> {
        let mut failure = None;
        for (place, link) in self.ways.in_order() {
            let answered = match link.send(PATH, said(entries)).await {
                Ok((status, body)) => meant(link, status, &body),
                Err(error) => Err(TellError::Later(error.to_string())),
            };
            match answered {
                Err(TellError::Later(why)) => {
                    failure.get_or_insert(why);
                }
                definite => {
                    self.ways.answered(place);
                    return definite;
                }
            }
        }
        Err(TellError::Later(failure.unwrap_or_else(|| nobody().to_string())))
    }
}
