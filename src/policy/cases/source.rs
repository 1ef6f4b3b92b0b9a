//! Where the conditions of policies stand in their files, so that a page can mark them there.
//!
//! Cedar gives no places, so the source is split here the way a condition is (`&&` at the top of a `when`,
//! and an `unless` whole), and a piece is taken for a condition only if Cedar, reading the piece by
//! itself, prints that very condition. What is not found so is listed, never guessed.

use super::super::explain::Condition;
use super::super::files::{SourceFile, Sources};
use cedar_policy::{Policy, PolicySet};
use core::ops::Range;

/// A policy file in the order of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedFile {
    /// Its path.
    pub name: String,
    /// The whole text, in pieces.
    pub pieces: Vec<Piece>,
}

/// A piece of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// What stands between policies.
    Between(String),
    /// A policy.
    Policy {
        /// Its `@id`.
        id: String,
        /// Its text, in order.
        spans: Vec<Span>,
        /// The numbers of its conditions that were not found in the text.
        unplaced: Vec<usize>,
    },
}

/// Text within a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The text.
    pub text: String,
    /// The numbers of the conditions that it states, from 0 and in the order of
    /// [`Covered::conditions`](super::Covered); none for what is no condition.
    pub conditions: Vec<usize>,
}

/// The policy files of a set with their conditions found.
pub fn marked(sources: &Sources) -> Vec<MarkedFile> {
    sources.policies.iter().map(marked_file).collect()
}

fn marked_file(file: &SourceFile) -> MarkedFile {
    let text: &str = &file.text;
    let mut policies: Vec<(Range<usize>, Policy)> = Vec::new();
    if let Ok(set) = text.parse::<PolicySet>() {
        for policy in set.policies() {
            // A policy that was read from text prints as it was written.
            let written = policy.to_string();
            if let Some(start) = text.find(&written) {
                policies.push((start..start + written.len(), policy.clone()));
            }
        }
    }
    policies.sort_by_key(|(range, _)| range.start);
    let (mut pieces, mut at) = (Vec::new(), 0);
    for (range, policy) in policies {
        let (Some(before), Some(own)) = (text.get(at..range.start), text.get(range.clone())) else { continue };
        if !before.trim().is_empty() {
            pieces.push(Piece::Between(before.trim_matches('\n').to_owned()));
        }
        pieces.push(marked_policy(&policy, own));
        at = range.end;
    }
    let rest = text.get(at..).unwrap_or_default();
    if !rest.trim().is_empty() {
        pieces.push(Piece::Between(rest.trim_matches('\n').to_owned()));
    }
    MarkedFile { name: file.name.clone(), pieces }
}

fn marked_policy(policy: &Policy, text: &str) -> Piece {
    let conditions: Vec<Condition> = Condition::of(policy).into_iter().filter(|condition| !condition.scope).collect();
    let (mut spans, mut unplaced) = (Vec::new(), Vec::new());
    let (mut at, mut next) = (0, 0);
    for part in parts(text) {
        let Some(written) = text.get(part.range.clone()) else { continue };
        let read = read_alone(written, part.unless);
        let ahead = conditions.get(next..).unwrap_or_default();
        // Found where the following conditions are exactly what the piece says by itself.
        let Some(skipped) = (0..ahead.len()).find(|skip| !read.is_empty() && same(ahead.get(*skip..), &read)) else {
            continue;
        };
        unplaced.extend(next..next + skipped);
        let first = next + skipped;
        next = first + read.len();
        push(&mut spans, text.get(at..part.range.start), Vec::new());
        push(&mut spans, Some(written), (first..next).collect());
        at = part.range.end;
    }
    unplaced.extend(next..conditions.len());
    push(&mut spans, text.get(at..), Vec::new());
    Piece::Policy { id: policy.annotation("id").unwrap_or_default().to_owned(), spans, unplaced }
}

fn push(spans: &mut Vec<Span>, text: Option<&str>, conditions: Vec<usize>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        spans.push(Span { text: text.to_owned(), conditions });
    }
}

fn same(ahead: Option<&[Condition]>, read: &[String]) -> bool {
    let ahead = ahead.unwrap_or_default();
    ahead.len() >= read.len() && ahead.iter().zip(read).all(|(condition, read)| condition.shown() == *read)
}

/// The conditions that a piece of source states when Cedar reads it by itself.
fn read_alone(piece: &str, unless: bool) -> Vec<String> {
    let word = if unless { "unless" } else { "when" };
    // The piece may end in a comment, so the brace stands on a line of its own.
    let policy = Policy::parse(None, format!("permit (principal, action, resource) {word} {{ {piece}\n}};"));
    let conditions = policy.map(|policy| Condition::of(&policy)).unwrap_or_default();
    conditions.iter().filter(|condition| !condition.scope).map(Condition::shown).collect()
}

/// A piece of a clause that may be a condition.
struct Part {
    range: Range<usize>,
    unless: bool,
}

/// One token: comments and white space are none.
#[derive(Debug, Clone)]
struct Token<'a> {
    range: Range<usize>,
    text: &'a str,
}

/// The bodies of the clauses, split at the `&&` that join conditions.
fn parts(text: &str) -> Vec<Part> {
    let tokens = tokens(text);
    let (mut parts, mut depth, mut at) = (Vec::new(), 0_usize, 0);
    while let Some(token) = tokens.get(at) {
        let opens = tokens.get(at + 1).is_some_and(|next| next.text == "{");
        if depth == 0 && opens && matches!(token.text, "when" | "unless") {
            let body = tokens.get(at + 2..).unwrap_or_default();
            let end = closing(body).unwrap_or(body.len());
            let body = body.get(..end).unwrap_or_default();
            if token.text == "unless" {
                parts.extend(whole(body).map(|range| Part { range, unless: true }));
            } else {
                let mut ranges = Vec::new();
                split(body, &mut ranges);
                parts.extend(ranges.into_iter().map(|range| Part { range, unless: false }));
            }
            at += end + 3;
            continue;
        }
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    parts
}

/// Where the bracket closes that was open before the first token.
fn closing(tokens: &[Token<'_>]) -> Option<usize> {
    let mut depth = 0_usize;
    tokens.iter().position(|token| match token.text {
        "(" | "[" | "{" => {
            depth += 1;
            false
        }
        ")" | "]" | "}" if depth == 0 => true,
        ")" | "]" | "}" => {
            depth -= 1;
            false
        }
        _ => false,
    })
}

fn whole(tokens: &[Token<'_>]) -> Option<Range<usize>> {
    Some(tokens.first()?.range.start..tokens.last()?.range.end)
}

fn split(tokens: &[Token<'_>], out: &mut Vec<Range<usize>>) {
    let (mut depth, mut ands, mut ors) = (0_usize, Vec::new(), false);
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "&&" if depth == 0 => ands.push(at),
            "||" if depth == 0 => ors = true,
            _ => {}
        }
    }
    let conditional = tokens.first().is_some_and(|token| token.text == "if");
    if ors || conditional {
        return out.extend(whole(tokens));
    }
    if ands.is_empty() {
        let bracketed = tokens.first().is_some_and(|token| token.text == "(");
        let inner = tokens.get(1..).unwrap_or_default();
        let mut nested = Vec::new();
        // `( … )` around everything: what joins within it joins here.
        if bracketed && closing(inner).is_some_and(|end| end + 1 == inner.len()) {
            split(inner.get(..inner.len() - 1).unwrap_or_default(), &mut nested);
        }
        return if nested.len() > 1 { out.extend(nested) } else { out.extend(whole(tokens)) };
    }
    let mut from = 0;
    for to in ands.into_iter().chain([tokens.len()]) {
        split(tokens.get(from..to).unwrap_or_default(), out);
        from = to + 1;
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        let mut end = start + first.len_utf8();
        let next = rest.peek().map(|(_, c)| *c);
        match first {
            c if c.is_whitespace() => continue,
            '/' if next == Some('/') => {
                while rest.next_if(|(_, c)| *c != '\n').is_some() {}
                continue;
            }
            '"' => {
                let mut escaped = false;
                for (at, c) in rest.by_ref() {
                    end = at + c.len_utf8();
                    if c == '"' && !escaped {
                        break;
                    }
                    escaped = c == '\\' && !escaped;
                }
            }
            c if c.is_alphanumeric() || c == '_' => {
                while let Some((at, c)) = rest.next_if(|(_, c)| c.is_alphanumeric() || *c == '_') {
                    end = at + c.len_utf8();
                }
            }
            '&' | '|' if next == Some(first) => {
                rest.next();
                end += 1;
            }
            _ => {}
        }
        if let Some(text) = text.get(start..end) {
            tokens.push(Token { range: start..end, text });
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(policy: &str) -> (Vec<String>, Vec<usize>) {
        let text = format!("// before\n@id(\"x\") permit (principal, action, resource)\n{policy};\n// after\n");
        let file = SourceFile { name: "x.cedar".to_owned(), text: text.clone().into() };
        let MarkedFile { pieces, .. } = marked_file(&file);
        let [Piece::Between(before), Piece::Policy { id, spans, unplaced }, Piece::Between(after)] = pieces.as_slice()
        else {
            panic!("{pieces:?}")
        };
        assert_eq!((before.as_str(), id.as_str(), after.as_str()), ("// before", "x", "// after"));
        let whole: String = spans.iter().map(|span| span.text.as_str()).collect();
        assert!(text.contains(&whole), "nothing of a policy's text is lost");
        let marks = spans.iter().filter(|span| !span.conditions.is_empty());
        (marks.map(|span| format!("{:?} {}", span.conditions, span.text)).collect(), unplaced.clone())
    }

    #[test]
    fn conditions_are_found_where_they_stand() {
        for (policy, expected) in [
            ("", vec![]),
            ("when { true }", vec!["[0] true"]),
            (
                "when { principal.a&&  (principal.b || principal.c) }",
                vec!["[0] principal.a", "[1] (principal.b || principal.c)"],
            ),
            (
                "when { (principal.a && principal.b) && principal.c }",
                vec!["[0] principal.a", "[1] principal.b", "[2] principal.c"],
            ),
            (
                "when { principal.a && principal.b || principal.c }",
                vec!["[0] principal.a && principal.b || principal.c"],
            ),
            (
                "when { if principal.a then principal.b && principal.c else false }",
                vec!["[0] if principal.a then principal.b && principal.c else false"],
            ),
            (
                "when { principal.a == \"&& } \\\" when {\" && // principal.z &&\n principal.b }",
                vec!["[0] principal.a == \"&& } \\\" when {\"", "[1] principal.b"],
            ),
            (
                "unless { principal.a && principal.b } when { principal.c }",
                vec!["[0] principal.a && principal.b", "[1] principal.c"],
            ),
            (
                "when { [principal.a, principal.b] == {\"a\": 1}.a && principal.c }",
                vec!["[0] [principal.a, principal.b] == {\"a\": 1}.a", "[1] principal.c"],
            ),
        ] {
            assert_eq!(found(policy), (expected.into_iter().map(str::to_owned).collect(), vec![]), "{policy}");
        }
    }

    #[test]
    fn every_condition_of_the_shipped_set_is_found() {
        let mut conditions = 0;
        for file in marked(&Sources::shipped()) {
            for piece in file.pieces {
                if let Piece::Policy { id, spans, unplaced } = piece {
                    assert!(unplaced.is_empty(), "{id}");
                    conditions += spans.iter().map(|span| span.conditions.len()).sum::<usize>();
                }
            }
        }
        assert!(conditions > 50, "{conditions}");
    }
}
