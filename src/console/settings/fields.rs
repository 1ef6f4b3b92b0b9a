//! What is written into the forms of the settings: lists of people, webhooks, limits. Read strictly: a line
//! that is not understood is said back with its field, and nothing of the form is taken.

use crate::console::form::Form;
use crate::console::shown::{Choice, Wrong};
use crate::domain::{
    Language, PersonId, TenantChange, TenantRefusal, TimeZoneName, WebhookName, format_duration, parse_duration,
};
use crate::manage_requests::ManageError;
use crate::words::{Arg, Words};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// The limits that are offered, in minutes; the provider's own is offered beside them.
const OFFERED_MIN: [u64; 10] = [15, 30, 60, 120, 180, 240, 360, 480, 600, 720];

/// A part of the settings that is saved by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// Approvers, fallback approvers, quorum.
    Approvers,
    /// Addresses.
    Notify,
    /// Limits.
    Limits,
    /// Language and zone.
    Language,
    /// Programs.
    Webhooks,
}

impl Section {
    /// Every section.
    pub(super) const ALL: [Self; 5] = [Self::Approvers, Self::Notify, Self::Limits, Self::Language, Self::Webhooks];

    /// Its name in addresses and forms.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Approvers => "approvers",
            Self::Notify => "notify",
            Self::Limits => "limits",
            Self::Language => "language",
            Self::Webhooks => "webhooks",
        }
    }

    /// The section of that name, if there is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.as_str() == text)
    }

    /// The change that its form asks for; or everything that is wrong with it.
    pub(super) fn change(self, form: &Form, words: &Words) -> Result<TenantChange, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let mut change = TenantChange::default();
        match self {
            Self::Approvers => {
                change.approvers = take("approvers", people(form, "approvers"), words, &mut wrong);
                change.fallback_approvers =
                    take("fallback_approvers", people(form, "fallback_approvers"), words, &mut wrong);
                change.quorum = take("quorum", quorum(form), words, &mut wrong);
            }
            Self::Notify => change.notify = take("notify", people(form, "notify"), words, &mut wrong),
            Self::Limits => {
                change.respond_within = take("respond_within", limit(form, "respond_within"), words, &mut wrong);
                change.grant_longest = take("grant_longest", limit(form, "grant_longest"), words, &mut wrong);
            }
            Self::Language => {
                let language = form.get("language");
                change.language =
                    take("language", Language::parse(language).ok_or(("wrong-language", language)), words, &mut wrong);
                change.time_zone = take("time_zone", zone(form), words, &mut wrong);
            }
            Self::Webhooks => change.webhooks = take("webhooks", webhooks(form), words, &mut wrong),
        }
        if wrong.is_empty() { Ok(change) } else { Err(wrong) }
    }
}

/// The message that says why, and the text it is about.
type Unread<'a> = (&'static str, &'a str);

fn take<T>(field: &'static str, read: Result<T, Unread<'_>>, words: &Words, wrong: &mut Vec<Wrong>) -> Option<T> {
    read.map_err(|(key, text)| wrong.push(Wrong { field, why: words.say_with(key, &[("text", Arg::from(text))]) })).ok()
}

/// The people of a field, one a line; the line that is nobody's id.
fn people<'a>(form: &'a Form, name: &str) -> Result<BTreeSet<PersonId>, Unread<'a>> {
    form.lines(name).into_iter().map(|line| PersonId::parse(line).map_err(|_| ("wrong-person", line))).collect()
}

/// Name and URL, a webhook a line.
fn webhooks(form: &Form) -> Result<BTreeMap<WebhookName, String>, Unread<'_>> {
    let mut all = BTreeMap::new();
    for line in form.get("webhooks").lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, url) = line.split_once(char::is_whitespace).ok_or(("wrong-webhook", line))?;
        let name = WebhookName::parse(name).map_err(|_| ("wrong-webhook", line))?;
        let url = url.trim();
        if url.contains(char::is_whitespace) || !url.contains("://") {
            return Err(("wrong-webhook", line));
        }
        if all.insert(name, url.to_owned()).is_some() {
            return Err(("wrong-webhook-twice", line));
        }
    }
    Ok(all)
}

fn quorum(form: &Form) -> Result<u32, Unread<'_>> {
    let text = form.get("quorum").trim();
    text.parse().ok().filter(|number| *number >= 1).ok_or(("wrong-quorum", text))
}

/// A limit; an empty choice goes back to the provider's.
fn limit<'a>(form: &'a Form, name: &str) -> Result<Option<Duration>, Unread<'a>> {
    form.text(name).map(|text| parse_duration(text).map_err(|_| ("wrong-limit", text))).transpose()
}

fn zone(form: &Form) -> Result<TimeZoneName, Unread<'_>> {
    let text = form.get("time_zone").trim();
    TimeZoneName::parse(text).map_err(|_| ("wrong-zone", text))
}

/// The field that a refusal is about; none where it is about the whole form.
pub(super) fn field_of(error: &ManageError) -> Option<&'static str> {
    match error {
        ManageError::UnknownTimeZone(_) => Some("time_zone"),
        ManageError::Setting(refusal) => match refusal {
            TenantRefusal::Wider { limit, .. } => Some(limit),
            TenantRefusal::Quorum { .. } => Some("quorum"),
            TenantRefusal::TooMany(field) => Some(field),
            TenantRefusal::NotEntitled(_) => None,
            // What else settings can be refused for is about programs.
            _ => Some("webhooks"),
        },
        _ => None,
    }
}

/// What a limit can be: the provider's, and what is shorter; the one that holds now is always among them.
pub(super) fn limit_choices(
    words: &Words,
    providers: Duration,
    own: Option<Duration>,
    written: Option<&str>,
) -> Vec<Choice> {
    let own = own.filter(|own| *own < providers);
    let offered = OFFERED_MIN.map(|minutes| Duration::from_secs(minutes.saturating_mul(60)));
    let shorter: BTreeSet<Duration> = offered.into_iter().filter(|offered| *offered < providers).chain(own).collect();
    let now = own.map(format_duration).unwrap_or_default();
    let chosen = written.unwrap_or(&now);
    let providers = words.say_with("limit-providers", &[("duration", Arg::from(words.duration(providers)))]);
    let mut all = vec![Choice { value: String::new(), said: providers, chosen: chosen.is_empty() }];
    all.extend(shorter.into_iter().rev().map(|duration| {
        let value = format_duration(duration);
        Choice { chosen: value == chosen, value, said: words.duration(duration) }
    }));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Form {
        Form::of(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn read(section: Section, fields: &[(&str, &str)]) -> Result<TenantChange, Vec<Wrong>> {
        section.change(&form(fields), Words::of(Language::English))
    }

    fn wrong_fields(section: Section, fields: &[(&str, &str)]) -> Vec<&'static str> {
        read(section, fields).unwrap_err().iter().map(|wrong| wrong.field).collect()
    }

    #[test]
    fn people_come_one_a_line_and_a_line_that_is_nobody_is_named() {
        let lines = "csilla@contoso.example\n\n  dora@contoso.example \ncsilla@contoso.example, bela@contoso.example";
        let change = read(Section::Notify, &[("notify", lines)]).unwrap();
        let names: Vec<String> = change.notify.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["bela@contoso.example", "csilla@contoso.example", "dora@contoso.example"]);
        let none = read(Section::Notify, &[("notify", " \n ")]).unwrap();
        assert_eq!(none.notify, Some(BTreeSet::new()), "an empty field takes everybody away");
        assert_eq!(none.approvers, None, "a section changes what it shows and nothing else");
        let wrong = read(Section::Notify, &[("notify", "dora@contoso.example\nCsilla@contoso.example")]).unwrap_err();
        assert!(wrong[0].why.contains("Csilla@contoso.example") && !wrong[0].why.contains("dora"), "{wrong:?}");
    }

    #[test]
    fn every_field_that_is_wrong_is_named_at_once() {
        let fields = [("approvers", "a b"), ("fallback_approvers", "x@@y"), ("quorum", "0")];
        assert_eq!(wrong_fields(Section::Approvers, &fields), ["approvers", "fallback_approvers", "quorum"]);
        assert_eq!(
            wrong_fields(Section::Language, &[("language", "de"), ("time_zone", "")]),
            ["language", "time_zone"]
        );
        assert_eq!(
            wrong_fields(Section::Limits, &[("respond_within", "2h"), ("grant_longest", "PT0S")]),
            ["respond_within", "grant_longest"]
        );
    }

    #[test]
    fn a_webhook_is_a_name_and_an_address() {
        let lines = "pager  https://pager.contoso.example/a?b=c,d;e\n\nsiem\thttps://siem.contoso.example/";
        let all = read(Section::Webhooks, &[("webhooks", lines)]).unwrap().webhooks.unwrap();
        let all: Vec<String> = all.iter().map(|(name, url)| format!("{name}={url}")).collect();
        assert_eq!(all, ["pager=https://pager.contoso.example/a?b=c,d;e", "siem=https://siem.contoso.example/"]);
        for bad in ["pager", "https://x.example", "Pager https://x.example", "pager x.example", "a b https://x.example"]
        {
            assert_eq!(wrong_fields(Section::Webhooks, &[("webhooks", bad)]), ["webhooks"], "{bad}");
        }
        let twice = "pager https://x.example\npager https://y.example";
        assert_eq!(wrong_fields(Section::Webhooks, &[("webhooks", twice)]), ["webhooks"]);
    }

    #[test]
    fn a_limit_is_offered_no_longer_than_the_providers_and_what_holds_is_among_them() {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        let values = |own, written| -> (Vec<String>, String) {
            let all = limit_choices(Words::of(Language::English), minutes(240), own, written);
            let chosen: Vec<_> = all.iter().filter(|choice| choice.chosen).map(|choice| choice.value.clone()).collect();
            assert_eq!(chosen.len(), 1, "one is chosen");
            (all.into_iter().map(|choice| choice.value).collect(), chosen[0].clone())
        };
        assert_eq!(
            values(None, None),
            (["", "PT3H", "PT2H", "PT1H", "PT30M", "PT15M"].map(str::to_owned).into(), String::new())
        );
        let (all, chosen) = values(Some(minutes(100)), None);
        assert_eq!((all[2].as_str(), chosen.as_str()), ("PT2H", "PT1H40M"));
        assert_eq!(values(Some(minutes(100)), Some("PT1H")).1, "PT1H", "what was written is kept");
        // The provider has tightened his own since: the tenant's no longer counts.
        assert_eq!(values(Some(minutes(300)), None).1, "");
    }

    #[test]
    fn no_choice_is_the_providers_limit() {
        let change = read(Section::Limits, &[("respond_within", ""), ("grant_longest", "PT1H")]).unwrap();
        assert_eq!((change.respond_within, change.grant_longest), (Some(None), Some(Some(Duration::from_secs(3600)))));
    }
}
