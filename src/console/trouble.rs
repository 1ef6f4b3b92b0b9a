//! What goes wrong, as a page a person can act on. Messages of the domain are for programs and in
//! English; here each becomes a sentence of the translations.

use super::answer::{Shown, page, with_cookie};
use super::frame::Frame;
use super::session::VISIT_COOKIE;
use super::visit::Visit;
use crate::clock::NoEntropy;
use crate::domain::{Refusal, TenantRefusal};
use crate::manage_requests::ManageError;
use crate::store::StoreError;
use crate::words::Arg;
use askama::Template;
use axum::http::StatusCode;

/// Why there is no page, or no change.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nobody is signed in.
    SignIn,
    /// There is none, or none for this person.
    NotFound,
    /// Not for this person.
    Forbidden,
    /// The form is not one that this page gave, or is too old.
    BadForm,
    /// The form came from another site.
    Foreign,
    /// The body is too large.
    TooLarge,
    /// What was asked for is refused.
    Refused(ManageError),
    /// The record does not answer.
    Unavailable,
    /// The record was lost while it was being changed: it was, or not.
    Unknown,
    /// A defect; told, logged, and nothing more.
    Defect(String),
}

impl From<ManageError> for Trouble {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::NotFound(_) => Self::NotFound,
            ManageError::Forbidden(_) | ManageError::Refused(Refusal::NotEligible(_)) => Self::Forbidden,
            ManageError::Store(StoreError::Unavailable(_)) | ManageError::NoPolicies(_) => Self::Unavailable,
            ManageError::Store(StoreError::Unknown(_)) => Self::Unknown,
            ManageError::Store(StoreError::Corrupt { .. }) | ManageError::Defect(_) => Self::Defect(error.to_string()),
            other => Self::Refused(other),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::from(ManageError::Store(error))
    }
}

impl From<NoEntropy> for Trouble {
    fn from(error: NoEntropy) -> Self {
        Self::Defect(error.to_string())
    }
}

#[derive(Template)]
#[template(path = "console/trouble.html")]
struct TroublePage<'a> {
    f: &'a Frame,
    what: String,
    next: String,
    /// What was sent with a form, so that it is not lost.
    written: Option<String>,
}

impl Trouble {
    fn status(&self) -> StatusCode {
        match self {
            Self::SignIn => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden | Self::Foreign => StatusCode::FORBIDDEN,
            Self::BadForm => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(error) => status_of(error),
            Self::Unavailable | Self::Unknown => StatusCode::SERVICE_UNAVAILABLE,
            Self::Defect(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn key(&self) -> &'static str {
        match self {
            Self::SignIn => "trouble-sign-in",
            Self::NotFound => "trouble-not-found",
            Self::Forbidden => "trouble-forbidden",
            Self::Foreign => "trouble-foreign",
            Self::BadForm => "trouble-form",
            Self::TooLarge => "trouble-too-large",
            Self::Refused(_) => "trouble-refused",
            Self::Unavailable => "trouble-unavailable",
            Self::Unknown => "trouble-unknown",
            Self::Defect(_) => "trouble-defect",
        }
    }

    /// The page that says so.
    pub(super) fn shown(&self, visit: &Visit) -> Shown {
        if let Self::Defect(why) = self {
            tracing::error!(why, path = visit.path, "a page failed");
        }
        let words = visit.words();
        let key = self.key();
        let frame = visit.frame(words.say(key));
        let what = match self {
            Self::Refused(error) => refused(&frame, error),
            _ => frame.sided(&format!("{key}-what")),
        };
        let next = frame.sided(&format!("{key}-next"));
        let written = visit.form.text("comment").map(str::to_owned);
        let response = page(&frame, self.status(), &TroublePage { f: &frame, what, next, written })?;
        Ok(match &visit.new_cookie {
            Some(cookie) => with_cookie(response, &cookie_of(VISIT_COOKIE, cookie)),
            None => response,
        })
    }
}

/// A cookie as it is set: for this host, over protected connections, never for scripts, never cross-site.
pub(super) fn cookie_of(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict")
}

/// The status of a refusal.
pub(super) fn status_of(error: &ManageError) -> StatusCode {
    match error {
        ManageError::Refused(Refusal::IllegalStep { .. } | Refusal::AlreadyApproved(_)) => StatusCode::CONFLICT,
        ManageError::Setting(TenantRefusal::NotEntitled(_)) | ManageError::Store(StoreError::Conflict(_)) => {
            StatusCode::CONFLICT
        }
        ManageError::Refused(Refusal::StaleVersion { .. }) | ManageError::StaleVersion { .. } => {
            StatusCode::PRECONDITION_FAILED
        }
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// A refusal in a sentence.
pub(super) fn refused(f: &Frame, error: &ManageError) -> String {
    match error {
        ManageError::Refused(refusal) => match refusal {
            Refusal::IllegalStep { state, .. } => f.t1("refused-step", "state", f.state(state)),
            Refusal::StaleVersion { .. } => f.t("refused-stale"),
            Refusal::NotEligible(_) => f.t("trouble-forbidden-what"),
            Refusal::AlreadyApproved(_) => f.t("refused-already-approved"),
            Refusal::Wider(_) => f.t("refused-wider"),
            Refusal::Duration { longest, .. } => f.t1("refused-duration", "longest", f.words.duration(*longest)),
            Refusal::Size { what, max, .. } => {
                let field = f.words.find(&format!("field-{}", what.replace('.', "-")), &[]);
                let field = field.unwrap_or_else(|| (*what).to_owned());
                f.t2("refused-size", "field", field, "max", *max)
            }
        },
        ManageError::Setting(refusal) => match refusal {
            TenantRefusal::NotEntitled(_) => f.t("refused-not-entitled"),
            TenantRefusal::Wider { .. } => f.t("refused-limit"),
            TenantRefusal::Quorum { approvers } => f.t1("refused-quorum", "approvers", *approvers),
            TenantRefusal::TooMany(_) | TenantRefusal::TooManyWebhooks => f.t("refused-too-many"),
            TenantRefusal::Webhook { name, .. } => f.t1("refused-webhook", "name", Arg::from(name.as_str())),
        },
        ManageError::StaleVersion { .. } | ManageError::Store(StoreError::Conflict(_)) => f.t("refused-stale"),
        ManageError::NotInSchema { name, .. } => f.t1("refused-not-in-schema", "name", name),
        ManageError::UnknownTimeZone(name) => f.t1("refused-time-zone", "name", Arg::from(name)),
        ManageError::KeyReused => f.t("refused-stale"),
        ManageError::NotFound(_) | ManageError::Forbidden(_) => f.t("trouble-forbidden-what"),
        // No page pushes policies.
        ManageError::Bundle(_) | ManageError::NoPolicies(_) | ManageError::Store(_) | ManageError::Defect(_) => {
            f.t("trouble-unavailable-what")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Language;
    use crate::words::Words;

    #[test]
    fn of_a_commit_whose_outcome_is_not_known_no_page_says_that_nothing_was_changed() {
        let (unknown, away) = (StoreError::Unknown("x".into()), StoreError::Unavailable("x".into()));
        let (unknown, away) = (Trouble::from(unknown), Trouble::from(away));
        assert_eq!(
            (unknown.status(), away.status()),
            (StatusCode::SERVICE_UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE)
        );
        for (language, unchanged) in Language::ALL.into_iter().zip(["Nothing was changed", "Semmi sem változott"]) {
            let said = |trouble: &Trouble| {
                let text = |part| Words::of(language).say(&format!("{}{part}", trouble.key()));
                ["", "-what", "-next"].map(text).join(" ")
            };
            assert!(!said(&unknown).contains(unchanged), "{}", said(&unknown));
            assert!(said(&away).contains(unchanged), "{}", said(&away));
        }
    }
}
