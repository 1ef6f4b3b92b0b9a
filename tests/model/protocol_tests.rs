//! One authority: the right design holds within several bounds, each wrong one is shown to break something, and
//! where a rule is a second line of defence only, that is shown too.

use crate::checking::{breaks, holds};
use crate::design::*;
use crate::world::{Bounds, Left, Protocol};

const NOTHING: Left = Left { revocations: 0, approvals: 0, restores: 0, sidecar_restarts: 0, authority_restarts: 0 };
const LATEST: &str = "no allow L after a revocation";
const EFFECTIVE: &str = "no allow after `effective`";
const PAST: &str = "no allow from before a `recover`";
/// Nothing is ever stale where no backup is restored: what is read after receipt and tied to a nonce is news.
const NEVER_STALE: [&str; 1] = ["a stale answer is refused"];

/// One sidecar, one revocation, and the worst clocks: the authority waits the shortest, the sidecar believes the
/// longest. Renewals may arrive late.
fn bounds(left: Left) -> Bounds {
    let left = Left { revocations: left.revocations.max(1), ..left };
    Bounds {
        lease: 2,
        authority_rates: vec![11],
        sidecar_rates: vec![9],
        sidecars: 1,
        same_name: false,
        late_renewals: true,
        left,
    }
}

fn any_clocks(bounds: Bounds) -> Bounds {
    let any = || vec![9, 10, 11];
    Bounds { authority_rates: any(), sidecar_rates: any(), ..bounds }
}

fn restarts() -> Bounds {
    Bounds { late_renewals: false, ..bounds(Left { sidecar_restarts: 1, authority_restarts: 1, ..NOTHING }) }
}

fn restored_twice() -> Bounds {
    Bounds { late_renewals: false, ..bounds(Left { approvals: 1, restores: 2, ..NOTHING }) }
}

fn two(same_name: bool) -> Bounds {
    Bounds { late_renewals: false, sidecars: 2, same_name, ..bounds(NOTHING) }
}

fn right(bounds: &Bounds) -> Protocol {
    model(RIGHT, bounds)
}

fn model(design: Design, bounds: &Bounds) -> Protocol {
    Protocol { design, bounds: bounds.clone() }
}

#[test]
fn holds_with_any_clocks_and_late_renewals() {
    holds("any clocks", right(&any_clocks(bounds(NOTHING))), &NEVER_STALE);
}

#[test]
fn holds_when_either_restarts() {
    holds("restarts", right(&restarts()), &NEVER_STALE);
}

#[test]
fn holds_when_a_grant_is_given_anew_and_revoked_again() {
    let left = Left { revocations: 2, approvals: 1, ..NOTHING };
    holds("anew", right(&Bounds { late_renewals: false, ..bounds(left) }), &NEVER_STALE);
}

#[test]
fn holds_when_a_backup_is_restored_twice() {
    holds("restored twice", right(&restored_twice()), &[]);
}

#[test]
#[ignore = "minutes: cargo test --release --test model -- --ignored --nocapture"]
fn holds_within_larger_bounds() {
    let all = Left { sidecar_restarts: 1, authority_restarts: 1, ..NOTHING };
    holds("restarts, late renewals", right(&bounds(all)), &NEVER_STALE);
    holds("restarts, any clocks", right(&any_clocks(restarts())), &NEVER_STALE);
    holds("restarts, a longer lease", right(&Bounds { lease: 3, ..restarts() }), &NEVER_STALE);
    let again = Left { revocations: 2, approvals: 1, ..NOTHING };
    holds("anew, late renewals", right(&bounds(again)), &NEVER_STALE);
    let clocks = || vec![9, 11];
    let extremes = |bounds| Bounds { authority_rates: clocks(), sidecar_rates: clocks(), ..bounds };
    holds("restored twice, slow and fast clocks", right(&extremes(restored_twice())), &[]);
    let left = Left { approvals: 1, restores: 2, authority_restarts: 1, ..NOTHING };
    let restarted = Bounds { late_renewals: false, ..bounds(left) };
    holds("restored twice, the authority restarts", right(&restarted), &[]);
    let left = Left { approvals: 1, restores: 2, ..NOTHING };
    holds("restored twice, late renewals", right(&bounds(left)), &[]);
    holds("two sidecars", right(&two(false)), &NEVER_STALE);
    holds("two sidecars, slow and fast clocks", right(&extremes(two(false))), &NEVER_STALE);
    holds("two sidecars of one name", right(&two(true)), &NEVER_STALE);
}

#[track_caller]
fn found(name: &str, design: Design, bounds: &Bounds, broken: &'static str) {
    assert_ne!(design, RIGHT);
    breaks(name, model(design, bounds), broken);
}

#[test]
fn a_lease_reckoned_wrongly_is_found() {
    let plain = bounds(NOTHING);
    found("anchored at receipt", Design { anchor: Anchor::Received, ..RIGHT }, &plain, LATEST);
    found("on CLOCK_MONOTONIC", Design { clock: LeaseClock::Monotonic, ..RIGHT }, &plain, LATEST);
    found("without (1 − ρ)", Design { lease_is_shortened: false, ..RIGHT }, &plain, LATEST);
    found("answered as judged", Design { answering: Answering::AsJudged, ..RIGHT }, &plain, LATEST);
}

#[test]
fn an_answer_that_is_no_news_is_found() {
    let plain = bounds(NOTHING);
    found("read before receipt", Design { reading: Reading::Before, ..RIGHT }, &plain, EFFECTIVE);
    found("without a nonce", Design { nonce: Nonce::Missing, ..RIGHT }, &plain, LATEST);
    found("nonces from 1 in each run", Design { nonce: Nonce::CountedFromStart, ..RIGHT }, &restarts(), LATEST);
}

#[test]
fn a_sidecar_that_is_not_counted_is_found() {
    let ignored = Design { joining: Joining::Ignored, ..RIGHT };
    found("who has only just joined is ignored", ignored, &bounds(NOTHING), EFFECTIVE);
    let by_name = Design { members: Members::ByName, ..RIGHT };
    found("a new run stands for the old one", by_name, &two(true), EFFECTIVE);
    let forgetful = Design { start: Start::BelievesNobodyIsThere, ..RIGHT };
    found("an authority that has just started counts nobody", forgetful, &restarts(), EFFECTIVE);
    let acknowledged = Design { recovery: Recovery::ByAcknowledgement, ..RIGHT };
    found("`recover` is answered when acknowledged", acknowledged, &restored_twice(), PAST);
}

/// Epochs that are never used again would do instead of the wait after a `recover`.
#[test]
fn epochs_of_their_own_need_no_wait() {
    let design = Design { recovery: Recovery::ByAcknowledgement, epochs: Epochs::NeverAgain, ..RIGHT };
    holds("epochs of their own", model(design, &restored_twice()), &[]);
}

/// Not unsafe alone. A lower revision or an older epoch is only ever offered by a restored record; who takes it
/// takes what the restore made true again, under a lease that the `recover` after it waits out. They keep one
/// from going back where something else is wrong, such as a read that lags.
#[test]
fn refusing_what_is_older_is_a_second_line_of_defence() {
    let lower = Design { lower_revision_is_refused: false, ..RIGHT };
    holds("lower revisions are taken", model(lower, &restored_twice()), &[]);
    let older = Design { older_epoch_is_refused: false, ..RIGHT };
    holds("older epochs are taken", model(older, &restored_twice()), &[]);
}
