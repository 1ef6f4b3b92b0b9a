//! The map.

pub mod clock;
pub mod domain;
pub mod renewal;
pub mod state;
pub mod store;
