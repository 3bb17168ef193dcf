//! Breakers: what protects devices and sites from us. Closed is when work flows, open when it refuses.

mod circuit;
pub mod credential;
mod credentials;
pub mod device;
mod jitter;
mod settings;
mod sign;
mod silence;
pub mod site;
mod tagged;
pub mod tree;
pub mod window;

pub use jitter::seed;
pub use settings::most_cautious;
pub use tree::{Admission, Attempt, Fate, NotHere, Snapshot, Tree};

use crate::id::{DeviceName, RolloutName, SiteName};
use crate::outcome::{Class, words};
use crate::pace::Group;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

words!(
    /// State of a breaker.
    State {
        /// Work flows.
        Closed = "CLOSED",
        /// Suspected: a few at once, more with each that answers.
        Held = "HELD",
        /// Work is refused.
        Open = "OPEN",
        /// A few probes decide.
        HalfOpen = "HALF_OPEN",
        /// Opened by an operator; does not heal with time.
        ForcedOpen = "FORCED_OPEN",
        /// Kept closed by an operator whatever the evidence.
        ForcedClosed = "FORCED_CLOSED",
    }
);

/// Longest reference of a credential that names a breaker, in bytes.
pub const REFERENCE_BYTES_MAX: usize = 512;

/// Which breaker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Name {
    /// The breaker of a site.
    Site(SiteName),
    /// The breaker of a device.
    Device(DeviceName),
    /// The breaker of one credential at one site.
    Credential {
        /// The site.
        site: SiteName,
        /// The reference that the inventory names, such as `file:/etc/switchyard/password`.
        reference: String,
    },
    /// The devices with some label values: of one rollout, or of all.
    Group {
        /// The rollout; all when absent.
        rollout: Option<RolloutName>,
        /// Which devices.
        group: Group,
    },
    /// Everything: of one rollout, or of all.
    Global {
        /// The rollout; all when absent.
        rollout: Option<RolloutName>,
    },
}

/// Text that names no breaker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "name a breaker {0:?}: write site/NAME, device/NAME, credential/SITE/REF, group/KEY=VALUE or global, the last two \
     also behind rollout/NAME/"
)]
pub struct InvalidBreakerName(pub String);

impl Name {
    /// Reads `site/NAME`, `device/NAME`, `credential/SITE/REF`, `group/KEY=VALUE` or `global`, the last
    /// two also behind `rollout/NAME/`, with or without a leading `breakers/`.
    pub fn parse(text: &str) -> Result<Self, InvalidBreakerName> {
        let plain = text.strip_prefix("breakers/").unwrap_or(text);
        Self::read(plain).ok_or_else(|| InvalidBreakerName(text.chars().take(80).collect()))
    }

    fn read(text: &str) -> Option<Self> {
        let (rollout, text) = match text.strip_prefix("rollout/") {
            Some(rest) => {
                let (name, rest) = rest.split_once('/')?;
                (Some(RolloutName::new(name).ok()?), rest)
            }
            None => (None, text),
        };
        if text == "global" {
            return Some(Self::Global { rollout });
        }
        let (kind, name) = text.split_once('/')?;
        match (kind, &rollout) {
            ("group", _) => Some(Self::Group { rollout, group: Group::parse(name).ok()? }),
            ("site", None) => SiteName::new(name).ok().map(Self::Site),
            ("device", None) => DeviceName::new(name).ok().map(Self::Device),
            ("credential", None) => {
                let (site, reference) = name.split_once('/')?;
                let plain = !reference.is_empty() && !reference.chars().any(char::is_control);
                let site =
                    SiteName::new(site).ok().filter(|_| plain && reference.len() <= REFERENCE_BYTES_MAX)?;
                Some(Self::Credential { site, reference: reference.to_owned() })
            }
            _ => None,
        }
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidBreakerName;
    fn try_from(text: String) -> Result<Self, InvalidBreakerName> {
        Self::parse(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.to_string()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site(site) => write!(f, "site/{site}"),
            Self::Device(device) => write!(f, "device/{device}"),
            Self::Credential { site, reference } => write!(f, "credential/{site}/{reference}"),
            Self::Group { rollout: None, group } => write!(f, "group/{group}"),
            Self::Group { rollout: Some(rollout), group } => write!(f, "rollout/{rollout}/group/{group}"),
            Self::Global { rollout: None } => f.write_str("global"),
            Self::Global { rollout: Some(rollout) } => write!(f, "rollout/{rollout}/global"),
        }
    }
}

/// A breaker as it is shown, mirrored and logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which breaker.
    pub name: Name,
    /// The site of the agent that holds it; absent when the coordinator does.
    pub site: Option<SiteName>,
    /// Its state.
    pub state: State,
    /// Why, in one line.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// When it first opened without having closed again.
    pub first_opened_at: Option<Timestamp>,
    /// When it tries again by itself.
    pub retry_at: Option<Timestamp>,
    /// Openings in a row.
    pub opened_times: u32,
    /// `auto`, or the operator who set it.
    pub by: String,
    /// Failed among the devices seen lately.
    pub failed: u32,
    /// Distinct devices seen lately.
    pub seen: u32,
}

impl Report {
    /// A breaker of which nothing is known but that it is closed.
    pub fn closed(name: Name, site: Option<SiteName>, now: Timestamp) -> Self {
        Self {
            name,
            site,
            state: State::Closed,
            reason: String::new(),
            since: now,
            first_opened_at: None,
            retry_at: None,
            opened_times: 0,
            by: "auto".into(),
            failed: 0,
            seen: 0,
        }
    }
}

/// How the reason of a device's quarantine after a doubt begins.
const DOUBT: &str = "nobody knows what it was left as";
/// How the reason of a device begins that is kept away from for a strange host key or certificate.
const STRANGE_KEY: &str = "showed a host key that is not pinned";

impl Report {
    /// Whether a device showed a host key or certificate that is not trusted: its keys may be looked at, and other pins
    /// end it.
    pub fn is_of_a_strange_key(&self) -> bool {
        self.state == State::Open && self.reason.starts_with(STRANGE_KEY)
    }

    /// Whether it is the quarantine of a device that was left in doubt.
    pub fn is_of_a_doubt(&self) -> bool {
        let doubtful = [Class::LostAfterWrite, Class::Inconclusive];
        self.state == State::Open
            && doubtful.iter().any(|class| self.reason.starts_with(&format!("{DOUBT} ({class})")))
    }
}

/// What a breaker gave out at admission: it names the breaker's epoch, so that an end from before the
/// breaker moved never moves it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Permit {
    epoch: u64,
    probe: bool,
}

/// What became of an attempt's end at a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// It counted.
    Counted,
    /// The breaker had moved on since the attempt began.
    Late,
}

/// Not now: which breaker, why, and when to ask again. The refused device keeps its rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotNow {
    /// The breaker that refused.
    pub who: Name,
    /// Why, continuing "site/lon is …".
    pub why: String,
    /// When to ask again; `None` when that hangs on something else.
    pub retry_at: Option<Timestamp>,
    /// Whether that is a matter of seconds: worth waiting for in a queue.
    pub soon: bool,
}

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.who, self.why)?;
        match self.retry_at {
            Some(at) => write!(f, "; it tries again at {}", at.clock()),
            None => Ok(()),
        }
    }
}

/// Why a breaker must be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// The wait is over: probes may decide.
    WaitOver,
    /// A probe did not come back by its deadline.
    ProbeOverdue,
    /// A connect has been silent for long enough to mean something.
    ConnectSilent,
    /// Whoever was refused a probe may ask again.
    ProbeAgain,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_breaker_has_a_name_that_reads_back() {
        for text in [
            "site/lon",
            "device/r1",
            "credential/lon/file:/etc/switchyard/password",
            "group/platform=ios",
            "rollout/ntp/group/platform=ios&role=edge",
            "global",
            "rollout/ntp/global",
        ] {
            assert_eq!(Name::parse(text).unwrap().to_string(), text);
            assert_eq!(Name::parse(&format!("breakers/{text}")).unwrap().to_string(), text);
        }
        for bad in [
            "",
            "lon",
            "site/",
            "planet/earth",
            "rollout/ntp/site/lon",
            "credential/lon/",
            "group/ios",
            "rollout//global",
        ] {
            assert!(Name::parse(bad).is_err(), "{bad}");
        }
    }
}
