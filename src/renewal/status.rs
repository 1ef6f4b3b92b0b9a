//! How the fleet stands, for operators: every authority over the record, and every sidecar, whoever answers it.

use super::authority::Fleet;
use super::members::FleetMember;
use super::protocol::RenewError;
use super::registry::{Removed, STALE_MAX};
use crate::domain::{PersonId, Timestamp, whole_ms};
use crate::store::{Note, NoteKind, StoreError};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tracing::warn;

/// The fleet.
#[derive(Debug, Clone)]
pub struct FleetStatus {
    /// The epoch and revision of the record.
    pub record: (u64, u64),
    /// How long after its last renewal a sidecar's lease is certainly over.
    pub lease_over: Duration,
    /// Every authority, by key.
    pub authorities: Vec<AuthorityStatus>,
    /// Every sidecar, by name and then run.
    pub sidecars: Vec<SidecarStatus>,
}

/// An authority.
#[derive(Debug, Clone)]
pub struct AuthorityStatus {
    /// Its run.
    pub id: String,
    /// Where it listens.
    pub address: String,
    /// Its version.
    pub version: String,
    /// The epoch and revision it has read.
    pub read: (u64, u64),
    /// For how long it has not been heard.
    pub silent_for: Duration,
    /// Whether it is the one that tells this.
    pub own: bool,
}

/// A sidecar, or one run of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SidecarStatus {
    /// Its name.
    pub sidecar: String,
    /// Its run; empty for one that is registered and was not heard lately.
    pub incarnation: String,
    /// The authority that heard it last.
    pub authority: String,
    /// The epoch and revision it holds.
    pub holds: Option<(u64, u64)>,
    /// The digest of its policies.
    pub policy_digest: String,
    /// The sequence number of its last recorded Decision.
    pub log_sequence: Option<u64>,
    /// The workloads it is for; empty for all.
    pub workloads: BTreeSet<String>,
    /// The tenants it is for; empty for all.
    pub tenants: BTreeSet<String>,
    /// For how long it has not been heard, in milliseconds; `None` if not lately.
    pub silent_ms: Option<u64>,
    /// When it was taken off the list, and by whom.
    #[serde(default)]
    pub removed: Option<Removed>,
}

impl Fleet {
    /// The fleet as all authorities have told of it.
    ///
    /// # Errors
    /// [`RenewError::Store`].
    pub async fn status(&self) -> Result<FleetStatus, RenewError> {
        self.registry.refresh(self.clock.boot()).await?;
        let revision = self.reader.look().await?.revision;
        let mut sidecars: BTreeMap<(String, String), SidecarStatus> = BTreeMap::new();
        let mut heard = self.heard_here();
        for note in self.store.notes(NoteKind::Members, "").await? {
            if note.key != self.own.id {
                // Another version's list may hold what this one cannot read: its sidecars are then only registered.
                heard.extend(serde_json::from_str::<Vec<SidecarStatus>>(&note.document).unwrap_or_default());
            }
        }
        for status in heard {
            let id = (status.sidecar.clone(), status.incarnation.clone());
            let fresher = sidecars.get(&id).is_none_or(|known| known.silent_ms > status.silent_ms);
            if fresher {
                sidecars.insert(id, status);
            }
        }
        let registered = self.registry.all().await?;
        let heard: BTreeSet<String> = sidecars.values().map(|status| status.sidecar.clone()).collect();
        let unheard = registered.keys().filter(|name| !heard.contains(*name));
        sidecars.extend(unheard.map(|name| ((name.clone(), String::new()), silent(name.clone()))));
        for status in sidecars.values_mut() {
            status.removed = registered.get(&status.sidecar).and_then(|entry| entry.removed.clone());
        }
        let authorities = self.authorities((revision.epoch, revision.number)).await?;
        Ok(FleetStatus {
            record: (revision.epoch, revision.number),
            lease_over: self.settings.certainly_over(),
            authorities,
            sidecars: sidecars.into_values().collect(),
        })
    }

    async fn authorities(&self, read: (u64, u64)) -> Result<Vec<AuthorityStatus>, StoreError> {
        let Some(peers) = &self.peers else {
            return Ok(vec![AuthorityStatus {
                id: self.own.id.clone(),
                address: self.address().to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                read,
                silent_for: Duration::ZERO,
                own: true,
            }]);
        };
        let shown = |found: super::peers::Found| AuthorityStatus {
            own: found.key() == self.own.id,
            id: found.key().to_owned(),
            silent_for: found.unchanged,
            read: (found.row.epoch, found.row.observed),
            address: found.row.address,
            version: found.row.version,
        };
        Ok(peers.rows().await?.into_iter().map(shown).collect())
    }

    fn heard_here(&self) -> Vec<SidecarStatus> {
        let boot = self.clock.boot();
        let told = |member: FleetMember| SidecarStatus {
            authority: self.address().to_owned(),
            silent_ms: Some(whole_ms(boot.since(member.heard))),
            holds: member.holds,
            policy_digest: member.policy_digest,
            log_sequence: member.log_sequence,
            workloads: member.view.workloads.iter().map(ToString::to_string).collect(),
            tenants: member.view.tenants.iter().map(ToString::to_string).collect(),
            incarnation: member.incarnation,
            ..silent(member.sidecar)
        };
        self.heard().into_iter().map(told).collect()
    }

    /// Shows the other authorities' operators the sidecars heard here, and buries what is gone.
    pub(super) async fn publish(&self) -> Result<(), StoreError> {
        let Some(peers) = &self.peers else { return Ok(()) };
        let document = serde_json::to_string(&self.heard_here());
        let document = document.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        // Long enough to be read by the others, short enough not to outlive this process by much.
        let expires_at = Some(self.now().plus(Duration::from_secs(60)));
        let note = Note { kind: NoteKind::Members, key: self.own.id.clone(), document, expires_at };
        self.store.put_note(note).await?;
        peers.bury().await
    }

    /// Whether any sidecar in another process is registered.
    pub fn has_others(&self) -> bool {
        self.registry.any()
    }

    /// Whether a sidecar may tell anything: not one that was taken off the list, which may be in other hands.
    ///
    /// # Errors
    /// [`RenewError::Refused`] for such a one.
    pub fn admits(&self, name: &str) -> Result<(), RenewError> {
        self.registry.admits(name)
    }

    /// Takes a sidecar off the list: it gets no lease any more. `None` if there is none of that name; else when the
    /// last lease that any authority may have given it is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, name: &str, by: &PersonId) -> Result<Option<Timestamp>, StoreError> {
        if !self.registry.remove(name, by, self.now()).await? {
            return Ok(None);
        }
        warn!(sidecar = name, %by, "a sidecar was taken off the list");
        // The others read the list once a beat, or give no leases.
        Ok(Some(self.certainly_effective_at().await.plus(STALE_MAX)))
    }

    /// Lets a sidecar in again; false if there is none of that name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn admit_again(&self, name: &str) -> Result<bool, StoreError> {
        self.registry.admit_again(name).await
    }
}

fn silent(sidecar: String) -> SidecarStatus {
    SidecarStatus {
        sidecar,
        incarnation: String::new(),
        authority: String::new(),
        holds: None,
        policy_digest: String::new(),
        log_sequence: None,
        workloads: BTreeSet::new(),
        tenants: BTreeSet::new(),
        silent_ms: None,
        removed: None,
    }
}
