//! What a site's breaker does by itself: held, released, opened, half-open.

use super::{Rules, SiteBreaker};
use crate::breaker::silence::Turn;
use crate::breaker::{Report, State, Wake};
use crate::time::Timestamp;

/// More turns than one look at the same evidence can give.
const TURNS_MAX: usize = 8;

impl SiteBreaker {
    /// Looks at everything that may have become due, and adds a report for each move.
    pub(in crate::breaker) fn poll(&mut self, now: Timestamp, rules: &Rules, moved: &mut Vec<Report>) {
        if self.circuit.handle_timeout(now, rules.healing()) {
            moved.push(self.report());
        }
        if !self.is_counting() {
            return;
        }
        let mut why_open = None;
        for _ in 0..TURNS_MAX {
            match self.silence.poll(now, rules.levels()) {
                Some(Turn::Open { why, failed, seen }) => {
                    why_open = Some((why, (failed, seen)));
                    break;
                }
                Some(Turn::Suspected | Turn::Released) => {
                    self.turned_at = now;
                    if self.circuit.state() == State::Closed {
                        moved.push(self.report());
                    }
                }
                None => break,
            }
        }
        let by_outcome = || self.window.why_open(rules.devices, now).map(|why| (why, self.window.counts()));
        let why_open = why_open.or_else(by_outcome);
        match (self.circuit.state(), why_open) {
            (State::ForcedClosed, why) => {
                let why = why.map(|(why, _)| why);
                if self.would_open != why {
                    self.would_open = why;
                    moved.push(self.report());
                }
            }
            (State::Closed, Some((why, counts))) => {
                self.open(why, counts, now, rules);
                moved.push(self.report());
            }
            (State::Closed | State::Held | State::Open | State::HalfOpen | State::ForcedOpen, _) => {}
        }
    }

    fn open(&mut self, why: String, counts: (u32, u32), now: Timestamp, rules: &Rules) {
        let why = match rules.settings.site_reset_manual {
            true => format!("{why}; closed only by switchyard breaker reset site/{} --reason WHY", self.site),
            false => why,
        };
        self.circuit.open(why, now, rules.healing());
        self.silence.opened(now);
        self.opened_on = counts;
    }

    /// The next instant after `polled_at` at which something may move by itself.
    pub(in crate::breaker) fn poll_timeout(&self, polled_at: Timestamp) -> Option<(Timestamp, Wake)> {
        let silence = if self.is_counting() { self.silence.poll_timeout(polled_at) } else { None };
        let circuit = self.circuit.poll_timeout().filter(|(at, wake)| match wake {
            // Only tells whoever was refused to ask again.
            Wake::ProbeAgain => *at > polled_at,
            Wake::WaitOver | Wake::ProbeOverdue | Wake::ConnectSilent => true,
        });
        silence.into_iter().chain(circuit).min_by_key(|(at, _)| *at)
    }
}
