//! The rows as a state machine. Revision 0 has the live Grant, revision 1 is its revocation.

use super::design::{Dead, MayAnswer, Rows, Says};
use crate::ticks::{Rate, certainly_over, leased_out};
use stateright::{Model, Property};

/// L, in ticks.
const LEASE: u8 = 2;
/// G, in units of a clock: 2(1 − ρ) ticks, so that the slowest clock gets through it in two ticks.
const FRESH_UNITS: u32 = 18;
/// G(1 + ρ)/(1 − ρ), in units of a clock.
const OUTLASTED_UNITS: u32 = 22;

/// The authority that revokes.
pub(crate) const A: usize = 0;
/// The other.
pub(crate) const B: usize = 1;

/// The two authorities by one design.
#[derive(Debug, Clone)]
pub(crate) struct Authorities {
    pub(crate) design: Rows,
    /// The rates that A's, B's and the sidecar's clock may have.
    pub(crate) rates: [Vec<Rate>; 3],
    /// With whom the sidecar renews.
    pub(crate) renews_with: Vec<usize>,
    pub(crate) restarts: u8,
    /// How often B's row may get lost or be taken away, as when a backup from before it is restored.
    pub(crate) losses: u8,
}

/// How far B is with writing its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Writing {
    Not,
    /// It knows the first of the two things it has to know.
    Began {
        first: u8,
    },
    /// It is on its way, and was sent so many ticks ago.
    Sent {
        says: u8,
        ago: u8,
    },
    /// It is there; B does not know yet.
    Committed {
        ago: u8,
    },
}

/// B's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) says: u8,
    /// For how many ticks A has seen it as it is; `None`: it was written since A last looked.
    pub(crate) seen: Option<u8>,
}

/// One authority.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) rate: Rate,
    /// How many ticks ago it heard of the sidecar, if that has not acknowledged revision 1.
    pub(crate) lagging: Option<u8>,
    /// A renewal that is received and not answered; where the record is read before the sidecar is noted, whether
    /// it lags and what was read.
    pub(crate) received: Option<(bool, u8)>,
    /// Ticks since its start; `None` when L(1 + ρ) has passed.
    pub(crate) up: Option<u8>,
}

/// One moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Moment {
    pub(crate) sidecar_rate: Rate,
    pub(crate) nodes: [Node; 2],
    pub(crate) revision: u8,
    /// Ticks since the revocation; `None` when L(1 + ρ) has passed on A's clock, or there is none.
    pub(crate) since: Option<u8>,
    pub(crate) is_effective: bool,
    pub(crate) row: Option<Row>,
    /// Ticks since the row was lost; `None` when L(1 + ρ) has passed on A's clock, or it never was.
    pub(crate) lost: Option<u8>,
    pub(crate) writing: Writing,
    /// How long ago, as B reckons it, its row was written; `None`: not lately.
    pub(crate) fresh: Option<u8>,
    pub(crate) holds: Option<u8>,
    /// How long ago the lease began; not kept where there is nothing to allow.
    pub(crate) lease: Option<u8>,
    /// To whom the renewal went that is not answered yet, and how long ago; `None` in it: longer than a lease.
    pub(crate) outstanding: Option<(usize, Option<u8>)>,
    /// The revisions of the answers to it.
    pub(crate) answers: Vec<u8>,
    pub(crate) restarts: u8,
    pub(crate) losses: u8,
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Tick,
    Renew(usize),
    Receive,
    Answer(usize),
    Take(u8),
    Revoke,
    AnswerEffective,
    Look,
    BeginRow,
    SendRow,
    CommitRow,
    ConfirmRow,
    RestartB,
    LoseRow,
}

impl Authorities {
    fn is_broken(&self, now: &Moment) -> bool {
        now.is_effective && now.allows()
    }

    /// Whether the row no longer counts, for A has seen it as it is for long enough.
    fn outlasted(&self, rate: Rate, seen: u8) -> bool {
        let units = match self.design.dead {
            Dead::Outlasted => u32::from(LEASE) * 11 + OUTLASTED_UNITS,
            Dead::OutlastedWithoutG => u32::from(LEASE) * 11,
            Dead::Removed => return false,
        };
        u32::from(seen) * u32::from(rate) >= units
    }

    pub(crate) fn effective(&self, now: &Moment) -> bool {
        if now.revision == 0 || now.is_effective {
            return false;
        }
        let row_is_no_hindrance = now
            .row
            .is_none_or(|row| row.says >= 1 || row.seen.is_some_and(|seen| self.outlasted(now.nodes[A].rate, seen)));
        let loss_is_no_hindrance = now.lost.is_none() || !self.design.loss_is_waited_out;
        let others = !self.design.are_looked_at || (row_is_no_hindrance && loss_is_no_hindrance);
        now.since.is_none() || (now.nodes[A].lagging.is_none() && others)
    }

    fn may_answer(&self, now: &Moment, node: usize) -> bool {
        node == A || self.design.may_answer == MayAnswer::Always || now.fresh.is_some()
    }

    fn stays_fresh(&self, age: u8, rate: Rate) -> bool {
        self.design.may_answer == MayAnswer::OnceWritten || u32::from(age) * u32::from(rate) < FRESH_UNITS
    }

    fn receive(&self, now: &mut Moment) {
        let Some((to, _)) = now.outstanding else { return };
        let lags = now.holds != Some(1);
        if self.design.hears_first {
            now.nodes[to].received = Some((false, 0));
            now.nodes[to].lagging = lags.then_some(0);
        } else {
            now.nodes[to].received = Some((lags, now.revision));
        }
    }

    fn answer(&self, now: &mut Moment, node: usize) {
        let revision = now.revision;
        let Some((lags, read_at_receipt)) = now.nodes[node].received.take() else { return };
        if !self.design.hears_first {
            now.nodes[node].lagging = lags.then_some(0);
        }
        if node == B && self.design.own_is_looked_at && now.row.is_none() {
            now.fresh = None;
            return;
        }
        now.answers.push(if self.design.hears_first { revision } else { read_at_receipt });
        now.answers.sort_unstable();
        now.answers.dedup();
    }

    /// What B may say, from what it read and from the sidecars it knows of.
    fn says(&self, now: &Moment, read: u8) -> u8 {
        let knows_all = now.nodes[B].up.is_none() || !self.design.start_waits;
        if knows_all && now.nodes[B].lagging.is_none() { read } else { 0 }
    }

    fn send_row(&self, now: &mut Moment) {
        let Writing::Began { first } = now.writing else { return };
        let says = match self.design.says {
            Says::RevisionReadBefore => self.says(now, first),
            Says::RevisionReadAfter => first.min(now.revision),
            Says::Everything => u8::from(now.nodes[B].lagging.is_none()),
        };
        now.writing = Writing::Sent { says, ago: 0 };
    }

    fn commit_row(&self, now: &mut Moment) {
        let Writing::Sent { says, ago } = now.writing else { return };
        let before = now.row;
        let unseen = self.design.are_counted || before.is_none_or(|row| row.says != says);
        now.row = Some(Row { says, seen: before.and_then(|row| row.seen).filter(|_| !unseen) });
        now.writing = Writing::Committed { ago };
    }

    fn tick(&self, now: &mut Moment) {
        let node_rates = [now.nodes[A].rate, now.nodes[B].rate];
        for node in &mut now.nodes {
            let older = |ago: u8| Some(ago + 1).filter(|ago| !certainly_over(*ago, node.rate, LEASE));
            node.lagging = node.lagging.and_then(older);
            node.up = node.up.and_then(older);
        }
        now.since = now.since.map(|ago| ago + 1).filter(|ago| !certainly_over(*ago, node_rates[A], LEASE));
        now.lost = now.lost.map(|ago| ago + 1).filter(|ago| !certainly_over(*ago, node_rates[A], LEASE));
        now.fresh = now.fresh.map(|ago| ago + 1).filter(|ago| self.stays_fresh(*ago, node_rates[B]));
        if self.design.may_answer == MayAnswer::OnceWritten {
            now.fresh = now.fresh.map(|_| 0);
        }
        if let Some(row) = &mut now.row {
            // Longer than long enough makes no difference, nor does older than too old.
            row.seen = row.seen.map(|seen| seen + u8::from(!self.outlasted(node_rates[A], seen)));
        }
        if let Writing::Sent { ago, .. } | Writing::Committed { ago } = &mut now.writing {
            *ago += u8::from(u32::from(*ago) * u32::from(node_rates[B]) < FRESH_UNITS);
        }
        let rate = now.sidecar_rate;
        let older = |ago: Option<u8>| ago.map(|ago| ago + 1).filter(|ago| !leased_out(*ago, rate, LEASE, true));
        now.lease = older(now.lease);
        now.outstanding = now.outstanding.map(|(to, ago)| (to, older(ago)));
    }

    fn confirm_row(&self, now: &mut Moment) {
        let Writing::Committed { ago } = now.writing else { return };
        now.writing = Writing::Not;
        let age = if self.design.may_answer == MayAnswer::WhileFreshSinceConfirmed { 0 } else { ago };
        now.fresh = Some(age).filter(|age| self.stays_fresh(*age, now.nodes[B].rate));
    }
}

impl Node {
    fn started(rate: Rate, up: Option<u8>) -> Self {
        Self { rate, lagging: None, received: None, up }
    }
}

impl Moment {
    pub(crate) fn allows(&self) -> bool {
        self.lease.is_some() && self.holds == Some(0)
    }

    fn forget_outstanding(&mut self) {
        self.outstanding = None;
        self.answers.clear();
        for node in &mut self.nodes {
            node.received = None;
        }
    }
}

/// What may happen to B's row.
fn row_steps(design: Rows, now: &Moment, steps: &mut Vec<Step>) {
    // Where a row is taken away it does not matter for how long it was seen.
    if design.dead != Dead::Removed && now.row.is_some_and(|row| row.seen.is_none()) {
        steps.push(Step::Look);
    }
    steps.push(match now.writing {
        Writing::Not => Step::BeginRow,
        Writing::Began { .. } => Step::SendRow,
        Writing::Sent { .. } => Step::CommitRow,
        Writing::Committed { .. } => Step::ConfirmRow,
    });
}

impl Model for Authorities {
    type State = Moment;
    type Action = Step;

    fn init_states(&self) -> Vec<Moment> {
        let [of_a, of_b, of_sidecar] = &self.rates;
        let pairs = of_a.iter().flat_map(|a| of_b.iter().map(|b| (*a, *b)));
        let moment = |(a, b, sidecar_rate): (Rate, Rate, Rate)| Moment {
            sidecar_rate,
            nodes: [Node::started(a, None), Node::started(b, None)],
            revision: 0,
            since: None,
            is_effective: false,
            row: None,
            lost: None,
            writing: Writing::Not,
            fresh: None,
            holds: None,
            lease: None,
            outstanding: None,
            answers: Vec::new(),
            restarts: self.restarts,
            losses: self.losses,
        };
        pairs.flat_map(|(a, b)| of_sidecar.iter().map(move |sidecar| (a, b, *sidecar))).map(moment).collect()
    }

    fn actions(&self, now: &Moment, steps: &mut Vec<Step>) {
        if self.is_broken(now) {
            return;
        }
        steps.push(Step::Tick);
        steps.extend(self.renews_with.iter().copied().map(Step::Renew));
        if now.outstanding.is_some_and(|(to, _)| self.may_answer(now, to)) {
            steps.push(Step::Receive);
        }
        steps.extend((A..=B).filter(|node| now.nodes[*node].received.is_some()).map(Step::Answer));
        steps.extend(now.answers.iter().copied().map(Step::Take));
        if now.revision == 0 {
            steps.push(Step::Revoke);
        }
        if self.effective(now) {
            steps.push(Step::AnswerEffective);
        }
        // What is read after the revocation is news, so after `effective` rows change nothing any more.
        if !now.is_effective {
            row_steps(self.design, now, steps);
        }
        if now.restarts > 0 && !now.is_effective {
            steps.push(Step::RestartB);
        }
        if now.losses > 0 && now.row.is_some() && !now.is_effective {
            steps.push(Step::LoseRow);
        }
    }

    fn next_state(&self, now: &Moment, step: Step) -> Option<Moment> {
        let mut now = now.clone();
        match step {
            Step::Tick => self.tick(&mut now),
            Step::Renew(to) => {
                now.forget_outstanding();
                now.outstanding = Some((to, Some(0)));
            }
            Step::Receive => self.receive(&mut now),
            Step::Answer(node) => self.answer(&mut now, node),
            Step::Take(revision) => {
                let (_, sent) = now.outstanding?;
                now.forget_outstanding();
                if now.holds.is_none_or(|holds| holds <= revision) {
                    now.holds = Some(revision);
                    now.lease = sent.filter(|_| revision == 0);
                }
            }
            Step::Revoke => (now.revision, now.since) = (1, Some(0)),
            Step::AnswerEffective => now.is_effective = true,
            Step::Look => now.row = now.row.map(|row| Row { seen: Some(0), ..row }),
            Step::BeginRow => {
                let first = match self.design.says {
                    Says::RevisionReadAfter => self.says(&now, 1),
                    Says::RevisionReadBefore | Says::Everything => now.revision,
                };
                now.writing = Writing::Began { first };
            }
            Step::SendRow => self.send_row(&mut now),
            Step::CommitRow => self.commit_row(&mut now),
            Step::ConfirmRow => self.confirm_row(&mut now),
            Step::RestartB => {
                now.restarts -= 1;
                now.nodes[B] = Node::started(now.nodes[B].rate, Some(0));
                (now.writing, now.fresh) = (Writing::Not, None);
            }
            Step::LoseRow => {
                now.losses -= 1;
                (now.row, now.lost) = (None, Some(0));
            }
        }
        Some(now)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no allow after `effective`", |it, now| !it.is_broken(now)),
            Property::sometimes("an allow is given", |_, now: &Moment| now.allows()),
            Property::sometimes("a change is effective by rows", |it, now: &Moment| {
                it.effective(now) && now.since.is_some() && now.row.is_some_and(|row| row.says == 1)
            }),
            Property::sometimes("a change is effective by the wait", |it, now: &Moment| {
                it.effective(now) && now.since.is_none() && now.row.is_some_and(|row| row.says == 0)
            }),
            Property::sometimes("a dead authority holds nobody up", |it, now: &Moment| {
                if it.design.dead == Dead::Removed {
                    return it.effective(now) && now.since == Some(0) && now.row.is_none() && now.losses == 0;
                }
                let outlasted = |row: Row| row.seen.is_some_and(|seen| it.outlasted(now.nodes[A].rate, seen));
                it.effective(now) && now.since == Some(0) && now.row.is_some_and(|row| row.says == 0 && outlasted(row))
            }),
        ]
    }
}
