//! Characters that make a text read like something else than it is: text direction, invisible ones, and
//! words of mixed scripts. Looked for everywhere in a file, also in ids, annotations and comments.

use super::super::files::SourceFile;
use super::super::finding::Finding;
use unicode_security::MixedScript as _;

/// The most findings of one file: a file of noise is told, not listed.
const FINDINGS_MAX: usize = 20;

/// What is odd about the characters of a file.
pub(super) fn look(file: &SourceFile) -> Vec<Finding> {
    if file.text.is_ascii() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (offset, c) in file.text.char_indices() {
        let escaped = c.escape_unicode();
        let warn = |code, message: String, help| {
            Finding::file(code, &file.name, message, help).warning().at(&file.text, offset, c.len_utf8())
        };
        if turns(c) {
            let message = format!("`{escaped}` changes the direction of the text");
            findings.push(warn("text-direction", message, "take it out: what is shown is not what is read"));
        } else if hides(c) {
            findings.push(warn("text-invisible", format!("`{escaped}` is invisible"), "take it out"));
        }
    }
    for (offset, word) in words(&file.text).filter(|(_, word)| !word.is_ascii() && !word.is_single_script()) {
        let message = format!("`{word}` has letters of several scripts: {}", spelt(word));
        let finding = Finding::file("text-mixed-scripts", &file.name, message, "write the word in one script");
        findings.push(finding.warning().at(&file.text, offset, word.len()));
    }
    findings.truncate(FINDINGS_MAX);
    findings
}

/// Marks, embeddings, overrides and isolates of text direction.
fn turns(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters without a glyph that are no space.
fn hides(c: char) -> bool {
    matches!(c, '\u{00ad}' | '\u{034f}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}'
        | '\u{feff}' | '\u{e0000}'..='\u{e01ef}')
}

fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split(|c: char| !c.is_alphanumeric()).map(move |word| {
        let offset = at + text.get(at..).and_then(|rest| rest.find(word)).unwrap_or(0);
        at = offset + word.len();
        (offset, word)
    })
}

/// The letters that are not ASCII, by number.
fn spelt(word: &str) -> String {
    let odd: Vec<String> = word.chars().filter(|c| !c.is_ascii()).map(|c| format!("U+{:04X}", u32::from(c))).collect();
    odd.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<(&'static str, usize, usize)> {
        let file = SourceFile { name: "a.cedar".to_owned(), text: text.into() };
        look(&file).into_iter().map(|finding| (finding.code, finding.line, finding.column)).collect()
    }

    #[test]
    fn what_reads_like_something_else_is_found_in_comments_annotations_and_names() {
        assert_eq!(codes("// why\n// sc\u{043e}pe of it"), [("text-mixed-scripts", 2, 4)]);
        assert_eq!(
            codes("@advice(\"ask \u{202e}nobody\u{202c}\")"),
            [("text-direction", 1, 14), ("text-direction", 1, 21)]
        );
        assert_eq!(codes("@owner(\"sec\u{200b}urity\")"), [("text-invisible", 1, 12)]);
        assert_eq!(codes(&"\u{200b}".repeat(100)).len(), FINDINGS_MAX);
    }

    #[test]
    fn other_languages_are_not() {
        for text in [
            "// Zugriff nur mit Prüfung",
            "// доступ только с разрешения",
            "// 承認が必要です、カタカナ",
            "@advice(\"شاهد المدير\")",
        ] {
            assert_eq!(codes(text), [], "{text}");
        }
    }
}
