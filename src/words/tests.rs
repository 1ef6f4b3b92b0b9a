//! Both languages say the same things, and nothing that is said is missing.

use super::*;
use crate::domain::{ContentPath, TimeZoneName, Timestamp};
use core::time::Duration;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Messages of a language with the variables that each takes.
fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let name = Regex::new(r"^([a-z][a-z0-9_-]*) =").unwrap();
    let variable = Regex::new(r"\$([a-z_]+)").unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (area, text) in files(language) {
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(named) = name.captures(line) {
                current = named[1].to_owned();
                let twice = found.insert(current.clone(), BTreeSet::new());
                assert!(twice.is_none(), "`{current}` is in {area} and elsewhere ({language:?})");
            }
            for used in variable.captures_iter(line) {
                found.get_mut(&current).unwrap().insert(used[1].to_owned());
            }
        }
    }
    found
}

#[test]
fn every_language_has_every_message_with_the_same_variables() {
    let [english, hungarian] = Language::ALL.map(messages);
    let keys = |of: &BTreeMap<String, BTreeSet<String>>| of.keys().cloned().collect::<BTreeSet<_>>();
    let (en, hu) = (keys(&english), keys(&hungarian));
    assert_eq!(en.symmetric_difference(&hu).collect::<Vec<_>>(), Vec::<&String>::new());
    for (key, variables) in &english {
        assert_eq!(variables, &hungarian[key], "the variables of `{key}`");
    }
}

/// The texts below a directory, if there is one.
fn texts_below(dir: &Path, found: &mut Vec<(String, String)>) {
    if !dir.is_dir() {
        return;
    }
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts_below(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| ["rs", "html", "txt"].iter().any(|known| extension == *known))
        {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn every_message_that_is_asked_for_is_there_and_none_is_idle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for dir in ["src/console", "src/notify", "src/words", "templates"] {
        texts_below(&root.join(dir), &mut sources);
    }
    let known = messages(Language::English);
    let asked = Regex::new(r#"\b(?:say|say_with|find)\(\s*"([a-z][a-z0-9_-]*)""#).unwrap();
    let mut missing = BTreeSet::new();
    for (path, text) in &sources {
        for key in asked.captures_iter(text) {
            if !known.contains_key(&key[1]) {
                missing.insert(format!("{path}: {}", &key[1]));
            }
        }
    }
    assert_eq!(missing, BTreeSet::new());
    let all: String =
        sources.iter().filter(|(path, _)| !path.ends_with("words/tests.rs")).map(|(_, text)| text.as_str()).collect();
    // A key is named whole, or made of a part that is named and a name of the domain.
    let idle: Vec<&String> = known
        .keys()
        .filter(|key| {
            let whole = all.contains(&format!("\"{key}\""));
            let made = key
                .match_indices('-')
                .any(|(at, _)| all.contains(&format!("\"{}-{{", key.get(..at).unwrap_or_default())));
            let suffixed = key.rsplit_once('-').is_some_and(|(_, suffix)| all.contains(&format!("}}-{suffix}\"")));
            !whole && !made && !suffixed
        })
        .collect();
    assert_eq!(idle, Vec::<&String>::new());
}

#[test]
fn times_are_written_as_the_language_does() {
    let at: Timestamp = "2026-07-01T21:05:59Z".parse().unwrap();
    let zone = Zone::named(&TimeZoneName::parse("Europe/Budapest").unwrap());
    let [en, hu] = Language::ALL.map(Words::of);
    assert_eq!(en.instant(at, &zone), "1 July 2026, 23:05 (CEST)");
    assert_eq!(hu.instant(at, &zone), "2026. július 1. 23:05 (CEST)");
    assert_eq!(hu.date(at, &zone), "2026. július 1.");
    assert_eq!(en.instant(at, &Zone::named(&TimeZoneName::parse("No/Where").unwrap())), "1 July 2026, 21:05 (UTC)");
    for (seconds, english, hungarian) in [
        (0, "0 seconds", "0 másodperc"),
        (1, "1 second", "1 másodperc"),
        (59, "59 seconds", "59 másodperc"),
        (61, "1 minute", "1 perc"),
        (3_600, "1 hour", "1 óra"),
        (9_000, "2 hours 30 minutes", "2 óra 30 perc"),
        (43_199, "11 hours 59 minutes", "11 óra 59 perc"),
        (90_061, "1 day 1 hour", "1 nap 1 óra"),
    ] {
        let duration = Duration::from_secs(seconds);
        assert_eq!((en.duration(duration), hu.duration(duration)), (english.to_owned(), hungarian.to_owned()));
    }
}

#[test]
fn names_of_the_schema_that_have_no_translation_are_shown_as_they_are() {
    let [en, hu] = Language::ALL.map(Words::of);
    let message = ContentPath::parse("mailbox/adele@contoso.example/message/7").unwrap();
    assert_eq!(en.content(&message), "message 7 in mailbox adele@contoso.example");
    assert_eq!(hu.content(&message), "üzenet: 7 (postaláda: adele@contoso.example)");
    assert_eq!(en.content(&ContentPath::parse("channel/general").unwrap()), "channel general");
    assert_eq!(en.list(["a", "b", "c"].map(str::to_owned).to_vec()), "a, b and c");
    assert_eq!(hu.list(vec!["a".to_owned()]), "a");
}
