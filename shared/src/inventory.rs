//! Sites and devices: what exists, and how to reach it.

mod connection;
mod decode;
mod diff;
mod jump;
mod layer;
mod pins;
mod select;
pub(crate) mod value;

pub use connection::Connections;
pub use diff::{InventoryDiff, diff};
pub use select::{lookup, select};

use crate::id::{AgentName, DeviceName, SiteName};
use crate::procedure::Transport;
use crate::task::{Endpoint, Rate};
use crate::yaml::{self, INVENTORY_BYTES_MAX, Problem, Problems};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Most devices of an inventory.
pub const DEVICES_MAX: usize = 100_000;
/// Most host keys pinned for one device.
pub const HOST_KEYS_MAX: usize = 16;
/// The port of a device that names none.
pub const PORT_DEFAULT: u16 = 22;
/// The status of a device that names none, and the only one that rollouts touch.
pub const STATUS_ACTIVE: &str = "active";

/// An inventory with its defaults and groups resolved into every device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// The sites by name.
    pub sites: BTreeMap<SiteName, Site>,
    /// The devices in the order they were written.
    pub devices: Vec<Device>,
}

/// A site: the devices that one agent reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Where in the world it is.
    pub region: Option<String>,
    /// Its IANA time zone.
    pub time_zone: Option<String>,
    /// The agent that serves it, when it is not called like the site.
    pub agent: Option<AgentName>,
    /// Most devices in flight at its agent.
    pub max_in_flight: Option<u32>,
    /// Connects at its agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_rate: Option<Rate>,
    /// `host:port` that answers TCP while the site's link works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentinel: Option<String>,
}

/// A device as it results from defaults, its groups in order, and its own keys; later wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Its name.
    pub name: DeviceName,
    /// Address or DNS name.
    pub hostname: String,
    /// TCP port of every way that has none of its own.
    pub port: u16,
    /// Somebody wrote [`PORT_DEFAULT`], so that it holds for every way; otherwise each has its usual one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub port_is_meant: bool,
    /// What each way to it needs of its own.
    #[serde(default, skip_serializing_if = "Connections::is_default")]
    pub connections: Connections,
    /// Its site.
    pub site: SiteName,
    /// What it runs; picks the template.
    pub platform: Option<String>,
    /// The way to it when a change names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    /// What it is for.
    pub role: Option<String>,
    /// A word of NetBox, or `maintenance`; rollouts touch only `active`.
    pub status: String,
    /// Its groups in the order they apply.
    pub groups: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Values for templates and filters.
    pub data: BTreeMap<String, Value>,
    /// Login name.
    pub username: String,
    /// A [`crate::secret_ref::SecretRef`], resolved by the agent.
    pub credential_ref: String,
    /// `SHA256:…` fingerprints; none means that a rollout cannot touch it yet.
    pub host_keys: Vec<String>,
    /// Devices of one group stand in for each other.
    pub redundancy_group: Option<String>,
    /// Its part in the group, such as `active` or `standby`.
    pub ha_role: Option<String>,
}

impl Device {
    /// The port of one way to it; a command runs over SSH as well.
    pub fn port_of(&self, transport: Option<Transport>) -> u16 {
        self.connections
            .port_of(transport, (self.port_is_meant || self.port != PORT_DEFAULT).then_some(self.port))
    }

    /// How to reach it by one way; a command runs over SSH as well.
    pub fn endpoint(&self, transport: Option<Transport>) -> Endpoint {
        Endpoint {
            hostname: self.hostname.clone(),
            port: self.port_of(transport),
            username: self.username.clone(),
            credential_ref: self.credential_ref.clone(),
            host_keys: self.host_keys.clone(),
            ssh: self.connections.ssh.clone(),
            tls: self.connections.tls_of(transport),
        }
    }
}

impl Inventory {
    /// Reads an inventory of at most [`INVENTORY_BYTES_MAX`] bytes; all problems come at once.
    pub fn parse(text: &str, source: &str) -> Result<Self, Vec<Problem>> {
        let problems = Problems::new(source);
        let node = yaml::parse(text, INVENTORY_BYTES_MAX, &problems);
        let inventory = node.and_then(|node| decode::inventory(&node, &problems));
        problems.into_result(inventory)
    }

    /// The device called `name`; looks at one after the other.
    pub fn device(&self, name: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.name.as_str() == name)
    }

    /// `sha256:…` of the resolved content: equal when nothing that matters differs.
    pub fn digest(&self) -> String {
        crate::digest::of_value(self)
    }
}

#[cfg(test)]
mod tests;
