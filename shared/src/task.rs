//! What an agent needs to configure one device once.

use crate::id::OpId;
use crate::procedure::Procedure;
use crate::ssh::SshSettings;
use crate::tls::TlsSettings;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Largest rendered configuration, in bytes.
pub const CONFIGURATION_BYTES_MAX: usize = 1024 * 1024;
/// Most tasks in one assignment.
pub const TASKS_PER_ASSIGNMENT_MAX: usize = 64;
/// Most results in one message: with the longest texts they are a tenth of the largest message.
pub const RESULTS_AT_ONCE_MAX: usize = 64;
/// Most configuration bytes in one assignment.
pub const ASSIGNMENT_BYTES_MAX: usize = 3 * 1024 * 1024;

/// How to reach a device and prove who is who.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Address or DNS name.
    pub hostname: String,
    /// TCP port.
    pub port: u16,
    /// Login name; empty only for [`Work::HostKeys`].
    pub username: String,
    /// A [`crate::secret_ref::SecretRef`]; the agent resolves it, nothing else ever sees what it names. Empty only for
    /// [`Work::HostKeys`] without a jump host: then there is nothing to log in with.
    pub credential_ref: String,
    /// `SHA256:…` fingerprints, any of which the device may show; empty only for [`Work::HostKeys`], and where
    /// authorities vouch or the way has no SSH.
    pub host_keys: Vec<String>,
    /// How an SSH session with it is made.
    #[serde(default, skip_serializing_if = "SshSettings::is_default")]
    pub ssh: SshSettings,
    /// How TLS with it is made.
    #[serde(default, skip_serializing_if = "TlsSettings::is_default")]
    pub tls: TlsSettings,
}

/// Deadlines of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// TCP, SSH handshake and authentication together.
    pub connect: Duration,
    /// From the exec request to the exit status.
    pub command: Duration,
}

impl Timeouts {
    /// The longest that a device may be asked besides its one reading: for what it has by default, over a new session where
    /// it does not tell that, and once more where nothing in a reading tells that it is whole.
    pub fn closer_look(&self) -> Duration {
        self.connect.saturating_add(self.command.saturating_mul(2))
    }
}

/// What a rollout asks of the breakers; with several rollouts the most cautious value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerSettings {
    /// Whether the site breaker counts at all.
    pub site_enabled: bool,
    /// First wait before a probe.
    pub site_wait_duration_in_open: Duration,
    /// The wait doubles with every opening in a row, up to this.
    pub site_max_wait_duration_in_open: Duration,
    /// Probes at once while half-open; at least 1.
    pub site_permitted_calls_in_half_open: u32,
    /// Probes that must succeed in a row to close; at least 1.
    pub site_successes_to_close: u32,
    /// Failures in a row that open a device's breaker; at least 1.
    pub device_consecutive_failures: u32,
    /// First wait of a device's breaker; doubles up to 30 minutes.
    pub device_wait_duration_in_open: Duration,
    /// Silent devices, net of those that answer, that hold a site; at least 1.
    #[serde(default = "silent_to_hold")]
    pub site_silent_to_hold: u32,
    /// Silent devices, net of those that answer, that open a site; at least `site_silent_to_hold`.
    #[serde(default = "silent_to_open")]
    pub site_silent_to_open: u32,
    /// Whether only a person closes an open site again.
    #[serde(default)]
    pub site_reset_manual: bool,
}

fn silent_to_hold() -> u32 {
    3
}

fn silent_to_open() -> u32 {
    4
}

/// How often something may start: so many per second, on average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rate {
    /// Starts in a thousand seconds; at least 1.
    pub per_1000s: u32,
}

/// What a rollout asks of the pools; with several rollouts the most cautious value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolSettings {
    /// Most devices in flight at a site; absent when only the site's own pool limits it.
    pub max_in_flight: Option<u32>,
    /// Whether the site's limit adapts to overload; otherwise it stands at its maximum.
    pub adaptive: bool,
    /// Connects at a site.
    pub connect_rate: Option<Rate>,
    /// Logins with one credential at a site.
    pub credential_rate: Option<Rate>,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { max_in_flight: None, adaptive: true, connect_rate: None, credential_rate: None }
    }
}

/// What the inventory says about a site, for its agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteSettings {
    /// `host:port` that answers TCP while the site's link works.
    pub sentinel: Option<String>,
    /// Most devices in flight.
    pub max_in_flight: Option<u32>,
    /// Connects at the site.
    pub connect_rate: Option<Rate>,
    /// How many devices the inventory has there; 0 when nobody knows.
    pub devices: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            site_enabled: true,
            site_wait_duration_in_open: Duration::from_secs(30),
            site_max_wait_duration_in_open: Duration::from_secs(600),
            site_permitted_calls_in_half_open: 1,
            site_successes_to_close: 3,
            device_consecutive_failures: 3,
            device_wait_duration_in_open: Duration::from_secs(60),
            site_silent_to_hold: silent_to_hold(),
            site_silent_to_open: silent_to_open(),
            site_reset_manual: false,
        }
    }
}

/// The attempt of every reading for a person: no rollout gets that far.
pub const COMPARISON: u32 = u32::MAX;

/// What an attempt is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Purpose {
    /// Configure the device.
    #[default]
    Apply,
    /// Read what the device has after a doubt; nothing is written.
    Settle {
        /// The digest of what it said before the doubtful write, as its agent made it, when it was asked.
        before: Option<String>,
    },
    /// Read what the device has and tell how it differs from the configuration; nothing is written.
    Compare,
    /// Put back what the device had before the write of `of`.
    Restore {
        /// The attempt of the same rollout before whose write the device was read.
        attempt: u32,
        /// The digest of what it had then, as the gate of that attempt was told; absent when nobody knows it any more.
        before: Option<String>,
        /// Whether what the device got since that write is taken away, too.
        overwrite: bool,
    },
}

impl Purpose {
    /// Whether an attempt with it may write.
    pub fn writes(&self) -> bool {
        match self {
            Self::Apply | Self::Restore { .. } => true,
            Self::Settle { .. } | Self::Compare => false,
        }
    }
}

/// How the device is worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// One command takes the configuration on its standard input.
    Command {
        /// The command.
        write: String,
        /// The command that prints what the device has of it; absent when it cannot be read.
        read: Option<String>,
    },
    /// A driver reads, compares, writes and verifies.
    Driver(Arc<Procedure>),
    /// Only its SSH host keys are asked for: nobody logs in, and nothing is ever written.
    HostKeys,
}

impl Work {
    /// A command, and the one that reads.
    pub fn command(write: &str, read: Option<&str>) -> Self {
        Self::Command { write: write.to_owned(), read: read.map(str::to_owned) }
    }

    /// The command that takes the configuration; empty when a driver does the work.
    pub fn write_command(&self) -> &str {
        match self {
            Self::Command { write, .. } => write,
            Self::Driver(_) | Self::HostKeys => "",
        }
    }

    /// The command that prints what the device has, if there is one.
    pub fn read_command(&self) -> Option<&str> {
        match self {
            Self::Command { read, .. } => read.as_deref(),
            Self::Driver(_) | Self::HostKeys => None,
        }
    }

    /// How long after it was last heard of a device may still be at work on a change of `lines` lines by itself.
    pub fn goes_on(&self, timeouts: &Timeouts, lines: u32) -> Duration {
        match self {
            Self::Command { .. } => timeouts.command,
            Self::Driver(procedure) => procedure.goes_on(timeouts, lines),
            Self::HostKeys => Duration::ZERO,
        }
    }

    /// How long after the first byte that can change the device the end of its attempt is known at the latest, for a
    /// configuration of `lines` lines.
    pub fn write_time(&self, timeouts: &Timeouts, lines: u32) -> Duration {
        match self {
            Self::Command { .. } => timeouts.command,
            Self::Driver(procedure) => procedure.after_write(timeouts, lines),
            Self::HostKeys => Duration::ZERO,
        }
    }

    /// Whether the device can be read.
    pub fn is_readable(&self) -> bool {
        match self {
            Self::Command { read, .. } => read.is_some(),
            Self::Driver(_) => true,
            Self::HostKeys => false,
        }
    }
}

/// One device to configure or to read: the work of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Which attempt this is.
    pub op: OpId,
    /// The device.
    pub endpoint: Endpoint,
    /// How the device is worked on.
    pub work: Work,
    /// What is to be done.
    pub purpose: Purpose,
    /// The rendered configuration; at most [`CONFIGURATION_BYTES_MAX`].
    pub configuration: Arc<[u8]>,
    /// Its deadlines.
    pub timeouts: Timeouts,
    /// The breaker settings of its rollout.
    pub breakers: BreakerSettings,
    /// The pool settings of its rollout.
    pub pools: PoolSettings,
}

impl Task {
    /// How long after the first byte that can change the device its end is known at the latest.
    pub fn write_time(&self) -> Duration {
        self.work.write_time(&self.timeouts, self.lines())
    }

    /// Lines of the rendered configuration.
    pub fn lines(&self) -> u32 {
        lines(&self.configuration)
    }
}

/// Lines of a configuration, an unfinished one at its end included.
pub fn lines(configuration: &[u8]) -> u32 {
    let ends = configuration.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(ends).unwrap_or(u32::MAX).saturating_add(1)
}
