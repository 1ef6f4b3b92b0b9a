//! Lints that need no solver: what loads but is probably not meant.

use super::super::files::{SourceFile, Sources};
use super::super::finding::Finding;
use super::super::load::{PolicyInfo, PolicySet};
use super::super::time_use::TimeUse;
use cedar_policy::pst::{ActionConstraint, BinaryOp, Clause, EntityUID, Expr, UnaryOp, Var};
use cedar_policy::{Effect, Policy};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The most warnings of one kind: a set of thousands of policies without owners is told, not listed.
const WARNINGS_MAX: usize = 200;

/// The text of each policy within its file, so that findings point there.
pub(super) struct Places<'a> {
    schema: &'a SourceFile,
    by_id: HashMap<&'a str, (&'a SourceFile, usize)>,
}

impl<'a> Places<'a> {
    pub(super) fn of(sources: &'a Sources) -> Self {
        let mut by_id = HashMap::new();
        for file in &sources.policies {
            for (offset, mark) in file.text.match_indices("@id(\"") {
                let rest = file.text.get(offset + mark.len()..).unwrap_or_default();
                if let Some((id, _)) = rest.split_once('"') {
                    by_id.entry(id).or_insert((file, offset));
                }
            }
        }
        Self { schema: &sources.schema, by_id }
    }

    /// A warning at a policy.
    pub(super) fn warning(&self, code: &'static str, id: &str, message: String, help: &str) -> Option<Finding> {
        let (file, offset) = self.by_id.get(id)?;
        let length = "@id(\"\")".len() + id.len();
        Some(Finding::file(code, &file.name, message, help).warning().at(&file.text, *offset, length))
    }

    /// A warning at a name in the schema.
    pub(super) fn in_schema(&self, code: &'static str, name: &str, message: String, help: &str) -> Finding {
        let finding = Finding::file(code, &self.schema.name, message, help).warning();
        let is_name = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let text = &*self.schema.text;
        let whole = text.match_indices(name).find(|(at, _)| {
            let (before, after) = (text.get(..*at), text.get(at + name.len()..));
            let line = before.and_then(|text| text.rsplit('\n').next()).unwrap_or_default();
            let bare = !is_name(before.and_then(|text| text.chars().next_back()))
                && !is_name(after.and_then(|text| text.chars().next()));
            bare && line.trim_start().starts_with("action")
        });
        match whole {
            Some((at, _)) => finding.at(text, at, name.len()),
            None => finding,
        }
    }

    /// A warning at the first place in a policy where `needle` stands, else at the policy.
    pub(super) fn warning_at(
        &self,
        code: &'static str,
        id: &str,
        needle: &str,
        message: String,
        help: &str,
    ) -> Option<Finding> {
        let (file, offset) = self.by_id.get(id)?;
        let rest = file.text.get(*offset..)?;
        let own = rest.get(1..).and_then(|rest| rest.find("@id(\"")).map_or(rest.len(), |end| end + 1);
        match rest.get(..own).and_then(|text| text.find(needle)) {
            Some(at) => {
                let finding = Finding::file(code, &file.name, message, help).warning();
                Some(finding.at(&file.text, offset + at, needle.len()))
            }
            None => self.warning(code, id, message, help),
        }
    }
}

struct Lints<'a> {
    set: &'a PolicySet,
    places: &'a Places<'a>,
    findings: Vec<Finding>,
    told: BTreeMap<&'static str, usize>,
}

/// All of them.
pub(super) fn look(set: &PolicySet, places: &Places<'_>) -> Vec<Finding> {
    let mut lints = Lints { set, places, findings: Vec::new(), told: BTreeMap::new() };
    let mut policies: Vec<(&PolicyInfo, &Policy)> =
        set.cedar().policies().filter_map(|policy| Some((set.policy(policy.id().as_ref())?, policy))).collect();
    policies.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
    for (info, policy) in &policies {
        lints.annotations(info);
        lints.conditions(info, policy);
    }
    lints.reasons(policies.iter().map(|(info, _)| *info));
    lints.findings
}

impl Lints<'_> {
    fn warn(&mut self, code: &'static str, id: &str, message: String, help: &str) {
        self.warn_at(code, id, "@id(", message, help);
    }

    fn warn_at(&mut self, code: &'static str, id: &str, needle: &str, message: String, help: &str) {
        let told = self.told.entry(code).or_default();
        *told += 1;
        if *told <= WARNINGS_MAX {
            let needle = if needle == "@id(" { format!("@id(\"{id}\")") } else { needle.to_owned() };
            self.findings.extend(self.places.warning_at(code, id, &needle, message, help));
        }
    }

    fn annotations(&mut self, info: &PolicyInfo) {
        for (key, given) in [("reason", &info.reason), ("advice", &info.advice), ("owner", &info.owner)] {
            if given.is_none() {
                self.warn(
                    "annotation-missing",
                    &info.id,
                    format!("`{}` has no `@{key}`", info.id),
                    "write it: a denial is answered with it, or it says whom to ask",
                );
            }
        }
    }

    fn conditions(&mut self, info: &PolicyInfo, policy: &Policy) {
        let id = &info.id;
        let Ok(pst) = policy.to_pst() else { return };
        let body = pst.body();
        let seen = Seen::of(body.clauses());
        if let ActionConstraint::In(actions) = &body.action {
            self.actions(id, policy, actions);
        }
        if policy.effect() == Effect::Forbid && seen.computes {
            self.warn(
                "forbid-can-error",
                id,
                format!("`{id}` computes, and a forbid that overflows does not forbid"),
                "compare without arithmetic; Lockbox denies on every error, so an overflow stops everybody",
            );
        }
        if TimeUse::of(&pst).opaque {
            self.warn_at(
                "time-opaque",
                id,
                "context.now",
                format!("`{id}` reads `context.now` in a way whose next change cannot be foreseen"),
                "compare it with a `datetime` literal or the Grant's window: answers can then be kept",
            );
        }
        if seen.dates_the_grant && !seen.reads_now {
            self.warn_at(
                "time-without-now",
                id,
                "datetime(",
                format!("`{id}` compares the Grant's times with a fixed date, and never reads `context.now`"),
                "if the time of the question is meant, compare `context.now` with the date",
            );
        }
        if policy.effect() == Effect::Permit && self.is_about_content(policy) && !seen.reads_grant {
            self.warn(
                "permit-without-grant",
                id,
                format!("`{id}` permits access to content and never reads `context.grant`: the guard demands a live Grant all the same"),
                "ask for the Grant in it (`context has grant && …`), or write the restriction as a forbid",
            );
        }
    }

    fn is_about_content(&self, policy: &Policy) -> bool {
        let mut slices = self.set.actions().filter_map(|action| self.set.content_slice(action));
        slices.any(|slice| slice.policies.policy(policy.id()).is_some())
    }

    /// Actions of a list that can never be asked about what the rest of the scope names.
    fn actions(&mut self, id: &str, policy: &Policy, actions: &[EntityUID]) {
        let Ok(known) = self.set.schema.action_entities() else { return };
        let asked: Vec<cedar_policy::EntityUid> =
            policy.get_valid_request_envs(&self.set.schema).map(|environment| environment.action().clone()).collect();
        for action in actions.iter().filter(|_| actions.len() > 1) {
            let Ok(uid) = action.to_string().parse::<cedar_policy::EntityUid>() else { continue };
            if !asked.iter().any(|asked| *asked == uid || known.is_ancestor_of(&uid, asked)) {
                let name = uid.id().unescaped();
                self.warn_at(
                    "action-never-matches",
                    id,
                    &format!("\"{name}\""),
                    format!("`{name}` can never be asked about what the scope of `{id}` names"),
                    "take it out of the list, or correct the types in the scope",
                );
            }
        }
    }

    fn reasons<'i>(&mut self, infos: impl Iterator<Item = &'i PolicyInfo>) {
        let mut first: HashMap<&str, &PolicyInfo> = HashMap::new();
        for info in infos {
            let Some(reason) = &info.reason else { continue };
            let other = *first.entry(reason).or_insert(info);
            if other.permits != info.permits || other.advice != info.advice {
                self.warn_at(
                    "reason-ambiguous",
                    &info.id,
                    &format!("@reason(\"{reason}\")"),
                    format!("`{reason}` is the reason of `{}` too, which means something else", other.id),
                    "give each meaning a code of its own; policies of one meaning share their `@advice`",
                );
            }
        }
    }
}

/// What the conditions of a policy do, as far as the lints ask.
#[derive(Default)]
struct Seen {
    computes: bool,
    reads_now: bool,
    reads_grant: bool,
    dates_the_grant: bool,
}

impl Seen {
    fn of(clauses: &[Clause]) -> Self {
        let mut seen = Self::default();
        for Clause::When(condition) | Clause::Unless(condition) in clauses {
            seen.walk(condition);
        }
        seen
    }

    fn walk(&mut self, expr: &Expr) {
        match expr {
            Expr::Literal(_) | Expr::Var(_) | Expr::Slot(_) => {}
            Expr::UnaryOp { op, expr } => {
                self.computes |= *op == UnaryOp::Neg;
                self.walk(expr);
            }
            Expr::BinaryOp { op, left, right } => {
                let overflows =
                    [BinaryOp::Add, BinaryOp::Sub, BinaryOp::Mul, BinaryOp::Offset, BinaryOp::DurationSince];
                self.computes |= overflows.contains(op);
                let dated = |a: &Expr, b: &Expr| is_date(a) && is_of_the_grant(b);
                self.dates_the_grant |= dated(left, right) || dated(right, left);
                self.walk(left);
                self.walk(right);
            }
            Expr::GetAttr { expr: of, attr } => {
                self.reads(of, attr);
                self.walk(of);
            }
            Expr::HasAttr { expr: of, attrs } => {
                self.reads(of, &attrs.head);
                self.walk(of);
            }
            Expr::Like { expr, .. } => self.walk(expr),
            Expr::Is { expr, in_expr, .. } => {
                [Some(expr), in_expr.as_ref()].into_iter().flatten().for_each(|expr| self.walk(expr))
            }
            Expr::IfThenElse { cond, then_expr, else_expr } => self.all(&[cond, then_expr, else_expr]),
            Expr::Set(elements) => elements.iter().for_each(|expr| self.walk(expr)),
            Expr::Record(fields) => fields.values().for_each(|expr| self.walk(expr)),
            // What is not known could do anything.
            _ => self.computes = true,
        }
    }

    fn all(&mut self, parts: &[&Arc<Expr>]) {
        parts.iter().for_each(|part| self.walk(part));
    }

    fn reads(&mut self, of: &Expr, attr: &str) {
        if matches!(of, Expr::Var(Var::Context)) {
            self.reads_now |= attr == "now";
            self.reads_grant |= attr == "grant";
        }
    }
}

fn is_date(expr: &Expr) -> bool {
    matches!(expr, Expr::UnaryOp { op: UnaryOp::Datetime, .. })
}

/// Whether this is a member of `context.grant`.
fn is_of_the_grant(expr: &Expr) -> bool {
    let Expr::GetAttr { expr: grant, .. } = expr else { return false };
    matches!(&**grant, Expr::GetAttr { expr, attr } if attr == "grant" && matches!(**expr, Expr::Var(Var::Context)))
}
