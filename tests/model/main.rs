//! The renewal protocol as a model that is looked through completely (docs/protocol.md): no allow later than L
//! after a revocation, none after `effective`, none from before a `recover`, whatever network, clocks, restarts and
//! restores do. Each rule of the protocol is also left out once, and the model has to show what that breaks.
//!
//! Knows nothing of the program: it says what the program has to do. Run with `--nocapture` to read the
//! counterexamples and the numbers of states.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests panic to fail, and the model counts to three"
)]

mod authority;
mod checking;
mod design;
mod record;
mod rows;
mod sidecar;
mod ticks;
mod words;
mod world;

mod protocol_tests;
mod rows_tests;
