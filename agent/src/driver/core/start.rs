//! What starts: in order of arrival, through site, credential, device and pool. What must wait for long is
//! answered at once, what need not keeps its rank.

use super::stall::may_ask;
use super::{Core, Effect, Running};
use crate::attempt;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::breaker::{self, Admission, Name, NotNow};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::pool::{self, Ask, Lease};
use switchyard_shared::task::{Purpose, Task, Work};
use switchyard_shared::time::Timestamp;

/// What an attempt may take beyond its longest, before its place is taken from it.
const OVERDUE_AFTER: Duration = Duration::from_secs(60);
/// How long what was asked for before a hold waits at the held site; then it goes back unstarted.
pub(super) const HELD_WAIT_MAX: Duration = Duration::from_secs(2);

impl Core {
    pub(super) fn start_what_may(&mut self, now: Timestamp) {
        if self.draining || self.journal_lost.is_some() || self.journal_full().is_some() {
            return;
        }
        let mut waiting = VecDeque::new();
        while let Some(task) = self.queue.pop_front() {
            if let Some(task) = self.try_start(task, now) {
                waiting.push_back(task);
            }
        }
        self.queue = waiting;
    }

    /// Starts or refuses the task; gives it back when it need not wait for long.
    fn try_start(&mut self, task: Task, now: Timestamp) -> Option<Task> {
        let device = task.op.device.clone();
        let deadline = now.plus(attempt::known_by(&task));
        let wanted = breaker::Attempt {
            device: &device,
            credential: &task.endpoint.credential_ref,
            connect_timeout: task.timeouts.connect,
            deadline,
            first: !self.tried.has_failed(&task.op),
        };
        let back_at = self.link.held_since().map(|since| since.plus(HELD_WAIT_MAX));
        let admission = match (&task.purpose, &task.work) {
            (Purpose::Apply, _) => self.breakers.try_acquire(&wanted, now),
            (Purpose::Compare, Work::HostKeys) => self.breakers.try_acquire_keys(&wanted, now),
            (Purpose::Restore { .. } | Purpose::Settle { .. } | Purpose::Compare, _) => {
                self.breakers.try_acquire_in_doubt(&wanted, now)
            }
        };
        let admission = match admission {
            Ok(admission) => admission,
            Err(not_now)
                if not_now.soon && !(is_of_site(&not_now) && back_at.is_some_and(|at| at <= now)) =>
            {
                let looks = not_now.retry_at.into_iter().chain(back_at.filter(|at| *at > now));
                self.start_at = self.start_at.into_iter().chain(looks).min();
                return Some(task);
            }
            Err(not_now) => {
                let message = not_now.to_string();
                let outcome = Outcome::new(Class::NotStarted, Phase::Queue, LeftAs::Unchanged, &message, now);
                self.answer(task.op, outcome);
                return None;
            }
        };
        let ask = Ask {
            device: &device,
            credential: &task.endpoint.credential_ref,
            retry: self.tried.has_failed(&task.op),
            work: if is_restore(&task) { pool::Work::Rollback } else { pool::Work::Rollout },
            deadline: deadline.plus(OVERDUE_AFTER),
        };
        match self.pool.try_acquire(&ask, now) {
            Ok(lease) => {
                self.begin(Arc::new(task), admission, lease, now);
                None
            }
            Err(not_now) => {
                self.start_at = self.start_at.into_iter().chain(not_now.retry_at).min();
                let _counts_for_nothing = self.breakers.finish(admission, Class::NotStarted, now);
                Some(task)
            }
        }
    }

    fn begin(&mut self, task: Arc<Task>, admission: Admission, lease: Lease, now: Timestamp) {
        let preparing = attempt::preparing(&task);
        if !preparing.is_zero() {
            self.breakers.prepares(&admission, preparing);
        }
        self.running.insert(
            task.op.clone(),
            Running {
                task: task.clone(),
                admission,
                lease,
                answered_at: None,
                heard_at: now,
                is_asking: may_ask(&task),
                wrote_at: None,
                way_lost: false,
                unseen: false,
                asked: None,
                doubt: None,
            },
        );
        self.effects.push_back(Effect::Start(task));
    }
}

/// Whether a person has the device put back: that queues behind nothing.
pub(super) fn is_restore(task: &Task) -> bool {
    matches!(task.purpose, Purpose::Restore { .. })
}

fn is_of_site(not_now: &NotNow) -> bool {
    matches!(not_now.who, Name::Site(_))
}
