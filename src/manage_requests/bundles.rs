//! Bundles of policies that operators push: in use here, kept for the other authorities, and demanded of whoever
//! takes bundles from an authority.
//!
//! The item that demands one is written as every item is, so it has a revision, and what is said of a revocation
//! holds of it: `renewal::Adopt` sees that who has the revision has the policies.

use super::settings::setting_event;
use super::{ManageError, ManageRequests, write_item, write_told};
use crate::clock::Boot;
use crate::domain::{EventKind, Person, Role, Timestamp};
use crate::policy::bundle::BundleError;
use crate::policy::{BundleInUse, HandedOver, LoadError, NotTaken};
use crate::state::{BundleDemand, StateItem};
use crate::store::{Note, NoteKind, Revision, Store, StoreError, Transaction};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// How many bundles are kept: the one that is demanded, and those before it that a slow authority may be at.
const KEPT_MAX: usize = 4;

/// A bundle that was pushed.
#[derive(Debug, Clone)]
pub struct PushedBundle {
    /// The bundle.
    pub bundle: BundleInUse,
    /// The revision of its policies.
    pub policy_revision: String,
    /// The revision of the record that demands it.
    pub revision: Revision,
}

/// A bundle as a note.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    pushed_at_ms: i64,
    /// In base64.
    bytes: String,
}

fn corrupt(digest: &str, why: impl ToString) -> StoreError {
    StoreError::Corrupt { what: format!("bundle {digest}"), why: why.to_string() }
}

fn kept(note: &Note) -> Result<Kept, StoreError> {
    serde_json::from_str(&note.document).map_err(|error| corrupt(&note.key, error))
}

/// The bytes of a bundle that was pushed, if they are kept. Whoever uses them verifies them.
///
/// # Errors
/// [`StoreError`].
pub async fn kept_bundle(store: &dyn Store, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(note) = store.note(NoteKind::Bundle, digest).await? else { return Ok(None) };
    STANDARD.decode(kept(&note)?.bytes).map(Some).map_err(|error| corrupt(digest, error))
}

impl ManageRequests {
    /// Takes a bundle: verifies it, uses it here, keeps it for the other authorities, and demands it of the fleet.
    /// Operators only. Policies are not asked whether they may be replaced: they could then never be.
    ///
    /// # Errors
    /// [`ManageError`]; nothing is demanded then. After [`ManageError::Store`] this authority alone may use it
    /// already: pushing it again does the rest.
    pub async fn push_bundle(&self, person: &Person, bytes: Vec<u8>) -> Result<PushedBundle, ManageError> {
        if !person.is_provider(Role::Operator) {
            return Err(ManageError::Forbidden("only an operator may push policies".to_owned()));
        }
        let policies = Arc::clone(&self.policies);
        let handed = off_thread(move || policies.judge(bytes)).await??;
        let now = self.time.now();
        let (demand, policy_revision) = (demand_of(&handed)?, handed.policy_revision().to_owned());
        // Before anybody can be told to ask for it.
        self.keep_bundle(handed.bundle(), now).await?;
        let mut transaction = self.store.begin(now).await?;
        self.must_be_newest(&demand).await?;
        self.write_demand(transaction.as_mut(), person, &handed, demand, now).await?;
        let (policies, boot) = (Arc::clone(&self.policies), self.clock.boot().since(Boot::default()));
        // In use before the record says so: the sidecar in this process acknowledges what is already true.
        let bundle = off_thread(move || policies.take(handed, boot)).await??;
        let revision = self.commit(transaction).await?;
        if let Err(error) = self.drop_old_bundles(&bundle.file.digest).await {
            tracing::warn!(%error, "bundles of before could not be taken away; the next push does it");
        }
        Ok(PushedBundle { bundle, policy_revision, revision })
    }

    /// The bytes of a bundle that was pushed, if they are kept.
    ///
    /// # Errors
    /// [`ManageError::Store`].
    pub async fn kept_bundle(&self, digest: &str) -> Result<Option<Vec<u8>>, ManageError> {
        Ok(kept_bundle(&*self.store, digest).await?)
    }

    async fn keep_bundle(&self, bundle: &BundleInUse, now: Timestamp) -> Result<(), ManageError> {
        let kept = Kept { pushed_at_ms: now.as_ms(), bytes: STANDARD.encode(&bundle.file.bytes) };
        let document = serde_json::to_string(&kept).map_err(|error| ManageError::Defect(error.to_string()))?;
        let key = bundle.file.digest.clone();
        Ok(self.store.put_note(Note { kind: NoteKind::Bundle, key, document, expires_at: None }).await?)
    }

    /// Of two that are pushed at once to two authorities the one that was signed later stays demanded. To be called
    /// with a transaction under way: nobody else can then demand another.
    async fn must_be_newest(&self, demand: &BundleDemand) -> Result<(), ManageError> {
        // The key is the only one of its folder.
        let page = self.store.items_after(Some("policies/"), 1).await?;
        let there = page.items.into_iter().map(|(item, _)| item).find(|item| item.key == StateItem::BUNDLE_KEY);
        let Some(payload) = there.and_then(|item| item.payload) else { return Ok(()) };
        match StateItem::decode(StateItem::BUNDLE_KEY, &payload)? {
            (StateItem::Bundle(there), _) if there.signed_at > demand.signed_at => {
                let older = BundleError::Older { created_at: demand.signed_at, newest: there.signed_at };
                Err(NotTaken::from(LoadError::from(older.finding(Path::new(StateItem::BUNDLE_KEY)))).into())
            }
            _ => Ok(()),
        }
    }

    async fn write_demand(
        &self,
        transaction: &mut dyn Transaction,
        person: &Person,
        handed: &HandedOver,
        demand: BundleDemand,
        now: Timestamp,
    ) -> Result<(), ManageError> {
        let BundleInUse { name, signed_by, created_at, file } = handed.bundle();
        let named = name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
        let detail = format!(
            "bundle{named} {}, signed by {signed_by} at {created_at}; policies {}",
            file.digest,
            handed.policy_revision()
        );
        let event = setting_event(EventKind::PoliciesPushed, person, now, 1, Some(detail));
        write_told(transaction, &event, &[]).await?;
        write_item(transaction, &StateItem::Bundle(demand)).await
    }

    /// Keeps the newest few, and in any case the one that is demanded. Read one by one: each may be large.
    async fn drop_old_bundles(&self, demanded: &str) -> Result<(), StoreError> {
        let (mut found, mut after) = (Vec::new(), String::new());
        while let Some(note) = self.store.notes_after(NoteKind::Bundle, &after, 1).await?.pop() {
            after.clone_from(&note.key);
            // What cannot be read is the oldest of all.
            let pushed_at_ms = kept(&note).map_or(i64::MIN, |kept| kept.pushed_at_ms);
            found.push((core::cmp::Reverse(pushed_at_ms), note.key));
        }
        found.sort();
        for (_, digest) in found.into_iter().skip(KEPT_MAX).filter(|(_, digest)| digest != demanded) {
            self.store.take_note(NoteKind::Bundle, &digest).await?;
        }
        Ok(())
    }
}

fn demand_of(handed: &HandedOver) -> Result<BundleDemand, ManageError> {
    let bundle = handed.bundle();
    Ok(BundleDemand::of(bundle.file.digest.clone(), bundle.created_at)?)
}

/// Reads, compiles or writes on a thread that may wait for a disk.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NotTaken> + Send + 'static,
) -> Result<Result<T, NotTaken>, ManageError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ManageError::Defect(error.to_string()))
}
