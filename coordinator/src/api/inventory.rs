//! InventoryService.

use super::Api;
use super::page::page;
use crate::driver::World;
use crate::refused::Refused;
use switchyard_proto::v1;
use switchyard_proto::v1::inventory_service_server::InventoryService;
use switchyard_shared::filter::Filter;
use switchyard_shared::id::DeviceName;
use switchyard_shared::inventory::{self, Device, Inventory};
use tonic::{Request, Response, Status};

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
        let new = parsed?;
        let answer = self.driver.ask(move |world, turn| {
            let diff = inventory::diff(&world.inventory, &new);
            let held = |name: &&DeviceName| world.fleet.held.contains_key(*name);
            if let Some(name) = diff.removed.iter().find(held) {
                let rollout = world.fleet.held[name].to_string();
                return Err(Refused::DeviceHeld { device: name.to_string(), rollout });
            }
            if !diff.removed.is_empty() && !prune && !validate_only {
                return Err(Refused::WouldRemove(names(&diff.removed)));
            }
            let answer = v1::ImportInventoryResponse {
                sites: u32::try_from(new.sites.len()).unwrap_or(u32::MAX),
                devices: u32::try_from(new.devices.len()).unwrap_or(u32::MAX),
                added: names(&diff.added),
                changed: names(&diff.changed),
                removed: names(&diff.removed),
                digest: new.digest(),
            };
            if !validate_only {
                world.import(new, turn);
            }
            Ok(answer)
        });
        Ok(Response::new(answer.await?))
    }

    async fn list_devices(
        &self,
        request: Request<v1::ListDevicesRequest>,
    ) -> Result<Response<v1::ListDevicesResponse>, Status> {
        let asked = request.into_inner();
        let filter = parse_filter(&asked.filter)?;
        let all = self.driver.look(move |world, _| {
            let selected = match &filter {
                Some(filter) => inventory::select(&world.inventory, filter).map_err(bad_filter)?,
                None => (0..world.inventory.devices.len()).collect(),
            };
            Ok(selected
                .into_iter()
                .map(|index| device(world, &world.inventory.devices[index]))
                .collect::<Vec<_>>())
        });
        let all = all.await?;
        let total_size = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let (devices, next_page_token) = page(all, asked.page_size, &asked.page_token, &asked.filter)?;
        Ok(Response::new(v1::ListDevicesResponse { devices, next_page_token, total_size }))
    }
}

fn parse(asked: &v1::ImportInventoryRequest) -> Result<Inventory, Refused> {
    let source = if asked.source.is_empty() { "inventory.yaml" } else { &asked.source };
    let text = std::str::from_utf8(&asked.document).map_err(|_| Refused::BadRequest {
        field: "document".into(),
        why: format!("{source} is not UTF-8 text"),
    })?;
    Inventory::parse(text, source).map_err(Refused::InventoryInvalid)
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

fn device(world: &World, device: &Device) -> v1::Device {
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
        held_by: world.fleet.held.get(&device.name).map(|by| format!("rollouts/{by}")).unwrap_or_default(),
    }
}
