//! Scope: which actions on which content an AccessRequest asks for and a Grant allows.

use super::{ActionName, ContentPath};
use core::time::Duration;
use std::collections::BTreeSet;

/// Which content of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentScope {
    /// All content of the tenant in the workload.
    Workload,
    /// The named content and what lies below it. Invariant: never empty.
    Paths(BTreeSet<ContentPath>),
}

/// Actions on content. Invariant: at least one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The actions.
    pub actions: BTreeSet<ActionName>,
    /// The content.
    pub content: ContentScope,
}

/// Which part of a scope does not cover a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeMiss {
    /// The action was not approved.
    Action,
    /// The content was not approved.
    Content,
}

/// What an approver may change when approving: only downwards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// A shorter window.
    pub duration: Option<Duration>,
    /// Fewer actions.
    pub actions: Option<BTreeSet<ActionName>>,
    /// Less content.
    pub content: Option<ContentScope>,
}

impl ContentScope {
    /// The scope of these paths; no path at all means the whole workload.
    pub fn from_paths(paths: BTreeSet<ContentPath>) -> Self {
        if paths.is_empty() { Self::Workload } else { Self::Paths(paths) }
    }

    /// The named paths; none for the whole workload.
    pub fn paths(&self) -> impl Iterator<Item = &ContentPath> {
        match self {
            Self::Workload => None,
            Self::Paths(paths) => Some(paths.iter()),
        }
        .into_iter()
        .flatten()
    }

    /// Whether `content` lies within; `None` asks about the workload as a whole.
    pub fn covers(&self, content: Option<&ContentPath>) -> bool {
        match (self, content) {
            (Self::Workload, _) => true,
            (Self::Paths(_), None) => false,
            (Self::Paths(paths), Some(content)) => paths.iter().any(|path| path.covers(content)),
        }
    }

    /// Whether all of `other` lies within.
    pub fn contains(&self, other: &Self) -> bool {
        match other {
            Self::Workload => *self == Self::Workload,
            Self::Paths(paths) => paths.iter().all(|path| self.covers(Some(path))),
        }
    }
}

impl Scope {
    /// Whether an action on content lies within, or which part does not.
    ///
    /// # Errors
    /// The first [`ScopeMiss`], the action before the content.
    pub fn covers(&self, action: &ActionName, content: Option<&ContentPath>) -> Result<(), ScopeMiss> {
        if !self.actions.contains(action) {
            Err(ScopeMiss::Action)
        } else if !self.content.covers(content) {
            Err(ScopeMiss::Content)
        } else {
            Ok(())
        }
    }
}
