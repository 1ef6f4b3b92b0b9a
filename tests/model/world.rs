//! Everything together, as a state machine: the record and its backup, one authority, sidecars, and a network
//! that delays, loses, doubles, reorders and replays.
//!
//! A renewal or an answer, once sent, is there for good and may come at any time, any number of times or never.
//! Only what can have no effect is forgotten: an answer that no sidecar can take any more, a member that no longer
//! counts. Ages are kept instead of times, so neither time nor the number of renewals has a bound; only what is
//! done to the record and how often something restarts has (`Bounds`).
//!
//! Suspend needs no step: CLOCK_BOOTTIME goes on, so who is suspended is who does nothing for a while.

use crate::authority::{Authority, Because, Waiting, lacking};
use crate::design::{Answering, Design, Epochs, LeaseClock, Nonce, Reading};
use crate::record::{Ended, FIRST, Fate, Fates, Record};
use crate::sidecar::{Answer, Outstanding, Renewal, Sidecar, Verdict};
use crate::ticks::Rate;
use stateright::{Model, Property};

/// How far the model goes.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// L, in ticks of true time.
    pub(crate) lease: u8,
    /// The rates that the authority's clock may have.
    pub(crate) authority_rates: Vec<Rate>,
    /// The rates that the clock of each sidecar may have.
    pub(crate) sidecar_rates: Vec<Rate>,
    pub(crate) sidecars: u8,
    /// Whether all sidecars carry one name: a rolling restart in which the old run still answers.
    pub(crate) same_name: bool,
    /// Whether a renewal that its sidecar no longer waits for may still arrive.
    pub(crate) late_renewals: bool,
    /// How often each of these may happen.
    pub(crate) left: Left,
}

/// What may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Left {
    pub(crate) revocations: u8,
    pub(crate) approvals: u8,
    pub(crate) restores: u8,
    pub(crate) sidecar_restarts: u8,
    pub(crate) authority_restarts: u8,
}

/// The protocol by one design, within bounds.
#[derive(Debug, Clone)]
pub(crate) struct Protocol {
    pub(crate) design: Design,
    pub(crate) bounds: Bounds,
}

/// One moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) authority_rate: Rate,
    pub(crate) sidecar_rates: Vec<Rate>,
    pub(crate) record: Record,
    /// Whether the record was restored and `recover` has not been run.
    pub(crate) restored: bool,
    pub(crate) last_epoch: u8,
    pub(crate) fates: Fates,
    pub(crate) authority: Authority,
    pub(crate) sidecars: Vec<Sidecar>,
    pub(crate) renewals: Vec<Renewal>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) last_incarnation: u8,
    pub(crate) left: Left,
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Tick,
    /// A tick in which one sidecar is suspended, for the clock that stands still then.
    TickSuspended(usize),
    Renew(usize),
    Receive(Renewal),
    Answer(usize),
    Take(Answer),
    RestartSidecar(usize),
    RestartAuthority,
    Revoke,
    Approve,
    Restore,
    Recover,
    AnswerEffective(Because),
    ReadBefore,
    Judge(usize),
}

impl Protocol {
    fn is_broken(&self, world: &World) -> bool {
        !(no_later_than_the_lease(self, world) && none_after_effective(self, world) && none_from_the_past(self, world))
    }

    fn may_take(&self, world: &World, answer: &Answer) -> bool {
        let outstanding = world.sidecars[usize::from(answer.sidecar)].outstanding;
        outstanding.is_some_and(|it| self.design.nonce != Nonce::CountedFromStart || it.first == answer.first)
    }

    /// After a sidecar no longer waits for what it waited for: what is left of its renewal and the answers.
    fn forget_outstanding(&self, world: &mut World, sidecar: usize) {
        let nonce = self.design.nonce;
        world.answers.retain(|answer| {
            usize::from(answer.sidecar) != sidecar
                || nonce == Nonce::Missing
                || (nonce == Nonce::CountedFromStart && answer.first)
        });
        if !self.bounds.late_renewals {
            world.renewals.retain(|renewal| usize::from(renewal.sidecar) != sidecar);
        }
        for renewal in world.renewals.iter_mut().filter(|renewal| usize::from(renewal.sidecar) == sidecar) {
            renewal.waited_for = false;
        }
        in_order(&mut world.renewals);
        world.authority.received[sidecar] = false;
    }

    fn renew(&self, world: &mut World, sidecar: usize) {
        self.forget_outstanding(world, sidecar);
        let asker = &mut world.sidecars[sidecar];
        let first = self.design.nonce == Nonce::CountedFromStart && !asker.has_asked;
        asker.has_asked = self.design.nonce == Nonce::CountedFromStart;
        asker.outstanding = Some(Outstanding { sent: Some(0), first });
        let (incarnation, holds) = (asker.incarnation, asker.holds());
        world.renewals.push(Renewal { sidecar: number(sidecar), incarnation, holds, waited_for: true });
        in_order(&mut world.renewals);
    }

    fn answer(&self, world: &mut World, sidecar: usize) {
        let read = match self.design.reading {
            Reading::AfterReceipt => world.record,
            Reading::Before => world.authority.read_before.unwrap_or(world.record),
        };
        world.authority.received[sidecar] = false;
        let asker = &world.sidecars[sidecar];
        let Some(outstanding) = asker.outstanding else { return };
        let body = lacking(&read, asker.holds());
        let first = outstanding.first;
        world.answers.push(Answer { sidecar: number(sidecar), first, at: read.at, live: read.live, body });
        in_order(&mut world.answers);
    }

    fn tick(&self, world: &mut World, suspended: Option<usize>) {
        let lease = self.bounds.lease;
        world.authority.age(world.authority_rate, lease);
        for (number, sidecar) in world.sidecars.iter_mut().enumerate().filter(|(it, _)| Some(*it) != suspended) {
            sidecar.age(self.design, world.sidecar_rates[number], lease);
        }
        for fate in &mut world.fates {
            if let Fate::Revoked(ago) = fate {
                *ago = (*ago + 1).min(lease);
            }
        }
    }

    fn commit(&self, world: &mut World, ended: Ended) {
        ended.commit(&mut world.fates);
        world.authority.waiting = Some(Waiting { at: world.record.at, ended, since: Some(0) });
    }

    fn recover(&self, world: &mut World) {
        let next = if self.design.epochs == Epochs::PlusOne { world.record.at.epoch } else { world.last_epoch };
        world.record.at.epoch = next + 1;
        world.last_epoch = world.last_epoch.max(next + 1);
        world.record.commit(None);
        world.restored = false;
        self.commit(world, Ended::AllBefore(number(world.fates.len())));
    }

    fn restore(&self, world: &mut World) {
        world.left.restores -= 1;
        world.record = FIRST;
        world.restored = true;
        // Whoever waits for `effective` hears that the authority is gone.
        world.authority.waiting = None;
        // What the backup holds is live again: its revocation is undone.
        world.fates[0] = Fate::Live;
    }

    fn record_steps(&self, world: &World, steps: &mut Vec<Step>) {
        let Left { revocations, approvals, restores, authority_restarts, .. } = world.left;
        let in_use = !world.restored && world.authority.waiting.is_none();
        if revocations > 0 && in_use && world.record.live.is_some() {
            steps.push(Step::Revoke);
        }
        if approvals > 0 && !world.restored && world.record.live.is_none() {
            steps.push(Step::Approve);
        }
        if restores > 0 && world.record != FIRST {
            steps.push(Step::Restore);
        }
        if world.restored {
            steps.push(Step::Recover);
        }
        if authority_restarts > 0 {
            steps.push(Step::RestartAuthority);
        }
        if self.design.reading == Reading::Before && world.authority.read_before != Some(world.record) {
            steps.push(Step::ReadBefore);
        }
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let Bounds { authority_rates, sidecar_rates, .. } = &self.bounds;
        let mut rates: Vec<Vec<Rate>> = authority_rates.iter().map(|rate| vec![*rate]).collect();
        for _ in 0..self.bounds.sidecars {
            rates = rates.iter().flat_map(|some| sidecar_rates.iter().map(|rate| joined(some, *rate))).collect();
        }
        let sidecars: Vec<Sidecar> = (0..self.bounds.sidecars).map(Sidecar::started).collect();
        let world = |rates: Vec<Rate>| World {
            authority_rate: rates[0],
            sidecar_rates: rates[1..].to_vec(),
            record: FIRST,
            restored: false,
            last_epoch: FIRST.at.epoch,
            fates: vec![Fate::Live],
            authority: Authority::started(sidecars.len(), None),
            sidecars: sidecars.clone(),
            renewals: Vec::new(),
            answers: Vec::new(),
            last_incarnation: self.bounds.sidecars,
            left: self.bounds.left,
        };
        rates.into_iter().map(world).collect()
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        // What comes after a broken promise shows nothing more.
        if self.is_broken(world) {
            return;
        }
        steps.push(Step::Tick);
        self.record_steps(world, steps);
        steps.extend(world.authority.effective(self.design).map(Step::AnswerEffective));
        steps.extend(world.renewals.iter().cloned().map(Step::Receive));
        steps.extend(world.answers.iter().filter(|answer| self.may_take(world, answer)).cloned().map(Step::Take));
        for (number, sidecar) in world.sidecars.iter().enumerate() {
            steps.push(Step::Renew(number));
            if world.authority.received[number] {
                steps.push(Step::Answer(number));
            }
            if world.left.sidecar_restarts > 0 {
                steps.push(Step::RestartSidecar(number));
            }
            if self.design.clock == LeaseClock::Monotonic {
                steps.push(Step::TickSuspended(number));
            }
            if self.design.answering == Answering::AsJudged && sidecar.allows().is_some() {
                steps.push(Step::Judge(number));
            }
        }
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut world = world.clone();
        match step {
            Step::Tick => self.tick(&mut world, None),
            Step::TickSuspended(sidecar) => self.tick(&mut world, Some(sidecar)),
            Step::Renew(sidecar) => self.renew(&mut world, sidecar),
            Step::Receive(renewal) => world.authority.hear(&renewal, self.bounds.same_name, self.design),
            Step::Answer(sidecar) => self.answer(&mut world, sidecar),
            Step::Take(answer) => {
                let sidecar = usize::from(answer.sidecar);
                let rate = world.sidecar_rates[sidecar];
                world.sidecars[sidecar].take(&answer, self.design, rate, self.bounds.lease);
                self.forget_outstanding(&mut world, sidecar);
            }
            Step::RestartSidecar(sidecar) => {
                world.left.sidecar_restarts -= 1;
                self.forget_outstanding(&mut world, sidecar);
                world.sidecars[sidecar] = Sidecar::started(world.last_incarnation);
                world.last_incarnation += 1;
            }
            Step::RestartAuthority => {
                world.left.authority_restarts -= 1;
                let waiting = world.authority.waiting.take();
                world.authority = Authority::started(world.sidecars.len(), Some(0));
                // Who waited asks again, and the wait begins anew.
                world.authority.waiting = waiting.map(|waiting| Waiting { since: Some(0), ..waiting });
            }
            Step::Revoke => {
                world.left.revocations -= 1;
                let live = world.record.live?;
                world.record.commit(None);
                self.commit(&mut world, Ended::One(live));
            }
            Step::Approve => {
                world.left.approvals -= 1;
                world.record.commit(Some(number(world.fates.len())));
                world.fates.push(Fate::Live);
            }
            Step::Restore => self.restore(&mut world),
            Step::Recover => self.recover(&mut world),
            Step::AnswerEffective(_) => {
                let waiting = world.authority.waiting.take()?;
                waiting.ended.answer(&mut world.fates);
            }
            Step::ReadBefore => world.authority.read_before = Some(world.record),
            Step::Judge(sidecar) => world.sidecars[sidecar].judged = world.sidecars[sidecar].allows(),
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no allow L after a revocation", no_later_than_the_lease),
            Property::always("no allow after `effective`", none_after_effective),
            Property::always("no allow from before a `recover`", none_from_the_past),
            Property::sometimes("an allow is given", |_, world: &World| {
                world.sidecars.iter().any(|it| it.allows().is_some())
            }),
            Property::sometimes("a change is effective by acknowledgement", |it, world: &World| {
                let acknowledged = world.authority.members.iter().any(|member| member.holds.is_some());
                acknowledged && world.authority.effective(it.design) == Some(Because::Acknowledged)
            }),
            Property::sometimes("a change is effective by the wait", |it, world: &World| {
                !world.authority.members.is_empty() && world.authority.effective(it.design) == Some(Because::WaitedOut)
            }),
            Property::sometimes("a lease runs out without news", |_, world: &World| {
                world.sidecars.iter().any(|it| it.holds().is_some() && it.lease.is_none() && it.outstanding.is_some())
            }),
            Property::sometimes("a stale answer is refused", |it, world: &World| {
                world.answers.iter().filter(|answer| it.may_take(world, answer)).any(|answer| {
                    let verdict = world.sidecars[usize::from(answer.sidecar)].verdict(answer, it.design);
                    matches!(verdict, Verdict::LowerRevision | Verdict::OlderEpoch)
                })
            }),
        ]
    }
}

fn given_with(it: &Protocol, world: &World, bad: impl Fn(Fate) -> bool) -> bool {
    world.sidecars.iter().any(|sidecar| sidecar.given(it.design).any(|grant| bad(world.fates[usize::from(grant)])))
}

fn no_later_than_the_lease(it: &Protocol, world: &World) -> bool {
    let lease = it.bounds.lease;
    !given_with(it, world, |fate| matches!(fate, Fate::Revoked(ago) if ago >= lease))
}

fn none_after_effective(it: &Protocol, world: &World) -> bool {
    !given_with(it, world, |fate| fate == Fate::Over)
}

fn none_from_the_past(it: &Protocol, world: &World) -> bool {
    !given_with(it, world, |fate| fate == Fate::Past)
}

fn joined(some: &[Rate], another: Rate) -> Vec<Rate> {
    some.iter().copied().chain([another]).collect()
}

fn in_order<T: Ord>(items: &mut Vec<T>) {
    items.sort();
    items.dedup();
}

/// Counts here are tiny.
fn number(count: usize) -> u8 {
    u8::try_from(count).unwrap()
}
