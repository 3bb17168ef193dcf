//! Breakers that moved: reported, and what has written nothing behind an open one is called off.

use super::{Core, Effect};
use std::collections::BTreeMap;
use switchyard_shared::breaker::{Name, State, most_cautious};
use switchyard_shared::id::OpId;
use switchyard_shared::time::Timestamp;

impl Core {
    pub(super) fn note_moves(&mut self, now: Timestamp) {
        for report in self.breakers.take_reports() {
            log_move(&report);
            self.unsaved = true;
            if matches!(report.name, Name::Site(_)) {
                self.link.site_is(report.state, report.by == "auto", now);
            }
            match report.state {
                State::Open | State::ForcedOpen => self.call_off_behind(&report.name, now),
                State::Closed | State::Held | State::HalfOpen | State::ForcedClosed => {}
            }
            if self.connected {
                self.outbox.report(report);
            }
        }
    }

    fn call_off_behind(&mut self, name: &Name, now: Timestamp) {
        let behind = self.running.iter().filter(|(op, running)| match name {
            Name::Site(_) => true,
            Name::Device(device) => op.device == *device,
            Name::Credential { reference, .. } => running.task.endpoint.credential_ref == *reference,
            Name::Group { .. } | Name::Global { .. } => false,
        });
        let behind: Vec<OpId> = behind.map(|(op, _)| op.clone()).collect();
        self.call_off(behind, &format!("called off: {name} opened"), now);
    }

    /// Calls off what has written nothing; what it still says about its site is not heard any more.
    pub(super) fn call_off(&mut self, ops: Vec<OpId>, message: &str, now: Timestamp) {
        for op in ops {
            let Some(running) = self.running.get_mut(&op).filter(|running| running.wrote_at.is_none()) else {
                continue;
            };
            self.breakers.cancelled(&mut running.admission, now);
            self.effects.push_back(Effect::CallOff { op, message: message.to_owned() });
        }
    }

    /// The most cautious settings of the rollouts that have work here; the last ones stay when none has.
    pub(super) fn merge_settings(&mut self, now: Timestamp) {
        let queued = self.queue.iter().map(|task| (&task.op.rollout, &task.breakers));
        let running = self.running.values().map(|running| (&running.task.op.rollout, &running.task.breakers));
        let by_rollout: BTreeMap<_, _> = queued.chain(running).collect();
        if let Some(settings) = most_cautious(by_rollout.into_values()) {
            self.breakers.set_settings(settings, now);
            self.note_moves(now);
        }
        self.merge_pool_settings();
    }
}

fn log_move(report: &switchyard_shared::breaker::Report) {
    let (name, state, reason, by) = (&report.name, report.state, &report.reason, &report.by);
    match state {
        State::Open => {
            let retry =
                report.retry_at.map(|at| format!("; it tries again at {}", at.clock())).unwrap_or_default();
            tracing::warn!("{name} is open: {reason}{retry}");
        }
        State::ForcedOpen => tracing::warn!("{name} was opened by {by}: {reason}"),
        State::Closed | State::Held | State::HalfOpen | State::ForcedClosed => {
            tracing::info!("{name} is {state}: {reason} (by {by})")
        }
    }
}
