//! Several gNMI targets, one address each, and the inventory that reaches them.

use super::{Authority, Target, TargetConfig};
use crate::simulator::files;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Most targets of one fleet.
const TARGETS_MAX: usize = 1000;
/// Who may log in, and with what.
const LOGIN: (&str, &str) = ("netops", "simulated");

/// Why there is no fleet.
#[derive(Debug, thiserror::Error)]
pub enum GnmiFleetError {
    /// None, or more than a thousand.
    #[error("simulate {0} gNMI targets: 1 to {TARGETS_MAX} are possible")]
    Count(usize),
    /// Not this machine's own.
    #[error("use {0} as the first address: all must be within 127.0.0.0/8")]
    Address(Ipv4Addr),
    /// The CA.
    #[error("make certificates: {0}")]
    Certificates(#[from] rcgen::Error),
    /// An address is taken, or a folder cannot be used.
    #[error("start {0}: {1}")]
    Start(String, io::Error),
    /// Its files.
    #[error("use the data folder {path}: {1}", path = .0.display())]
    Data(PathBuf, io::Error),
}

/// Running targets; they stop when this is dropped.
pub struct GnmiFleet {
    targets: Vec<(String, Target)>,
    data: PathBuf,
}

impl GnmiFleet {
    /// Starts `count` targets from `address` on, all on `port`, and writes `ca.pem`, `password` and `inventory.yaml`
    /// into `data`. The CA is new each time; what a target has stays.
    pub async fn start(
        data: &Path,
        count: usize,
        address: Ipv4Addr,
        port: u16,
    ) -> Result<Self, GnmiFleetError> {
        if !(1..=TARGETS_MAX).contains(&count) {
            return Err(GnmiFleetError::Count(count));
        }
        let of = |index: usize| {
            Ipv4Addr::from(u32::from(address).saturating_add(u32::try_from(index).unwrap_or(u32::MAX)))
        };
        if !address.is_loopback() || !of(count).is_loopback() {
            return Err(GnmiFleetError::Address(address));
        }
        let unusable = |error| GnmiFleetError::Data(data.to_owned(), error);
        std::fs::create_dir_all(data).map_err(unusable)?;
        let data = std::path::absolute(data).map_err(unusable)?;
        let authority = Authority::new()?;
        let mut targets = Vec::with_capacity(count);
        for index in 0..count {
            let name = format!("dev{:03}", index + 1);
            let config = TargetConfig {
                data: data.clone(),
                name: name.clone(),
                address: SocketAddr::new(IpAddr::V4(of(index)), port),
                login: (LOGIN.0.into(), LOGIN.1.into()),
                certificate: Some(authority.certify(&[&of(index).to_string()])?),
                running: first(&name),
            };
            let target = Target::start(config).await;
            let target = target.map_err(|error| GnmiFleetError::Start(name.clone(), error))?;
            targets.push((name, target));
        }
        let fleet = Self { targets, data };
        let files =
            [("ca.pem", authority.pem()), ("password", LOGIN.1), ("inventory.yaml", &fleet.inventory_yaml())];
        for (name, text) in files {
            let written = files::replace(&fleet.data.join(name), text.as_bytes(), 0o600);
            written.map_err(|error| GnmiFleetError::Data(fleet.data.clone(), error))?;
        }
        Ok(fleet)
    }

    /// The targets by name, in order.
    pub fn targets(&self) -> &[(String, Target)] {
        &self.targets
    }

    /// Where its files are, absolute.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The inventory that reaches them.
    pub fn inventory_yaml(&self) -> String {
        let at = |name: &str| Value::from(format!("file:{}", self.data.join(name).display()));
        let mut text = format!(
            "api_version: switchyard/v1\nkind: Inventory\ndefaults:\n  username: {}\n  credential_ref: {}\n  transport: \
             gnmi\n  connection_options: {{gnmi: {{ca_ref: {}}}}}\nsites:\n  lab: {{}}\ndevices:\n",
            LOGIN.0,
            at("password"),
            at("ca.pem")
        );
        for (name, target) in &self.targets {
            let (ip, port) = (target.address().ip(), target.address().port());
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {name}: {{hostname: {ip}, port: {port}, site: lab}}");
        }
        text
    }
}

/// What a target has when it is new.
fn first(name: &str) -> Value {
    json!({
        "openconfig-interfaces:interfaces": {"interface": [
            {"name": "eth0", "config": {"name": "eth0", "enabled": true, "mtu": 1500}},
            {"name": "eth1", "config": {"name": "eth1", "enabled": false, "mtu": 1500}},
        ]},
        "openconfig-system:system": {"config": {"hostname": name, "motd-banner": "simulated"}},
    })
}
