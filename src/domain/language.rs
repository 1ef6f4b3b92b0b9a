//! The languages that pages and mails are written in.

/// A language of pages and mails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// English; also what is used where nothing else is known.
    #[default]
    English,
    /// Hungarian.
    Hungarian,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::Hungarian];

    /// The tag (BCP 47) on the wire, in `lang` attributes and in `Content-Language`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Hungarian => "hu",
        }
    }

    /// The language of that tag, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.as_str() == text)
    }
}
