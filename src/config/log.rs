//! `[log]`: the decision log. No setting lets an allow go unrecorded.

use super::check::Checker;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where and how Decisions are recorded before they are answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The folder of the segments, relative to the working directory.
    pub dir: PathBuf,
    /// What an allow waits for.
    pub durability: Durability,
    /// The size at which a segment is closed, in bytes, 65536 to 1073741824.
    pub segment_bytes_max: u64,
    /// The most records that wait for the disk, 1 to 65536; more are answered 503.
    pub in_flight_max: u32,
    /// How long a record may wait for the disk before its question is answered 503, in ms, 10 to 60000.
    pub stall_ms_max: u64,
}

/// What an allow waits for before it is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// The record is on the disk: it survives a power cut.
    #[default]
    Disk,
    /// The record is with the operating system: it survives the end of this process, however sudden,
    /// but a power cut or a crash of the kernel can lose the last moments, allows among them.
    Process,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            dir: "decisions".into(),
            durability: Durability::Disk,
            segment_bytes_max: 64 * 1024 * 1024,
            in_flight_max: 1024,
            stall_ms_max: 1000,
        }
    }
}

impl Log {
    pub(super) fn check(&self, check: &mut Checker<'_>) {
        check.range("log.segment_bytes_max", self.segment_bytes_max, 64 * 1024..=1024 * 1024 * 1024);
        check.range("log.in_flight_max", self.in_flight_max, 1..=65_536);
        check.range("log.stall_ms_max", self.stall_ms_max, 10..=60_000);
    }
}
