//! How deep a text nests, told before it is parsed: Cedar parses, compares and frees expressions
//! recursively, and a stack that overflows ends the whole process, not the one file.
//!
//! Invariant: one pass over the bytes, no recursion, and in doubt too deep.

/// The most brackets within each other. The shipped policies have 4.
const BRACKETS_MAX: usize = 48;
/// The most operators of one policy that make its expression deeper: `&&`, `||`, `+`, `-`, `*`, `!`, `.`, `if`.
const LINKS_MAX: usize = 400;

/// Where the text nests too deep, as an offset in bytes.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let (mut brackets, mut links) = (0_usize, 0_usize);
    let mut rest = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = rest.next() {
        let next = rest.peek().map(|(_, byte)| *byte);
        match byte {
            b'"' => {
                while let Some((_, inner)) = rest.next() {
                    match inner {
                        b'\\' => {
                            rest.next();
                        }
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'/' if next == Some(b'/') => while rest.next_if(|(_, inner)| *inner != b'\n').is_some() {},
            b'(' | b'[' | b'{' => brackets += 1,
            b')' | b']' | b'}' => brackets = brackets.saturating_sub(1),
            b';' => (brackets, links) = (0, 0),
            b'&' | b'|' if next == Some(byte) => links += 1,
            b'+' | b'-' | b'*' | b'!' | b'.' => links += 1,
            // `Set<Set<…` of a schema.
            b'<' if text.get(..at).is_some_and(|before| before.ends_with("Set")) => links += 10,
            b'i' if next == Some(b'f') => links += 1,
            _ => {}
        }
        if brackets > BRACKETS_MAX || links > LINKS_MAX {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::with;
    use super::super::{PolicySet, Sources};
    use super::*;

    const SCOPE: &str =
        "(principal is Lockbox::Engineer, action == Lockbox::Action::\"read\", resource is Lockbox::Content)";

    fn policy(condition: &str) -> Sources {
        with(&format!("@id(\"x\") forbid {SCOPE} when {{ {condition} }};"))
    }

    #[test]
    fn what_would_overflow_the_stack_is_refused_before_it_is_parsed() {
        for condition in [
            format!("{}true{}", "(".repeat(300_000), ")".repeat(300_000)),
            format!("principal.suspended{}", " && principal.suspended".repeat(20_000)),
            format!("principal.suspended{}", " || principal.suspended".repeat(20_000)),
            format!("{}1 < 2", "1 + ".repeat(100_000)),
            format!("{}1 < 2", "- ".repeat(100_000)),
            format!("context{}", ".a".repeat(100_000)),
            format!("{}true", "if true then true else ".repeat(10_000)),
            "[".repeat(300_000),
        ] {
            let error = PolicySet::from_sources(&policy(&condition)).map(|_| ()).unwrap_err();
            assert!(error.findings.iter().any(|finding| finding.code == "too-deep"), "{:.200}", error.to_string());
        }
        let sets = |depth: usize| format!("entity E {{ a: {}Long{} }};", "Set<".repeat(depth), ">".repeat(depth));
        assert_eq!(too_deep(&sets(10)), None);
        assert!(too_deep(&sets(100)).is_some());
        let mut sources = Sources::shipped();
        sources.schema.text = format!("{}\nentity E {}", sources.schema.text, "{a:".repeat(100_000)).into();
        assert!(PolicySet::from_sources(&sources).is_err());
    }

    #[test]
    fn what_is_as_deep_as_allowed_loads_and_long_texts_are_not_deep() {
        let tenants: Vec<String> = (0..5_000).map(|n| format!("Lockbox::Tenant::\"t{n}.a\"")).collect();
        let long = format!("[{}].contains(resource.tenant)", tenants.join(", "));
        PolicySet::from_sources(&policy(&long)).unwrap();
        let chain = format!("principal.suspended{}", " || resource.tenant.lockbox".repeat((LINKS_MAX - 4) / 3));
        PolicySet::from_sources(&policy(&chain)).unwrap();
        let brackets = format!("{}principal.suspended{}", "(".repeat(BRACKETS_MAX - 1), ")".repeat(BRACKETS_MAX - 1));
        PolicySet::from_sources(&policy(&brackets)).unwrap();
        assert_eq!(too_deep(&"// (((\n".repeat(100)), None);
        assert_eq!(too_deep(&"permit (principal, action, resource) when { a && b };\n".repeat(1_000)), None);
    }
}
