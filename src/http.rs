//! The HTTP edge: reads requests strictly, writes answers and problem documents, and runs listeners.
//!
//! Invariant: nothing here decides; it turns bytes into the words of `domain` and back. Only
//! `problem` knows status codes.

pub mod body;
pub mod edge;
pub mod json;
pub mod listen;
pub mod members;
pub mod problem;
pub mod serve;
