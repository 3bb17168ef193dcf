//! Instants and durations; the shell supplies `now`, nothing here reads a clock.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Microseconds since 1970-01-01T00:00:00Z. Within one process it never goes back: the shell adds
/// monotonic time to the wall clock it read once at start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The instant `after` this one; stops at the end of time instead of wrapping.
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(after.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The clock time of day in UTC, `HH:MM:SS`.
    pub fn clock(self) -> String {
        let seconds = self.0.div_euclid(1_000_000).rem_euclid(86_400);
        format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

/// RFC 3339 in UTC with milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant:.3}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

/// A duration as people write it in a spec: a whole number and one of `ms s m h d`, no space.
/// At most 366 days.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let total = number.checked_mul(millis)?;
    (total <= 366 * 86_400_000).then(|| Duration::from_millis(total))
}

/// A duration for people: the two largest units, `0s` to `3d4h`; below ten seconds with tenths.
pub fn format_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let seconds = millis / 1000;
    match seconds {
        _ if millis == 0 => "0s".into(),
        0 => format!("{millis}ms"),
        1..10 if millis % 1000 >= 50 => format!("{:.1}s", duration.as_secs_f64()),
        1..60 => format!("{seconds}s"),
        60..3600 if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 if (seconds / 60).is_multiple_of(60) => format!("{}h", seconds / 3600),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ if (seconds / 3600).is_multiple_of(24) => format!("{}d", seconds / 86_400),
        _ => format!("{}d{}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let cases = [("5s", Some(5_000)), ("0s", Some(0)), ("250ms", Some(250)), ("2h", Some(7_200_000))];
        for (text, millis) in cases {
            assert_eq!(parse_duration(text), millis.map(Duration::from_millis), "{text}");
        }
        for bad in ["5", "s", "5 s", "1.5s", "5sec", "-5s", "99999999999999999999s", "367d", ""] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_print_short() {
        for text in ["0s", "250ms", "5s", "59s", "2m", "2m05s", "3h", "3h07m", "1d", "1d3h"] {
            let shown = match text {
                "2m05s" => format_duration(Duration::from_secs(125)),
                "3h07m" => format_duration(Duration::from_secs(3 * 3600 + 7 * 60)),
                "1d3h" => format_duration(Duration::from_secs(27 * 3600)),
                _ => format_duration(parse_duration(text).expect("a duration")),
            };
            assert_eq!(shown, text);
        }
    }

    #[test]
    fn an_instant_prints_as_rfc_3339() {
        assert_eq!(Timestamp(1_763_770_000_123_000).to_string(), "2025-11-22T00:06:40.123Z");
    }
}
