//! `spec.pools`: how many at once at an agent, and how fast.

use crate::task::{PoolSettings, Rate};
use crate::yaml::{Field, Section, shown};

const IN_FLIGHT_MAX: u32 = 100_000;
const RATE_MAX: u32 = 100_000;

pub(super) fn read(section: Option<Section<'_>>) -> PoolSettings {
    let mut settings = PoolSettings::default();
    let Some(mut section) = section else { return settings };
    if let Some(mut site) = section.section("per_site") {
        settings.max_in_flight = site.take("max_in_flight").and_then(|field| in_flight(&field));
        let adaptive =
            site.take("adaptive").and_then(|field| field.word(&[("aimd", true), ("fixed", false)]));
        settings.adaptive = adaptive.unwrap_or(settings.adaptive);
    }
    if let Some(mut device) = section.section("per_device") {
        device.take("max_sessions").into_iter().for_each(|field| max_sessions(&field));
    }
    settings.connect_rate = section.take("connect_rate").and_then(|field| rate(&field));
    settings.credential_rate = section.take("credential_rate").and_then(|field| rate(&field));
    settings
}

/// How many at once: a pool of none would let nothing start, for ever.
pub(crate) fn in_flight(field: &Field<'_>) -> Option<u32> {
    if field.says("0") {
        field.problem("a pool of 0 starts nothing, ever", "at least 1");
        return None;
    }
    field.number(1..=IN_FLIGHT_MAX)
}

fn max_sessions(field: &Field<'_>) {
    if field.says("0") {
        field.problem("with 0 sessions no device can ever be reached", "1");
    } else if field.number(1..=1000).is_some_and(|sessions| sessions > 1) {
        field.problem("not supported yet: a device is configured by one session at a time", "1");
    }
}

/// `10/s` or `30/m`: so many in that time, on average.
pub(crate) fn rate(field: &Field<'_>) -> Option<Rate> {
    let text = field.text()?;
    let (number, unit) = text.split_once('/').unwrap_or((text, ""));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        _ => 0,
    };
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let number = number.parse::<u32>().ok().filter(|number| plain && *number <= RATE_MAX);
    let Some((number, seconds)) = number.filter(|_| seconds > 0).map(|number| (number, seconds)) else {
        let hint = "a whole number up to 100000 and /s or /m, such as 10/s";
        field.problem(format!("must be a rate, not {}", shown(text)), hint);
        return None;
    };
    if number == 0 {
        field.problem(format!("{text} starts nothing, ever"), "leave it out for no limit");
        return None;
    }
    Some(Rate { per_1000s: number * 1000 / seconds })
}
