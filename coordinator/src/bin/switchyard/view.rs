//! What a watcher knows of a rollout: the fold of its events, whose counts add up at every event.

mod counts;
mod fold;

pub use counts::Counts;

use crate::text::{counted, number, one_line};
use crate::words::{self, is_final};
use std::collections::BTreeMap;
use std::sync::Arc;
use switchyard_proto::v1;
use switchyard_proto::v1::wave_status::State as WaveState;
use switchyard_shared::breaker::State as BreakerState;
use switchyard_shared::outcome::{Class, DeviceState, LeftAs, Phase};
use switchyard_shared::rollout::RolloutState;
use switchyard_shared::time::Timestamp;

/// Everything that a screen of one rollout is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The rollout's name without its collection.
    pub rollout: String,
    /// The plan's full name.
    pub plan: String,
    /// Its state.
    pub state: RolloutState,
    /// Why it is in this state.
    pub reason: String,
    /// Who put it there, when the events said.
    pub by: String,
    /// Devices by state; their sum is what was planned.
    pub counts: Counts,
    /// In the plan's order.
    pub waves: Vec<Wave>,
    /// Index into `waves`.
    pub current_wave: usize,
    /// By name.
    pub sites: BTreeMap<String, Counts>,
    /// Those that are not closed, by name.
    pub breakers: BTreeMap<String, Breaker>,
    /// Devices that are not well, by name.
    pub troubles: BTreeMap<String, Trouble>,
    /// What the rollout waits for.
    pub blocked_on: Vec<String>,
    /// What holds in at least 95 of 100 rollouts; empty when nothing may be said.
    pub harm_expected: String,
    /// Why no more devices are in flight; empty when the pace is not what keeps them.
    pub pace: String,
    /// UNKNOWN devices that are being read, and those that need a person, when last told.
    pub doubts: (u32, u32),
    /// The last event that was folded in.
    pub sequence: u64,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What the connection waits for while it is lost.
    pub reconnecting: Option<String>,
    places: BTreeMap<String, Place>,
}

/// One wave.
#[derive(Debug, Clone, PartialEq)]
pub struct Wave {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: WaveState,
    /// Its devices by state.
    pub counts: Counts,
    /// The next wave waits until then.
    pub soak_until: Option<Timestamp>,
}

/// A breaker; a view keeps those that are not closed.
#[derive(Debug, Clone, PartialEq)]
pub struct Breaker {
    /// Its state.
    pub state: BreakerState,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// When it tries again by itself.
    pub retry_at: Option<Timestamp>,
    /// `auto` or an operator.
    pub by: String,
    /// Distinct devices that failed lately.
    pub failed: u32,
    /// Distinct devices that were seen lately.
    pub seen: u32,
}

impl Breaker {
    /// What the wire says of a breaker; `None` for a state that this program does not know.
    pub fn read(breaker: &v1::Breaker) -> Option<Self> {
        Some(Self {
            state: BreakerState::parse(words::breaker_state(breaker.state))?,
            reason: one_line(&breaker.reason),
            since: words::instant_of(breaker.since.as_ref()),
            retry_at: words::instant_of(breaker.retry_at.as_ref()),
            by: one_line(&breaker.by),
            failed: breaker.failed,
            seen: breaker.seen,
        })
    }
}

/// A device that failed, was skipped, or of which nobody knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// Its site.
    pub site: String,
    /// Its wave.
    pub wave: String,
    /// Its state.
    pub state: DeviceState,
    /// The class of its last attempt; none when it was never tried.
    pub class: Option<Class>,
    /// The phase in which that attempt ended, when it did not go well and somebody told.
    pub phase: Option<Phase>,
    /// What it was left as.
    pub left_as: Option<LeftAs>,
    /// Why, in one line.
    pub message: String,
    /// What to do next, as [`crate::text::unnamed`] has it; may be empty.
    pub hint: String,
    /// Tries so far.
    pub attempt: u32,
}

impl Trouble {
    /// The word it is grouped under: its class, or its state when it was never tried.
    pub fn word(&self) -> &'static str {
        self.class.filter(|_| self.was_tried()).map_or(self.state.as_str(), Class::as_str)
    }

    /// The word it is grouped under, and the phase that its attempt ended in.
    pub fn end(&self) -> String {
        words::in_phase(self.word(), self.phase.filter(|_| self.was_tried()))
    }

    /// Its end, and what it was left as: `TIMEOUT in read, left unchanged`.
    pub fn end_and_left(&self) -> String {
        let left = self.left_as.map(|left| format!(", left {}", left.as_str().to_lowercase()));
        format!("{}{}", self.end(), left.unwrap_or_default())
    }

    /// Whether a person may have to do something about how it ended.
    pub fn wants_advice(&self) -> bool {
        self.was_tried() && self.state != DeviceState::RolledBack && !self.hint.is_empty()
    }

    /// Whether it was reached for: one that is skipped was not, unless a check before the write said no.
    pub fn was_tried(&self) -> bool {
        self.state != DeviceState::Skipped || self.class == Some(Class::PrecheckFailed)
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Place {
    site: Arc<str>,
    wave: usize,
    state: DeviceState,
}

impl View {
    /// Whether nothing more is expected: a final state and no device in flight or waiting.
    pub fn is_over(&self) -> bool {
        is_final(self.state)
            && self.counts.of(DeviceState::Running) == 0
            && self.counts.of(DeviceState::Pending) == 0
    }

    /// What the rollout waits for, in one line; `None` while devices are being worked on and nothing
    /// holds the rest, and after the end. An aborted rollout waits for its devices in flight.
    pub fn waiting_for(&self) -> Option<String> {
        if is_final(self.state) {
            let late = self.counts.of(DeviceState::Running);
            if late > 0 && self.state == RolloutState::Aborted {
                return Some(format!("{} in flight to report", counted(late.into(), "device")));
            }
            return (!self.blocked_on.is_empty()).then(|| self.blocked_on.join("; "));
        }
        let why = |fallback: &str| if self.reason.is_empty() { fallback.into() } else { self.reason.clone() };
        let resume = format!("switchyard rollout resume {}", self.rollout);
        match self.state {
            RolloutState::Paused if self.reason.starts_with("paused") => {
                return Some(format!("{}; go on with: {resume}", self.reason));
            }
            RolloutState::Paused if self.by.is_empty() || self.by == "auto" => {
                return Some(format!("paused: {}; go on with: {resume}", why("no reason given")));
            }
            RolloutState::Paused => {
                return Some(format!(
                    "paused by {}: {}; go on with: {resume}",
                    self.by,
                    why("no reason given")
                ));
            }
            RolloutState::AwaitingApproval => return Some(why("an approval")),
            RolloutState::Pending
            | RolloutState::Running
            | RolloutState::Stopped
            | RolloutState::Succeeded
            | RolloutState::PartiallySucceeded
            | RolloutState::Failed
            | RolloutState::Aborted
            | RolloutState::RollingBack
            | RolloutState::RolledBack => {}
        }
        let wave = self.waves.get(self.current_wave).and_then(|wave| self.waiting_after(wave));
        wave.or_else(|| (!self.blocked_on.is_empty()).then(|| self.blocked_on.join("; ")))
    }

    /// What the rollout waits for after `wave`; worded once, so that an event and a heartbeat that say the
    /// same read the same.
    fn waiting_after(&self, wave: &Wave) -> Option<String> {
        match (wave.state, wave.soak_until) {
            (WaveState::AwaitingPromotion, _) => Some(format!(
                "promotion after wave {}: switchyard rollout promote {}",
                wave.name, self.rollout
            )),
            (WaveState::Soaking, Some(until)) => {
                Some(format!("soak after wave {} until {}", wave.name, until.clock()))
            }
            (WaveState::Soaking, None)
            | (WaveState::Unspecified | WaveState::Waiting | WaveState::Running | WaveState::Done, _) => None,
        }
    }

    /// What is known of the harm: what is certain now, and what is expected by the end.
    pub fn harm(&self) -> String {
        let of = |state| self.counts.of(state);
        let (failed, unknown) = (of(DeviceState::Failed), of(DeviceState::Unknown));
        let in_flight = of(DeviceState::Running);
        let certain = number((failed + unknown + in_flight).into());
        let (failed, unknown, in_flight) =
            (number(failed.into()), number(unknown.into()), number(in_flight.into()));
        let now =
            format!("{failed} failed, {unknown} unknown, {in_flight} in flight: certainly at most {certain}");
        if self.harm_expected.is_empty() { now } else { format!("{now}; {}", self.harm_expected) }
    }

    /// Who settles its UNKNOWN devices, and how; absent when there are none.
    pub fn in_doubt(&self) -> Option<String> {
        let reconcile = format!("switchyard device reconcile --all --rollout {}", self.rollout);
        match self.doubts {
            (0, 0) => None,
            (settling, 0) => Some(format!("{settling} being read back")),
            (0, persons) => Some(format!("{persons} need a person: {reconcile}")),
            (settling, persons) => {
                Some(format!("{settling} being read back, {persons} need a person: {reconcile}"))
            }
        }
    }

    /// Whether the next wave waits until a person promotes.
    pub fn waits_for_promotion(&self) -> bool {
        let waits = |wave: &Wave| wave.state == WaveState::AwaitingPromotion;
        self.state == RolloutState::Running && self.waves.get(self.current_wave).is_some_and(waits)
    }

    /// Whether nothing goes on until a person says so.
    pub fn is_held(&self) -> bool {
        matches!(self.state, RolloutState::Paused | RolloutState::AwaitingApproval)
            || self.waits_for_promotion()
    }

    /// Why a person is needed before anything can go on; `None` when time or an agent may do.
    pub fn needs_a_person(&self) -> Option<String> {
        let idle = self.counts.of(DeviceState::Running) == 0;
        let alone = idle
            && !self.blocked_on.is_empty()
            && self.blocked_on.iter().all(|why| why.starts_with("no agent"));
        if self.is_held() || alone { self.waiting_for() } else { None }
    }

    /// Devices that are not well by class, most first.
    pub fn classes(&self) -> Vec<(&'static str, usize)> {
        let mut by_class: BTreeMap<&'static str, usize> = BTreeMap::new();
        for trouble in self.troubles.values() {
            *by_class.entry(trouble.word()).or_default() += 1;
        }
        let mut classes: Vec<_> = by_class.into_iter().collect();
        classes.sort_by_key(|&(class, count)| (std::cmp::Reverse(count), class));
        classes
    }

    /// How long it has been going, or took.
    pub fn elapsed(&self, now: Timestamp) -> std::time::Duration {
        self.started_at.map_or(std::time::Duration::ZERO, |start| self.ended_at.unwrap_or(now).since(start))
    }

    /// The state that is most worth a look, for `--state`; `None` when every device is well or waits.
    pub fn worth_a_look(&self) -> Option<&'static str> {
        [
            (DeviceState::Failed, "failed"),
            (DeviceState::Unknown, "unknown"),
            (DeviceState::Skipped, "skipped"),
        ]
        .into_iter()
        .find(|&(state, _)| self.counts.of(state) > 0)
        .map(|(_, word)| word)
    }

    /// The wave's name that the rollout is in.
    pub fn wave_name(&self) -> &str {
        self.waves.get(self.current_wave).map_or("", |wave| &wave.name)
    }
}

#[cfg(test)]
mod tests;
