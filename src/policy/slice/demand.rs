//! What a policy demands of a question before it can say anything: "this tenant", "this engineer or
//! team", "this workload", "below this content". The index files a policy under such a demand, and
//! a question that does not meet it is not put to the policy at all.
//!
//! Why that changes no answer. A policy is `scope && condition && …`, and Cedar evaluates `&&` from left
//! to right and stops at the first `false`. A demand is taken from a conjunct only if neither it nor any
//! conjunct before it can end in an error. So for a question that does not meet the demand, either an
//! earlier conjunct is false, or all are true and this one is false: the policy is false *without an
//! error*, and an authorizer that never sees it answers the same.
//!
//! What cannot end in an error ([`is_sure`]): the set has passed strict validation, so operands have
//! the right types and optional attributes are asked for with `has` first. What is left are
//! arithmetic, tags, constructors of extension values from anything but a literal, too deep
//! nesting, and reading an attribute of an entity that is not in the store. Only the question's engineer,
//! tenant and content are sure to be there; so only their attributes, and those of the context, count.
//!
//! Invariant: in doubt there is no demand, and the policy is asked every time.

use cedar_policy::pst::{self, BinaryOp, Clause, EntityOrSlot, Expr, Literal, UnaryOp, Var};
use cedar_policy::pst::{PrincipalConstraint, ResourceConstraint};
use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use std::sync::Arc;

/// The most alternatives of one demand ("one of these tenants").
const ALTERNATIVES_MAX: usize = 64;
/// Conditions that nest deeper than this demand nothing: they might exhaust the evaluator's stack.
const DEPTH_MAX: usize = 32;

/// Which part of a question a demand is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// The engineer, or a team of his.
    Principal,
    /// The content, or what it lies in.
    Resource,
    /// The content's tenant; the Grant's is the same.
    Tenant,
    /// The content's workload; the Grant's is the same.
    Workload,
}

impl Place {
    pub(super) const ALL: [Self; 4] = [Self::Principal, Self::Resource, Self::Tenant, Self::Workload];
}

/// One thing a question can be about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) place: Place,
    pub(super) uid: EntityUid,
}

/// A demand: the policy is false without an error unless the question has one of these keys.
pub(super) type Demand = Vec<Key>;

/// All demands of a policy; any one of them may be used.
pub(super) fn demands(policy: &pst::Policy) -> Vec<Demand> {
    let body = policy.body();
    let mut found = Vec::new();
    // The scope comes first, and neither `==` nor `in` between entities can fail.
    if let PrincipalConstraint::Eq(EntityOrSlot::Entity(uid))
    | PrincipalConstraint::In(EntityOrSlot::Entity(uid))
    | PrincipalConstraint::IsIn(_, EntityOrSlot::Entity(uid)) = &body.principal
    {
        found.extend(key(Place::Principal, uid).map(|key| vec![key]));
    }
    if let ResourceConstraint::Eq(EntityOrSlot::Entity(uid))
    | ResourceConstraint::In(EntityOrSlot::Entity(uid))
    | ResourceConstraint::IsIn(_, EntityOrSlot::Entity(uid)) = &body.resource
    {
        found.extend(key(Place::Resource, uid).map(|key| vec![key]));
    }
    for clause in body.clauses() {
        let sure = match clause {
            Clause::When(condition) => walk(condition, true, 0, &mut found),
            Clause::Unless(condition) => walk(condition, false, 0, &mut found),
        };
        if !sure {
            break;
        }
    }
    found
}

/// Goes through conjuncts from left to right; false at the first that could end in an error.
fn walk(expr: &Expr, wanted: bool, depth: usize, found: &mut Vec<Demand>) -> bool {
    match expr {
        _ if depth > DEPTH_MAX => false,
        Expr::UnaryOp { op: UnaryOp::Not, expr } => walk(expr, !wanted, depth + 1, found),
        Expr::BinaryOp { op, left, right }
            if (*op, wanted) == (BinaryOp::And, true) || (*op, wanted) == (BinaryOp::Or, false) =>
        {
            walk(left, wanted, depth + 1, found) && walk(right, wanted, depth + 1, found)
        }
        _ => {
            let sure = is_sure(expr, depth);
            if sure {
                found.extend(demand(expr, wanted));
            }
            sure
        }
    }
}

/// The keys of which a question must have one if `expr`, which cannot fail, is to be `wanted`.
fn demand(expr: &Expr, wanted: bool) -> Option<Demand> {
    let keys = match expr {
        Expr::UnaryOp { op: UnaryOp::Not, expr } => demand(expr, !wanted)?,
        Expr::BinaryOp { op: op @ (BinaryOp::And | BinaryOp::Or), left, right } => {
            let (left, right) = (demand(left, wanted), demand(right, wanted));
            if (*op == BinaryOp::And) == wanted {
                // Both must be so: either demand will do.
                left.into_iter().chain(right).min_by_key(Vec::len)?
            } else {
                [left?, right?].concat()
            }
        }
        Expr::BinaryOp { op: BinaryOp::Eq, left, right } if wanted => equal(left, right)?,
        Expr::BinaryOp { op: BinaryOp::NotEq, left, right } if !wanted => equal(left, right)?,
        Expr::BinaryOp { op: BinaryOp::In, left, right } if wanted => among(place(left)?, right)?,
        Expr::BinaryOp { op: BinaryOp::Contains, left, right } if wanted => match &**left {
            Expr::Set(_) => among(place(right)?, left)?,
            _ => return None,
        },
        Expr::Is { expr, in_expr: Some(above), .. } if wanted => among(place(expr)?, above)?,
        _ => return None,
    };
    (keys.len() <= ALTERNATIVES_MAX).then_some(keys)
}

fn equal(left: &Expr, right: &Expr) -> Option<Demand> {
    let one = |place, literal: &Expr| Some(vec![key(place, uid(literal)?)?]);
    place(left).and_then(|place| one(place, right)).or_else(|| one(place(right)?, left))
}

/// `place` is, or lies in, one of the entities written out.
fn among(place: Place, entities: &Expr) -> Option<Demand> {
    match entities {
        Expr::Set(elements) => elements.iter().map(|element| key(place, uid(element)?)).collect(),
        one => Some(vec![key(place, uid(one)?)?]),
    }
}

fn uid(expr: &Expr) -> Option<&pst::EntityUID> {
    match expr {
        Expr::Literal(Literal::EntityUID(uid)) => Some(uid),
        _ => None,
    }
}

fn key(place: Place, uid: &pst::EntityUID) -> Option<Key> {
    let kind: EntityTypeName = uid.ty.to_string().parse().ok()?;
    Some(Key { place, uid: EntityUid::from_type_name_and_id(kind, EntityId::new(&uid.eid)) })
}

/// The part of the question that an expression is.
fn place(expr: &Expr) -> Option<Place> {
    match expr {
        Expr::Var(Var::Principal) => Some(Place::Principal),
        Expr::Var(Var::Resource) => Some(Place::Resource),
        Expr::GetAttr { expr, attr } => match (&**expr, attr.as_str()) {
            (Expr::Var(Var::Resource), "tenant") => Some(Place::Tenant),
            (Expr::Var(Var::Resource), "workload") => Some(Place::Workload),
            // The guard passes only Grants of the question's engineer, tenant and workload.
            (grant, "engineer") if is_grant(grant) => Some(Place::Principal),
            (grant, "tenant") if is_grant(grant) => Some(Place::Tenant),
            (grant, "workload") if is_grant(grant) => Some(Place::Workload),
            _ => None,
        },
        _ => None,
    }
}

fn is_grant(expr: &Expr) -> bool {
    matches!(expr, Expr::GetAttr { expr, attr } if attr == "grant" && matches!(**expr, Expr::Var(Var::Context)))
}

/// Whether an expression of a strictly validated policy cannot end in an error.
fn is_sure(expr: &Expr, depth: usize) -> bool {
    let sure = |expr: &Arc<Expr>| is_sure(expr, depth + 1);
    match expr {
        _ if depth > DEPTH_MAX => false,
        Expr::Literal(_) | Expr::Var(_) => true,
        Expr::UnaryOp { op: UnaryOp::Not | UnaryOp::IsEmpty, expr } => sure(expr),
        Expr::UnaryOp { op: UnaryOp::Datetime | UnaryOp::Duration | UnaryOp::Decimal | UnaryOp::Ip, expr } => {
            // The validator has tried the literal.
            matches!(**expr, Expr::Literal(Literal::String(_)))
        }
        Expr::BinaryOp { op, left, right } => {
            let known = [
                BinaryOp::And,
                BinaryOp::Or,
                BinaryOp::Eq,
                BinaryOp::NotEq,
                BinaryOp::In,
                BinaryOp::Less,
                BinaryOp::LessEq,
                BinaryOp::Greater,
                BinaryOp::GreaterEq,
                BinaryOp::Contains,
                BinaryOp::ContainsAll,
                BinaryOp::ContainsAny,
            ];
            known.contains(op) && sure(left) && sure(right)
        }
        Expr::GetAttr { expr, .. } => is_there(expr),
        Expr::HasAttr { expr, .. } | Expr::Like { expr, .. } => sure(expr),
        Expr::Is { expr, in_expr, .. } => sure(expr) && in_expr.iter().all(sure),
        Expr::IfThenElse { cond, then_expr, else_expr } => [cond, then_expr, else_expr].into_iter().all(sure),
        Expr::Set(elements) => elements.iter().all(sure),
        Expr::Record(fields) => fields.values().all(sure),
        _ => false,
    }
}

/// Whether the attributes of what this is can be read: the context, its Grant, and the entities that
/// every question brings along.
fn is_there(expr: &Expr) -> bool {
    match place(expr) {
        Some(Place::Principal | Place::Resource | Place::Tenant) => true,
        Some(Place::Workload) => false,
        None => matches!(expr, Expr::Var(Var::Context)) || is_grant(expr),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rest: &str) -> Vec<Vec<String>> {
        let policy: cedar_policy::Policy = format!("forbid ({rest};").parse().unwrap();
        let shown = |key: Key| format!("{:?} {}", key.place, key.uid.id().unescaped());
        let demands = demands(&policy.to_pst().unwrap()).into_iter();
        demands.map(|demand| demand.into_iter().map(shown).collect()).collect()
    }

    fn of(condition: &str) -> Vec<Vec<String>> {
        found(&format!("principal, action, resource) {condition}"))
    }

    #[test]
    fn keys_are_found_in_scopes_and_conjuncts() {
        for (rest, keys) in [
            ("principal == E::\"z\", action, resource)", "Principal z"),
            ("principal in T::\"t\", action, resource)", "Principal t"),
            ("principal is E in T::\"t\", action, resource)", "Principal t"),
            ("principal, action, resource == C::\"a/b\")", "Resource a/b"),
            ("principal, action, resource is C in C::\"a/b\")", "Resource a/b"),
        ] {
            assert_eq!(found(rest), [[keys]], "{rest}");
        }
        for (condition, keys) in [
            ("when { resource.tenant == T::\"x\" }", "Tenant x"),
            ("when { T::\"x\" == resource.tenant }", "Tenant x"),
            ("when { resource.workload in W::\"y\" }", "Workload y"),
            ("when { context has grant && context.grant.tenant == T::\"x\" }", "Tenant x"),
            ("when { context has grant && context.grant.engineer == E::\"z\" }", "Principal z"),
            ("unless { resource.tenant != T::\"x\" }", "Tenant x"),
            ("when { !(resource.tenant != T::\"x\" || principal.suspended) }", "Tenant x"),
            ("when { principal.suspended } unless { principal.on_call || resource.tenant != T::\"x\" }", "Tenant x"),
            ("when { principal is E in T::\"t\" }", "Principal t"),
            ("when { resource.tenant.legal_hold && resource.tenant == T::\"x\" && principal.n + 1 < 2 }", "Tenant x"),
            ("when { context.now < datetime(\"2026-01-01\") && resource.tenant == T::\"x\" }", "Tenant x"),
        ] {
            assert_eq!(of(condition), [[keys]], "{condition}");
        }
        assert_eq!(
            of("when { resource.tenant == T::\"x\" || [T::\"y\", T::\"z\"].contains(resource.tenant) }"),
            [["Tenant x", "Tenant y", "Tenant z"]]
        );
        assert_eq!(of("when { resource.tenant in [T::\"x\", T::\"y\"] }"), [["Tenant x", "Tenant y"]]);
    }

    #[test]
    fn in_doubt_there_is_no_demand() {
        for condition in [
            // The conjunct before it can end in an error, so the policy would not be false but erring.
            "when { principal.n + 1 < 2 && resource.tenant == T::\"x\" }",
            "when { -principal.n < 2 && resource.tenant == T::\"x\" }",
            "when { context.now.offset(duration(\"1h\")) < context.now && resource.tenant == T::\"x\" }",
            "when { principal.manager.suspended && resource.tenant == T::\"x\" }",
            "when { resource.workload.big && resource.tenant == T::\"x\" }",
            "when { principal.getTag(\"a\") && resource.tenant == T::\"x\" }",
            "when { datetime(principal.text) < context.now && resource.tenant == T::\"x\" }",
            "when { principal.n + 1 < 2 } when { resource.tenant == T::\"x\" }",
            "unless { principal.n + 1 < 2 || resource.tenant != T::\"x\" }",
            // The conjunct itself can.
            "when { resource.tenant == T::\"x\" || principal.n + 1 < 2 }",
            // It demands nothing, or nothing that is filed.
            "when { resource.tenant != T::\"x\" }",
            "unless { resource.tenant == T::\"x\" }",
            "when { resource.tenant == T::\"x\" || principal.suspended }",
            "when { resource.tenant == context.grant.tenant }",
            "when { if principal.suspended then resource.tenant == T::\"x\" else true }",
            "when { context.partner == T::\"x\" }",
            "when { !(resource.tenant == T::\"x\" && principal.suspended) }",
        ] {
            assert_eq!(of(condition), Vec::<Vec<String>>::new(), "{condition}");
        }
        let tenants: Vec<String> = (0..65).map(|n| format!("T::\"{n}\"")).collect();
        assert!(of(&format!("when {{ [{}].contains(resource.tenant) }}", tenants.join(", "))).is_empty());

        let long = "principal.suspended && ".repeat(DEPTH_MAX + 1);
        assert!(of(&format!("when {{ {long} resource.tenant == T::\"x\" }}")).is_empty());
    }
}
