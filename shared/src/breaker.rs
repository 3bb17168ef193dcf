//! Breakers: what protects devices and sites from us. Closed is when work flows, open when it refuses.

mod circuit;
pub mod device;
mod settings;
pub mod site;
pub mod tree;

pub use settings::most_cautious;
pub use tree::{Admission, Tree};

use crate::id::{DeviceName, SiteName};
use crate::outcome::words;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

words!(
    /// State of a breaker.
    State {
        /// Work flows.
        Closed = "CLOSED",
        /// Work is refused.
        Open = "OPEN",
        /// A few probes decide.
        HalfOpen = "HALF_OPEN",
        /// Opened by an operator; does not heal with time.
        ForcedOpen = "FORCED_OPEN",
    }
);

/// Which breaker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Name {
    /// The breaker of a site.
    Site(SiteName),
    /// The breaker of a device.
    Device(DeviceName),
}

/// Text that names no breaker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("name a breaker {0:?}: write site/NAME or device/NAME")]
pub struct InvalidBreakerName(pub String);

impl Name {
    /// Reads `site/NAME` or `device/NAME`, with or without a leading `breakers/`.
    pub fn parse(text: &str) -> Result<Self, InvalidBreakerName> {
        let invalid = || InvalidBreakerName(text.chars().take(80).collect());
        let (kind, name) =
            text.strip_prefix("breakers/").unwrap_or(text).split_once('/').ok_or_else(invalid)?;
        match kind {
            "site" => SiteName::new(name).map(Self::Site).map_err(|_| invalid()),
            "device" => DeviceName::new(name).map(Self::Device).map_err(|_| invalid()),
            _ => Err(invalid()),
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
        }
    }
}

/// A breaker as it is shown, mirrored and logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which breaker.
    pub name: Name,
    /// The site of the agent that holds it.
    pub site: SiteName,
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
    pub fn closed(name: Name, site: SiteName, now: Timestamp) -> Self {
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

/// What a breaker gave out at admission. It names the breaker's epoch, so that an end from before the
/// breaker moved never moves it again, and a deadline, so that a hung probe does not hold it for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct Permit {
    epoch: u64,
    probe: bool,
    deadline: Timestamp,
}

/// What became of an attempt's end at a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// It counted.
    Counted,
    /// The breaker had moved on since the attempt began.
    Late,
}

/// Not now: which breaker, why, and when to ask again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The breaker that refused.
    pub who: Name,
    /// Why, continuing "site/lon is …".
    pub why: String,
    /// When it tries again by itself; `None` when that hangs on something else.
    pub retry_at: Option<Timestamp>,
}

impl fmt::Display for Refusal {
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
}
