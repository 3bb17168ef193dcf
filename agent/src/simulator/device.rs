//! One simulated device: its mode, its configuration in force and its ledger.

use super::ledger::{Event, Kind, LEDGER_FILE, RUNNING_FILE, device_folder, read_ledger};
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
        Ok(Self { name, folder, clock, state: Mutex::new(state), mode: watch::Sender::new(mode) })
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

    /// Puts `configuration` in force, then notes it; returns which apply of this device it was.
    pub(super) fn apply(&self, client: SocketAddr, command: &str, configuration: &[u8]) -> io::Result<u64> {
        let mut state = self.state();
        files::replace(&self.folder.join(RUNNING_FILE), configuration, 0o644)?;
        state.applies += 1;
        let mut event = self.event(Kind::Apply, client, Some(command));
        event.apply = Some(state.applies);
        event.bytes = Some(configuration.len() as u64);
        event.sha256 = Some(sha256(configuration));
        self.append(&event)?;
        Ok(state.applies)
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

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
