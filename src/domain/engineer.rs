//! The engineer directory: the facts that policies may ask about a support engineer.

use super::{Attributes, PersonId};
use std::collections::BTreeSet;

/// A support engineer as the directory knows him. Who is not in the directory is allowed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engineer {
    /// Who.
    pub id: PersonId,
    /// Counts the changes of this entry, from 1.
    pub version: u64,
    /// Teams, as policies name them.
    pub teams: BTreeSet<String>,
    /// Clearance level; absent when nobody stated one.
    pub clearance: Option<i64>,
    /// ISO 3166-1 alpha-2 country; absent when nobody stated one.
    pub country: Option<String>,
    /// A suspended engineer is allowed nothing, at once; his record stays.
    pub suspended: bool,
    /// Further facts that the schema declares.
    pub attributes: Attributes,
}
