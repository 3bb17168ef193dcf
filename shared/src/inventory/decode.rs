//! The document of an inventory into sites and devices.

use super::layer::Layer;
use super::value;
use super::{DEVICES_MAX, Device, Inventory, PORT_DEFAULT, STATUS_ACTIVE, Site};
use crate::id::{AgentName, DeviceName, SiteName};
use crate::spec;
use crate::yaml::{Field, Node, Position, Problems, Section, did_you_mean, shown};
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Most sites of an inventory.
const SITES_MAX: usize = 10_000;
/// Most groups of an inventory.
const GROUPS_MAX: usize = 10_000;
/// Most groups of one device.
const DEVICE_GROUPS_MAX: usize = 64;

/// What a device's own keys are laid over.
struct Below {
    defaults: Layer,
    groups: BTreeMap<String, Layer>,
    sites: BTreeMap<SiteName, Site>,
}

pub(super) fn inventory(node: &Node, problems: &Problems) -> Option<Inventory> {
    let mut root = Field::root(node, problems).section()?;
    root.envelope("Inventory");
    root.refuse("metadata", "not supported yet", "");
    root.refuse("sources", "not supported yet", "write the devices out under devices");
    let defaults = root.section("defaults").map(|mut section| Layer::take(&mut section)).unwrap_or_default();
    let groups = root.take("groups").map(|field| groups(&field)).unwrap_or_default();
    let sites = root.require("sites", "sites: {lab: {}}").map(|field| sites(&field)).unwrap_or_default();
    let below = Below { defaults, groups, sites };
    let mut devices = Vec::new();
    let entries = root
        .require("devices", "devices: {dev001: {hostname: 192.0.2.1, site: lab}}")
        .and_then(|field| field.map(DEVICES_MAX));
    let mut endpoints = Endpoints::default();
    for (name, at, field) in entries.unwrap_or_default() {
        devices.extend(device(name, at, &field, &below, &mut endpoints));
    }
    Some(Inventory { sites: below.sites, devices })
}

/// Who has which hostname and port.
#[derive(Default)]
struct Endpoints(BTreeMap<(String, u16), (String, Position)>);

impl Endpoints {
    fn claim(&mut self, name: &str, at: Position, hostname: &str, port: u16, field: &Field<'_>) {
        match self.0.entry((hostname.to_lowercase(), port)) {
            Entry::Vacant(free) => {
                free.insert((name.to_owned(), at));
            }
            Entry::Occupied(taken) => {
                let (first, Position { line, column }) = taken.get();
                let message = format!(
                    "{name} has the same hostname and port ({hostname} port {port}) as {first} at line {line} column {column}"
                );
                field.problem_at(at, message, "one device, one address");
            }
        }
    }
}

fn groups(field: &Field<'_>) -> BTreeMap<String, Layer> {
    let entries = field.map(GROUPS_MAX).unwrap_or_default();
    let layer = |(name, at, field): (&str, Position, Field<'_>)| {
        value::check_name(name, at, &field);
        let mut section = field.section()?;
        section.not_supported_yet(&["groups"]);
        Some((name.to_owned(), Layer::take(&mut section)))
    };
    entries.into_iter().filter_map(layer).collect()
}

fn sites(field: &Field<'_>) -> BTreeMap<SiteName, Site> {
    let site = |(name, at, field): (&str, Position, Field<'_>)| {
        value::check_name(name, at, &field);
        Some((SiteName::new(name).ok()?, site(field.section()?)))
    };
    field.map(SITES_MAX).unwrap_or_default().into_iter().filter_map(site).collect()
}

fn site(mut section: Section<'_>) -> Site {
    let (mut max_in_flight, mut connect_rate) = (None, None);
    if let Some(mut pools) = section.section("pools") {
        pools.not_supported_yet(&["adaptive", "max_sessions"]);
        max_in_flight = pools.take("max_in_flight").and_then(|field| spec::in_flight(&field));
        connect_rate = pools.take("connect_rate").and_then(|field| spec::rate(&field));
    }
    Site {
        region: section.take("region").and_then(|field| value::word(&field)),
        time_zone: section.take("time_zone").and_then(|field| value::time_zone(&field)),
        agent: section.take("agent").and_then(|field| field.parsed(|text| AgentName::new(text))),
        max_in_flight,
        connect_rate,
        sentinel: section.take("sentinel").and_then(|field| sentinel(&field)),
    }
}

/// `host:port`; an IPv6 address stands in brackets.
fn sentinel(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let named = match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.len() <= 253 && !host.starts_with('-') && host.bytes().all(allowed),
    };
    let port_given =
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    if !named || !port_given {
        let hint = "an address and a TCP port that answers while the site's link works, such as 192.0.2.1:22";
        field.problem(format!("must be host:port, not {}", shown(text)), hint);
        return None;
    }
    Some(text.to_owned())
}

fn device(
    name: &str,
    at: Position,
    field: &Field<'_>,
    below: &Below,
    endpoints: &mut Endpoints,
) -> Option<Device> {
    value::check_name(name, at, field);
    let mut section = field.section()?;
    let groups = device_groups(&mut section, below);
    let hostname =
        section.require("hostname", "hostname: 192.0.2.1").and_then(|field| value::hostname(&field));
    let redundancy_group = section.take("redundancy_group").and_then(|field| value::word(&field));
    let ha_role = section.take("ha_role").and_then(|field| value::word(&field));
    let mut merged = below.defaults.clone();
    for layer in groups.iter().filter_map(|group| below.groups.get(group)) {
        merged.lay_over(layer.clone());
    }
    merged.lay_over(Layer::take(&mut section));
    drop(section);

    let login = |text: &Option<String>| text.clone().unwrap_or_default();
    let connections = std::mem::take(&mut merged.connections)
        .settled(&login(&merged.username), &login(&merged.credential_ref));
    if let Some(hostname) = &hostname {
        // Behind two jump hosts the same address is two devices.
        let place = match &connections.ssh.jump {
            Some(jump) => format!("{hostname} behind {} port {}", jump.hostname, jump.port),
            None => hostname.clone(),
        };
        endpoints.claim(name, at, &place, connections.port_of(merged.transport, merged.port), field);
    }
    report_missing(&merged, at, field);
    let site = known_site(merged.site.as_ref()?, field, below)?;
    if let (Some(role), true) = (&merged.role, merged.data.contains_key("role")) {
        merged.data.insert("role".into(), Value::String(role.clone()));
    }
    Some(Device {
        name: DeviceName::new(name).ok()?,
        hostname: hostname?,
        port: merged.port.unwrap_or(PORT_DEFAULT),
        port_is_meant: merged.port == Some(PORT_DEFAULT),
        connections,
        site,
        platform: merged.platform,
        transport: merged.transport,
        role: merged.role,
        status: merged.status.unwrap_or_else(|| STATUS_ACTIVE.into()),
        groups,
        labels: merged.labels,
        data: merged.data,
        username: merged.username?,
        credential_ref: merged.credential_ref?,
        host_keys: merged.host_keys.unwrap_or_default(),
        redundancy_group,
        ha_role,
    })
}

fn report_missing(merged: &Layer, at: Position, field: &Field<'_>) {
    for (key, is_missing, example) in [
        ("site", merged.site.is_none(), "site: lab"),
        ("username", merged.username.is_none(), "username: netops"),
        ("credential_ref", merged.credential_ref.is_none(), "credential_ref: \"file:keys/netops_ed25519\""),
    ] {
        if is_missing {
            let message = format!("{key} is missing: neither the device nor its groups nor defaults name it");
            field.problem_at(at, message, format!("for example {example}"));
        }
    }
}

fn known_site((name, at): &(String, Position), field: &Field<'_>, below: &Below) -> Option<SiteName> {
    if let Some((site, _)) = below.sites.get_key_value(name.as_str()) {
        return Some(site.clone());
    }
    let hint = did_you_mean(name, below.sites.keys().map(SiteName::as_str));
    field.problem_at(*at, format!("there is no site {}", shown(name)), hint);
    None
}

fn device_groups(section: &mut Section<'_>, below: &Below) -> Vec<String> {
    let items = section.take("groups").and_then(|field| field.list(DEVICE_GROUPS_MAX)).unwrap_or_default();
    let mut groups: Vec<String> = Vec::new();
    for field in items {
        let Some(name) = field.text() else { continue };
        if !below.groups.contains_key(name) {
            let hint = did_you_mean(name, below.groups.keys().map(String::as_str));
            field.problem(format!("there is no group {}", shown(name)), hint);
        } else if groups.iter().any(|group| group == name) {
            field.problem(format!("the group {} stands here a second time", shown(name)), "");
        } else {
            groups.push(name.to_owned());
        }
    }
    groups
}
