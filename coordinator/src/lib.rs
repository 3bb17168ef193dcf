//! The coordinator: plans rollouts, hands out work, holds the truth.

pub mod clock;
pub mod files;
pub mod guard;
pub mod listener;
pub mod pki;
pub mod store;
