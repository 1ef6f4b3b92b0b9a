//! Several suites of single tests put into one: who and what is the same is said once, and what only
//! has the same nickname gets another.

use super::suite::{Suite, TestCase};
use std::collections::BTreeMap;

/// New nicknames by old ones.
type Renamed = BTreeMap<String, String>;

impl Suite {
    /// Takes another suite in; gives it back where both have a tenant of one id that differs, because a
    /// tenant's id is no nickname.
    pub(crate) fn join(&mut self, other: Self) -> Result<(), Box<Self>> {
        let differs = |(id, case)| self.tenants.get(id).is_some_and(|own| own != case);
        if other.tenants.iter().any(differs) {
            return Err(Box::new(other));
        }
        let Self { now, engineers, people, tenants, content, mut grants, mut access_requests, tests, .. } = other;
        self.tenants.extend(tenants);
        let engineers = named(&mut self.engineers, engineers);
        let people = named(&mut self.people, people);
        let content = named(&mut self.content, content);
        let renamed = |names: &Renamed, name: &mut String| {
            if let Some(new) = names.get(name) {
                name.clone_from(new);
            }
        };
        for grant in grants.values_mut() {
            renamed(&engineers, &mut grant.engineer);
        }
        for request in access_requests.values_mut() {
            renamed(&people, &mut request.engineer);
            request.reviewer.iter_mut().for_each(|name| renamed(&people, name));
            request.approvers = request.approvers.iter().map(|name| people.get(name).unwrap_or(name).clone()).collect();
        }
        let grants = named(&mut self.grants, grants);
        let access_requests = named(&mut self.access_requests, access_requests);
        for mut test in tests {
            let ask = &mut test.ask;
            ask.engineer.iter_mut().for_each(|name| renamed(&engineers, name));
            ask.content.iter_mut().for_each(|name| renamed(&content, name));
            ask.person.iter_mut().for_each(|name| renamed(&people, name));
            ask.directory.iter_mut().for_each(|name| renamed(&people, name));
            ask.access_request.iter_mut().for_each(|name| renamed(&access_requests, name));
            ask.grants = ask.grants.iter().map(|name| grants.get(name).unwrap_or(name).clone()).collect();
            self.tests.push(TestCase { now: own_instant(&self.now, &now, test.now.take()), ..test });
        }
        Ok(())
    }
}

/// A test keeps its instant in a suite that has another.
fn own_instant(suite: &str, other: &str, test: Option<String>) -> Option<String> {
    test.or_else(|| (suite != other).then(|| other.to_owned()))
}

/// Takes in what is new, under nicknames that are free.
fn named<T: PartialEq>(own: &mut BTreeMap<String, T>, other: BTreeMap<String, T>) -> Renamed {
    let mut renamed = Renamed::new();
    for (name, case) in other {
        let known = own.iter().find(|(_, own)| **own == case).map(|(name, _)| name.clone());
        let new = known.unwrap_or_else(|| {
            let numbered = (2..).map(|number| format!("{name}-{number}"));
            let new = [name.clone()].into_iter().chain(numbered).find(|name| !own.contains_key(name));
            let new = new.unwrap_or_else(|| name.clone());
            own.insert(new.clone(), case);
            new
        });
        renamed.insert(name, new);
    }
    renamed
}
