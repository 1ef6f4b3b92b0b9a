//! Accesses: what was decided under an AccessRequest, whichever sidecar decided it. Each sidecar reads its own decision
//! log and tells the authority of what concerns an AccessRequest; the authority keeps that and reads it back, for
//! approvers and auditors, for the API, the page and the receipts.
//!
//! Invariant: a sidecar's log is the only source. What is told is in it, is told at least once, and is kept once.
//! Invariant: telling never delays a Decision, and nothing about access is ever decided by what was told.
//!
//! ```text
//! trail.rs    the log, read from where telling stands, and where that is kept
//! courier.rs  tells what the trail gathers, again until it is taken
//! tell.rs     the port that carries it, and its form on the wire
//! intake.rs   the authority's side: judged, and kept
//! history.rs  what is kept, read back
//! ```

mod courier;
mod history;
mod intake;
mod tell;
#[cfg(test)]
mod tests;
mod trail;

pub use courier::{Courier, CourierParts, Standing};
pub use history::{History, HistoryError, Touched};
pub use intake::{Intake, IntakeError, Taken};
pub use tell::{Entry, InProcess, RECORDS_MAX, Tell, TellError, said};
