//! From the domain to Cedar: the entities and the context of one question, built by typed code. No
//! JSON and no schema validation happens here; tests validate everything this makes against the schema.
//!
//! Invariant: what Lockbox fills (Grant, time, tenant, workload, suspension, switch) comes from the
//! record alone; what is stated passes through [`Stated`] and can reach no other attribute.

use super::PolicySet;
use super::schema::{Source, Type};
use super::stated::{Stated, WrongType};
use crate::domain::{
    Access, AccessRequestId, ActionName, Attributes, ContentPath, ContentScope, Engineer, Evaluation, ServiceRequest,
    TenantFacts, Timestamp, Value, Window,
};
use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, ParseErrors, RestrictedExpression};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The most contexts kept ready.
const CONTEXTS_MAX: u64 = 4096;
/// With more statements of a caller than this a context is not worth keeping.
const STATED_KEPT_MAX: usize = 16;

/// Entity types, parsed once.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) engineer: EntityTypeName,
    pub(crate) team: EntityTypeName,
    pub(crate) tenant: EntityTypeName,
    pub(crate) content: EntityTypeName,
    pub(crate) workload: EntityTypeName,
    pub(crate) content_type: EntityTypeName,
    pub(crate) approval: EntityTypeName,
    pub(crate) action: EntityTypeName,
    pub(crate) person: EntityTypeName,
    pub(crate) role: EntityTypeName,
    pub(crate) access_request: EntityTypeName,
    pub(crate) system: EntityTypeName,
}

impl Names {
    pub(crate) fn new() -> Result<Self, Box<ParseErrors>> {
        let name = |short: &str| format!("{}::{short}", super::schema::NAMESPACE).parse().map_err(Box::new);
        Ok(Self {
            engineer: name("Engineer")?,
            team: name("Team")?,
            tenant: name("Tenant")?,
            content: name("Content")?,
            workload: name("Workload")?,
            content_type: name("ContentType")?,
            approval: name("Approval")?,
            action: name("Action")?,
            person: name("Person")?,
            role: name("Role")?,
            access_request: name("AccessRequest")?,
            system: name("System")?,
        })
    }
}

/// The entity of a type with an id.
pub(crate) fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn entity(kind: &EntityTypeName, id: &str) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(uid(kind, id))
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn instant(at: Timestamp) -> RestrictedExpression {
    RestrictedExpression::new_datetime(at.to_string())
}

/// A question that cannot be put to Cedar.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unaskable {
    /// A statement of a caller: the caller's fault.
    #[error(transparent)]
    Stated(#[from] WrongType),
    /// A fact of a directory, or anything else: nobody can ask until it is put right.
    #[error("the facts do not fit the schema: {0}")]
    Facts(String),
}

/// The parts of a question that do not depend on the Grant.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) principal: EntityUid,
    pub(crate) resource: EntityUid,
    pub(crate) entities: Entities,
    pub(crate) dropped: usize,
}

impl PolicySet {
    /// The entities of a question.
    pub(crate) fn parts(
        &self,
        question: &Evaluation,
        engineer: &Engineer,
        tenant: &TenantFacts,
        base: &Entities,
    ) -> Result<Parts, Unaskable> {
        let mut dropped = 0;
        let engineer = self.engineer(question, engineer, &mut dropped)?;
        let tenant = self.tenant(tenant)?;
        let content = self.content(question, &mut dropped)?;
        let (principal, resource) = (engineer.uid(), content.uid());
        let entities = base
            .clone()
            .add_entities([engineer, tenant, content], None)
            .map_err(|error| Unaskable::Facts(error.to_string()))?;
        Ok(Parts { principal, resource, entities, dropped })
    }

    fn engineer(&self, question: &Evaluation, engineer: &Engineer, dropped: &mut usize) -> Result<Entity, Unaskable> {
        let members = &self.vocabulary.engineer;
        let mut values = vec![("suspended".to_owned(), RestrictedExpression::new_bool(engineer.suspended))];
        let mut own = Attributes::new();
        if let Some(clearance) = engineer.clearance {
            own.insert("clearance".to_owned(), Value::Long(clearance));
        }
        if let Some(country) = &engineer.country {
            own.insert("country".to_owned(), Value::String(country.clone()));
        }
        let further: Attributes = engineer
            .attributes
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "clearance" | "country"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let mut directory = Stated::default();
        for attributes in [&own, &further] {
            directory
                .take("engineer", attributes, members, Source::Directory)
                .map_err(|wrong| Unaskable::Facts(wrong.to_string()))?;
        }
        values.extend(directory.values);
        values.extend(stated("engineer", &question.engineer_stated, members, dropped)?);
        let teams = engineer.teams.iter().map(|team| uid(&self.names.team, team)).collect();
        build(uid(&self.names.engineer, engineer.id.as_str()), values, teams)
    }

    pub(crate) fn tenant(&self, tenant: &TenantFacts) -> Result<Entity, Unaskable> {
        let mut directory = Stated::default();
        directory
            .take("tenant", &tenant.attributes, &self.vocabulary.tenant, Source::Directory)
            .map_err(|wrong| Unaskable::Facts(wrong.to_string()))?;
        let mut values = directory.values;
        values.push(("lockbox".to_owned(), RestrictedExpression::new_bool(tenant.lockbox)));
        build(uid(&self.names.tenant, tenant.id.as_str()), values, HashSet::new())
    }

    fn content(&self, question: &Evaluation, dropped: &mut usize) -> Result<Entity, Unaskable> {
        let names = &self.names;
        let root = format!("{}/{}", question.tenant, question.workload);
        let mut values = vec![
            ("tenant".to_owned(), entity(&names.tenant, question.tenant.as_str())),
            ("workload".to_owned(), entity(&names.workload, question.workload.as_str())),
        ];
        let mut above = HashSet::new();
        let id = match &question.content {
            Some(path) => {
                values.push(("content_type".to_owned(), entity(&names.content_type, path.leaf_type())));
                above.extend(path.ancestors().map(|path| uid(&names.content, &format!("{root}/{path}"))));
                above.insert(uid(&names.content, &root));
                below(&root, path)
            }
            None => root,
        };
        values.extend(stated("content", &question.content_stated, &self.vocabulary.content, dropped)?);
        // All that lies above is a direct parent, so `in` needs no entity but this one.
        build(uid(&names.content, &id), values, above)
    }

    /// The context of a question under a Grant at an instant that stands for all up to the next boundary.
    pub(crate) fn context(
        &self,
        question: &Evaluation,
        access: Option<&Arc<Access>>,
        now: Timestamp,
    ) -> Result<(Context, usize), Unaskable> {
        let Some(access) = access else {
            return self.build_context(question, None, now);
        };
        if question.context.len() + question.action_stated.len() > STATED_KEPT_MAX {
            return self.build_context(question, Some(access), now);
        }
        let key = ContextKey {
            access: access.id,
            now,
            action: question.action.clone(),
            service_request: question.service_request.clone(),
            context: question.context.clone(),
            action_stated: question.action_stated.clone(),
        };
        if let Some(kept) = self.contexts.kept.get(&key)
            && (Arc::ptr_eq(&kept.access, access) || kept.access == *access)
        {
            return Ok((kept.context, kept.dropped));
        }
        let (context, dropped) = self.build_context(question, Some(access), now)?;
        let kept = Kept { access: access.clone(), context: context.clone(), dropped };
        self.contexts.kept.insert(key, kept);
        Ok((context, dropped))
    }

    fn build_context(
        &self,
        question: &Evaluation,
        access: Option<&Arc<Access>>,
        now: Timestamp,
    ) -> Result<(Context, usize), Unaskable> {
        let nothing = std::collections::BTreeMap::new();
        let members = self.vocabulary.actions.get(question.action.as_str()).unwrap_or(&nothing);
        let mut given = Stated::default();
        // Both have a field of their own in a question, so the free part cannot state them a second time.
        let free: Attributes = question
            .context
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "service_request" | "action"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        given.dropped += question.context.len() - free.len();
        given.take("context", &free, members, Source::Caller)?;
        if let Some(service_request) = &question.service_request {
            let own = Attributes::from([("service_request".to_owned(), Value::String(service_request.to_string()))]);
            given.take("context", &own, members, Source::Caller)?;
        }
        if !question.action_stated.is_empty() {
            match members.get("action").filter(|member| matches!(member.kind, Type::Record(_))) {
                Some(_) => {
                    let own = Attributes::from([("action".to_owned(), Value::Record(question.action_stated.clone()))]);
                    given.take("context", &own, members, Source::Caller)?;
                }
                None => given.dropped += question.action_stated.len(),
            }
        }
        let mut values = given.values;
        values.push(("now".to_owned(), instant(now)));
        if let Some(grant) = access.and_then(|access| self.grant(access)) {
            values.push(("grant".to_owned(), grant?));
        }
        let context = Context::from_pairs(values).map_err(|error| Unaskable::Facts(error.to_string()))?;
        Ok((context, given.dropped))
    }

    /// The Grant as a record; `None` when the AccessRequest has none.
    fn grant(&self, access: &Access) -> Option<Result<RestrictedExpression, Unaskable>> {
        let (Some(id), Some(Window { starts_at, expires_at }), Some(approval)) =
            (&access.grant, access.window, access.approval)
        else {
            return None;
        };
        let names = &self.names;
        let root = format!("{}/{}", access.tenant, access.workload);
        let content: Vec<RestrictedExpression> = match &access.scope.content {
            ContentScope::Workload => vec![entity(&names.content, &root)],
            ContentScope::Paths(paths) => {
                paths.iter().map(|path| entity(&names.content, &below(&root, path))).collect()
            }
        };
        let actions = access.scope.actions.iter().map(|action| entity(&names.action, action.as_str()));
        let record = RestrictedExpression::new_record([
            ("id".to_owned(), text(id.as_str())),
            ("access_request".to_owned(), text(&access.id.to_string())),
            ("engineer".to_owned(), entity(&names.engineer, access.engineer.as_str())),
            ("tenant".to_owned(), entity(&names.tenant, access.tenant.as_str())),
            ("workload".to_owned(), entity(&names.workload, access.workload.as_str())),
            ("service_request".to_owned(), text(access.service_request.as_str())),
            ("approval".to_owned(), entity(&names.approval, approval.as_str())),
            ("actions".to_owned(), RestrictedExpression::new_set(actions)),
            ("content".to_owned(), RestrictedExpression::new_set(content)),
            ("starts_at".to_owned(), instant(starts_at)),
            ("expires_at".to_owned(), instant(expires_at)),
        ]);
        Some(record.map_err(|error| Unaskable::Facts(error.to_string())))
    }
}

fn below(root: &str, path: &ContentPath) -> String {
    format!("{root}/{path}")
}

fn stated(
    place: &str,
    attributes: &Attributes,
    members: &super::schema::Members,
    dropped: &mut usize,
) -> Result<Vec<(String, RestrictedExpression)>, Unaskable> {
    if attributes.is_empty() {
        return Ok(Vec::new());
    }
    let mut given = Stated::default();
    given.take(place, attributes, members, Source::Caller)?;
    *dropped += given.dropped;
    Ok(given.values)
}

fn build(
    uid: EntityUid,
    values: Vec<(String, RestrictedExpression)>,
    parents: HashSet<EntityUid>,
) -> Result<Entity, Unaskable> {
    let values: HashMap<String, RestrictedExpression> = values.into_iter().collect();
    Entity::new(uid, values, parents).map_err(|error| Unaskable::Facts(error.to_string()))
}

/// Contexts that have been built: a datetime alone costs 5 µs, a clone of a context nanoseconds.
///
/// A kept context is used only for the very AccessRequest it was built from (compared whole), the
/// same statements of the caller, and the same stand-in instant.
#[derive(Debug)]
pub(crate) struct Contexts {
    kept: moka::sync::Cache<ContextKey, Kept>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ContextKey {
    access: AccessRequestId,
    now: Timestamp,
    action: ActionName,
    service_request: Option<ServiceRequest>,
    context: Attributes,
    action_stated: Attributes,
}

#[derive(Debug, Clone)]
struct Kept {
    access: Arc<Access>,
    context: Context,
    dropped: usize,
}

impl Contexts {
    pub(crate) fn new() -> Self {
        Self { kept: moka::sync::Cache::new(CONTEXTS_MAX) }
    }
}
