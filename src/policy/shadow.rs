//! Shadow policies: a second set, asked beside the first, whose answers are compared and never given.
//!
//! Invariant: nothing of a shadow reaches an answer. What comes out of here is plain data: the shadow's
//! permit, had it one, ends in [`ShadowPolicies::compare`].
//! Invariant: no fault of a shadow (missing, invalid, erring, panicking) changes or delays more than
//! the count of faults.

use super::finding::LoadError;
use super::load::PolicySet;
use super::origin::Origin;
use super::watch::{PolicyHandle, Reloaded};
use super::{Facts, Judged, Now, judge};
use crate::domain::{Evaluation, Reason, Timestamp};
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// How long the last good shadow set stays, whatever becomes of its files: for ever, it decides nothing.
const GRACE: Duration = Duration::from_secs(u64::MAX / 2);

/// How the shadow's answer differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShadowOutcome {
    /// Verdict and reason are the same.
    Same,
    /// Denied, and the shadow would allow.
    NewlyAllowed,
    /// Allowed, and the shadow would deny.
    NewlyDenied,
    /// The same verdict for another reason.
    ReasonChanged,
    /// The shadow has no set, or failed on the question.
    Error,
}

impl ShadowOutcome {
    /// Every outcome, in the order of [`ShadowOutcome::index`].
    pub const ALL: [Self; 5] = [Self::Same, Self::NewlyAllowed, Self::NewlyDenied, Self::ReasonChanged, Self::Error];

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::NewlyAllowed => "newly_allowed",
            Self::NewlyDenied => "newly_denied",
            Self::ReasonChanged => "reason_changed",
            Self::Error => "error",
        }
    }

    /// Its place in [`ShadowOutcome::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// What the shadow says to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowVerdict {
    /// Its policy revision.
    pub revision: String,
    /// Whether it would allow.
    pub allowed: bool,
    /// For which reason.
    pub reason: Reason,
    /// By which policies.
    pub policies: Vec<String>,
}

/// The comparison of one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadowed {
    /// How it differs.
    pub outcome: ShadowOutcome,
    /// What the shadow says; `None` where it has nothing to say.
    pub verdict: Option<ShadowVerdict>,
    /// The next instant at which time alone may change what it says; `None`: never.
    pub boundary: Option<Timestamp>,
}

/// How the shadow stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowStatus {
    /// The revision it compares with; `None` while it has none.
    pub digest: Option<String>,
    /// Why its files cannot be used.
    pub error: Option<Arc<LoadError>>,
}

/// The shadow set. It may be missing, also at the start.
#[derive(Debug)]
pub struct ShadowPolicies {
    origin: Origin,
    handle: OnceLock<PolicyHandle>,
    /// What could not be loaded yet: the digest, if it could be read, and why.
    refused: Mutex<Option<(Option<String>, Arc<LoadError>)>>,
}

impl ShadowPolicies {
    /// The set in or around a directory, or in a bundle, whoever signed it. Loads nothing yet.
    pub fn at(path: PathBuf) -> Self {
        Self { origin: Origin::Anybodys(path), handle: OnceLock::new(), refused: Mutex::new(None) }
    }

    /// Compares the files with the set, as [`PolicyHandle::poll`] does.
    pub fn poll(&self, boot: Duration) -> Reloaded {
        if let Some(handle) = self.handle.get() {
            return handle.poll(boot);
        }
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = self.origin.read().map(|found| found.sources.digest()).ok();
        if let Some((Some(known), error)) = refused.as_ref()
            && Some(known) == digest.as_ref()
        {
            return Reloaded::Failed(Arc::clone(error));
        }
        match PolicyHandle::open(self.origin.clone(), GRACE, boot) {
            Ok(handle) => {
                let digest = handle.status().digest;
                // Under the lock nobody else can have set it.
                let _first = self.handle.set(handle);
                *refused = None;
                Reloaded::Swapped { digest }
            }
            Err(error) => {
                let error = Arc::new(error);
                *refused = Some((digest, Arc::clone(&error)));
                Reloaded::Failed(error)
            }
        }
    }

    /// How it stands.
    pub fn status(&self) -> ShadowStatus {
        if let Some(handle) = self.handle.get() {
            let status = handle.status();
            return ShadowStatus { digest: Some(status.digest), error: status.last_error };
        }
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        ShadowStatus { digest: None, error: refused.as_ref().map(|(_, error)| Arc::clone(error)) }
    }

    /// Asks the shadow what `judged` answers.
    pub fn compare(
        &self,
        judged: &Judged,
        question: &Evaluation,
        facts: &Facts<'_>,
        now: Now,
        boot: Duration,
    ) -> Shadowed {
        let set = self.handle.get().and_then(|handle| handle.current(boot).ok());
        let nothing = Shadowed { outcome: ShadowOutcome::Error, verdict: None, boundary: None };
        let Some(set) = set else { return nothing };
        // The set is never changed by being asked, so there is nothing a panic could leave half done.
        match catch_unwind(AssertUnwindSafe(|| judge(&set, question, facts, now))) {
            Ok(shadow) => compared(judged, &shadow, &set),
            Err(_) => nothing,
        }
    }
}

fn compared(judged: &Judged, shadow: &Judged, set: &PolicySet) -> Shadowed {
    let (ours, theirs) = (judged.decision(), shadow.decision());
    let outcome = match (ours.allows(), theirs.allows()) {
        _ if theirs.reason == Reason::PolicyError && ours.reason != Reason::PolicyError => ShadowOutcome::Error,
        (false, true) => ShadowOutcome::NewlyAllowed,
        (true, false) => ShadowOutcome::NewlyDenied,
        _ if ours.reason != theirs.reason => ShadowOutcome::ReasonChanged,
        _ => ShadowOutcome::Same,
    };
    let verdict = ShadowVerdict {
        revision: set.digest().to_owned(),
        allowed: theirs.allows(),
        reason: theirs.reason,
        policies: theirs.policies.clone(),
    };
    Shadowed { outcome, verdict: Some(verdict), boundary: shadow.boundary() }
}

#[cfg(test)]
mod tests;
