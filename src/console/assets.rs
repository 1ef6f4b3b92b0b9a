//! What pages need beside their HTML: one style sheet, one small script, and one for passkeys. Their addresses carry the
//! digest of their content, so a browser may keep them for ever.

use super::answer::{Shown, asset};
use super::visit::Visit;
use crate::console::Console;
use crate::console::trouble::Trouble;
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, LazyLock};

const CSS: &str = include_str!("assets/lockbox.css");
const JS: &str = include_str!("assets/lockbox.js");
const PASSKEY_JS: &str = include_str!("assets/passkey.js");

/// The addresses of the assets in this build.
pub(super) static PATHS: LazyLock<Paths> = LazyLock::new(|| Paths {
    css: addressed(CSS, "lockbox", "css"),
    js: addressed(JS, "lockbox", "js"),
    passkey_js: addressed(PASSKEY_JS, "passkey", "js"),
});

/// See [`PATHS`].
pub(super) struct Paths {
    pub(super) css: String,
    pub(super) js: String,
    pub(super) passkey_js: String,
}

fn addressed(text: &str, name: &str, extension: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let short: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("/assets/{name}.{short}.{extension}")
}

/// `GET /assets/{name}`.
pub(super) async fn serve(_: Arc<Console>, visit: Visit) -> Shown {
    let path = format!("/assets/{}", visit.param("name"));
    match path {
        path if path == PATHS.css => Ok(asset(CSS, "text/css; charset=utf-8")),
        path if path == PATHS.js => Ok(asset(JS, "text/javascript; charset=utf-8")),
        path if path == PATHS.passkey_js => Ok(asset(PASSKEY_JS, "text/javascript; charset=utf-8")),
        _ => Err(Trouble::NotFound),
    }
}
