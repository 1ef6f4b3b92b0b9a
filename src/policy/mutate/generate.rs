//! From a policy to its mutants: effect, scope, clauses, and every place in their expressions.

use super::expressions::edits;
use super::places::{Edit, Place, Section, Written};
use super::{Kind, Mutant};
use crate::policy::files::{SourceFile, Sources};
use crate::policy::load::PolicySet;
use cedar_policy::Policy;
use cedar_policy::pst::{
    self, ActionConstraint, Clause, Effect, Expr, PrincipalConstraint, ResourceConstraint, Template,
};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::sync::Arc;

/// All mutants of the policies whose ids `only` accepts, by policy and place.
pub fn mutants(set: &PolicySet, sources: &Sources, only: &dyn Fn(&str) -> bool) -> Vec<Mutant> {
    let mut policies: Vec<&Policy> = set.cedar().policies().filter(|policy| only(policy.id().as_ref())).collect();
    policies.sort_by_key(|policy| policy.id().to_string());
    policies.into_iter().flat_map(|policy| of_policy(set, sources, policy)).collect()
}

fn of_policy(set: &PolicySet, sources: &Sources, policy: &Policy) -> Vec<Mutant> {
    let id = policy.id().to_string();
    let file = set.policy(&id).map(|info| info.file.clone()).unwrap_or_default();
    let source = sources.policies.iter().find(|source| source.name == file);
    let Ok(pst) = policy.to_pst() else { return Vec::new() };
    let mut making = Making {
        whole: pst.body().clone(),
        text: pst.body().to_string(),
        written: source.and_then(|source: &SourceFile| Written::find(&source.text, &id)),
        policy: id,
        file,
        seen: HashSet::new(),
        made: Vec::new(),
    };
    making.deleted();
    making.effect();
    making.scope();
    making.clauses();
    making.made
}

struct Making<'a> {
    whole: Template,
    text: String,
    written: Option<Written<'a>>,
    policy: String,
    file: String,
    seen: HashSet<String>,
    made: Vec<Mutant>,
}

/// What is changed: the kind of mistake, the text that changes, and which of several the same it is.
struct Change {
    kind: Kind,
    before: String,
    nth: usize,
    edit: Edit,
    section: Section,
}

impl Change {
    fn of(kind: Kind, before: String, edit: Edit) -> Self {
        Self { kind, before, nth: 0, edit, section: Section::Head }
    }
}

/// The texts of all parts of a policy's conditions, in the order in which they are written.
#[derive(Default)]
struct Texts {
    parts: Vec<(Arc<Expr>, String)>,
}

impl Texts {
    fn read(&mut self, expr: &Arc<Expr>) {
        self.parts.push((expr.clone(), expr.to_string()));
        match expr.as_ref() {
            Expr::BinaryOp { left, right, .. } => [left, right].into_iter().for_each(|part| self.read(part)),
            Expr::UnaryOp { expr, .. }
            | Expr::GetAttr { expr, .. }
            | Expr::HasAttr { expr, .. }
            | Expr::Like { expr, .. } => self.read(expr),
            Expr::Is { expr, in_expr, .. } => {
                self.read(expr);
                in_expr.iter().for_each(|part| self.read(part));
            }
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                [cond, then_expr, else_expr].into_iter().for_each(|part| self.read(part));
            }
            Expr::Set(parts) => parts.iter().for_each(|part| self.read(part)),
            Expr::Record(fields) => fields.values().for_each(|part| self.read(part)),
            _ => {}
        }
    }

    /// The text of a part, and how many parts with the same stand before it.
    fn find(&self, part: &Arc<Expr>) -> (String, usize) {
        let text = part.to_string();
        let before = self.parts.iter().take_while(|(other, _)| !Arc::ptr_eq(other, part));
        let nth = before.filter(|(_, other)| *other == text).count();
        (text, nth)
    }
}

impl Making<'_> {
    fn deleted(&mut self) {
        let place = self.written.as_ref().map(Written::deleted).unwrap_or_default();
        self.push(Change::of(Kind::Policy, self.policy.clone(), Edit::Drop), place, None);
    }

    fn effect(&mut self) {
        let (now, other) = match self.whole.effect {
            Effect::Permit => (Effect::Permit, Effect::Forbid),
            Effect::Forbid => (Effect::Forbid, Effect::Permit),
        };
        let mut changed = self.whole.clone();
        changed.effect = other;
        self.change(Change::of(Kind::Effect, now.to_string(), Edit::Replace(other.to_string())), changed);
    }

    fn scope(&mut self) {
        for (wider, text) in wider_principals(&self.whole.principal) {
            let before = format!("principal {}", self.whole.principal);
            let mut changed = self.whole.clone();
            changed.principal = wider;
            self.change(Change::of(Kind::Scope, before, Edit::Replace(text)), changed);
        }
        if self.whole.action != ActionConstraint::Any {
            let before = format!("action {}", self.whole.action);
            let mut changed = self.whole.clone();
            changed.action = ActionConstraint::Any;
            self.change(Change::of(Kind::Scope, before, Edit::Replace("action".to_owned())), changed);
        }
        if let ActionConstraint::In(actions) = &self.whole.action
            && actions.len() > 1
        {
            for (number, action) in actions.clone().into_iter().enumerate() {
                let mut changed = self.whole.clone();
                if let ActionConstraint::In(actions) = &mut changed.action {
                    actions.remove(number);
                }
                self.change(Change::of(Kind::Action, action.to_string(), Edit::Drop), changed);
            }
        }
        for (wider, text) in wider_resources(&self.whole.resource) {
            let before = format!("resource {}", self.whole.resource);
            let mut changed = self.whole.clone();
            changed.resource = wider;
            self.change(Change::of(Kind::Scope, before, Edit::Replace(text)), changed);
        }
    }

    fn clauses(&mut self) {
        let clauses = self.whole.clauses().clone();
        let mut texts = Texts::default();
        let (mut whens, mut unlesses) = (0, 0);
        for (number, clause) in clauses.iter().enumerate() {
            let mut without = clauses.clone();
            without.remove(number);
            self.clause(Change::of(Kind::Clause, clause.to_string(), Edit::Drop), without);
            let put = |changed: Clause| {
                let mut all = clauses.clone();
                all.splice(number..=number, [changed]);
                all
            };
            let (expr, make): (_, fn(Arc<Expr>) -> Clause) = match clause {
                Clause::When(expr) => {
                    let edit = Edit::Replace("unless {".to_owned());
                    let swap = Change { nth: whens, ..Change::of(Kind::Swap, "when {".to_owned(), edit) };
                    self.clause(swap, put(Clause::Unless(expr.clone())));
                    whens += 1;
                    (expr, Clause::When)
                }
                Clause::Unless(expr) => {
                    let edit = Edit::Replace("when {".to_owned());
                    let swap = Change { nth: unlesses, ..Change::of(Kind::Swap, "unless {".to_owned(), edit) };
                    self.clause(swap, put(Clause::When(expr.clone())));
                    unlesses += 1;
                    (expr, Clause::Unless)
                }
            };
            texts.read(expr);
            for edited in edits(expr) {
                let (before, nth) = texts.find(&edited.before);
                let change = Change { nth, ..Change::of(edited.kind, before, edited.edit) };
                self.clause(change, put(make(edited.whole)));
            }
        }
    }

    fn clause(&mut self, change: Change, clauses: Vec<Clause>) {
        let change = Change { section: Section::Clauses, ..change };
        if let Ok(changed) = self.whole.clone().try_with_clauses(clauses) {
            self.change(change, changed);
        }
    }

    fn change(&mut self, change: Change, changed: Template) {
        let text = changed.to_string();
        let Ok(pst) = pst::StaticPolicy::try_from(changed) else { return };
        let Ok(policy) = Policy::from_pst(pst::Policy::Static(pst)) else { return };
        // The same mutant by two ways is one.
        if text != self.text && self.seen.insert(text) {
            let written = self.written.as_ref();
            let place = written.map(|written| written.edited(change.section, &change.before, change.nth, &change.edit));
            self.push(change, place.unwrap_or_default(), Some(policy));
        }
    }

    fn push(&mut self, change: Change, place: Place, made: Option<Policy>) {
        let Change { kind, before, nth, edit, .. } = change;
        let after = match edit {
            Edit::Drop => String::new(),
            Edit::Replace(text) => text,
        };
        let digest = Sha256::digest(format!("{before}\0{after}\0{nth}"));
        let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        self.made.push(Mutant {
            id: format!("{}/{}/{short}", self.policy, kind.as_str()),
            policy: self.policy.clone(),
            file: self.file.clone(),
            line: place.line,
            column: place.column,
            kind,
            before,
            after,
            excerpt: place.excerpt,
            made,
        });
    }
}

/// Each principal constraint that is wider by one step, with its text.
fn wider_principals(constraint: &PrincipalConstraint) -> Vec<(PrincipalConstraint, String)> {
    let wider = match constraint {
        PrincipalConstraint::Any => Vec::new(),
        PrincipalConstraint::IsIn(kind, above) => {
            vec![PrincipalConstraint::Is(kind.clone()), PrincipalConstraint::In(above.clone())]
        }
        _ => vec![PrincipalConstraint::Any],
    };
    wider.into_iter().map(|wider| (wider.clone(), format!("principal {wider}").trim_end().to_owned())).collect()
}

/// Each resource constraint that is wider by one step, with its text.
fn wider_resources(constraint: &ResourceConstraint) -> Vec<(ResourceConstraint, String)> {
    let wider = match constraint {
        ResourceConstraint::Any => Vec::new(),
        ResourceConstraint::IsIn(kind, above) => {
            vec![ResourceConstraint::Is(kind.clone()), ResourceConstraint::In(above.clone())]
        }
        _ => vec![ResourceConstraint::Any],
    };
    wider.into_iter().map(|wider| (wider.clone(), format!("resource {wider}").trim_end().to_owned())).collect()
}
