//! What a rehearsal assumes about devices, sites and time: the words of a model file.

mod decode;
mod fleet;
mod known;
mod number;

pub use fleet::{FleetModel, LabelModel, Listing, Values};
pub use known::Known;

use crate::inventory::Inventory;
use crate::outcome::words;
use crate::yaml::{self, Problem, Problems};
use std::collections::BTreeMap;
use std::time::Duration;

/// Largest model file, in bytes.
pub const MODEL_BYTES_MAX: usize = 1024 * 1024;

words!(
    /// What other systems do, to run beside this one.
    Rule {
        /// No stop at all, everything at once as the pools allow: what the price is measured against.
        None = "none",
        /// Everything at once; stops at 5 failures, or when more than half of the results are failures.
        Brief = "brief",
        /// Batches of a tenth; stops after a batch of which more than 30 % failed.
        Ansible = "ansible",
        /// 50 a minute, twice as many with each 1,000 started, up to 1,000; stops at 20 % of at least 10.
        Aws = "aws",
        /// Waves of 1, 5, 25, 125, …, each awaited; watches the platform and the total only.
        Waves = "waves",
    }
);

/// A model of the world that a rollout meets.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The fleet to draw when no inventory is given.
    pub fleet: Option<FleetModel>,
    /// Which devices the change breaks.
    pub failures: Failures,
    /// How long an attempt takes after its handshake; one of these, drawn for each trial.
    pub latency: Vec<Spread>,
    /// How long a device takes to answer a connect; one of these, drawn for each trial.
    pub handshake: Vec<Handshake>,
    /// Share of the devices that never answer.
    pub unreachable: f64,
    /// Sites that go dark.
    pub dark: Option<Dark>,
    /// Share of the broken devices whose post-check says so.
    pub sensitivity: f64,
    /// Rules of other systems to run in the same worlds.
    pub rules: Vec<Rule>,
}

/// Which devices the change breaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Failures {
    /// Any device, with this probability.
    pub overall: f64,
    /// A failing attempt takes that many times as long.
    pub slower: f64,
    /// Devices that break for a reason of their own.
    pub causes: Vec<Cause>,
}

/// Devices that break with a probability of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// All these labels; none means every device.
    pub labels: BTreeMap<String, String>,
    /// At one of these sites; none means every site.
    pub sites: Vec<String>,
    /// How likely each of them breaks.
    pub probability: f64,
    /// Only attempts that begin this long after the rollout or later.
    pub from: Duration,
}

/// A distribution of durations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spread {
    /// Lognormal.
    LogNormal {
        /// Half take longer.
        median: Duration,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Evenly between two durations.
    Even {
        /// The shortest.
        from: Duration,
        /// The longest.
        to: Duration,
    },
}

/// How long a device takes to answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Handshake {
    /// Most devices.
    pub spread: Spread,
    /// 1 % answer a second later, 0.2 % three (a lost packet is sent again), 2 % take 2 to 6 seconds.
    pub stragglers: bool,
}

/// Sites that go dark: nothing there answers any more, what is connected goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Dark {
    /// Which.
    pub sites: Vec<String>,
    /// When.
    pub when: DarkWhen,
    /// Connect timeouts to use instead of the spec's; one of these, drawn for each trial.
    pub timeouts: Vec<Duration>,
}

/// When a site goes dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DarkWhen {
    /// So long after the rollout began.
    At(Duration),
    /// With the start that follows this many starts at the site.
    After(u32),
}

impl Model {
    /// Reads a model file of at most [`MODEL_BYTES_MAX`] bytes. Labels and sites that it names must be in
    /// `inventory`, or in its own fleet when there is none; all problems come at once.
    pub fn parse(text: &str, source: &str, inventory: Option<&Inventory>) -> Result<Self, Vec<Problem>> {
        let problems = Problems::new(source);
        let node = yaml::parse(text, MODEL_BYTES_MAX, &problems);
        let model = node.and_then(|node| decode::model(&node, &problems, inventory));
        problems.into_result(model)
    }
}

#[cfg(test)]
mod tests;
