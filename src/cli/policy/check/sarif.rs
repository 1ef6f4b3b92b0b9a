//! Findings as SARIF 2.1.0, which code scanning of most forges reads.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>: columns are counted in Unicode code
//! points (`columnKind`), end columns are the first behind the region (§3.30.8), and file names are relative
//! to the folder that this runs in (`%SRCROOT%`).

use super::{relative, severity};
use crate::policy::{CheckReport, Finding, RULES, Rule};
use serde_json::{Value, json};
use std::path::Path;

/// The document of one check.
pub(super) fn document(report: &CheckReport, root: &Path) -> Value {
    let rules: Vec<&Rule> =
        RULES.iter().filter(|rule| report.findings.iter().any(|finding| finding.code == rule.code)).collect();
    let results: Vec<Value> = report.findings.iter().map(|finding| result(finding, &rules, root)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "lockbox policy check",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|rule| described(rule)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { "%SRCROOT%": { "description": { "text": "The folder this ran in." } } },
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notices(report) }],
            "results": results,
        }],
    })
}

/// What did not run and what stayed open: no results, but nobody should take silence for a proof.
fn notices(report: &CheckReport) -> Vec<Value> {
    let not_run = report.not_run.iter().map(|not| format!("`{}` did not run: {}", not.code, not.why));
    let undecided = report.undecided.iter().map(|what| format!("undecided: {what}"));
    let notice = |text| json!({ "level": "note", "message": { "text": text } });
    not_run.chain(undecided).map(notice).collect()
}

fn described(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "shortDescription": { "text": rule.what },
        "fullDescription": { "text": rule.why },
        "help": { "text": format!("{} {}", rule.why, rule.remedy) },
        "defaultConfiguration": { "level": severity(rule.severity) },
    })
}

fn result(finding: &Finding, rules: &[&Rule], root: &Path) -> Value {
    let mut place = json!({ "artifactLocation": location(&finding.file, root) });
    if finding.line > 0
        && let Some(place) = place.as_object_mut()
    {
        let mut region = json!({ "startLine": finding.line });
        if let Some(region) = region.as_object_mut().filter(|_| finding.column > 0) {
            region.insert("startColumn".to_owned(), json!(finding.column));
            region.insert("endColumn".to_owned(), json!(finding.end_column.max(finding.column)));
        }
        place.insert("region".to_owned(), region);
    }
    let mut result = json!({
        "ruleId": finding.code,
        "level": severity(finding.severity),
        "message": { "text": format!("{}. {}.", finding.message, finding.help) },
        "locations": [{ "physicalLocation": place }],
    });
    // Absent rather than -1 for a rule that is not listed.
    if let (Some(index), Some(result)) =
        (rules.iter().position(|rule| rule.code == finding.code), result.as_object_mut())
    {
        result.insert("ruleIndex".to_owned(), json!(index));
    }
    result
}

fn location(file: &str, root: &Path) -> Value {
    match relative(file, root) {
        Some(below) => json!({ "uri": escaped(&below), "uriBaseId": "%SRCROOT%" }),
        None if file.starts_with('/') => json!({ "uri": format!("file://{}", escaped(file)) }),
        None => json!({ "uri": escaped(file) }),
    }
}

/// A path as it stands in a URI (RFC 3986: `pchar` and `/`).
fn escaped(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => uri.push(char::from(byte)),
            b'/' | b'-' | b'.' | b'_' | b'~' | b'@' | b'+' | b',' | b'=' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(findings: Vec<Finding>) -> CheckReport {
        CheckReport { findings, digest: None, policies: 0, not_run: Vec::new(), undecided: Vec::new() }
    }

    #[test]
    fn a_document_has_what_sarif_demands() {
        let text = "one\n  twö three";
        let warning = Finding::file("forbid-can-error", "/repo/policies/a b.cedar", "wrong", "put it right").warning();
        let document = document(
            &report(vec![
                warning.at(text, 11, 5),
                Finding::file("unreadable", "/elsewhere/x.cedar", "gone", "put it there"),
                Finding::file("template", "../up.cedar", "a slot", "write it out"),
            ]),
            Path::new("/repo"),
        );
        assert_eq!(document.pointer("/version").unwrap(), "2.1.0");
        assert_eq!(document.pointer("/runs/0/columnKind").unwrap(), "unicodeCodePoints");
        let rules = document.pointer("/runs/0/tool/driver/rules").unwrap().as_array().unwrap();
        assert_eq!(rules.len(), 3);
        for rule in rules {
            for member in ["/id", "/shortDescription/text", "/help/text"] {
                assert!(!rule.pointer(member).unwrap().as_str().unwrap().is_empty(), "{member}");
            }
        }
        let results = document.pointer("/runs/0/results").unwrap().as_array().unwrap();
        for result in results {
            assert!(!result.pointer("/message/text").unwrap().as_str().unwrap().is_empty());
            let index = usize::try_from(result.pointer("/ruleIndex").unwrap().as_u64().unwrap()).unwrap();
            assert_eq!(rules.get(index).unwrap().pointer("/id"), result.pointer("/ruleId"));
            assert!(["error", "warning"].contains(&result.pointer("/level").unwrap().as_str().unwrap()));
        }
        let place = results.first().unwrap().pointer("/locations/0/physicalLocation").unwrap();
        assert_eq!(place.pointer("/artifactLocation/uri").unwrap(), "policies/a%20b.cedar");
        assert_eq!(place.pointer("/artifactLocation/uriBaseId").unwrap(), "%SRCROOT%");
        assert_eq!(place.pointer("/region").unwrap(), &json!({ "startLine": 2, "startColumn": 7, "endColumn": 12 }));
        let uri =
            |n: usize| results.get(n).unwrap().pointer("/locations/0/physicalLocation/artifactLocation/uri").unwrap();
        assert_eq!((uri(1).as_str(), uri(2).as_str()), (Some("file:///elsewhere/x.cedar"), Some("../up.cedar")));
    }

    #[test]
    fn nothing_found_is_a_document_too() {
        let document = document(&report(Vec::new()), Path::new("/repo"));
        assert_eq!(document.pointer("/runs/0/results").unwrap(), &json!([]));
    }
}
