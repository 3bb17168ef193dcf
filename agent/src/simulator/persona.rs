//! What a simulated device plays: a command that takes a configuration, a platform's command line, or NETCONF.

use super::cli::Vendor;
use super::ranges::{ParseRangesError, Ranges};
use crate::platform::Platforms;
use std::str::FromStr;
use std::sync::OnceLock;
use switchyard_shared::procedure::Transport;

/// The platform that is one file.
const LINUX: &str = "linux";

/// Devices that speak NETCONF; those that know its first version alone.
const NETCONF: &str = "netconf";
const NETCONF_OLD: &str = "netconf-1.0";
/// Those that boot with what was saved.
const NETCONF_STARTUP: &str = "netconf-startup";

/// One part to play.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Persona {
    /// Commands that take a configuration on their standard input, and `show`.
    #[default]
    Command,
    /// The command line of this platform.
    Cli(&'static str),
    /// A host with one file, the platform `linux`.
    Linux,
    /// NETCONF with a candidate.
    Netconf {
        /// NETCONF 1.1, and commits that are taken back unless they are confirmed; else 1.0 and neither.
        is_new: bool,
        /// It boots with what was saved.
        startup: bool,
    },
}

impl Persona {
    /// How an inventory names the platform and the way to such a device.
    pub fn in_inventory(self) -> Option<(&'static str, Transport)> {
        match self {
            Self::Command => None,
            Self::Cli(platform) => Some((platform, Transport::SshCli)),
            Self::Linux => Some((LINUX, Transport::SshCli)),
            Self::Netconf { .. } => Some((NETCONF, Transport::Netconf)),
        }
    }

    /// The part that `word` names: a platform by any of its names.
    fn parse(word: &str) -> Option<Self> {
        if [NETCONF, NETCONF_OLD, NETCONF_STARTUP].contains(&word) {
            return Some(Self::Netconf { is_new: word != NETCONF_OLD, startup: word == NETCONF_STARTUP });
        }
        if platforms().file(word).is_some_and(|platform| platform.name == LINUX) {
            return Some(Self::Linux);
        }
        let platform = platforms().get(word)?;
        Vendor::of(&platform.name).map(|vendor| Self::Cli(vendor.platform))
    }
}

/// The platforms that come with the agent; patterns are compiled once.
pub(super) fn platforms() -> &'static Platforms {
    static PLATFORMS: OnceLock<Platforms> = OnceLock::new();
    PLATFORMS.get_or_init(Platforms::built_in)
}

/// Who plays what: `cisco_ios`, or `juniper_junos:5-8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plays {
    /// The part.
    pub persona: Persona,
    /// Which devices, counted from 1; absent for all.
    pub devices: Option<Ranges>,
}

/// Why a text says no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParsePlaysError {
    /// Nobody plays that.
    #[error("play {0:?}: there are {known}", known = Vendor::platforms().chain([LINUX, NETCONF, NETCONF_OLD, NETCONF_STARTUP]).collect::<Vec<_>>().join(", "))]
    Unknown(String),
    /// A bad range.
    #[error(transparent)]
    Ranges(#[from] ParseRangesError),
}

impl FromStr for Plays {
    type Err = ParsePlaysError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (word, devices) = match text.split_once(':') {
            Some((word, devices)) => (word, Some(devices.parse()?)),
            None => (text, None),
        };
        let persona = Persona::parse(word).ok_or_else(|| ParsePlaysError::Unknown(word.into()))?;
        Ok(Self { persona, devices })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_named_by_any_name_of_its_platform_and_may_be_of_some_devices() {
        let all: Plays = "ios".parse().expect("a part");
        assert_eq!((all.persona, all.devices), (Persona::Cli("cisco_ios"), None));
        let some: Plays = "juniper_junos:5-8".parse().expect("a part");
        assert!(some.devices.expect("devices").contains(8));
        let error = "pdp11".parse::<Plays>().expect_err("nobody plays it").to_string();
        assert!(error.contains("cisco_ios, cisco_nxos"), "{error}");
        assert!("ios:0".parse::<Plays>().is_err());
    }
}
