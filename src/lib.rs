//! The map.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod decision_log;
pub mod demo;
pub mod domain;
pub mod evaluate_access;
pub mod http;
pub mod identity;
pub mod manage_requests;
pub mod policy;
pub mod renewal;
pub mod state;
pub mod store;
pub mod telemetry;
