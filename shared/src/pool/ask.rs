//! What is asked of a pool, what it gives, and how it says not now.

use crate::id::DeviceName;
use crate::outcome::words;
use crate::time::Timestamp;
use std::fmt;

words!(
    /// What an attempt is part of.
    Work {
        /// Changing devices.
        Rollout = "ROLLOUT",
        /// Taking a change back; it never queues behind a rollout.
        Rollback = "ROLLBACK",
    }
);

words!(
    /// What is scarce when a pool says not now.
    Scarce {
        /// The device has an attempt running.
        Device = "DEVICE",
        /// Every place is taken.
        Places = "PLACES",
        /// As many retries run as may.
        Retries = "RETRIES",
        /// The site's start rate.
        Starts = "STARTS",
        /// The credential's start rate.
        Logins = "LOGINS",
    }
);

/// One attempt that wants to start.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The device.
    pub device: &'a DeviceName,
    /// The reference of its credential.
    pub credential: &'a str,
    /// Whether the device failed before in this rollout and is tried again.
    pub retry: bool,
    /// What it is part of.
    pub work: Work,
    /// When the permit is taken back if it has not come back by itself.
    pub deadline: Timestamp,
}

/// A permit. It goes back through [`Pool::release`](super::Pool::release), at the latest by itself at
/// its deadline.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Lease {
    pub(super) device: DeviceName,
    pub(super) serial: u64,
}

/// Not now: what is scarce, and when to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotNow {
    /// What is scarce.
    pub what: Scarce,
    /// When there is some again; `None` when that hangs on an attempt's end.
    pub retry_at: Option<Timestamp>,
}

impl NotNow {
    pub(super) fn later(what: Scarce) -> Self {
        Self { what, retry_at: None }
    }

    pub(super) fn until(what: Scarce, at: Timestamp) -> Self {
        Self { what, retry_at: Some(at) }
    }
}

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.what {
            Scarce::Device => "the device has an attempt running",
            Scarce::Places => "every place of the site's pool is taken",
            Scarce::Retries => "a tenth of what runs at the site are retries already",
            Scarce::Starts => "the site's start rate is reached",
            Scarce::Logins => "the credential's start rate is reached",
        })?;
        match self.retry_at {
            Some(at) => write!(f, "; again at {}", at.clock()),
            None => Ok(()),
        }
    }
}
