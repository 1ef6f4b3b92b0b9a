//! Renewal: how a sidecar learns what the authority knows, and for how long it may believe it
//! (SAFETY.md §2). One protocol, whatever carries it: in one process a direct call, between hosts
//! HTTP.
//!
//! Invariant: a lease is reckoned from when the renewal was sent, and the authority reads its record
//! only after it has the renewal. Nothing pushed or cached in between may extend it.

mod authority;
mod policies;
mod protocol;
mod sidecar;
#[cfg(test)]
mod tests;

pub use authority::{Fleet, FleetMember};
pub use policies::{FetchError, Fetched, PolicyFetch};
pub use protocol::{Body, Renew, RenewAnswer, RenewError, RenewRequest, WireItem};
pub use sidecar::{Renewer, RenewerSettings};
