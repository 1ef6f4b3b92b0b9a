//! Two authorities: the right rules hold, and each that is left out is shown to break the promise.

use crate::checking::{breaks, holds};
use crate::rows::design::*;
use crate::rows::{A, Authorities, B};

const PROMISE: &str = "no allow after `effective`";

/// The worst clocks: who revokes waits the shortest, the other answers and the sidecar believes the longest.
fn model(design: Rows) -> Authorities {
    Authorities { design, rates: [vec![11], vec![9], vec![9]], renews_with: vec![A, B], restarts: 0, losses: 0 }
}

#[test]
fn rows_hold() {
    holds("rows", Authorities { renews_with: vec![B], ..model(RIGHT) }, &[]);
}

#[test]
fn rows_that_are_taken_away_need_no_freshness() {
    holds("rows taken away", Authorities { losses: 1, renews_with: vec![B], ..model(REMOVING) }, &[]);
}

#[test]
#[ignore = "minutes: cargo test --release --test model -- --ignored --nocapture"]
fn rows_hold_within_larger_bounds() {
    holds("rows, a sidecar that goes from one to the other", model(RIGHT), &[]);
    let any = || vec![9, 11];
    holds("rows, any clocks", Authorities { rates: [any(), any(), any()], ..model(RIGHT) }, &[]);
    holds("rows, B restarts and its row is lost", Authorities { restarts: 1, losses: 1, ..model(RIGHT) }, &[]);
    let removing = Authorities { restarts: 1, losses: 2, ..model(REMOVING) };
    holds("rows taken away, and B restarts", removing, &[]);
}

#[test]
fn a_row_rule_left_out_is_found() {
    let wrong = [
        ("rows are not looked at", Rows { are_looked_at: false, ..RIGHT }),
        ("a row without a counter", Rows { are_counted: false, ..RIGHT }),
        ("a row need not outlast G", Rows { dead: Dead::OutlastedWithoutG, ..RIGHT }),
        ("answers without a row", Rows { may_answer: MayAnswer::Always, ..RIGHT }),
        ("answers however old the row is", Rows { may_answer: MayAnswer::OnceWritten, ..RIGHT }),
        ("G from when the write was confirmed", Rows { may_answer: MayAnswer::WhileFreshSinceConfirmed, ..RIGHT }),
        ("a row says that nothing lags at all", Rows { says: Says::Everything, ..RIGHT }),
        ("a row reads the revision last", Rows { says: Says::RevisionReadAfter, ..RIGHT }),
        ("a sidecar is noted after the record is read", Rows { hears_first: false, ..RIGHT }),
    ];
    for (name, design) in wrong {
        breaks(name, Authorities { renews_with: vec![B], ..model(design) }, PROMISE);
    }
    let started = Rows { start_waits: false, ..RIGHT };
    breaks(
        "one that has just started says what it does not know",
        Authorities { restarts: 1, ..model(started) },
        PROMISE,
    );
    let blind = Rows { own_is_looked_at: false, ..REMOVING };
    breaks("its row is taken away and it answers on", Authorities { losses: 1, ..model(blind) }, PROMISE);
    let lost = |design| Authorities { losses: 1, ..model(design) };
    breaks("a row that is gone counts for nothing at once", lost(Rows { loss_is_waited_out: false, ..RIGHT }), PROMISE);
    breaks(
        "its authority does not notice that its row is gone",
        lost(Rows { own_is_looked_at: false, ..RIGHT }),
        PROMISE,
    );
}
