//! From a suite to its questions: everything that is wrong with a test is found here, before anything
//! is asked, so that running it cannot fail for another reason than the policies.

use super::super::PolicySet;
use super::super::asked::Asked;
use super::super::lifecycle::SubjectFacts;
use super::question::{Expectation, Guarded, Put, Question};
use super::suite::{AskCase, Expected, Suite, TestCase};
use super::values::{attributes, instant};
use super::world::{World, missing, named};
use crate::domain::{
    Access, AccessRequestId, ActionName, ContentPath, Evaluation, ServiceRequest, TenantId, Timestamp, WorkloadName,
};
use cedar_policy::{Entities, Request};
use std::sync::Arc;

/// A suite whose questions are ready.
#[derive(Debug)]
pub(super) struct ReadySuite {
    pub(super) file: String,
    pub(super) name: String,
    pub(super) tests: Vec<ReadyTest>,
}

/// A test whose questions are ready.
#[derive(Debug)]
pub(super) struct ReadyTest {
    pub(super) name: String,
    pub(super) questions: Vec<Question>,
}

/// Makes the questions of a suite ready for `set` and any other set of the same schema.
pub(super) fn prepare(set: &PolicySet, file: &str, suite: &Suite) -> Result<ReadySuite, String> {
    let world = World::of(suite)?;
    let tests = suite.tests.iter().map(|test| {
        let questions = questions(set, &world, test).map_err(|why| format!("`{}`: {why}", test.name))?;
        Ok(ReadyTest { name: test.name.clone(), questions })
    });
    Ok(ReadySuite { file: file.to_owned(), name: suite.name.clone(), tests: tests.collect::<Result<_, String>>()? })
}

fn questions(set: &PolicySet, world: &World<'_>, test: &TestCase) -> Result<Vec<Question>, String> {
    let ask = &test.ask;
    if let Some(action) = test.expect.keys().find(|action| !ask.actions.contains(*action)) {
        return Err(format!("`{action}` is expected but not asked"));
    }
    if let Some(id) = test.because.iter().find(|id| set.policy(id).is_none()) {
        return Err(format!("there is no policy `{id}`"));
    }
    let now = test.now.as_ref().map_or(Ok(world.now), |text| instant(text, world.now))?;
    let subject = subject(world, ask)?;
    if test.reason.is_some() && (subject.is_some() || !test.guard) {
        return Err("`reason` is the guard's word, and here the policies are asked by themselves: \
             name the policies in `because` instead"
            .to_owned());
    }
    let asked = ask.actions.iter().map(|action| {
        let expected = expected(test, action);
        match &subject {
            Some((name, subject)) => by_person(set, world, ask, action, (name, subject), expected),
            None => about_content(set, world, test, action, now, expected),
        }
    });
    asked.collect()
}

fn by_person(
    set: &PolicySet,
    world: &World<'_>,
    ask: &AskCase,
    action: &str,
    (name, subject): (&str, &SubjectFacts),
    expected: Expectation,
) -> Result<Question, String> {
    let person = world.person(person(ask)?)?;
    let asked = well_typed(set, set.put(person, action, subject)?)?;
    let mut same = subject.clone();
    if let SubjectFacts::AccessRequest(request) = &mut same {
        // Numbers come from the place in the suite and mean nothing.
        request.id.clear();
    }
    Ok(Question {
        action: action.to_owned(),
        shown: format!("{} {action} {name}", person.id),
        key: format!("person {person:?} {action} {same:?}"),
        put: Put::Alone(Box::new(asked)),
        expected,
    })
}

fn person(ask: &AskCase) -> Result<&str, String> {
    ask.person.as_deref().ok_or_else(|| "`ask` names no `person`".to_owned())
}

/// What a person acts on, with its name; `None` in a question about content.
fn subject(world: &World<'_>, ask: &AskCase) -> Result<Option<(String, SubjectFacts)>, String> {
    let mut subjects = Vec::new();
    if let Some(name) = &ask.access_request {
        let facts = world.access_request(name)?.clone();
        subjects.push((format!("access request `{name}`"), SubjectFacts::AccessRequest(facts)));
    }
    if let Some(id) = &ask.tenant {
        subjects.push((format!("tenant `{id}`"), SubjectFacts::Tenant(world.known_tenant(id)?.clone())));
    }
    if let Some(name) = &ask.directory {
        let id = world.who(name)?;
        subjects.push((format!("`{id}` in the directory"), SubjectFacts::Engineer(id)));
    }
    if ask.system {
        subjects.push(("the whole system".to_owned(), SubjectFacts::System));
    }
    let about_content = ask.engineer.is_some() || ask.content.is_some();
    let stated = !(ask.grants.is_empty()
        && ask.context.is_empty()
        && ask.engineer_stated.is_empty()
        && ask.action_stated.is_empty()
        && ask.service_request.is_none());
    match (about_content, &ask.person, subjects.pop()) {
        (true, None, None) => Ok(None),
        (false, Some(_), Some(_)) if stated => {
            Err("`grants` and what a caller states belong to questions about content: leave them out".to_owned())
        }
        (false, Some(_), Some(subject)) if subjects.is_empty() => Ok(Some(subject)),
        _ => Err("`ask` names either `engineer` and `content`, or `person` and one of `access_request`, `tenant`, \
             `directory` and `system: true`"
            .to_owned()),
    }
}

fn about_content(
    set: &PolicySet,
    world: &World<'_>,
    test: &TestCase,
    action: &str,
    now: Timestamp,
    expected: Expectation,
) -> Result<Question, String> {
    let ask = &test.ask;
    let name = ask.engineer.as_deref().ok_or_else(|| "`ask` names no `engineer`".to_owned())?;
    let engineer = world.engineer(name)?;
    let question = evaluation(world, ask, action)?;
    let path = question.content.as_ref().map(|path| format!("/{path}")).unwrap_or_default();
    let shown = format!("{} {action} {}/{}{path} at {now}", question.engineer, question.tenant, question.workload);
    let mut accesses = ask.grants.iter().map(|name| world.grant(name)).collect::<Result<Vec<_>, _>>()?;
    if test.guard {
        let engineer = (!world.is_unknown(name)).then(|| engineer.clone());
        let tenant = world.tenant(question.tenant.as_str()).cloned();
        let key = format!("{now} {question:?} {engineer:?} {tenant:?} {}", same(&accesses));
        let put = Put::Guarded(Box::new(Guarded { question, engineer, tenant, accesses, now }));
        return Ok(Question { action: action.to_owned(), shown, key, put, expected });
    }
    let key = format!("alone {now} {question:?} {engineer:?} {}", same(&accesses));
    let access = accesses.pop();
    if !accesses.is_empty() {
        return Err("without the guard the policies see one Grant: name one in `grants`, or none".to_owned());
    }
    let tenant = world.known_tenant(question.tenant.as_str())?;
    let slice = set.content_slice(action).ok_or_else(|| format!("the schema has no action `{action}` on content"))?;
    let parts = set.parts(&question, engineer, tenant, &slice.base).map_err(|why| why.to_string())?;
    let (context, _) = set.context(&question, access.as_ref(), now).map_err(|why| why.to_string())?;
    let request = Request::new(parts.principal, slice.action.clone(), parts.resource, context, None);
    let request = request.map_err(|why| why.to_string())?;
    let asked = well_typed(set, Asked { request, entities: parts.entities })?;
    Ok(Question {
        action: action.to_owned(),
        shown: format!("{shown}, without the guard"),
        key: format!("{key} {tenant:?}"),
        put: Put::Alone(Box::new(asked)),
        expected,
    })
}

/// What is on record, as text: the same whatever numbers the suite's order gave it.
fn same(accesses: &[Arc<Access>]) -> String {
    let mut all: Vec<String> = accesses
        .iter()
        .map(|access| {
            let grant = access.grant.as_ref().map(|_| ());
            let unnumbered = Access { id: AccessRequestId::new(0), grant: None, ..Access::clone(access) };
            format!("{unnumbered:?} {grant:?}")
        })
        .collect();
    all.sort_unstable();
    all.join(" ")
}

fn evaluation(world: &World<'_>, ask: &AskCase, action: &str) -> Result<Evaluation, String> {
    let name = ask.engineer.as_deref().ok_or_else(|| "`ask` names no `engineer`".to_owned())?;
    let content = ask.content.as_deref().ok_or_else(|| "`ask` names no `content`".to_owned())?;
    let content = world.suite.content.get(content).ok_or_else(|| missing("content", content))?;
    let path = content.id.as_ref().map(|id| ContentPath::parse(id)).transpose().map_err(named)?;
    let service_request = ask.service_request.as_ref().map(|text| ServiceRequest::parse(text));
    Ok(Evaluation {
        service_request: service_request.transpose().map_err(named)?,
        context: attributes(&ask.context)?,
        engineer_stated: attributes(&ask.engineer_stated)?,
        action_stated: attributes(&ask.action_stated)?,
        content_stated: attributes(&content.stated)?,
        ..Evaluation::new(
            world.engineer(name)?.id.clone(),
            ActionName::parse(action).map_err(named)?,
            TenantId::parse(&content.tenant).map_err(named)?,
            WorkloadName::parse(&content.workload).map_err(named)?,
            path,
        )
    })
}

/// Checked against the schema: leaving policies out of a slice is sound for well-typed questions only.
pub(super) fn well_typed(set: &PolicySet, asked: Asked) -> Result<Asked, String> {
    let Asked { request, entities } = asked;
    let wrong = |why: &dyn core::fmt::Display| format!("the question does not fit the schema: {why}");
    Entities::from_entities(entities.iter().cloned(), Some(&set.schema)).map_err(|why| wrong(&why))?;
    let (Some(principal), Some(action), Some(resource), Some(context)) =
        (request.principal(), request.action(), request.resource(), request.context())
    else {
        return Err("a part of the question is not known".to_owned());
    };
    let request = Request::new(principal.clone(), action.clone(), resource.clone(), context.clone(), Some(&set.schema));
    Ok(Asked { request: request.map_err(|why| wrong(&why))?, entities })
}

fn expected(test: &TestCase, action: &str) -> Expectation {
    let wanted = |action: &str| test.expect.get(action) == Some(&Expected::Allow);
    let allowed = wanted(action);
    let (some_allow, some_deny) =
        (test.ask.actions.iter().any(|action| wanted(action)), !test.ask.actions.iter().all(|action| wanted(action)));
    // `because` speaks of the allows if there are any, `reason` of the denials.
    let because = if allowed || !some_allow { test.because.clone() } else { Default::default() };
    let reason = test.reason.clone().filter(|_| !allowed || !some_deny);
    Expectation { allowed, reason, because, errors: None }
}
