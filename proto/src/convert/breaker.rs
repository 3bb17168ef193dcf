//! Breaker reports and settings, wire and domain.

use super::{BadField, duration, same_names, timestamp, to_duration, to_enum, to_timestamp};
use crate::agent_v1;
use crate::v1;
use switchyard_shared::breaker::{Name, Report, State};
use switchyard_shared::id::SiteName;
use switchyard_shared::outcome::{MESSAGE_BYTES_MAX, printable};
use switchyard_shared::task::BreakerSettings;

same_names!(v1::breaker::State, State, "state", [Closed, Open, HalfOpen, ForcedOpen, Held, ForcedClosed]);

/// Longest name of an operator that a report carries, in bytes.
const BY_BYTES_MAX: usize = 128;

impl From<&Report> for v1::Breaker {
    fn from(report: &Report) -> Self {
        Self {
            name: report.name.to_string(),
            state: v1::breaker::State::from(report.state).into(),
            reason: report.reason.clone(),
            since: Some(timestamp(report.since)),
            first_opened_at: report.first_opened_at.map(timestamp),
            retry_at: report.retry_at.map(timestamp),
            opened_times: report.opened_times,
            by: report.by.clone(),
            site: report.site.as_ref().map(SiteName::to_string).unwrap_or_default(),
            failed: report.failed,
            seen: report.seen,
        }
    }
}

impl TryFrom<v1::Breaker> for Report {
    type Error = BadField;
    fn try_from(wire: v1::Breaker) -> Result<Self, BadField> {
        let optional = |at: Option<prost_types::Timestamp>, field| {
            at.map(|at| to_timestamp(Some(at), field)).transpose()
        };
        Ok(Self {
            name: Name::parse(&wire.name).map_err(|error| BadField::new("name", error))?,
            site: match wire.site.as_str() {
                "" => None,
                site => Some(SiteName::new(site).map_err(|error| BadField::new("site", error))?),
            },
            state: to_enum::<v1::breaker::State, _>(wire.state, "state")?,
            reason: printable(wire.reason.as_bytes(), MESSAGE_BYTES_MAX),
            since: to_timestamp(wire.since, "since")?,
            first_opened_at: optional(wire.first_opened_at, "first_opened_at")?,
            retry_at: optional(wire.retry_at, "retry_at")?,
            opened_times: wire.opened_times,
            by: printable(wire.by.as_bytes(), BY_BYTES_MAX),
            failed: wire.failed,
            seen: wire.seen,
        })
    }
}

impl From<&BreakerSettings> for agent_v1::BreakerSettings {
    fn from(settings: &BreakerSettings) -> Self {
        Self {
            site_enabled: settings.site_enabled,
            site_wait_duration_in_open: Some(duration(settings.site_wait_duration_in_open)),
            site_max_wait_duration_in_open: Some(duration(settings.site_max_wait_duration_in_open)),
            site_permitted_calls_in_half_open: settings.site_permitted_calls_in_half_open,
            site_successes_to_close: settings.site_successes_to_close,
            device_consecutive_failures: settings.device_consecutive_failures,
            device_wait_duration_in_open: Some(duration(settings.device_wait_duration_in_open)),
            site_silent_to_hold: settings.site_silent_to_hold,
            site_silent_to_open: settings.site_silent_to_open,
            site_reset_manual: settings.site_reset_manual,
        }
    }
}

impl TryFrom<agent_v1::BreakerSettings> for BreakerSettings {
    type Error = BadField;
    fn try_from(wire: agent_v1::BreakerSettings) -> Result<Self, BadField> {
        let positive = |value: u32, field| match value {
            0 => Err(BadField::new(field, "must be at least 1")),
            value => Ok(value),
        };
        Ok(Self {
            site_enabled: wire.site_enabled,
            site_wait_duration_in_open: to_duration(
                wire.site_wait_duration_in_open,
                "site_wait_duration_in_open",
            )?,
            site_max_wait_duration_in_open: to_duration(
                wire.site_max_wait_duration_in_open,
                "site_max_wait_duration_in_open",
            )?,
            site_permitted_calls_in_half_open: positive(
                wire.site_permitted_calls_in_half_open,
                "site_permitted_calls_in_half_open",
            )?,
            site_successes_to_close: positive(wire.site_successes_to_close, "site_successes_to_close")?,
            device_consecutive_failures: positive(
                wire.device_consecutive_failures,
                "device_consecutive_failures",
            )?,
            device_wait_duration_in_open: to_duration(
                wire.device_wait_duration_in_open,
                "device_wait_duration_in_open",
            )?,
            site_silent_to_hold: positive(wire.site_silent_to_hold, "site_silent_to_hold")?,
            site_silent_to_open: positive(wire.site_silent_to_open, "site_silent_to_open")?,
            site_reset_manual: wire.site_reset_manual,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchyard_shared::time::Timestamp;

    fn report() -> Report {
        let site = SiteName::new("lon").unwrap();
        Report {
            name: Name::Site(site.clone()),
            site: Some(site),
            state: State::Open,
            reason: "5 of the last 5 devices unreachable".into(),
            since: Timestamp(5),
            first_opened_at: Some(Timestamp(4)),
            retry_at: None,
            opened_times: 2,
            by: "auto".into(),
            failed: 5,
            seen: 5,
        }
    }

    #[test]
    fn a_report_survives_the_wire() {
        assert_eq!(Report::try_from(v1::Breaker::from(&report())), Ok(report()));
    }

    #[test]
    fn a_report_of_no_breaker_is_refused_by_field() {
        let mut wire = v1::Breaker::from(&report());
        wire.name = "planet/earth".into();
        assert_eq!(Report::try_from(wire).unwrap_err().field, "name");
    }

    #[test]
    fn settings_survive_the_wire_and_never_ask_for_no_probe() {
        let settings = BreakerSettings::default();
        let mut wire = agent_v1::BreakerSettings::from(&settings);
        assert_eq!(BreakerSettings::try_from(wire), Ok(settings));
        wire.site_permitted_calls_in_half_open = 0;
        assert_eq!(BreakerSettings::try_from(wire).unwrap_err().field, "site_permitted_calls_in_half_open");
    }
}
