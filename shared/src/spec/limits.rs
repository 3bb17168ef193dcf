//! `spec.timeouts` and `spec.retry`.

use crate::outcome::Class;
use crate::task::Timeouts;
use crate::yaml::Section;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most attempts at one device.
pub const ATTEMPTS_MAX: u32 = 10;
const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);
pub(super) const SHORTEST: Duration = Duration::from_millis(1);

/// When a device is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts in all, 1 to [`ATTEMPTS_MAX`].
    pub max_attempts: u32,
    /// Wait before the second attempt; doubles with each further one.
    pub backoff: Duration,
    /// Longest wait.
    pub max_backoff: Duration,
    /// The classes that are tried again: only ones from before any write.
    pub retry_on: Vec<Class>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 1,
            backoff: Duration::from_secs(5),
            max_backoff: Duration::from_secs(30),
            retry_on: vec![Class::Unreachable, Class::Timeout, Class::Overloaded],
        }
    }
}

pub(super) fn duration(
    section: &mut Section<'_>,
    key: &'static str,
    low: Duration,
    high: Duration,
    into: &mut Duration,
) {
    if let Some(value) = section.take(key).and_then(|field| field.duration(low..=high)) {
        *into = value;
    }
}

pub(super) fn read_timeouts(section: Option<Section<'_>>) -> Timeouts {
    let mut timeouts = Timeouts { connect: Duration::from_secs(10), command: Duration::from_secs(30) };
    if let Some(mut section) = section {
        section.not_supported_yet(&["device"]);
        duration(&mut section, "connect", SHORTEST, HOUR, &mut timeouts.connect);
        duration(&mut section, "command", SHORTEST, DAY, &mut timeouts.command);
    }
    timeouts
}

pub(super) fn read_retry(section: Option<Section<'_>>) -> Retry {
    let mut retry = Retry::default();
    let Some(mut section) = section else { return retry };
    if let Some(attempts) = section.take("max_attempts").and_then(|field| field.number(1..=ATTEMPTS_MAX)) {
        retry.max_attempts = attempts;
    }
    let backoff_named = section.take("backoff").and_then(|field| field.duration(SHORTEST..=DAY));
    let max_named = section.take("max_backoff").and_then(|field| field.duration(SHORTEST..=DAY));
    retry.backoff = backoff_named.unwrap_or(retry.backoff);
    retry.max_backoff = max_named.unwrap_or(retry.max_backoff.max(retry.backoff));
    if backoff_named.is_none() {
        retry.backoff = retry.backoff.min(retry.max_backoff);
    }
    if retry.max_backoff < retry.backoff {
        section.problem("max_backoff is shorter than backoff", "");
    }
    let Some(field) = section.take("retry_on") else { return retry };
    retry.retry_on.clear();
    for field in field.list(Class::ALL.len()).unwrap_or_default() {
        let Some(text) = field.text() else { continue };
        match Class::parse(text) {
            Some(class @ (Class::Unreachable | Class::Timeout | Class::Overloaded)) => {
                retry.retry_on.push(class)
            }
            Some(class) => {
                field.problem(format!("{class} is never tried again"), "UNREACHABLE, TIMEOUT or OVERLOADED");
            }
            None => {
                field.word(&[("UNREACHABLE", ()), ("TIMEOUT", ()), ("OVERLOADED", ())]);
            }
        }
    }
    retry
}
