//! Request environments: the kinds of questions the schema knows, one for each principal type, action
//! and resource type.

use super::super::PolicySet;
use cedar_policy::pst::{self, Clause};
use cedar_policy::{Policy, RequestEnv, Schema};
use core::fmt;

/// One kind of question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Environment {
    pub(crate) request: RequestEnv,
}

impl Environment {
    /// All environments of a schema, always in the same order.
    pub(crate) fn all(schema: &Schema) -> Vec<Self> {
        let mut all: Vec<Self> = schema.request_envs().map(|request| Self { request }).collect();
        all.sort_by_key(ToString::to_string);
        all
    }

    /// Those in which a policy can apply.
    pub(crate) fn of(policy: &Policy, schema: &Schema) -> Vec<Self> {
        let own: Vec<RequestEnv> = policy.get_valid_request_envs(schema).collect();
        Self::all(schema).into_iter().filter(|environment| own.contains(&environment.request)).collect()
    }

    /// Those that a policy's scope names, whatever its conditions say: a condition that can never be
    /// met must not make a promise about nothing out of a promise.
    pub(crate) fn of_scope(policy: &Policy, schema: &Schema) -> Vec<Self> {
        match bare(policy) {
            Some(bare) => Self::of(&bare, schema),
            None => Self::all(schema),
        }
    }

    /// The action's name.
    pub(crate) fn action(&self) -> &str {
        self.request.action().id().unescaped()
    }

    /// Whether it asks about content.
    pub(crate) fn is_about_content(&self, set: &PolicySet) -> bool {
        *self.request.resource() == set.names.content
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (principal, resource) = (self.request.principal().basename(), self.request.resource().basename());
        write!(f, "{principal} {} {resource}", self.action())
    }
}

/// The policy without its conditions.
fn bare(policy: &Policy) -> Option<Policy> {
    let pst = policy.to_pst().ok()?;
    let body = pst.body().clone().try_with_clauses(Vec::<Clause>::new()).ok()?;
    Policy::from_pst(pst::Policy::Static(body.try_into().ok()?)).ok()
}
