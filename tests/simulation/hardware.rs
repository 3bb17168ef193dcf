//! Machines as things: they stand still for a while, and lose power in the middle of what their disk does.

use crate::time::TrueTime;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use switchyard_agent::fs::memory::{MemoryFs, Op};

/// What changes something on a disk.
const CHANGES: [Op; 6] = [Op::Append, Op::Sync, Op::Create, Op::Rename, Op::Remove, Op::SyncDir];

#[derive(Debug, Default, Clone, Copy)]
struct State {
    armed: Option<(bool, Duration)>,
    just_stalled: bool,
    disk_still_until: Duration,
    frozen_until: Duration,
    power_failed: bool,
}

/// The machine of one site. Its clones are the same machine.
#[derive(Debug, Clone)]
pub struct Machine {
    state: Arc<Mutex<State>>,
    time: TrueTime,
}

impl Machine {
    /// One that moves.
    pub fn new(time: TrueTime) -> Self {
        Self { state: Arc::default(), time }
    }

    /// Lets the disk, and all else when `frozen`, stand still for so long from the next intent on.
    pub fn arm(&self, frozen: bool, for_: Duration) {
        self.lock().armed = Some((frozen, for_));
    }

    /// An intent comes to the disk.
    pub fn intent_comes(&self) {
        let (now, mut state) = (self.time.elapsed(), self.lock());
        let Some((frozen, for_)) = state.armed.take() else { return };
        state.disk_still_until = now + for_;
        if frozen {
            state.frozen_until = now + for_;
        }
        state.just_stalled = true;
    }

    /// Whether the machine has begun to stand still since this was asked last.
    pub fn takes_stall(&self) -> bool {
        std::mem::take(&mut self.lock().just_stalled)
    }

    /// Moves from now on, whatever was to come.
    pub fn heal(&self) {
        let mut state = self.lock();
        *state = State { just_stalled: false, power_failed: state.power_failed, ..State::default() };
    }

    /// How long a write of the disk takes that else takes `wait`.
    pub fn disk_takes(&self, wait: Duration) -> Duration {
        wait.max(self.lock().disk_still_until.saturating_sub(self.time.elapsed()))
    }

    /// Waits while the machine is frozen.
    pub async fn moves(&self) {
        loop {
            let left = self.lock().frozen_until.saturating_sub(self.time.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    /// Power fails at the operation of `disk` that comes after so many more: that one and all later ones
    /// fail, and what was not synced may be gone.
    pub fn fail_power(&self, disk: &MemoryFs, after: u64) {
        let (state, left, of_hook) = (self.state.clone(), AtomicU64::new(after), disk.clone());
        disk.set_hook(Some(Arc::new(move |op| {
            let is_the_one = CHANGES.contains(&op) && left.fetch_sub(1, Ordering::SeqCst) == 0;
            if !is_the_one {
                return;
            }
            of_hook.crash();
            CHANGES.iter().for_each(|op| of_hook.fail(*op, 0, u64::MAX, io::ErrorKind::Other));
            state.lock().unwrap_or_else(PoisonError::into_inner).power_failed = true;
        })));
    }

    /// Whether power has failed since this was asked last.
    pub fn takes_power_failure(&self) -> bool {
        std::mem::take(&mut self.lock().power_failed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
