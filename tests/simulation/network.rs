//! The network between sidecars and authorities: late, lossy, doubling, cut, held for a minute, and what comes may
//! be of before, cut short or out of order.

use super::chance::Chance;
use super::model::LEASE;
use super::world::World;
use async_trait::async_trait;
use core::future::pending;
use core::time::Duration;
use lockbox::domain::Timestamp;
use lockbox::renewal::{Body, End, Piece, Pieces, Renew, RenewAnswer, RenewError, RenewRequest, WireItem};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How bad it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    late_ms_max: u64,
    lost_per_mille: u64,
    doubled_per_mille: u64,
    mangled_per_mille: u64,
    held_per_mille: u64,
}

impl Weather {
    pub(crate) fn of(chance: &Chance) -> Self {
        Self {
            late_ms_max: chance.pick(&[2, 20, 80, 400]),
            lost_per_mille: chance.pick(&[0, 0, 20, 100]),
            doubled_per_mille: chance.pick(&[0, 50, 300]),
            mangled_per_mille: chance.pick(&[0, 0, 30, 150]),
            held_per_mille: chance.pick(&[0, 10]),
        }
    }

    pub(crate) fn calm() -> Self {
        Self { late_ms_max: 10, lost_per_mille: 0, doubled_per_mille: 0, mangled_per_mille: 0, held_per_mille: 0 }
    }
}

/// An answer as it was said.
#[derive(Clone)]
pub(crate) struct Taken {
    nonce: u64,
    epoch: u64,
    received_at: Timestamp,
    whole: bool,
    items: Vec<WireItem>,
    end: Option<End>,
}

impl Taken {
    pub(crate) async fn down(answer: RenewAnswer, pace: Duration) -> Result<Self, RenewError> {
        let RenewAnswer { nonce, epoch, received_at, body } = answer;
        let mut taken = Self { nonce, epoch, received_at, whole: false, items: Vec::new(), end: None };
        match body {
            Body::Changes(items, end) => (taken.items, taken.end) = (items, Some(end)),
            Body::Snapshot(mut pieces) => {
                taken.whole = true;
                while taken.end.is_none() {
                    match pieces.next().await? {
                        Piece::Items(items) => taken.items.extend(items),
                        Piece::End(end) => taken.end = Some(end),
                    }
                    tokio::time::sleep(pace).await;
                }
            }
        }
        Ok(taken)
    }

    fn mangle(&mut self, chance: &Chance) {
        match chance.below(4) {
            0 => drop(self.items.pop()),
            1 => self.items.extend(self.items.clone()),
            2 => self.items.reverse(),
            _ => self.end = None,
        }
    }

    fn said(self, heard: &Arc<AtomicBool>) -> Result<RenewAnswer, RenewError> {
        let Self { nonce, epoch, received_at, whole, items, end } = self;
        let body = match (whole, end) {
            (true, end) => {
                let pieces = [Some(Piece::Items(items)), end.map(Piece::End)].into_iter().flatten().collect();
                Body::Snapshot(Box::new(Said { pieces, heard: Arc::clone(heard) }))
            }
            (false, Some(end)) => Body::Changes(items, end),
            (false, None) => return Err(RenewError::Garbled("it broke off".to_owned())),
        };
        Ok(RenewAnswer { nonce, epoch, received_at, body })
    }
}

struct Said {
    pieces: VecDeque<Piece>,
    heard: Arc<AtomicBool>,
}

#[async_trait]
impl Pieces for Said {
    async fn next(&mut self) -> Result<Piece, RenewError> {
        let piece = self.pieces.pop_front().ok_or_else(|| RenewError::Garbled("it broke off".to_owned()))?;
        if matches!(piece, Piece::End(_)) {
            self.heard.store(true, Ordering::Relaxed);
        }
        Ok(piece)
    }
}

/// A run of a sidecar's way to the authorities.
pub(crate) struct Link {
    pub(crate) world: Arc<World>,
    pub(crate) sidecar: usize,
    /// Set when it has been told everything once.
    pub(crate) heard: Arc<AtomicBool>,
    pub(crate) first: AtomicUsize,
    pub(crate) chance: Chance,
    pub(crate) before: Mutex<Option<Taken>>,
}

impl Link {
    async fn one(&self, place: usize, request: &RenewRequest) -> Result<RenewAnswer, RenewError> {
        let (world, weather) = (&self.world, self.world.weather());
        let late = || self.chance.ms(0, weather.late_ms_max);
        tokio::time::sleep(late()).await;
        let lost = || world.is_cut(self.sidecar, place) || self.chance.hit(weather.lost_per_mille);
        if lost() {
            return pending().await;
        }
        let gone = || RenewError::Unreachable("connection refused".to_owned());
        let authority = world.machines[place].running().ok_or_else(gone)?;
        if self.chance.hit(weather.doubled_per_mille) {
            self.plays_again(place, request.clone());
        }
        let mut taken = authority.serve(request.clone(), late() / 4).await?;
        let held = self.chance.hit(weather.held_per_mille) || world.is_held(self.sidecar);
        tokio::time::sleep(if held { Duration::from_secs(60) } else { late() }).await;
        if lost() {
            return pending().await;
        }
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        if self.chance.hit(weather.mangled_per_mille) {
            if let Some(before) = before.clone().filter(|_| self.chance.hit(300)) {
                return before.said(&Arc::default());
            }
            taken.mangle(&self.chance);
        } else {
            *before = Some(taken.clone());
        }
        drop(before);
        taken.said(&self.heard)
    }

    /// A copy of the request comes once more, later, whoever is there then.
    fn plays_again(&self, place: usize, request: RenewRequest) {
        let (world, after) = (Arc::clone(&self.world), self.chance.ms(0, 3 * 3000));
        self.world.tasks.spawn(async move {
            tokio::time::sleep(after).await;
            if let Some(authority) = world.machines[place].running() {
                let _nobody_listens = authority.serve(request, Duration::ZERO).await;
            }
        });
    }

    /// One is asked, and sometimes another one as well.
    async fn asked(&self, request: &RenewRequest) -> Result<RenewAnswer, RenewError> {
        let (first, count) = (self.first.load(Ordering::Relaxed), self.world.machines.len());
        let next = (first + 1) % count;
        let answered = if count > 1 && self.chance.hit(300) {
            let hedged = async {
                tokio::time::sleep(self.chance.ms(0, 700)).await;
                self.one(next, request).await
            };
            tokio::pin!(hedged);
            let direct = self.one(first, request);
            tokio::pin!(direct);
            tokio::select! {
                biased;
                answer = &mut direct => if answer.is_ok() { answer } else { hedged.await },
                answer = &mut hedged => if answer.is_ok() { answer } else { direct.await },
            }
        } else {
            self.one(first, request).await
        };
        if answered.is_err() {
            self.first.store(next, Ordering::Relaxed);
        }
        answered
    }
}

#[async_trait]
impl Renew for Link {
    async fn renew(&self, request: RenewRequest) -> Result<RenewAnswer, RenewError> {
        let patience = if self.chance.hit(900) { LEASE / 2 } else { LEASE * 30 };
        let mut reset = self.world.reset.subscribe();
        let ended = tokio::select! {
            biased;
            _ = reset.changed() => Err(RenewError::Unreachable("connection reset".to_owned())),
            ended = tokio::time::timeout(patience, self.asked(&request)) =>
                ended.unwrap_or_else(|_| Err(RenewError::Unreachable("no answer in time".to_owned()))),
        };
        if ended.is_err() {
            let next = (self.first.load(Ordering::Relaxed) + 1) % self.world.machines.len();
            self.first.store(next, Ordering::Relaxed);
        }
        ended
    }
}
