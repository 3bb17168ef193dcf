//! One simulated device: its mode, its configuration in force and its ledger.

use super::ledger::{Event, Kind, LEDGER_FILE, RUNNING_FILE, device_folder, read_ledger, read_running};
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

/// A device and its folder.
pub(super) struct Device {
    pub(super) name: String,
    data: PathBuf,
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    mode: watch::Sender<Mode>,
}

impl Device {
    /// A device that remembers what its ledger in `data` tells of earlier runs.
    pub(super) fn open(data: &Path, name: String, mode: Mode, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let folder = device_folder(data, &name);
        std::fs::create_dir_all(&folder)?;
        let ledger = read_ledger(data, &name)?;
        let count = |kind| ledger.iter().filter(|event| event.event == kind).count() as u64;
        let state = State { applies: count(Kind::Apply), contacts: count(Kind::Contact) };
        let data = data.to_owned();
        Ok(Self { name, data, folder, clock, state: Mutex::new(state), mode: watch::Sender::new(mode) })
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
