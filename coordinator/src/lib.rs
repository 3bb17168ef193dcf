//! The coordinator: plans rollouts, hands out work, holds the truth.

pub mod api;
pub mod clock;
pub mod driver;
mod entropy;
mod explain;
mod failpoint;
pub mod files;
pub mod guard;
pub mod listener;
pub mod pki;
mod refused;
pub mod serve;
pub mod store;

pub use refused::Refused;
pub use serve::{Coordinator, Seams, ServeConfig, ServeError};
