//! How devices differ from a plan that nobody has applied.

use crate::id::{DeviceName, SiteName};
use crate::outcome::{Class, words};
use crate::ssh::HostKey;

words!(
    /// What a plan would do to a device.
    Differs {
        /// It would change the device.
        Changes = "CHANGES",
        /// The device has it already.
        Unchanged = "UNCHANGED",
        /// Nobody could read the device.
        Unknown = "UNKNOWN",
    }
);

/// What was read of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceDifference {
    /// The device.
    pub device: DeviceName,
    /// Its site.
    pub site: SiteName,
    /// What it runs; may be empty.
    pub platform: String,
    /// What the plan would do to it.
    pub state: Differs,
    /// The difference, without secrets; at most [`crate::configuration::DIFF_BYTES_MAX`], empty unless it changes.
    pub diff: String,
    /// How the reading ended; absent when it was never begun.
    pub class: Option<Class>,
    /// Why nothing is known, or not all; empty otherwise.
    pub reason: String,
    /// The host keys that it showed, when only they were asked for.
    pub keys: Vec<HostKey>,
}
