//! The map.

pub mod decision_log;
