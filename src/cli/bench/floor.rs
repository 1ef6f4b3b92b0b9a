//! The floor: what the same stack can do when it decides nothing. It parses a question of the same
//! size into typed fields and answers JSON of the same size; no proof, no policy, no record.

use super::super::Exit;
use super::super::error::CliError;
use crate::http::floor;

/// Serves the floor on a free port until the process is ended; prints the address first.
pub(super) fn run() -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(floor::serve(|address| println_flushed(&address.to_string())))?;
    Ok(Exit::Fine)
}

fn println_flushed(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    // The parent reads the address; without it nobody asks.
    let _parent_gone = writeln!(out, "{text}").and_then(|()| out.flush());
}
