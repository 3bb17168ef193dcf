//! Results that came before older ones: only what came without a gap is acknowledged, since an agent forgets
//! everything up to what is.

use std::collections::BTreeSet;

/// Sequences that are remembered; beyond them an agent sends its results once more in its next session.
const REMEMBERED_MAX: usize = 10_000;

/// Sequences of one session beyond the first that is missing.
#[derive(Debug, Clone, Default)]
pub(super) struct Ahead(BTreeSet<u64>);

impl Ahead {
    /// The result of `sequence` came: up to where all of them are here, when that was `watermark` before.
    pub fn without_gap(&mut self, sequence: u64, watermark: u64) -> u64 {
        if sequence > watermark.saturating_add(1) {
            if self.0.len() < REMEMBERED_MAX {
                self.0.insert(sequence);
            }
            return watermark;
        }
        let mut up_to = sequence.max(watermark);
        while self.0.first().is_some_and(|next| *next <= up_to.saturating_add(1)) {
            up_to = self.0.pop_first().map_or(up_to, |next| next.max(up_to));
        }
        up_to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_overtook_another_is_acknowledged_only_with_it() {
        let mut ahead = Ahead::default();
        assert_eq!(ahead.without_gap(8, 7), 8, "in order");
        assert_eq!(ahead.without_gap(11, 8), 8, "9 and 10 are on their way, or lost");
        assert_eq!(ahead.without_gap(10, 8), 8);
        assert_eq!(ahead.without_gap(3, 8), 8, "an old one");
        assert_eq!(ahead.without_gap(9, 8), 11);
        assert_eq!(ahead.without_gap(u64::MAX, 11), 11, "a forged one");
        assert_eq!(ahead.without_gap(12, 11), 12);
    }

    #[test]
    fn endlessly_many_results_ahead_of_one_take_bounded_memory_and_lose_nothing() {
        let mut ahead = Ahead::default();
        let many = REMEMBERED_MAX as u64 * 2;
        assert!((2..many).all(|sequence| ahead.without_gap(sequence, 0) == 0));
        assert_eq!(ahead.0.len(), REMEMBERED_MAX);
        let up_to = ahead.without_gap(1, 0);
        assert_eq!(up_to, REMEMBERED_MAX as u64 + 1, "what is beyond comes again");
    }
}
