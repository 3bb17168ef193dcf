//! Collects host keys for a person: what is asked, what is shown to what is pinned, and the record of both.

use super::Api;
use super::inventory::{bad_filter, parse_filter};
use crate::driver::{Driver, KeysAsked, KeysFound, KeysWanted, Record};
use crate::refused::Refused;
use std::collections::BTreeMap;
use std::sync::Arc;
use switchyard_proto::v1;
use switchyard_shared::comparison::DeviceDifference;
use switchyard_shared::digest;
use switchyard_shared::inventory::{self, Device, Inventory, STATUS_ACTIVE};
use switchyard_shared::outcome::Class;
use switchyard_shared::procedure::Transport;
use switchyard_shared::ssh::HostKey;
use switchyard_shared::trust::{Trust, judge};
use tokio::sync::mpsc;
use tonic::Status;

/// Devices that one request may name.
const NAMED_MAX: usize = 1000;
/// Answers on their way to one reader.
const ANSWERS_MAX: usize = 64;

type Sender = mpsc::Sender<Result<v1::CollectHostKeysResponse, Status>>;
/// What one reader is told.
pub(super) type Collected = mpsc::Receiver<Result<v1::CollectHostKeysResponse, Status>>;

impl Api {
    /// Begins to collect; the answers come at the other end.
    pub(super) async fn collect_keys(
        &self,
        asked: v1::CollectHostKeysRequest,
        by: String,
    ) -> Result<Collected, Refused> {
        let inventory = self.driver.look(|world, _| Ok(world.inventory.clone())).await?;
        let filter = asked.filter.clone();
        let prepare = move || prepare(inventory, &asked);
        let prepared = tokio::task::spawn_blocking(prepare).await.map_err(|_| Refused::Stopping)??;
        let (inventory, selected, names) = prepared;
        let of = |index: &usize| &inventory.devices[*index];
        let (over_ssh, without): (Vec<usize>, Vec<usize>) =
            selected.iter().partition(|index| is_ssh(of(index)));
        let wanted = KeysWanted::of(over_ssh.iter().map(of));
        let asked = KeysAsked { by, filter, devices: selected.len(), names };
        tracing::info!(by = asked.by, devices = asked.devices, "host keys are collected");
        let begin = self.driver.ask(move |world, turn| world.collect_keys(wanted, &asked, turn));
        let (record, answers) = begin.await?;
        let (sender, collected) = mpsc::channel(ANSWERS_MAX);
        let count = u32::try_from(selected.len()).unwrap_or(u32::MAX);
        let by_name = over_ssh.iter().map(|index| (of(index).name.to_string(), *index)).collect();
        let telling =
            Telling { inventory, by_name, sender, count, found: KeysFound::default(), keys: Vec::new() };
        tokio::spawn(telling.run(without, answers, record, self.driver.clone()));
        Ok(collected)
    }
}

/// The inventory, the devices that are meant in its order, and the digest of their names.
type Prepared = (Arc<Inventory>, Vec<usize>, String);

fn prepare(inventory: Arc<Inventory>, asked: &v1::CollectHostKeysRequest) -> Result<Prepared, Refused> {
    let selected = select(&inventory, asked)?;
    if selected.is_empty() {
        let what = if asked.filter.is_empty() { "no device is active" } else { "the filter matches none" };
        return Err(Refused::NoTargets(what.into()));
    }
    let names: String =
        selected.iter().map(|index| format!("{}\n", inventory.devices[*index].name)).collect();
    Ok((inventory, selected, digest::of_bytes(names.as_bytes())))
}

fn select(inventory: &Inventory, asked: &v1::CollectHostKeysRequest) -> Result<Vec<usize>, Refused> {
    let bad = |why: &str| Refused::BadRequest { field: "devices".into(), why: why.into() };
    let filter = parse_filter(&asked.filter)?;
    match (&filter, asked.devices.as_slice()) {
        (Some(_), [_, ..]) => Err(bad("there is a filter as well; say one of both")),
        (Some(filter), []) => inventory::select(inventory, filter).map_err(bad_filter),
        (None, []) => {
            let active = |index: &usize| inventory.devices[*index].status == STATUS_ACTIVE;
            Ok((0..inventory.devices.len()).filter(active).collect())
        }
        (None, named) if named.len() > NAMED_MAX => Err(bad("more than 1000; use a filter")),
        (None, named) => {
            let known: BTreeMap<&str, usize> = inventory
                .devices
                .iter()
                .zip(0..)
                .map(|(device, index)| (device.name.as_str(), index))
                .collect();
            let of = |name: &String| {
                let short = name.strip_prefix("devices/").unwrap_or(name);
                known.get(short).copied().ok_or_else(|| Refused::NotFound {
                    kind: "devices",
                    name: short.chars().take(80).collect(),
                    list: "switchyard inventory list",
                })
            };
            let mut found = named.iter().map(of).collect::<Result<Vec<usize>, Refused>>()?;
            found.sort_unstable();
            found.dedup();
            Ok(found)
        }
    }
}

fn is_ssh(device: &Device) -> bool {
    device.transport.is_none_or(Transport::is_ssh)
}

/// Tells one reader of its devices, and keeps the sum of it.
struct Telling {
    inventory: Arc<Inventory>,
    by_name: BTreeMap<String, usize>,
    sender: Sender,
    count: u32,
    found: KeysFound,
    /// `DEVICE ALGORITHM FINGERPRINT`.
    keys: Vec<String>,
}

impl Telling {
    /// Ends with the last answer, or when the reader has gone; what was found until then is recorded.
    async fn run(
        mut self,
        without: Vec<usize>,
        mut answers: mpsc::Receiver<DeviceDifference>,
        record: Record,
        driver: Driver,
    ) {
        let inventory = self.inventory.clone();
        for index in without {
            let device = &inventory.devices[index];
            self.tell(device, Trust::NoSsh, None, why_no_ssh(device)).await;
        }
        let sender = self.sender.clone();
        loop {
            let answer = tokio::select! {
                biased;
                () = sender.closed() => break,
                answer = answers.recv() => answer,
            };
            let Some(answer) = answer else { break };
            let Some(index) = self.by_name.get(answer.device.as_str()) else { continue };
            let device = &inventory.devices[*index];
            let trust = judged(device, &answer);
            self.tell(device, trust, Some(&answer), &answer.reason).await;
        }
        // Agents are not asked for more.
        drop(answers);
        self.keys.sort_unstable();
        self.found.keys = digest::of_bytes(self.keys.join("\n").as_bytes());
        let (found, name) = (self.found, record.name().to_owned());
        tracing::info!(record = name, found = ?found, "host keys were collected");
        let end = move |_: &mut _, turn: &mut _| {
            record.end(&found, turn);
            Ok(())
        };
        if let Err(error) = driver.ask(end).await {
            tracing::error!(record = name, "failed to record which host keys were found: {error}");
        }
    }

    async fn tell(&mut self, device: &Device, trust: Trust, answer: Option<&DeviceDifference>, reason: &str) {
        let sum = match trust {
            Trust::Pinned => &mut self.found.pinned,
            Trust::New => &mut self.found.new,
            Trust::Changed => &mut self.found.changed,
            Trust::Unknown => &mut self.found.unknown,
            Trust::NoSsh => &mut self.found.no_ssh,
        };
        *sum += 1;
        let keys = answer.map_or(&[][..], |answer| &answer.keys);
        let line = |key: &HostKey| format!("{} {} {}", device.name, key.algorithm, key.fingerprint);
        self.keys.extend(keys.iter().map(line));
        let class = answer.and_then(|answer| answer.class);
        let told = v1::CollectHostKeysResponse {
            device: device.name.to_string(),
            site: device.site.to_string(),
            hostname: device.hostname.clone(),
            port: device.port_of(device.transport).into(),
            state: v1::collect_host_keys_response::State::from(trust).into(),
            keys: keys.iter().map(Into::into).collect(),
            pinned_keys: device.host_keys.clone(),
            class: class.map_or(v1::OutcomeClass::Unspecified, v1::OutcomeClass::from).into(),
            reason: reason.to_owned(),
            devices: self.count,
        };
        // A reader that has gone is seen by the loop.
        let _gone = self.sender.send(Ok(told)).await;
    }
}

/// What it shows is to its pins. That it has changed is known when it was asked for every kind of key.
fn judged(device: &Device, answer: &DeviceDifference) -> Trust {
    let authorities = !device.connections.ssh.host_ca.is_empty();
    let trust = judge(&answer.keys, &device.host_keys, authorities);
    let is_all = answer.class == Some(Class::Ok);
    if trust == Trust::Changed && !is_all { Trust::Unknown } else { trust }
}

fn why_no_ssh(device: &Device) -> &'static str {
    match device.transport {
        Some(Transport::Gnmi | Transport::Http) => {
            "its way has no SSH host key: its certificate is checked by its CA (connection_options, ca_ref)"
        }
        Some(Transport::LocalExec) => "it is worked on by a command at its agent: nobody logs in to it",
        Some(Transport::SshCli | Transport::Netconf) | None => "",
    }
}
