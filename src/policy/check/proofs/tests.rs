//! One set with everything that takes a solver to see, and the shipped one, which has nothing of it.

use super::super::super::symbolic::{Limits, Prover, Wanted};
use super::super::super::testing::with;
use super::super::super::{CheckReport, Sources, check_sources};

fn checked(sources: &Sources) -> Option<CheckReport> {
    let mut prover = Prover::find(Limits::default(), Wanted::Best);
    if !prover.proves() {
        println!("NOT TRIED with a solver: {}", prover.means());
        return None;
    }
    Some(check_sources(sources, Some(&mut prover)))
}

fn policy(id: &str, effect: &str, action: &str, condition: &str) -> String {
    format!(
        "@id(\"{id}\") @reason(\"{id}\") @advice(\"{id}\") @owner(\"o\")\n{effect} (principal is Lockbox::Engineer, \
         action == Lockbox::Action::\"{action}\", resource is Lockbox::Content)\nwhen {{ {condition} }};\n"
    )
}

#[test]
fn what_only_a_proof_can_tell_is_told() {
    let before = "context has grant && context.grant.starts_at < context.grant.expires_at && context.now < context.grant.starts_at";
    let text = [
        policy("vacuous", "forbid", "read", &format!("{before} && context.grant.expires_at <= context.now")),
        policy("shadowed", "forbid", "read", "principal.suspended && resource.tenant.lockbox"),
        policy("dead", "permit", "read", "context has grant && principal.suspended"),
        policy("always", "permit", "metadata", "context has grant || !(context has grant)"),
        policy(
            "idle",
            "forbid",
            "modify",
            "principal has country && principal.country == \"EU\" && principal.country != \"US\"",
        ),
        policy("errs", "forbid", "modify", "principal has clearance && principal.clearance * 2 < 3"),
        policy("half", "permit", "search", "context has grant && resource.tenant.lockbox"),
        policy("other-half", "permit", "search", "context has grant && !resource.tenant.lockbox"),
        policy(
            "covered",
            "permit",
            "search",
            "context has grant && context.grant.approval == Lockbox::Approval::\"internal\"",
        ),
    ]
    .concat();
    let Some(report) = checked(&with(&text)) else { return };
    let mut found: Vec<(&str, &str)> = report
        .findings
        .iter()
        .filter(|finding| super::CODES.contains(&finding.code))
        .map(|finding| (finding.code, finding.message.split('`').nth(1).unwrap_or_default()))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("always-matches", "always"),
            ("condition-dead", "idle"),
            ("forbid-errs", "errs"),
            ("never-matches", "vacuous"),
            ("permit-dead", "dead"),
            ("policy-redundant", "covered"),
            ("policy-shadowed", "shadowed"),
        ],
        "{report}"
    );
    assert!(report.not_run.is_empty());
}

#[test]
fn the_shipped_set_has_nothing_of_it() {
    let Some(report) = checked(&Sources::shipped()) else { return };
    assert_eq!((report.findings, report.undecided), (Vec::new(), Vec::new()));
}
