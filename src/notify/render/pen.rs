//! What every letter is written with: the words of its language, the times of its zone, and the facts that
//! several letters tell.

use super::super::story::{Side, Story};
use super::letter::Letter;
use super::plain::{Quote, name};
use crate::domain::{AccessRequest, ActionName, Grant, Recipient, Scope, Timestamp, WorkloadName};
use crate::words::{Arg, Words};
use std::collections::BTreeSet;

/// How many pieces of content a sentence names; a list has all of them.
const NAMED_IN_SENTENCE_MAX: usize = 3;
/// How many actions a sentence names; no schema of ours has half as many.
const ACTIONS_MAX: usize = 16;

/// The words, and what they are about.
pub(super) struct Pen<'a> {
    words: &'static Words,
    /// What is told.
    pub(super) story: &'a Story,
}

impl<'a> Pen<'a> {
    pub(super) fn of(story: &'a Story) -> Self {
        Self { words: Words::of(story.language), story }
    }

    pub(super) fn say(&self, key: &str) -> String {
        self.words.say(key)
    }

    pub(super) fn say_with(&self, key: &str, args: &[(&str, Arg<'_>)]) -> String {
        self.words.say_with(key, args)
    }

    /// A letter with this headline, which is also what its subject says.
    pub(super) fn letter(&self, headline: &str, answer_by: Option<Timestamp>, alarm: bool) -> Letter {
        let headline = self.say(headline);
        let args = [("about", self.about().into()), ("headline", Arg::from(headline.as_str()))];
        let subject = match answer_by {
            None => self.say_with("mail-subject", &args),
            Some(until) => {
                let [about, headline] = args;
                self.say_with("mail-subject-by", &[about, headline, ("until", self.time(until).into())])
            }
        };
        Letter::new(subject, headline, alarm)
    }

    /// What the subject begins with: the number of the AccessRequest, or whose settings it is about.
    fn about(&self) -> String {
        let notice = &self.story.notice;
        notice.access_request.map_or_else(|| notice.tenant.to_string(), |id| id.to_string())
    }

    /// A letter about an AccessRequest of which nothing else is known.
    pub(super) fn without_details(&self) -> Letter {
        let mut letter = self.letter("mail-see-page", None, false);
        self.look(&mut letter);
        letter
    }

    pub(super) fn time(&self, at: Timestamp) -> String {
        self.words.instant(at, &self.story.zone)
    }

    /// Two instants; the day is said once where it is one.
    pub(super) fn span(&self, from: Timestamp, until: Timestamp) -> String {
        let zone = &self.story.zone;
        let (first, last) = (self.time(from), self.time(until));
        if first == last {
            return first;
        }
        if self.words.date(from, zone) != self.words.date(until, zone) {
            return self.say_with("mail-span", &[("from", first.into()), ("until", last.into())]);
        }
        let begins = self.words.time_of_day(from, zone);
        let ends = self.words.time_of_day(until, zone);
        // The time of day is where it was, with the second one behind it.
        first.replacen(&begins, &format!("{begins}–{ends}"), 1)
    }

    pub(super) fn duration(&self, duration: core::time::Duration) -> String {
        self.words.duration(duration)
    }

    pub(super) fn engineer(&self, request: &AccessRequest) -> String {
        name(request.engineer.as_str())
    }

    pub(super) fn workload(&self, workload: &WorkloadName) -> String {
        name(&self.words.workload(workload))
    }

    pub(super) fn action(&self, action: &ActionName) -> String {
        name(&self.words.action(action))
    }

    pub(super) fn actions(&self, actions: &BTreeSet<ActionName>) -> String {
        let all = self.words.actions(actions.iter().take(ACTIONS_MAX));
        if actions.len() > ACTIONS_MAX { format!("{all}…") } else { all }
    }

    /// All content, one entry a line.
    pub(super) fn contents(&self, scope: &Scope, workload: &WorkloadName) -> Vec<String> {
        self.words.contents(scope, workload).iter().map(|content| name(content)).collect()
    }

    /// One piece of content, or the whole workload.
    pub(super) fn content(&self, content: Option<&crate::domain::ContentPath>, workload: &WorkloadName) -> String {
        content.map_or_else(|| self.workload(workload), |content| name(&self.words.content(content)))
    }

    /// The content in a sentence; how many there are, where there are too many to name.
    pub(super) fn contents_in_sentence(&self, scope: &Scope, workload: &WorkloadName) -> String {
        let contents = self.contents(scope, workload);
        if contents.len() <= NAMED_IN_SENTENCE_MAX {
            return self.words.list(contents);
        }
        self.say_with("mail-contents-many", &[("count", contents.len().into())])
    }

    pub(super) fn state(&self, request: &AccessRequest) -> String {
        self.words.state(request.state_name(), self.story.side == Side::Customer)
    }

    /// Why somebody asks, as his service request has it.
    pub(super) fn why(&self, request: &AccessRequest) -> String {
        let service_request = name(request.asked.service_request.as_str());
        let reason = self.words.reason(request.asked.reason.code);
        self.say_with("mail-why-is", &[("reason", reason.into()), ("service_request", service_request.into())])
    }

    /// What somebody said, if he said something.
    pub(super) fn comment(&self, letter: &mut Letter, label: &str, comment: Option<&str>) {
        let quote = Quote::of(comment.unwrap_or_default());
        if !quote.lines.is_empty() {
            letter.quoted(self.say(label), quote);
        }
    }

    /// Who did something, and when.
    pub(super) fn by_at(&self, key: &str, by: &str, at: Timestamp) -> String {
        self.say_with(key, &[("by", name(by).into()), ("at", self.time(at).into())])
    }

    /// The sentence that says what a Grant allows until when; or that it is over.
    pub(super) fn may(&self, letter: &mut Letter, key: &str, grant: &Grant) {
        let engineer = name(grant.engineer.as_str());
        let mut args = vec![
            ("until", self.time(grant.window.expires_at).into()),
            ("actions", self.actions(&grant.scope.actions).into()),
            ("contents", self.contents_in_sentence(&grant.scope, &grant.workload).into()),
        ];
        if key == "mail-may" {
            args.push(("engineer", engineer.into()));
        }
        letter.strong(self.say_with(key, &args));
        if let Some(ended) = &grant.ended {
            letter.paragraph(self.say_with("mail-over-already", &[("at", self.time(ended.at).into())]));
        }
    }

    /// A section that says in few lines which AccessRequest it is.
    pub(super) fn in_short(&self, letter: &mut Letter, request: &AccessRequest) {
        let asked = &request.asked;
        letter.section(self.say("mail-request"));
        if self.story.side == Side::Customer {
            letter.line(self.say("mail-who"), self.engineer(request));
            letter.line(self.say("mail-why"), self.why(request));
            self.comment(letter, "mail-in-own-words", Some(&asked.reason.text));
        } else {
            letter.line(self.say("mail-customer"), asked.tenant.to_string());
            letter.line(self.say("mail-service-request"), name(asked.service_request.as_str()));
        }
        letter.line(self.say("mail-where"), self.workload(&asked.workload));
        letter.several(self.say("mail-content"), self.contents(&asked.scope, &asked.workload));
        letter.line(self.say("mail-actions"), self.actions(&asked.scope.actions));
        letter.line(self.say("mail-how-long"), self.duration(asked.duration));
    }

    /// Where more is to be seen.
    pub(super) fn look(&self, letter: &mut Letter) {
        letter.paragraph(self.at_page("mail-look"));
    }

    /// A message that names the page and the number.
    pub(super) fn at_page(&self, key: &str) -> String {
        self.say_with(key, &[("page", Arg::from(&self.story.page)), ("id", self.about().into())])
    }

    /// Why he gets it, and how to read it.
    pub(super) fn small_print(&self, letter: &mut Letter) {
        let Story { notice, tenant, side, zone, .. } = self.story;
        let customer = |key| self.say_with(key, &[("tenant", tenant.id.as_str().into())]);
        let because = match &notice.to {
            Recipient::Person(id) if *side == Side::Customer => {
                if tenant.approvers.contains(id) {
                    customer("mail-because-approver")
                } else if tenant.fallback_approvers.contains(id) {
                    customer("mail-because-fallback")
                } else {
                    customer("mail-because-told")
                }
            }
            Recipient::Person(id) if self.story.request.as_ref().is_some_and(|request| request.engineer == *id) => {
                self.say("mail-because-asked")
            }
            _ => self.say("mail-because-provider"),
        };
        letter.note(because);
        letter.note(self.say_with("mail-zone", &[("zone", zone.name().into())]));
        if letter.is_defused() {
            letter.note(self.say("mail-defused"));
        }
        if letter.is_cut() {
            letter.note(self.say("mail-cut"));
        }
    }
}
