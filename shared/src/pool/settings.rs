//! Several rollouts at one site: the most cautious value of each pool setting holds.

use crate::task::{PoolSettings, Rate};

/// The most cautious merge; `None` when there is nothing to merge. A limit that adapts is more cautious
/// than one that stands at its maximum.
pub fn most_cautious<'a>(all: impl IntoIterator<Item = &'a PoolSettings>) -> Option<PoolSettings> {
    all.into_iter().copied().reduce(|a, b| PoolSettings {
        max_in_flight: least(a.max_in_flight, b.max_in_flight),
        adaptive: a.adaptive || b.adaptive,
        connect_rate: slower(a.connect_rate, b.connect_rate),
        credential_rate: slower(a.credential_rate, b.credential_rate),
    })
}

/// The smaller of those that are given.
pub(super) fn least(a: Option<u32>, b: Option<u32>) -> Option<u32> {
    a.into_iter().chain(b).min()
}

/// The slower of those that are given.
pub(super) fn slower(a: Option<Rate>, b: Option<Rate>) -> Option<Rate> {
    a.into_iter().chain(b).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_two_rollouts_the_more_cautious_one_sets_each_value() {
        let fixed = PoolSettings { max_in_flight: Some(5), adaptive: false, ..PoolSettings::default() };
        let paced = PoolSettings {
            max_in_flight: Some(20),
            connect_rate: Some(Rate { per_1000s: 2000 }),
            ..PoolSettings::default()
        };
        let merged = most_cautious([&fixed, &paced, &PoolSettings::default()]).unwrap();
        assert_eq!((merged.max_in_flight, merged.adaptive), (Some(5), true));
        assert_eq!((merged.connect_rate, merged.credential_rate), (Some(Rate { per_1000s: 2000 }), None));
        assert_eq!(most_cautious([]), None);
        assert!(!most_cautious([&fixed]).unwrap().adaptive);
    }
}
