//! What happens when, in simulated time: earliest first, and in the order it was planned.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// A device's handshake is done.
    Answer { rank: u32, serial: u32 },
    /// An attempt's work is done.
    End { rank: u32, serial: u32 },
    /// A connect has been silent for its timeout.
    Silence { rank: u32, serial: u32 },
    /// An agent's breakers have something due.
    Agent(u32),
    /// The rollout asked to be looked at.
    Coordinator,
    /// A site goes dark.
    Dark(u32),
}

#[derive(Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(i64, u64, What)>>,
    planned: u64,
    wake: Option<i64>,
}

impl Agenda {
    pub(super) fn add(&mut self, at: i64, what: What) {
        self.planned += 1;
        self.heap.push(Reverse((at, self.planned, what)));
    }

    /// Wakes the rollout then; an earlier or equal wish that still waits serves as well.
    pub(super) fn wake_at(&mut self, at: i64, now: i64) {
        if self.wake.is_none_or(|known| at < known || known <= now) {
            self.wake = Some(at);
            self.add(at, What::Coordinator);
        }
    }

    /// Whether a wish to be woken is due, which it is only once.
    pub(super) fn is_due(&mut self, now: i64) -> bool {
        let due = self.wake.is_some_and(|at| at <= now);
        if due {
            self.wake = None;
        }
        due
    }

    pub(super) fn next(&mut self) -> Option<(i64, What)> {
        self.heap.pop().map(|Reverse((at, _, what))| (at, what))
    }
}
