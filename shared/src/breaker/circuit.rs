//! The states every breaker shares: closed, open until an instant, half-open with reserved probes, forced.

mod kept;
mod probes;

pub use kept::KeptCircuit;

use super::{Finished, Permit, State, Wake, jitter};
use crate::id::DeviceName;
use crate::time::{Timestamp, format_duration};
use probes::Probes;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a breaker heals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Healing {
    /// First wait before a probe; doubles with every opening in a row; `None`: only a person, or what it
    /// waits for, closes it.
    pub wait: Option<Duration>,
    /// The longest wait.
    pub wait_max: Duration,
    /// Probes at once.
    pub probes: u32,
    /// Probes that must succeed in a row to close.
    pub successes: u32,
    /// Spreads the waits.
    pub seed: u64,
}

/// What the end of an attempt means to one breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Success,
    Neutral,
    /// With the reason to show if this opens the breaker again.
    Failure(String),
}

/// Refused, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blocked {
    pub why: String,
    pub retry_at: Option<Timestamp>,
    pub soon: bool,
}

/// One attempt as a breaker sees it while it is half-open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Applicant<'a> {
    pub id: u64,
    pub device: &'a DeviceName,
    /// When it counts as lost if it has not been decided.
    pub lease: Timestamp,
    /// Devices that could be probed, where that is known.
    pub devices: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Closed,
    Open { retry_at: Option<Timestamp> },
    HalfOpen(Probes),
    ForcedOpen,
    ForcedClosed,
}

/// One breaker's state, without what it counts while it is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Circuit {
    phase: Phase,
    epoch: u64,
    since: Timestamp,
    first_opened_at: Option<Timestamp>,
    streak: u32,
    last_wait: Duration,
    last_failed_probe: Option<DeviceName>,
    reason: String,
    by: String,
}

/// Who moves a breaker when no operator does.
const AUTO: &str = "auto";

impl Circuit {
    pub fn new(now: Timestamp) -> Self {
        Self {
            phase: Phase::Closed,
            epoch: 0,
            since: now,
            first_opened_at: None,
            streak: 0,
            last_wait: Duration::ZERO,
            last_failed_probe: None,
            reason: String::new(),
            by: AUTO.into(),
        }
    }

    pub fn state(&self) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen(_) => State::HalfOpen,
            Phase::ForcedOpen => State::ForcedOpen,
            Phase::ForcedClosed => State::ForcedClosed,
        }
    }

    /// Whether it has never moved.
    pub fn is_untouched(&self) -> bool {
        self.epoch == 0
    }

    /// Whether nothing has moved since this permit.
    pub fn is_of(&self, permit: Permit) -> bool {
        permit.epoch == self.epoch
    }

    /// What an attempt holds that passed although this was open.
    pub fn permit(&self) -> Permit {
        Permit { epoch: self.epoch, probe: false }
    }

    pub fn since(&self) -> Timestamp {
        self.since
    }

    pub fn first_opened_at(&self) -> Option<Timestamp> {
        self.first_opened_at
    }

    pub fn reason(&self) -> &str {
        &self.reason
    }

    pub fn by(&self) -> &str {
        &self.by
    }

    /// Openings in a row; a short close between them does not end the row.
    pub fn opened_times(&self) -> u32 {
        match self.phase {
            Phase::Closed | Phase::ForcedClosed => 0,
            Phase::Open { .. } | Phase::HalfOpen(_) | Phase::ForcedOpen => self.streak,
        }
    }

    pub fn retry_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Open { retry_at } => retry_at,
            Phase::Closed | Phase::HalfOpen(_) | Phase::ForcedOpen | Phase::ForcedClosed => None,
        }
    }

    /// How many more may start now; `None` means that this breaker sets no limit.
    pub fn allowance(&self, healing: Healing) -> Option<u32> {
        match &self.phase {
            Phase::Closed | Phase::ForcedClosed => None,
            Phase::Open { .. } | Phase::ForcedOpen => Some(0),
            Phase::HalfOpen(probes) => Some(probes.room(healing.probes)),
        }
    }

    /// Whether nothing would be lost by forgetting this breaker.
    pub fn is_calm(&self, now: Timestamp) -> bool {
        self.phase == Phase::Closed && self.streak_at(now) == 0
    }

    /// Lets an attempt through, reserving a probe while half-open.
    pub fn admit(&mut self, who: Applicant<'_>, now: Timestamp, healing: Healing) -> Result<Permit, Blocked> {
        match &mut self.phase {
            Phase::Closed | Phase::ForcedClosed => Ok(Permit { epoch: self.epoch, probe: false }),
            Phase::Open { retry_at } => {
                Err(Blocked { why: format!("open: {}", self.reason), retry_at: *retry_at, soon: false })
            }
            Phase::ForcedOpen => {
                let why = format!("opened by {}: {}", self.by, self.reason);
                Err(Blocked { why, retry_at: None, soon: false })
            }
            Phase::HalfOpen(probes) => {
                probes.reserve(who, now, healing.probes)?;
                Ok(Permit { epoch: self.epoch, probe: true })
            }
        }
    }

    /// Takes a permit back and, while half-open, lets the probe decide. A permit of an older epoch
    /// never moves the breaker.
    #[inline]
    pub fn finish(
        &mut self,
        permit: Permit,
        id: u64,
        verdict: Verdict,
        now: Timestamp,
        healing: Healing,
    ) -> Finished {
        if permit.epoch != self.epoch {
            return Finished::Late;
        }
        if let Phase::HalfOpen(_) = self.phase {
            self.decide(id, verdict, now, healing);
        }
        Finished::Counted
    }

    fn decide(&mut self, id: u64, verdict: Verdict, now: Timestamp, healing: Healing) {
        let Phase::HalfOpen(probes) = &mut self.phase else { return };
        // Already decided when its handshake was done.
        let Some(device) = probes.take(id, now) else { return };
        match verdict {
            Verdict::Neutral => probes.untried(&device),
            Verdict::Failure(reason) => {
                self.last_failed_probe = Some(device);
                self.open(reason, now, healing);
            }
            Verdict::Success => {
                let successes = probes.succeeded();
                if successes >= healing.successes {
                    self.last_failed_probe = None;
                    self.close(&format!("{} succeeded in a row", probes_text(successes)), AUTO, now);
                }
            }
        }
    }

    /// Opens until a deadline that is set once: nothing that arrives later moves it.
    pub fn open(&mut self, reason: String, now: Timestamp, healing: Healing) {
        self.streak = self.streak_at(now).saturating_add(1);
        let retry_at = healing.wait.map(|wait| {
            let most = healing.wait_max.max(wait);
            let factor = 1_u32.checked_shl(self.streak - 1).unwrap_or(u32::MAX);
            let wait = wait.saturating_mul(factor).min(most);
            self.last_wait = jitter::spread(wait, most, healing.seed, self.epoch);
            now.plus(self.last_wait)
        });
        self.first_opened_at.get_or_insert(now);
        self.shift(Phase::Open { retry_at }, reason, AUTO, now);
    }

    /// From now on an open breaker waits for a person. Tells whether that changed anything.
    pub fn wait_for_a_person(&mut self) -> bool {
        match &mut self.phase {
            Phase::Open { retry_at } => retry_at.take().is_some(),
            Phase::Closed | Phase::HalfOpen(_) | Phase::ForcedOpen | Phase::ForcedClosed => false,
        }
    }

    /// Closes; the row of openings is forgotten step by step while it stays closed.
    pub fn close(&mut self, reason: &str, by: &str, now: Timestamp) {
        self.first_opened_at = None;
        self.shift(Phase::Closed, reason.to_owned(), by, now);
    }

    pub fn force_open(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.first_opened_at.get_or_insert(now);
        self.shift(Phase::ForcedOpen, reason.to_owned(), by, now);
    }

    pub fn force_closed(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.streak = 0;
        self.first_opened_at = None;
        self.shift(Phase::ForcedClosed, reason.to_owned(), by, now);
    }

    pub fn reset(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.streak = 0;
        self.last_failed_probe = None;
        self.close(reason, by, now);
    }

    /// When it next moves by itself.
    pub fn poll_timeout(&self) -> Option<(Timestamp, Wake)> {
        match &self.phase {
            Phase::Open { retry_at } => retry_at.map(|at| (at, Wake::WaitOver)),
            Phase::HalfOpen(probes) => probes.poll_timeout(),
            Phase::Closed | Phase::ForcedOpen | Phase::ForcedClosed => None,
        }
    }

    /// Moves on what is due; tells whether anything moved.
    pub fn handle_timeout(&mut self, now: Timestamp, healing: Healing) -> bool {
        match &mut self.phase {
            Phase::Open { retry_at: Some(retry_at) } if *retry_at <= now => {
                let reason = format!(
                    "waited {}; {} at once, {} in a row close it",
                    format_duration(self.last_wait),
                    probes_text(healing.probes),
                    successes_text(healing.successes),
                );
                let probes = Probes::new(self.last_failed_probe.clone(), now);
                self.shift(Phase::HalfOpen(probes), reason, AUTO, now);
                true
            }
            Phase::HalfOpen(probes) => {
                let Some(device) = probes.overdue(now) else { return false };
                let reason = format!("the probe of {device} never came back");
                self.last_failed_probe = Some(device);
                self.open(reason, now, healing);
                true
            }
            Phase::Open { .. } | Phase::Closed | Phase::ForcedOpen | Phase::ForcedClosed => false,
        }
    }

    /// Gives what runs more time, because it was us who were late.
    pub fn forgive(&mut self, late: Duration) {
        if let Phase::HalfOpen(probes) = &mut self.phase {
            probes.forgive(late);
        }
    }

    /// The row of openings as it counts now: one less for every wait spent closed.
    fn streak_at(&self, now: Timestamp) -> u32 {
        if self.phase != Phase::Closed {
            return self.streak;
        }
        let calm = now.since(self.since).as_micros() / self.last_wait.as_micros().max(1);
        self.streak.saturating_sub(u32::try_from(calm).unwrap_or(u32::MAX))
    }

    fn shift(&mut self, phase: Phase, reason: String, by: &str, now: Timestamp) {
        self.phase = phase;
        self.epoch += 1;
        self.since = now;
        self.reason = reason;
        self.by = by.to_owned();
    }
}

fn probes_text(count: u32) -> String {
    if count == 1 { "1 probe".into() } else { format!("{count} probes") }
}

fn successes_text(count: u32) -> String {
    if count == 1 { "1 success".into() } else { format!("{count} successes") }
}
