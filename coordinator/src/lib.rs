//! The coordinator: plans rollouts, hands out work, holds the truth.

pub mod clock;
pub mod files;
pub mod store;
