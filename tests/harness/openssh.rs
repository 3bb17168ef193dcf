//! Real OpenSSH servers as a fleet of devices: one address each, a real `sshd` for every connection.
//!
//! One sshd takes few listen addresses, so the sockets are ours: each accepted connection becomes the
//! standard input and output of an `sshd -i`, whose forced command plays the device and keeps its ledger.

mod device;
#[cfg(test)]
mod files;
pub(crate) mod listener;
pub(crate) mod setup;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use switchyard_agent::clock::SystemClock;
use switchyard_agent::simulator::{
    Entry, Event, ParseRangesError, Ranges, SiteRanges, assign_sites, inventory_yaml, read_ledger,
    read_running,
};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use device::{Play, READ_COMMAND, set_play};

/// Most devices of one fleet.
pub const DEVICES_MAX: usize = 10_000;

/// Which devices to run.
#[derive(Debug, Clone)]
pub struct OpenSshConfig {
    /// Where keys, inventory, configurations and ledgers go; made if missing.
    pub dir: PathBuf,
    /// How many; at most [`DEVICES_MAX`].
    pub devices: usize,
    /// Address of the first device; the others follow it.
    pub address: Ipv4Addr,
    /// The port of all devices; 0 gives each one of its own.
    pub port: u16,
    /// Devices that accept a connection and never speak.
    pub hang: Option<Ranges>,
    /// Devices that refuse every configuration.
    pub reject: Option<Ranges>,
    /// Which device is at which site; empty puts all at `lab`.
    pub sites: Vec<SiteRanges>,
    /// More lines for `sshd_config`; the first word of a kind holds, so these win.
    pub sshd_lines: String,
}

impl OpenSshConfig {
    /// `devices` good devices at the site `lab`, from 127.20.0.1 on, each on a free port.
    pub fn new(dir: impl Into<PathBuf>, devices: usize) -> Self {
        Self {
            dir: dir.into(),
            devices,
            address: Ipv4Addr::new(127, 20, 0, 1),
            port: 0,
            hang: None,
            reject: None,
            sites: Vec::new(),
            sshd_lines: String::new(),
        }
    }
}

/// Why the servers do not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenSshError {
    /// No server, or no ssh-keygen.
    #[error("find {0}: install the package openssh-server")]
    Missing(&'static str),
    /// None, or more than [`DEVICES_MAX`].
    #[error("run {0} devices: 1 to {DEVICES_MAX} are possible")]
    Count(usize),
    /// The folder's name would need quoting in `sshd_config`.
    #[error("use the folder {0:?}: only letters, digits and /._- are possible")]
    Folder(PathBuf),
    /// sshd needs it.
    #[error("make {0}, which sshd needs: {1}")]
    Privileges(&'static str, io::Error),
    /// A helper program failed.
    #[error("run {0}: {1}")]
    Program(&'static str, String),
    /// An address is taken.
    #[error("listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// The sites do not cover the devices.
    #[error(transparent)]
    Sites(#[from] ParseRangesError),
    /// A file cannot be written.
    #[error("use the folder {path}: {1}", path = .0.display())]
    Data(PathBuf, io::Error),
}

/// Running servers; they and their children end when this is dropped.
pub struct OpenSshFleet {
    dir: PathBuf,
    entries: Vec<Entry>,
    setup: setup::Setup,
    _listeners: JoinSet<()>,
}

impl OpenSshFleet {
    /// Starts every device and writes `inventory.yaml`; when this returns they answer.
    pub async fn start(config: OpenSshConfig) -> Result<Self, OpenSshError> {
        let count = config.devices;
        if count == 0 || count > DEVICES_MAX {
            return Err(OpenSshError::Count(count));
        }
        let setup = setup::Setup::make(&config.dir, &config.sshd_lines).await?;
        let sites = match config.sites.is_empty() {
            true => vec!["lab".to_owned(); count],
            false => assign_sites(&config.sites, count)?.into_iter().map(String::from).collect(),
        };
        let clock = SystemClock::shared();
        let server = Arc::new(listener::Server { sshd: setup.sshd, config: setup.config.clone(), clock });
        let (mut listeners, mut entries) = (JoinSet::new(), Vec::new());
        let width = count.to_string().len().max(3);
        for (number, site) in (1..).zip(sites) {
            let name = format!("dev{number:0width$}");
            let offset = u32::try_from(number - 1).unwrap_or(u32::MAX);
            let ip = Ipv4Addr::from(u32::from(config.address).saturating_add(offset));
            let wanted = SocketAddr::new(IpAddr::V4(ip), config.port);
            let listen_error = |error| OpenSshError::Listen(wanted, error);
            let socket = TcpListener::bind(wanted).await.map_err(listen_error)?;
            let address = socket.local_addr().map_err(listen_error)?;
            let holds = |ranges: &Option<Ranges>| ranges.as_ref().is_some_and(|r| r.contains(number));
            let play = if holds(&config.reject) { Play::Reject } else { Play::Good };
            let folder = device::make(&setup.dir, &name, address, play)
                .map_err(|error| OpenSshError::Data(setup.dir.clone(), error))?;
            let hang = holds(&config.hang);
            listeners.spawn(listener::listen(socket, folder, hang, Arc::clone(&server)));
            entries.push(Entry { name, address, site, persona: Default::default() });
        }
        let fleet = Self { dir: setup.dir.clone(), entries, setup, _listeners: listeners };
        setup::write(&fleet.dir.join("inventory.yaml"), &fleet.inventory_yaml(), 0o644)
            .map_err(|error| OpenSshError::Data(fleet.dir.clone(), error))?;
        Ok(fleet)
    }

    /// The fleet's folder, absolute.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The devices as an inventory names them, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The user to log in as: the one that runs this.
    pub fn username(&self) -> &str {
        &self.setup.user
    }

    /// `file:` and the absolute path of the private key that every device accepts.
    pub fn credential_ref(&self) -> String {
        format!("file:{}", self.setup.client_key.display())
    }

    /// The fingerprint of the host key of every device.
    pub fn host_key(&self) -> &str {
        &self.setup.fingerprint
    }

    /// The inventory of this fleet.
    pub fn inventory_yaml(&self) -> String {
        inventory_yaml(&self.entries, self.username(), &self.credential_ref(), self.host_key())
    }

    /// Everything that the device of this name has seen.
    pub fn ledger(&self, device: &str) -> io::Result<Vec<Event>> {
        read_ledger(&self.dir, device)
    }

    /// The configuration in force on the device of this name.
    pub fn running(&self, device: &str) -> io::Result<Option<Vec<u8>>> {
        read_running(&self.dir, device)
    }
}
