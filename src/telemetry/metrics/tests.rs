//! The rendered text: what it counts, and whether its names keep to Prometheus's conventions.

use super::*;
use std::collections::BTreeSet;

fn used() -> Metrics {
    let metrics = Metrics::new("1.2.3");
    metrics.decided(Reason::GrantActive, Duration::from_micros(12));
    metrics.decided(Reason::NoGrant, Duration::from_micros(700));
    metrics.decided(Reason::NoGrant, Duration::from_secs(3));
    metrics.cache.hits.inc();
    metrics.log.bytes.inc_by(544);
    metrics.state.lease_left_seconds.set(2.5);
    metrics.state.revision.set(4711);
    metrics.policies_loaded("sha256:old");
    metrics.policies_loaded("sha256:new");
    metrics.policies_refused();
    metrics.shadow.newly_denied.inc();
    metrics.shadow_loaded("sha256:next");
    metrics.commanded("approve", LifecycleOutcome::Done);
    metrics.route("POST", "/v1/authorize").answered(200, Duration::from_micros(50));
    metrics.route("POST", "/v1/authorize").answered(503, Duration::from_micros(50));
    let listener = metrics.listener("sidecar");
    listener.carry(1, 2, 1);
    metrics
}

#[track_caller]
fn says(text: &str, line: &str) {
    assert!(text.lines().any(|candidate| candidate == line), "`{line}` is not in:\n{text}");
}

#[test]
fn what_happened_is_what_is_rendered() {
    let text = used().render();
    for line in [
        "lockbox_build_info{version=\"1.2.3\"} 1",
        "lockbox_decisions_total{decision=\"allow\",reason=\"grant_active\"} 1",
        "lockbox_decisions_total{decision=\"deny\",reason=\"no_grant\"} 2",
        "lockbox_decisions_total{decision=\"deny\",reason=\"audit_unavailable\"} 0",
        "lockbox_evaluation_duration_seconds_bucket{le=\"0.000025\"} 1",
        "lockbox_evaluation_duration_seconds_bucket{le=\"1.0\"} 2",
        "lockbox_evaluation_duration_seconds_bucket{le=\"+Inf\"} 3",
        "lockbox_evaluation_duration_seconds_count 3",
        "lockbox_cache_hits_total 1",
        "lockbox_decision_log_written_bytes_total 544",
        "lockbox_lease_left_seconds 2.5",
        "lockbox_state_revision 4711",
        "lockbox_policy_info{digest=\"sha256:new\"} 1",
        "lockbox_policy_reloads_total{outcome=\"ok\"} 2",
        "lockbox_shadow_decisions_total{outcome=\"newly_denied\"} 1",
        "lockbox_shadow_decisions_total{outcome=\"newly_allowed\"} 0",
        "lockbox_shadow_policy_info{digest=\"sha256:next\"} 1",
        "lockbox_policy_reloads_total{outcome=\"failed\"} 1",
        "lockbox_lifecycle_commands_total{act=\"approve\",outcome=\"done\"} 1",
        "lockbox_http_requests_total{method=\"POST\",route=\"/v1/authorize\",status=\"2xx\"} 1",
        "lockbox_http_requests_total{method=\"POST\",route=\"/v1/authorize\",status=\"5xx\"} 1",
        "lockbox_http_request_duration_seconds_count{method=\"POST\",route=\"/v1/authorize\"} 2",
        "lockbox_connections_open{listener=\"sidecar\"} 1",
        "lockbox_connections_accepted_total{listener=\"sidecar\"} 2",
        "lockbox_connections_refused_total{listener=\"sidecar\"} 1",
        "# EOF",
    ] {
        says(&text, line);
    }
    assert!(!text.contains("sha256:old"), "only one policy set is in force");
}

/// What `promtool check metrics` would object to.
fn lint(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut described = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# ")) {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        match *words {
            ["HELP", name, help] => {
                if help.len() < 10 {
                    wrong.push(format!("{name} says too little"));
                }
                described.insert(name.to_owned());
            }
            ["TYPE", name, kind] => {
                if !name.starts_with("lockbox_") || !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
                    wrong.push(format!("{name} is no name of ours"));
                }
                if name.contains("_ms") || name.contains("milli") || name.contains("micro") {
                    wrong.push(format!("{name} is not in base units"));
                }
                if name.ends_with("_total") || (kind == "histogram" && !name.ends_with("_seconds")) {
                    wrong.push(format!("{name} has the wrong ending for a {kind}"));
                }
            }
            _ => {}
        }
    }
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let name = sample.split(['{', ' ']).next().unwrap_or_default();
        if !described
            .iter()
            .any(|known| name.strip_prefix(known.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('_')))
        {
            wrong.push(format!("{name} has no help"));
        }
    }
    wrong
}

#[test]
fn names_keep_to_the_conventions() {
    assert_eq!(lint(&used().render()), Vec::<String>::new());
    let bad = "# HELP lockbox_took_ms short\n# TYPE lockbox_took_ms histogram\nother 1\n";
    assert_eq!(lint(bad).len(), 4, "{:?}", lint(bad));
}

#[test]
fn a_name_is_registered_once() {
    let text = used().render();
    let types: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
    assert_eq!(types.len(), types.iter().collect::<BTreeSet<_>>().len());
}
