//! A fleet of simulated devices: started together, one address each.

use super::cut_after::CutAfter;
use super::device::Device;
use super::inventory::{Entry, inventory_yaml};
use super::keys::Keys;
use super::ledger::{Event, read_ledger, read_running};
use super::listener::{Order, listen};
use super::persona::{Persona, Plays};
use super::ranges::{ParseRangesError, assign_sites};
use super::server::{self, Shared, USER};
use super::{Fault, Mode, Ranges, SiteRanges, control, files};
use crate::clock::{Clock, SystemClock};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::id::SiteName;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Most devices of one fleet.
pub const DEVICES_MAX: usize = 10_000;
/// Orders that wait for one device.
const ORDERS_MAX: usize = 4;

/// What to simulate.
#[derive(Debug, Clone)]
pub struct FleetConfig {
    /// Where keys, inventory, configurations and ledgers go; made if missing.
    pub data: PathBuf,
    /// How many devices; at most [`DEVICES_MAX`].
    pub devices: usize,
    /// Address of the first device; the others follow it. Within 127.0.0.0/8.
    pub address: Ipv4Addr,
    /// The port of all devices; 0 gives each one of its own.
    pub port: u16,
    /// Who behaves otherwise than good; a later one wins.
    pub faults: Vec<Fault>,
    /// Which device is at which site; empty puts all at `lab`.
    pub sites: Vec<SiteRanges>,
    /// How late a slow device answers.
    pub slow_delay: Duration,
    /// A password that the devices accept beside the key.
    pub password: Option<String>,
    /// Cuts the link to all devices once so many were served; never if absent.
    pub cut_after: Option<usize>,
    /// Who plays a command line; a later one wins, and the rest take commands.
    pub plays: Vec<Plays>,
}

impl FleetConfig {
    /// `devices` good devices at the site `lab`, from 127.10.0.1 on, each on a free port.
    pub fn new(data: impl Into<PathBuf>, devices: usize) -> Self {
        Self {
            data: data.into(),
            devices,
            address: Ipv4Addr::new(127, 10, 0, 1),
            port: 0,
            faults: Vec::new(),
            sites: Vec::new(),
            slow_delay: Duration::from_millis(500),
            password: None,
            cut_after: None,
            plays: Vec::new(),
        }
    }
}

/// Why a fleet does not start or a mode does not change.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// None, or more than [`DEVICES_MAX`].
    #[error("simulate {0} devices: 1 to {DEVICES_MAX} are possible")]
    Count(usize),
    /// The addresses leave 127.0.0.0/8.
    #[error("use {0} as the first address: all must be within 127.0.0.0/8")]
    Address(Ipv4Addr),
    /// A fault or order names a device that is not there.
    #[error("find device {0}: there are {1}")]
    NoDevice(usize, usize),
    /// The sites do not cover the devices.
    #[error(transparent)]
    Sites(#[from] ParseRangesError),
    /// Another simulator has the folder.
    #[error("use {path}: another simulator runs there", path = .0.display())]
    Running(PathBuf),
    /// An address is taken.
    #[error("listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// Keys, inventory or ledgers.
    #[error("use the data folder {path}: {1}", path = .0.display())]
    Data(PathBuf, io::Error),
    /// The fleet has stopped.
    #[error("order a device of a fleet that has stopped")]
    Stopped,
}

struct Slot {
    device: Arc<Device>,
    entry: Entry,
    orders: mpsc::Sender<Order>,
}

/// Running devices; they stop when this is dropped.
pub struct Fleet {
    members: Arc<Members>,
    data: PathBuf,
    credential_ref: String,
    host_key: String,
    _stop: DropGuard,
}

/// The devices, as the control socket sees them too.
pub(super) struct Members {
    slots: Vec<Slot>,
}

impl Members {
    /// Changes the mode of `devices` and waits until they behave so; returns how many they are.
    pub(super) async fn set_mode(&self, mode: Mode, devices: &Ranges) -> Result<usize, FleetError> {
        check(devices, self.slots.len())?;
        let mut changed = 0;
        for (_, slot) in (1..).zip(&self.slots).filter(|(number, _)| devices.contains(*number)) {
            let (done, answer) = oneshot::channel();
            slot.orders.send(Order { mode, done }).await.map_err(|_| FleetError::Stopped)?;
            let result = answer.await.map_err(|_| FleetError::Stopped)?;
            result.map_err(|error| FleetError::Listen(slot.entry.address, error))?;
            changed += 1;
        }
        Ok(changed)
    }
}

/// Cuts every device off at the moment of the cut: sessions freeze at once, then the doors close.
async fn cut_in_time(shared: Arc<Shared>, members: Arc<Members>, stop: CancellationToken) {
    if stop.run_until_cancelled(shared.cut_after.now()).await.is_none() {
        return;
    }
    members.slots.iter().for_each(|slot| slot.device.set_mode(Mode::Cut));
    let all = Ranges::of(1..=members.slots.len());
    match members.set_mode(Mode::Cut, &all).await {
        Ok(count) => tracing::info!("the link to {count} devices is cut"),
        Err(error) => tracing::error!("failed to {error}"),
    }
}

fn check(devices: &Ranges, count: usize) -> Result<(), FleetError> {
    if devices.last() > count { Err(FleetError::NoDevice(devices.last(), count)) } else { Ok(()) }
}

impl Fleet {
    /// Starts every device and writes `inventory.yaml`; when this returns they answer.
    pub async fn start(config: FleetConfig) -> Result<Self, FleetError> {
        let names = check_config(&config)?;
        let data = |error| FleetError::Data(config.data.clone(), error);
        std::fs::create_dir_all(&config.data).map_err(data)?;
        let folder = std::path::absolute(&config.data).map_err(data)?;
        let keys = Keys::open(&folder).map_err(data)?;
        let host_key = keys.fingerprint();
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            config: Arc::new(server::config(keys.host, config.password.is_some())),
            client_key: keys.client,
            password: config.password.clone(),
            slow_delay: config.slow_delay,
            stop: stop.clone(),
            cut_after: Arc::new(CutAfter::new(config.cut_after)),
        });
        let control = control::bind(&folder).await?;
        let clock = SystemClock::shared();
        let mut slots = Vec::new();
        for (index, (name, site)) in names.into_iter().enumerate() {
            slots.push(start_device(&config, &folder, index, name, site, &clock, &shared).await?);
        }
        let members = Arc::new(Members { slots });
        tokio::spawn(control::serve(control, Arc::clone(&members), stop.clone()));
        tokio::spawn(cut_in_time(shared, Arc::clone(&members), stop.clone()));
        let credential_ref = format!("file:{}", keys.client_path.display());
        let fleet = Self { members, data: folder, credential_ref, host_key, _stop: stop.drop_guard() };
        let inventory = fleet.data.join("inventory.yaml");
        files::replace(&inventory, fleet.inventory_yaml().as_bytes(), 0o644).map_err(data)?;
        Ok(fleet)
    }

    /// Changes the mode of `devices` and waits until they behave so; returns how many they are.
    pub async fn set_mode(&self, mode: Mode, devices: &Ranges) -> Result<usize, FleetError> {
        self.members.set_mode(mode, devices).await
    }

    /// The fleet's data folder, absolute.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The devices as an inventory names them, in order.
    pub fn entries(&self) -> Vec<Entry> {
        self.members.slots.iter().map(|slot| slot.entry.clone()).collect()
    }

    /// Where the device with this number, from 1, listens.
    pub fn address(&self, number: usize) -> Option<SocketAddr> {
        let slot = self.members.slots.get(number.checked_sub(1)?)?;
        Some(slot.entry.address)
    }

    /// How many connections the device with this number, from 1, has ever accepted.
    pub fn contacts(&self, number: usize) -> u64 {
        let slot = number.checked_sub(1).and_then(|index| self.members.slots.get(index));
        slot.map_or(0, |slot| slot.device.contacts())
    }

    /// The user that every device knows.
    pub fn username(&self) -> &'static str {
        USER
    }

    /// `file:` and the absolute path of the private key that every device accepts.
    pub fn credential_ref(&self) -> &str {
        &self.credential_ref
    }

    /// The fingerprint of the host key of every device.
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// The inventory of this fleet.
    pub fn inventory_yaml(&self) -> String {
        inventory_yaml(&self.entries(), USER, &self.credential_ref, &self.host_key)
    }

    /// Everything that the device of this name has seen.
    pub fn ledger(&self, device: &str) -> io::Result<Vec<Event>> {
        read_ledger(&self.data, device)
    }

    /// The configuration in force on the device of this name.
    pub fn running(&self, device: &str) -> io::Result<Option<Vec<u8>>> {
        read_running(&self.data, device)
    }
}

/// The name and site of every device.
fn check_config(config: &FleetConfig) -> Result<Vec<(String, SiteName)>, FleetError> {
    let count = config.devices;
    if count == 0 || count > DEVICES_MAX {
        return Err(FleetError::Count(count));
    }
    let last = u32::from(config.address).saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    if !config.address.is_loopback() || !Ipv4Addr::from(last).is_loopback() {
        return Err(FleetError::Address(config.address));
    }
    for fault in &config.faults {
        check(&fault.devices, count)?;
    }
    for devices in config.plays.iter().filter_map(|plays| plays.devices.as_ref()) {
        check(devices, count)?;
    }
    let sites = match (config.sites.is_empty(), SiteName::new("lab")) {
        (true, Ok(site)) => vec![site; count],
        (true, Err(error)) => return Err(FleetError::Sites(error.into())),
        (false, _) => assign_sites(&config.sites, count)?,
    };
    let width = count.to_string().len().max(3);
    Ok((1..=count).map(|number| format!("dev{number:0width$}")).zip(sites).collect())
}

async fn start_device(
    config: &FleetConfig,
    folder: &Path,
    index: usize,
    name: String,
    site: SiteName,
    clock: &Arc<dyn Clock>,
    shared: &Arc<Shared>,
) -> Result<Slot, FleetError> {
    let offset = u32::try_from(index).unwrap_or(u32::MAX);
    let ip = Ipv4Addr::from(u32::from(config.address).saturating_add(offset));
    let wanted = SocketAddr::new(IpAddr::V4(ip), config.port);
    let listen_error = |error| FleetError::Listen(wanted, error);
    let listener = TcpListener::bind(wanted).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let fault = config.faults.iter().rev().find(|fault| fault.devices.contains(index + 1));
    let mode = fault.map_or(Mode::Good, |fault| fault.mode);
    let plays = |plays: &&Plays| plays.devices.as_ref().is_none_or(|devices| devices.contains(index + 1));
    let persona = config.plays.iter().rev().find(plays).map_or(Persona::Command, |plays| plays.persona);
    let device = Device::open(folder, name.clone(), mode, persona, Arc::clone(clock));
    let device = Arc::new(device.map_err(|error| FleetError::Data(folder.into(), error))?);
    let (orders, inbox) = mpsc::channel(ORDERS_MAX);
    let ear = listen(Arc::clone(&device), address, listener, Arc::clone(shared), inbox);
    tokio::spawn(ear);
    Ok(Slot { device, entry: Entry { name, address, site: site.into(), persona }, orders })
}
