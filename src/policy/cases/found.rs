//! A question that a solver found, written down as a suite would have it: with people, tenants, content
//! and a Grant in the words of Lockbox.
//!
//! Invariant: what a suite cannot say is an error, never left out: another question would be tried.

use super::super::PolicySet;
use super::super::schema::{Members, Source};
use super::super::symbolic::Witness;
use super::suite::{
    AccessRequestCase, AskCase, ContentCase, EngineerCase, Expected, GrantCase, PersonCase, StatedCase, Suite,
    TenantCase, TestCase,
};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};

/// The instant of questions that do not read the time.
const NOW: &str = "2026-11-22T09:30:00Z";

/// What is expected of a question.
#[derive(Debug, Clone)]
pub(crate) struct Answer<'a> {
    /// What the test shows.
    pub(crate) name: &'a str,
    /// Whether it is allowed.
    pub(crate) allowed: bool,
    /// The policies that decide.
    pub(crate) because: &'a [String],
}

impl Suite {
    /// A suite of one test, which puts the question to the policies by themselves.
    ///
    /// # Errors
    /// Why the form of a suite cannot say it.
    pub(crate) fn of_question(set: &PolicySet, question: &Witness, answer: &Answer<'_>) -> Result<Self, String> {
        let json = serde_json::to_value(question).map_err(|error| error.to_string())?;
        let mut writing = Writing { set, entities: BTreeMap::new(), suite: Self::default() };
        for entity in json.get("entities").and_then(Json::as_array).into_iter().flatten() {
            if let Some(uid) = entity.get("uid").and_then(pointed) {
                writing.entities.insert(uid, entity.clone());
            }
        }
        let uid = |key: &str| json.get(key).and_then(Json::as_str).and_then(parsed).ok_or_else(|| lacks(key));
        let (principal, (_, action), resource) = (uid("principal")?, uid("action")?, uid("resource")?);
        let context = json.get("context").and_then(Json::as_object).cloned().unwrap_or_default();
        let expected = if answer.allowed { Expected::Allow } else { Expected::Deny };
        let mut test = TestCase {
            name: answer.name.to_owned(),
            expect: BTreeMap::from([(action.clone(), expected)]),
            because: answer.because.iter().cloned().collect(),
            ..TestCase::default()
        };
        test.ask = if principal.0 == "Person" {
            writing.suite.now = NOW.to_owned();
            writing.about_people(&principal, &resource)?
        } else {
            test.guard = false;
            writing.suite.now = context.get("now").and_then(text).ok_or_else(|| lacks("now"))?;
            writing.about_content(&principal, &action, &resource, &context)?
        };
        test.ask.actions = BTreeSet::from([action]);
        Ok(Self { name: "found by a solver".to_owned(), tests: vec![test], ..writing.suite })
    }
}

/// An entity's type, without the namespace, and its id.
type Uid = (String, String);

struct Writing<'a> {
    set: &'a PolicySet,
    entities: BTreeMap<Uid, Json>,
    suite: Suite,
}

impl Writing<'_> {
    fn attributes(&self, uid: &Uid) -> Map<String, Json> {
        let attributes = self.entities.get(uid).and_then(|entity| entity.get("attrs"));
        attributes.and_then(Json::as_object).cloned().unwrap_or_default()
    }

    fn about_content(
        &mut self,
        principal: &Uid,
        action: &str,
        resource: &Uid,
        context: &Map<String, Json>,
    ) -> Result<AskCase, String> {
        let nothing = Members::new();
        let words = &self.set.vocabulary;
        let members = words.actions.get(action).unwrap_or(&nothing);
        let stated = self.attributes(principal);
        let engineer_stated = sourced(&stated, &words.engineer, Source::Caller)?;
        let mut circumstances = sourced(context, members, Source::Caller)?;
        let service_request = circumstances.remove("service_request").and_then(|text| text.as_str().map(str::to_owned));
        let action_stated = match circumstances.remove("action") {
            Some(Json::Object(fields)) => fields.into_iter().collect(),
            _ => StatedCase::new(),
        };
        let engineer = self.engineer(principal)?;
        let grants = context.get("grant").and_then(Json::as_object).map(|grant| self.grant(grant)).transpose()?;
        Ok(AskCase {
            engineer: Some(engineer),
            content: Some(self.content(resource)?),
            grants: grants.into_iter().collect(),
            context: circumstances,
            engineer_stated,
            action_stated,
            service_request,
            ..AskCase::default()
        })
    }

    fn engineer(&mut self, uid: &Uid) -> Result<String, String> {
        let attributes = self.attributes(uid);
        let mut directory = sourced(&attributes, &self.set.vocabulary.engineer, Source::Directory)?;
        let entity = self.entities.get(uid);
        let parents = entity.and_then(|entity| entity.get("parents")).and_then(Json::as_array);
        let case = EngineerCase {
            id: uid.1.clone(),
            teams: parents.into_iter().flatten().filter_map(pointed).map(|(_, id)| id).collect(),
            clearance: directory.remove("clearance").and_then(|number| number.as_i64()),
            country: directory.remove("country").and_then(|text| text.as_str().map(str::to_owned)),
            suspended: attributes.get("suspended").and_then(Json::as_bool).unwrap_or(false),
            unknown: false,
            attributes: directory,
        };
        let name = nickname(&uid.1);
        self.suite.engineers.insert(name.clone(), case);
        Ok(name)
    }

    fn tenant(&mut self, uid: &Uid) -> Result<String, String> {
        let attributes = self.attributes(uid);
        let lockbox = attributes.get("lockbox").and_then(Json::as_bool).unwrap_or(true);
        let case =
            TenantCase { lockbox, attributes: sourced(&attributes, &self.set.vocabulary.tenant, Source::Directory)? };
        self.suite.tenants.insert(uid.1.clone(), case);
        Ok(uid.1.clone())
    }

    fn content(&mut self, uid: &Uid) -> Result<String, String> {
        let attributes = self.attributes(uid);
        let tenant = self.tenant(&member(&attributes, "tenant")?)?;
        let (_, workload) = member(&attributes, "workload")?;
        let id = match below(&uid.1, &tenant, &workload) {
            Some("") => None,
            Some(path) => Some(path.to_owned()),
            None => return Err(format!("content `{}` does not lie where it says", uid.1)),
        };
        let name =
            id.as_ref().map_or_else(|| "everything".to_owned(), |id| nickname(id.rsplit('/').next().unwrap_or(id)));
        let stated = sourced(&attributes, &self.set.vocabulary.content, Source::Caller)?;
        self.suite.content.insert(name.clone(), ContentCase { tenant, workload, id, stated });
        Ok(name)
    }

    fn grant(&mut self, grant: &Map<String, Json>) -> Result<String, String> {
        let engineer = member(grant, "engineer")?;
        let engineer = match self.suite.engineers.iter().find(|(_, case)| case.id == engineer.1) {
            Some((name, _)) => name.clone(),
            None => self.engineer(&engineer)?,
        };
        let tenant = member(grant, "tenant")?;
        if !self.suite.tenants.contains_key(&tenant.1) {
            self.tenant(&tenant)?;
        }
        let (_, workload) = member(grant, "workload")?;
        let ids = |key: &str| -> BTreeSet<String> {
            let set = grant.get(key).and_then(Json::as_array);
            set.into_iter().flatten().filter_map(pointed).map(|(_, id)| id).collect()
        };
        let mut content = BTreeSet::new();
        for id in ids("content") {
            match below(&id, &tenant.1, &workload) {
                Some("") => {}
                Some(path) => {
                    content.insert(path.to_owned());
                }
                None => return Err(format!("the Grant's content `{id}` is of another tenant or workload")),
            }
        }
        let words = |key: &str| grant.get(key).and_then(text).ok_or_else(|| lacks(key));
        let case = GrantCase {
            engineer,
            tenant: tenant.1,
            workload,
            actions: ids("actions"),
            content,
            approval: member(grant, "approval")?.1,
            from: Some(words("starts_at")?),
            until: Some(words("expires_at")?),
            service_request: words("service_request")?,
            ..GrantCase::default()
        };
        self.suite.grants.insert("grant".to_owned(), case);
        Ok("grant".to_owned())
    }

    fn about_people(&mut self, principal: &Uid, resource: &Uid) -> Result<AskCase, String> {
        let mut ask = AskCase { person: Some(self.person(principal)?), ..AskCase::default() };
        match resource.0.as_str() {
            "Tenant" => ask.tenant = Some(self.tenant(resource)?),
            "Person" => ask.directory = Some(self.person(resource)?),
            "System" => ask.system = true,
            "AccessRequest" => ask.access_request = Some(self.access_request(resource)?),
            other => return Err(format!("a suite has no `{other}` to act on")),
        }
        Ok(ask)
    }

    fn person(&mut self, uid: &Uid) -> Result<String, String> {
        let attributes = self.attributes(uid);
        let roles = attributes.get("roles").and_then(Json::as_array);
        let tenant = attributes.get("tenant").and_then(pointed);
        if let Some(tenant) = &tenant {
            self.tenant(tenant)?;
        }
        let case = PersonCase {
            id: uid.1.clone(),
            roles: roles.into_iter().flatten().filter_map(pointed).map(|(_, id)| id).collect(),
            tenant: tenant.map(|(_, id)| id),
        };
        let name = nickname(&uid.1);
        self.suite.people.insert(name.clone(), case);
        Ok(name)
    }

    fn access_request(&mut self, uid: &Uid) -> Result<String, String> {
        let attributes = self.attributes(uid);
        let approvers = attributes.get("approvers").and_then(Json::as_array);
        let approvers: Vec<Uid> = approvers.into_iter().flatten().filter_map(pointed).collect();
        let reviewer = attributes.get("reviewer").and_then(pointed);
        let case = AccessRequestCase {
            engineer: self.person(&member(&attributes, "engineer")?)?,
            tenant: self.tenant(&member(&attributes, "tenant")?)?,
            approvers: approvers.iter().map(|uid| self.person(uid)).collect::<Result<_, _>>()?,
            reviewer: reviewer.map(|uid| self.person(&uid)).transpose()?,
            known_to_customer: attributes.get("known_to_customer").and_then(Json::as_bool).unwrap_or(true),
        };
        let name = "request".to_owned();
        self.suite.access_requests.insert(name.clone(), case);
        Ok(name)
    }
}

fn lacks(what: &str) -> String {
    format!("the question has no `{what}`")
}

fn member(attributes: &Map<String, Json>, name: &str) -> Result<Uid, String> {
    attributes.get(name).and_then(pointed).ok_or_else(|| lacks(name))
}

/// The values that this source states, as a suite has them.
fn sourced(values: &Map<String, Json>, members: &Members, source: Source) -> Result<StatedCase, String> {
    let own = |name: &String| members.get(name).is_some_and(|member| member.source == source);
    let own = values.iter().filter(|(name, _)| own(name));
    Ok(own.map(|(name, value)| (name.clone(), plain(value))).collect())
}

/// Entities as their ids, dates and the like as their text.
fn plain(value: &Json) -> Json {
    if let Some((_, id)) = pointed(value) {
        return Json::String(id);
    }
    match value {
        Json::Object(fields) => match text(value) {
            Some(text) => Json::String(text),
            None => Json::Object(fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect()),
        },
        Json::Array(values) => Json::Array(values.iter().map(plain).collect()),
        other => other.clone(),
    }
}

/// A text, or the argument of a `datetime(…)`.
fn text(value: &Json) -> Option<String> {
    let argument = value.get("__extn").and_then(|call| call.get("arg"));
    argument.unwrap_or(value).as_str().map(str::to_owned)
}

/// What of a content id lies below its tenant and workload; empty for the workload as a whole.
fn below<'a>(id: &'a str, tenant: &str, workload: &str) -> Option<&'a str> {
    let rest = id.strip_prefix(tenant)?.strip_prefix('/')?.strip_prefix(workload)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

fn pointed(value: &Json) -> Option<Uid> {
    let value = value.get("__entity").unwrap_or(value);
    let fields = value.as_object().filter(|fields| fields.len() == 2)?;
    let kind = fields.get("type")?.as_str()?;
    Some((kind.rsplit("::").next().unwrap_or(kind).to_owned(), fields.get("id")?.as_str()?.to_owned()))
}

/// `Lockbox::Type::"id"`.
fn parsed(text: &str) -> Option<Uid> {
    let (kind, id) = text.split_once("::\"")?;
    Some((kind.rsplit("::").next()?.to_owned(), id.strip_suffix('"')?.to_owned()))
}

/// What stands before the `@`, in characters that need no quotes.
fn nickname(id: &str) -> String {
    let name = id.split('@').next().unwrap_or(id);
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}
