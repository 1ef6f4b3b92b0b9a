//! Claims about the shipped set, and about sets with holes: refuted by whatever means there are, with a
//! question that really does refute.

use super::super::Sources;
use super::super::testing::{shipped, with};
use super::realism;
use super::*;
use cedar_policy::{Policy, PolicySet as CedarSet, ValidationMode, Validator};

fn provers() -> Vec<Prover> {
    let limits = Limits { questions_max: 700, ..Limits::default() };
    let mut provers = vec![Prover::find(limits, Wanted::Enumeration)];
    let best = Prover::find(limits, Wanted::Best);
    if best.proves() {
        provers.push(best);
    } else {
        println!("NOT TRIED with a solver: {}", best.means());
    }
    provers
}

fn environment(action: &str) -> Environment {
    Environment::all(&shipped().schema).into_iter().find(|at| at.action() == action).unwrap()
}

/// The shipped policies with a text in them exchanged.
fn changed(from: &str, to: &str) -> CedarSet {
    let text: String = Sources::shipped().policies.iter().map(|file| file.text.to_string()).collect();
    assert!(text.contains(from), "`{from}` is not in the shipped policies");
    text.replace(from, to).parse().unwrap()
}

#[test]
fn the_worlds_are_well_typed_in_every_environment() {
    let set = shipped();
    for at in Environment::all(&set.schema) {
        let about: Vec<&Policy> = set.cedar().policies().collect();
        let worlds = realism::worlds(set, &at, &about);
        assert!(!worlds.is_empty(), "{at}");
        for world in worlds {
            let world = CedarSet::from_policies(world).unwrap();
            let result = Validator::new(set.schema.as_ref().clone()).validate(&world, ValidationMode::Strict);
            assert!(result.validation_passed(), "{at}: {result}\n{world}");
        }
    }
}

#[test]
fn holes_are_found_by_every_means_and_a_sound_set_has_none() {
    let set = shipped();
    for mut prover in provers() {
        for (action, from, to) in [
            ("read", "context.grant.engineer == principal &&", ""),
            ("read", "context.now < context.grant.expires_at", "context.now <= context.grant.expires_at"),
            ("export", "resource in context.grant.content &&", ""),
            ("search", "context.grant.actions.contains(action) &&", ""),
            ("modify", "resource.tenant has legal_hold && resource.tenant.legal_hold", "false"),
            ("approve", "resource.approvers.contains(principal) &&", ""),
            ("review", "principal != resource.engineer", "principal == principal"),
        ] {
            let wide = changed(from, to);
            let claim = Claim::Implies { lower: &wide, upper: set.cedar() };
            let verdict = prover.decide(set, &environment(action), &claim);
            let witness = verdict.witness().unwrap_or_else(|| panic!("{action}, without `{from}`: {verdict:?}"));
            assert!(claim.refuted_by(witness.request(), witness.entities()));
            assert_eq!(prover.holds(set, &environment(action), &claim), Some(false));
            let back = Claim::Implies { lower: set.cedar(), upper: &wide };
            let verdict = prover.decide(set, &environment(action), &back);
            assert_eq!(verdict.holds(), prover.proves(), "{action}, without `{from}`: {verdict:?}");
        }
    }
}

#[test]
fn a_witness_reads_as_a_person_would_write_it() {
    let set = shipped();
    let wide = changed("context.grant.engineer == principal &&", "");
    for mut prover in provers() {
        let claim = Claim::Implies { lower: &wide, upper: set.cedar() };
        let text = prover.decide(set, &environment("read"), &claim).witness().unwrap().to_string();
        for part in [
            "@provider.example\" read Content::\"contoso/exchange/mailbox/adele@contoso.example\"",
            "context.now = 2026-11-2",
            "  actions          [Action::\"",
            "expires_at       2026-11-2",
            "Tenant::\"contoso\" { lockbox: ",
        ] {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
        assert!(!text.contains("offset"), "{text}");
    }
}

#[test]
fn what_one_policy_does_can_be_claimed() {
    let noted = "@reason(\"r\") @advice(\"a\") @owner(\"o\")";
    let scope = "(principal is Lockbox::Engineer, action == Lockbox::Action::\"read\", resource is Lockbox::Content)";
    let more = format!(
        "@id(\"errs\") {noted} forbid {scope} when {{ principal has clearance && principal.clearance + 1 < 3 }};
         @id(\"never\") {noted} forbid {scope} when {{ principal has clearance && principal.clearance < 3 && principal.clearance > 3 }};
         @id(\"narrow\") {noted} forbid {scope} when {{ principal has clearance && principal.clearance < 3 }};"
    );
    let set = PolicySet::from_sources(&with(&more)).unwrap();
    let policy = |id: &str| set.cedar().policies().find(|policy| policy.id().to_string() == id).unwrap();
    let at = environment("read");
    for mut prover in provers() {
        let proves = prover.proves();
        let mut holds = |claim: Claim<'_>| match prover.decide(&set, &at, &claim) {
            Verdict::Holds(_) => Some(true),
            Verdict::Fails(_) => Some(false),
            Verdict::NotRefuted(tried) => {
                assert!(tried > 100, "{tried}");
                None
            }
            Verdict::Unknown(why) => panic!("{claim:?}: {why}"),
        };
        let proved = proves.then_some(true);
        assert_eq!(holds(Claim::NeverErrors(policy("narrow"))), proved);
        if proves {
            // The overflow is at the end of 64 bits, where enumeration does not look.
            assert_eq!(holds(Claim::NeverErrors(policy("errs"))), Some(false));
        }
        assert_eq!(holds(Claim::NeverMatches(policy("never"))), proved);
        assert_eq!(holds(Claim::NeverMatches(policy("narrow"))), Some(false));
        assert_eq!(holds(Claim::AlwaysMatches(policy("narrow"))), Some(false));
        let claim = |one, other| Claim::MatchesImplies { narrow: policy(one), wide: policy(other) };
        assert_eq!(holds(claim("never", "narrow")), proved);
        assert_eq!(holds(claim("narrow", "never")), Some(false));
        assert_eq!(holds(Claim::MatchesEquivalent { one: policy("narrow"), other: policy("never") }), Some(false));
        assert_eq!(holds(Claim::Equivalent { one: set.cedar(), other: set.cedar() }), proved);
        assert_eq!(holds(Claim::AlwaysDenies(set.cedar())), Some(false));
    }
}

#[test]
fn a_condition_that_can_never_be_met_does_not_narrow_what_a_promise_speaks_of() {
    let set = shipped();
    let scope = "permit (principal is Lockbox::Engineer, action == Lockbox::Action::\"read\", resource)";
    let policy = Policy::parse(None, format!("{scope} when {{ false }};")).unwrap();
    let spoken: Vec<String> = Environment::of_scope(&policy, &set.schema).iter().map(ToString::to_string).collect();
    assert_eq!(spoken, ["Engineer read Content"]);
}
