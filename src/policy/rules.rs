//! The catalogue of rules: for each code that a [`Finding`](super::Finding) can have, what it means, why it
//! matters and what to do. One table, for `policy check --explain`, SARIF and the documentation alike.
//!
//! Invariant: every code used anywhere in the sources is here, and nothing else is (a test looks).

use super::Severity;

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its stable name.
    pub code: &'static str,
    /// Whether breaking it keeps a set from loading.
    pub severity: Severity,
    /// What is found.
    pub what: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// The rule of a code.
pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code == code)
}

/// The catalogue as a page of the documentation.
pub fn rules_page() -> String {
    let mut page = String::from(
        "# What `lockbox policy check` finds\n\nMade from the program's own catalogue; `lockbox policy check --explain CODE` prints one rule.\n",
    );
    for (severity, title) in [
        (Severity::Error, "Errors: the set, or the suite, does not load"),
        (Severity::Warning, "Warnings: it loads, and is hardly meant"),
    ] {
        page.push_str(&format!("\n## {title}\n\n| code | found | why it matters | what to do |\n|---|---|---|---|\n"));
        for rule in RULES.iter().filter(|rule| rule.severity == severity) {
            let cell = |text: &str| text.replace('|', "\\|");
            let (what, why, remedy) = (cell(rule.what), cell(rule.why), cell(rule.remedy));
            page.push_str(&format!("| `{}` | {what} | {why} | {remedy} |\n", rule.code));
        }
    }
    page
}

macro_rules! rules {
    ($($severity:ident $code:literal: $what:literal, $why:literal, $remedy:literal;)*) => {
        /// Every rule, errors first.
        pub const RULES: &[Rule] = &[$(Rule {
            code: $code, severity: Severity::$severity, what: $what, why: $why, remedy: $remedy,
        }),*];
    };
}

rules! {
    Error "unreadable":
        "a file or directory that is not there, or cannot be read",
        "A set is loaded whole or not at all.",
        "Correct the path or the link, and let the user that this runs as read it.";
    Error "not-a-file":
        "a pipe, device or directory where a file is expected",
        "Reading it could last for ever.",
        "Put a regular file there.";
    Error "file-too-large":
        "a file larger than 1 MiB",
        "No policy file is that large; a log or an image put there by mistake is.",
        "Split the file, or take it out of the folder.";
    Error "set-too-large":
        "files of more than 32 MiB together",
        "A bound on what a sidecar reads.",
        "Take files out of the folder.";
    Error "too-many-files":
        "more than 4096 policy files",
        "A bound on what a sidecar reads.",
        "Put policies together into fewer files.";
    Error "too-many-policies":
        "more than 20,000 policies",
        "A bound on what a sidecar holds.",
        "Put policies together; a list in a condition replaces many policies.";
    Error "byte-order-mark":
        "a byte order mark at the beginning of a file",
        "Two files that look alike would have different revisions.",
        "Save it as UTF-8 without BOM.";
    Error "not-text":
        "bytes that are no UTF-8, or control characters",
        "A file that cannot be read by a person cannot be reviewed.",
        "Save it as UTF-8 text.";
    Error "policies-in-subdirectory":
        "policies in a folder that is not looked into",
        "Who put them there believes that they count.",
        "Move them up beside the others; invariants lie in `invariant/`.";
    Error "set-empty":
        "no policy at all",
        "An empty set allows nothing, and guards nothing.",
        "Put the policies back.";
    Error "too-deep":
        "brackets within brackets, or a chain of operators, beyond a bound",
        "Cedar works on expressions recursively: the stack would overflow, and end the process.",
        "Take it apart; `[…].contains(…)` and `in […]` replace long chains of `||`.";
    Error "policy-syntax":
        "text that is not Cedar",
        "Nothing of a set with a syntax error is taken.",
        "Correct it at the place the caret shows.";
    Error "policy-invalid":
        "a policy that fails strict validation against the schema",
        "It names what does not exist, compares what cannot be compared, or reads an optional attribute without `has`: at run time it would be an error.",
        "Correct the name or type; ask with `has` before reading what is optional.";
    Error "policy-doubtful":
        "a policy that passes validation with a warning: characters of mixed scripts or of text direction in a name or string",
        "It reads like something else than it is.",
        "Write the name in one script, or spell it out.";
    Error "policy-never-applies":
        "a policy whose scope and conditions exclude each other by their types",
        "A guardrail that can never apply guards nothing.",
        "Correct the scope or the condition, or delete the policy.";
    Error "policy-id-missing":
        "a policy without `@id`",
        "Answers, records and tests name policies by it.",
        "Write `@id(\"verb-phrase\")` above it.";
    Error "policy-id-form":
        "an `@id` of other characters than lower-case letters, digits and `-`, or of more than 80",
        "Ids appear in answers, metrics and file names.",
        "Use 1 to 80 lower-case letters, digits and `-`.";
    Error "policy-id-twice":
        "two policies of one `@id`",
        "A record could mean either.",
        "Rename one of them.";
    Error "template":
        "a policy with a slot, such as `?principal`",
        "Templates are not linked here, so it would never apply.",
        "Write what is meant instead of the slot.";
    Error "invariant-form":
        "an invariant that is no `permit` with `@invariant(\"sentence\")` and a known `@direction`",
        "Nobody could say what it promises.",
        "Write the sentence, and `at-most` or `at-least`.";
    Error "schema-invalid":
        "a schema that Cedar cannot read",
        "Nothing can be validated without it.",
        "Correct it at the place the caret shows.";
    Error "schema-warning":
        "a schema that Cedar reads with a warning",
        "A name that hides another changes what policies mean.",
        "Rename what the warning names.";
    Error "schema-incomplete":
        "a schema without something that Lockbox fills or asks for",
        "Questions could not be built.",
        "Declare what the message names, as the shipped schema does.";
    Error "source-unknown":
        "an `@source` that is none of `lockbox`, `directory` and `caller`",
        "Who may state an attribute is part of its safety.",
        "Write one of the three.";
    Error "source-not-lockbox":
        "an attribute that only Lockbox may fill, given to somebody else",
        "A caller could state its own Grant.",
        "Write `@source(\"lockbox\")`.";
    Error "attribute-required":
        "a required attribute that a directory or a caller would have to fill",
        "Nobody is bound to state it, and where it is absent no policy can be evaluated.",
        "Write `name?`, and ask with `has` before reading it.";
    Error "no-invariant":
        "a set without any invariant, asked to be proved",
        "A proof of nothing is no proof.",
        "Write invariants in `invariant/*.cedar`.";
    Error "cannot-prepare":
        "a valid set that could not be made ready",
        "It is refused rather than used in part.",
        "Correct what the message names.";
    Error "canary":
        "a question that must be denied was not, or could not be asked",
        "A set that lets a suspended engineer through has lost its guardrails.",
        "Put the guardrail back that the message names.";
    Error "cannot-format":
        "a file that the formatter would change in its meaning, or cannot lay out",
        "A layout must never change what a policy says.",
        "Lay it out by hand; the file is left as it is.";
    Error "bundle-unreadable":
        "a bundle that is not there, or cannot be read",
        "A set is loaded whole or not at all.",
        "Put the bundle there, and let the user that this runs as read it.";
    Error "bundle-damaged":
        "a bundle that is no archive, or ends in the middle",
        "Half a bundle is no set.",
        "Copy it once more, whole.";
    Error "bundle-form":
        "a bundle whose files are not those that its manifest lists, or that holds what has no place in it",
        "What is not listed is not signed.",
        "Make it with `lockbox policy sign`.";
    Error "bundle-format":
        "a bundle of a format that this program does not know",
        "It was made by a newer program, and may mean something else.",
        "Use a program that knows the format, or sign with this one.";
    Error "bundle-signature":
        "a bundle that was changed after it was signed",
        "Nobody answers for what is in it.",
        "Get it once more from who signed it.";
    Error "bundle-untrusted":
        "a bundle signed with a key that is not configured",
        "Only who holds a configured key may change policies.",
        "Have it signed with a key that is configured, or configure the key.";
    Error "bundle-revision":
        "a bundle whose set is not the one its manifest names",
        "Evidence about one set is no evidence about another.",
        "Make it with `lockbox policy sign`.";
    Error "bundle-too-large":
        "a bundle beyond a bound",
        "A bound on what a sidecar reads.",
        "Take files out of the folder it is made of.";
    Error "bundle-evidence":
        "a bundle without the evidence of tests or proofs that is demanded",
        "What nobody tried or proved is not put to use here.",
        "Sign it again with the evidence, or demand less.";
    Error "bundle-older":
        "a bundle older than one that was in use",
        "An old set could bring a hole back that was closed.",
        "Sign it anew, if it is really meant.";
    Error "bundle-unkept":
        "a bundle that was handed over and cannot be put in its place",
        "After a restart the one before would decide again.",
        "Let the user that the program runs as write there.";
    Error "bundle-key":
        "a key that cannot be read, or is none",
        "Without it no signature can be checked.",
        "Name a file with an Ed25519 key in PEM.";
    Error "bundle-note":
        "the note of the newest bundle cannot be read",
        "Without it an older bundle could be slipped in.",
        "Correct its permissions; or delete it, if any bundle that is signed may be used from now on.";
    Error "suite-unreadable":
        "a suite that cannot be read, or is larger than 1 MiB",
        "A test that does not run proves nothing.",
        "Put readable suites there.";
    Error "suite-invalid":
        "a suite with an unknown key or name, or a value of the wrong form",
        "A test that names what does not exist tests nothing.",
        "Correct it; `schemas/policy-suite.schema.json` describes suites.";
    Error "suites-contradict":
        "two tests that ask the same, of which one expects an allow and the other a denial",
        "One of them is wrong, and whichever policies there are, one of them fails.",
        "Decide which is meant, and correct the other.";
    Warning "annotation-missing":
        "a policy without `@reason`, `@advice` or `@owner`",
        "A denial is answered with them: a code, what to do, and whom to ask.",
        "Write them above the policy.";
    Warning "reason-ambiguous":
        "one `@reason` for policies of different effect or different `@advice`",
        "A program that reads the code would mistake one for the other.",
        "Give each meaning a code of its own.";
    Warning "action-never-matches":
        "an action in the scope that can never be asked about such a principal and resource",
        "The policy does not cover what its scope says it does.",
        "Take the action out, or correct the types in the scope.";
    Warning "forbid-can-error":
        "a forbid that computes",
        "Arithmetic can overflow, and in Cedar a forbid that errors does not forbid. Lockbox denies on every error, so an overflow stops everybody.",
        "Compare without arithmetic.";
    Warning "permit-without-grant":
        "a permit for content that never reads `context.grant`",
        "It reads as if it opened content without a Grant. The guard demands a live Grant that covers the question all the same, so it allows what the Grant allows, and nothing else.",
        "Ask for the Grant in it (`context has grant && …`), or write the restriction as a forbid.";
    Warning "time-opaque":
        "a policy that reads `context.now` in a way whose next change cannot be foreseen",
        "Its answers cannot be kept in the decision cache.",
        "Compare `context.now` with a `datetime` literal or with the Grant's window.";
    Warning "time-without-now":
        "a fixed date compared with the Grant's times, in a policy that never reads `context.now`",
        "It holds or not for ever: what the Grant's window says does not change with the clock.",
        "If the time of the question is meant, compare `context.now` with the date.";
    Warning "text-direction":
        "a character that changes the direction of text",
        "What a reviewer sees is not what the engine reads.",
        "Take it out.";
    Warning "text-invisible":
        "an invisible character",
        "Two names that look alike are not the same.",
        "Take it out.";
    Warning "text-mixed-scripts":
        "a word with letters of several scripts",
        "It reads like another word.",
        "Write the word in one script.";
    Warning "line-ends":
        "carriage returns",
        "Editors and checks count lines differently.",
        "Save it with LF line ends.";
    Warning "tests-missing":
        "no folder of suites, or none in it",
        "A policy that no test names changes unnoticed.",
        "Write suites in `tests/policies/`.";
    Warning "forbid-errs":
        "a forbid that cannot be evaluated for some question, found by the solver",
        "In Cedar a forbid that errors does not forbid. Lockbox denies on every error, so that question is denied to everybody.",
        "Rewrite the condition that errs for the question shown.";
    Warning "permit-errs":
        "a permit that cannot be evaluated for some question, found by the solver",
        "Lockbox denies on every error, also where another policy would permit.",
        "Rewrite the condition that errs for the question shown.";
    Warning "never-matches":
        "a policy that matches no question, proved by the solver",
        "A guardrail that matches nothing guards nothing.",
        "Correct the conditions that exclude each other, or delete the policy.";
    Warning "always-matches":
        "conditions that are met by every question of the scope, proved by the solver",
        "They read like a restriction and are none.",
        "Delete the conditions, or correct them.";
    Warning "condition-dead":
        "a condition that the others imply, proved by the solver",
        "It restricts nothing, and hides what does.",
        "Delete it, or correct it.";
    Warning "policy-shadowed":
        "a policy that applies only where another of the same effect applies too, proved by the solver",
        "It decides nothing by itself.",
        "Delete it, or make it narrower or wider.";
    Warning "permit-dead":
        "a permit that applies only where a forbid applies too, proved by the solver",
        "It permits nothing.",
        "Delete it, or correct one of the two.";
    Warning "policy-redundant":
        "a policy whose removal changes no decision, proved by the solver",
        "It decides nothing.",
        "Delete it, or correct it.";
    Warning "action-never-allowed":
        "an action that the policies allow to nobody, proved by the solver",
        "Somebody will ask why.",
        "Permit it, or take the action out of the schema.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn sources(dir: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                sources(&path, found);
            } else if name.ends_with(".rs") && !["tests.rs", "rules.rs"].contains(&name.as_str()) {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_code_of_the_sources_is_in_the_catalogue_and_the_other_way_round() {
        let mut texts = Vec::new();
        for dir in ["src/policy", "src/cli"] {
            sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir), &mut texts);
        }
        let made = r#"(?:Finding::file|\bwrong|\bwarn|of_cedar|whole)\(\s*(?:sources,\s*)?"([a-z-]+)""#;
        let code = Regex::new(made).unwrap();
        let used: BTreeSet<&str> = texts
            .iter()
            .flat_map(|text| code.captures_iter(text))
            .map(|found| found.get(1).unwrap().as_str())
            .collect();
        // Bundles name theirs in a table.
        let bundles = Regex::new(r#"=> "(bundle-[a-z-]+)""#).unwrap();
        let bundles =
            texts.iter().flat_map(|text| bundles.captures_iter(text)).map(|found| found.get(1).unwrap().as_str());
        let used: BTreeSet<&str> = used.into_iter().chain(bundles).collect();
        assert!(used.len() > 35, "the codes are not where they should be: {used:?}");
        let unknown: Vec<_> = used.iter().filter(|code| rule(code).is_none()).collect();
        assert!(unknown.is_empty(), "not in the catalogue: {unknown:?}");
        for rule in RULES {
            let literal = format!("\"{}\"", rule.code);
            assert!(texts.iter().any(|text| text.contains(&literal)), "nobody says `{}`", rule.code);
            assert!(rule.why.ends_with('.') && rule.remedy.ends_with('.'), "`{}`", rule.code);
        }
        let codes: BTreeSet<&str> = RULES.iter().map(|rule| rule.code).collect();
        assert_eq!(codes.len(), RULES.len(), "a code is there twice");
    }

    #[test]
    fn the_page_is_checked_in() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policy-rules.md");
        if std::env::var_os("LOCKBOX_REGENERATE").is_some() {
            std::fs::write(&path, rules_page()).unwrap();
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(there == rules_page(), "docs/policy-rules.md is stale: LOCKBOX_REGENERATE=1 writes it");
    }
}
