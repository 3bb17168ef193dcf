//! Results that came before older ones: only what came without a gap is acknowledged, since an agent forgets
//! everything up to what is. Numbers that an agent says it never gives are no gap.

use std::collections::BTreeSet;

/// Sequences that are remembered; beyond them an agent sends its results once more in its next session.
const REMEMBERED_MAX: usize = 10_000;

/// Sequences of one session beyond the first that is missing.
#[derive(Debug, Clone, Default)]
pub(super) struct Ahead {
    came: BTreeSet<u64>,
    left_out: Vec<(u64, u64)>,
}

impl Ahead {
    /// Those of an agent that never gives these numbers, from the first to the last of each range.
    pub fn of(mut left_out: Vec<(u64, u64)>) -> Self {
        left_out.sort_unstable();
        Self { came: BTreeSet::new(), left_out }
    }

    /// The result of `sequence` came: up to where all of them are here, when that was `watermark` before.
    pub fn without_gap(&mut self, sequence: u64, watermark: u64) -> u64 {
        let mut up_to = self.beyond_what_is_left_out(watermark);
        if sequence > up_to.saturating_add(1) {
            if self.came.len() < REMEMBERED_MAX {
                self.came.insert(sequence);
            }
            return watermark;
        }
        up_to = self.beyond_what_is_left_out(sequence.max(up_to));
        while self.came.first().is_some_and(|next| *next <= up_to.saturating_add(1)) {
            up_to = self.came.pop_first().map_or(up_to, |next| next.max(up_to));
            up_to = self.beyond_what_is_left_out(up_to);
        }
        up_to
    }

    /// The number before the next that may come.
    fn beyond_what_is_left_out(&self, up_to: u64) -> u64 {
        let beyond = |up_to: u64, (first, last): &(u64, u64)| match (*first..=*last).contains(&(up_to + 1)) {
            true => *last,
            false => up_to,
        };
        self.left_out.iter().fold(up_to.min(u64::MAX - 1), beyond)
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
    fn numbers_that_an_agent_never_gives_are_no_gap_and_those_around_them_are() {
        let mut ahead = Ahead::of(vec![(1_000_012, 2_000_011), (9, 1_000_008)]);
        assert_eq!(ahead.without_gap(1_000_009, 7), 7, "8 is missing");
        assert_eq!(ahead.without_gap(8, 7), 1_000_009, "with what came before");
        assert_eq!(ahead.without_gap(1_000_011, 1_000_009), 1_000_009);
        assert_eq!(ahead.without_gap(1_000_010, 1_000_009), 2_000_011);
        assert_eq!(ahead.without_gap(2_000_012, 2_000_011), 2_000_012);
        let mut first = Ahead::of(vec![(8, 1_000_007)]);
        assert_eq!(first.without_gap(1_000_008, 7), 1_000_008, "the first one after a crash");
    }

    #[test]
    fn endlessly_many_results_ahead_of_one_take_bounded_memory_and_lose_nothing() {
        let mut ahead = Ahead::default();
        let many = REMEMBERED_MAX as u64 * 2;
        assert!((2..many).all(|sequence| ahead.without_gap(sequence, 0) == 0));
        assert_eq!(ahead.came.len(), REMEMBERED_MAX);
        let up_to = ahead.without_gap(1, 0);
        assert_eq!(up_to, REMEMBERED_MAX as u64 + 1, "what is beyond comes again");
    }
}
