//! Readers, logins, and attempts on simulated devices over SSH: each platform by everything that can go wrong.

pub(in crate::executor) mod bench;
mod login;
mod matrix;
mod patience;
mod platforms;
mod reading;
mod unsaid;

use crate::platform::{Platform, Platforms};
use std::sync::{Arc, OnceLock};

/// A platform that comes with the agent; patterns are compiled once for all tests.
pub(super) fn platform(name: &str) -> Arc<Platform> {
    static PLATFORMS: OnceLock<Platforms> = OnceLock::new();
    PLATFORMS.get_or_init(Platforms::built_in).get(name).expect("a platform")
}
