//! The whole program, asked as its users ask it: stories of people and callers over HTTP, every route as
//! everybody who may not, AuthZEN's certification, bad input, faults of the log, the printed
//! walk-through and the command line. Timing never decides: what takes a while is asked again, with a
//! bound on how often.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    reason = "tests panic to fail, and say loudly what they cannot do here"
)]

mod ageing;
mod app;
mod ca;
mod edge;
mod host;
mod node;
#[path = "../postgres/server.rs"]
#[expect(dead_code, reason = "the store's own tests use more of it")]
mod postgres;
mod process;
mod proofs;
mod provider;
mod proxy;
mod python;
mod steps;
mod watch;
mod window;
mod wire;

mod authzen;
mod bad_input;
mod bundles;
mod careless;
mod cli;
mod console;
mod description;
mod docs;
mod fleet;
mod fleet_many;
mod fleet_network;
mod fleet_tls;
mod log_faults;
mod mail;
mod oidc;
mod open_files;
mod page_people;
mod pages;
mod passkeys;
mod people;
mod pushed;
mod record;
mod record_server;
mod restarts;
mod rolling;
mod router_walk;
mod settings;
mod settings_file;
mod shadow;
mod sign_in;
mod starter;
mod story;
mod tokens;
mod told;
mod touched;
mod walk_through;
mod webhooks;
