//! How a policy reads `context.now`, so that the decision cache knows until when an answer holds.
//!
//! A comparison with the Grant's own window changes only where the Grant itself begins or ends, one
//! with a literal only at the literal. Anything else could change at any instant: it is opaque.

use crate::domain::Timestamp;
use cedar_policy::RestrictedExpression;
use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, UnaryOp, Var};
use std::collections::BTreeSet;

/// When the answers of a slice may change by time alone, apart from the Grant's window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimeUse {
    /// The first instants of a new answer: for each literal compared with, it and the millisecond
    /// after it (for `<=` and `==`). In order, without duplicates.
    pub literals: Vec<Timestamp>,
    /// Whether a policy reads the time in a way that is not understood; its answers must not be kept.
    pub opaque: bool,
}

impl TimeUse {
    /// The first boundary after `now`.
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.literals.iter().copied().find(|literal| *literal > now)
    }

    /// The time use of a policy that has been taken apart.
    pub(crate) fn of(policy: &cedar_policy::pst::Policy) -> Self {
        let mut reading = Reading::default();
        for clause in policy.body().clauses() {
            let (Clause::When(condition) | Clause::Unless(condition)) = clause;
            reading.walk(condition);
        }
        Self { literals: reading.literals.into_iter().collect(), opaque: reading.opaque }
    }

    /// The time use of a policy that cannot be taken apart.
    pub(crate) fn unreadable() -> Self {
        Self { literals: Vec::new(), opaque: true }
    }

    /// The time use of several together.
    pub(crate) fn together<'a>(uses: impl Iterator<Item = &'a Self>) -> Self {
        let mut all = Reading::default();
        for used in uses {
            all.literals.extend(used.literals.iter().copied());
            all.opaque |= used.opaque;
        }
        Self { literals: all.literals.into_iter().collect(), opaque: all.opaque }
    }
}

#[derive(Default)]
struct Reading {
    literals: BTreeSet<Timestamp>,
    opaque: bool,
}

impl Reading {
    fn walk(&mut self, expr: &Expr) {
        match expr {
            Expr::BinaryOp { op, left, right } if is_now(left) || is_now(right) => self.compared(*op, left, right),
            // The whole context, or its `now`, anywhere but in a comparison that is understood.
            Expr::Var(Var::Context) => self.opaque = true,
            _ if is_now(expr) => self.opaque = true,
            Expr::Literal(_) | Expr::Var(_) | Expr::Slot(_) => {}
            Expr::UnaryOp { expr, .. } | Expr::Like { expr, .. } => self.walk(expr),
            Expr::GetAttr { expr, .. } | Expr::HasAttr { expr, .. } => {
                if !matches!(**expr, Expr::Var(Var::Context)) {
                    self.walk(expr);
                }
            }
            Expr::BinaryOp { left, right, .. } => {
                self.walk(left);
                self.walk(right);
            }
            Expr::Is { expr, in_expr, .. } => {
                self.walk(expr);
                in_expr.iter().for_each(|expr| self.walk(expr));
            }
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                [cond, then_expr, else_expr].into_iter().for_each(|expr| self.walk(expr));
            }
            Expr::Set(elements) => elements.iter().for_each(|expr| self.walk(expr)),
            Expr::Record(fields) => fields.values().for_each(|expr| self.walk(expr)),
            _ => self.opaque = true,
        }
    }

    fn compared(&mut self, op: BinaryOp, left: &Expr, right: &Expr) {
        // Mirrored so that `now` stands on the left.
        let (op, other) = match (is_now(left), op) {
            (true, op) => (op, right),
            (false, BinaryOp::Less) => (BinaryOp::Greater, left),
            (false, BinaryOp::LessEq) => (BinaryOp::GreaterEq, left),
            (false, BinaryOp::Greater) => (BinaryOp::Less, left),
            (false, BinaryOp::GreaterEq) => (BinaryOp::LessEq, left),
            (false, op) => (op, left),
        };
        let ordered = matches!(op, BinaryOp::Less | BinaryOp::LessEq | BinaryOp::Greater | BinaryOp::GreaterEq);
        match (op, grant_time(other), literal(other)) {
            // Exactly the half-open window: both change where the Grant does, and nowhere else.
            (BinaryOp::GreaterEq | BinaryOp::Less, Some("starts_at" | "expires_at"), _) => {}
            (BinaryOp::Eq | BinaryOp::NotEq, _, Some(at)) => self.boundary(at),
            (_, _, Some(at)) if ordered => self.boundary(at),
            _ => self.opaque = true,
        }
    }

    fn boundary(&mut self, at: Timestamp) {
        self.literals.insert(at);
        self.literals.insert(at.plus(core::time::Duration::from_millis(1)));
    }
}

fn is_now(expr: &Expr) -> bool {
    matches!(expr, Expr::GetAttr { expr, attr } if attr == "now" && matches!(**expr, Expr::Var(Var::Context)))
}

/// The member of `context.grant` that this is.
fn grant_time(expr: &Expr) -> Option<&str> {
    let Expr::GetAttr { expr, attr } = expr else {
        return None;
    };
    let Expr::GetAttr { expr, attr: grant } = &**expr else {
        return None;
    };
    (grant == "grant" && matches!(**expr, Expr::Var(Var::Context))).then_some(attr.as_str())
}

/// The instant of a `datetime("…")`.
fn literal(expr: &Expr) -> Option<Timestamp> {
    let Expr::UnaryOp { op: UnaryOp::Datetime, expr } = expr else {
        return None;
    };
    let Expr::Literal(Literal::String(text)) = &**expr else {
        return None;
    };
    milliseconds(text)
}

/// Milliseconds of Cedar's own reading of a datetime, so that there is no second reading that differs.
fn milliseconds(text: &str) -> Option<Timestamp> {
    let epoch = RestrictedExpression::new_datetime("1970-01-01");
    let context = cedar_policy::Context::from_pairs([
        ("at".to_owned(), RestrictedExpression::new_datetime(text)),
        ("epoch".to_owned(), epoch),
    ])
    .ok()?;
    let nobody = || Some(super::facts::uid(&"Nobody".parse().ok()?, ""));
    let request = cedar_policy::Request::new(nobody()?, nobody()?, nobody()?, context, None).ok()?;
    let since = "context.at.durationSince(context.epoch).toMilliseconds()".parse().ok()?;
    match cedar_policy::eval_expression(&request, &cedar_policy::Entities::empty(), &since) {
        Ok(cedar_policy::EvalResult::Long(ms)) => Some(Timestamp::from_ms(ms)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time_use(condition: &str) -> TimeUse {
        let policy = format!("permit (principal, action, resource) when {{ {condition} }};");
        TimeUse::of(&policy.parse::<cedar_policy::Policy>().unwrap().to_pst().unwrap())
    }

    #[test]
    fn the_grants_own_window_and_literals_are_understood() {
        let own =
            "context has grant && context.grant.starts_at <= context.now && context.now < context.grant.expires_at";
        assert_eq!(time_use(own), TimeUse::default());
        assert_eq!(time_use("!(context.grant.expires_at <= context.now)"), TimeUse::default());
        assert_eq!(time_use("context has now && context.device_managed"), TimeUse::default());
        let at: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        for condition in [
            "context.now < datetime(\"2026-11-22\")",
            "datetime(\"2026-11-22T00:00:00Z\") <= context.now",
            "context.now == datetime(\"2026-11-22T01:00:00+0100\")",
        ] {
            let used = time_use(condition);
            assert!(!used.opaque, "{condition}");
            assert_eq!(used.literals, [at, Timestamp::from_ms(at.as_ms() + 1)], "{condition}");
            assert_eq!(used.next_after(at), Some(Timestamp::from_ms(at.as_ms() + 1)));
        }
    }

    #[test]
    fn anything_else_is_opaque() {
        for condition in [
            "context.now.toTime() < duration(\"8h\")",
            "context.now.durationSince(context.grant.starts_at) < duration(\"1h\")",
            "context.now <= context.grant.starts_at",
            "context.now == context.grant.starts_at",
            "context.now <= context.grant.expires_at",
            "context.now < context.deadline",
            "context.now < datetime(\"2026-11-22\").offset(duration(\"1h\"))",
            "context == {\"now\": datetime(\"2026-11-22\")}",
            "[context.now].contains(datetime(\"2026-11-22\"))",
            "principal in {\"x\": context.now}.x",
            "if context.now < context.deadline then true else false",
            "context.now in principal",
        ] {
            assert!(time_use(condition).opaque, "{condition}");
        }
    }
}
