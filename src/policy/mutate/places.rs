//! Where in a file an edit is, and how the lines look with it. Cedar's tree has no places, so they are
//! found by the words: what the tree shows and what stands in the file are the same words, apart from
//! brackets, commas and layout.
//!
//! Invariant: for people only. What is tried is made from the tree; a place that is not found costs the
//! excerpt, never the mutant.

use core::ops::Range;
use regex::Regex;
use std::sync::LazyLock;

/// A comment, a string, a name or number, an operator of two characters, or any other character.
static WORD: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"//[^\n]*|"(?:[^"\\]|\\.)*"|\w+|&&|\|\||==|!=|<=|>=|::|\S"#).ok());

/// How the place of an edit looks afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    /// It is gone, with the operator or comma that joined it.
    Drop,
    /// Something else stands there.
    Replace(String),
}

/// A part of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// Effect and scope.
    Head,
    /// The clauses behind.
    Clauses,
}

/// Where an edit is, and how it looks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// The line, from 1; 0 when it was not found.
    pub(super) line: usize,
    /// The column in characters, from 1.
    pub(super) column: usize,
    /// The lines before with `-`, after with `+`.
    pub(super) excerpt: Vec<String>,
}

/// One word of Cedar.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word<'a> {
    text: &'a str,
    place: Range<usize>,
}

impl Word<'_> {
    /// Whether layout alone decides if it is there.
    fn is_loose(&self) -> bool {
        matches!(self.text, "(" | ")" | "[" | "]" | ",")
    }

    /// As it is compared: `has "grant"` is `has grant`.
    fn bare(&self) -> &str {
        self.text.trim_matches('"')
    }
}

/// The words of a text from `offset` on, comments left out.
fn words(text: &str, offset: usize) -> Vec<Word<'_>> {
    let Some(word) = WORD.as_ref() else { return Vec::new() };
    let found = word.find_iter(text.get(offset..).unwrap_or_default());
    let found = found.filter(|found| !found.as_str().starts_with("//"));
    found.map(|found| Word { text: found.as_str(), place: offset + found.start()..offset + found.end() }).collect()
}

/// A policy as it stands in its file: from its `@id` to its semicolon.
#[derive(Debug)]
pub(super) struct Written<'a> {
    file: &'a str,
    words: Vec<Word<'a>>,
}

impl<'a> Written<'a> {
    /// The policy of that id.
    pub(super) fn find(file: &'a str, id: &str) -> Option<Self> {
        let offset = file.find(&format!("@id(\"{id}\")"))?;
        let mut words = words(file, offset);
        let end = words.iter().position(|word| word.text == ";")?;
        words.truncate(end + 1);
        Some(Self { file, words })
    }

    /// The place of the `nth` (from 0) `part`, edited.
    pub(super) fn edited(&self, section: Section, part: &str, nth: usize, edit: &Edit) -> Place {
        match self.range(section, part, nth) {
            Some(range) => self.shown(range, edit),
            None => Place::default(),
        }
    }

    /// The whole policy, gone.
    pub(super) fn deleted(&self) -> Place {
        match (self.words.first(), self.words.last()) {
            (Some(first), Some(last)) => self.excerpt(first.place.start, first.place.start..last.place.end, ""),
            _ => Place::default(),
        }
    }

    /// Which words of the policy the `nth` `part` is.
    fn range(&self, section: Section, part: &str, nth: usize) -> Option<Range<usize>> {
        let begins = |at: usize| at > 0 && self.text(at - 1) == ")" && matches!(self.text(at), "when" | "unless");
        let first = match section {
            Section::Head => 0,
            Section::Clauses => (0..self.words.len()).find(|at| begins(*at))?,
        };
        let wanted = words(part, 0);
        let wanted: Vec<&str> = wanted.iter().filter(|word| !word.is_loose()).map(Word::bare).collect();
        let own: Vec<(usize, &Word<'_>)> =
            self.words.iter().enumerate().skip(first).filter(|(_, word)| !word.is_loose()).collect();
        let same =
            |window: &&[(usize, &Word<'_>)]| window.iter().map(|(_, word)| word.bare()).eq(wanted.iter().copied());
        let window = own.windows(wanted.len().max(1)).filter(same).nth(nth)?;
        Some(window.first()?.0..window.last()?.0 + 1)
    }

    fn text(&self, index: usize) -> &str {
        self.words.get(index).map_or("", |word| word.text)
    }

    /// Takes in closing brackets that belong to the part, and brackets around it.
    fn widened(&self, range: Range<usize>) -> Range<usize> {
        let Range { mut start, mut end } = range;
        let depth = |start: usize, end: usize| {
            (start..end).fold(0_isize, |depth, at| match self.text(at) {
                "(" | "[" => depth + 1,
                ")" | "]" => depth - 1,
                _ => depth,
            })
        };
        while depth(start, end) > 0 && matches!(self.text(end), ")" | "]" | ",") {
            end += 1;
        }
        // `f(x)` and `x.f(y)` keep their brackets, and so does a list.
        let called = |start: usize| {
            start
                .checked_sub(2)
                .is_some_and(|before| self.text(before).ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        };
        while start > 0 && self.text(start - 1) == "(" && self.text(end) == ")" && !called(start) {
            (start, end) = (start - 1, end + 1);
        }
        start..end
    }

    fn shown(&self, range: Range<usize>, edit: &Edit) -> Place {
        let range = self.widened(range);
        let bytes = |range: Range<usize>| {
            let start = self.words.get(range.start).map_or(0, |word| word.place.start);
            start..self.words.get(range.end.saturating_sub(1)).map_or(start, |word| word.place.end)
        };
        let at = bytes(range.clone()).start;
        let joins = |index: usize| matches!(self.text(index), "&&" | "||" | ",");
        match edit {
            Edit::Replace(text) => self.excerpt(at, bytes(range), text),
            // Up to what follows, so that its layout stays; the last of several from what joined it.
            Edit::Drop if joins(range.end) => {
                let next = self.words.get(range.end + 1).map_or(self.file.len(), |word| word.place.start);
                self.excerpt(at, at..next, "")
            }
            Edit::Drop if range.start > 0 && joins(range.start - 1) => {
                let before = bytes(range.start.saturating_sub(2)..range.start.saturating_sub(1)).end;
                self.excerpt(at, before..bytes(range).end, "")
            }
            Edit::Drop => self.excerpt(at, bytes(range), ""),
        }
    }

    /// The lines that a range of bytes touches, before and with `text` in its place.
    fn excerpt(&self, at: usize, bytes: Range<usize>, text: &str) -> Place {
        let before = self.file.get(..bytes.start).unwrap_or_default();
        let after = self.file.get(bytes.end..).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line_end = bytes.end + after.find('\n').unwrap_or(after.len());
        let (head, tail) = (before.get(line_start..).unwrap_or_default(), self.file.get(bytes.end..line_end));
        let old = self.file.get(line_start..line_end).unwrap_or_default();
        let new = format!("{head}{text}{}", tail.unwrap_or_default());
        let lines = |sign: char, text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("{sign} {line}")).collect()
        };
        let mut excerpt = lines('-', old);
        excerpt.extend(lines('+', &new));
        let above = self.file.get(..at).unwrap_or_default();
        let column = above.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place { line: above.matches('\n').count() + 1, column, excerpt }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "// `a && b` in a comment\n@id(\"x\")\npermit (\n  principal is A::B,\n  action in [A::Action::\"r\", A::Action::\"s\"],\n  resource\n) when {\n  a.b == 1 && // why\n  (c || !d.e) &&\n  f.contains(g)\n};\n";

    fn shown(part: &str, edit: &Edit) -> Vec<String> {
        let written = Written::find(FILE, "x").unwrap();
        let section = if part.contains("A::") { Section::Head } else { Section::Clauses };
        written.edited(section, part, 0, edit).excerpt
    }

    #[test]
    fn a_dropped_part_takes_its_operator_along() {
        assert_eq!(
            shown("a.b == 1", &Edit::Drop),
            ["-   a.b == 1 && // why", "-   (c || !d.e) &&", "+   (c || !d.e) &&"]
        );
        assert_eq!(shown("f.contains(g)", &Edit::Drop), ["-   (c || !d.e) &&", "-   f.contains(g)", "+   (c || !d.e)"]);
        assert_eq!(shown("c", &Edit::Drop), ["-   (c || !d.e) &&", "+   (!d.e) &&"]);
        assert_eq!(
            shown("A::Action::\"s\"", &Edit::Drop),
            ["-   action in [A::Action::\"r\", A::Action::\"s\"],", "+   action in [A::Action::\"r\"],"]
        );
    }

    #[test]
    fn what_is_replaced_keeps_what_is_around_it() {
        let with = |text: &str| Edit::Replace(text.to_owned());
        assert_eq!(shown("!(d.e)", &with("d.e")), ["-   (c || !d.e) &&", "+   (c || d.e) &&"]);
        assert_eq!(shown("g", &with("true")), ["-   f.contains(g)", "+   f.contains(true)"]);
        assert_eq!(shown("(f.contains(g))", &with("h")), ["-   f.contains(g)", "+   h"]);
        assert_eq!(shown("principal is A::B", &with("principal")), ["-   principal is A::B,", "+   principal,"]);
    }

    #[test]
    fn what_is_not_there_has_no_place() {
        assert_eq!(Written::find(FILE, "x").unwrap().edited(Section::Clauses, "zzz", 0, &Edit::Drop), Place::default());
        assert!(Written::find(FILE, "y").is_none());
        for (part, line, column) in [("c", 9, 4), ("f.contains(g)", 10, 3)] {
            let place = Written::find(FILE, "x").unwrap().edited(Section::Clauses, part, 0, &Edit::Drop);
            assert_eq!((place.line, place.column), (line, column));
        }
    }
}
