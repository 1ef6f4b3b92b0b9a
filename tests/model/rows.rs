//! Several authorities over one record: A, which revokes, and B, which answers renewals as well. Each notes which
//! sidecars it has heard; B tells A of its own by a row in the record. One sidecar renews with either, and one
//! revocation is made: what comes before and after it in the other model changes nothing here.

pub(crate) mod design;
mod model;
mod words;

pub(crate) use model::{A, Authorities, B};
