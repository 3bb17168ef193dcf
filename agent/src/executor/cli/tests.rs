//! Readers, logins, and attempts on simulated devices over SSH: each platform by everything that can go wrong.

pub(in crate::executor) mod bench;
mod defaults;
mod dripping;
mod gate;
mod half;
mod half_back;
mod left;
mod locks;
mod login;
mod matrix;
mod order;
mod patience;
mod platforms;
mod reading;
mod saving;
mod shown_all;
mod shown_lines;
mod texts;
mod unsaid;
mod words;

use super::script::Names;
use crate::executor::wanted::Redactor;
use crate::platform::{Platform, Platforms};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A platform that comes with the agent; patterns are compiled once for all tests.
pub(super) fn platform(name: &str) -> Arc<Platform> {
    static PLATFORMS: OnceLock<Platforms> = OnceLock::new();
    PLATFORMS.get_or_init(Platforms::built_in).get(name).expect("a platform")
}

/// The sections of a configuration, whatever their order.
fn sections(name: &str, text: &str) -> BTreeSet<String> {
    let blocks = switchyard_shared::configuration::parse(text, &platform(name).dialect);
    blocks.into_iter().map(|block| switchyard_shared::configuration::print(&[block])).collect()
}

/// What stands in a platform's lines for some attempt.
pub(super) fn names() -> Names {
    Names {
        device: "r1".into(),
        id: "sw1".into(),
        ids: vec!["sw1".into()],
        comment: String::new(),
        confirm_timeout: Duration::from_secs(60),
        writes: true,
        answer: Duration::from_secs(1),
        typing: Duration::from_secs(1),
        redactor: Redactor::of(Vec::new()),
        confirmed: false,
        template: Arc::from(&b""[..]),
        unshown: Default::default(),
    }
}
