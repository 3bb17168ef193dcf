//! A full disk: nothing new starts, results go on, and the disk is asked for room until it has some.

use super::{Core, Effect};
use std::time::Duration;
use switchyard_shared::breaker::{Name, Report, State};
use switchyard_shared::time::Timestamp;

/// How long a full disk is left alone between two questions.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What is known of the disk.
#[derive(Debug, Default)]
pub struct Disk {
    full: Option<String>,
    full_since: Timestamp,
    /// When it is asked next; `None` while an answer is waited for.
    ask_at: Option<Timestamp>,
}

impl Disk {
    /// An answer came.
    pub fn asked(&mut self, now: Timestamp) {
        self.ask_at = Some(now.plus(ASK_EVERY));
    }

    /// When it is to be asked for room.
    pub fn next_question(&self) -> Option<Timestamp> {
        self.ask_at.filter(|_| self.full.is_some())
    }
}

impl Core {
    /// Why nothing new starts, if the disk is full.
    pub fn journal_full(&self) -> Option<&str> {
        self.disk.full.as_deref()
    }

    /// What waits in the queue goes back, and so does what runs and has written nothing: the coordinator
    /// tells people why, and sends it again when there is credit again. What only reads goes on.
    pub(super) fn journal_is_full(&mut self, why: Option<String>, now: Timestamp) {
        match &why {
            Some(why) => {
                tracing::error!("failed to {why}; starting nothing new, results are still delivered");
                self.refuse_queued(&format!("failed to {why}"), now);
                let applying = self.running.iter().filter(|(_, running)| running.task.purpose.writes());
                let applying = applying.map(|(op, _)| op.clone()).collect();
                self.call_off(applying, "called off: the disk of this agent is full", now);
                self.disk.asked(now);
            }
            None => tracing::info!("the disk has room again; going on"),
        }
        (self.disk.full, self.disk.full_since) = (why, now);
        let site = self.breakers.reports().into_iter().find(|report| matches!(report.name, Name::Site(_)));
        if let Some(site) = site {
            self.outbox.report(site);
        }
    }

    /// While the disk is full the site is held, which is how people hear why nothing of it starts.
    pub(super) fn unless_full(&self, report: Report) -> Report {
        let lets_start = matches!(report.state, State::Closed | State::ForcedClosed);
        match self.disk.full.as_ref().filter(|_| lets_start && matches!(report.name, Name::Site(_))) {
            None => report,
            Some(why) => {
                let (reason, since) = (format!("failed to {why}"), self.disk.full_since);
                Report { state: State::Held, reason, since, ..report }
            }
        }
    }

    pub(super) fn ask_for_room(&mut self, now: Timestamp) {
        if self.disk.next_question().is_some_and(|at| at <= now) {
            self.disk.ask_at = None;
            self.effects.push_back(Effect::AskForRoom);
        }
    }
}
