//! The HTTP edge: reads requests strictly, writes answers and problem documents, and runs listeners.
//!
//! Invariant: nothing here decides; it turns bytes into the words of `domain` and back. Only
//! `problem` knows status codes.

mod access_requests;
mod ask;
pub mod attributes;
pub mod authzen;
pub mod body;
mod bundle;
pub mod call;
pub mod edge;
mod errors;
pub mod fleet;
pub mod floor;
pub mod json;
pub mod listen;
pub mod members;
pub mod openapi;
pub mod operations;
pub mod problem;
mod reload;
pub mod router;
pub mod serve;
mod settings;
pub mod told;
pub mod wire;
