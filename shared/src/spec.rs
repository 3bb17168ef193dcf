//! What an operator asks for: the change, the devices, the order and the limits.

mod breakers;
mod budget;
mod change;
mod checks;
mod limits;
mod places;
mod pools;
mod procedure;
mod rollback;
mod size;
mod strategy;

pub use change::{Change, DEFAULT_TEMPLATE, RESERVED_VARS, VARS_MAX};
pub(crate) use change::{check_var, vars};
pub use checks::{CheckSpec, Checks, server_address};
pub use limits::{ATTEMPTS_MAX, Retry};
pub use places::Places;
pub(crate) use pools::{in_flight, rate};
pub use rollback::Rollback;
pub use size::Size;
pub use strategy::{CANARY, Canary, Order, Promote, Strategy, Targets, WAVES_MAX, WaveSpec};

use crate::id::RolloutName;
use crate::task::{BreakerSettings, PoolSettings, Timeouts};
use crate::yaml::{self, Field, Node, Problem, Problems, SPEC_BYTES_MAX, Section, shown};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest time a spec may name.
pub(crate) const DURATION_MAX: Duration = Duration::from_secs(366 * 86_400);
const LABELS_MAX: usize = 64;

/// A rollout spec that has been read and checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolloutSpec {
    /// What the rollout is called.
    pub name: RolloutName,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// What is changed and how.
    pub change: Change,
    /// What must hold before a write and after it.
    #[serde(default, skip_serializing_if = "Checks::is_empty")]
    pub checks: Checks,
    /// Which devices.
    pub targets: Targets,
    /// In which order, how many at once.
    pub strategy: Strategy,
    /// What opens and closes breakers.
    pub breakers: BreakerSettings,
    /// A site still open this long after it first opened is not waited for.
    pub skip_after: Duration,
    /// Deadlines of an attempt.
    pub timeouts: Timeouts,
    /// When a device is tried again.
    pub retry: Retry,
    /// How many at once at an agent, and how fast.
    #[serde(default)]
    pub pools: PoolSettings,
    /// What is put back without anybody's word.
    #[serde(default, skip_serializing_if = "Rollback::is_default")]
    pub rollback: Rollback,
    /// Where its keys stand in the document it was read from.
    #[serde(skip)]
    pub places: Places,
}

impl RolloutSpec {
    /// Reads a spec of at most [`SPEC_BYTES_MAX`] bytes; all problems come at once.
    pub fn parse(text: &str, source: &str) -> Result<Self, Vec<Problem>> {
        let problems = Problems::remembering_places(source);
        let node = yaml::parse(text, SPEC_BYTES_MAX, &problems);
        let spec = node.and_then(|node| decode(&node, source, &problems));
        problems.into_result(spec)
    }

    /// The templates and vars files that must be at hand to plan, as the spec names them, once each.
    pub fn files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = self.change.templates.values().map(String::as_str).collect();
        files.extend(self.change.vars_files.iter().map(String::as_str));
        files.sort_unstable();
        files.dedup();
        files
    }
}

fn decode(node: &Node, source: &str, problems: &Problems) -> Option<RolloutSpec> {
    let mut root = Field::root(node, problems).section()?;
    root.envelope("Rollout");
    let metadata = root.require("metadata", "metadata: {name: ntp}").and_then(|field| field.section());
    let metadata = metadata.map(read_metadata);
    let spec = root.require("spec", "spec: {change: …}").and_then(|field| field.section());
    drop(root);
    let mut spec = spec?;
    spec.not_supported_yet(&["redundancy", "approvals", "windows", "on_window_close", "notifications"]);
    let change = spec.require("change", "change: {ssh: {command: load}, templates: {default: motd.cfg.j2}}");
    let change = change.and_then(|field| field.section()).map(change::read);
    let confirm_within = change.iter().flatten().find_map(Change::confirm_within);
    let checks = checks::read(spec.section("checks"), confirm_within);
    if let Some(change) = change.iter().flatten().next()
        && change.command.is_some()
        && !checks.is_empty()
    {
        spec.refuse(
            "checks",
            "need a driver that looks",
            "leave out change.ssh to have a driver do the work",
        );
    }
    let rollback = rollback::read(spec.section("rollback"));
    if let Some(change) = change.iter().flatten().next()
        && change.command.is_some()
        && !rollback.is_default()
    {
        spec.refuse(
            "rollback",
            "does not go with ssh.command: nobody keeps what the device had",
            "leave out change.ssh to have a driver do the work",
        );
    }
    let targets = spec.section("targets").map(strategy::read_targets).unwrap_or_default();
    let strategy = spec.section("strategy").map(strategy::read).unwrap_or_default();
    let pools = pools::read(spec.section("pools"));
    let per_site = Some(strategy.max_parallel_per_site).filter(|most| *most > 0);
    let pool = per_site.into_iter().chain(pools.max_in_flight).min();
    let (breakers, skip_after) = breakers::read(spec.section("breakers"), pool);
    let timeouts = limits::read_timeouts(spec.section("timeouts"));
    let retry = limits::read_retry(spec.section("retry"));
    drop(spec);
    let (name, labels, annotations) = metadata?;
    let places = Places::new(source, problems.places());
    let (name, change) = (name?, change??);
    Some(RolloutSpec {
        name,
        labels,
        annotations,
        change,
        checks,
        targets,
        strategy,
        breakers,
        skip_after,
        timeouts,
        retry,
        pools,
        rollback,
        places,
    })
}

type Metadata = (Option<RolloutName>, BTreeMap<String, String>, BTreeMap<String, String>);

fn read_metadata(mut section: Section<'_>) -> Metadata {
    let name = section.require("name", "name: ntp").and_then(|field| field.parsed(rollout_name));
    (name, read_texts(section.take("labels")), read_texts(section.take("annotations")))
}

fn rollout_name(text: &str) -> Result<RolloutName, String> {
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let good = text.len() >= 3 && text.bytes().all(letters) && text.as_bytes()[0].is_ascii_lowercase();
    match RolloutName::new(text) {
        Ok(name) if good => Ok(name),
        Ok(_) | Err(_) => Err(format!(
            "{} is not the name of a rollout: 3 to 63 lower-case letters, digits or '-', starting with a letter",
            shown(text)
        )),
    }
}

fn read_texts(field: Option<Field<'_>>) -> BTreeMap<String, String> {
    let entries = field.and_then(|field| field.map(LABELS_MAX)).unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|(key, _, field)| Some((key.to_owned(), field.text()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests;
