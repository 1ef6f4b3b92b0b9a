//! Mutants of the shipped set: what is made, and that each is what it says.

use super::*;
use crate::policy::exchange::Strict;
use crate::policy::symbolic::{Limits, Prover, Wanted};
use crate::policy::testing::{shipped, with};
use crate::policy::{PolicySet, Sources, cases};
use cedar_policy::PolicyId;
use std::collections::BTreeSet;
use std::path::Path;

const SCOPE: &str = "(principal is Lockbox::Engineer, action in [Lockbox::Action::\"read\", Lockbox::Action::\"export\"], \
                     resource is Lockbox::Content)";

/// The mutants of one more policy with these clauses, as `kind: before -> after`, and the set they are of.
fn of(clauses: &str) -> (PolicySet, Vec<Mutant>) {
    let sources = with(&format!("@id(\"more\")\nforbid {SCOPE}\n{clauses};\n"));
    let set = PolicySet::from_sources(&sources).unwrap();
    let made = mutants(&set, &sources, &|id| id == "more");
    (set, made)
}

fn noticing() -> Judge<'static> {
    Box::new(|_, _| Outcome::Noticed { by: "a test".to_owned() })
}

fn told(mutants: &[Mutant]) -> BTreeSet<String> {
    mutants.iter().map(|made| format!("{}: {} -> {}", made.kind.as_str(), made.before, made.after)).collect()
}

#[track_caller]
fn has(clauses: &str, wanted: &[&str]) {
    let all = told(&of(clauses).1);
    for one in wanted {
        assert!(all.contains(*one), "{one}\n{all:#?}");
    }
}

#[test]
fn scope_effect_and_clauses_are_mistaken() {
    let (_, made) = of("when { principal.suspended } unless { context has emergency }");
    let expected = [
        "policy: more -> ",
        "effect: forbid -> permit",
        "scope: principal is Lockbox::Engineer -> principal",
        "scope: action in [Lockbox::Action::\"read\", Lockbox::Action::\"export\"] -> action",
        "scope: resource is Lockbox::Content -> resource",
        "action: Lockbox::Action::\"read\" -> ",
        "action: Lockbox::Action::\"export\" -> ",
        "clause: when { principal.suspended } -> ",
        "swap: when { -> unless {",
        "clause: unless { context has emergency } -> ",
        "swap: unless { -> when {",
        "guard: context has emergency -> true",
    ];
    assert_eq!(told(&made), expected.map(str::to_owned).into());
}

#[test]
fn every_place_of_an_expression_is_mistaken() {
    has(
        "when { principal has clearance && (principal.clearance < 3 || !principal.suspended) }",
        &[
            "condition: principal has clearance -> ",
            "alternative: principal.clearance < 3 -> ",
            "alternative: !principal.suspended -> ",
            "comparison: principal.clearance < 3 -> principal.clearance <= 3",
            "negation: !principal.suspended -> principal.suspended",
        ],
    );
    has(
        "when { if context has emergency then context.emergency else resource.workload == Lockbox::Workload::\"exchange\" }",
        &[
            "branch: if context has emergency then context.emergency else resource.workload == Lockbox::Workload::\"exchange\" -> context.emergency",
            "guard: context has emergency -> true",
            "comparison: resource.workload == Lockbox::Workload::\"exchange\" -> resource.workload != Lockbox::Workload::\"exchange\"",
        ],
    );
    has(
        "when { [\"DE\", \"FR\"].containsAny([\"FR\"]) && principal in Lockbox::Team::\"x\" && { a: 1 < 2 }.a && principal is Lockbox::Engineer in Lockbox::Team::\"y\" }",
        &[
            "set: [\"DE\", \"FR\"].containsAny([\"FR\"]) -> [\"DE\", \"FR\"].containsAll([\"FR\"])",
            "element: \"DE\" -> ",
            "comparison: principal in Lockbox::Team::\"x\" -> principal == Lockbox::Team::\"x\"",
            "comparison: 1 < 2 -> 1 <= 2",
        ],
    );
}

#[test]
fn each_mutant_differs_and_keeps_the_id() {
    let made = mutants(shipped(), &Sources::shipped(), &|_| true);
    assert!(made.len() > 250, "{}", made.len());
    let ids: BTreeSet<&String> = made.iter().map(|mutant| &mutant.id).collect();
    assert_eq!(ids.len(), made.len(), "two mutants of one name");
    for mutant in &made {
        let own = shipped().cedar().policy(&PolicyId::new(&mutant.policy)).unwrap();
        if let Some(made) = &mutant.made {
            assert_eq!(made.id(), own.id());
            assert_eq!(made.annotation("reason"), own.annotation("reason"));
            assert_ne!(made.to_pst().unwrap(), own.to_pst().unwrap(), "{}", mutant.id);
        }
        assert!(mutant.line > 0 && mutant.column > 0 && mutant.excerpt.len() > 1, "no place: {mutant:#?}");
    }
}

#[test]
fn what_does_not_load_and_what_is_the_same_is_told_apart() {
    let (set, made) = of("when { principal has clearance && principal.clearance < 3 }");
    let attacked =
        attack(&set, made, Settings { workers: 2 }, &|| Box::new(|_, _| Outcome::survived()), &mut |_| {}).unwrap();
    let outcome = |wanted: &str| {
        let named = |one: &&Attacked| format!("{}: {}", one.mutant.kind.as_str(), one.mutant.before) == wanted;
        attacked.iter().find(named).unwrap().outcome.clone()
    };
    assert!(matches!(outcome("condition: principal has clearance"), Outcome::Invalid { .. }));
    assert!(matches!(outcome("scope: principal is Lockbox::Engineer"), Outcome::Equivalent { .. }));
    assert!(outcome("action: Lockbox::Action::\"read\"").is_survived());
    assert!(outcome("scope: action in [Lockbox::Action::\"read\", Lockbox::Action::\"export\"]").is_survived());
    assert!(outcome("comparison: principal.clearance < 3").is_survived());
    let suspended = |mutant: &Mutant| mutant.policy == "stop-suspended-engineer" && mutant.kind == Kind::Policy;
    let gone: Vec<Mutant> = mutants(shipped(), &Sources::shipped(), &|_| true).into_iter().filter(suspended).collect();
    let refused =
        attack(shipped(), gone, Settings { workers: 1 }, &|| Box::new(|_, _| Outcome::survived()), &mut |_| {})
            .unwrap();
    assert!(matches!(refused[0].outcome, Outcome::Refused { .. }), "{refused:?}");
}

#[test]
fn the_score_is_of_what_could_be_noticed() {
    let (set, made) = of("when { principal.suspended }");
    let attacked = attack(&set, made, Settings { workers: 1 }, &|| noticing(), &mut |_| {}).unwrap();
    let report = MutationReport::of("x", Against::Tests, "", attacked.clone());
    assert_eq!((report.score, report.counts.survived), (100, 0));
    assert!(report.counts.equivalent > 0 && report.counts.noticed > 3, "{:?}", report.counts);
    let one_less = attacked.into_iter().map(|mut one| {
        if one.mutant.kind == Kind::Clause {
            one.outcome = Outcome::survived();
        }
        one
    });
    let report = MutationReport::of("x", Against::Tests, "", one_less.collect());
    assert!(report.score < 100 && report.survivors().count() == 1, "{:?}", report.counts);
}

/// The set with the mistakes that nothing notices, in which `with` is one more policy.
fn survivors(clauses: &str) -> (PolicySet, Vec<Attacked>) {
    let (set, made) = of(clauses);
    let judge = || -> Judge<'_> {
        let mut apart =
            Apart::by(Prover::find(Limits { questions_max: 3000, ..Limits::default() }, Wanted::Enumeration));
        let set = &set;
        Box::new(move |changed, mutant| apart.tell(set, changed, mutant))
    };
    let attacked = attack(&set, made, Settings { workers: 2 }, &judge, &mut |_| {}).unwrap();
    (set, attacked)
}

#[test]
fn the_missing_tests_are_written_and_tell_the_mutants() {
    let (set, attacked) = survivors("when { principal has clearance && principal.clearance < 3 }");
    let made = synthesize(&set, &attacked);
    assert!(made.len() > 1 && made.noticed >= made.len(), "{made:#?}");
    assert!(made.cedar.is_empty() && made.suites.len() == 1, "{made:#?}");
    let text = made.yaml(&made.suites[0]).unwrap();
    assert!(text.contains("# confirm me: -") && text.contains("guard: false"), "{text}");
    // What was written is read again, passes, and notices all that it was made for.
    let suite = cases::Suite::parse("made.yaml", &text).unwrap();
    let made_cases = cases::Cases::of(&set, &[("made.yaml".to_owned(), suite)]).unwrap();
    assert_eq!(cases::first_failure(&set, &made_cases), None);
    let strict = Strict::of(&set.schema);
    for one in attacked.iter().filter(|one| matches!(&one.outcome, Outcome::Survived { missing: Some(_), .. })) {
        let changed = set.exchanged(&one.mutant.policy, one.mutant.made.as_ref(), &strict).unwrap();
        assert!(cases::first_failure(&changed, &made_cases).is_some(), "{}", one.mutant.id);
    }
}

#[test]
fn the_shipped_tests_notice_every_mistake_in_the_shipped_policies() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies");
    let cases = cases::Cases::read(shipped(), &tests).unwrap();
    let judge = || -> Judge<'_> {
        Box::new(|changed, _| match cases::first_failure(changed, &cases) {
            Some(by) => Outcome::Noticed { by },
            None => Outcome::survived(),
        })
    };
    let made = mutants(shipped(), &Sources::shipped(), &|_| true);
    let attacked = attack(shipped(), made, Settings { workers: 4 }, &judge, &mut |_| {}).unwrap();
    let report = MutationReport::of(shipped().digest(), Against::Tests, "types", attacked);
    let survivors: Vec<_> = report.survivors().map(|one| (&one.mutant.id, &one.mutant.excerpt)).collect();
    assert!(survivors.is_empty(), "`lockbox policy mutate` shows the tests that are missing: {survivors:#?}");
    assert_eq!(report.score, 100);
    assert!(report.counts.noticed > 200, "{:?}", report.counts);
}
