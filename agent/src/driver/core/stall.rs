//! Established sessions that fall silent all at once: the link was cut, long before any deadline says so.

use super::{Core, Heard, Running};
use std::time::Duration;
use switchyard_shared::procedure::Transport;
use switchyard_shared::task::{Task, Work};
use switchyard_shared::time::{Timestamp, format_duration};

/// Silence of every session that makes a site suspect. Three times as long as a session waits before it
/// asks the device for a sign of life.
const SILENT_FOR: Duration = Duration::from_secs(15);
/// Fewest sessions that mean something together.
const SESSIONS_MIN: usize = 2;
/// A look that comes later than this was late because of us.
const LATE: Duration = Duration::from_millis(250);
/// What the devices then get to make themselves heard again.
const AFTER_OUR_STALL: Duration = Duration::from_secs(6);
/// Most devices that the reason names.
const NAMED_MAX: usize = 5;

/// When to look, and what was said already.
#[derive(Debug, Default)]
pub struct Stall {
    not_before: Timestamp,
    /// The silence that was told: one is told once.
    told: Option<Timestamp>,
    /// When to look whether there are sessions again where there were none.
    look_at: Timestamp,
}

/// Whether an attempt at `task` may have a session that asks the device for signs of life: one over HTTP or gNMI, and a
/// program of this machine, may be silent as long as it likes.
pub(super) fn may_ask(task: &Task) -> bool {
    transport(task).is_ssh()
}

fn transport(task: &Task) -> Transport {
    match &task.work {
        Work::Command { .. } | Work::HostKeys => Transport::SshCli,
        Work::Driver(procedure) => procedure.transport,
    }
}

impl Running {
    fn is_established(&self) -> bool {
        self.answered_at.is_some() && self.doubt.is_none()
    }

    /// When something last came over the network; what a program of this machine says did not.
    fn heard(&self) -> Option<Timestamp> {
        let answered_at = self.answered_at?;
        (transport(&self.task) != Transport::LocalExec).then(|| self.heard_at.max(answered_at))
    }
}

impl Core {
    /// Whether the driver should tell when each session was last heard.
    pub fn wants_hearing(&self, now: Timestamp) -> bool {
        self.next_stall_check().is_some_and(|due| due <= now)
    }

    pub(super) fn next_stall_check(&self) -> Option<Timestamp> {
        let due = self.last_heard().filter(|last| self.stall.told.is_none_or(|told| told < *last));
        let due = due.map(|last| last.plus(SILENT_FOR).max(self.stall.not_before));
        let may_come_to_ask =
            |running: &Running| running.is_established() && !running.is_asking && may_ask(&running.task);
        let looks = self.running.values().any(may_come_to_ask).then_some(self.stall.look_at);
        due.into_iter().chain(looks).min()
    }

    /// When something last came of any device; `None` if there are too few sessions to compare.
    fn last_heard(&self) -> Option<Timestamp> {
        let established = || self.running.values().filter(|running| running.is_established());
        let sessions = established().filter(|running| running.is_asking).count();
        if sessions < SESSIONS_MIN { None } else { established().filter_map(Running::heard).max() }
    }

    /// What each attempt has heard.
    pub(super) fn heard(&mut self, all: Vec<Heard>, now: Timestamp) {
        let due = self.next_stall_check();
        self.stall.look_at = now.plus(SILENT_FOR);
        for Heard { op, at, is_asking } in all {
            if let Some(running) = self.running.get_mut(&op) {
                running.heard_at = running.heard_at.max(at);
                running.is_asking = is_asking;
            }
        }
        let Some(last) = self.last_heard() else { return };
        if now < last.plus(SILENT_FOR) || self.stall.told.is_some_and(|told| told >= last) {
            return;
        }
        // While we stood still nobody could be heard.
        if due.is_some_and(|due| now.since(due) > LATE) {
            self.stall.not_before = now.plus(AFTER_OUR_STALL);
            return;
        }
        self.stall.told = Some(last);
        let silent: Vec<&str> = self
            .running
            .iter()
            .filter(|(_, running)| running.is_established() && running.is_asking)
            .map(|(op, _)| op.device.as_str())
            .collect();
        let more = if silent.len() > NAMED_MAX { " and others" } else { "" };
        let why = format!(
            "{} established sessions have been silent for {} together: {}{more}",
            silent.len(),
            format_duration(now.since(last)),
            silent[..silent.len().min(NAMED_MAX)].join(", "),
        );
        self.breakers.suspect(&why, now);
        self.note_moves(now);
    }
}
