//! Policies: each has an `@id` of its own, and a case that names it.

use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

static HEAD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^\s*(permit|forbid)\s*\(").unwrap());
static ID: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"(?m)^\s*@id\(\s*"([^"]*)"\s*\)"#).unwrap());

/// What is wrong with the policies, given as path and text, and with the cases about them.
pub(crate) fn complaints(policies: &[(String, String)], cases: &[(String, String)]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (path, source) in policies {
        let mut start = 0;
        for head in HEAD.find_iter(source) {
            let before = source.get(start..head.start()).unwrap_or_default();
            start = head.end();
            let line = source.get(..head.start()).unwrap_or_default().lines().count() + 1;
            match ID.captures_iter(before).last() {
                None => complaints.push(format!("{path}:{line}: a policy without `@id`")),
                Some(id) => {
                    let id = id.get(1).map(|id| id.as_str()).unwrap_or_default().to_owned();
                    if let Some(other) = seen.insert(id.clone(), path) {
                        complaints.push(format!("{path}:{line}: `{id}` is the id of a policy of {other} already"));
                    }
                }
            }
        }
    }
    for (id, path) in seen {
        let word = Regex::new(&format!(r"(^|[^\w-]){}($|[^\w-])", regex::escape(&id))).unwrap();
        if !cases.iter().any(|(_, case)| word.is_match(case)) {
            complaints.push(format!("{path}: no case under tests/policies names `{id}`"));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policies: &str, cases: &str) -> Vec<String> {
        complaints(&[("p.cedar".to_owned(), policies.to_owned())], &[("c.yaml".to_owned(), cases.to_owned())])
    }

    #[test]
    fn a_policy_needs_an_id_and_a_case() {
        let policy = "// why\n@id(\"a-b\")\n@reason(\"x\")\npermit (principal, action, resource);\n";
        assert!(check(policy, "policies: [a-b]").is_empty());
        assert!(check(policy, "policies: [a-b-c]").iter().any(|complaint| complaint.contains("no case")));
        assert!(
            check("forbid(principal, action, resource);", "").iter().any(|complaint| complaint.contains("p.cedar:1"))
        );
        let twice = format!("{policy}{policy}");
        assert!(check(&twice, "a-b").iter().any(|complaint| complaint.contains("already")));
        let second_without = format!("{policy}permit (principal, action, resource);");
        assert!(check(&second_without, "a-b").iter().any(|complaint| complaint.contains("without `@id`")));
    }
}
