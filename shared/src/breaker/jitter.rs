//! A spread that never repeats between sites and never asks a clock: hashed from a seed and a count.

use std::time::Duration;

/// A seed out of a name: the same on every machine and with every version.
pub fn seed(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// `wait` give or take 20 %, never above `most`, by (`seed`, `count`) alone.
pub(super) fn spread(wait: Duration, most: Duration, seed: u64, count: u64) -> Duration {
    let low = wait.saturating_mul(4) / 5;
    let high = (wait.saturating_mul(6) / 5).min(most).max(low);
    let thousandth =
        u32::try_from(mixed(seed ^ count.wrapping_mul(0x9e37_79b9_7f4a_7c15)) % 1001).unwrap_or(0);
    low.saturating_add((high - low) / 1000 * thousandth)
}

/// The finaliser of splitmix64.
fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn sites_that_opened_together_do_not_come_back_together() {
        let minute = Duration::from_secs(60);
        let waits: BTreeSet<Duration> =
            (0..50).map(|n| spread(minute, minute * 10, seed(&format!("site{n}")), 1)).collect();
        assert!(waits.len() >= 45, "{}", waits.len());
        assert!(waits.iter().all(|wait| (minute * 4 / 5..=minute * 6 / 5).contains(wait)));
        let at_cap: BTreeSet<Duration> = (0..50).map(|n| spread(minute, minute, seed("x"), n)).collect();
        assert!(at_cap.len() >= 45 && at_cap.iter().all(|wait| *wait <= minute));
        assert_eq!(spread(minute, minute, 7, 7), spread(minute, minute, 7, 7));
    }
}
