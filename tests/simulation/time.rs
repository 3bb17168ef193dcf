//! The one true time of a run, and the clocks that programs see.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use switchyard_shared::time::Timestamp;

/// When every run begins.
const BEGINNING: Timestamp = Timestamp(1_790_000_000_000_000);

/// Time as it is, for the ledgers and the faults.
#[derive(Debug, Clone, Default)]
pub struct TrueTime(Arc<AtomicI64>);

impl TrueTime {
    /// The run is at `elapsed` now; for what happens between the steps of the programs.
    pub fn set(&self, elapsed: Duration) {
        self.0.store(i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Since the beginning of the run.
    pub fn elapsed(&self) -> Duration {
        let between = Duration::from_micros(u64::try_from(self.0.load(Ordering::SeqCst)).unwrap_or(0));
        turmoil::sim_elapsed().unwrap_or(between)
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        BEGINNING.plus(self.elapsed())
    }

    /// The instant `elapsed` after the beginning.
    pub fn at(elapsed: Duration) -> Timestamp {
        BEGINNING.plus(elapsed)
    }
}

/// The clock of one machine, wrong by so many microseconds.
#[derive(Debug, Clone)]
pub struct Clock {
    /// The true time.
    pub time: TrueTime,
    /// How much this one is ahead.
    pub skew: i64,
}

impl Clock {
    fn read(&self) -> Timestamp {
        Timestamp(self.time.now().0 + self.skew)
    }
}

impl switchyard_agent::clock::Clock for Clock {
    fn now(&self) -> Timestamp {
        self.read()
    }
}

impl switchyard_coordinator::clock::Clock for Clock {
    fn now(&self) -> Timestamp {
        self.read()
    }
}
