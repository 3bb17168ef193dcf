//! A device's own record of everything that happened to it, one JSON line per event.

use super::files;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use switchyard_shared::task::CONFIGURATION_BYTES_MAX;

/// The ledger's name in a device's folder.
pub const LEDGER_FILE: &str = "ledger.jsonl";
/// The name of the configuration in force in a device's folder.
pub const RUNNING_FILE: &str = "running";
/// The name of what the service of a device with one file read last, in its folder.
pub const SERVED_FILE: &str = "served";
/// Largest ledger that is read, in bytes.
const LEDGER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A TCP connection arrived.
    Contact,
    /// Somebody logged in.
    Login,
    /// A credential was refused.
    Refusal,
    /// A configuration was taken and is in force.
    Apply,
    /// A configuration was read and refused.
    Reject,
    /// A command began that never gets an answer.
    Stall,
    /// A configuration was read, and the device waits with it until it is told to go on.
    Waiting,
    /// The client left before the configuration was complete; nothing changed.
    Abandoned,
    /// Half of a configuration was taken and is in force; then the connection ended.
    Half,
    /// The configuration in force was read.
    Read,
    /// Something was said that can write: a line, or the name of an RPC.
    Typed,
    /// A change that nobody confirmed in time was taken back.
    Reverted,
}

impl Kind {
    /// Whether a session that took bytes of a configuration ended so; each such session has one such line.
    pub fn ends_a_write(self) -> bool {
        match self {
            Self::Apply | Self::Reject | Self::Stall | Self::Abandoned | Self::Half => true,
            Self::Contact
            | Self::Login
            | Self::Refusal
            | Self::Waiting
            | Self::Read
            | Self::Typed
            | Self::Reverted => false,
        }
    }
}

/// One line of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Microseconds since 1970, by the device's clock.
    pub at_us: i64,
    /// What happened.
    pub event: Kind,
    /// Address and port of the other side.
    pub client: String,
    /// Which apply of this device it was, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply: Option<u64>,
    /// Size of the configuration: what was taken, or what was answered when it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Digest of the configuration in force, as `sha256sum` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The command, or the user of a login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Where `device` keeps its files below the data folder of its fleet.
pub fn device_folder(data: &Path, device: &str) -> PathBuf {
    data.join("devices").join(device)
}

/// Everything that `device` has seen, oldest first; empty if it has seen nothing.
pub fn read_ledger(data: &Path, device: &str) -> io::Result<Vec<Event>> {
    let path = device_folder(data, device).join(LEDGER_FILE);
    let bytes = files::read(&path, LEDGER_BYTES_MAX)?.unwrap_or_default();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(io::Error::from)).collect()
}

/// The configuration in force on `device`, if it ever took one.
pub fn read_running(data: &Path, device: &str) -> io::Result<Option<Vec<u8>>> {
    files::read(&device_folder(data, device).join(RUNNING_FILE), CONFIGURATION_BYTES_MAX as u64)
}
