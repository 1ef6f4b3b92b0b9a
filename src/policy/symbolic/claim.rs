//! What can be claimed of policies, and whether a question refutes it. The one definition of both:
//! solver and enumeration are judged by it.

use cedar_policy::pst::{self, Effect as PstEffect};
use cedar_policy::{Authorizer, Decision, Effect, Entities, Policy, PolicySet, Request};

/// A claim about all questions of one environment.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(test), expect(dead_code, reason = "the lints, `mutate` and `diff` claim the rest"))]
pub(crate) enum Claim<'a> {
    /// What `lower` allows, `upper` allows too.
    Implies { lower: &'a PolicySet, upper: &'a PolicySet },
    /// Both allow the same.
    Equivalent { one: &'a PolicySet, other: &'a PolicySet },
    /// Nothing is allowed.
    AlwaysDenies(&'a PolicySet),
    /// The policy can always be evaluated.
    NeverErrors(&'a Policy),
    /// The policy never applies.
    NeverMatches(&'a Policy),
    /// The policy always applies.
    AlwaysMatches(&'a Policy),
    /// Where `narrow` applies, `wide` applies too.
    MatchesImplies { narrow: &'a Policy, wide: &'a Policy },
    /// Both apply to the same.
    MatchesEquivalent { one: &'a Policy, other: &'a Policy },
}

/// What one policy says of one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cleared {
    Applies,
    AppliesNot,
    Errs,
}

impl Claim<'_> {
    /// Whether this question shows that the claim is wrong.
    pub(crate) fn refuted_by(&self, request: &Request, entities: &Entities) -> bool {
        let allows = |set: &PolicySet| allows(set, request, entities);
        let applies = |policy: &Policy| said_by(policy, request, entities) == Cleared::Applies;
        match self {
            Self::Implies { lower, upper } => allows(lower) && !allows(upper),
            Self::Equivalent { one, other } => allows(one) != allows(other),
            Self::AlwaysDenies(set) => allows(set),
            Self::NeverErrors(policy) => said_by(policy, request, entities) == Cleared::Errs,
            Self::NeverMatches(policy) => applies(policy),
            Self::AlwaysMatches(policy) => !applies(policy),
            Self::MatchesImplies { narrow, wide } => applies(narrow) && !applies(wide),
            Self::MatchesEquivalent { one, other } => applies(one) != applies(other),
        }
    }
}

/// Whether Cedar allows a question.
pub(crate) fn allows(set: &PolicySet, request: &Request, entities: &Entities) -> bool {
    Authorizer::new().is_authorized(request, set, entities).decision() == Decision::Allow
}

/// What one policy says by itself.
pub(crate) fn said_by(policy: &Policy, request: &Request, entities: &Entities) -> Cleared {
    let Ok(alone) = PolicySet::from_policies([policy.clone()]) else { return Cleared::Errs };
    let response = Authorizer::new().is_authorized(request, &alone, entities);
    let diagnostics = response.diagnostics();
    if diagnostics.errors().next().is_some() {
        Cleared::Errs
    } else if diagnostics.reason().next().is_some() {
        Cleared::Applies
    } else {
        Cleared::AppliesNot
    }
}

/// The policy as a permit under another id: so that what it applies to can be asked of a set.
#[cfg_attr(not(feature = "prove"), expect(dead_code, reason = "only a solver asks"))]
pub(crate) fn as_permit(policy: &Policy) -> Option<Policy> {
    if policy.effect() == Effect::Permit {
        return Some(policy.clone());
    }
    let pst = policy.to_pst().ok()?;
    let mut body = pst.body().clone();
    body.effect = PstEffect::Permit;
    Policy::from_pst(pst::Policy::Static(body.try_into().ok()?)).ok()
}
