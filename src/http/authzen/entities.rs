//! AuthZEN's subject, action, resource and context, and the question they make.
//!
//! `resource.id` is `tenant/workload/` and the path below the type: `contoso/exchange/adele@contoso.example`
//! with type `mailbox`; type `workload` with id `contoso/exchange` asks about the workload as a whole.

use super::AuthzenSettings;
use crate::domain::{Attributes, Evaluation, Reason, Value};
use crate::evaluate_access::{Stated, Unaskable};
use crate::http::json::{Json, JsonError};
use crate::http::members::Members;

/// The type of a resource that is a whole workload.
const WHOLE_WORKLOAD: &str = "workload";

/// The four members of a question; each may be missing until defaults are in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entities<'j, 'a> {
    subject: Option<&'j Json<'a>>,
    action: Option<&'j Json<'a>>,
    resource: Option<&'j Json<'a>>,
    context: Option<&'j Json<'a>>,
}

/// An entity with a type, an id and properties.
struct Typed<'j> {
    kind: &'j str,
    id: &'j str,
    properties: Attributes,
}

impl<'j, 'a> Entities<'j, 'a> {
    /// The members of an object; `path` names it in errors.
    pub(super) fn of(json: &'j Json<'a>, whole: &'static str) -> Result<Self, JsonError> {
        Ok(Self::read(Members::of(json, whole)?))
    }

    /// The members of an item of a batch, with those of the whole where the item has none. A member
    /// replaces the default whole: nothing is merged.
    pub(super) fn of_item(json: &'j Json<'a>, path: String, defaults: Self) -> Result<Self, JsonError> {
        let item = Self::read(Members::below(json, path)?);
        Ok(Self {
            subject: item.subject.or(defaults.subject),
            action: item.action.or(defaults.action),
            resource: item.resource.or(defaults.resource),
            context: item.context.or(defaults.context),
        })
    }

    fn read(mut members: Members<'j, 'a>) -> Self {
        let entities = Self {
            subject: members.optional("subject"),
            action: members.optional("action"),
            resource: members.optional("resource"),
            context: members.optional("context"),
        };
        members.finish_ignoring_unknown();
        entities
    }

    /// The question they make.
    ///
    /// # Errors
    /// [`JsonError`] where a required member is missing or of the wrong type: no question at all.
    pub(super) fn question(&self, settings: &AuthzenSettings) -> Result<Result<Evaluation, Unaskable>, JsonError> {
        let subject = typed(self.subject, "subject")?;
        let mut action = member(self.action, "action")?;
        let action_name = action.required_str("name")?;
        let action_stated = properties(&mut action)?;
        action.finish_ignoring_unknown();
        let resource = typed(self.resource, "resource")?;
        let mut context = match self.context {
            None => Attributes::new(),
            Some(json) => attributes(json, "context")?,
        };
        let service_request = match context.remove("service_request") {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let prefixed = settings.resource_prefix.get(resource.kind).map(|prefix| format!("{prefix}/{}", resource.id));
        let id = prefixed.as_deref().unwrap_or(resource.id);
        let mut parts = id.splitn(3, '/');
        let (tenant, workload, below) = (parts.next(), parts.next(), parts.next());
        let whole = resource.kind == WHOLE_WORKLOAD;
        let stated = Stated {
            engineer: subject.id,
            action: action_name,
            tenant: tenant.unwrap_or_default(),
            workload: workload.unwrap_or_default(),
            content: (!whole).then(|| (resource.kind, below.unwrap_or_default())),
            service_request: service_request.as_deref(),
            context,
            engineer_stated: subject.properties,
            action_stated,
            content_stated: resource.properties,
        };
        Ok(asked(stated, subject.kind, whole && below.is_some(), settings))
    }
}

fn asked(
    mut stated: Stated<'_>,
    subject_type: &str,
    too_deep: bool,
    settings: &AuthzenSettings,
) -> Result<Evaluation, Unaskable> {
    if !settings.subject_types.iter().any(|known| known == subject_type) {
        let known = settings.subject_types.join("`, `");
        return Err(stated.unaskable(Reason::NotInSchema, format!("a subject is of type `{known}`")));
    }
    if too_deep {
        let message = "a resource of type `workload` has the id `tenant/workload` and nothing below it";
        return Err(stated.unaskable(Reason::MalformedName, message.to_owned()));
    }
    for (name, said) in [("tenant", stated.tenant), ("workload", stated.workload)] {
        // What is said twice must be the same; it is then no attribute of its own.
        match stated.content_stated.remove(name) {
            Some(Value::String(property)) if property != said => {
                let message = format!("`resource.properties.{name}` contradicts `resource.id`");
                return Err(stated.unaskable(Reason::ContradictoryResource, message));
            }
            _ => {}
        }
    }
    stated.parse()
}

fn member<'j, 'a>(json: Option<&'j Json<'a>>, name: &'static str) -> Result<Members<'j, 'a>, JsonError> {
    match json {
        Some(json) => Members::below(json, name.to_owned()),
        None => Err(JsonError::Shape { path: format!("`{name}`"), why: "is missing".to_owned() }),
    }
}

fn typed<'j>(json: Option<&'j Json<'_>>, name: &'static str) -> Result<Typed<'j>, JsonError> {
    let mut members = member(json, name)?;
    let (kind, id) = (members.required_str("type")?, members.required_str("id")?);
    let properties = properties(&mut members)?;
    members.finish_ignoring_unknown();
    Ok(Typed { kind, id, properties })
}

fn properties(members: &mut Members<'_, '_>) -> Result<Attributes, JsonError> {
    match members.optional("properties") {
        None => Ok(Attributes::new()),
        Some(json) => attributes(json, "properties"),
    }
}

/// Any JSON object as attributes. A number that policies cannot have (a fraction) becomes a text: if
/// the schema declares the attribute it is then of the wrong type and denies, else it is passed over.
fn attributes(json: &Json<'_>, path: &str) -> Result<Attributes, JsonError> {
    match json {
        Json::Object(members) => {
            Ok(members.iter().filter_map(|(name, json)| Some((name.to_string(), value(json)?))).collect())
        }
        other => {
            Err(JsonError::Shape { path: format!("`{path}`"), why: format!("must be an object, not {}", other.kind()) })
        }
    }
}

fn value(json: &Json<'_>) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Integer(number) => Value::Long(*number),
        Json::Number(number) => Value::String(number.to_string()),
        Json::String(text) => Value::String(text.to_string()),
        Json::Array(items) => Value::Set(items.iter().filter_map(value).collect()),
        Json::Object(members) => {
            Value::Record(members.iter().filter_map(|(name, json)| Some((name.to_string(), value(json)?))).collect())
        }
    })
}
