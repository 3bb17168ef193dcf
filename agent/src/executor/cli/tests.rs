//! Readers and sessions with played devices: seven ways of a command line, and what can go wrong with each.

mod login;
mod matrix;
mod patience;
mod played;
mod reading;

use crate::platform::{Platform, Platforms};
use std::sync::{Arc, OnceLock};

/// A platform that comes with the agent; patterns are compiled once for all tests.
fn platform(name: &str) -> Arc<Platform> {
    static PLATFORMS: OnceLock<Platforms> = OnceLock::new();
    PLATFORMS.get_or_init(Platforms::built_in).get(name).expect("a platform")
}
