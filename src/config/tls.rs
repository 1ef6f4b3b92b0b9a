//! `[authority.tls]` and `[sidecar.tls]`: a listener's own certificate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A listener's certificate. The files are looked at every two seconds and taken up when they change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate and what leads to its root, PEM.
    pub certificate_file: PathBuf,
    /// Its key, PEM, readable for its owner only.
    pub key_file: PathBuf,
    /// The roots of the certificates by which callers may prove themselves (mTLS), PEM; `identity.certificates` says
    /// who they are. Without it none is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca_file: Option<PathBuf>,
}
