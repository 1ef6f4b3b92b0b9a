//! Every expression that one small wrong edit makes of an expression, wherever in it the edit is.
//!
//! Invariant: an edit changes exactly one place. Whether what comes out is well typed is not asked
//! here: strict validation says it, as it would of an edit by hand.

use super::Kind;
use super::places::Edit;
use cedar_policy::pst::{BinaryOp, Expr, Literal, UnaryOp};
use std::sync::Arc;

/// One edit of an expression: what it is, and the expression with it.
pub(super) struct Edited {
    pub(super) kind: Kind,
    /// The part that changes, as Cedar shows it.
    pub(super) before: Arc<Expr>,
    pub(super) edit: Edit,
    pub(super) whole: Arc<Expr>,
}

/// Puts a changed part back where it was.
type Put<'a> = &'a dyn Fn(Arc<Expr>) -> Arc<Expr>;

/// All edits of an expression, in the order of their places.
pub(super) fn edits(expr: &Arc<Expr>) -> Vec<Edited> {
    let mut out = Vec::new();
    walk(expr, &|whole| whole, false, &mut out);
    out
}

/// `joined` says that the expression is a part of a conjunction, from which it is dropped as a whole.
fn walk(expr: &Arc<Expr>, put: Put<'_>, joined: bool, out: &mut Vec<Edited>) {
    let mut replace = |kind, with: Arc<Expr>| {
        let edit = Edit::Replace(with.to_string());
        out.push(Edited { kind, before: expr.clone(), edit, whole: put(with) });
    };
    match expr.as_ref() {
        Expr::BinaryOp { op: op @ (BinaryOp::And | BinaryOp::Or), .. } => chain(expr, *op, put, out),
        Expr::BinaryOp { op, left, right } => {
            if let Some((kind, other)) = other(*op) {
                replace(kind, binary(other, left.clone(), right.clone()));
            }
            walk(left, &|left| put(binary(*op, left, right.clone())), false, out);
            walk(right, &|right| put(binary(*op, left.clone(), right)), false, out);
        }
        Expr::UnaryOp { op, expr: inner } => {
            if *op == UnaryOp::Not {
                replace(Kind::Negation, inner.clone());
            }
            walk(inner, &|inner| put(Arc::new(Expr::UnaryOp { op: *op, expr: inner })), false, out);
        }
        Expr::HasAttr { expr: inner, attrs } => {
            if !joined {
                replace(Kind::Guard, truth());
            }
            walk(inner, &|expr| put(Arc::new(Expr::HasAttr { expr, attrs: attrs.clone() })), false, out);
        }
        Expr::GetAttr { expr: inner, attr } => {
            walk(inner, &|expr| put(Arc::new(Expr::GetAttr { expr, attr: attr.clone() })), false, out);
        }
        Expr::Like { expr: inner, pattern } => {
            walk(inner, &|expr| put(Arc::new(Expr::Like { expr, pattern: pattern.clone() })), false, out);
        }
        Expr::Is { .. } => is(expr, put, out),
        Expr::IfThenElse { .. } => branches(expr, put, out),
        Expr::Set(elements) => set(elements, put, out),
        Expr::Record(fields) => {
            for (name, field) in fields {
                let put = |field| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), field);
                    put(Arc::new(Expr::Record(fields)))
                };
                walk(field, &put, false, out);
            }
        }
        // Literals and variables; what is no part of a written policy (slots, unknowns).
        _ => {}
    }
}

fn binary(op: BinaryOp, left: Arc<Expr>, right: Arc<Expr>) -> Arc<Expr> {
    Arc::new(Expr::BinaryOp { op, left, right })
}

fn truth() -> Arc<Expr> {
    Arc::new(Expr::Literal(Literal::Bool(true)))
}

/// The operator that is confused with this one, and what such a mistake is called.
fn other(op: BinaryOp) -> Option<(Kind, BinaryOp)> {
    let comparison = match op {
        BinaryOp::Eq => BinaryOp::NotEq,
        BinaryOp::NotEq => BinaryOp::Eq,
        BinaryOp::Less => BinaryOp::LessEq,
        BinaryOp::LessEq => BinaryOp::Less,
        BinaryOp::Greater => BinaryOp::GreaterEq,
        BinaryOp::GreaterEq => BinaryOp::Greater,
        BinaryOp::DecimalLessThan => BinaryOp::DecimalLessEq,
        BinaryOp::DecimalLessEq => BinaryOp::DecimalLessThan,
        BinaryOp::DecimalGreater => BinaryOp::DecimalGreaterEq,
        BinaryOp::DecimalGreaterEq => BinaryOp::DecimalGreater,
        BinaryOp::In => BinaryOp::Eq,
        BinaryOp::ContainsAny => return Some((Kind::Set, BinaryOp::ContainsAll)),
        BinaryOp::ContainsAll => return Some((Kind::Set, BinaryOp::ContainsAny)),
        // `contains` takes an element where these take a set: no types allow an exchange.
        _ => return None,
    };
    Some((Kind::Comparison, comparison))
}

/// Each part of `a && b && c`, or of `a || b || c`, left out, and edited.
fn chain(expr: &Arc<Expr>, op: BinaryOp, put: Put<'_>, out: &mut Vec<Edited>) {
    let mut parts = Vec::new();
    flatten(expr, op, &mut parts);
    let (kind, joined) = if op == BinaryOp::And { (Kind::Condition, true) } else { (Kind::Alternative, false) };
    for (number, part) in parts.iter().enumerate() {
        let others = parts.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, part)| part.clone());
        if let Some(rest) = join(op, others) {
            out.push(Edited { kind, before: part.clone(), edit: Edit::Drop, whole: put(rest) });
        }
        let back = |edited: Arc<Expr>| {
            let edited =
                |(other, part): (usize, &Arc<Expr>)| if other == number { edited.clone() } else { part.clone() };
            put(join(op, parts.iter().enumerate().map(edited)).unwrap_or_else(truth))
        };
        walk(part, &back, joined, out);
    }
}

fn flatten(expr: &Arc<Expr>, op: BinaryOp, parts: &mut Vec<Arc<Expr>>) {
    match expr.as_ref() {
        Expr::BinaryOp { op: own, left, right } if *own == op => {
            flatten(left, op, parts);
            flatten(right, op, parts);
        }
        _ => parts.push(expr.clone()),
    }
}

fn join(op: BinaryOp, parts: impl Iterator<Item = Arc<Expr>>) -> Option<Arc<Expr>> {
    parts.reduce(|left, right| binary(op, left, right))
}

/// `x is T in y` without the `in`.
fn is(expr: &Arc<Expr>, put: Put<'_>, out: &mut Vec<Edited>) {
    let Expr::Is { expr: inner, entity_type, in_expr } = expr.as_ref() else { return };
    let made = |inner: Arc<Expr>, above: Option<Arc<Expr>>| {
        Arc::new(Expr::Is { expr: inner, entity_type: entity_type.clone(), in_expr: above })
    };
    if in_expr.is_some() {
        let without = made(inner.clone(), None);
        let edit = Edit::Replace(without.to_string());
        out.push(Edited { kind: Kind::Condition, before: expr.clone(), edit, whole: put(without) });
    }
    walk(inner, &|inner| put(made(inner, in_expr.clone())), false, out);
    if let Some(above) = in_expr {
        walk(above, &|above| put(made(inner.clone(), Some(above))), false, out);
    }
}

/// Either branch alone, and the three parts edited.
fn branches(expr: &Arc<Expr>, put: Put<'_>, out: &mut Vec<Edited>) {
    let Expr::IfThenElse { cond, then_expr, else_expr } = expr.as_ref() else { return };
    for branch in [then_expr, else_expr] {
        let edit = Edit::Replace(branch.to_string());
        out.push(Edited { kind: Kind::Branch, before: expr.clone(), edit, whole: put(branch.clone()) });
    }
    let made = |cond: &Arc<Expr>, then_expr: &Arc<Expr>, else_expr: &Arc<Expr>| {
        let [cond, then_expr, else_expr] = [cond, then_expr, else_expr].map(Arc::clone);
        put(Arc::new(Expr::IfThenElse { cond, then_expr, else_expr }))
    };
    walk(cond, &|edited| made(&edited, then_expr, else_expr), false, out);
    walk(then_expr, &|edited| made(cond, &edited, else_expr), false, out);
    walk(else_expr, &|edited| made(cond, then_expr, &edited), false, out);
}

/// Each element of a set left out, where another stays: an empty set has no type.
fn set(elements: &[Arc<Expr>], put: Put<'_>, out: &mut Vec<Edited>) {
    for (number, element) in elements.iter().enumerate() {
        if elements.len() > 1 {
            let others = elements.iter().enumerate().filter(|(other, _)| *other != number);
            let rest = Arc::new(Expr::Set(others.map(|(_, element)| element.clone()).collect()));
            out.push(Edited { kind: Kind::Element, before: element.clone(), edit: Edit::Drop, whole: put(rest) });
        }
        let back = |edited: Arc<Expr>| {
            let mut elements = elements.to_vec();
            if let Some(place) = elements.get_mut(number) {
                *place = edited;
            }
            put(Arc::new(Expr::Set(elements)))
        };
        walk(element, &back, false, out);
    }
}
