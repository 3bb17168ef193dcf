//! The way to each device of a change that a driver makes.

use super::Plan;
use crate::inventory::Inventory;
use crate::procedure::{COMMIT_AT_ONCE, Probe, RESTCONF, SECTIONED, Transport};
use crate::spec::RolloutSpec;
use crate::yaml::Problem;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Most devices that a problem names.
const NAMED_MAX: usize = 5;

/// The transport of each device; none when a command does the work.
pub(super) fn transports(
    spec: &RolloutSpec,
    inventory: &Inventory,
    devices: &[usize],
    problems: &mut Vec<Problem>,
) -> BTreeMap<usize, Transport> {
    let change = &spec.change;
    if change.command.is_some() {
        return BTreeMap::new();
    }
    let way = |index: &usize| (*index, change.transport.or(inventory.devices[*index].transport));
    let (known, without): (Vec<_>, Vec<_>) = devices.iter().map(way).partition(|(_, way)| way.is_some());
    if !without.is_empty() {
        let names = without.iter().take(NAMED_MAX).map(|(index, _)| inventory.devices[*index].name.as_str());
        let names: Vec<&str> = names.collect();
        let message = format!("{} devices have no transport, such as {}", without.len(), names.join(", "));
        let hint = "write change.transport, or transport in the inventory: ssh_cli, netconf, gnmi, http or local_exec; \
                    or change.ssh.command to hand the configuration to a command";
        problems.push(spec.places.problem("spec.change", message, hint));
    }
    let known: BTreeMap<usize, Transport> =
        known.into_iter().filter_map(|(index, way)| Some((index, way?))).collect();
    check_checks(spec, inventory, &known, problems);
    check_jumps(spec, inventory, &known, problems);
    known
}

impl Plan {
    /// What is to be said of devices that do not take a commit back by themselves although the spec has it confirmed, or
    /// of which nobody knows yet; `None` without any.
    pub(crate) fn at_once(&self) -> Option<String> {
        let change = &self.spec.change;
        if change.command.is_some() || !change.commit.confirmed {
            return None;
        }
        let (mut for_good, mut unknown) = (Kinds::default(), Kinds::default());
        for device in &self.devices {
            let platform = device.platform.as_deref().unwrap_or("no platform");
            match device.transport.unwrap_or(Transport::SshCli) {
                Transport::LocalExec => for_good.add(platform),
                Transport::Http if platform == RESTCONF => for_good.add(platform),
                Transport::SshCli | Transport::Http if COMMIT_AT_ONCE.contains(&platform) => {
                    for_good.add(platform);
                }
                Transport::SshCli | Transport::Http if SECTIONED.contains(&platform) => {}
                // The definition of its own platform is the agent's.
                Transport::SshCli | Transport::Http => unknown.add(platform),
                transport @ (Transport::Netconf | Transport::Gnmi) => unknown.add(transport.as_str()),
            }
        }
        let known = format!(
            "commit: confirmed, and for good at once on {for_good}: they take no commit back by themselves"
        );
        match (for_good.devices, unknown.devices) {
            (0, 0) => None,
            (_, 0) => Some(known),
            (0, _) => Some(format!(
                "commit: confirmed; {unknown} tell only when they are asked whether they take a commit back by themselves"
            )),
            (_, _) => Some(format!("{known}; {unknown} more tell only when they are asked")),
        }
    }
}

/// Some of a plan's devices.
#[derive(Default)]
struct Kinds<'a> {
    devices: u32,
    /// What they run, or how they are reached.
    kinds: BTreeSet<&'a str>,
}

impl<'a> Kinds<'a> {
    fn add(&mut self, kind: &'a str) {
        self.devices += 1;
        self.kinds.insert(kind);
    }
}

impl fmt::Display for Kinds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<&str> = self.kinds.iter().copied().collect();
        write!(f, "{} ({})", self.devices, kinds.join(", "))
    }
}

/// What goes to a device's address by itself would miss a device behind a jump host, or meet another one.
fn check_jumps(
    spec: &RolloutSpec,
    inventory: &Inventory,
    transports: &BTreeMap<usize, Transport>,
    problems: &mut Vec<Problem>,
) {
    let behind =
        transports.iter().filter(|(index, _)| inventory.devices[**index].connections.ssh.jump.is_some());
    let Some((first, _)) = behind.clone().next() else { return };
    let met = |index: usize| format!("met first at device {}", inventory.devices[index].name.as_str());
    let mut checks = spec.checks.pre.iter().chain(&spec.checks.post);
    if checks.any(|check| matches!(check.check.probe, Probe::Tcp { .. })) {
        let why =
            "a tcp check does not go through a jump host: it would ask another address than the device's";
        problems.push(spec.places.problem("spec.checks", why, met(*first)));
    }
    if let Some((index, transport)) =
        behind.into_iter().find(|(_, way)| matches!(way, Transport::Gnmi | Transport::Http))
    {
        let why = format!("{transport} does not go through a jump host: only ssh_cli and netconf do");
        problems.push(spec.places.problem("spec.change", why, met(*index)));
    }
}

/// Every check must fit every device.
fn check_checks(
    spec: &RolloutSpec,
    inventory: &Inventory,
    transports: &BTreeMap<usize, Transport>,
    problems: &mut Vec<Problem>,
) {
    let checks = spec.checks.pre.iter().chain(&spec.checks.post);
    let mut unfit: BTreeMap<String, &str> = BTreeMap::new();
    for check in checks {
        for (index, transport) in transports {
            let device = &inventory.devices[*index];
            if let Err(why) = check.for_platform(device.platform.as_deref(), *transport) {
                unfit.entry(why).or_insert_with(|| device.name.as_str());
            }
        }
    }
    let problem = |(why, device): (String, &str)| {
        spec.places.problem("spec.checks", why, format!("met first at device {device}"))
    };
    problems.extend(unfit.into_iter().take(NAMED_MAX).map(problem));
}
