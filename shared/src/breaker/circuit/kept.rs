//! A circuit as it is written down: what remains of its wait, never an instant of a clock that may jump.

use super::{Circuit, Phase};
use crate::id::DeviceName;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum KeptPhase {
    Closed,
    Open { remaining: Option<Duration> },
    ForcedOpen,
    ForcedClosed,
}

/// One breaker's state across a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCircuit {
    phase: KeptPhase,
    epoch: u64,
    since: Duration,
    first_opened: Option<Duration>,
    streak: u32,
    last_wait: Duration,
    last_failed_probe: Option<DeviceName>,
    reason: String,
    by: String,
}

impl Circuit {
    /// What a restart must not lose. Half-open comes back open with nothing left to wait, because its
    /// probes do not survive.
    pub fn keep(&self, now: Timestamp) -> KeptCircuit {
        let phase = match &self.phase {
            Phase::Closed => KeptPhase::Closed,
            Phase::Open { retry_at } => KeptPhase::Open { remaining: retry_at.map(|at| at.since(now)) },
            Phase::HalfOpen(_) => KeptPhase::Open { remaining: Some(Duration::ZERO) },
            Phase::ForcedOpen => KeptPhase::ForcedOpen,
            Phase::ForcedClosed => KeptPhase::ForcedClosed,
        };
        KeptCircuit {
            phase,
            epoch: self.epoch,
            since: now.since(self.since),
            first_opened: self.first_opened_at.map(|at| now.since(at)),
            streak: self.streak,
            last_wait: self.last_wait,
            last_failed_probe: self.last_failed_probe.clone(),
            reason: self.reason.clone(),
            by: self.by.clone(),
        }
    }

    /// The circuit as it goes on at `now`.
    pub fn restore(kept: KeptCircuit, now: Timestamp) -> Self {
        let phase = match kept.phase {
            KeptPhase::Closed => Phase::Closed,
            KeptPhase::Open { remaining } => Phase::Open { retry_at: remaining.map(|left| now.plus(left)) },
            KeptPhase::ForcedOpen => Phase::ForcedOpen,
            KeptPhase::ForcedClosed => Phase::ForcedClosed,
        };
        Self {
            phase,
            epoch: kept.epoch.saturating_add(1),
            since: before(now, kept.since),
            first_opened_at: kept.first_opened.map(|ago| before(now, ago)),
            streak: kept.streak,
            last_wait: kept.last_wait,
            last_failed_probe: kept.last_failed_probe,
            reason: kept.reason,
            by: kept.by,
        }
    }
}

fn before(now: Timestamp, ago: Duration) -> Timestamp {
    Timestamp(now.0.saturating_sub(i64::try_from(ago.as_micros()).unwrap_or(i64::MAX)))
}
