//! The whole program, asked as its users ask it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests panic to fail")]

mod description;
