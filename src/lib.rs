//! The map, top-down. A module names only what stands below it (`tests/tidy.rs` holds it).
//!
//! | module | holds |
//! |---|---|
//! | `cli` | the command line, one file a verb |
//! | `demo` | a directory with everything a first look needs |
//! | `app` | the wiring: the only place that names every concrete type |
//! | `console` | the web page: pages, sessions, sign-in |
//! | `http` | the endpoints: one table of routes, strict JSON, problem documents, the accept loop |
//! | `notify` | telling people and programs: mail, webhooks, the worker over the outbox |
//! | `renewal` | how a sidecar learns what the authority knows, and for how long it may believe it |
//! | `accesses` | what was touched under a Grant: told by sidecars, kept by the authority, read back |
//! | `evaluate_access` | use case: one question, one recorded Decision; the decision cache |
//! | `manage_requests` | use case: every command of the lifecycle, and the settings |
//! | `replay` | use case: recorded questions decided again under other policies |
//! | `policy` | everything that knows Cedar: loading, guard, judge, lifecycle rights; the workbench: cases, mutants, proofs, diffs, bundles |
//! | `state` | the sidecar's memory and its lease |
//! | `store` | the authority's record: ports, SQLite, PostgreSQL, the reference model |
//! | `decision_log` | the log: framing, group commit, recovery, reading |
//! | `identity` | from a proof to a caller: tokens, JWTs, peer credentials, OpenID Connect |
//! | `config`, `telemetry` | settings; log lines and metrics |
//! | `words` | what people read: translations, times, durations |
//! | `tls` | certificates and keys: for listeners, and for the way to the authority |
//! | `clock` | time and chance, nowhere else read |
//! | `domain` | the words and the rules; no I/O, no async, no serde, no clock |
//!
//! Invariant: an allow needs the guard *and* the policies; only `policy` can make one.
//! Invariant: an answer exists only after its record does (`evaluate_access`).
//! Invariant: the data path reads its own memory only; it never asks the store or the network.
//! Invariant: a lease is reckoned from when the renewal was *sent*, on CLOCK_BOOTTIME.
//! Invariant: every command is one transaction that writes state, Grant, event, notices and the next
//! revision, or nothing.
//! Invariant: `now` is read once for an operation, and never from a caller.
//! Invariant: every fault is a denial or a problem document, never an allow and never a default.

pub mod accesses;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod decision_log;
pub mod demo;
pub mod domain;
pub mod evaluate_access;
pub mod http;
pub mod identity;
pub mod manage_requests;
pub mod notify;
pub mod policy;
pub mod renewal;
pub mod replay;
pub mod state;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod words;
