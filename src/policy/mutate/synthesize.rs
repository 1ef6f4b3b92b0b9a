//! The tests that are missing, written down for a person to confirm: each is run, passes on the
//! policies as they are, and fails on the mutant that asked for it.
//!
//! Invariant: a test pins what the policies do, not what is meant; so each says that it is to be confirmed.

use super::apart::Missing;
use super::{Attacked, Outcome};
use crate::policy::cases::{Answer, Cases, Suite, first_failure};
use crate::policy::exchange::Strict;
use crate::policy::load::PolicySet;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The tests that are missing.
#[derive(Debug, Default)]
pub struct Synthesized {
    /// As suites: more than one where tenants of one id differ.
    pub suites: Vec<Suite>,
    /// Those that a suite cannot say, in the form of `cedar run-tests`.
    pub cedar: Vec<Json>,
    /// How many mutants they notice.
    pub noticed: usize,
    /// What is said of each test, by its name.
    notes: BTreeMap<String, String>,
}

impl Synthesized {
    /// How many tests there are.
    pub fn len(&self) -> usize {
        self.cedar.len() + self.suites.iter().map(|suite| suite.tests.len()).sum::<usize>()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A suite as YAML, with what is to be confirmed above each test.
    ///
    /// # Errors
    /// When a value has no form in YAML.
    pub fn yaml(&self, suite: &Suite) -> Result<String, String> {
        let head = "# Made from mistakes that no test noticed. Each test says what the policies do now; whether that is\n\
                    # what is meant is for a person to confirm. Then take the comment away.\n";
        let body = suite.to_yaml(|test| {
            let note = self.notes.get(&test.name).map(String::as_str).unwrap_or_default();
            Some(format!("confirm me: {note}"))
        })?;
        Ok(format!("{head}{body}"))
    }
}

/// The tests that would notice the mutants that survived.
pub fn synthesize(set: &PolicySet, attacked: &[Attacked]) -> Synthesized {
    let strict = Strict::of(&set.schema);
    let changed = |one: &Attacked| set.exchanged(&one.mutant.policy, one.mutant.made.as_ref(), &strict).ok();
    let mut open: Vec<(&Attacked, &Missing, PolicySet)> = attacked
        .iter()
        .filter_map(|one| match &one.outcome {
            Outcome::Survived { missing: Some(missing), .. } => Some((one, &**missing, changed(one)?)),
            _ => None,
        })
        .collect();
    open.reverse();
    let mut made = Synthesized::default();
    while let Some((one, missing, mutant)) = open.pop() {
        let before = open.len();
        // One question may show several mistakes.
        open.retain(|(_, _, other)| !missing.notices(other));
        made.noticed += 1 + before - open.len();
        let word = if missing.allowed { "allowed" } else { "denied" };
        let name = format!("{word}, or {} in {}:{}", one.mutant.kind.in_words(), one.mutant.policy, one.mutant.line);
        let note = one.mutant.excerpt.join("\n  ");
        made.add(set, &mutant, missing, &name, &note);
    }
    made
}

impl Synthesized {
    fn add(&mut self, set: &PolicySet, mutant: &PolicySet, missing: &Missing, name: &str, note: &str) {
        let taken = |name: &String| self.notes.contains_key(name);
        let numbered = (2..).map(|number| format!("{name} ({number})"));
        let name = [name.to_owned()].into_iter().chain(numbered).find(|name| !taken(name)).unwrap_or_default();
        let answer = Answer { name: &name, allowed: missing.allowed, because: &missing.because };
        let suite = Suite::of_question(set, &missing.question, &answer);
        match suite.ok().filter(|suite| tells(set, mutant, suite)) {
            Some(suite) => self.put(suite),
            None => self.cedar.push(missing.question.to_cedar_test(&name, missing.allowed, &missing.because)),
        }
        self.notes.insert(name, note.to_owned());
    }

    fn put(&mut self, mut suite: Suite) {
        for own in &mut self.suites {
            match own.join(suite) {
                Ok(()) => return,
                Err(back) => suite = *back,
            }
        }
        suite.name = match self.suites.len() {
            0 => "to be confirmed".to_owned(),
            more => format!("to be confirmed ({})", more + 1),
        };
        self.suites.push(suite);
    }
}

/// Whether the test passes as the policies are, and fails on the mutant.
fn tells(set: &PolicySet, mutant: &PolicySet, suite: &Suite) -> bool {
    let cases = Cases::of(set, &[(String::new(), suite.clone())]);
    cases.is_ok_and(|cases| first_failure(set, &cases).is_none() && first_failure(mutant, &cases).is_some())
}
