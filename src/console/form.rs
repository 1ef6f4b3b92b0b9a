//! Forms: what a browser sends with a POST, as names and values.

use bytes::Bytes;

/// The most fields of a form: a request may name 64 actions and 64 paths.
const FIELDS_MAX: usize = 256;

/// The fields of a form, in the order they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// The fields of a body; `None` if it has too many, or bytes that are no UTF-8.
    pub(super) fn parse(body: &Bytes) -> Option<Self> {
        let mut fields = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            if fields.len() == FIELDS_MAX || value.contains('\u{fffd}') || value.contains('\0') {
                return None;
            }
            // Browsers end lines with CR LF in a form.
            fields.push((name.into_owned(), value.replace("\r\n", "\n")));
        }
        Some(Self(fields))
    }

    /// A form that was kept.
    pub(super) fn of(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// All fields.
    pub(super) fn fields(&self) -> &[(String, String)] {
        &self.0
    }

    /// A field; empty if it is not there. The first of several counts.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// A field without space around it; `None` if nothing is left.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|text| !text.is_empty())
    }

    /// Whether the field is there at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Every value of a field.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The names in a field of lines, without empty ones.
    pub(super) fn lines(&self, name: &str) -> Vec<&str> {
        self.get(name).split(['\n', ',', ';']).map(str::trim).filter(|line| !line.is_empty()).collect()
    }
}
