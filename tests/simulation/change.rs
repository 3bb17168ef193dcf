//! The inventory and the plans of a run.

use crate::scenario::{Change, DEVICES_PER_SITE, SITES};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use switchyard_shared::id::{DeviceName, RolloutName, SiteName};
use switchyard_shared::inventory::Inventory;
use switchyard_shared::plan::{PlanInput, Planned, build};
use switchyard_shared::spec::RolloutSpec;
use switchyard_shared::time::Timestamp;

const KEY: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
const TEMPLATE: &str = "hostname {{ device.name }}\nchange {{ change }}\nend\n";

/// Every device with its site.
pub fn devices() -> impl Iterator<Item = (DeviceName, SiteName)> {
    SITES.iter().flat_map(|site| {
        (0..DEVICES_PER_SITE).filter_map(move |number| {
            let name = DeviceName::new(format!("{site}{number:02}")).ok()?;
            Some((name, SiteName::new(site).ok()?))
        })
    })
}

/// The inventory of every run.
pub fn inventory() -> Inventory {
    let mut text = format!(
        "api_version: switchyard/v1\nkind: Inventory\ndefaults: {{username: u, credential_ref: \"env:K\", host_keys: [\"{KEY}\"]}}\nsites: {{ams: {{}}, ber: {{}}, cph: {{}}}}\ndevices:\n"
    );
    for (number, (name, site)) in devices().enumerate() {
        let _ = writeln!(text, "  {name}: {{hostname: 10.0.0.{number}, site: {site}}}");
    }
    Inventory::parse(&text, "inventory.yaml").expect("an inventory that is written here")
}

/// What a device has once it has the change of a rollout.
pub fn rendered(device: &DeviceName, rollout: &RolloutName) -> Vec<u8> {
    format!("hostname {device}\nchange {rollout}\nend\n").into_bytes()
}

/// The plan of one change.
pub fn plan(change: &Change, inventory: &Inventory) -> Planned {
    let read = if change.readable { ", read: show" } else { "" };
    let waves: Vec<String> = match change.waves {
        1 => vec!["{name: all}".into()],
        waves => (1..waves)
            .map(|number| format!("{{name: w{number}, size: 25%, soak: 2s}}"))
            .chain(["{name: rest}".to_owned()])
            .collect(),
    };
    let text = format!(
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: {}}}\nspec:\n  change:\n    ssh: {{command: load{read}}}\n    templates: {{default: t}}\n    vars: {{change: {}}}\n  strategy:\n    budget: {{devices: 60}}\n    waves: [{}]\n  breakers: {{site: {{skip_after: 2m, wait_duration_in_open: 5s, max_wait_duration_in_open: 20s}}}}\n  timeouts: {{connect: 5s, command: 10s}}\n  retry: {{max_attempts: {}, backoff: 2s}}\n",
        change.name,
        change.name,
        waves.join(", "),
        change.attempts
    );
    let spec = RolloutSpec::parse(&text, "rollout.yaml").expect("a spec that is written here");
    let files = BTreeMap::from([("t".to_owned(), TEMPLATE.as_bytes().to_vec())]);
    let (vars, now) = (BTreeMap::new(), Timestamp(0));
    let input =
        PlanInput { spec: &spec, inventory, files: &files, vars: &vars, created_by: "simulation", now };
    build(input).expect("a plan of what is written here")
}
