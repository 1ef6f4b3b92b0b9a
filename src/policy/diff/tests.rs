//! Edits of the shipped set, and what is said of each.

use super::super::symbolic::{Limits, Wanted};
use super::super::testing::with;
use super::*;

const SCOPE: &str =
    "(principal is Lockbox::Engineer, action == Lockbox::Action::\"read\", resource is Lockbox::Content)";

fn provers() -> Vec<Prover> {
    let limits = Limits { questions_max: 100, ..Limits::default() };
    let mut provers = vec![Prover::find(limits, Wanted::Enumeration)];
    let best = Prover::find(limits, Wanted::Best);
    if best.proves() {
        provers.push(best);
    } else {
        println!("NOT TRIED with a solver: {}", best.means());
    }
    provers
}

fn changed(from: &str, to: &str) -> Sources {
    let mut sources = Sources::shipped();
    let file = sources.policies.iter_mut().find(|file| file.text.contains(from)).unwrap();
    file.text = file.text.replacen(from, to, 1).into();
    sources
}

fn compared(old: &Sources, new: &Sources, prover: &mut Prover) -> DiffReport {
    diff(old, new, prover, &mut |_| {}).unwrap()
}

fn relation(report: &DiffReport, id: &str) -> What {
    report.policies.iter().find(|change| change.id == id).unwrap().what.clone()
}

#[test]
fn one_revision_is_equivalent_without_being_asked() {
    let mut never = Prover::find(Limits { questions_max: 0, ..Limits::default() }, Wanted::Enumeration);
    let report = compared(&Sources::shipped(), &Sources::shipped(), &mut never);
    assert_eq!((report.outcome, report.questions.len()), (Outcome::Equivalent, 0));
    assert!(report.opens_nothing(false));
}

#[test]
fn an_edit_that_opens_is_shown_with_a_question_that_both_answer_differently() {
    for mut prover in provers() {
        let opened = changed("context.grant.engineer == principal &&", "");
        let report = compared(&Sources::shipped(), &opened, &mut prover);
        assert_eq!(report.outcome, Outcome::NewlyAllowed, "{}", report.means);
        assert!(!report.opens_nothing(true));
        let read = report.questions.iter().find(|one| one.environment == "Engineer read Content").unwrap();
        let shown = read.newly_allowed.as_ref().unwrap();
        assert_eq!((shown.old.len(), shown.new.as_slice()), (0, ["content-access-with-grant".to_owned()].as_slice()));
        assert_eq!(shown.test.pointer("/decision").unwrap(), "allow");
        assert!(read.newly_denied.is_none());
        let untouched = report.questions.iter().find(|one| one.environment == "Person review AccessRequest").unwrap();
        assert_eq!((untouched.outcome(), untouched.tried), (Outcome::Equivalent, 0));
        let back = compared(&opened, &Sources::shipped(), &mut prover);
        assert_eq!(back.outcome, Outcome::NewlyDenied);
        // Without a proof nobody can say that the edit only denies.
        assert!(back.opens_nothing(true) && back.opens_nothing(false) == prover.proves());
        let expected = if prover.proves() { [Relation::More, Relation::Less] } else { [Relation::Unknown; 2] };
        for (report, matches) in [report, back].iter().zip(expected) {
            assert_eq!(relation(report, "content-access-with-grant"), What::Rewritten { matches });
        }
    }
}

#[test]
fn a_guardrail_more_only_denies_and_a_rewriting_is_equivalent_where_it_can_be_proved() {
    for mut prover in provers() {
        let forbid = format!("@id(\"x\") forbid {SCOPE} when {{ context has emergency && context.emergency }};");
        let report = compared(&Sources::shipped(), &with(&forbid), &mut prover);
        assert_eq!(report.outcome, Outcome::NewlyDenied);
        assert_eq!(report.opens_nothing(false), prover.proves());
        assert_eq!(relation(&report, "x"), What::Added);
        let rewritten = changed(
            "context has device_managed && !context.device_managed",
            "context has device_managed && context.device_managed == false",
        );
        let report = compared(&Sources::shipped(), &rewritten, &mut prover);
        if prover.proves() {
            assert_eq!(report.outcome, Outcome::Equivalent);
            assert_eq!(relation(&report, "refuse-unmanaged-device"), What::Rewritten { matches: Relation::Same });
        } else {
            assert_eq!(report.outcome, Outcome::NoDifferenceFound);
            assert!(!report.opens_nothing(false) && report.opens_nothing(true));
        }
    }
}

#[test]
fn a_lifecycle_policy_counts_as_well() {
    let opened = changed("principal != resource.engineer", "principal == principal");
    for mut prover in provers() {
        let report = compared(&Sources::shipped(), &opened, &mut prover);
        let review = report.questions.iter().find(|one| one.environment == "Person review AccessRequest").unwrap();
        assert_eq!(review.outcome(), Outcome::NewlyAllowed, "{}", report.means);
    }
}

#[test]
fn names_files_and_annotations_change_no_answer() {
    let mut prover = Prover::find(Limits { questions_max: 10, ..Limits::default() }, Wanted::Enumeration);
    let mut moved = changed("@owner(\"legal\")", "@owner(\"security\")");
    let guardrails = moved.policies.iter_mut().find(|file| file.name.ends_with("guardrails.cedar")).unwrap();
    let (one, rest) = guardrails.text.split_once("@id(\"refuse-noncompliant-device\")").unwrap();
    let rest = format!("@id(\"refuse-bad-device\"){rest}").into();
    guardrails.text = one.to_owned().into();
    moved.policies.push(super::super::SourceFile { name: "policies/more.cedar".to_owned(), text: rest });
    let report = compared(&Sources::shipped(), &moved, &mut prover);
    let said: Vec<String> = report.policies.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "forbid `keep-content-under-legal-hold` has other annotations",
            "forbid `refuse-bad-device` was called `refuse-noncompliant-device`",
            "forbid `require-clearance-for-export` was moved from guardrails.cedar to more.cedar",
        ]
    );
}

#[test]
fn schemas_that_differ_are_told_and_one_must_fit_both() {
    let mut prover = Prover::find(Limits { questions_max: 50, ..Limits::default() }, Wanted::Enumeration);
    let more = |sources: &mut Sources| {
        let text = sources
            .schema
            .text
            .replace("emergency?: Bool,", "emergency?: Bool,\n    @source(\"caller\") night?: Bool,");
        sources.schema.text = text.replace("modify, delete in", "modify, delete, print in").into();
    };
    let mut new = with(&format!("@id(\"x\") forbid {SCOPE} when {{ context has night && context.night }};"));
    more(&mut new);
    let report = compared(&Sources::shipped(), &new, &mut prover);
    assert!(
        report.schema.iter().any(|note| note == "new: `Engineer print Content` can be asked now"),
        "{:?}",
        report.schema
    );
    assert!(report.schema.iter().any(|note| note.starts_with("compared: questions that are valid under the new")));
    let back = compared(&new, &Sources::shipped(), &mut prover);
    assert!(back.schema.iter().any(|note| note.starts_with("compared: only questions that are valid under the old")));
    // Each uses what the other's schema lacks.
    let mut other = with(&format!("@id(\"y\") forbid {SCOPE} when {{ context has noon && context.noon }};"));
    other.schema.text = other
        .schema
        .text
        .replace("emergency?: Bool,", "emergency?: Bool,\n    @source(\"caller\") noon?: Bool,")
        .into();
    let report = compared(&other, &new, &mut prover);
    assert_eq!(report.outcome, Outcome::Unknown);
    assert!(!report.opens_nothing(true) && report.schema.iter().any(|note| note.starts_with("not compared")));
}
