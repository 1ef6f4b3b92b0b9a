//! The map.

pub mod clock;
pub mod domain;
pub mod http;
pub mod identity;
pub mod store;
