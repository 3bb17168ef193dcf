//! A set of small numbers in order: bits, with a tree of words above them so that finding the next is a few steps.

/// Numbers below a fixed bound.
#[derive(Debug, Clone)]
pub(super) struct Ranks {
    levels: Vec<Vec<u64>>,
}

impl Ranks {
    /// The empty set of numbers below `bound`.
    pub(super) fn new(bound: usize) -> Self {
        let mut levels = Vec::new();
        let mut words = bound.div_ceil(64).max(1);
        loop {
            levels.push(vec![0; words]);
            if words == 1 {
                return Self { levels };
            }
            words = words.div_ceil(64);
        }
    }

    /// Adds `at`.
    pub(super) fn insert(&mut self, mut at: usize) {
        for words in &mut self.levels {
            let word = &mut words[at >> 6];
            let had = *word;
            *word |= 1 << (at & 63);
            if had != 0 {
                return;
            }
            at >>= 6;
        }
    }

    /// Takes `at` out.
    pub(super) fn remove(&mut self, mut at: usize) {
        for words in &mut self.levels {
            let word = &mut words[at >> 6];
            *word &= !(1 << (at & 63));
            if *word != 0 {
                return;
            }
            at >>= 6;
        }
    }

    /// The smallest number from `start` on and below `end`.
    pub(super) fn first_in(&self, start: usize, end: usize) -> Option<usize> {
        let mut at = start;
        for (level, words) in self.levels.iter().enumerate() {
            let index = at >> 6;
            let bits = words.get(index)? & (u64::MAX << (at & 63));
            if bits != 0 {
                let mut found = (index << 6) + bits.trailing_zeros() as usize;
                for below in self.levels[..level].iter().rev() {
                    found = (found << 6) + below[found].trailing_zeros() as usize;
                }
                return (found < end).then_some(found);
            }
            at = index + 1;
        }
        None
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let found = self.first_in(at, usize::MAX)?;
            at = found + 1;
            Some(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set_in_order(
            bound in 1..9000_usize,
            moves in proptest::collection::vec((any::<bool>(), any::<proptest::sample::Index>()), 0..200),
            ask in any::<proptest::sample::Index>(),
        ) {
            let mut ours = Ranks::new(bound);
            let mut theirs = BTreeSet::new();
            for (add, at) in moves {
                let at = at.index(bound);
                if add { ours.insert(at); theirs.insert(at); } else { ours.remove(at); theirs.remove(&at); }
            }
            prop_assert!(ours.iter().eq(theirs.iter().copied()));
            let start = ask.index(bound);
            prop_assert_eq!(ours.first_in(start, bound), theirs.range(start..).next().copied());
            prop_assert_eq!(ours.first_in(start, start), None);
        }
    }
}
