//! Devices without input and output: they note when they are started, take their time, and answer.

use futures_util::future::BoxFuture;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use switchyard_agent::clock::Clock;
use switchyard_agent::executor::{AttemptContext, Executor};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::task::Task;
use switchyard_shared::time::Timestamp;
use tokio_util::sync::CancellationToken;

/// The golden ratio's share of 2^32: multiples of it spread evenly however many there are.
const SPREAD: u32 = 0x9E37_79B9;

/// All devices of all sites.
pub struct Devices {
    clock: Arc<dyn Clock>,
    takes: Duration,
    attempts: AtomicU32,
    starts: Mutex<Vec<Timestamp>>,
    refuse: AtomicBool,
}

impl Devices {
    pub fn new(clock: Arc<dyn Clock>, takes: Duration) -> Arc<Self> {
        Arc::new(Self {
            clock,
            takes,
            attempts: AtomicU32::new(0),
            starts: Mutex::default(),
            refuse: AtomicBool::new(false),
        })
    }

    /// Between half and one and a half times what a device takes: with the same for all of them they would
    /// start in step, and a stop between two steps would see no start at all.
    fn next_takes(&self) -> Duration {
        let share = self.attempts.fetch_add(1, Ordering::SeqCst).wrapping_mul(SPREAD);
        self.takes.mul_f64(0.5 + f64::from(share) / f64::from(u32::MAX))
    }

    /// From now on they refuse what they are given, or take it.
    pub fn set_refuse(&self, refuse: bool) {
        self.refuse.store(refuse, Ordering::SeqCst);
    }

    /// How many were started since the last [`Self::take_starts`].
    pub fn started(&self) -> usize {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// When each was started.
    pub fn take_starts(&self) -> Vec<Timestamp> {
        std::mem::take(&mut *self.starts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Executor for Devices {
    fn attempt<'a>(
        &'a self,
        _task: &'a Task,
        context: &'a dyn AttemptContext,
        _cancel: CancellationToken,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let started_at = self.clock.now();
            self.starts.lock().unwrap_or_else(PoisonError::into_inner).push(started_at);
            let end = |class, left_as, message: &str| {
                let mut outcome = Outcome::new(class, Phase::Write, left_as, message, self.clock.now());
                outcome.started_at = started_at;
                outcome
            };
            if let Err(refused) = context.open_write_gate(None).await {
                return end(refused.class, LeftAs::Unchanged, &refused.message);
            }
            tokio::time::sleep(self.next_takes()).await;
            match self.refuse.load(Ordering::SeqCst) {
                true => end(Class::Rejected, LeftAs::Unchanged, "refused"),
                false => end(Class::Ok, LeftAs::Changed, ""),
            }
        })
    }
}
