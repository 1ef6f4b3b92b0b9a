//! A loaded set with one policy exchanged or taken out, as an edit would make it, without reading and
//! cutting everything anew. For trying edits by the thousand.
//!
//! Invariant: what a load refuses is refused here too, the canary included. Such a set has no digest
//! of files, because there are none, so it is never a policy revision.

use super::canary;
use super::load::{LEVEL, PolicySet, info};
use cedar_policy::{Policy, PolicyId, Schema, ValidationMode, Validator};
use std::sync::Arc;

/// Why an edited set would not load.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unloadable {
    /// Strict validation refuses the policy, or doubts it.
    #[error("{0}")]
    Invalid(String),
    /// The set lost what must always hold.
    #[error("{0}")]
    Canary(String),
}

/// What strict validation says of single policies, as a load would.
#[derive(Debug)]
pub(crate) struct Strict(Validator);

impl Strict {
    pub(crate) fn of(schema: &Schema) -> Self {
        Self(Validator::new(schema.clone()))
    }

    /// Why the policy would be refused; `None` when it is fine.
    pub(crate) fn refusal(&self, policy: &Policy) -> Option<String> {
        let set = match cedar_policy::PolicySet::from_policies([policy.clone()]) {
            Ok(set) => set,
            Err(error) => return Some(error.to_string()),
        };
        let result = self.0.validate_with_level(&set, ValidationMode::Strict, LEVEL);
        let error = result.validation_errors().next().map(ToString::to_string);
        error.or_else(|| result.validation_warnings().next().map(ToString::to_string))
    }
}

impl PolicySet {
    /// The same set with the policy of that id exchanged, or taken out.
    pub(crate) fn exchanged(&self, id: &str, policy: Option<&Policy>, strict: &Strict) -> Result<Self, Unloadable> {
        let invalid = |error: &dyn core::fmt::Display| Unloadable::Invalid(error.to_string());
        if let Some(refusal) = policy.and_then(|policy| strict.refusal(policy)) {
            return Err(Unloadable::Invalid(refusal));
        }
        let key = PolicyId::new(id);
        let mut policies = self.policies.clone();
        let mut infos = self.infos.clone();
        policies.remove_static(key.clone()).map_err(|error| invalid(&error))?;
        let before = infos.remove(id);
        if let Some(policy) = policy {
            policies.add(policy.clone()).map_err(|error| invalid(&error))?;
            infos.insert(id.to_owned(), info(policy, before.as_ref().map_or("", |info| info.file.as_str())));
        }
        let slices = self.slices.exchanged(&key, policy, &self.schema).map_err(|error| invalid(&error))?;
        let set = Self {
            digest: "none: an edit that is only tried".to_owned(),
            schema: Arc::clone(&self.schema),
            vocabulary: Arc::clone(&self.vocabulary),
            names: Arc::clone(&self.names),
            slices,
            authorizer: self.authorizer.clone(),
            contexts: Arc::clone(&self.contexts),
            kept_parts: Arc::clone(&self.kept_parts),
            infos,
            policies,
        };
        canary::sing(&set).map_err(|why| Unloadable::Canary(why.0))?;
        Ok(set)
    }
}
