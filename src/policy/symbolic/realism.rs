//! The world counterexamples are looked for in first: a handful of people, two tenants, one mailbox, one
//! day. A solver left alone answers with `Engineer::""` in the year 292277026596, which is as true and
//! which nobody can read.
//!
//! It is a set of forbids that are added to what is asked about. They only ever take questions away,
//! so a witness found with them is one without them; where none is found, the next wider world is tried.

use super::super::PolicySet;
use super::super::schema::{Members, Type};
use super::environment::Environment;
use cedar_policy::pst::{Clause, Expr, Literal};
use cedar_policy::{Policy, PolicyId};
use std::collections::BTreeSet;

/// The day everything happens on, and the one after it.
const DAY: (&str, &str) = ("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z");
/// The days that windows may reach into.
const AROUND: (&str, &str) = ("2026-11-21T00:00:00Z", "2026-11-24T00:00:00Z");
/// The engineers.
pub(super) const ENGINEERS: [&str; 2] = ["ana@provider.example", "ben@provider.example"];
/// The tenants; the first owns the content.
pub(super) const TENANTS: [&str; 2] = ["contoso", "fabrikam"];
/// Content of the first tenant, and what lies beside it.
pub(super) const MAILBOXES: [&str; 2] = ["mailbox/adele@contoso.example", "mailbox/bert@contoso.example"];
/// The people of the lifecycle.
const PEOPLE: [&str; 4] =
    ["ana@provider.example", "rita@provider.example", "csilla@contoso.example", "dora@contoso.example"];

/// The worlds, the narrowest first; each as forbids to add to a set.
pub(super) fn worlds(set: &PolicySet, environment: &Environment, about: &[&Policy]) -> Vec<Vec<Policy>> {
    let literals = Literals::of(about.iter().copied());
    let worlds = if environment.is_about_content(set) {
        let free = stated(set, environment, &literals);
        vec![
            [people(), place(set), dates(), grant(set), free.clone()].concat(),
            [people(), dates(), free].concat(),
            dates(),
        ]
    } else {
        vec![lifecycle(environment)]
    };
    let forbids = |clauses: Vec<String>| {
        let numbered = clauses.into_iter().enumerate();
        numbered.map(|(number, clause)| forbid(environment, number, &clause)).collect::<Option<Vec<_>>>()
    };
    worlds.into_iter().filter_map(forbids).collect()
}

/// One forbid for each clause: the symbolic compiler compares terms by their whole text, so that many
/// small policies take a fraction of the time of a large one.
fn forbid(environment: &Environment, number: usize, clause: &str) -> Option<Policy> {
    let (principal, resource) = (environment.request.principal(), environment.request.resource());
    let action = environment.request.action();
    let text = format!("forbid (principal is {principal}, action == {action}, resource is {resource}) {clause};");
    Policy::parse(Some(PolicyId::new(format!("realism {number}"))), text).ok()
}

/// The clause of a forbid that makes sure of `condition`.
fn sure(condition: &str) -> String {
    format!("unless {{ {condition} }}")
}

/// The same of an attribute that may be absent.
fn optional(place: &str, name: &str, condition: &str) -> String {
    format!("when {{ {place} has {name} && !({condition}) }}")
}

/// The same of the Grant, if there is one.
fn of_grant(condition: &str) -> String {
    optional("context", "grant", condition)
}

fn entity(kind: &str, id: &str) -> String {
    format!("Lockbox::{kind}::\"{id}\"")
}

fn one_of(what: &str, kind: &str, ids: &[&str]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("{what} == {}", entity(kind, id))).collect();
    format!("({})", ids.join(" || "))
}

fn within(what: &str, (first, last): (&str, &str)) -> Vec<String> {
    vec![format!("datetime(\"{first}\") <= {what}"), format!("{what} <= datetime(\"{last}\")")]
}

fn people() -> Vec<String> {
    vec![
        sure(&one_of("principal", "Engineer", &ENGINEERS)),
        of_grant(&one_of("context.grant.engineer", "Engineer", &ENGINEERS)),
        of_grant(&one_of("context.grant.tenant", "Tenant", &TENANTS)),
        sure(&one_of("resource.tenant", "Tenant", &TENANTS)),
    ]
}

/// One mailbox where it belongs, in what lies above it and in nothing else that is named here.
fn place(set: &PolicySet) -> Vec<String> {
    let root = root(set);
    let mailbox = |at: usize| entity("Content", &format!("{root}/{}", MAILBOXES.get(at).copied().unwrap_or_default()));
    let (tenant, workload) = root.split_once('/').unwrap_or((&root, ""));
    vec![
        sure(&format!("resource == {}", mailbox(0))),
        sure(&format!("resource in {}", entity("Content", &root))),
        sure(&format!("!(resource in {})", mailbox(1))),
        sure(&format!("resource.tenant == {}", entity("Tenant", tenant))),
        sure(&format!("resource.workload == {}", entity("Workload", workload))),
        sure("resource has content_type"),
        optional("resource", "content_type", &format!("resource.content_type == {}", entity("ContentType", "mailbox"))),
    ]
}

/// `contoso/` and a workload: where the content of every witness lies.
pub(super) fn root(set: &PolicySet) -> String {
    let workload = set.workloads().find(|name| *name == "exchange").or_else(|| set.workloads().next());
    format!("{}/{}", TENANTS[0], workload.unwrap_or_default())
}

fn dates() -> Vec<String> {
    let window = [within("context.grant.starts_at", AROUND), within("context.grant.expires_at", AROUND)].concat();
    let now = within("context.now", DAY);
    now.iter().map(|condition| sure(condition)).chain(window.iter().map(|condition| of_grant(condition))).collect()
}

/// A Grant as the record has them: its content is content of its tenant and workload.
fn grant(set: &PolicySet) -> Vec<String> {
    let actions: Vec<String> = set.actions().map(|action| entity("Action", action)).collect();
    let mut clauses = Vec::new();
    for tenant in TENANTS {
        for workload in set.workloads() {
            let here = format!("{tenant}/{workload}");
            let mut choices = vec![entity("Content", &here)];
            if here == root(set) {
                choices.extend(MAILBOXES.map(|path| entity("Content", &format!("{here}/{path}"))));
            }
            let content: Vec<String> =
                choices.iter().map(|content| format!("context.grant.content == [{content}]")).collect();
            clauses.push(of_grant(&format!(
                "context.grant.tenant != {} || context.grant.workload != {} || {}",
                entity("Tenant", tenant),
                entity("Workload", workload),
                content.join(" || ")
            )));
        }
    }
    clauses.extend([
        of_grant("context.grant.id == \"00000000-0000-0000-0000-0000000003e9\""),
        of_grant("context.grant.access_request == \"LBX-1001\""),
        of_grant("context.grant.service_request == \"SR-1\""),
        of_grant(&format!("[{}].containsAll(context.grant.actions)", actions.join(", "))),
    ]);
    clauses
}

/// Free attributes: small numbers, and texts that the policies know or one they do not.
fn stated(set: &PolicySet, environment: &Environment, literals: &Literals) -> Vec<String> {
    let nothing = Members::new();
    let context = set.vocabulary.actions.get(environment.action()).unwrap_or(&nothing);
    let words = &set.vocabulary;
    let mut conditions = Vec::new();
    for (place, members) in [
        ("principal", &words.engineer),
        ("resource.tenant", &words.tenant),
        ("resource", &words.content),
        ("context", context),
    ] {
        for (name, member) in members {
            let what = format!("{place}.{name}");
            let condition = match member.kind {
                Type::Long => format!("0 <= {what} && {what} <= {}", literals.largest.saturating_add(1)),
                Type::String => format!("[{}].contains({what})", literals.texts()),
                _ => continue,
            };
            conditions.push(if member.required { sure(&condition) } else { optional(place, name, &condition) });
        }
    }
    conditions
}

fn lifecycle(environment: &Environment) -> Vec<String> {
    let tenant = |what: &str| one_of(what, "Tenant", &TENANTS);
    let person = |what: &str| one_of(what, "Person", &PEOPLE);
    let mut clauses = vec![sure(&person("principal")), optional("principal", "tenant", &tenant("principal.tenant"))];
    match environment.request.resource().basename() {
        "Tenant" => clauses.push(sure(&tenant("resource"))),
        "Person" => clauses.push(sure(&person("resource"))),
        "AccessRequest" => {
            let people: Vec<String> = PEOPLE.iter().map(|person| entity("Person", person)).collect();
            clauses.extend([
                sure(&format!("resource == {}", entity("AccessRequest", "LBX-1001"))),
                sure(&person("resource.engineer")),
                sure(&tenant("resource.tenant")),
                optional("resource", "reviewer", &person("resource.reviewer")),
                sure(&format!("[{}].containsAll(resource.approvers)", people.join(", "))),
            ]);
        }
        _ => {}
    }
    clauses
}

/// The literals of policies: the values that matter.
#[derive(Debug, Default)]
pub(super) struct Literals {
    texts: BTreeSet<String>,
    /// The largest number, at least 5.
    pub(super) largest: i64,
}

impl Literals {
    pub(super) fn of<'a>(policies: impl Iterator<Item = &'a Policy>) -> Self {
        let mut found = Self { texts: BTreeSet::from(["other".to_owned()]), largest: 5 };
        for policy in policies {
            let Ok(pst) = policy.to_pst() else { continue };
            for clause in pst.body().clauses() {
                let (Clause::When(condition) | Clause::Unless(condition)) = clause;
                found.walk(condition);
            }
        }
        found
    }

    /// The texts, and one that no policy knows.
    pub(super) fn strings(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(String::as_str)
    }

    fn texts(&self) -> String {
        let quoted: Vec<String> = self.texts.iter().map(|text| format!("\"{}\"", text.escape_default())).collect();
        quoted.join(", ")
    }

    fn walk(&mut self, expr: &Expr) {
        match expr {
            Expr::Literal(Literal::String(text)) => {
                self.texts.insert(text.to_string());
            }
            Expr::Literal(Literal::Long(number)) => self.largest = self.largest.max(*number),
            Expr::Literal(_) | Expr::Var(_) | Expr::Slot(_) => {}
            // A date or a decimal is no text of an attribute.
            Expr::UnaryOp { expr, .. } if matches!(**expr, Expr::Literal(_)) => {}
            Expr::UnaryOp { expr, .. }
            | Expr::GetAttr { expr, .. }
            | Expr::HasAttr { expr, .. }
            | Expr::Like { expr, .. } => self.walk(expr),
            Expr::BinaryOp { left, right, .. } => [left, right].into_iter().for_each(|expr| self.walk(expr)),
            Expr::Is { expr, in_expr, .. } => {
                self.walk(expr);
                in_expr.iter().for_each(|expr| self.walk(expr));
            }
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                [cond, then_expr, else_expr].into_iter().for_each(|expr| self.walk(expr));
            }
            Expr::Set(elements) => elements.iter().for_each(|expr| self.walk(expr)),
            Expr::Record(fields) => fields.values().for_each(|expr| self.walk(expr)),
            _ => {}
        }
    }
}
