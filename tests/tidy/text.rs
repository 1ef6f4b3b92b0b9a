//! What can be seen in a text without understanding it: length, a heading, and leftovers.

use regex::Regex;
use std::sync::LazyLock;

/// The longest file, in lines.
const FILE_LINES_MAX: usize = 400;
/// The longest function, in lines, signature and closing brace included.
const FUNCTION_LINES_MAX: usize = 70;

static FUNCTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"^(\s*)(?:pub(?:\([a-z: ]+\))? )?(?:const )?(?:async )?(?:extern "C" )?fn (\w+)"#).unwrap()
});

/// Put together from parts, so that this file does not complain of itself.
static LEFTOVERS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let pattern = |text: String| Regex::new(&text).unwrap();
    vec![
        (pattern(format!(r"\b({}|{}|{})\b", "TODO", "FIXME", "XXX")), "is a leftover: do it, or make an issue of it"),
        (pattern(format!(r"\b{}!\(", "todo")), "is a leftover: do it, or make an issue of it"),
        (pattern(format!(r#"(^|[\s"'`=(:])/({})/"#, "work|tmp/t|home/[a-z]+|root")), "is a path of one machine"),
        (
            pattern(r"index\.crates\.io-|//[a-z0-9.-]*(artifactory|nexus|mirror|proxy)[a-z0-9.-]*[:/]".to_owned()),
            "names a registry or mirror of one place",
        ),
        (pattern("^(<<<<<<< |>>>>>>> )".to_owned()), "is an unfinished merge"),
    ]
});

/// A file or a function that is too long.
pub(crate) fn too_long(path: &str, source: &str) -> Vec<String> {
    let lines = source.lines().count();
    let file = (lines > FILE_LINES_MAX).then(|| format!("{path}: {lines} lines, more than {FILE_LINES_MAX}"));
    let long = functions(source).into_iter().filter(|(_, _, length)| *length > FUNCTION_LINES_MAX);
    let functions = long.map(|(name, line, length)| {
        format!("{path}:{line}: `{name}` has {length} lines, more than {FUNCTION_LINES_MAX}")
    });
    file.into_iter().chain(functions).collect()
}

/// Name, first line and length of each function, by the indentation that rustfmt gives its end.
fn functions(source: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = source.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(capture) = FUNCTION.captures(line) else {
            continue;
        };
        let (indent, name) = (capture.get(1).unwrap().as_str(), capture.get(2).unwrap().as_str());
        let rest = || lines.iter().skip(start);
        // The signature ends where a body opens, or, for a declaration and a one-liner, where all ends.
        let signature = rest().take_while(|line| !line.ends_with(['{', ';', '}'])).count() + 1;
        let opens = rest().nth(signature - 1).is_some_and(|line| line.ends_with('{'));
        let end = format!("{indent}}}");
        let body = if opens { rest().skip(signature).take_while(|line| **line != end).count() + 1 } else { 0 };
        found.push((name.to_owned(), start + 1, signature + body));
    }
    found
}

/// A source that does not begin with what it holds.
pub(crate) fn headless(path: &str, source: &str) -> Option<String> {
    let first = source.lines().next().unwrap_or_default();
    (!first.starts_with("//! ") || first.len() < 10)
        .then(|| format!("{path}: begins without a `//!` paragraph that says what it holds"))
}

/// Marks of unfinished work and of the place it was done in.
pub(crate) fn leftovers(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for (pattern, meaning) in LEFTOVERS.iter() {
            if let Some(found) = pattern.find(line) {
                complaints.push(format!("{path}:{}: `{}` {meaning}", number + 1, found.as_str().trim()));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_and_functions_are_seen() {
        assert!(too_long("a.rs", &"//! x\n".repeat(401)).iter().any(|complaint| complaint.contains("401 lines")));
        assert!(too_long("a.rs", &"//! x\n".repeat(400)).is_empty());
        let function =
            |lines: usize| format!("    pub(crate) async fn f() {{\n{}    }}\n", "        x();\n".repeat(lines - 2));
        assert!(too_long("a.rs", &function(70)).is_empty());
        let complaints = too_long("a.rs", &format!("mod m {{\n{}}}\n", function(71)));
        assert_eq!(complaints, ["a.rs:2: `f` has 71 lines, more than 70"]);
    }

    #[test]
    fn a_declaration_and_a_one_liner_are_short() {
        let filler = "    const X: u8 = 1;\n".repeat(90);
        assert!(too_long("a.rs", &format!("trait T {{\n    fn f(&self);\n    fn g() {{}}\n{filler}}}\n")).is_empty());
        let spread = format!(
            "trait T {{\n    fn f(\n        &self,\n    ) -> u8;\n}}\nfn g() {{\n    1\n}}\n{}",
            "const X: u8 = 1;\n".repeat(90)
        );
        assert!(too_long("a.rs", &spread).is_empty(), "{:?}", functions(&spread));
    }

    #[test]
    fn a_source_without_a_heading_is_seen() {
        assert!(headless("a.rs", "use x;\n").is_some());
        assert!(headless("a.rs", "//! stub\n").is_some());
        assert!(headless("a.rs", "//! The words of the domain.\n").is_none());
    }

    #[test]
    fn leftovers_are_seen() {
        let bad = [
            format!("// {}: later", "TODO"),
            format!("    {}!()", "todo"),
            format!("let p = \"/{}/x\";", "work"),
            format!("see /{}/ana/x", "home"),
            format!("registry = \"https://{}.example.com/crates\"", "artifactory"),
            format!("{} HEAD", "<<<<<<<"),
        ];
        for line in bad {
            assert_eq!(leftovers("a", &line).len(), 1, "{line}");
        }
        for fine in
            ["the work/life of a request", "a homely to-do list", "PT2H", "https://proxy-less.example", "/workload/x"]
        {
            assert!(leftovers("a", fine).is_empty(), "{fine}: {:?}", leftovers("a", fine));
        }
    }
}
