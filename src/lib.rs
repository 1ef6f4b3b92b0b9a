//! The map.

pub mod clock;
pub mod config;
pub mod domain;
pub mod http;
pub mod identity;
pub mod renewal;
pub mod state;
pub mod store;
