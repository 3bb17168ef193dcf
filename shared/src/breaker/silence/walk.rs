//! The walk over a site's connects in the order they were STARTED: failures and silence drive it up,
//! answers down.

use super::handshakes::Handshakes;
use crate::breaker::tagged::Tagged;
use crate::id::DeviceName;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// Up for a device that is silent or failed: ln(p1/p0) with p0 = 5 %, p1 = 50 %, in millionths.
pub(super) const UP: i64 = 2_302_585;
/// Down for one that answered: ln((1-p1)/(1-p0)), in millionths.
const DOWN: i64 = 641_854;
/// Keeps "n net silent" just within reach of n steps up.
const JUST_UNDER: i64 = 10_000;
/// Connects that may wait behind a silent one before it is judged by its age, per place in the pool.
const WINDOW_PER_PLACE: usize = 4;
const WINDOW_BASE: usize = 32;

/// The height that `silent` devices, net of those that answer, reach.
pub(super) fn height(silent: u32) -> i64 {
    i64::from(silent.max(1)) * UP - JUST_UNDER
}

/// How a connect ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ended {
    Answered,
    Silent,
    Unreachable,
    /// Says nothing: called off, or taken back.
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Connect {
    pub id: u64,
    pub device: Tagged,
    pub start: Timestamp,
    pub timeout: Duration,
    pub lease: Timestamp,
    pub ended: Option<Ended>,
    /// Whether silence or failure of it is new evidence.
    pub counts: bool,
    /// Started while the site was held.
    pub probe: bool,
    /// Its start was moved, because it was us who were late: how long it took is not known.
    pub forgiven: bool,
    /// Has been seen to be silent for too long.
    pub overdue: bool,
}

impl Connect {
    pub fn pending(&self) -> bool {
        self.ended.is_none()
    }

    pub fn age(&self, now: Timestamp) -> Duration {
        now.since(self.start)
    }

    fn is_silent(&self, now: Timestamp, limit: Duration) -> bool {
        self.pending() && self.age(now) >= limit
    }
}

/// Which age makes a pending connect count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Suspect,
    Open,
}

/// Where the walk stands, and over what since it last stood at zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    pub height: i64,
    pub silent: u32,
    /// Those of the silent that are still waited for.
    pub waiting: u32,
    pub unreachable: u32,
    pub answered: u32,
}

impl Standing {
    fn step(&mut self, ended: Ended, counts: bool) {
        match ended {
            Ended::Answered => {
                self.height -= DOWN;
                self.answered += 1;
            }
            Ended::Silent if counts => {
                self.height += UP;
                self.silent += 1;
            }
            Ended::Unreachable if counts => {
                self.height += UP;
                self.unreachable += 1;
            }
            Ended::Silent | Ended::Unreachable | Ended::Nothing => {}
        }
        if self.height <= 0 {
            *self = Self::default();
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Walk {
    connects: VecDeque<Connect>,
    /// The walk over what has left the window.
    base: Standing,
    /// Devices whose failure the base holds: none counts twice.
    charged: BTreeSet<DeviceName>,
}

impl Walk {
    /// Whether silence of `device` would be new evidence.
    pub fn is_new(&self, device: &Tagged) -> bool {
        let known = |connect: &Connect| {
            connect.device == *device && connect.counts && connect.ended != Some(Ended::Answered)
        };
        !self.charged.contains(&device.name) && !self.connects.iter().any(known)
    }

    pub fn push(&mut self, connect: Connect) {
        self.connects.push_back(connect);
    }

    fn at(&self, id: u64) -> Option<usize> {
        let last = self.connects.back().filter(|last| last.id >= id)?;
        match last.id == id {
            true => Some(self.connects.len() - 1),
            false => self.connects.binary_search_by_key(&id, |connect| connect.id).ok(),
        }
    }

    pub fn get_mut(&mut self, id: u64) -> Option<&mut Connect> {
        self.at(id).and_then(|at| self.connects.get_mut(at))
    }

    /// Forgets a connect as if it had never been.
    pub fn remove(&mut self, id: u64) -> Option<Connect> {
        self.at(id).and_then(|at| self.connects.remove(at))
    }

    pub fn answered_again(&mut self, device: &DeviceName) {
        self.charged.remove(device);
    }

    pub fn pending(&self) -> impl Iterator<Item = &Connect> {
        self.connects.iter().filter(|connect| connect.pending())
    }

    pub fn pending_mut(&mut self) -> impl Iterator<Item = &mut Connect> {
        self.connects.iter_mut().filter(|connect| connect.pending())
    }

    /// Where the walk stands if pending connects older than `limit` have failed.
    pub fn standing(&self, now: Timestamp, limit: Limit, handshakes: &Handshakes) -> Standing {
        let mut standing = self.base;
        for connect in &self.connects {
            match connect.ended {
                Some(ended) => standing.step(ended, connect.counts),
                None if connect.counts && connect.is_silent(now, age_limit(limit, connect, handshakes)) => {
                    standing.step(Ended::Silent, true);
                    standing.waiting += 1;
                }
                None => {}
            }
        }
        standing
    }

    /// Moves what is settled at the front of the window into the base.
    pub fn fold(&mut self, now: Timestamp, pool: usize, handshakes: &Handshakes) {
        let most = WINDOW_PER_PLACE.saturating_mul(pool).saturating_add(WINDOW_BASE);
        while let Some(front) = self.connects.front() {
            let ended = match front.ended {
                Some(ended) => ended,
                None if self.connects.len() <= most => return,
                None if front.is_silent(now, handshakes.suspect_age(front.timeout)) => Ended::Silent,
                None => Ended::Nothing,
            };
            let was = self.base.height;
            self.base.step(ended, front.counts);
            if self.base.height > was {
                self.charged.insert(front.device.name.clone());
            } else if self.base.height == 0 && was > 0 {
                self.charged.clear();
            }
            self.connects.pop_front();
        }
    }

    /// The suspicion was wrong: what looked silent so far is not held against the site again.
    pub fn discount(&mut self, now: Timestamp, handshakes: &Handshakes) {
        self.base = Standing::default();
        self.charged.clear();
        for connect in &mut self.connects {
            connect.probe = false;
            match connect.ended {
                None if connect.is_silent(now, handshakes.suspect_age(connect.timeout)) => {
                    connect.counts = false
                }
                Some(Ended::Silent | Ended::Unreachable) => connect.ended = Some(Ended::Nothing),
                None | Some(Ended::Answered | Ended::Nothing) => {}
            }
        }
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

pub(super) fn age_limit(limit: Limit, connect: &Connect, handshakes: &Handshakes) -> Duration {
    match limit {
        Limit::Suspect => handshakes.suspect_age(connect.timeout),
        Limit::Open => handshakes.open_age(connect.timeout),
    }
}
