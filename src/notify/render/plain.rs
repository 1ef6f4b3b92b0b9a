//! Text that other people wrote, made fit for a mail: it keeps its words, and loses whatever could make it
//! look like ours, read in another order, or turn into a link under somebody's finger.

use super::super::is_reordering;

/// The most lines of one text; the page has all of it.
const LINES_MAX: usize = 120;
/// How wide a quoted line of the plain part is, in characters, so that readers do not break it and leave the
/// rest without its mark.
const WIDTH: usize = 72;
/// What is put in the place of a dot or colon that would make a link.
const DOT: &str = "[.]";
const SCHEME: &str = "[:]//";

/// A quoted text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Quote {
    /// Its lines as they were written.
    pub(super) lines: Vec<String>,
    /// Whether links were taken apart in it.
    pub(super) defused: bool,
    /// Whether there were more lines than are kept.
    pub(super) cut: bool,
}

impl Quote {
    /// A text of many lines, whatever ends them. Runs of empty lines and of spaces become one.
    pub(super) fn of(text: &str) -> Self {
        let mut quote = Self::default();
        let text = text.replace("\r\n", "\n");
        for line in text.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']) {
            let line = one_line(line);
            if line.is_empty() && quote.lines.last().is_none_or(String::is_empty) {
                continue;
            }
            if quote.lines.len() >= LINES_MAX {
                quote.cut = true;
                break;
            }
            let safe = without_links(&line);
            quote.defused |= safe != line;
            quote.lines.push(safe);
        }
        while quote.lines.last().is_some_and(String::is_empty) {
            quote.lines.pop();
        }
        quote
    }

    /// Its lines, none wider than a quoted line may be.
    pub(super) fn wrapped(&self) -> Vec<String> {
        self.lines.iter().flat_map(|line| wrapped(line)).collect()
    }
}

/// A name or a short text, on one line.
pub(super) fn name(text: &str) -> String {
    without_links(&one_line(text))
}

/// One line, its words one space apart, without invisible characters and such as change the order of others.
fn one_line(text: &str) -> String {
    let visible = text.chars().filter(|c| !is_invisible(*c));
    let clean: String = visible
        .map(|c| match c {
            c if is_reordering(c) => char::REPLACEMENT_CHARACTER,
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Characters that take no room: between the letters of a name they make it another one that looks the same.
/// Joiners stay, some scripts need them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with `[:]//` and `[.]` where programs that show mail would find an address of the web. Addresses
/// of people stay as they are: they open nothing but a new mail.
fn without_links(text: &str) -> String {
    let text = text.replace("://", SCHEME);
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let (before, after) = text.split_at(at);
        if c == '.' && joins_names(before, after) && !is_mail_host(before) && !is_mail_name(after) {
            out.push_str(DOT);
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether the dot at the beginning of `after` stands between two names, the second of two letters at least:
/// `evil.example`, but not `3.5` or `e.g.`.
fn joins_names(before: &str, after: &str) -> bool {
    let name = before.chars().next_back().is_some_and(|c| !c.is_whitespace() && c != '.');
    name && after.chars().skip(1).take(2).filter(|c| c.is_alphabetic()).count() == 2
}

/// Whether what ends `before` is the host of somebody's mail address.
fn is_mail_host(before: &str) -> bool {
    let host_begins = before.trim_end_matches(|c: char| c.is_alphanumeric() || matches!(c, '.' | '-'));
    let Some(local) = host_begins.strip_suffix('@') else { return false };
    local.chars().next_back().is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '+' | '-'))
}

/// Whether what begins `after` is the end of a mail address's name, its `@`, and a host.
fn is_mail_name(after: &str) -> bool {
    let rest = after.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '+' | '-'));
    rest.strip_prefix('@').is_some_and(|host| host.starts_with(char::is_alphanumeric))
}

/// A line broken at spaces; a word that is too wide alone is broken where the room ends.
fn wrapped(line: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut width = 0;
    for word in line.split(' ') {
        let wide = word.chars().count();
        if width > 0 && width + 1 + wide > WIDTH {
            lines.push(String::new());
            width = 0;
        }
        let mut current = lines.pop().unwrap_or_default();
        if width > 0 {
            current.push(' ');
            width += 1;
        }
        for c in word.chars() {
            if width == WIDTH {
                lines.push(core::mem::take(&mut current));
                width = 0;
            }
            current.push(c);
            width += 1;
        }
        lines.push(current);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_become_a_link_does_not() {
        for (text, safe) in [
            ("see https://evil.example/x now", "see https[:]//evil[.]example/x now"),
            ("www.evil.example", "www[.]evil[.]example"),
            ("evil.com/approve", "evil[.]com/approve"),
            ("https://csilla@evil.example", "https[:]//csilla@evil.example"),
            ("@evil.example", "@evil[.]example"),
            ("mail adele.vance@contoso.co.example.", "mail adele.vance@contoso.co.example."),
            ("evil.example/adele@contoso.example", "evil[.]example/adele@contoso.example"),
            ("evil.example@", "evil[.]example@"),
            ("1.5 hours, e.g. today. Then... and so on.", "1.5 hours, e.g. today. Then... and so on."),
            ("a\u{200b}.\u{200b}example", "a[.]example"),
        ] {
            assert_eq!(name(text), safe);
        }
    }

    #[test]
    fn a_text_keeps_its_lines_and_nothing_else() {
        let quote = Quote::of("\n one\r\ntwo\rthree\u{2028}four \t five\n\n\n\nsix\u{202e}gpj\u{1b}[2J\n\n");
        assert_eq!(quote.lines, ["one", "two", "three", "four five", "", "six\u{fffd}gpj [2J"]);
        assert!(!quote.defused && !quote.cut);
        let long = Quote::of(&"x\n".repeat(500));
        assert!(long.cut && long.lines.len() == LINES_MAX);
    }

    #[test]
    fn no_line_is_wider_than_its_mark_reaches() {
        let quote = Quote::of(&format!("{} {} b", "a".repeat(100), "word ".repeat(40)));
        let wrapped = quote.wrapped();
        assert!(wrapped.iter().all(|line| (1..=WIDTH).contains(&line.chars().count())), "{wrapped:?}");
        assert_eq!(wrapped.join(" ").replace(' ', ""), quote.lines[0].replace(' ', ""));
        assert_eq!(Quote::of("a\n\nb").wrapped(), ["a", "", "b"]);
    }
}
