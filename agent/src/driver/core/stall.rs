//! Established sessions that fall silent all at once: the link was cut, long before any deadline says so.

use super::Core;
use std::time::Duration;
use switchyard_shared::id::OpId;
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
}

impl Core {
    /// Whether the driver should tell when each session was last heard.
    pub fn wants_hearing(&self, now: Timestamp) -> bool {
        self.next_stall_check().is_some_and(|due| due <= now)
    }

    pub(super) fn next_stall_check(&self) -> Option<Timestamp> {
        let last = self.last_heard()?;
        let due = last.plus(SILENT_FOR).max(self.stall.not_before);
        (self.stall.told.is_none_or(|told| told < last)).then_some(due)
    }

    /// When any established session was last heard; `None` if there are too few to compare.
    fn last_heard(&self) -> Option<Timestamp> {
        let mut heard = vec![];
        for running in self.running.values() {
            if let (Some(answered_at), None) = (running.answered_at, &running.doubt) {
                heard.push(running.heard_at.max(answered_at));
            }
        }
        if heard.len() < SESSIONS_MIN { None } else { heard.into_iter().max() }
    }

    /// When each session was last heard.
    pub(super) fn heard(&mut self, sessions: Vec<(OpId, Timestamp)>, now: Timestamp) {
        let due = self.next_stall_check();
        for (op, at) in sessions {
            if let Some(running) = self.running.get_mut(&op) {
                running.heard_at = running.heard_at.max(at);
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
            .filter(|(_, running)| running.answered_at.is_some() && running.doubt.is_none())
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
