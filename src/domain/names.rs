//! Names: each has one canonical form, one constructor that accepts exactly that form, and is then
//! used as it is by store, policy, cache and log. Nothing is ever folded to the canonical form: two
//! spellings of one name would be two keys of one decision.

use core::fmt;
use std::sync::Arc;

/// The longest name of a person, a caller or a service request, in bytes.
const NAME_BYTES_MAX: usize = 128;
/// The longest content path, in bytes.
const PATH_BYTES_MAX: usize = 512;
/// The longest name of a time zone, in bytes; the longest in use has 32.
const TIME_ZONE_BYTES_MAX: usize = 64;
/// The deepest content path, in type/id pairs.
const PATH_PAIRS_MAX: usize = 8;

/// A text that is not the canonical form of the name it stands for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a canonical {what}: {rule}", shown(.text))]
pub struct NameError {
    /// Which name it should have been.
    pub what: &'static str,
    /// The text as it came.
    pub text: String,
    /// The rule it breaks.
    pub rule: &'static str,
}

/// Control, bidi and zero-width characters as escapes, and not more than 80 characters.
fn shown(text: &str) -> String {
    text.chars()
        .take(80)
        .flat_map(|c| if c.is_ascii_graphic() || c == ' ' { vec![c] } else { c.escape_unicode().collect() })
        .collect()
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name, if `text` is its canonical form.
            ///
            /// # Errors
            /// [`NameError`] with the rule that `text` breaks.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> Result<(), &'static str> = $check;
                match check(text) {
                    Ok(()) => Ok(Self(Arc::from(text))),
                    Err(rule) => Err(NameError { what: $what, text: text.to_owned(), rule }),
                }
            }

            /// The canonical text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// How many hold this very text, and not one like it.
            pub fn holders(&self) -> usize {
                Arc::strong_count(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl core::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// A person: a lower-case address, or an opaque id. Immutable; what separation of duties compares.
    PersonId, "person id", person
);
name!(
    /// A customer organisation.
    TenantId, "tenant", label
);
name!(
    /// A service that holds content, such as `exchange`. Which ones exist is the schema's business.
    WorkloadName, "workload", label
);
name!(
    /// What is done to content, such as `read`. Which ones exist is the schema's business.
    ActionName, "action", action
);
name!(
    /// A service that asks the sidecar.
    CallerName, "caller", person
);
name!(
    /// The support case behind an AccessRequest, as the provider's support system numbers it.
    ServiceRequest, "service request", service_request
);
name!(
    /// A webhook of a tenant.
    WebhookName, "webhook name", label
);
name!(
    /// A time zone of the IANA database, such as `Europe/Budapest`. Whether there is one of that name is
    /// asked where times are shown.
    TimeZoneName, "time zone", time_zone
);
name!(
    /// The id of a Grant: a lower-case UUID.
    GrantId, "grant id", |text| match uuid::Uuid::try_parse(text) {
        Ok(id) if id.hyphenated().to_string() == text => Ok(()),
        _ => Err("it is a lower-case UUID"),
    }
);
name!(
    /// Content within a workload: `type/id[/type/id…]`. A path covers what lies below it: a mailbox
    /// its messages, a site its files.
    ContentPath, "content path", content_path
);

impl TimeZoneName {
    /// Universal time, which needs no database.
    pub fn utc() -> Self {
        Self(Arc::from("UTC"))
    }
}

/// The id of an AccessRequest, written `LBX-1001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessRequestId(u64);

impl AccessRequestId {
    /// The first number given out; the ones below are left free so that an id always has four digits.
    pub const FIRST: u64 = 1001;

    /// The id with this number.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number after `LBX-`.
    pub fn number(self) -> u64 {
        self.0
    }

    /// Reads `LBX-1001`; leading zeros and other spellings are refused.
    ///
    /// # Errors
    /// [`NameError`] when `text` is not such an id.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        text.strip_prefix("LBX-")
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .filter(|id| id.to_string() == text)
            .ok_or_else(|| NameError {
                what: "AccessRequest id",
                text: text.to_owned(),
                rule: "it is `LBX-` and a number",
            })
    }
}

impl fmt::Display for AccessRequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LBX-{}", self.0)
    }
}

impl ContentPath {
    /// The path of one piece of content directly below the workload.
    ///
    /// # Errors
    /// [`NameError`] when type or id is not canonical.
    pub fn of(content_type: &str, id: &str) -> Result<Self, NameError> {
        Self::parse(&format!("{content_type}/{id}"))
    }

    /// The type of the content itself: `message` in `mailbox/adele@contoso.example/message/7`.
    pub fn leaf_type(&self) -> &str {
        self.0.rsplit('/').nth(1).unwrap_or_default()
    }

    /// Every type along the path, from the workload down.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').step_by(2)
    }

    /// Whether `other` is this content or lies below it.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.strip_prefix(&*self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The paths above this one, from the outermost: `mailbox/adele` for `mailbox/adele/message/7`.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').skip(1).step_by(2).filter_map(|(end, _)| self.0.get(..end))
    }
}

fn person(text: &str) -> Result<(), &'static str> {
    bounded(text, NAME_BYTES_MAX)?;
    if !text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'+' | b'-' | b'@')) {
        return Err("it has lower-case letters, digits and `.`, `_`, `+`, `-`, `@` only");
    }
    dots(text)?;
    match text.split_once('@') {
        Some((name, host)) if name.is_empty() || host.is_empty() || host.contains('@') => {
            Err("an address has one `@` with a name before and a host after it")
        }
        Some((name, host)) => dots(name).and_then(|()| dots(host)),
        None => Ok(()),
    }
}

fn label(text: &str) -> Result<(), &'static str> {
    bounded(text, 63)?;
    if text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
        Ok(())
    } else {
        Err("it has 1 to 63 lower-case letters, digits and `-` only")
    }
}

fn action(text: &str) -> Result<(), &'static str> {
    bounded(text, 63)?;
    if text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')) {
        Ok(())
    } else {
        Err("it has 1 to 63 lower-case letters, digits, `-` and `_` only")
    }
}

fn time_zone(text: &str) -> Result<(), &'static str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
    if !text.is_empty() && text.len() <= TIME_ZONE_BYTES_MAX && text.chars().all(fits) {
        Ok(())
    } else {
        Err("it is a name of the IANA database, such as `Europe/Budapest`")
    }
}

fn service_request(text: &str) -> Result<(), &'static str> {
    bounded(text, NAME_BYTES_MAX)?;
    if !text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b':' | b'#')) {
        return Err("it has letters, digits and `.`, `_`, `-`, `:`, `#` only");
    }
    dots(text)
}

fn content_path(text: &str) -> Result<(), &'static str> {
    bounded(text, PATH_BYTES_MAX)?;
    let segments = text.split('/').count();
    if !segments.is_multiple_of(2) || segments > 2 * PATH_PAIRS_MAX {
        return Err("it is `type/id`, and `/type/id` for each level below, 8 levels at most");
    }
    for (index, segment) in text.split('/').enumerate() {
        if index % 2 == 0 { label(segment)? } else { content_id(segment)? }
    }
    Ok(())
}

/// `%` is left out so that `%2F` can never name a second path, `\` and `/` because they are separators.
fn content_id(text: &str) -> Result<(), &'static str> {
    bounded(text, 256)?;
    if !text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9') || b"._-~@+=:,!$&'()*".contains(&b)) {
        return Err("a content id has lower-case letters, digits and `._-~@+=:,!$&'()*` only");
    }
    dots(text)
}

fn bounded(text: &str, bytes_max: usize) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it must not be empty");
    }
    if text.len() > bytes_max { Err("it is too long") } else { Ok(()) }
}

fn dots(text: &str) -> Result<(), &'static str> {
    if text.starts_with('.') || text.ends_with('.') || text.contains("..") {
        Err("it neither begins nor ends with a dot, nor has two in a row")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_canonical_form_is_a_name() {
        for good in ["ana@provider.example", "a", "0198c0de-aa", "x_y+z"] {
            assert_eq!(PersonId::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "Ana@provider.example",
            "ana@provider.example.",
            "ana..b@provider.example",
            "аna@provider.example",
            "ana@provider.example\u{200b}",
            "ana @x",
            "ana@@x",
            "@x",
            "ana@",
            "ana%40x",
            "ana\u{202e}",
            "ana/x",
            "a\0",
            "ana.@x.example",
        ] {
            assert!(PersonId::parse(bad).is_err(), "{bad}");
        }
        for bad in ["", "Contoso", "contoso.", "con_toso", "con toso", "../x", &"x".repeat(64)] {
            assert!(TenantId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn content_paths_are_pairs_and_cover_what_lies_below() {
        let mailbox = ContentPath::of("mailbox", "adele@contoso.example").unwrap();
        let message = ContentPath::parse("mailbox/adele@contoso.example/message/7").unwrap();
        let twin = ContentPath::of("mailbox", "adele@contoso.example2").unwrap();
        assert!(mailbox.covers(&mailbox) && mailbox.covers(&message) && !message.covers(&mailbox));
        assert!(!mailbox.covers(&twin) && !twin.covers(&mailbox));
        assert_eq!(message.leaf_type(), "message");
        assert_eq!(message.ancestors().collect::<Vec<_>>(), ["mailbox/adele@contoso.example"]);
        for bad in [
            "",
            "mailbox",
            "mailbox/",
            "/mailbox/a",
            "mailbox/a/message",
            "mailbox/../x",
            "mailbox/a%2Fb",
            "mailbox/A",
            "mailbox/a.",
            "mailbox//a",
            "Mailbox/a",
            "mailbox/a\\b",
        ] {
            assert!(ContentPath::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_of_access_requests_have_one_spelling() {
        assert_eq!(AccessRequestId::parse("LBX-1001").unwrap().to_string(), "LBX-1001");
        for bad in ["LBX-01001", "lbx-1001", "LBX-", "LBX-+1", "1001", "LBX-99999999999999999999"] {
            assert!(AccessRequestId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_shows_no_raw_control_character() {
        let error = TenantId::parse("a\u{202e}\u{7}b").unwrap_err().to_string();
        assert!(error.contains("\\u{202e}\\u{7}b") && error.is_ascii(), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_kept_as_it_is(text in "\\PC{0,40}") {
            if let Ok(name) = PersonId::parse(&text) {
                prop_assert_eq!(name.as_str(), text.to_ascii_lowercase());
            }
            if let Ok(path) = ContentPath::parse(&text) {
                prop_assert_eq!(path.as_str(), &text);
                prop_assert!(path.ancestors().all(|above| ContentPath::parse(above).unwrap().covers(&path)));
            }
        }
    }
}
