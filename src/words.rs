//! The words that people read: Fluent translations, one file an area in `locales/`, and times and
//! durations as a language writes them. Whatever a page or a mail says comes from here.
//!
//! Invariant: every message exists in every language with the same variables; a test holds it, and that
//! every message somebody asks for is there.

mod names;
mod time;

use crate::domain::Language;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use std::borrow::Cow;
use std::sync::LazyLock;
pub use time::Zone;

macro_rules! areas {
    ($tag:literal: $($area:literal),+) => {
        &[$(($area, include_str!(concat!("../locales/", $tag, "/", $area, ".ftl")))),+]
    };
}

/// Each language's files: area and text.
const ENGLISH: &[(&str, &str)] = areas!("en": "common", "console", "mail", "account", "settings", "provider");
const HUNGARIAN: &[(&str, &str)] = areas!("hu": "common", "console", "mail", "account", "settings", "provider");

fn files(language: Language) -> &'static [(&'static str, &'static str)] {
    match language {
        Language::English => ENGLISH,
        Language::Hungarian => HUNGARIAN,
    }
}

/// The words of one language.
pub struct Words {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

/// What a message is given. Numbers choose plural forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg<'a> {
    /// A text, shown as it is.
    Text(Cow<'a, str>),
    /// A count.
    Count(u64),
}

static ALL: LazyLock<[Words; 2]> = LazyLock::new(|| Language::ALL.map(Words::load));

impl Words {
    /// The words of a language.
    pub fn of(language: Language) -> &'static Self {
        let [english, hungarian] = &*ALL;
        match language {
            Language::English => english,
            Language::Hungarian => hungarian,
        }
    }

    fn load(language: Language) -> Self {
        let mut bundle = FluentBundle::new_concurrent(language.as_str().parse().into_iter().collect());
        // Isolation marks would be control characters in mails; pages isolate with `<bdi>`.
        bundle.set_use_isolating(false);
        for (area, text) in files(language) {
            let (resource, errors) = match FluentResource::try_new((*text).to_owned()) {
                Ok(resource) => (resource, Vec::new()),
                Err((resource, errors)) => (resource, errors),
            };
            debug_assert!(errors.is_empty(), "{area} of {language:?}: {errors:?}");
            let added = bundle.add_resource(resource);
            debug_assert!(added.is_ok(), "{area} of {language:?}: {added:?}");
        }
        Self { language, bundle }
    }

    /// Which language they are.
    pub fn language(&self) -> Language {
        self.language
    }

    /// A message without variables.
    pub fn say(&self, key: &str) -> String {
        self.say_with(key, &[])
    }

    /// A message with its variables. One that is not there is shown by its key, which no test lets pass.
    pub fn say_with(&self, key: &str, args: &[(&str, Arg<'_>)]) -> String {
        self.find(key, args).unwrap_or_else(|| {
            debug_assert!(false, "no message `{key}` in {:?}", self.language);
            format!("[{key}]")
        })
    }

    /// A message that need not be there, such as the name of something only a schema knows.
    pub fn find(&self, key: &str, args: &[(&str, Arg<'_>)]) -> Option<String> {
        let pattern = self.bundle.get_message(key)?.value()?;
        let mut given = FluentArgs::with_capacity(args.len());
        for (name, arg) in args {
            let value = match arg {
                Arg::Text(text) => FluentValue::from(text.as_ref()),
                Arg::Count(count) => FluentValue::from(*count),
            };
            given.set(*name, value);
        }
        let mut errors = Vec::new();
        let said = self.bundle.format_pattern(pattern, Some(&given), &mut errors).into_owned();
        debug_assert!(errors.is_empty(), "`{key}` in {:?}: {errors:?}", self.language);
        Some(said)
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Arg<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

macro_rules! counts {
    ($($count:ty),+) => {
        $(impl From<$count> for Arg<'_> {
            fn from(count: $count) -> Self {
                Self::Count(u64::try_from(count).unwrap_or(u64::MAX))
            }
        }

        impl From<&$count> for Arg<'_> {
            fn from(count: &$count) -> Self {
                Self::from(*count)
            }
        })+
    };
}

counts!(u32, u64, usize);

#[cfg(test)]
mod tests;
