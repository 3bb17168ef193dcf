//! Builds a plan: select, render, order, split into waves, digest.

use super::render::{self, Rendered};
use super::waves::{self, Wave};
use super::way;
use super::{
    DATA_BYTES_MAX, NAME_DIGITS_MIN, Plan, PlanError, PlannedDevice, PlannedWave, labels, order, plan_name,
    select,
};
use crate::inventory::{Device, Inventory};
use crate::pace::Watched;
use crate::procedure::Transport;
use crate::spec::{Order, RolloutSpec};
use crate::task::lines;
use crate::time::Timestamp;
use crate::yaml::{Position, Problem, Problems};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Devices without a pinned key that are named one by one.
const WITHOUT_KEY_SHOWN_MAX: usize = 10;

/// What a plan is made of.
#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    /// The spec.
    pub spec: &'a RolloutSpec,
    /// The inventory.
    pub inventory: &'a Inventory,
    /// The files of [`RolloutSpec::files`], by the path that the spec names.
    pub files: &'a BTreeMap<String, Vec<u8>>,
    /// Vars of the command line; they win.
    pub vars: &'a BTreeMap<String, Value>,
    /// Who plans.
    pub created_by: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// A plan and its configurations.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Each distinct configuration by its digest.
    pub configs: BTreeMap<String, Vec<u8>>,
}

/// Everything that a plan's digest stands for.
#[derive(Serialize)]
struct Content<'a> {
    spec: &'a RolloutSpec,
    inventory_digest: &'a str,
    devices: &'a [PlannedDevice],
    waves: &'a [PlannedWave],
    watched: &'a Watched,
}

/// Plans a rollout. The same input always gives the same plan, whoever asks and whenever.
pub fn build(input: PlanInput<'_>) -> Result<Planned, PlanError> {
    let PlanInput { spec, inventory, .. } = input;
    let mut problems = Vec::new();
    let selection = select::select(spec, inventory, &mut problems)?;
    let rendered = render::render(&input, &selection.devices, &mut problems);
    let transports = way::transports(spec, inventory, &selection.devices, &mut problems);
    check_keys(inventory, &selection.devices, &transports, &mut problems);
    let inventory_digest = inventory.digest();
    let mut ranked = selection.devices;
    if spec.strategy.order == Order::Shuffled {
        order::shuffle(&mut ranked, seed(spec, &inventory_digest, inventory, &rendered));
    }
    let waves = waves::split(spec, inventory, &ranked, &mut problems);
    if !problems.is_empty() {
        return Err(PlanError::Problems(problems));
    }
    let mut warnings = selection.warnings;
    warnings.extend(rendered.warnings.iter().cloned());
    let empty = waves.iter().filter(|wave| wave.devices.is_empty());
    warnings.extend(empty.map(|wave| format!("the wave {} has no devices", wave.name)));
    let (devices, waves) = lay_out(inventory, &rendered, &transports, &waves);
    let watched = Watched::new(&labels::watched(inventory, &devices));
    let content = Content {
        spec,
        inventory_digest: &inventory_digest,
        devices: &devices,
        waves: &waves,
        watched: &watched,
    };
    let digest = crate::digest::of_value(&content);
    let plan = Plan {
        name: plan_name(&spec.name, &digest, NAME_DIGITS_MIN),
        digest,
        rollout: spec.name.clone(),
        created_at: input.now,
        created_by: input.created_by.to_owned(),
        spec: spec.clone(),
        inventory_digest,
        devices,
        waves,
        watched: Arc::new(watched),
        warnings,
        lines: rendered.configs.values().map(|text| lines(text.as_ref())).max().unwrap_or(0),
    };
    Ok(Planned { plan, configs: rendered.configs })
}

/// Depends on everything but the order itself.
fn seed(spec: &RolloutSpec, inventory_digest: &str, inventory: &Inventory, rendered: &Rendered) -> [u8; 32] {
    let configs: Vec<(&str, &str)> = rendered
        .by_device
        .iter()
        .map(|(index, (_, config))| (inventory.devices[*index].name.as_str(), config.as_str()))
        .collect();
    crate::digest::seed_of_value(&(spec, inventory_digest, configs))
}

fn check_keys(
    inventory: &Inventory,
    devices: &[usize],
    transports: &BTreeMap<usize, Transport>,
    problems: &mut Vec<Problem>,
) {
    let over_ssh = |index: &&usize| transports.get(*index).is_none_or(|transport| transport.is_ssh());
    let devices = devices.iter().filter(over_ssh).map(|index| &inventory.devices[*index]);
    let unproven =
        |device: &&Device| device.host_keys.is_empty() && device.connections.ssh.host_ca.is_empty();
    let without: Vec<&Device> = devices.filter(unproven).collect();
    let found = Problems::new("inventory");
    for device in without.iter().take(WITHOUT_KEY_SHOWN_MAX) {
        let (name, hostname, port) =
            (&device.name, &device.hostname, device.port_of(Some(Transport::SshCli)));
        let message = format!(
            "device {name} has no host_keys: collect it with `switchyard device trust {name}`, or `ssh-keyscan -p {port} {hostname} | ssh-keygen -lf -`, \
             check it by another way, and add the SHA256:… line, or name its authority in connection_options.ssh.host_ca"
        );
        found.add(Position::default(), &format!("devices.{name}.host_keys"), message, "");
    }
    if without.len() > WITHOUT_KEY_SHOWN_MAX {
        let more = without.len() - WITHOUT_KEY_SHOWN_MAX;
        found.add(Position::default(), "", format!("{more} more devices have no host_keys"), "");
    }
    problems.extend(found.into_list());
}

fn lay_out(
    inventory: &Inventory,
    rendered: &Rendered,
    transports: &BTreeMap<usize, Transport>,
    waves: &[Wave],
) -> (Vec<PlannedDevice>, Vec<PlannedWave>) {
    let mut devices: Vec<PlannedDevice> = Vec::new();
    let mut planned = Vec::new();
    for (wave, number) in waves.iter().zip(0u32..) {
        let first = devices.len();
        for index in &wave.devices {
            let Some((template, config)) = rendered.by_device.get(index) else { continue };
            let device = &inventory.devices[*index];
            let transport = transports.get(index).copied();
            devices.push(planned_device(device, number, (template, config), transport));
        }
        let own = &devices[first..];
        let sites: BTreeSet<_> = own.iter().map(|device| &device.site).collect();
        let count = |number: usize| u32::try_from(number).expect("an inventory has at most 100,000 devices");
        planned.push(PlannedWave {
            name: wave.name.clone(),
            canary: wave.canary,
            first: count(first),
            devices: count(own.len()),
            sites: count(sites.len()),
            soak: wave.soak,
            promote: wave.promote,
        });
    }
    (devices, planned)
}

fn planned_device(
    device: &Device,
    wave: u32,
    (template, config): (&str, &str),
    transport: Option<Transport>,
) -> PlannedDevice {
    let data_bytes = serde_json::to_string(&device.data).map_or(usize::MAX, |json| json.len());
    PlannedDevice {
        name: device.name.clone(),
        site: device.site.clone(),
        wave,
        endpoint: device.endpoint(transport),
        config: config.into(),
        template: template.into(),
        platform: device.platform.clone(),
        transport,
        role: device.role.clone(),
        labels: device.labels.clone(),
        data: if data_bytes <= DATA_BYTES_MAX { device.data.clone() } else { BTreeMap::new() },
    }
}
