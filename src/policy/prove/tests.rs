//! The shipped promises are proved; broken ones are shown with a question that breaks them.

use super::super::SourceFile;
use super::super::symbolic::{Limits, Wanted};
use super::super::testing::{shipped, with};
use super::*;
use std::sync::Arc;

/// A solver where there is one; it is said loudly where there is none.
fn prover() -> Prover {
    let limits = Limits { questions_max: 300, ..Limits::default() };
    let prover = Prover::find(limits, Wanted::Best);
    if !prover.proves() {
        println!("NOT PROVED, only tried: {}", prover.means());
    }
    prover
}

fn proved(set: &PolicySet, sources: &Sources, only: &str) -> ProofReport {
    prove(set, sources, &mut prover(), &|id| id.contains(only), &mut |_| {}).unwrap()
}

fn only(report: &ProofReport) -> &Proof {
    assert_eq!(report.proofs.len(), 1, "{report:?}");
    report.proofs.first().unwrap()
}

#[test]
fn the_shipped_promises_hold() {
    let mut prover = prover();
    let mut told = Vec::new();
    let mut hears = |proof: &Proof| told.push(proof.id.clone());
    let report = prove(shipped(), &Sources::shipped(), &mut prover, &|_| true, &mut hears).unwrap();
    assert_eq!(told.len(), Sources::shipped().invariants.len() + 1);
    assert_eq!(report.is_proved(), prover.proves(), "{report:#?}");
    assert!(report.is_unbroken(), "{report:#?}");
    assert_eq!(report.never_allowed, Vec::<String>::new());
}

#[test]
fn by_trying_questions_nothing_is_ever_called_proved() {
    let limits = Limits { questions_max: 50, ..Limits::default() };
    let mut prover = Prover::find(limits, Wanted::Enumeration);
    let report = prove(shipped(), &Sources::shipped(), &mut prover, &|_| true, &mut |_| {}).unwrap();
    assert!(!report.is_proved() && report.is_unbroken(), "{report:#?}");
    let first = report.proofs.first().unwrap();
    assert_eq!((first.outcome, first.tried), (Outcome::NotRefuted, 50 * first.environments));
}

#[test]
fn a_hole_breaks_the_promise_and_the_question_is_a_test() {
    let noted = "@reason(\"r\") @advice(\"a\") @owner(\"o\")";
    let sources = with(&format!(
        "@id(\"break-glass\") {noted} permit (principal in Lockbox::Team::\"oncall\", \
         action == Lockbox::Action::\"read\", resource is Lockbox::Content) when {{ context has grant }};"
    ));
    let set = PolicySet::from_sources(&sources).unwrap();
    let report = proved(&set, &sources, "grant-required");
    let proof = only(&report);
    assert_eq!(proof.outcome, Outcome::Broken);
    assert!(!report.is_proved() && !report.is_unbroken());
    let broken = proof.broken.first().unwrap();
    assert_eq!((broken.environment.as_str(), broken.decision), ("Engineer read Content", "allow"));
    assert_eq!(broken.because, ["break-glass"]);
    let test = &broken.test;
    assert_eq!(test.get("decision").and_then(serde_json::Value::as_str), Some("deny"), "{test}");
    assert!(test.pointer("/request/context/grant").is_some(), "{test}");
}

#[test]
fn a_guardrail_too_many_breaks_what_is_promised_to_be_allowed() {
    let noted = "@reason(\"r\") @advice(\"a\") @owner(\"o\")";
    let sources = with(&format!(
        "@id(\"no-mail\") {noted} forbid (principal is Lockbox::Engineer, action == Lockbox::Action::\"read\", \
         resource is Lockbox::Content) when {{ principal has clearance && principal.clearance < 2 }};"
    ));
    let set = PolicySet::from_sources(&sources).unwrap();
    let report = proved(&set, &sources, "grant-suffices");
    let broken = only(&report).broken.first().unwrap();
    assert_eq!((broken.decision, broken.because.as_slice()), ("deny", ["no-mail".to_owned()].as_slice()));
    assert_eq!(broken.test.get("decision").and_then(serde_json::Value::as_str), Some("allow"));
    assert!(broken.question.to_string().contains("clearance"), "{}", broken.question);
}

#[test]
fn a_forbid_that_can_error_is_no_forbid() {
    let noted = "@reason(\"r\") @advice(\"a\") @owner(\"o\")";
    let sources = with(&format!(
        "@id(\"sums\") {noted} forbid (principal is Lockbox::Engineer, action == Lockbox::Action::\"export\", \
         resource is Lockbox::Content) when {{ principal has clearance && principal.clearance + 1 < 3 }};"
    ));
    let set = PolicySet::from_sources(&sources).unwrap();
    let report = proved(&set, &sources, NO_FORBID_ERRS);
    let proof = only(&report);
    // The overflow is at the end of 64 bits: enumeration does not look there.
    let expected = if report.means == shipped_means() { Outcome::Broken } else { Outcome::NotRefuted };
    assert_eq!(proof.outcome, expected, "{proof:#?}");
}

fn shipped_means() -> Means {
    let means = prover().means().clone();
    match means {
        Means::Solver { .. } => means,
        Means::Enumeration { .. } => Means::Solver { version: String::new(), program: String::new() },
    }
}

#[test]
fn a_file_makes_one_promise_and_there_must_be_one() {
    let mut sources = Sources::shipped();
    let text = "@id(\"a\") @invariant(\"A.\") permit (principal, action, resource);
                @id(\"b\") @invariant(\"B.\") @direction(\"at-least\") permit (principal, action, resource);";
    sources.invariants = vec![SourceFile { name: "policies/invariant/two.cedar".to_owned(), text: Arc::from(text) }];
    let set = PolicySet::from_sources(&sources).unwrap();
    let refused = prove(&set, &sources, &mut prover(), &|_| true, &mut |_| {}).unwrap_err();
    assert!(refused.to_string().contains("different directions"), "{refused}");

    sources.invariants.clear();
    let set = PolicySet::from_sources(&sources).unwrap();
    let refused = prove(&set, &sources, &mut prover(), &|_| true, &mut |_| {}).unwrap_err();
    assert!(refused.to_string().contains("no-invariant"), "{refused}");
}

#[cfg(feature = "prove")]
#[test]
fn the_evidence_says_unsat_to_whoever_runs_it_again() {
    let mut prover = prover();
    let sources = Sources::shipped();
    let wanted = |id: &str| id == "nothing-for-suspended";
    let report = prove(shipped(), &sources, &mut prover, &wanted, &mut |_| {}).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let evidence = write_evidence(dir.path(), shipped(), &sources, &prover, &report).unwrap();
    assert!(dir.path().join("proof.json").exists() && dir.path().join("evidence.json").exists());
    let files: Vec<&String> = evidence.scripts.iter().filter_map(|script| script.file.as_ref()).collect();
    assert!(files.len() >= 6, "{evidence:?}");
    let Means::Solver { program, .. } = prover.means() else { return };
    for file in files.into_iter().filter(|file| file.starts_with("nothing-for-suspended")) {
        let said = std::process::Command::new(program).args(["--lang", "smt"]).arg(dir.path().join(file)).output();
        let said = String::from_utf8(said.unwrap().stdout).unwrap();
        assert_eq!(said.trim(), "unsat", "{file}");
    }
}
