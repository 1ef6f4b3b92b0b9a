//! The history of settings in words. The record keeps a change as one line of names and values, which is
//! taken apart here; what cannot be taken apart is shown as it was kept.

use crate::console::frame::Frame;
use crate::console::shown::Entry;
use crate::domain::{Event, Language, parse_duration};
use crate::words::{Arg, Words};
use std::collections::BTreeSet;

/// The settings that a line can name.
const NAMES: [&str; 12] = [
    "entitlement",
    "lockbox",
    "approvers",
    "fallback_approvers",
    "notify",
    "webhooks",
    "language",
    "time_zone",
    "quorum",
    "respond_within",
    "grant_longest",
    "attributes",
];
/// What the record says where a tenant has no limit of its own.
const PROVIDERS: &str = "the provider's";

/// One change of settings.
pub(in crate::console) struct Change {
    /// When, by whom, how proved.
    pub(in crate::console) entry: Entry,
    /// What changed, one line a setting.
    pub(in crate::console) lines: Vec<String>,
}

/// The value of a setting that a line states.
#[derive(Debug, PartialEq, Eq)]
struct Part<'a> {
    name: &'a str,
    was: Option<&'a str>,
    is: &'a str,
}

impl Change {
    pub(super) fn of(event: &Event, f: &Frame) -> Self {
        let detail = event.detail.as_deref().unwrap_or_default();
        let lines = match parts(detail) {
            Some(parts) => parts.iter().flat_map(|part| said(part, f.words)).collect(),
            None => vec![detail.to_owned()],
        };
        Self { entry: Entry::of(event, f), lines }
    }
}

/// Takes a line apart; `None` if it does not begin with a setting.
fn parts(detail: &str) -> Option<Vec<Part<'_>>> {
    let named =
        |text: &str| NAMES.into_iter().find(|name| text.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    let mut all = Vec::new();
    let mut rest = detail;
    while !rest.is_empty() {
        let name = named(rest)?;
        // A value may hold `; ` itself: a part ends where the next setting begins.
        let end = rest
            .match_indices("; ")
            .map(|(at, _)| at)
            .find(|at| rest.get(at + 2..).is_some_and(|next| named(next).is_some()));
        let part = rest.get(..end.unwrap_or(rest.len()))?;
        let values = part.get(name.len() + 1..)?;
        let (was, is) = values.split_once(" → ").map_or((None, values), |(was, is)| (Some(was), is));
        all.push(Part { name, was, is });
        rest = end.and_then(|end| rest.get(end + 2..)).unwrap_or_default();
    }
    Some(all)
}

/// A part in words: of a list what came and what went, of anything else what it was and is.
fn said(part: &Part<'_>, words: &Words) -> Vec<String> {
    let setting = words.say(&format!("setting-{}", part.name));
    let line =
        |key: &str, value: String| words.say_with(key, &[("setting", Arg::from(&setting)), ("value", value.into())]);
    let names = |text: Option<&str>| -> BTreeSet<String> {
        text.unwrap_or_default().split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    if matches!(part.name, "approvers" | "fallback_approvers" | "notify" | "webhooks") {
        let (was, is) = (names(part.was), names(Some(part.is)));
        let listed = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>().join(", ");
        let came = ("setting-added", listed(is.difference(&was).collect()));
        let went = ("setting-removed", listed(was.difference(&is).collect()));
        return [came, went].into_iter().filter(|(_, who)| !who.is_empty()).map(|(key, who)| line(key, who)).collect();
    }
    match part.was {
        Some(was) => {
            let (was, is) = (value(part.name, was, words), value(part.name, part.is, words));
            let args = [("setting", Arg::from(&setting)), ("was", was.into()), ("is", is.into())];
            vec![words.say_with("setting-changed", &args)]
        }
        // A new tenant has all settings; those that are as always need not be told.
        None if part.is.is_empty() || part.is == "{}" || part.is == PROVIDERS => Vec::new(),
        None => vec![line("setting-set", value(part.name, part.is, words))],
    }
}

fn value(name: &str, text: &str, words: &Words) -> String {
    let known = match name {
        "entitlement" => words.find(&format!("entitlement-{text}"), &[]),
        "lockbox" => words.find(&format!("switch-{text}"), &[]),
        "language" => Language::parse(text).map(|language| Words::of(language).say("language-name")),
        "respond_within" | "grant_longest" if text == PROVIDERS => Some(words.say("limit-as-provider")),
        "respond_within" | "grant_longest" => parse_duration(text).ok().map(|duration| words.duration(duration)),
        _ => None,
    };
    known.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(detail: &str) -> Vec<String> {
        let words = Words::of(Language::English);
        parts(detail).unwrap().iter().flat_map(|part| said(part, words)).collect()
    }

    #[test]
    fn a_change_is_said_in_words() {
        let detail = "lockbox off → on; approvers a@x b@x → b@x c@x; quorum 1 → 2; grant_longest the provider's → PT1H30M; \
                      notify  → d@x; language en → hu";
        assert_eq!(
            lines(detail),
            [
                "Customer Lockbox: Off → On",
                "Approvers: added c@x",
                "Approvers: removed a@x",
                "How many have to agree: 1 → 2",
                "Longest access: as the provider's → 1 hour 30 minutes",
                "Notification addresses: added d@x",
                "Language of mails: English → magyar",
            ]
        );
    }

    #[test]
    fn a_value_that_looks_like_the_end_of_one_is_not_cut() {
        let detail = "webhooks  → siem=https://x.example/a;b; attributes {\"note\":\"a; b → c\"}";
        let all = parts(detail).unwrap();
        assert_eq!(all.first().unwrap().is, "siem=https://x.example/a;b");
        assert_eq!(all.len(), 2);
        assert_eq!(parts("something else"), None);
        assert_eq!(parts(""), Some(Vec::new()));
    }

    #[test]
    fn of_a_new_tenant_only_what_was_chosen_is_told() {
        let detail = "entitlement e5; lockbox on; approvers a@x; notify ; quorum 1; respond_within the provider's; attributes {}";
        assert_eq!(
            lines(detail),
            ["Entitlement: E5 plan", "Customer Lockbox: On", "Approvers: added a@x", "How many have to agree: 1"]
        );
    }
}
