//! The states every breaker shares: closed, open until an instant, half-open with reserved probes.

use super::{Finished, Permit, State, Wake};
use crate::id::DeviceName;
use crate::time::{Timestamp, format_duration};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How a breaker heals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Healing {
    /// First wait before a probe; doubles with every opening in a row.
    pub wait: Duration,
    /// The longest wait.
    pub wait_max: Duration,
    /// Probes at once.
    pub probes: u32,
    /// Probes that must succeed in a row to close.
    pub successes: u32,
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
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Closed,
    Open { retry_at: Timestamp },
    HalfOpen { probes: BTreeMap<DeviceName, Timestamp>, successes: u32 },
    ForcedOpen,
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
            reason: String::new(),
            by: AUTO.into(),
        }
    }

    pub fn state(&self) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
            Phase::ForcedOpen => State::ForcedOpen,
        }
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
            Phase::Closed => 0,
            Phase::Open { .. } | Phase::HalfOpen { .. } | Phase::ForcedOpen => self.streak,
        }
    }

    pub fn retry_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Open { retry_at } => Some(retry_at),
            Phase::Closed | Phase::HalfOpen { .. } | Phase::ForcedOpen => None,
        }
    }

    /// How many more may start now; `None` means that this breaker sets no limit.
    pub fn allowance(&self, healing: Healing) -> Option<u32> {
        match &self.phase {
            Phase::Closed => None,
            Phase::Open { .. } | Phase::ForcedOpen => Some(0),
            Phase::HalfOpen { probes, .. } => {
                Some(healing.probes.saturating_sub(u32::try_from(probes.len()).unwrap_or(u32::MAX)))
            }
        }
    }

    /// Whether nothing would be lost by forgetting this breaker.
    pub fn is_calm(&self, now: Timestamp) -> bool {
        self.phase == Phase::Closed && self.streak_at(now) == 0
    }

    /// Lets an attempt through, reserving a probe while half-open.
    pub fn admit(
        &mut self,
        device: &DeviceName,
        deadline: Timestamp,
        healing: Healing,
    ) -> Result<Permit, Blocked> {
        let blocked = |why: &str, retry_at| Err(Blocked { why: why.to_owned(), retry_at });
        match &mut self.phase {
            Phase::Closed => Ok(Permit { epoch: self.epoch, probe: false, deadline }),
            Phase::Open { retry_at } => blocked(&format!("open: {}", self.reason), Some(*retry_at)),
            Phase::ForcedOpen => blocked(&format!("opened by {}: {}", self.by, self.reason), None),
            Phase::HalfOpen { probes, .. } => {
                let room = u32::try_from(probes.len()).is_ok_and(|running| running < healing.probes.max(1));
                if !room || probes.contains_key(device) {
                    return blocked("half-open, and its probe is still running", None);
                }
                probes.insert(device.clone(), deadline);
                Ok(Permit { epoch: self.epoch, probe: true, deadline })
            }
        }
    }

    /// Takes a permit back and, while half-open, lets the probe decide. A permit of an older epoch
    /// never moves the breaker.
    pub fn finish(
        &mut self,
        permit: &Permit,
        device: &DeviceName,
        verdict: Verdict,
        now: Timestamp,
        healing: Healing,
    ) -> Finished {
        if permit.epoch != self.epoch {
            return Finished::Late;
        }
        let Phase::HalfOpen { probes, successes } = &mut self.phase else {
            return Finished::Counted;
        };
        if probes.remove(device).is_none() {
            return Finished::Late;
        }
        match verdict {
            Verdict::Neutral => {}
            Verdict::Failure(reason) => self.open(reason, now, healing),
            Verdict::Success => {
                *successes += 1;
                let successes = *successes;
                if successes >= healing.successes {
                    self.close(&format!("{} succeeded in a row", probes_text(successes)), AUTO, now);
                }
            }
        }
        Finished::Counted
    }

    /// Opens until a deadline that is set once: nothing that arrives later moves it.
    pub fn open(&mut self, reason: String, now: Timestamp, healing: Healing) {
        self.streak = self.streak_at(now).saturating_add(1);
        let factor = 1_u32.checked_shl(self.streak - 1).unwrap_or(u32::MAX);
        self.last_wait = healing.wait.saturating_mul(factor).min(healing.wait_max.max(healing.wait));
        self.first_opened_at.get_or_insert(now);
        self.shift(Phase::Open { retry_at: now.plus(self.last_wait) }, reason, AUTO, now);
    }

    /// Closes; the row of openings is forgotten step by step while it stays closed.
    pub fn close(&mut self, reason: &str, by: &str, now: Timestamp) {
        self.first_opened_at = None;
        self.shift(Phase::Closed, reason.to_owned(), by, now);
    }

    pub fn trip(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.first_opened_at.get_or_insert(now);
        self.shift(Phase::ForcedOpen, reason.to_owned(), by, now);
    }

    pub fn reset(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.streak = 0;
        self.close(reason, by, now);
    }

    pub fn poll_timeout(&self) -> Option<(Timestamp, Wake)> {
        match &self.phase {
            Phase::Open { retry_at } => Some((*retry_at, Wake::WaitOver)),
            Phase::HalfOpen { probes, .. } => {
                probes.values().min().map(|deadline| (*deadline, Wake::ProbeOverdue))
            }
            Phase::Closed | Phase::ForcedOpen => None,
        }
    }

    /// Moves on what is due; tells whether anything moved.
    pub fn handle_timeout(&mut self, now: Timestamp, healing: Healing) -> bool {
        match &self.phase {
            Phase::Open { retry_at } if *retry_at <= now => {
                let reason = format!(
                    "waited {}; {} at once, {} in a row close it",
                    format_duration(self.last_wait),
                    probes_text(healing.probes),
                    successes_text(healing.successes),
                );
                let half_open = Phase::HalfOpen { probes: BTreeMap::new(), successes: 0 };
                self.shift(half_open, reason, AUTO, now);
                true
            }
            Phase::HalfOpen { probes, .. } => {
                let overdue = probes.iter().find(|(_, deadline)| **deadline <= now);
                let Some((device, _)) = overdue else { return false };
                self.open(format!("the probe of {device} never came back"), now, healing);
                true
            }
            Phase::Open { .. } | Phase::Closed | Phase::ForcedOpen => false,
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
