//! `spec.breakers`: what opens and closes them; what could never trip or never close is refused with its arithmetic.

use super::DURATION_MAX;
use super::limits::{DAY, SHORTEST, duration};
use crate::task::BreakerSettings;
use crate::time::format_duration;
use crate::yaml::{Field, Section};
use std::time::Duration;

const CALLS_MAX: u32 = 1000;
const SKIP_AFTER_DEFAULT: Duration = Duration::from_secs(600);
/// The pool of a site that nobody limits.
const POOL_DEFAULT: u32 = crate::pool::MAX_IN_FLIGHT_DEFAULT as u32;
/// An agent looks back on 4 connects for each slot of a site's pool, and 32 more.
const WINDOW: (u32, u32) = (4, 32);

/// The settings and how long an open site is waited for. `pool` is the most devices in flight that the
/// spec allows at one site; absent when it says nothing.
pub(super) fn read(section: Option<Section<'_>>, pool: Option<u32>) -> (BreakerSettings, Duration) {
    let mut settings = BreakerSettings::default();
    let mut skip_after = SKIP_AFTER_DEFAULT;
    let Some(mut section) = section else { return (settings, skip_after) };
    section.not_supported_yet(&["groups", "credential"]);
    if let Some(mut global) = section.section("global") {
        global.take("on_stop").into_iter().for_each(|field| on_stop(&field));
    }
    if let Some(site) = section.section("site") {
        read_site(site, pool, &mut settings, &mut skip_after);
    }
    if let Some(mut device) = section.section("device") {
        device.not_supported_yet(&["reset"]);
        let never = "opens without a failure: no device could ever be tried";
        count(&mut device, "consecutive_failures", never, &mut settings.device_consecutive_failures);
        let wait = &mut settings.device_wait_duration_in_open;
        duration(&mut device, "wait_duration_in_open", SHORTEST, DAY, wait);
    }
    (settings, skip_after)
}

fn on_stop(field: &Field<'_>) {
    if field.text() == Some("rollback_wave") {
        field.problem("rollback_wave is not supported yet", "pause");
    } else {
        field.word(&[("pause", ())]);
    }
}

fn read_site(
    mut site: Section<'_>,
    pool: Option<u32>,
    settings: &mut BreakerSettings,
    skip_after: &mut Duration,
) {
    if let Some(enabled) = site.take("enabled").and_then(|field| field.boolean()) {
        settings.site_enabled = enabled;
    }
    read_silence(&mut site, pool, settings);
    let wait = &mut settings.site_wait_duration_in_open;
    duration(&mut site, "wait_duration_in_open", SHORTEST, DAY, wait);
    let named = site.take("max_wait_duration_in_open").and_then(|field| field.duration(SHORTEST..=DAY));
    let (wait, most) = (settings.site_wait_duration_in_open, settings.site_max_wait_duration_in_open);
    settings.site_max_wait_duration_in_open = named.unwrap_or(most.max(wait));
    if settings.site_max_wait_duration_in_open < wait {
        let most = format_duration(settings.site_max_wait_duration_in_open);
        let message = format!(
            "max_wait_duration_in_open is shorter than wait_duration_in_open ({most} < {}): the first wait already passes \
             it, so the site could never try again",
            format_duration(wait)
        );
        site.problem(&message, "");
    }
    let never = "lets no probe through: an open site could never close again";
    let probes = &mut settings.site_permitted_calls_in_half_open;
    count(&mut site, "permitted_calls_in_half_open", never, probes);
    let never = "closes the site before any probe has answered: it would never stay open";
    count(&mut site, "successes_to_close", never, &mut settings.site_successes_to_close);
    duration(&mut site, "skip_after", Duration::ZERO, DURATION_MAX, skip_after);
    let reset = site.take("reset").and_then(|field| field.word(&[("auto", false), ("manual", true)]));
    settings.site_reset_manual = reset.unwrap_or(settings.site_reset_manual);
}

/// A site is held at `silent_to_hold` and opened at `silent_to_open` silent devices: at that many, not
/// after. One that is left out follows the other.
fn read_silence(site: &mut Section<'_>, pool: Option<u32>, settings: &mut BreakerSettings) {
    let never = "holds or opens the site without a silent device: nothing would ever start freely";
    let hold = site.take("silent_to_hold");
    let open = site.take("silent_to_open");
    let hold_named = hold.as_ref().and_then(|field| at_least_1(field, never));
    let open_named = open.as_ref().and_then(|field| at_least_1(field, never));
    let (hold_default, open_default) = (settings.site_silent_to_hold, settings.site_silent_to_open);
    let open_at = open_named.unwrap_or(open_default.max(hold_named.unwrap_or(0)));
    let hold_at = hold_named.unwrap_or(hold_default.min(open_at));
    (settings.site_silent_to_hold, settings.site_silent_to_open) = (hold_at, open_at);
    let Some(field) = open.or(hold) else { return };
    if open_at < hold_at {
        let message = format!(
            "silent_to_open < silent_to_hold ({open_at} < {hold_at}): the site would open at {open_at} silent devices and \
             never be held at {hold_at}"
        );
        field.problem(message, format!("silent_to_open: {hold_at} or more"));
    }
    let (per_slot, more) = WINDOW;
    let pool = pool.unwrap_or(POOL_DEFAULT);
    let window = pool.saturating_mul(per_slot).saturating_add(more);
    if open_at > window {
        let message = format!(
            "the minimum is above the window: the site opens at {open_at} silent devices, but its agent looks back on \
             {per_slot} x {pool} + {more} = {window} connects: a dark site could pass unseen"
        );
        field.problem(message, format!("at most {window}"));
    }
}

fn count(section: &mut Section<'_>, key: &'static str, never: &str, into: &mut u32) {
    if let Some(value) = section.take(key).and_then(|field| at_least_1(&field, never)) {
        *into = value;
    }
}

fn at_least_1(field: &Field<'_>, never: &str) -> Option<u32> {
    if field.says("0") {
        field.problem(format!("0 {never}"), format!("1 to {CALLS_MAX}"));
        return None;
    }
    field.number(1..=CALLS_MAX)
}
