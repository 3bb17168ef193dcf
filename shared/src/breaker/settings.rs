//! Several rollouts at one site: the most cautious value of each setting holds.

use crate::task::BreakerSettings;

/// The most cautious merge; `None` when there is nothing to merge.
pub fn most_cautious<'a>(all: impl IntoIterator<Item = &'a BreakerSettings>) -> Option<BreakerSettings> {
    all.into_iter().copied().reduce(|a, b| BreakerSettings {
        site_enabled: a.site_enabled || b.site_enabled,
        site_wait_duration_in_open: a.site_wait_duration_in_open.max(b.site_wait_duration_in_open),
        site_max_wait_duration_in_open: a
            .site_max_wait_duration_in_open
            .max(b.site_max_wait_duration_in_open),
        site_permitted_calls_in_half_open: a
            .site_permitted_calls_in_half_open
            .min(b.site_permitted_calls_in_half_open),
        site_successes_to_close: a.site_successes_to_close.max(b.site_successes_to_close),
        device_consecutive_failures: a.device_consecutive_failures.min(b.device_consecutive_failures),
        device_wait_duration_in_open: a.device_wait_duration_in_open.max(b.device_wait_duration_in_open),
        site_silent_to_hold: a.site_silent_to_hold.min(b.site_silent_to_hold),
        site_silent_to_open: a.site_silent_to_open.min(b.site_silent_to_open),
        site_reset_manual: a.site_reset_manual || b.site_reset_manual,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn with_two_rollouts_the_more_cautious_one_sets_each_value() {
        let bold = BreakerSettings {
            site_enabled: false,
            site_wait_duration_in_open: Duration::from_secs(1),
            site_permitted_calls_in_half_open: 4,
            device_consecutive_failures: 2,
            ..BreakerSettings::default()
        };
        let merged = most_cautious([&bold, &BreakerSettings::default()]).unwrap();
        assert!(merged.site_enabled);
        assert_eq!(merged.site_wait_duration_in_open, Duration::from_secs(30));
        assert_eq!(merged.site_permitted_calls_in_half_open, 1);
        assert_eq!(merged.device_consecutive_failures, 2);
        assert_eq!(most_cautious([]), None);
    }
}
