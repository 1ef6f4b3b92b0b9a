//! A bundle that is handed over, rather than found in its place: it is judged as one that lies there would be, put
//! there, and used from then on.

use super::super::finding::LoadError;
use super::super::origin::{Admitted, BundleInUse, Origin, SignedBundle};
use super::{InUse, PolicyHandle, PolicyStatus, fresh};
use core::time::Duration;
use std::sync::{Arc, PoisonError};

/// A bundle that may be used, and is not yet.
pub struct HandedOver(Admitted);

/// Why a bundle that was handed over is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Policies are not from a bundle here.
    #[error(
        "the policies here are from a folder: set `policies.bundle` (or `policies.bundle_url`) and `policies.trusted_keys` to use bundles"
    )]
    Folder,
    /// It is not the one that was asked for.
    #[error("it is another bundle than the one that is demanded")]
    Other,
    /// It may not be used.
    #[error(transparent)]
    Refused(#[from] LoadError),
}

impl HandedOver {
    /// The bundle.
    pub fn bundle(&self) -> &BundleInUse {
        &self.0.bundle
    }

    /// The revision of its policies.
    pub fn policy_revision(&self) -> &str {
        self.0.set.digest()
    }
}

impl PolicyHandle {
    fn place(&self) -> Result<&SignedBundle, NotTaken> {
        match &self.origin {
            Origin::Bundle(place) => Ok(place),
            Origin::Directory { .. } | Origin::Anybodys(_) => Err(NotTaken::Folder),
        }
    }

    /// Whether these bytes are a bundle that may take the place of the one in use. Changes nothing.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn judge(&self, bytes: Vec<u8>) -> Result<HandedOver, NotTaken> {
        Ok(HandedOver(self.place()?.admit(bytes)?))
    }

    /// Puts a bundle in its place and uses it. When this returns, no question that is asked from now on is decided
    /// by the one before.
    ///
    /// # Errors
    /// [`NotTaken`]; what was in use stays.
    pub fn take(&self, HandedOver(admitted): HandedOver, boot: Duration) -> Result<BundleInUse, NotTaken> {
        let mut polling = self.polling.lock().unwrap_or_else(PoisonError::into_inner);
        polling.newest.admits(&self.origin, Some(&admitted.bundle))?;
        self.place()?.put(&admitted)?;
        let Admitted { set, bundle, fingerprint } = admitted;
        polling.failed = None;
        polling.seen = fingerprint;
        polling.newest.raise(Some(&bundle));
        let before = self.in_use.load_full();
        let reloads = before.status.reloads.saturating_add(1);
        let next = if set.digest() == before.status.digest {
            // Signed anew: what was decided by it is not decided otherwise now.
            let loaded_at = before.status.loaded_at;
            let next = fresh(Arc::clone(&before.set), Some(bundle.clone()), boot, before.status.reloads);
            InUse { status: PolicyStatus { loaded_at, ..next.status }, ..next }
        } else {
            fresh(set, Some(bundle.clone()), boot, reloads)
        };
        self.in_use.store(Arc::new(next));
        Ok(bundle)
    }
}
