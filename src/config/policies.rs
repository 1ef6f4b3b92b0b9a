//! `[policies]`: where the Cedar policies are, and how changes to them are taken up.

use super::check::Checker;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The Cedar policies and the schema they are validated against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policies {
    /// The folder with the `*.cedar` files, relative to the working directory.
    pub dir: PathBuf,
    /// The Cedar schema.
    pub schema: PathBuf,
    /// How often the folder is compared with what is loaded, in ms, 50 to 60000. Notifications of the
    /// file system come on top, but miss some kinds of replacement.
    pub poll_ms: u64,
    /// How long the last good set stays in force when the folder holds an invalid one, in s, 0 to 86400; then everything is denied.
    pub grace_s: u64,
}

impl Default for Policies {
    fn default() -> Self {
        Self { dir: "policies".into(), schema: "schemas/lockbox.cedarschema".into(), poll_ms: 500, grace_s: 300 }
    }
}

impl Policies {
    pub(super) fn check(&self, check: &mut Checker<'_>) {
        check.range("policies.poll_ms", self.poll_ms, 50..=60_000);
        check.range("policies.grace_s", self.grace_s, 0..=86_400);
    }
}
