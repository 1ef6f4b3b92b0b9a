//! One record, as far as it is shown and chosen by: read leniently, so that a record of another version
//! is shown too.

use super::super::lines::plain;
use crate::domain::{TimeError, Timestamp};
use serde::Deserialize;
use std::borrow::Cow;

/// What is shown of a record.
#[derive(Debug, Deserialize)]
pub(super) struct Entry<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    at: Cow<'a, str>,
    #[serde(borrow)]
    decision: Cow<'a, str>,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    #[serde(default)]
    grant: Option<Cow<'a, str>>,
    #[serde(default)]
    access_request: Option<Cow<'a, str>>,
    /// What was asked, or what was stated where that is no question.
    #[serde(borrow, alias = "stated")]
    question: Names<'a>,
}

#[derive(Debug, Deserialize)]
struct Names<'a> {
    #[serde(borrow)]
    engineer: Cow<'a, str>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    tenant: Cow<'a, str>,
    #[serde(borrow)]
    workload: Cow<'a, str>,
    #[serde(default)]
    content: Option<Cow<'a, str>>,
}

/// Which records; all that is given must hold.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Filter {
    /// Only what was decided at or after this instant (RFC 3339, UTC).
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    since: Option<Timestamp>,
    /// Only what was decided before this instant (RFC 3339, UTC).
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    until: Option<Timestamp>,
    /// Only of this tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// Only of this workload.
    #[arg(long)]
    workload: Option<String>,
    /// Only of this engineer.
    #[arg(long)]
    engineer: Option<String>,
    /// Only `allow` or `deny`.
    #[arg(long, value_parser = ["allow", "deny"])]
    decision: Option<String>,
    /// Only for this reason, such as `policy_denied`.
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(crate::domain::Reason::ALL.map(crate::domain::Reason::as_str)))]
    reason: Option<String>,
    /// Only under this AccessRequest, such as LBX-1001.
    #[arg(long, value_name = "ID")]
    access_request: Option<String>,
}

fn instant(text: &str) -> Result<Timestamp, TimeError> {
    text.parse()
}

impl<'a> Entry<'a> {
    pub(super) fn parse(payload: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(payload)
    }

    pub(super) fn allows(&self) -> bool {
        self.decision == "allow"
    }

    /// Time, decision, reason, engineer, action, resource, Grant, id.
    pub(super) fn cells(&self) -> Vec<String> {
        let Names { engineer, action, tenant, workload, content } = &self.question;
        let content = content.as_ref().map(|content| format!("/{content}")).unwrap_or_default();
        let resource = format!("{tenant}/{workload}{content}");
        let under = self.access_request.as_deref().or(self.grant.as_deref()).unwrap_or("-");
        [&self.at, &self.decision, &self.reason, engineer, action, resource.as_str(), under, &self.id].map(plain).into()
    }
}

impl Filter {
    /// Whether every record is wanted.
    pub(super) fn takes_all(&self) -> bool {
        let Self { since, until, tenant, workload, engineer, decision, reason, access_request } = self;
        let texts = [tenant, workload, engineer, decision, reason, access_request];
        since.is_none() && until.is_none() && texts.iter().all(|text| text.is_none())
    }

    /// Whether this record is wanted.
    ///
    /// # Errors
    /// When its time is none.
    pub(super) fn takes(&self, entry: &Entry<'_>) -> Result<bool, TimeError> {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        let within = if self.since.is_some() || self.until.is_some() {
            let at: Timestamp = entry.at.parse()?;
            self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
        } else {
            true
        };
        Ok(within
            && is(&self.tenant, &entry.question.tenant)
            && is(&self.workload, &entry.question.workload)
            && is(&self.engineer, &entry.question.engineer)
            && is(&self.decision, &entry.decision)
            && is(&self.reason, &entry.reason)
            && is(&self.access_request, entry.access_request.as_deref().unwrap_or_default()))
    }
}
