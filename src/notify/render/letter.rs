//! A letter before it is text or HTML: both parts are made of the same blocks, so that neither says more
//! than the other. It knows nothing of what it is about.
//!
//! Invariant: a block holds text, never markup; the HTML template escapes all of it.
//! Invariant: neither template has a link, an image, or anything that is fetched.

use super::super::Rendered;
use super::plain::Quote;
use crate::domain::Language;
use askama::Template;

/// A letter in the making.
#[derive(Debug)]
pub(super) struct Letter {
    subject: String,
    headline: String,
    /// Whether it is an alarm.
    alarm: bool,
    blocks: Vec<Block>,
    /// Why the recipient gets it, in which zone its times are: small print.
    notes: Vec<String>,
}

/// A part of a letter.
#[derive(Debug)]
enum Block {
    /// A paragraph; `strong` for the one sentence that matters.
    Paragraph { text: String, strong: bool },
    /// What follows belongs together.
    Section { title: String, facts: Vec<Fact> },
}

/// One fact of a section.
#[derive(Debug)]
enum Fact {
    /// A label and a value.
    Line { label: String, value: String },
    /// A label and several values.
    Several { label: String, values: Vec<String> },
    /// A label and what somebody wrote.
    Quoted { label: String, quote: Quote },
    /// Something without a label.
    Item { text: String },
}

impl Letter {
    pub(super) fn new(subject: String, headline: String, alarm: bool) -> Self {
        Self { subject, headline, alarm, blocks: Vec::new(), notes: Vec::new() }
    }

    pub(super) fn paragraph(&mut self, text: String) {
        self.blocks.push(Block::Paragraph { text, strong: false });
    }

    pub(super) fn strong(&mut self, text: String) {
        self.blocks.push(Block::Paragraph { text, strong: true });
    }

    pub(super) fn section(&mut self, title: String) {
        self.blocks.push(Block::Section { title, facts: Vec::new() });
    }

    pub(super) fn line(&mut self, label: String, value: String) {
        self.fact(Fact::Line { label, value });
    }

    /// Several values: one of them is a line like any other.
    pub(super) fn several(&mut self, label: String, mut values: Vec<String>) {
        match (values.pop(), values.is_empty()) {
            (None, _) => {}
            (Some(value), true) => self.line(label, value),
            (Some(last), false) => {
                values.push(last);
                self.fact(Fact::Several { label, values });
            }
        }
    }

    pub(super) fn quoted(&mut self, label: String, quote: Quote) {
        self.fact(Fact::Quoted { label, quote });
    }

    pub(super) fn item(&mut self, text: String) {
        self.fact(Fact::Item { text });
    }

    pub(super) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// Whether links were taken apart in a text that it quotes.
    pub(super) fn is_defused(&self) -> bool {
        self.quotes().any(|quote| quote.defused)
    }

    /// Whether a text that it quotes was too long.
    pub(super) fn is_cut(&self) -> bool {
        self.quotes().any(|quote| quote.cut)
    }

    fn quotes(&self) -> impl Iterator<Item = &Quote> {
        let facts = self.blocks.iter().filter_map(|block| match block {
            Block::Section { facts, .. } => Some(facts),
            Block::Paragraph { .. } => None,
        });
        facts.flatten().filter_map(|fact| match fact {
            Fact::Quoted { quote, .. } => Some(quote),
            _ => None,
        })
    }

    /// A fact of the section that was begun last.
    fn fact(&mut self, fact: Fact) {
        match self.blocks.last_mut() {
            Some(Block::Section { facts, .. }) => facts.push(fact),
            _ => debug_assert!(false, "a fact outside a section: {fact:?}"),
        }
    }

    /// The mail.
    pub(super) fn rendered(self, language: Language) -> Rendered {
        let lang = language.as_str();
        // Writing to a string cannot fail, and a template has no other way to.
        let text = TextPart { letter: &self }.render().unwrap_or_default();
        let html = HtmlPart { letter: &self, lang }.render().unwrap_or_default();
        Rendered { subject: self.subject, text, html }
    }
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct TextPart<'a> {
    letter: &'a Letter,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct HtmlPart<'a> {
    letter: &'a Letter,
    lang: &'static str,
}
