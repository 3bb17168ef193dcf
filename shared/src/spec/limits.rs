//! `spec.breakers`, `spec.timeouts` and `spec.retry`.

use super::DURATION_MAX;
use crate::outcome::Class;
use crate::task::{BreakerSettings, Timeouts};
use crate::yaml::Section;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most attempts at one device.
pub const ATTEMPTS_MAX: u32 = 10;
const CALLS_MAX: u32 = 1000;
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
const SHORTEST: Duration = Duration::from_millis(1);
const SKIP_AFTER_DEFAULT: Duration = Duration::from_secs(600);

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

pub(super) fn read_breakers(section: Option<Section<'_>>) -> (BreakerSettings, Duration) {
    let mut settings = BreakerSettings::default();
    let mut skip_after = SKIP_AFTER_DEFAULT;
    let Some(mut section) = section else { return (settings, skip_after) };
    section.not_supported_yet(&["global", "groups", "credential"]);
    if let Some(mut site) = section.section("site") {
        site.not_supported_yet(&["silent_to_hold", "silent_to_open", "reset"]);
        if let Some(enabled) = site.take("enabled").and_then(|field| field.boolean()) {
            settings.site_enabled = enabled;
        }
        duration(&mut site, "wait_duration_in_open", SHORTEST, DAY, &mut settings.site_wait_duration_in_open);
        duration(
            &mut site,
            "max_wait_duration_in_open",
            SHORTEST,
            DAY,
            &mut settings.site_max_wait_duration_in_open,
        );
        count(&mut site, "permitted_calls_in_half_open", &mut settings.site_permitted_calls_in_half_open);
        count(&mut site, "successes_to_close", &mut settings.site_successes_to_close);
        duration(&mut site, "skip_after", Duration::ZERO, DURATION_MAX, &mut skip_after);
        if settings.site_max_wait_duration_in_open < settings.site_wait_duration_in_open {
            site.problem("max_wait_duration_in_open is shorter than wait_duration_in_open", "");
        }
    }
    if let Some(mut device) = section.section("device") {
        device.not_supported_yet(&["reset"]);
        count(&mut device, "consecutive_failures", &mut settings.device_consecutive_failures);
        duration(
            &mut device,
            "wait_duration_in_open",
            SHORTEST,
            DAY,
            &mut settings.device_wait_duration_in_open,
        );
    }
    (settings, skip_after)
}

fn duration(
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

fn count(section: &mut Section<'_>, key: &'static str, into: &mut u32) {
    if let Some(value) = section.take(key).and_then(|field| field.number(1..=CALLS_MAX)) {
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
