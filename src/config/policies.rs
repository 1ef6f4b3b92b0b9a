//! `[policies]`: where the Cedar policies are, and how changes to them are taken up.

use super::Url;
use super::check::Checker;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The most keys to trust.
const KEYS_MAX: usize = 16;

/// The Cedar policies and the schema they are validated against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policies {
    /// The folder with the `*.cedar` files, relative to the working directory.
    pub dir: PathBuf,
    /// The Cedar schema.
    pub schema: PathBuf,
    /// A bundle, as `lockbox policy sign` makes it, in place of folder and schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<PathBuf>,
    /// Where to fetch the bundle instead: an authority's `/v1/policies/bundle`, or wherever it is put. Asked every
    /// `poll_ms`; the last good one is kept in `keep_dir` and used while nobody answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle_url: Option<Url>,
    /// The file with the token for `bundle_url`, readable for its owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle_token_file: Option<PathBuf>,
    /// The public keys (PEM) one of which must have signed the bundle, at most 16. With a key nothing but such a
    /// bundle is taken. The files are read anew at every look, so keys are exchanged without a restart.
    pub trusted_keys: Vec<PathBuf>,
    /// What the bundle must show: that its tests passed, that its invariants are proved.
    pub require_evidence: Vec<EvidenceKind>,
    /// A folder of the process's own. It keeps there what it fetched, and notes how new the newest bundle was, so that
    /// an older one is refused after a restart too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_dir: Option<PathBuf>,
    /// A second set, in a folder or a bundle, whoever signed it. It is asked beside the first on every question that is
    /// judged; what differs is counted and recorded, and the answer never depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<PathBuf>,
    /// How often the folder is compared with what is loaded, in ms, 50 to 60000. Notifications of the
    /// file system come on top, but miss some kinds of replacement.
    pub poll_ms: u64,
    /// How long the last good set stays in force when the folder holds an invalid one, in s, 0 to 86400; then everything is denied.
    pub grace_s: u64,
}

/// What a bundle can show beside its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// Its tests passed when it was signed.
    Tests,
    /// Each of its invariants was proved.
    Proof,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            dir: "policies".into(),
            schema: "schemas/lockbox.cedarschema".into(),
            bundle: None,
            bundle_url: None,
            bundle_token_file: None,
            trusted_keys: Vec::new(),
            require_evidence: Vec::new(),
            keep_dir: None,
            shadow: None,
            poll_ms: 500,
            grace_s: 300,
        }
    }
}

impl Policies {
    /// `certified` tells whether the sidecar proves itself to its authority by a certificate.
    pub(super) fn check(&self, certified: bool, check: &mut Checker<'_>) {
        check.range("policies.poll_ms", self.poll_ms, 50..=60_000);
        check.range("policies.grace_s", self.grace_s, 0..=86_400);
        check.range("policies.trusted_keys", self.trusted_keys.len(), 0..=KEYS_MAX);
        self.check_bundle(certified, check);
    }

    fn check_bundle(&self, certified: bool, check: &mut Checker<'_>) {
        let key = if self.bundle_url.is_some() { "policies.bundle_url" } else { "policies.bundle" };
        let bundled = self.bundle.is_some() || self.bundle_url.is_some();
        if bundled && self.trusted_keys.is_empty() {
            check.wrong(
                key,
                "needs `policies.trusted_keys`: a bundle that anybody may have made is no better than none",
            );
        }
        let beside = [
            ("policies.trusted_keys", !self.trusted_keys.is_empty()),
            ("policies.require_evidence", !self.require_evidence.is_empty()),
            ("policies.keep_dir", self.keep_dir.is_some()),
        ];
        for (key, _) in beside.into_iter().filter(|(_, set)| *set && !bundled) {
            check.wrong(
                key,
                "needs `policies.bundle` or `policies.bundle_url`: a folder of policies has no signature and no evidence",
            );
        }
        if self.bundle.is_some() && self.bundle_url.is_some() {
            check.wrong("policies.bundle_url", "and `policies.bundle` exclude each other");
        }
        if let Some(url) = &self.bundle_url {
            if self.keep_dir.is_none() || (self.bundle_token_file.is_none() && !certified) {
                check.wrong(
                    "policies.bundle_url",
                    "needs `policies.keep_dir` and `policies.bundle_token_file` beside it",
                );
            }
            if !url.is_private() {
                let why = "would carry the token unprotected: use `https://`, or a loopback address";
                check.wrong("policies.bundle_url", why);
            }
        } else if self.bundle_token_file.is_some() {
            check.wrong("policies.bundle_token_file", "needs `policies.bundle_url` beside it");
        }
    }
}
