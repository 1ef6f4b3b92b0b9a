//! The import ladder: which top-level module may name which, and which crate is whose.

use regex::Regex;
use std::sync::LazyLock;

/// Each module, and what it may name beside itself. Lower modules first; a module may name only what
/// stands in its list, so a new one has to be put here before it can be named at all.
const LADDER: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &["domain"]),
    ("tls", &[]),
    ("config", &["domain"]),
    ("telemetry", &["domain", "config"]),
    ("words", &["domain"]),
    ("policy", &["domain", "clock"]),
    ("state", &["domain", "clock"]),
    ("store", &["domain", "clock"]),
    ("decision_log", &["domain", "clock"]),
    ("identity", &["domain", "clock", "config", "tls"]),
    ("evaluate_access", &["domain", "clock", "config", "policy", "state", "decision_log", "telemetry"]),
    ("manage_requests", &["domain", "clock", "config", "policy", "state", "store", "decision_log", "telemetry"]),
    ("replay", &["domain", "policy", "state", "decision_log", "evaluate_access"]),
    ("accesses", &["domain", "clock", "store", "decision_log", "evaluate_access", "telemetry"]),
    ("notify", &["domain", "clock", "config", "words", "policy", "store", "evaluate_access", "accesses", "telemetry"]),
    (
        "renewal",
        &["domain", "clock", "config", "tls", "policy", "manage_requests", "state", "store", "accesses", "telemetry"],
    ),
    (
        "http",
        &[
            "domain",
            "clock",
            "config",
            "tls",
            "identity",
            "policy",
            "state",
            "store",
            "decision_log",
            "evaluate_access",
            "accesses",
            "manage_requests",
            "renewal",
            "telemetry",
        ],
    ),
    ("grpc", &["domain", "clock", "config", "identity", "evaluate_access", "telemetry"]),
    (
        "console",
        &[
            "domain",
            "clock",
            "config",
            "words",
            "identity",
            "policy",
            "store",
            "decision_log",
            "evaluate_access",
            "accesses",
            "manage_requests",
            "http",
            "telemetry",
        ],
    ),
    (
        "app",
        &[
            "domain",
            "clock",
            "config",
            "tls",
            "telemetry",
            "words",
            "policy",
            "state",
            "store",
            "decision_log",
            "identity",
            "evaluate_access",
            "accesses",
            "manage_requests",
            "notify",
            "renewal",
            "http",
            "grpc",
            "console",
        ],
    ),
    (
        "demo",
        &[
            "domain",
            "app",
            "console",
            "http",
            "telemetry",
            "clock",
            "config",
            "identity",
            "policy",
            "store",
            "manage_requests",
        ],
    ),
    (
        "cli",
        &[
            "domain",
            "clock",
            "config",
            "tls",
            "telemetry",
            "policy",
            "state",
            "store",
            "decision_log",
            "identity",
            "evaluate_access",
            "manage_requests",
            "notify",
            "renewal",
            "replay",
            "http",
            "grpc",
            "console",
            "demo",
            "app",
        ],
    ),
];

/// Crates that only some modules may name.
const OWNED: &[(&str, &[&str])] = &[
    ("cedar_policy", &["policy"]),
    ("sqlx", &["store"]),
    ("axum", &["http", "console", "app"]),
    ("hyper", &["http", "identity", "renewal"]),
    ("hyper_util", &["http", "identity", "renewal"]),
    ("tonic", &["grpc"]),
    ("clap", &["cli"]),
    ("fluent_bundle", &["words"]),
    ("lettre", &["notify"]),
    ("ureq", &["cli", "renewal", "identity", "notify"]),
    ("jsonwebtoken", &["identity"]),
    ("figment", &["config"]),
    ("tokio_rustls", &["tls", "http", "renewal"]),
    ("x509_parser", &["tls"]),
    ("prometheus_client", &["telemetry"]),
    ("moka", &["evaluate_access", "policy", "state"]),
];

/// What `domain` must do without: I/O, waiting, serialization.
const NOT_IN_DOMAIN: [&str; 9] =
    ["serde", "serde_json", "tokio", "std::fs", "std::net", "std::env", "std::io", "std::process", "tracing"];

static CRATE_PATH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\bcrate::(\{[^;]*?\}|[a-z_]+)").unwrap());
static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^[a-z_]+").unwrap());

/// The top-level module of a path below `src/`; the roots of library and binary have none.
fn module(path: &str) -> Option<&str> {
    let path = path.strip_prefix("src/")?;
    let first = path.split('/').next()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(path, "lib.rs" | "main.rs")).then_some(name)
}

/// The source without comments and without the text of literals, line by line the same.
fn code(source: &str) -> String {
    source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The names of a `{a::b, c::{d, e}, f}` at its outermost level.
fn outermost(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut current) = (0_usize, Vec::new(), String::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 1 => names.push(std::mem::take(&mut current)),
            c if depth == 1 => current.push(c),
            _ => {}
        }
    }
    names.push(current);
    names.iter().filter_map(|name| NAME.find(name.trim())).map(|name| name.as_str().to_owned()).collect()
}

/// `crate::{…}` up to its matching brace; the regular expression stops at the first one.
fn named_modules(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for capture in CRATE_PATH.captures_iter(code) {
        let named = capture.get(1).unwrap();
        if named.as_str().starts_with('{') {
            let rest = code.split_at(named.start()).1;
            found.extend(outermost(rest.split(';').next().unwrap_or_default()));
        } else {
            found.push(named.as_str().to_owned());
        }
    }
    found
}

/// Every crate or folder of a crate that a rule speaks of, with the pattern of a text that names it.
static NAMED: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let names = OWNED.iter().map(|(name, _)| *name).chain(NOT_IN_DOMAIN);
    names.map(|name| (name, Regex::new(&format!(r"(^|[^\w:.]){name}::|\buse (::)?{name}\b")).unwrap())).collect()
});

fn names_crate(code: &str, name: &str) -> bool {
    NAMED.iter().any(|(known, pattern)| *known == name && pattern.is_match(code))
}

/// What is wrong with the imports of one file.
pub(crate) fn complaints(path: &str, source: &str) -> Vec<String> {
    let Some(module) = module(path) else { return Vec::new() };
    let Some((_, allowed)) = LADDER.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{path}: `{module}` has no place on the ladder of tests/tidy/imports.rs")];
    };
    let code = code(source);
    let mut complaints = Vec::new();
    for named in named_modules(&code) {
        let known = LADDER.iter().any(|(name, _)| *name == named);
        if known && named != module && !allowed.contains(&named.as_str()) {
            complaints.push(format!("{path}: `{module}` must not name `{named}`"));
        }
    }
    for (owned, owners) in OWNED {
        if !owners.contains(&module) && names_crate(&code, owned) {
            complaints.push(format!("{path}: only {} may name `{owned}`", owners.join(", ")));
        }
    }
    if module == "domain" {
        for foreign in NOT_IN_DOMAIN.into_iter().filter(|foreign| names_crate(&code, foreign)) {
            complaints.push(format!("{path}: `domain` does without `{foreign}`"));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(path: &str, source: &str, part: &str) {
        let complaints = complaints(path, source);
        assert!(complaints.iter().any(|complaint| complaint.contains(part)), "{complaints:?}");
    }

    #[test]
    fn a_step_up_is_refused_in_every_spelling() {
        refused("src/domain/x.rs", "use crate::store::Store;", "`domain` must not name `store`");
        refused("src/policy.rs", "fn f() { crate::http::serve() }", "`http`");
        refused("src/store/x.rs", "use crate::{domain::{Grant, Scope}, state::Memory};", "`state`");
        refused(
            "src/store/x.rs",
            "use crate::{\n    domain::{Grant, Scope},\n    clock::Clock,\n    app::App,\n};",
            "`app`",
        );
        refused("src/http/x.rs", "pub(in crate::cli) fn f() {}", "`cli`");
        refused("src/brand_new.rs", "", "no place on the ladder");
    }

    #[test]
    fn a_step_down_is_fine() {
        assert!(complaints("src/http/x.rs", "use crate::{domain::Grant, evaluate_access::{store, app}};").is_empty());
        assert!(complaints("src/app.rs", "use crate::http;\n// crate::cli is above\nuse crate::app::x;").is_empty());
        assert!(complaints("src/main.rs", "lockbox::cli::main()").is_empty());
        assert!(complaints("src/domain/x.rs", "use super::store::x; use crate::domain::Grant;").is_empty());
    }

    #[test]
    fn crates_have_owners() {
        refused("src/http/x.rs", "use sqlx::Row;", "only store may name `sqlx`");
        refused("src/state.rs", "fn f(p: &cedar_policy::PolicySet) {}", "`cedar_policy`");
        refused("src/identity.rs", "    use axum::Router;", "`axum`");
        refused("src/domain/x.rs", "#[derive(serde::Serialize)] struct X;", "does without `serde`");
        refused("src/domain/x.rs", "let x = std::fs::read(p);", "`std::fs`");
        assert!(complaints("src/policy/x.rs", "use cedar_policy::Policy; // axum::x").is_empty());
        assert!(complaints("src/state.rs", "use crate::state::axum::x;").is_empty());
    }
}
