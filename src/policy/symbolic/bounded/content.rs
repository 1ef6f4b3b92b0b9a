//! The small world of questions about content: built by the same code that a sidecar builds its
//! questions with, so that only what can happen is tried.

use super::super::super::PolicySet;
use super::super::super::schema::{Members, Source, Type};
use super::super::environment::Environment;
use super::super::realism::{ENGINEERS, MAILBOXES, TENANTS, root};
use super::{Read, World};
use crate::domain::{
    Access, AccessRequestId, ActionName, Approval, Attributes, ContentPath, ContentScope, Engineer, Evaluation,
    GrantId, PersonId, Scope, ServiceRequest, StateName, TenantFacts, TenantId, Timestamp, Value, Window, WorkloadName,
};
use cedar_policy::{Entities, Request};
use std::collections::BTreeSet;
use std::sync::Arc;

/// 2026-11-22T09:30:00Z.
const NOW_MS: i64 = 1_795_339_800_000;
const HOUR_MS: i64 = 3_600_000;

/// Where a free attribute belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Engineer(Source),
    Tenant,
    Content,
    Context,
}

/// One thing that may differ.
#[derive(Debug, Clone)]
enum Thing {
    Grant,
    GrantEngineer,
    GrantTenant,
    GrantWorkload,
    GrantActions,
    GrantContent,
    Approval,
    Window,
    Suspended,
    Lockbox,
    WholeWorkload,
    Team(String),
    Attribute(Place, String, Vec<Option<Value>>),
}

/// Start and end of the Grant's window against now: within, at its bounds, beside them, and empty.
const WINDOWS_MS: [(i64, i64); 8] = [
    (-HOUR_MS, HOUR_MS),
    (0, HOUR_MS),
    (-HOUR_MS, 1),
    (-HOUR_MS, 0),
    (1, HOUR_MS),
    (-HOUR_MS, -1),
    (-24 * HOUR_MS, 24 * HOUR_MS),
    (0, 0),
];

pub(super) struct Content<'a> {
    set: &'a PolicySet,
    at: &'a Environment,
    things: Vec<Thing>,
}

impl<'a> Content<'a> {
    pub(super) fn new(set: &'a PolicySet, at: &'a Environment, read: &Read) -> Self {
        let mut things = vec![
            Thing::Grant,
            Thing::GrantEngineer,
            Thing::GrantTenant,
            Thing::GrantActions,
            Thing::GrantContent,
            Thing::Approval,
            Thing::Window,
            Thing::Suspended,
            Thing::Lockbox,
            Thing::WholeWorkload,
        ];
        if set.workloads().count() > 1 {
            things.push(Thing::GrantWorkload);
        }
        things.extend(read.teams.iter().cloned().map(Thing::Team));
        let nothing = Members::new();
        let words = &set.vocabulary;
        let context = words.actions.get(at.action()).unwrap_or(&nothing);
        for (place, members) in [
            (Place::Engineer(Source::Directory), &words.engineer),
            (Place::Engineer(Source::Caller), &words.engineer),
            (Place::Tenant, &words.tenant),
            (Place::Content, &words.content),
            (Place::Context, context),
        ] {
            let source = match place {
                Place::Engineer(source) => source,
                Place::Tenant => Source::Directory,
                Place::Content | Place::Context => Source::Caller,
            };
            for (name, member) in members {
                let values = values(&member.kind, read);
                if member.source == source && read.attributes.contains(name) && !values.is_empty() {
                    things.push(Thing::Attribute(place, name.clone(), values));
                }
            }
        }
        Self { set, at, things }
    }
}

/// Absent, and what makes a difference to somebody.
fn values(kind: &Type, read: &Read) -> Vec<Option<Value>> {
    let some: Vec<Value> = match kind {
        Type::Bool => vec![Value::Bool(true), Value::Bool(false)],
        Type::Long => [0, 1, read.literals.largest, read.literals.largest.saturating_add(1)].map(Value::Long).into(),
        Type::String => read.literals.strings().map(|text| Value::String(text.to_owned())).collect(),
        Type::Entity { choices: Some(choices), .. } => choices.iter().cloned().map(Value::String).collect(),
        Type::Extension(_) | Type::Set(_) | Type::Record(_) | Type::Entity { choices: None, .. } => Vec::new(),
    };
    [None].into_iter().chain(some.into_iter().map(Some)).collect()
}

impl World for Content<'_> {
    fn choices(&self) -> Vec<usize> {
        let count = |thing: &Thing| match thing {
            Thing::GrantActions => 3,
            Thing::GrantContent => 4,
            Thing::Window => WINDOWS_MS.len(),
            Thing::Attribute(_, _, values) => values.len(),
            _ => 2,
        };
        self.things.iter().map(count).collect()
    }

    fn question(&mut self, chosen: &[usize]) -> Option<(Request, Entities)> {
        let mut facts = Known::good(self.set, self.at)?;
        for (thing, choice) in self.things.iter().zip(chosen).filter(|(_, choice)| **choice > 0) {
            facts.change(self.set, thing, *choice)?;
        }
        let Known { question, engineer, tenant, access, granted } = facts;
        let slice = self.set.content_slice(self.at.action())?;
        let parts = self.set.kept_parts(&question, &engineer, &tenant, slice).ok()?;
        let access = granted.then(|| Arc::new(access));
        let (context, _) = self.set.context(&question, access.as_ref(), Timestamp::from_ms(NOW_MS)).ok()?;
        let (principal, resource) = (parts.principal.clone(), parts.resource.clone());
        let request = Request::new(principal, slice.action.clone(), resource, context, None).ok()?;
        Some((request, parts.entities.clone()))
    }
}

/// A question that a good set allows.
struct Known {
    question: Evaluation,
    engineer: Engineer,
    tenant: TenantFacts,
    access: Access,
    granted: bool,
}

impl Known {
    fn good(set: &PolicySet, at: &Environment) -> Option<Self> {
        let action = ActionName::parse(at.action()).ok()?;
        let engineer = PersonId::parse(ENGINEERS[0]).ok()?;
        let tenant = TenantId::parse(TENANTS[0]).ok()?;
        let workload = WorkloadName::parse(root(set).split_once('/')?.1).ok()?;
        let content = ContentPath::parse(MAILBOXES[0]).ok()?;
        let access = Access {
            id: AccessRequestId::new(AccessRequestId::FIRST),
            engineer: engineer.clone(),
            tenant: tenant.clone(),
            workload: workload.clone(),
            service_request: ServiceRequest::parse("SR-1").ok()?,
            state: StateName::Active,
            scope: Scope { actions: BTreeSet::from([action.clone()]), content: ContentScope::Workload },
            approval: Some(Approval::Customer),
            grant: Some(GrantId::parse("00000000-0000-0000-0000-0000000003e9").ok()?),
            window: Some(window(0)?),
            respond_by: None,
            ended_at: None,
        };
        Some(Self {
            question: Evaluation::new(engineer.clone(), action, tenant.clone(), workload, Some(content)),
            engineer: Engineer {
                id: engineer,
                version: 1,
                teams: BTreeSet::new(),
                clearance: None,
                country: None,
                suspended: false,
                attributes: Attributes::new(),
            },
            tenant: TenantFacts { id: tenant, lockbox: true, attributes: Attributes::new().into() },
            access,
            granted: true,
        })
    }

    fn change(&mut self, set: &PolicySet, thing: &Thing, choice: usize) -> Option<()> {
        let access = &mut self.access;
        match thing {
            Thing::Grant => self.granted = false,
            Thing::GrantEngineer => access.engineer = PersonId::parse(ENGINEERS[1]).ok()?,
            Thing::GrantTenant => access.tenant = TenantId::parse(TENANTS[1]).ok()?,
            Thing::GrantWorkload => {
                let other = set.workloads().find(|name| *name != self.question.workload.as_str())?;
                access.workload = WorkloadName::parse(other).ok()?;
            }
            Thing::GrantActions => {
                let others = set.actions().filter(|name| choice == 2 && *name != self.question.action.as_str());
                access.scope.actions = others.map(ActionName::parse).collect::<Result<_, _>>().ok()?;
            }
            Thing::GrantContent => {
                let own = self.question.content.clone();
                let paths = match choice {
                    1 => own.into_iter().collect(),
                    2 => BTreeSet::from([ContentPath::parse(MAILBOXES[1]).ok()?]),
                    _ => BTreeSet::from([ContentPath::parse(&format!("{}/message/7", MAILBOXES[0])).ok()?]),
                };
                access.scope.content = ContentScope::from_paths(paths);
            }
            Thing::Approval => access.approval = Some(Approval::Internal),
            Thing::Window => access.window = Some(window(choice)?),
            Thing::Suspended => self.engineer.suspended = true,
            Thing::Lockbox => self.tenant.lockbox = false,
            Thing::WholeWorkload => self.question.content = None,
            Thing::Team(team) => {
                self.engineer.teams.insert(team.clone());
            }
            Thing::Attribute(place, name, values) => {
                let value = values.get(choice)?.clone()?;
                self.state(*place, name, value);
            }
        }
        Some(())
    }

    fn state(&mut self, place: Place, name: &str, value: Value) {
        let attributes = match (place, name, &value) {
            (Place::Engineer(Source::Directory), "clearance", Value::Long(clearance)) => {
                self.engineer.clearance = Some(*clearance);
                return;
            }
            (Place::Engineer(Source::Directory), "country", Value::String(country)) => {
                self.engineer.country = Some(country.clone());
                return;
            }
            (Place::Engineer(Source::Directory), ..) => &mut self.engineer.attributes,
            (Place::Engineer(_), ..) => &mut self.question.engineer_stated,
            (Place::Tenant, ..) => Arc::make_mut(&mut self.tenant.attributes),
            (Place::Content, ..) => &mut self.question.content_stated,
            (Place::Context, "service_request", Value::String(text)) => {
                self.question.service_request = ServiceRequest::parse(text).ok();
                return;
            }
            (Place::Context, ..) => &mut self.question.context,
        };
        attributes.insert(name.to_owned(), value);
    }
}

fn window(choice: usize) -> Option<Window> {
    let (starts, expires) = WINDOWS_MS.get(choice)?;
    let at = |ms: i64| Timestamp::from_ms(NOW_MS.saturating_add(ms));
    Some(Window { starts_at: at(*starts), expires_at: at(*expires) })
}
