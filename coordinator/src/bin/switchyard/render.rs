//! Screens and lines: pure functions from what is known to text.

pub mod advice;
pub mod diffs;
pub mod document;
pub mod host_keys;
pub mod lists;
pub mod live;
pub mod plain;
pub mod plan;
pub mod status;
pub mod summary;
pub mod table;
pub mod why;
mod wrap;
