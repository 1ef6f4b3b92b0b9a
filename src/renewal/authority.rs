//! The authority's side of renewal: answers sidecars, knows what each has acknowledged, and says when a change can
//! no longer be contradicted by any of them, whichever authority answers them.

use super::everything::Everything;
use super::longest::Longest;
use super::members::{FleetMember, Members};
use super::peers::{PeerRow, Peers};
use super::protocol::{Body, End, Renew, RenewAnswer, RenewError, RenewRequest};
use super::reader::{Look, Reader};
use super::registry::Registry;
use crate::clock::{AuthorityTime, Boot, Clock};
use crate::domain::Timestamp;
use crate::state::{BundleDemand, FirstUse, FirstUses, LeaseSettings, StateItem};
use crate::store::{Revision, Store};
use async_trait::async_trait;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::{Notify, watch};
use tracing::warn;

/// A delta longer than this is sent as a snapshot.
const CHANGES_MAX: usize = 10_000;
/// How often other authorities' rows are looked at while something waits for their sidecars.
pub(super) const PEERS_EVERY: Duration = Duration::from_millis(20);
/// How often an authority says that it is there, while nothing else makes it say so.
pub(super) const BEAT: Duration = Duration::from_millis(1000);
/// How often the sidecars heard here are written down for other authorities' operators: with 20,000 of them that is
/// some megabytes each time.
const SHOWN_EVERY: Duration = Duration::from_secs(5);

/// The authority's side.
pub struct Fleet {
    pub(super) reader: Arc<Reader>,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    time: Arc<AuthorityTime>,
    pub(super) settings: LeaseSettings,
    members: Mutex<Members>,
    /// The other authorities; `None` where one alone may use the record.
    pub(super) peers: Option<Peers>,
    pub(super) registry: Registry,
    longest: Longest,
    /// This authority among others.
    pub(super) own: Own,
    /// Where it listens, where that is not as it was configured.
    listens_at: OnceLock<String>,
    /// A hint that the record has moved: wakes renewals that are held back. Never read as a fact.
    committed: watch::Sender<u64>,
    /// A hint that somebody has acknowledged something.
    pub(super) acknowledged: watch::Sender<u64>,
    /// First uses that sidecars have told of and that are not on record yet.
    first_uses: FirstUses,
    used: Notify,
}

/// How an authority is known to others.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// This run of it; unique.
    pub id: String,
    /// Where it listens, for people.
    pub address: String,
}

impl Fleet {
    /// A fleet without members.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        time: Arc<AuthorityTime>,
        settings: LeaseSettings,
        own: Own,
    ) -> Self {
        let reader = Arc::new(Reader::new(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&time)));
        let peers = |own: &Own| Peers::new(Arc::clone(&store), Arc::clone(&clock), settings, own.id.clone());
        Self {
            reader,
            peers: store.is_shared().then(|| peers(&own)),
            registry: Registry::new(Arc::clone(&store)),
            longest: Longest::new(Arc::clone(&store), settings.certainly_over()),
            members: Mutex::new(Members::new(settings.certainly_over())),
            store,
            clock,
            time,
            settings,
            own,
            listens_at: OnceLock::new(),
            committed: watch::Sender::new(0),
            acknowledged: watch::Sender::new(0),
            first_uses: FirstUses::default(),
            used: Notify::new(),
        }
    }

    /// Reads what must be known before the first renewal: the record, the registered sidecars, and whether any of
    /// them may hold a lease of before.
    ///
    /// # Errors
    /// [`RenewError::Store`].
    pub async fn prepare(&self) -> Result<(), RenewError> {
        self.registry.refresh(self.clock.boot()).await?;
        let Look { revision, .. } = self.reader.look().await?;
        let longest = self.longest.begin().await?;
        if revision.number > 0 {
            // Whoever kept this record before, this host's last run or the one that a backup is from, may have given
            // leases that nobody here knows of.
            self.members().others_before(self.clock.boot(), longest);
        }
        if let Some(peers) = &self.peers {
            self.write_row(peers).await?;
        }
        Ok(())
    }

    /// Keeps this authority listed among the others, wakes renewals when another one has moved the record, and
    /// keeps the list of sidecars current; until the task is dropped.
    pub async fn keep(&self) {
        tokio::join!(
            self.keep_listed(),
            self.keep_woken(),
            self.keep_registry(),
            self.keep_shown(),
            self.keep_longest()
        );
    }

    /// Notes it once nothing of before is waited for any more.
    async fn keep_longest(&self) {
        loop {
            let left = self.members().unknown_for(self.clock.boot());
            if left.is_zero() {
                match self.longest.settle().await {
                    Ok(()) => return,
                    Err(error) => warn!(%error, "it cannot be noted that the leases of before are over; tried again"),
                }
            }
            tokio::time::sleep(left.max(BEAT)).await;
        }
    }

    async fn keep_woken(&self) {
        loop {
            self.store.moved().await;
            self.wake();
        }
    }

    async fn keep_registry(&self) {
        loop {
            tokio::time::sleep(BEAT).await;
            if let Err(error) = self.registry.refresh(self.clock.boot()).await {
                warn!(%error, "who was taken off the list of sidecars cannot be read; no leases are given after a while");
            }
        }
    }

    async fn keep_shown(&self) {
        loop {
            tokio::time::sleep(SHOWN_EVERY).await;
            if let Err(error) = self.publish().await {
                warn!(%error, "the sidecars heard here cannot be shown to the other authorities");
            }
        }
    }

    async fn keep_listed(&self) {
        let Some(peers) = &self.peers else { return };
        let mut failing = false;
        loop {
            let (mut acknowledged, mut committed) = (self.acknowledged.subscribe(), self.committed.subscribe());
            match self.write_row(peers).await {
                Ok(()) => failing = false,
                Err(error) if failing => tracing::debug!(%error, "still not listed"),
                Err(error) => {
                    warn!(%error, "this authority cannot say that it is there; it gives no leases after a while");
                    failing = true;
                }
            }
            tokio::time::sleep(PEERS_EVERY).await;
            // Only what others may be waiting for is worth a write before its time.
            let behind = peers.last().is_some_and(|row| row.more || !row.laggards.is_empty());
            let news = async {
                if behind {
                    let _told = acknowledged.changed().await;
                } else {
                    let _told = committed.changed().await;
                }
            };
            let _beat = tokio::time::timeout(BEAT, news).await;
        }
    }

    /// Says up to where this authority's sidecars have come.
    async fn write_row(&self, peers: &Peers) -> Result<(), RenewError> {
        let Look { revision, .. } = self.reader.look().await?;
        let mut row = PeerRow {
            address: self.address().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: revision.epoch,
            observed: revision.number,
            ..PeerRow::default()
        };
        // After the look: whoever is heard from now on is answered from no older record.
        row.telling(self.members().lagging(revision.epoch, revision.number, self.clock.boot()));
        Ok(peers.write(row).await?)
    }

    /// Waits until a sidecar tells of first uses, and gives them. One task may wait.
    pub async fn first_uses(&self) -> Vec<FirstUse> {
        loop {
            let told = self.first_uses.take(usize::MAX);
            if !told.is_empty() {
                return told;
            }
            self.used.notified().await;
        }
    }

    /// The bundle of policies that the record demands now, if it demands one.
    ///
    /// # Errors
    /// [`RenewError`] when the record cannot be read.
    pub async fn demanded(&self) -> Result<Option<BundleDemand>, RenewError> {
        self.reader.look().await?;
        let Some(payload) = self.reader.mirror().payload(StateItem::BUNDLE_KEY) else { return Ok(None) };
        match StateItem::decode(StateItem::BUNDLE_KEY, &payload) {
            Ok((StateItem::Bundle(demand), _)) => Ok(Some(demand)),
            Ok(_) => Ok(None),
            Err(error) => Err(RenewError::Garbled(error.to_string())),
        }
    }

    /// The sidecars heard here lately.
    pub fn heard(&self) -> Vec<FleetMember> {
        self.members().shown(self.clock.boot())
    }

    /// Whether a sidecar heard here might still answer from before `revision`.
    pub fn any_lags(&self, revision: Revision, boot: Boot) -> bool {
        self.members().any_lags(revision.epoch, revision.number, boot)
    }

    /// Wakes the renewals that are held back.
    pub(super) fn wake(&self) {
        self.committed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Whether this sidecar may have a lease at all.
    fn admit(&self, request: &RenewRequest) -> Result<(), RenewError> {
        let ours = self.settings.reckoned();
        if request.lease != ours {
            return Err(RenewError::Refused(format!(
                "the sidecar reckons with a lease of {} ms and clocks apart by {} ppm, this authority with {} and {}: set the same `[lease]` on both",
                request.lease.0, request.lease.1, ours.0, ours.1
            )));
        }
        self.may_lease()
    }

    /// Whether this authority may give leases now.
    ///
    /// # Errors
    /// [`RenewError::Unlisted`].
    pub fn may_lease(&self) -> Result<(), RenewError> {
        match &self.peers {
            Some(peers) if !peers.listed() => {
                Err(RenewError::Unlisted("it could not write to the record lately".to_owned()))
            }
            Some(_) if !self.registry.is_current(self.clock.boot()) => {
                Err(RenewError::Unlisted("it could not read lately which sidecars were taken off the list".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn hear(&self, request: &RenewRequest) {
        self.members().hear(request, self.clock.boot());
        if !request.first_uses.is_empty() {
            self.used(request.first_uses.clone());
        }
    }

    /// Keeps first uses that are not on record yet, for [`Self::first_uses`].
    pub fn used(&self, uses: Vec<FirstUse>) {
        self.first_uses.wait(uses);
        self.used.notify_one();
    }

    fn acknowledge(&self, request: &RenewRequest) {
        self.members().acknowledge(request);
        self.acknowledged.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// What a sidecar lacks of the mirror as it stands.
    fn lacking(&self, request: &RenewRequest, answered_at: Timestamp) -> Result<(u64, Body), RenewError> {
        let mut mirror = self.reader.mirror();
        let revision =
            mirror.revision().ok_or_else(|| RenewError::Unlisted("the record is not read yet".to_owned()))?;
        let offered = (revision.epoch, revision.number);
        if let Some(held) = request.holds.filter(|held| *held > offered) {
            return Err(RenewError::Behind { held, offered });
        }
        let changes = match request.holds {
            Some((epoch, number)) if epoch == revision.epoch => mirror.since(number, &request.view, CHANGES_MAX),
            _ => None,
        };
        let body = match changes {
            Some(items) => {
                let state_hash = mirror.sum(&request.view);
                Body::Changes(items, End { revision: revision.number, state_hash, answered_at })
            }
            None => {
                let (reader, time) = (Arc::clone(&self.reader), Arc::clone(&self.time));
                Body::Snapshot(Box::new(Everything::of(&mirror, reader, time, request.view.clone(), revision)))
            }
        };
        Ok((revision.epoch, body))
    }

    /// Says where it listens, once that is known: a free port is told by the system.
    pub fn listens_at(&self, address: String) {
        let _the_first_counts = self.listens_at.set(address);
    }

    pub(super) fn address(&self) -> &str {
        self.listens_at.get().unwrap_or(&self.own.address)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.time.now()
    }

    pub(super) fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Renew for Fleet {
    async fn renew(&self, request: RenewRequest) -> Result<RenewAnswer, RenewError> {
        let arrived_at = self.time.now();
        self.admit(&request)?;
        self.registry.admit(&request.sidecar, arrived_at).await?;
        let mut committed = self.committed.subscribe();
        self.hear(&request);
        let look = self.reader.look().await?;
        // The database's clock was looked at after the renewal had come, so it shows no less than then.
        let received_at = look.told.unwrap_or(arrived_at);
        let answered_at = |look: &Look| look.told.unwrap_or_else(|| self.time.now());
        let (mut epoch, mut body) = self.lacking(&request, answered_at(&look))?;
        self.acknowledge(&request);
        if matches!(&body, Body::Changes(items, _) if items.is_empty()) {
            // The record was read after the renewal came, so "nothing new" is true of that moment and the lease
            // it gives is right even if the answer is held back.
            let held = tokio::time::timeout(self.settings.hold, committed.changed()).await;
            let look = if held.is_ok() { self.reader.look().await? } else { look };
            (epoch, body) = self.lacking(&request, answered_at(&look))?;
        }
        Ok(RenewAnswer { nonce: request.nonce, epoch, received_at, body })
    }
}
