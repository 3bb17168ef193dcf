//! `--replay ROLLOUT`: a rollout that happened, under other settings.

use super::load::Spec;
use super::{Ground, Trial, threads};
use crate::client::{Api, all};
use crate::failure::Failure;
use crate::session::Session;
use crate::words;
use std::collections::BTreeMap;
use std::time::Duration;
use switchyard_proto::v1;
use switchyard_shared::id::{DeviceName, SiteName};
use switchyard_shared::inventory::{Device, Inventory, STATUS_ACTIVE, Site};
use switchyard_shared::rehearse::{Recorded, Seen, replay};

const PAGE_SIZE: i32 = 1000;

/// What happened, and to whom.
pub struct Past {
    /// The rollout, as the operator named it.
    pub rollout: String,
    /// Its devices.
    pub inventory: Inventory,
    /// What is known of each.
    pub recorded: Vec<Recorded>,
}

impl Past {
    /// Fetches a rollout's results; its devices are those of `inventory`, else of the coordinator.
    pub async fn fetch(
        session: &Session,
        rollout: &str,
        inventory: Option<Inventory>,
    ) -> Result<Self, Failure> {
        let api = session.api().await?;
        let results = api.devices(rollout, "").await?;
        let mut inventory = match inventory {
            Some(inventory) => inventory,
            None => known(&api).await?,
        };
        let results: BTreeMap<&str, &v1::DeviceResult> =
            results.iter().map(|result| (words::short("devices", &result.device), result)).collect();
        inventory.devices.retain(|device| results.contains_key(device.name.as_str()));
        for device in &mut inventory.devices {
            device.status = STATUS_ACTIVE.into();
        }
        let of =
            |device: &Device| results.get(device.name.as_str()).map_or(UNTRIED, |result| recorded(result));
        let recorded = inventory.devices.iter().map(of).collect();
        Ok(Self { rollout: words::short("rollouts", rollout).to_owned(), inventory, recorded })
    }

    /// How many devices it broke, tried, and knows nothing of.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |seen: Seen| self.recorded.iter().filter(|device| device.seen == seen).count();
        let untried = count(Seen::Untried);
        (count(Seen::Broken), self.recorded.len() - untried, untried)
    }

    /// Replays it for each ground, in other orders.
    pub fn run(&self, grounds: &[Vec<Ground>], seed: u64, trials: u32) -> Vec<Trial> {
        threads::run(trials, |number| {
            let own = grounds.iter().filter_map(|fleet| fleet.first());
            let own = own.map(|ground| replay(ground, &self.recorded, seed, u64::from(number)));
            Some(Trial { own: own.collect(), others: Vec::new() })
        })
    }

    /// The comparison in words: what happened, and what would have.
    pub fn lines(&self, specs: &[Spec], trials: &[Trial]) -> Vec<String> {
        let (harmed, tried, untried) = self.counts();
        let mut lines =
            vec![format!("rollouts/{}: {harmed} of {tried} devices that it tried failed", self.rollout)];
        for (index, spec) in specs.iter().enumerate() {
            let own = trials.iter().filter_map(|trial| trial.own.get(index));
            let mut ends: Vec<(u32, u32, bool)> =
                own.map(|(figures, track)| (figures.harmed, track.started, figures.stopped)).collect();
            ends.sort_unstable();
            let Some((harm, started, _)) = ends.get(ends.len() / 2) else { continue };
            let stopped = ends.iter().filter(|(_, _, stopped)| *stopped).count();
            let verb = if stopped * 2 > ends.len() {
                "would have stopped after"
            } else {
                "would have gone on, with"
            };
            lines.push(format!("{} {verb} {harm}, not {harmed}, at {started} devices started", spec.name));
        }
        if untried > 0 {
            lines.push(format!(
                "{untried} devices were never tried: they are taken as good, so this is the least harm"
            ));
        }
        lines
    }
}

const UNTRIED: Recorded = Recorded { seen: Seen::Untried, took: Duration::ZERO };

fn recorded(result: &v1::DeviceResult) -> Recorded {
    let Some(outcome) = &result.outcome else { return UNTRIED };
    let began = words::instant_of(outcome.started_at.as_ref());
    let ended = words::instant_of(outcome.finished_at.as_ref());
    let took = began.zip(ended).map_or(Duration::ZERO, |(began, ended)| ended.since(began));
    Recorded { seen: Seen::of(words::to_class(outcome.class)), took }
}

async fn known(api: &Api) -> Result<Inventory, Failure> {
    let devices = all(async |page_token| {
        let request = v1::ListDevicesRequest { page_size: PAGE_SIZE, page_token, filter: String::new() };
        let page = api.call(api.inventory().list_devices(request)).await?;
        Ok((page.devices, page.next_page_token))
    })
    .await?;
    let devices: Vec<Device> = devices.iter().filter_map(device).collect();
    let sites = devices.iter().map(|device| (device.site.clone(), Site::default())).collect();
    Ok(Inventory { sites, devices })
}

/// A device as far as a replay needs it: nothing is ever connected to.
fn device(device: &v1::Device) -> Option<Device> {
    let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some(Device {
        transport: None,
        name: DeviceName::new(words::short("devices", &device.name)).ok()?,
        hostname: device.hostname.clone(),
        port: 22,
        site: SiteName::new(&device.site).ok()?,
        platform: optional(&device.platform),
        role: optional(&device.role),
        status: STATUS_ACTIVE.into(),
        groups: Vec::new(),
        labels: device.labels.clone().into_iter().collect(),
        data: BTreeMap::new(),
        username: "replay".into(),
        credential_ref: "env:REPLAY".into(),
        port_is_meant: false,
        connections: Default::default(),
        host_keys: vec!["SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU".into()],
        redundancy_group: None,
        ha_role: None,
    })
}
