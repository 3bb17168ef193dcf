//! The pool of one site: how many attempts at once, one for each device, how often one may start.

mod aimd;
mod ask;
mod rate;
mod settings;

pub use aimd::{CUT_INTERVAL, LIMIT_START, Limit, Load};
pub use ask::{Ask, Lease, NotNow, Scarce, Work};
pub use rate::{Bucket, interval, starts_within};
pub use settings::most_cautious;

use crate::id::DeviceName;
use crate::outcome::Class;
use crate::task::{PoolSettings, Rate, SiteSettings};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Attempts at once when nobody says otherwise.
pub const MAX_IN_FLIGHT_DEFAULT: usize = 64;
/// The largest pool.
pub const MAX_IN_FLIGHT_MAX: usize = 1024;
/// Places beyond the limit that only a rollback may take, so that it never queues behind a rollout.
pub const RESERVED_FOR_ROLLBACK: usize = 1;
/// Credentials whose start rate is remembered at once.
const CREDENTIALS_MAX: usize = 1024;
/// How far ahead work is asked for when a rate paces the starts.
const AHEAD: Duration = Duration::from_secs(1);
/// Changes of the limit that wait to be told; older ones give way.
const CHANGES_MAX: usize = 16;

/// The permits of one agent. A permit is held under its device's name until it comes back, or until its
/// deadline: nothing that hangs or breaks down keeps one for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    own_max: usize,
    settings: PoolSettings,
    site: SiteSettings,
    limit: Limit,
    held: BTreeMap<DeviceName, Held>,
    serial: u64,
    starts: Bucket,
    logins: BTreeMap<String, Bucket>,
    changes: VecDeque<Change>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    serial: u64,
    work: Work,
    retry: bool,
    deadline: Timestamp,
}

/// The limit moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Attempts at once before.
    pub from: usize,
    /// Attempts at once from now on.
    pub to: usize,
    /// The most that the settings allow.
    pub max: usize,
    /// Why, in a few words.
    pub why: String,
}

impl Pool {
    /// A pool of at most `own_max` permits, brought into 1 to [`MAX_IN_FLIGHT_MAX`].
    pub fn new(own_max: usize) -> Self {
        Self {
            own_max: own_max.clamp(1, MAX_IN_FLIGHT_MAX),
            settings: PoolSettings::default(),
            site: SiteSettings::default(),
            limit: Limit::default(),
            held: BTreeMap::new(),
            serial: 0,
            starts: Bucket::default(),
            logins: BTreeMap::new(),
            changes: VecDeque::new(),
        }
    }

    /// What the rollouts here ask for, merged.
    pub fn set_settings(&mut self, settings: PoolSettings) {
        let from = self.limit();
        self.settings = settings;
        self.note_change(from, "the settings of the rollouts here changed");
    }

    /// What the inventory says about the site.
    pub fn set_site(&mut self, site: SiteSettings) {
        let from = self.limit();
        self.site = site;
        self.note_change(from, "the inventory's settings of the site changed");
    }

    /// What the inventory says about the site.
    pub fn site(&self) -> &SiteSettings {
        &self.site
    }

    /// The most that all settings together allow.
    pub fn max(&self) -> usize {
        let asked = settings::least(self.settings.max_in_flight, self.site.max_in_flight);
        let asked = asked.and_then(|max| usize::try_from(max).ok()).unwrap_or(usize::MAX);
        asked.min(self.own_max).max(1)
    }

    /// Attempts at once, as it stands now.
    pub fn limit(&self) -> usize {
        if self.settings.adaptive { self.limit.under(self.max()) } else { self.max() }
    }

    /// How many permits are out.
    pub fn in_flight(&self) -> usize {
        self.held.len()
    }

    /// How many more attempts may be asked for now, beside `queued` that wait here already.
    pub fn room(&self, queued: usize) -> usize {
        let free = self.limit().saturating_sub(self.in_flight() + queued);
        let paced = self.start_rate().map_or(usize::MAX, |rate| starts_within(rate, AHEAD));
        free.min(paced.saturating_sub(queued))
    }

    /// Takes a permit. A refusal holds nothing and costs nothing.
    pub fn try_acquire(&mut self, ask: &Ask<'_>, now: Timestamp) -> Result<Lease, NotNow> {
        self.check(ask, now)?;
        if let Some(rate) = self.start_rate() {
            self.starts.take(rate, now).map_err(|at| NotNow::until(Scarce::Starts, at))?;
        }
        if let Some(rate) = self.settings.credential_rate {
            self.logins.retain(|_, bucket| !bucket.is_idle(now));
            let bucket = self.logins.entry(ask.credential.to_owned()).or_default();
            bucket.take(rate, now).map_err(|at| NotNow::until(Scarce::Logins, at))?;
        }
        self.serial += 1;
        let held = Held { serial: self.serial, work: ask.work, retry: ask.retry, deadline: ask.deadline };
        self.held.insert(ask.device.clone(), held);
        Ok(Lease { device: ask.device.clone(), serial: self.serial })
    }

    fn check(&self, ask: &Ask<'_>, now: Timestamp) -> Result<(), NotNow> {
        if self.held.contains_key(ask.device) {
            return Err(NotNow::later(Scarce::Device));
        }
        if self.in_flight() >= self.places(ask.work) {
            return Err(NotNow::later(Scarce::Places));
        }
        if ask.work == Work::Rollout && ask.retry && self.retries() >= retries_among(self.in_flight() + 1) {
            return Err(NotNow::later(Scarce::Retries));
        }
        if let Some(rate) = self.start_rate() {
            self.starts.check(rate, now).map_err(|at| NotNow::until(Scarce::Starts, at))?;
        }
        if let Some(rate) = self.settings.credential_rate {
            match self.logins.get(ask.credential) {
                Some(bucket) => bucket.check(rate, now).map_err(|at| NotNow::until(Scarce::Logins, at))?,
                None if self.logins.values().filter(|bucket| !bucket.is_idle(now)).count()
                    >= CREDENTIALS_MAX =>
                {
                    return Err(NotNow::until(Scarce::Logins, now.plus(AHEAD)));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// The places that this kind of work may fill.
    fn places(&self, work: Work) -> usize {
        match work {
            Work::Rollout => self.limit(),
            Work::Rollback => self.limit() + RESERVED_FOR_ROLLBACK,
        }
    }

    /// Retries that hold a place. One counts from the moment it gets its place until that place is free
    /// again; while it waits for one it counts for nothing. A rollout hands out no more to a site either, so
    /// that retries which wait here never take the room of first attempts.
    fn retries(&self) -> usize {
        self.held.values().filter(|held| held.retry && held.work == Work::Rollout).count()
    }

    fn start_rate(&self) -> Option<Rate> {
        settings::slower(self.settings.connect_rate, self.site.connect_rate)
    }

    /// Takes a permit back, and what the attempt's end tells of the load; `false` if it was overdue and
    /// had been taken back before.
    pub fn release(&mut self, lease: Lease, class: Class, now: Timestamp) -> bool {
        if self.held.get(&lease.device).is_none_or(|held| held.serial != lease.serial) {
            return false;
        }
        let (from, in_flight) = (self.limit(), self.in_flight());
        self.held.remove(&lease.device);
        if self.settings.adaptive {
            self.limit.note(Load::of(class), in_flight, self.max(), now);
            let why = match Load::of(class) {
                Load::TooMuch => format!("{} is overloaded", lease.device),
                Load::Silent => format!("{} was silent", lease.device),
                Load::Carried | Load::Untold => format!("{from} in a row were carried"),
            };
            self.note_change(from, &why);
        }
        true
    }

    /// When the first permit is overdue.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.held.values().map(|held| held.deadline).min()
    }

    /// Takes back what is overdue; gives the devices.
    pub fn handle_timeout(&mut self, now: Timestamp) -> Vec<DeviceName> {
        let overdue = self.held.extract_if(.., |_, held| held.deadline <= now);
        overdue.map(|(device, _)| device).collect()
    }

    /// The changes of the limit since the last call, in order.
    pub fn take_changes(&mut self) -> VecDeque<Change> {
        std::mem::take(&mut self.changes)
    }

    fn note_change(&mut self, from: usize, why: &str) {
        let (to, max) = (self.limit(), self.max());
        if from != to {
            self.changes.push_back(Change { from, to, max, why: why.to_owned() });
        }
        if self.changes.len() > CHANGES_MAX {
            self.changes.pop_front();
        }
    }
}

/// How many retries may be among `in_flight`: a tenth, at least one.
pub(crate) fn retries_among(in_flight: usize) -> usize {
    (in_flight / 10).max(1)
}

#[cfg(test)]
mod tests;
