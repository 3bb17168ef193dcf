//! Plans: which devices get which configuration, in which waves and order. A plan never changes.

mod alike;
mod build;
mod labels;
mod order;
mod render;
mod select;
mod vars;
mod waves;
mod way;

pub use build::{PlanInput, Planned, build};
pub use order::shuffle;

use crate::id::{DeviceName, OpId, PlanName, RolloutName, SiteName};
use crate::pace::Watched;
use crate::procedure::{Check, Procedure, Transport};
use crate::rollout::{Layout, LayoutDevice, LayoutWave, RetryPolicy};
use crate::spec::{CheckSpec, Promote, RolloutSpec};
use crate::task::{Endpoint, Purpose, Task, Work};
use crate::time::Timestamp;
use crate::yaml::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Most bytes of all distinct configurations of a plan.
pub const CONFIGURATIONS_BYTES_MAX: usize = 256 * 1024 * 1024;
/// A device's data is kept in the plan up to this many bytes of JSON.
pub const DATA_BYTES_MAX: usize = 1024;
/// Fewest hex digits of its digest in a plan's name.
pub const NAME_DIGITS_MIN: usize = 4;
/// Most hex digits of its digest in a plan's name.
pub const NAME_DIGITS_MAX: usize = 8;
/// Most names in [`RenderedGroup::sample`].
pub const SAMPLE_MAX: usize = 5;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The spec does not fit the inventory or its templates.
    #[error("plan the rollout: {}", first_of(.0))]
    Problems(Vec<Problem>),
    /// No device is selected.
    #[error("find a device to configure: {0}")]
    NoTargets(String),
}

fn first_of(problems: &[Problem]) -> String {
    match problems {
        [] => "no reason is known".into(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more problems)", rest.len()),
    }
}

/// An immutable plan. Its rendered configurations are kept beside it, by digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Rollout name and the first digits of the digest.
    pub name: PlanName,
    /// `sha256:…` over everything but name, warnings, `created_at` and `created_by`.
    pub digest: String,
    /// The rollout it was made for.
    pub rollout: RolloutName,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// The spec it was made from; its limits apply.
    pub spec: RolloutSpec,
    /// Digest of the inventory it was made from.
    pub inventory_digest: String,
    /// The devices in the order in which they start: by wave, then by rank.
    pub devices: Vec<PlannedDevice>,
    /// The waves in order; never empty.
    pub waves: Vec<PlannedWave>,
    /// The labels that the pace watches, for each device.
    #[serde(default)]
    pub watched: Arc<Watched>,
    /// What the operator should know before applying it.
    pub warnings: Vec<String>,
    /// Most lines of one of its configurations; 0 in a plan of before they were counted.
    #[serde(default)]
    pub lines: u32,
}

/// One device of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedDevice {
    /// Its name.
    pub name: DeviceName,
    /// Its site.
    #[serde(deserialize_with = "alike::site")]
    pub site: SiteName,
    /// Index of its wave.
    pub wave: u32,
    /// How to reach it.
    pub endpoint: Endpoint,
    /// `sha256:…` of its rendered configuration.
    #[serde(deserialize_with = "alike::text")]
    pub config: Arc<str>,
    /// The template it was rendered from.
    #[serde(deserialize_with = "alike::text")]
    pub template: Arc<str>,
    /// What it runs.
    pub platform: Option<String>,
    /// The way to it, when a driver does the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    /// What it is for.
    pub role: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its data; empty when larger than [`DATA_BYTES_MAX`].
    pub data: BTreeMap<String, Value>,
}

/// One wave of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedWave {
    /// Its name.
    pub name: String,
    /// Whether it holds the canaries.
    pub canary: bool,
    /// Index of its first device.
    pub first: u32,
    /// How many devices it has, from `first` on.
    pub devices: u32,
    /// At how many sites.
    pub sites: u32,
    /// How long the next wave waits after its last device.
    pub soak: Duration,
    /// Who lets the next wave start.
    pub promote: Promote,
}

/// Devices that get the same configuration to the byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedGroup<'a> {
    /// `sha256:…` of the configuration.
    pub digest: &'a str,
    /// The template of the first of them.
    pub template: &'a str,
    /// How many.
    pub devices: u32,
    /// The first of them, at most [`SAMPLE_MAX`].
    pub sample: Vec<&'a DeviceName>,
}

impl Plan {
    /// The same plan under a name with `digits` of its digest, for when the shorter name is taken.
    pub fn with_name_digits(mut self, digits: usize) -> Self {
        self.name = plan_name(&self.rollout, &self.digest, digits);
        self
    }

    /// The sites of the plan, once each.
    pub fn sites(&self) -> BTreeSet<&SiteName> {
        self.devices.iter().map(|device| &device.site).collect()
    }

    /// Identical configurations, most devices first.
    pub fn rendered_groups(&self) -> Vec<RenderedGroup<'_>> {
        let mut groups: BTreeMap<&str, RenderedGroup<'_>> = BTreeMap::new();
        for device in &self.devices {
            let group = groups.entry(&device.config).or_insert_with(|| RenderedGroup {
                digest: &device.config,
                template: &device.template,
                devices: 0,
                sample: Vec::new(),
            });
            group.devices += 1;
            if group.sample.len() < SAMPLE_MAX {
                group.sample.push(&device.name);
            }
        }
        let mut groups: Vec<RenderedGroup<'_>> = groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.devices));
        groups
    }

    /// What the rollout machine needs of the plan.
    pub fn layout(&self) -> Layout {
        let device = |device: &PlannedDevice| LayoutDevice {
            name: device.name.clone(),
            site: device.site.clone(),
            wave: device.wave,
        };
        let wave = |wave: &PlannedWave| LayoutWave {
            name: wave.name.clone(),
            canary: wave.canary,
            soak: wave.soak,
            manual: wave.promote == Promote::Manual,
        };
        let retry = &self.spec.retry;
        let retry = RetryPolicy {
            max_attempts: retry.max_attempts,
            backoff: retry.backoff,
            max_backoff: retry.max_backoff,
            retry_on: retry.retry_on.clone(),
        };
        let devices = self.devices.iter().map(device).collect();
        let mut layout = Layout::new(devices, self.waves.iter().map(wave).collect(), retry);
        layout.max_parallel = self.spec.strategy.max_parallel;
        layout.max_parallel_per_site = self.spec.strategy.max_parallel_per_site;
        layout.skip_after = self.spec.skip_after;
        layout.device_wait = self.spec.breakers.device_wait_duration_in_open;
        layout.site_probes = self.spec.breakers.site_permitted_calls_in_half_open;
        layout.connect_timeout = self.spec.timeouts.connect;
        layout.command_timeout = self.goes_on();
        layout.confirm_wait = self.confirm_wait();
        layout.budget = Some(self.spec.strategy.budget);
        layout.watched = self.watched.clone();
        layout.readable = self.is_readable();
        layout.restorable = self.spec.change.command.is_none();
        layout.set_credentials(self.devices.iter().map(|device| device.endpoint.credential_ref.as_str()));
        layout
    }

    /// Whether its devices can be read: before it is applied to compare, after a doubt to settle it.
    pub fn is_readable(&self) -> bool {
        self.spec.change.command.is_none() || self.spec.change.read.is_some()
    }

    /// The longest that a device which was lost may still be at work on its change by itself.
    fn goes_on(&self) -> Duration {
        self.longest(|work| work.goes_on(&self.spec.timeouts, self.lines))
    }

    /// The longest from the first byte that can change one of its devices to the end of the attempt.
    pub fn write_time(&self) -> Duration {
        self.longest(|work| work.write_time(&self.spec.timeouts, self.lines))
    }

    /// The longest of its ways to work on a device.
    fn longest(&self, time: impl Fn(&Work) -> Duration) -> Duration {
        let ways: BTreeMap<_, _> = self
            .devices
            .iter()
            .map(|device| ((device.transport, device.platform.as_deref()), device))
            .collect();
        ways.into_values().map(|device| time(&self.work(device))).max().unwrap_or_default()
    }

    /// How long a change that nobody confirms may be seen on a device.
    fn confirm_wait(&self) -> Duration {
        let change = &self.spec.change;
        match change.command.is_none() && change.commit.confirmed {
            // The device's patience begins with its commit, which comes as late as the write's own deadline.
            true => change.commit.patience().saturating_add(self.longest(|work| self.writing(work))),
            false => Duration::ZERO,
        }
    }

    fn writing(&self, work: &Work) -> Duration {
        match work {
            Work::Driver(procedure) => procedure.writing(&self.spec.timeouts, self.lines),
            Work::Command { .. } | Work::HostKeys => Duration::ZERO,
        }
    }

    fn work(&self, device: &PlannedDevice) -> Work {
        let change = &self.spec.change;
        match (&change.command, device.transport) {
            (Some(write), _) => Work::Command { write: write.clone(), read: change.read.clone() },
            (None, transport) => {
                let (transport, platform) =
                    (transport.unwrap_or(Transport::SshCli), device.platform.as_deref());
                let of_device = |checks: &[CheckSpec]| -> Vec<Check> {
                    let each = checks.iter().map(|check| {
                        let device = (device.name.as_str(), device.endpoint.hostname.as_str());
                        check.for_device(device, platform, transport)
                    });
                    each.map(|check| check.expect("a plan is made only when every check fits every device"))
                        .collect()
                };
                Work::Driver(Arc::new(Procedure {
                    mode: change.mode,
                    commit: change.commit.clone(),
                    revert: self.spec.rollback.on_device_failure,
                    secrets: change.secrets.clone(),
                    pre: of_device(&self.spec.checks.pre),
                    post: of_device(&self.spec.checks.post),
                    ..Procedure::new(transport, platform.unwrap_or_default())
                }))
            }
        }
    }

    /// The work of one attempt at `device`, with its configuration's bytes.
    pub fn task(&self, device: &PlannedDevice, op: OpId, purpose: Purpose, configuration: Arc<[u8]>) -> Task {
        Task {
            op,
            endpoint: device.endpoint.clone(),
            work: self.work(device),
            purpose,
            configuration,
            timeouts: self.spec.timeouts,
            breakers: self.spec.breakers,
            pools: self.spec.pools,
        }
    }
}

fn plan_name(rollout: &RolloutName, digest: &str, digits: usize) -> PlanName {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    let digits = digits.clamp(NAME_DIGITS_MIN, NAME_DIGITS_MAX).min(hex.len());
    let room = crate::id::NAME_BYTES_MAX - 1 - NAME_DIGITS_MAX;
    let stem: String = rollout.as_str().chars().take(room).collect();
    PlanName::new(format!("{stem}-{}", &hex[..digits])).expect("a rollout's name, cut, a dash and hex digits")
}

#[cfg(test)]
mod tests;
