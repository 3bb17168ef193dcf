//! One simulated device: its mode, its configuration in force and its ledger.

use super::cli::{Cli, Vendor};
use super::ledger::{Event, Kind, LEDGER_FILE, RUNNING_FILE, device_folder, read_ledger, read_running};
use super::netconf::{self, Netconf};
use super::persona::{Persona, platforms};
use super::{Mode, files};
use crate::clock::Clock;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

#[derive(Debug)]
struct State {
    applies: u64,
    contacts: u64,
}

/// What a device plays, with what it must remember for it.
pub(super) enum Role {
    Command,
    Cli(Arc<Cli>),
    File,
    Netconf(Arc<Netconf>),
}

/// A device and its folder.
pub(super) struct Device {
    pub(super) name: String,
    pub(super) role: Role,
    data: PathBuf,
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    mode: watch::Sender<Mode>,
}

impl Device {
    /// A device that remembers what its ledger in `data` tells of earlier runs.
    pub(super) fn open(
        data: &Path,
        name: String,
        mode: Mode,
        persona: Persona,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let folder = device_folder(data, &name);
        std::fs::create_dir_all(&folder)?;
        let ledger = read_ledger(data, &name)?;
        let count = |kind| ledger.iter().filter(|event| event.event == kind).count() as u64;
        let state = State { applies: count(Kind::Apply), contacts: count(Kind::Contact) };
        let role = role(persona, data, &name)?;
        let data = data.to_owned();
        Ok(Self { name, role, data, folder, clock, state: Mutex::new(state), mode: watch::Sender::new(mode) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    pub(super) fn set_mode(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// The mode as it changes.
    pub(super) fn modes(&self) -> watch::Receiver<Mode> {
        self.mode.subscribe()
    }

    pub(super) fn contacts(&self) -> u64 {
        self.state().contacts
    }

    /// Counts a connection; the line is in the ledger when this returns.
    pub(super) fn contact(&self, client: SocketAddr) -> io::Result<()> {
        let mut state = self.state();
        state.contacts += 1;
        self.append(&self.event(Kind::Contact, client, None))
    }

    /// Notes an event without a configuration.
    pub(super) fn note(&self, kind: Kind, client: SocketAddr, detail: &str) -> io::Result<()> {
        let _one_writer = self.state();
        self.append(&self.event(kind, client, Some(detail)))
    }

    /// Notes how a session ended that took `bytes` of a configuration and changed nothing.
    pub(super) fn refuse(
        &self,
        kind: Kind,
        client: SocketAddr,
        command: &str,
        bytes: usize,
    ) -> io::Result<()> {
        let _one_writer = self.state();
        let bytes = Some(bytes as u64);
        self.append(&Event { bytes, ..self.event(kind, client, Some(command)) })
    }

    /// Puts `configuration` in force, then notes it; returns which apply of this device it was.
    pub(super) fn apply(&self, client: SocketAddr, command: &str, configuration: &[u8]) -> io::Result<u64> {
        let mut state = self.state();
        files::replace(&self.folder.join(RUNNING_FILE), configuration, 0o644)?;
        state.applies += 1;
        let event = self.event(Kind::Apply, client, Some(command)).about(configuration);
        self.append(&Event { apply: Some(state.applies), ..event })?;
        Ok(state.applies)
    }

    /// Puts in force what was said to a played device; a full disk is told to the log.
    pub(super) fn puts(&self, client: SocketAddr, command: &str, configuration: &[u8]) {
        if let Err(error) = self.apply(client, command, configuration) {
            tracing::error!(device = self.name, %error, "a simulated device failed to keep its configuration");
        }
    }

    /// Notes what a script has put in force, or taken away.
    pub(super) fn took(&self, client: SocketAddr, what: &str) {
        let running = self.file();
        let mut state = self.state();
        let event = match running {
            Some(running) => {
                state.applies += 1;
                let event = self.event(Kind::Apply, client, Some(what)).about(&running);
                Event { apply: Some(state.applies), ..event }
            }
            None => self.event(Kind::Reverted, client, None),
        };
        if let Err(error) = self.append(&event) {
            tracing::error!(device = self.name, %error, "a simulated device failed to write its ledger");
        }
    }

    /// Its own folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where its configuration is.
    pub(super) fn running_path(&self) -> PathBuf {
        self.folder.join(RUNNING_FILE)
    }

    /// The configuration in force, if there is one.
    pub(super) fn file(&self) -> Option<Vec<u8>> {
        read_running(&self.data, &self.name).ok().flatten()
    }

    /// Puts in force again what was there before a change that nobody confirmed.
    pub(super) fn takes_back(&self, running: &str) {
        let itself = SocketAddr::from(([127, 0, 0, 1], 0));
        let _one_writer = self.state();
        let put = files::replace(&self.folder.join(RUNNING_FILE), running.as_bytes(), 0o644);
        let event = self.event(Kind::Reverted, itself, None).about(running.as_bytes());
        if let Err(error) = put.and_then(|()| self.append(&event)) {
            tracing::error!(device = self.name, %error, "a simulated device failed to keep its configuration");
        }
    }

    /// Puts the first half of `configuration` in force, then notes that.
    pub(super) fn take_half(
        &self,
        client: SocketAddr,
        command: &str,
        configuration: &[u8],
    ) -> io::Result<()> {
        let _one_writer = self.state();
        let half = &configuration[..configuration.len() / 2];
        files::replace(&self.folder.join(RUNNING_FILE), half, 0o644)?;
        self.append(&self.event(Kind::Half, client, Some(command)).about(half))
    }

    /// The configuration in force, empty if there is none; the line is in the ledger when this returns.
    pub(super) fn show(&self, client: SocketAddr, command: &str) -> io::Result<Vec<u8>> {
        let _one_writer = self.state();
        let running = self.running()?;
        self.append(&self.event(Kind::Read, client, Some(command)).about(&running))?;
        Ok(running)
    }

    /// The configuration in force, empty if there is none.
    pub(super) fn running(&self) -> io::Result<Vec<u8>> {
        Ok(read_running(&self.data, &self.name)?.unwrap_or_default())
    }

    fn event(&self, kind: Kind, client: SocketAddr, detail: Option<&str>) -> Event {
        Event {
            at_us: self.clock.now().0,
            event: kind,
            client: client.to_string(),
            apply: None,
            bytes: None,
            sha256: None,
            detail: detail.map(str::to_owned),
        }
    }

    fn append(&self, event: &Event) -> io::Result<()> {
        files::append_line(&self.folder.join(LEDGER_FILE), &serde_json::to_string(event)?)
    }
}

/// What `name` plays; it goes on with the configuration that it had when the simulator ended.
fn role(persona: Persona, data: &Path, name: &str) -> io::Result<Role> {
    let platform = match persona {
        Persona::Command => return Ok(Role::Command),
        Persona::Linux => return Ok(Role::File),
        Persona::Netconf { is_new, startup } => return speaks_netconf(data, name, (is_new, startup)),
        Persona::Cli(platform) => platform,
    };
    let unknown = || io::Error::other(format!("nobody plays {platform}"));
    let vendor = Vendor::of(platform).ok_or_else(unknown)?;
    let platform = platforms().get(platform).ok_or_else(unknown)?;
    let running = kept(data, name, vendor.starts)?;
    Ok(Role::Cli(Arc::new(Cli::new(vendor, platform, &running))))
}

fn speaks_netconf(data: &Path, name: &str, (is_new, startup): (bool, bool)) -> io::Result<Role> {
    let running = kept(data, name, netconf::STARTS)?;
    Ok(Role::Netconf(Arc::new(Netconf::new(&running, is_new, startup).map_err(io::Error::other)?)))
}

/// The configuration that a device had when the simulator ended, else `starts` with its name.
fn kept(data: &Path, name: &str, starts: &str) -> io::Result<String> {
    let kept = read_running(data, name)?.map(|kept| String::from_utf8_lossy(&kept).into_owned());
    Ok(kept.unwrap_or_else(|| starts.replace("{name}", name)))
}

impl Event {
    fn about(self, configuration: &[u8]) -> Self {
        Self { bytes: Some(configuration.len() as u64), sha256: Some(sha256(configuration)), ..self }
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
