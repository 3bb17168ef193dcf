//! Draws a fleet: an inventory whose labels hang together as the model says.

use super::model::{FleetModel, LabelModel, Listing, Values};
use super::random::Stream;
use crate::id::{DeviceName, SiteName};
use crate::inventory::{Device, Inventory, STATUS_ACTIVE, Site};
use std::collections::BTreeMap;

const FINGERPRINT: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

/// One drawn device: its site and the values of its labels.
struct Drawn {
    site: u32,
    values: Vec<u32>,
}

/// The fleet with this number of a seed. `culprits` are the labels of the devices that the listing order
/// is about.
pub(super) fn draw(
    model: &FleetModel,
    culprits: &BTreeMap<String, String>,
    seed: u64,
    number: u64,
) -> Inventory {
    let mut stream = Stream::new(seed, "fleet", number);
    let drawn: Vec<Drawn> = (0..model.devices).map(|_| draw_one(model, &mut stream)).collect();
    let mut order: Vec<usize> = (0..drawn.len()).collect();
    crate::plan::shuffle(&mut order, super::random::bytes(seed, "listing", number));
    let is_culprit = |index: &usize| {
        let has = |(key, value): (&String, &String)| {
            model
                .labels
                .iter()
                .zip(&drawn[*index].values)
                .any(|(label, own)| label.key == *key && own.to_string() == *value)
        };
        !culprits.is_empty() && culprits.iter().all(has)
    };
    list(&mut order, model.listing, is_culprit, super::random::bytes(seed, "late", number));
    let sites = (0..model.sites).map(|site| (name(model, site), site_of(model, site))).collect();
    let devices =
        order.iter().zip(0u32..).map(|(index, place)| device(model, place, &drawn[*index])).collect();
    Inventory { sites, devices }
}

fn list(order: &mut Vec<usize>, listing: Listing, is_culprit: impl Fn(&usize) -> bool, seed: [u8; 32]) {
    if listing == Listing::Random {
        return;
    }
    let (culprits, others): (Vec<usize>, Vec<usize>) = order.iter().copied().partition(is_culprit);
    let fixed = if listing == Listing::Late { others.len().min(order.len() / 5) } else { others.len() };
    let mut rest: Vec<usize> = others[fixed..].iter().copied().chain(culprits).collect();
    if listing == Listing::Late {
        crate::plan::shuffle(&mut rest, seed);
    }
    *order = others[..fixed].iter().copied().chain(rest).collect();
}

fn draw_one(model: &FleetModel, stream: &mut Stream) -> Drawn {
    let site = u32::try_from(stream.below(model.sites as usize)).unwrap_or(0);
    let mut values: Vec<u32> = Vec::with_capacity(model.labels.len());
    for label in &model.labels {
        let value = value(label, site, &values, stream);
        values.push(value);
    }
    Drawn { site, values }
}

fn value(label: &LabelModel, site: u32, known: &[u32], stream: &mut Stream) -> u32 {
    let index = |index: usize| u32::try_from(index).unwrap_or(0);
    match &label.by {
        Values::Drawn(shares) => index(stream.pick(shares)),
        Values::Stepped { parent, bases, steps, shares } => {
            (bases[known[*parent] as usize] + steps[stream.pick(shares)]) % label.values.max(1)
        }
        Values::Copied { parent, share } if stream.chance(*share) => known[*parent],
        Values::Copied { .. } => index(stream.below(label.values as usize)),
        Values::SitesEach(each) => site / each,
        Values::SitePattern(pattern) => pattern[site as usize % pattern.len()],
    }
}

fn name(model: &FleetModel, site: u32) -> SiteName {
    SiteName::new(model.site_name(site)).expect("a letter and digits")
}

fn site_of(model: &FleetModel, site: u32) -> Site {
    let region = model.labels.iter().find(|label| label.key == "region").and_then(|label| match &label.by {
        Values::SitesEach(each) => Some((site / each).to_string()),
        Values::SitePattern(pattern) => Some(pattern[site as usize % pattern.len()].to_string()),
        Values::Drawn(_) | Values::Stepped { .. } | Values::Copied { .. } => None,
    });
    Site { region, ..Site::default() }
}

fn device(model: &FleetModel, place: u32, drawn: &Drawn) -> Device {
    let mut labels: BTreeMap<String, String> = model
        .labels
        .iter()
        .zip(&drawn.values)
        .map(|(label, value)| (label.key.clone(), value.to_string()))
        .collect();
    let (platform, role) = (labels.remove("platform"), labels.remove("role"));
    if site_of(model, drawn.site).region.is_some() {
        labels.remove("region");
    }
    Device {
        transport: None,
        name: DeviceName::new(model.device_name(place)).expect("a letter and digits"),
        hostname: format!("10.{}.{}.{}", place >> 16, place >> 8 & 255, place & 255),
        port: 22,
        port_is_meant: false,
        connections: Default::default(),
        site: name(model, drawn.site),
        platform,
        role,
        status: STATUS_ACTIVE.into(),
        groups: Vec::new(),
        labels,
        data: BTreeMap::new(),
        username: "rehearsal".into(),
        credential_ref: "env:REHEARSAL".into(),
        host_keys: vec![FINGERPRINT.into()],
        redundancy_group: None,
        ha_role: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(listing: Listing) -> FleetModel {
        let drawn = |key: &str, shares: &[f64]| LabelModel {
            key: key.into(),
            values: u32::try_from(shares.len()).unwrap(),
            by: Values::Drawn(shares.to_vec()),
        };
        let model = Values::Stepped {
            parent: 0,
            bases: vec![0, 3],
            steps: vec![0, 1, 2],
            shares: vec![0.6, 0.3, 0.1],
        };
        let labels = vec![
            drawn("platform", &[0.5, 0.5]),
            LabelModel { key: "model".into(), values: 6, by: model },
            LabelModel { key: "copy".into(), values: 4, by: Values::Copied { parent: 0, share: 0.5 } },
            LabelModel { key: "region".into(), values: 5, by: Values::SitesEach(2) },
        ];
        FleetModel { devices: 2000, sites: 10, pools: vec![5], listing, labels }
    }

    #[test]
    fn labels_hang_together_as_the_model_says() {
        let inventory = draw(&model(Listing::Random), &BTreeMap::new(), 1, 0);
        let of_first = inventory.devices.iter().filter(|device| device.platform.as_deref() == Some("0"));
        let models: Vec<&str> = of_first.map(|device| device.labels["model"].as_str()).collect();
        assert!(models.iter().all(|model| ["0", "1", "2"].contains(model)));
        let usual = models.iter().filter(|model| **model == "0").count() as f64 / models.len() as f64;
        assert!((0.55..0.65).contains(&usual), "{usual}");
        let copied = inventory.devices.iter().filter(|d| d.platform.as_ref() == d.labels.get("copy")).count();
        assert!((1150..1350).contains(&copied), "half and a quarter of the rest: {copied}");
        assert_eq!(inventory.sites["s7"].region.as_deref(), Some("3"));
        assert_eq!(inventory, draw(&model(Listing::Random), &BTreeMap::new(), 1, 0));
        assert_ne!(inventory, draw(&model(Listing::Random), &BTreeMap::new(), 1, 1));
    }

    #[test]
    fn the_devices_that_break_come_late_or_last_in_the_inventory_when_asked() {
        let culprits = BTreeMap::from([("platform".to_owned(), "1".to_owned())]);
        let is_bad = |device: &Device| device.platform.as_deref() == Some("1");
        let last = draw(&model(Listing::Last), &culprits, 1, 0);
        let first_bad = last.devices.iter().position(is_bad).unwrap();
        assert!(last.devices[first_bad..].iter().all(is_bad));
        let late = draw(&model(Listing::Late), &culprits, 1, 0);
        let first_bad = late.devices.iter().position(is_bad).unwrap();
        assert!((400..450).contains(&first_bad), "{first_bad}");
        assert!(!late.devices[first_bad..].iter().all(is_bad));
    }
}
