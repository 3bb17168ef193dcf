//! What a rollout needs of its plan: who comes when, where, and how many at once.

mod index;

use crate::id::{DeviceName, SiteName};
use crate::outcome::Class;
use crate::pace::{Budget, Watched};
use index::Index;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// One device's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutDevice {
    /// Its name.
    pub name: DeviceName,
    /// Its site.
    pub site: SiteName,
    /// Index of its wave.
    pub wave: u32,
}

/// One wave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutWave {
    /// Its name.
    pub name: String,
    /// Whether one bad device in it pauses the rollout.
    pub canary: bool,
    /// How long the next wave waits after its last device.
    pub soak: Duration,
    /// Whether a person must let the next wave start.
    pub manual: bool,
}

/// When a device is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts that really try a device, at most; at least 1.
    pub max_attempts: u32,
    /// Wait before the second attempt; doubles with each further one.
    pub backoff: Duration,
    /// Longest wait.
    pub max_backoff: Duration,
    /// The classes that are tried again.
    pub retry_on: Vec<Class>,
}

impl RetryPolicy {
    /// The wait after `tries` attempts that failed.
    pub fn wait(&self, tries: u32) -> Duration {
        let factor = 1u32 << tries.saturating_sub(1).min(16);
        self.backoff.saturating_mul(factor).min(self.max_backoff)
    }
}

/// The plan as the rollout machine sees it; never changes.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Devices in rank order: what is pending with the lowest rank starts next.
    pub devices: Vec<LayoutDevice>,
    /// Waves in order; never empty.
    pub waves: Vec<LayoutWave>,
    /// Most devices in flight over all sites; 0 when only pools limit it.
    pub max_parallel: u32,
    /// Most devices in flight at one site; 0 when only its pool limits it.
    pub max_parallel_per_site: u32,
    /// When a device is tried again.
    pub retry: RetryPolicy,
    /// A site that is still open this long after it first opened is not waited for.
    pub skip_after: Duration,
    /// How long an untried device whose own breaker is open is waited for.
    pub device_wait: Duration,
    /// Devices at once that a half-open site is tried with.
    pub site_probes: u32,
    /// How long a connect may take; the pace takes a device in half of it for silent.
    pub connect_timeout: Duration,
    /// How long a device may work on a command: a write that lost its agent may take effect until then.
    pub command_timeout: Duration,
    /// How long a device may wait for the confirmation of a write before it has taken it back; zero without one.
    pub confirm_wait: Duration,
    /// Whether a device can be read after a doubt.
    pub readable: bool,
    /// Whether what a device had is kept, so that it can be put back.
    pub restorable: bool,
    /// How much harm is accepted; absent when nothing but room limits the pace.
    pub budget: Option<Budget>,
    /// The labels that the pace watches.
    pub watched: Arc<Watched>,
    credentials: Vec<Arc<str>>,
    credential_of: Vec<u32>,
    ranks: Index,
    sites: BTreeSet<SiteName>,
    site_names: Vec<SiteName>,
    site_of: Vec<u32>,
}

impl Layout {
    /// Indexes the devices; limits are set on the fields afterwards.
    pub fn new(devices: Vec<LayoutDevice>, waves: Vec<LayoutWave>, retry: RetryPolicy) -> Self {
        let sites: BTreeSet<SiteName> = devices.iter().map(|device| device.site.clone()).collect();
        let numbers: BTreeMap<&SiteName, u32> = sites.iter().zip(0u32..).collect();
        let site_of = devices.iter().map(|device| numbers[&device.site]).collect();
        let ranks = Index::of(&devices);
        let (max_parallel, max_parallel_per_site) = (0, 0);
        let skip_after = Duration::from_secs(600);
        let device_wait = Duration::from_secs(60);
        let site_probes = 1;
        Self {
            devices,
            waves,
            max_parallel,
            max_parallel_per_site,
            retry,
            skip_after,
            device_wait,
            site_probes,
            connect_timeout: Duration::ZERO,
            command_timeout: Duration::ZERO,
            confirm_wait: Duration::ZERO,
            readable: false,
            restorable: false,
            budget: None,
            watched: Arc::default(),
            credentials: Vec::new(),
            credential_of: Vec::new(),
            ranks,
            site_names: sites.iter().cloned().collect(),
            sites,
            site_of,
        }
    }

    /// Says by rank with which credential each device is reached.
    pub fn set_credentials<'a>(&mut self, references: impl Iterator<Item = &'a str>) {
        let mut numbers: BTreeMap<&'a str, u32> = BTreeMap::new();
        let number = |reference: &'a str| {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            *numbers.entry(reference).or_insert(next)
        };
        self.credential_of = references.map(number).collect();
        let mut names: Vec<(u32, Arc<str>)> =
            numbers.into_iter().map(|(name, number)| (number, Arc::from(name))).collect();
        names.sort_unstable_by_key(|(number, _)| *number);
        self.credentials = names.into_iter().map(|(_, name)| name).collect();
    }

    /// The credential that a device is reached with: its number here, and its reference; absent when the plan
    /// does not say.
    pub fn credential(&self, rank: u32) -> Option<(u32, &str)> {
        let number = *self.credential_of.get(rank as usize)?;
        Some((number, self.credentials.get(number as usize)?))
    }

    /// A device's rank.
    pub fn rank(&self, name: &DeviceName) -> Option<u32> {
        self.ranks.rank(name, &self.devices)
    }

    /// The sites of the plan, in order, once each; a site's number is its place here.
    pub fn sites(&self) -> &BTreeSet<SiteName> {
        &self.sites
    }

    /// The sites by their numbers.
    pub fn site_names(&self) -> &[SiteName] {
        &self.site_names
    }

    /// The number of each device's site, by rank.
    pub fn site_of(&self) -> &[u32] {
        &self.site_of
    }

    /// The ranks of a wave.
    pub fn wave_ranks(&self, wave: u32) -> impl Iterator<Item = u32> + '_ {
        let of_wave = move |(place, _): &(&LayoutDevice, u32)| place.wave == wave;
        self.devices.iter().zip(0u32..).filter(of_wave).map(|(_, rank)| rank)
    }
}
