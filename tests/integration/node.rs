//! Node and what the browser tests need of other programs: found, and installed into
//! `tests/browser/node_modules` exactly as the lock file says. Where there is none, that is said loudly.

use rustix::fs::{FlockOperation, flock};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the browser tests are.
pub(crate) fn browser_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")
}

/// Whether there is such a program.
pub(crate) fn has(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// Whether node is here and `tests/browser/node_modules` is what its lock file says; installs it if need
/// be, one test at a time. Where there is no node, says loudly that `what` was not tried.
pub(crate) fn node_modules_are_there(what: &str) -> bool {
    if !has("node") || !has("npm") {
        eprintln!("!!! {what} was NOT tried: it needs `node` and `npm`");
        return false;
    }
    let dir = browser_dir();
    // Another test process may be at it; whoever comes second finds it done.
    let held = std::fs::File::open(dir.join("package.json")).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    let wanted = std::fs::read(dir.join("package-lock.json")).unwrap();
    let installed = dir.join("node_modules/.installed-from");
    if std::fs::read(&installed).is_ok_and(|from| from == wanted) {
        return true;
    }
    let npm = Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&dir).output().unwrap();
    assert!(npm.status.success(), "`npm ci` failed: {}", String::from_utf8_lossy(&npm.stderr));
    std::fs::write(&installed, wanted).unwrap();
    true
}

/// Chromium, where there is one; `CHROMIUM` names another.
pub(crate) fn chromium() -> Option<String> {
    let named = std::env::var("CHROMIUM").ok();
    let known = ["chromium", "chromium-browser", "google-chrome"].map(str::to_owned);
    named.into_iter().chain(known).find(|program| has(program))
}
