//! One visit of a page: who is there, in which language and zone he reads, and what he sent.

use super::form::Form;
use super::frame::Frame;
use super::session::Session;
use super::trouble::Trouble;
use crate::domain::{AccessRequestId, Language, Person, Role, Timestamp};
use crate::words::{Words, Zone};

/// A visit that passed the door.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    /// Who is signed in.
    pub(super) session: Option<Session>,
    /// What a form must carry.
    pub(super) csrf: String,
    /// A cookie to give to somebody who has none yet.
    pub(super) new_cookie: Option<String>,
    /// The language the page is written in.
    pub(super) language: Language,
    /// The zone times are shown in.
    pub(super) zone: Zone,
    /// The address of the page, without its query.
    pub(super) path: String,
    /// The cookie of a sign-in on its way.
    pub(super) flow: Option<String>,
    /// Parts of the path.
    pub(super) params: Vec<(String, String)>,
    /// The query.
    pub(super) query: Form,
    /// The form; empty for a GET.
    pub(super) form: Form,
    /// The authority's time, read once.
    pub(super) now: Timestamp,
    /// Whether this is a demo.
    pub(super) demo: bool,
}

impl Visit {
    /// Who is signed in.
    pub(super) fn person(&self) -> Result<&Person, Trouble> {
        self.session.as_ref().map(|session| &session.person).ok_or(Trouble::SignIn)
    }

    /// A part of the path; empty if there is none of that name.
    pub(super) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The AccessRequest in the path.
    pub(super) fn access_request(&self) -> Result<AccessRequestId, Trouble> {
        AccessRequestId::parse(self.param("id")).map_err(|_| Trouble::NotFound)
    }

    /// The words of the page.
    pub(super) fn words(&self) -> &'static Words {
        Words::of(self.language)
    }

    /// The frame around a page with this title.
    pub(super) fn frame(&self, title: String) -> Frame {
        let person = self.session.as_ref().map(|session| session.person.clone());
        Frame::new(self, person, title)
    }

    /// The version of what the form was filled in on.
    pub(super) fn seen_version(&self) -> Result<u64, Trouble> {
        self.form.get("version").parse().map_err(|_| Trouble::BadForm)
    }
}

/// Whether a person reads as the customer does.
pub(super) fn is_customer(person: &Person) -> bool {
    person.tenant.is_some()
}

/// Whether a person has any of these roles.
pub(super) fn has_any(person: &Person, roles: &[Role]) -> bool {
    roles.iter().any(|role| person.roles.has(*role))
}

/// The first language of an `Accept-Language` header that there is, by its weights.
pub(super) fn accepted(header: &str) -> Option<Language> {
    let mut wanted: Vec<(u16, Language)> = Vec::new();
    for part in header.split(',').take(20) {
        let mut pieces = part.split(';');
        let tag = pieces.next().unwrap_or_default().trim();
        let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let weight = pieces.find_map(|piece| piece.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        // 0 says "not this one".
        let Some(language) = Language::parse(&primary).filter(|_| weight > 0.0) else { continue };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 1000")]
        wanted.push(((weight.clamp(0.0, 1.0) * 1000.0) as u16, language));
    }
    // The first of the heaviest.
    wanted.iter().rev().max_by_key(|(weight, _)| *weight).map(|(_, language)| *language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_known_language_is_taken() {
        for (header, language) in [
            ("hu-HU,hu;q=0.9,en;q=0.8", Some(Language::Hungarian)),
            ("en-GB,en;q=0.9,hu;q=0.8", Some(Language::English)),
            ("de,hu;q=0.5,en;q=0.7", Some(Language::English)),
            ("en,hu", Some(Language::English)),
            ("hu;q=0,en;q=0.1", Some(Language::English)),
            ("de", None),
            ("", None),
            ("hu;q=NaN", None),
        ] {
            assert_eq!(accepted(header), language, "{header}");
        }
    }
}
