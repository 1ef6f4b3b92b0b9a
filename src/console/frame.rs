//! The frame around every page: its language, who is signed in, where else he can go, and how times and
//! names are written.

use super::assets::PATHS;
use super::visit::{Visit, has_any, is_customer};
use crate::domain::{Language, Person, Role, StateName, Timestamp};
use crate::words::{Arg, Words, Zone};

/// What every template is given, as `f`.
pub(super) struct Frame {
    /// The words.
    pub(super) words: &'static Words,
    /// The title, of the page and of the window.
    pub(super) title: String,
    /// Who is signed in.
    pub(super) person: Option<Person>,
    /// What a form must carry.
    pub(super) csrf: String,
    /// The address of the page.
    pub(super) path: String,
    /// The authority's time, that countdowns run from.
    pub(super) now: Timestamp,
    /// Whether this is a demo.
    pub(super) demo: bool,
    zone: Zone,
}

/// A place to go.
pub(super) struct Place {
    /// Where.
    pub(super) path: &'static str,
    /// Its name.
    pub(super) name: String,
    /// Whether it is here.
    pub(super) here: bool,
}

impl Frame {
    pub(super) fn new(visit: &Visit, person: Option<Person>, title: String) -> Self {
        Self {
            words: visit.words(),
            title,
            person,
            csrf: visit.csrf.clone(),
            path: visit.path.clone(),
            now: visit.now,
            demo: visit.demo,
            zone: visit.zone.clone(),
        }
    }

    /// A message.
    pub(super) fn t(&self, key: &str) -> String {
        self.words.say(key)
    }

    /// A message with one variable.
    pub(super) fn t1<'a>(&self, key: &str, name: &str, value: impl Into<Arg<'a>>) -> String {
        self.words.say_with(key, &[(name, value.into())])
    }

    /// A message with two variables.
    pub(super) fn t2<'a, 'b>(
        &self,
        key: &str,
        first: &str,
        one: impl Into<Arg<'a>>,
        second: &str,
        two: impl Into<Arg<'b>>,
    ) -> String {
        self.words.say_with(key, &[(first, one.into()), (second, two.into())])
    }

    /// The language's tag.
    pub(super) fn lang(&self) -> &'static str {
        self.words.language().as_str()
    }

    /// The other languages: tag and name.
    pub(super) fn languages(&self) -> Vec<(&'static str, String, bool)> {
        Language::ALL
            .into_iter()
            .map(|language| {
                let name = Words::of(language).say("language-name");
                (language.as_str(), name, language == self.words.language())
            })
            .collect()
    }

    /// The address of the style sheet.
    pub(super) fn css(&self) -> &'static str {
        &PATHS.css
    }

    /// The address of the script.
    pub(super) fn js(&self) -> &'static str {
        &PATHS.js
    }

    /// The address of the script for passkeys.
    pub(super) fn passkey_js(&self) -> &'static str {
        &PATHS.passkey_js
    }

    /// An instant as the reader writes it.
    pub(super) fn time(&self, at: &Timestamp) -> String {
        self.words.instant(*at, &self.zone)
    }

    /// An instant for the script.
    pub(super) fn machine(&self, at: &Timestamp) -> String {
        at.to_string()
    }

    /// How long it is from now to `at`; nothing once it is over.
    pub(super) fn left(&self, at: &Timestamp) -> String {
        self.words.duration(at.since(self.now))
    }

    /// Whether `at` is over.
    pub(super) fn over(&self, at: &Timestamp) -> bool {
        self.now >= *at
    }

    /// The zone's name.
    pub(super) fn zone(&self) -> &str {
        self.zone.name()
    }

    /// Where an AccessRequest stands.
    pub(super) fn state(&self, state: &StateName) -> String {
        self.words.state(*state, self.person.as_ref().is_some_and(is_customer))
    }

    /// Whether the reader is one of the provider's people.
    pub(super) fn provider(&self) -> bool {
        self.person.as_ref().is_some_and(|person| !is_customer(person))
    }

    /// A message that may be said otherwise to the provider's people.
    pub(super) fn sided(&self, key: &str) -> String {
        let other = if self.provider() { self.words.find(&format!("{key}-provider"), &[]) } else { None };
        other.unwrap_or_else(|| self.t(key))
    }

    /// Where the person can go.
    pub(super) fn places(&self) -> Vec<Place> {
        let Some(person) = &self.person else { return Vec::new() };
        let customer = is_customer(person);
        let mut all: Vec<(&'static str, &str)> = Vec::new();
        if customer {
            all.push(("/", "nav-pending"));
        } else if person.roles.has(Role::Reviewer) {
            all.push(("/", "nav-review"));
        } else if person.roles.has(Role::Engineer) {
            all.push(("/", "nav-own"));
        }
        if customer || has_any(person, &[Role::Reviewer, Role::Auditor, Role::Operator, Role::Engineer]) {
            all.push(("/requests", "nav-requests"));
        }
        if customer {
            all.push(("/settings", "nav-settings"));
        } else if has_any(person, &[Role::Reviewer, Role::Auditor, Role::Operator]) {
            all.push(("/tenants", "nav-tenants"));
        }
        if customer || person.roles.has(Role::Operator) {
            all.push(("/outbox", "nav-outbox"));
        }
        if person.is_provider(Role::Operator) {
            all.push(("/fleet", "nav-fleet"));
        }
        let place = |(path, key): (&'static str, &str)| Place { path, name: self.t(key), here: path == self.path };
        all.into_iter().map(place).collect()
    }
}
