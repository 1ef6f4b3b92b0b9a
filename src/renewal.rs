//! Renewal: how a sidecar learns what the authority knows, and for how long it may believe it
//! (SAFETY.md §2). One protocol, whatever carries it: in one process a direct call, between hosts
//! HTTP/2.
//!
//! Invariant: a lease is reckoned from when the renewal was sent, and the authority reads its record
//! only after it has the renewal. Nothing pushed or cached in between may extend it.
//! Invariant: policies that the record demands are in use before the revision that demands them is acknowledged.

mod adopt;
mod authority;
mod effect;
mod everything;
mod link;
mod longest;
mod members;
mod mirror;
mod peers;
mod policies;
mod protocol;
mod reader;
mod registry;
mod remote;
mod sidecar;
mod status;
mod telling;
#[cfg(test)]
mod tests;
mod view;
mod ways;
pub mod wire;

pub use adopt::{Adopt, FromRecord, FromUrl};
pub use authority::{Fleet, Own};
pub use link::Link;
pub use members::FleetMember;
pub use policies::{FetchError, Fetched, PolicyFetch, token};
pub use protocol::{Body, End, Piece, Pieces, Renew, RenewAnswer, RenewError, RenewRequest, WireItem};
pub use registry::{EMBEDDED, Removed};
pub use remote::{Remote, RemoteSettings};
pub use sidecar::{Renewer, RenewerSettings};
pub use status::{AuthorityStatus, FleetStatus, SidecarStatus};
pub use telling::Telling;
pub use view::View;
