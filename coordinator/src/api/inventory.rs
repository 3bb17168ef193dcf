//! InventoryService.

use super::Api;
use super::page::page;
use crate::driver::{NewInventory, World};
use crate::guard::caller_name;
use crate::refused::Refused;
use std::collections::BTreeMap;
use switchyard_proto::v1;
use switchyard_proto::v1::inventory_service_server::InventoryService;
use switchyard_shared::filter::Filter;
use switchyard_shared::id::{DeviceName, RolloutName};
use switchyard_shared::inventory::{self, Device, Inventory};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

/// Documents of host keys that come with one inventory.
const HOST_KEYS_DOCUMENTS_MAX: usize = 16;

#[tonic::async_trait]
impl InventoryService for Api {
    async fn import_inventory(
        &self,
        request: Request<v1::ImportInventoryRequest>,
    ) -> Result<Response<v1::ImportInventoryResponse>, Status> {
        let asked = request.into_inner();
        let parse = move || (parse(&asked), asked.prune, asked.validate_only);
        let (parsed, prune, validate_only) =
            tokio::task::spawn_blocking(parse).await.map_err(|_| Refused::Stopping)?;
        let _one_at_a_time = self.driver.preparing.lock().await;
        let before = self.driver.ask(|world, _| Ok(world.inventory.clone())).await?;
        let (parsed, base) = (parsed?, before.clone());
        let compare = move || prepare(parsed, &base);
        let (new, removed, answer) =
            tokio::task::spawn_blocking(compare).await.map_err(|_| Refused::Stopping)?;
        let may = validate_only || prune || removed.is_empty();
        let new = match validate_only || !may {
            true => None,
            false => {
                let ahead = new.ahead(&*self.driver.store).await;
                Some(ahead.map_err(|error| Refused::Store(error.to_string()))?)
            }
        };
        let answer = self.driver.ask(move |world, turn| {
            let held = |name: &&DeviceName| world.fleet.held.contains_key(*name);
            if let Some(name) = removed.iter().find(held) {
                let rollout = world.fleet.held[name].to_string();
                return Err(Refused::DeviceHeld { device: name.to_string(), rollout });
            }
            if !removed.is_empty() && !prune && !validate_only {
                return Err(Refused::WouldRemove(names(&removed)));
            }
            if let Some(new) = new {
                world.take_inventory(new, turn);
            }
            Ok(answer)
        });
        let answer = answer.await?;
        // Whoever forgets the last of it takes a while.
        drop(tokio::task::spawn_blocking(move || drop(before)));
        Ok(Response::new(answer))
    }

    type CollectHostKeysStream = ReceiverStream<Result<v1::CollectHostKeysResponse, Status>>;

    async fn collect_host_keys(
        &self,
        request: Request<v1::CollectHostKeysRequest>,
    ) -> Result<Response<Self::CollectHostKeysStream>, Status> {
        let by = caller_name(&request);
        let found = self.collect_keys(request.into_inner(), by).await?;
        Ok(Response::new(ReceiverStream::new(found)))
    }

    async fn list_devices(
        &self,
        request: Request<v1::ListDevicesRequest>,
    ) -> Result<Response<v1::ListDevicesResponse>, Status> {
        let asked = request.into_inner();
        let filter = parse_filter(&asked.filter)?;
        let now = |world: &World, _| Ok((world.inventory.clone(), world.fleet.held.clone()));
        let (inventory, held) = self.driver.look(now).await?;
        let list = move || -> Result<Vec<v1::Device>, Refused> {
            let selected = match &filter {
                Some(filter) => inventory::select(&inventory, filter).map_err(bad_filter)?,
                None => (0..inventory.devices.len()).collect(),
            };
            Ok(selected.into_iter().map(|index| device(&inventory.devices[index], &held)).collect())
        };
        let all = tokio::task::spawn_blocking(list).await.map_err(|_| Refused::Stopping)??;
        let total_size = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let (devices, next_page_token) = page(all, asked.page_size, &asked.page_token, &asked.filter)?;
        Ok(Response::new(v1::ListDevicesResponse { devices, next_page_token, total_size }))
    }
}

/// Encodes what was imported; gives with it what it removes and what is said about it.
fn prepare(
    new: Inventory,
    before: &Inventory,
) -> (NewInventory, Vec<DeviceName>, v1::ImportInventoryResponse) {
    let diff = inventory::diff(before, &new);
    let new = NewInventory::of(new);
    let answer = v1::ImportInventoryResponse {
        sites: u32::try_from(new.inventory.sites.len()).unwrap_or(u32::MAX),
        devices: u32::try_from(new.inventory.devices.len()).unwrap_or(u32::MAX),
        added: names(&diff.added),
        changed: names(&diff.changed),
        removed: names(&diff.removed),
        digest: new.digest.clone(),
    };
    (new, diff.removed, answer)
}

fn parse(asked: &v1::ImportInventoryRequest) -> Result<Inventory, Refused> {
    let source = if asked.source.is_empty() { "inventory.yaml" } else { &asked.source };
    let document = text(&asked.document, source, "document")?;
    let mut inventory = Inventory::parse(document, source).map_err(Refused::InventoryInvalid)?;
    if asked.host_keys.len() > HOST_KEYS_DOCUMENTS_MAX {
        let why = format!("more than {HOST_KEYS_DOCUMENTS_MAX} documents");
        return Err(Refused::BadRequest { field: "host_keys".into(), why });
    }
    for pins in &asked.host_keys {
        let source = if pins.source.is_empty() { "host-keys.yaml" } else { &pins.source };
        let document = text(&pins.document, source, "host_keys.document")?;
        inventory.pin(document, source).map_err(Refused::InventoryInvalid)?;
    }
    Ok(inventory)
}

fn text<'a>(document: &'a [u8], source: &str, field: &str) -> Result<&'a str, Refused> {
    let why = || format!("{source} is not UTF-8 text");
    std::str::from_utf8(document).map_err(|_| Refused::BadRequest { field: field.into(), why: why() })
}

/// The filter of a list; nothing means everything.
pub(super) fn parse_filter(text: &str) -> Result<Option<Filter>, Refused> {
    if text.trim().is_empty() { Ok(None) } else { Filter::parse(text).map(Some).map_err(bad_filter) }
}

/// A filter that cannot be read or applied.
pub(super) fn bad_filter(error: switchyard_shared::filter::FilterError) -> Refused {
    Refused::BadRequest { field: "filter".into(), why: error.to_string() }
}

fn names(devices: &[DeviceName]) -> Vec<String> {
    devices.iter().map(ToString::to_string).collect()
}

fn device(device: &Device, held: &BTreeMap<DeviceName, RolloutName>) -> v1::Device {
    v1::Device {
        name: format!("devices/{}", device.name),
        site: device.site.to_string(),
        hostname: device.hostname.clone(),
        port: device.port.into(),
        platform: device.platform.clone().unwrap_or_default(),
        role: device.role.clone().unwrap_or_default(),
        status: device.status.clone(),
        labels: device.labels.clone().into_iter().collect(),
        pinned_keys: u32::try_from(device.host_keys.len()).unwrap_or(u32::MAX),
        held_by: held.get(&device.name).map(|by| format!("rollouts/{by}")).unwrap_or_default(),
    }
}
