//! One question in Cedar's own terms, and its way to the slice that answers it. Knows nothing of the
//! domain: what is asked was built elsewhere, by typed code or from a file checked against the schema.

use super::PolicySet;
use super::slice::Slice;
use cedar_policy::{Entities, Request, Response};

/// A question as Cedar takes it: well typed, with the actions that its slice needs among the entities.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Who, what, to what, and the circumstances.
    pub(crate) request: Request,
    /// All that the policies may look up.
    pub(crate) entities: Entities,
}

impl PolicySet {
    /// The slice that answers a question; `None` when the schema has no such action on such a resource.
    pub(crate) fn slice_of(&self, request: &Request) -> Option<&Slice> {
        let (action, resource) = (request.action()?, request.resource()?);
        self.slices.get(action.id().unescaped(), resource.type_name())
    }

    /// What the policies of its slice say of a question, by themselves.
    pub(crate) fn ask(&self, asked: &Asked) -> Option<Response> {
        let slice = self.slice_of(&asked.request)?;
        Some(self.authorizer.is_authorized(&asked.request, &slice.policies, &asked.entities))
    }
}
