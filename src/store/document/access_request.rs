//! The document of an AccessRequest, and the columns it is searched by. What a Grant shares with its
//! AccessRequest (engineer, tenant, workload, service request) is written once, so the two cannot
//! come to differ in the store.

use super::{Document, Ms, Text, paths, set, texts};
use crate::domain::{
    AccessRequest, AccessRequestId, ActionName, Approval, Authentication, Consent, ContentPath, ContentScope, Decided,
    Ended, Ending, Grant, GrantId, Justification, PersonId, ReasonCode, Review, Scope, ServiceRequest, State,
    StateName, Submission, TenantId, Terms, Timestamp, Window, WorkloadName, whole_ms,
};
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// The methods of authentication the record knows.
const METHODS: [&str; 7] = ["token", "jwt", "oidc", "mtls", "peer", "session", "demo"];

/// What the store searches AccessRequests by; always derived from the AccessRequest itself.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct Columns {
    /// The state as stored.
    pub(in crate::store) state: StateName,
    /// When the clock ends that state.
    pub(in crate::store) due_at: Option<Timestamp>,
    /// Whether the customer has been told.
    pub(in crate::store) known_to_customer: bool,
    /// Whose approval stands behind its Grant.
    pub(in crate::store) approval: Option<Approval>,
}

impl Columns {
    /// Of this AccessRequest.
    pub(in crate::store) fn of(of: &AccessRequest) -> Self {
        let due_at = match &of.state {
            State::Notified { respond_by, .. } => Some(*respond_by),
            State::Active { grant, .. } => Some(grant.window.expires_at),
            _ => None,
        };
        Self {
            state: of.state_name(),
            due_at,
            known_to_customer: of.is_known_to_customer(),
            approval: of.grant().map(|grant| grant.approval),
        }
    }
}

/// The document.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store) struct AccessRequestMirror {
    id: Text<AccessRequestId>,
    version: u64,
    engineer: Text<PersonId>,
    tenant: Text<TenantId>,
    workload: Text<WorkloadName>,
    service_request: Text<ServiceRequest>,
    reason_code: Text<ReasonCode>,
    reason_text: String,
    duration_ms: u64,
    actions: Vec<Text<ActionName>>,
    content: Vec<Text<ContentPath>>,
    submitted_at: Ms,
    state: StateMirror,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
enum StateMirror {
    Submitted {},
    Rejected { review: ReviewMirror },
    Notified { review: ReviewMirror, notified_at: Ms, respond_by: Ms, consents: Vec<ConsentMirror> },
    Denied { review: ReviewMirror, decided: DecidedMirror },
    Expired { review: ReviewMirror, at: Ms },
    Withdrawn { review: Option<ReviewMirror>, notified: bool, at: Ms },
    Active { review: ReviewMirror, decided: Option<DecidedMirror>, grant: GrantMirror },
    Closed { review: ReviewMirror, decided: Option<DecidedMirror>, grant: GrantMirror },
    Revoked { review: ReviewMirror, decided: Option<DecidedMirror>, grant: GrantMirror },
    Ended { review: ReviewMirror, decided: Option<DecidedMirror>, grant: GrantMirror },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReviewMirror {
    by: Text<PersonId>,
    at: Ms,
    comment: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecidedMirror {
    by: Text<PersonId>,
    at: Ms,
    comment: Option<String>,
    authentication: AuthenticationMirror,
}

/// How somebody proved who he is.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthenticationMirror {
    method: String,
    strength: Option<String>,
    address: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsentMirror {
    decided: DecidedMirror,
    duration_ms: Option<u64>,
    actions: Option<Vec<Text<ActionName>>>,
    content: Option<Vec<Text<ContentPath>>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantMirror {
    id: Text<GrantId>,
    actions: Vec<Text<ActionName>>,
    content: Vec<Text<ContentPath>>,
    starts_at: Ms,
    expires_at: Ms,
    approval: Text<Approval>,
    ended: Option<EndedMirror>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndedMirror {
    at: Ms,
    how: Text<Ending>,
    by: Option<Text<PersonId>>,
}

impl Document for AccessRequest {
    type Mirror = AccessRequestMirror;

    fn mirror(&self) -> AccessRequestMirror {
        AccessRequestMirror {
            id: Text(self.id),
            version: self.version,
            engineer: Text(self.engineer.clone()),
            tenant: Text(self.asked.tenant.clone()),
            workload: Text(self.asked.workload.clone()),
            service_request: Text(self.asked.service_request.clone()),
            reason_code: Text(self.asked.reason.code),
            reason_text: self.asked.reason.text.clone(),
            duration_ms: whole_ms(self.asked.duration),
            actions: texts(&self.asked.scope.actions),
            content: paths(&self.asked.scope.content),
            submitted_at: Ms(self.submitted_at),
            state: StateMirror::of(&self.state),
        }
    }

    fn parse(mirror: AccessRequestMirror) -> Result<Self, String> {
        let AccessRequestMirror { id, version, engineer, submitted_at, state, .. } = mirror;
        let asked = Submission {
            tenant: mirror.tenant.0,
            workload: mirror.workload.0,
            service_request: mirror.service_request.0,
            reason: Justification { code: mirror.reason_code.0, text: mirror.reason_text },
            duration: Duration::from_millis(mirror.duration_ms),
            scope: Scope { actions: set(mirror.actions), content: ContentScope::from_paths(set(mirror.content)) },
        };
        let bare = Self {
            id: id.0,
            version,
            engineer: engineer.0,
            asked,
            submitted_at: submitted_at.0,
            state: State::Submitted,
        };
        let state = state.state(&bare)?;
        let whole = Self { state, ..bare };
        promises(&whole)?;
        Ok(whole)
    }
}

/// What the domain promises of every AccessRequest, checked before writing and after reading.
fn promises(of: &AccessRequest) -> Result<(), &'static str> {
    let must = |holds: bool, promise| if holds { Ok(()) } else { Err(promise) };
    must(of.version >= 1, "versions count from 1")?;
    must(!of.asked.scope.actions.is_empty(), "it asks for at least one action")?;
    let reviewer = of.review().map(|review| &review.by);
    must(reviewer != Some(&of.engineer), "nobody reviews his own AccessRequest")?;
    let independent = |by: &PersonId| *by != of.engineer && Some(by) != reviewer;
    must(of.decided().is_none_or(|decided| independent(&decided.by)), "the decider is neither requester nor reviewer")?;
    if let State::Notified { notified_at, respond_by, consents, .. } = &of.state {
        must(notified_at <= respond_by, "the time to answer ends after it begins")?;
        must(consents.iter().all(|consent| independent(&consent.decided.by)), "nobody consents to his own")?;
    }
    let Some(grant) = of.grant() else { return Ok(()) };
    let by_customer = of.decided().is_some();
    must((grant.approval == Approval::Customer) == by_customer, "a customer's Grant has a customer's decision")?;
    must(grant.window.starts_at <= grant.window.expires_at, "a window ends after it begins")?;
    let length = grant.window.expires_at.since(grant.window.starts_at);
    must(length <= of.asked.duration, "a Grant is no longer than was asked")?;
    must(!grant.scope.actions.is_empty(), "a Grant has at least one action")?;
    must(grant.scope.actions.is_subset(&of.asked.scope.actions), "a Grant has no action that was not asked for")?;
    must(of.asked.scope.content.contains(&grant.scope.content), "a Grant has no content that was not asked for")?;
    let ending = match of.state_name() {
        StateName::Closed => Some(Ending::Closed),
        StateName::Revoked => Some(Ending::Revoked),
        StateName::Ended => Some(Ending::Ended),
        _ => None,
    };
    must(grant.ended.as_ref().map(|ended| ended.how) == ending, "a Grant is ended as its state says")
}

impl StateMirror {
    fn of(state: &State) -> Self {
        let review = ReviewMirror::of;
        let decided = |decided: &Option<Decided>| decided.as_ref().map(DecidedMirror::of);
        match state {
            State::Submitted => Self::Submitted {},
            State::Rejected { review: by } => Self::Rejected { review: review(by) },
            State::Notified { review: by, notified_at, respond_by, consents } => Self::Notified {
                review: review(by),
                notified_at: Ms(*notified_at),
                respond_by: Ms(*respond_by),
                consents: consents.iter().map(ConsentMirror::of).collect(),
            },
            State::Denied { review: by, decided } => {
                Self::Denied { review: review(by), decided: DecidedMirror::of(decided) }
            }
            State::Expired { review: by, at } => Self::Expired { review: review(by), at: Ms(*at) },
            State::Withdrawn { review: by, notified, at } => {
                Self::Withdrawn { review: by.as_ref().map(review), notified: *notified, at: Ms(*at) }
            }
            State::Active { review: by, decided: yes, grant } => {
                Self::Active { review: review(by), decided: decided(yes), grant: GrantMirror::of(grant) }
            }
            State::Closed { review: by, decided: yes, grant } => {
                Self::Closed { review: review(by), decided: decided(yes), grant: GrantMirror::of(grant) }
            }
            State::Revoked { review: by, decided: yes, grant } => {
                Self::Revoked { review: review(by), decided: decided(yes), grant: GrantMirror::of(grant) }
            }
            State::Ended { review: by, decided: yes, grant } => {
                Self::Ended { review: review(by), decided: decided(yes), grant: GrantMirror::of(grant) }
            }
        }
    }

    fn state(self, bare: &AccessRequest) -> Result<State, String> {
        let yes = |decided: Option<DecidedMirror>| decided.map(DecidedMirror::decided).transpose();
        Ok(match self {
            Self::Submitted {} => State::Submitted,
            Self::Rejected { review } => State::Rejected { review: review.review() },
            Self::Notified { review, notified_at, respond_by, consents } => State::Notified {
                review: review.review(),
                notified_at: notified_at.0,
                respond_by: respond_by.0,
                consents: consents.into_iter().map(ConsentMirror::consent).collect::<Result<_, _>>()?,
            },
            Self::Denied { review, decided } => State::Denied { review: review.review(), decided: decided.decided()? },
            Self::Expired { review, at } => State::Expired { review: review.review(), at: at.0 },
            Self::Withdrawn { review, notified, at } => {
                State::Withdrawn { review: review.map(ReviewMirror::review), notified, at: at.0 }
            }
            Self::Active { review, decided, grant } => {
                State::Active { review: review.review(), decided: yes(decided)?, grant: grant.grant(bare) }
            }
            Self::Closed { review, decided, grant } => {
                State::Closed { review: review.review(), decided: yes(decided)?, grant: grant.grant(bare) }
            }
            Self::Revoked { review, decided, grant } => {
                State::Revoked { review: review.review(), decided: yes(decided)?, grant: grant.grant(bare) }
            }
            Self::Ended { review, decided, grant } => {
                State::Ended { review: review.review(), decided: yes(decided)?, grant: grant.grant(bare) }
            }
        })
    }
}

impl ReviewMirror {
    fn of(review: &Review) -> Self {
        Self { by: Text(review.by.clone()), at: Ms(review.at), comment: review.comment.clone() }
    }

    fn review(self) -> Review {
        Review { by: self.by.0, at: self.at.0, comment: self.comment }
    }
}

impl DecidedMirror {
    fn of(decided: &Decided) -> Self {
        Self {
            by: Text(decided.by.clone()),
            at: Ms(decided.at),
            comment: decided.comment.clone(),
            authentication: AuthenticationMirror::of(&decided.authentication),
        }
    }

    fn decided(self) -> Result<Decided, String> {
        let authentication = self.authentication.authentication()?;
        Ok(Decided { by: self.by.0, at: self.at.0, comment: self.comment, authentication })
    }
}

impl AuthenticationMirror {
    /// The form of a proof in a document.
    pub(super) fn of(authentication: &Authentication) -> Self {
        Self {
            method: authentication.method.to_owned(),
            strength: authentication.strength.clone(),
            address: authentication.address.clone(),
        }
    }

    /// The proof of that form.
    pub(super) fn authentication(self) -> Result<Authentication, String> {
        let known = METHODS.into_iter().find(|known| *known == self.method);
        let method = known.ok_or_else(|| {
            format!("`{}` is no method of authentication that the record knows", self.method.escape_debug())
        })?;
        Ok(Authentication { method, strength: self.strength, address: self.address })
    }
}

impl ConsentMirror {
    fn of(consent: &Consent) -> Self {
        Self {
            decided: DecidedMirror::of(&consent.decided),
            duration_ms: consent.terms.duration.map(whole_ms),
            actions: consent.terms.actions.as_ref().map(texts),
            content: consent.terms.content.as_ref().map(paths),
        }
    }

    fn consent(self) -> Result<Consent, String> {
        let terms = Terms {
            duration: self.duration_ms.map(Duration::from_millis),
            actions: self.actions.map(set),
            content: self.content.map(|paths| ContentScope::from_paths(set(paths))),
        };
        Ok(Consent { decided: self.decided.decided()?, terms })
    }
}

impl GrantMirror {
    fn of(grant: &Grant) -> Self {
        Self {
            id: Text(grant.id.clone()),
            actions: texts(&grant.scope.actions),
            content: paths(&grant.scope.content),
            starts_at: Ms(grant.window.starts_at),
            expires_at: Ms(grant.window.expires_at),
            approval: Text(grant.approval),
            ended: grant.ended.as_ref().map(|ended| EndedMirror {
                at: Ms(ended.at),
                how: Text(ended.how),
                by: ended.by.clone().map(Text),
            }),
        }
    }

    fn grant(self, of: &AccessRequest) -> Grant {
        let ended = |ended: EndedMirror| Ended { at: ended.at.0, how: ended.how.0, by: ended.by.map(|by| by.0) };
        Grant {
            id: self.id.0,
            access_request: of.id,
            engineer: of.engineer.clone(),
            tenant: of.asked.tenant.clone(),
            workload: of.asked.workload.clone(),
            scope: Scope { actions: set(self.actions), content: ContentScope::from_paths(set(self.content)) },
            window: Window { starts_at: self.starts_at.0, expires_at: self.expires_at.0 },
            approval: self.approval.0,
            service_request: of.asked.service_request.clone(),
            ended: self.ended.map(ended),
        }
    }
}
