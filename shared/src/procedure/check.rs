//! Checks before and after a write: what is looked at, and what must be seen.

use super::{parse_comparison, saved_name};
use crate::task::Timeouts;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most checks before a write, and most after it.
pub const CHECKS_MAX: usize = 32;
/// Most expectations of one check.
pub const EXPECTATIONS_MAX: usize = 16;

/// What a look at the device that fails takes besides: a goodbye, and asking whether the way to the device was lost.
const BESIDE_A_FAILED_LOOK: Duration = Duration::from_secs(3);

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, for messages.
    pub name: String,
    /// What is looked at.
    pub probe: Probe,
    /// What must be seen; none means that the look alone must succeed.
    pub expectations: Vec<Expectation>,
    /// The name under which what was seen is kept for later checks; only before the write.
    pub save_as: Option<String>,
    /// How long to wait before the first look.
    pub initial_delay: Duration,
    /// How long to wait between two looks.
    pub interval: Duration,
    /// How many looks; at least 1.
    pub count: u32,
    /// How many of them may fail. The check ends as soon as its end is certain.
    pub failure_limit: u32,
}

impl Check {
    /// The first name that it compares with and that a check before the write saves.
    pub fn needs(&self) -> Option<&str> {
        self.expectations.iter().find_map(|expectation| match expectation {
            Expectation::Expect(comparison) => {
                parse_comparison(comparison).ok().and_then(|(_, operand)| saved_name(operand))
            }
            Expectation::Matches(_) | Expectation::Contains(_) | Expectation::NotContains(_) => None,
        })
    }

    /// How many looks must be good.
    pub fn needed(&self) -> u32 {
        self.count.saturating_sub(self.failure_limit).max(1)
    }

    /// The shortest that it may take to pass, when a look takes no time.
    pub fn shortest(&self) -> Duration {
        self.initial_delay.saturating_add(self.interval.saturating_mul(self.needed() - 1))
    }

    /// The longest it may take when each look takes [`Timeouts::command`]: one at the device that fails is followed by a new
    /// session, unless it is the last.
    pub fn longest(&self, timeouts: &Timeouts) -> Duration {
        let waits = self.interval.saturating_mul(self.count.saturating_sub(1));
        let looks = timeouts.command.saturating_mul(self.count);
        let longest = self.initial_delay.saturating_add(waits).saturating_add(looks);
        if !self.probe.asks_the_device() {
            return longest;
        }
        let failing = self.failure_limit.saturating_add(1).min(self.count);
        let sessions = timeouts.connect.saturating_mul(failing.saturating_sub(1));
        longest.saturating_add(sessions).saturating_add(BESIDE_A_FAILED_LOOK.saturating_mul(failing))
    }
}

/// What a check looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// Whether a TCP port of the device answers.
    Tcp {
        /// The port.
        port: u16,
    },
    /// What a command that only reads prints.
    Command {
        /// The command.
        command: String,
    },
    /// What an XPath expression gives over the device's data.
    NetconfGet {
        /// The expression.
        xpath: String,
    },
    /// What a gNMI path holds.
    GnmiGet {
        /// The path.
        path: String,
    },
    /// What an HTTP GET answers.
    Http {
        /// The address.
        url: String,
        /// The status that is expected.
        #[serde(default = "ok")]
        status: u16,
        /// A reference to the CAs that may have signed its certificate; those of the agent's system if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca_ref: Option<String>,
    },
    /// What a Prometheus query gives.
    Prometheus {
        /// The server; the agent's own if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// The query.
        query: String,
        /// As of an HTTP GET.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca_ref: Option<String>,
    },
}

impl Probe {
    /// Whether it needs a session with the device.
    pub fn asks_the_device(&self) -> bool {
        match self {
            Self::Tcp { .. } | Self::Http { .. } | Self::Prometheus { .. } => false,
            Self::Command { .. } | Self::NetconfGet { .. } | Self::GnmiGet { .. } => true,
        }
    }
}

fn ok() -> u16 {
    200
}

/// What must be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// A regular expression that must match somewhere.
    Matches(String),
    /// Text that must be there.
    Contains(String),
    /// Text that must not be there.
    NotContains(String),
    /// A comparison such as `>= 3`; a number, or the name that another check saved, in double braces.
    Expect(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_has_time_for_each_session_that_follows_a_look_which_failed() {
        let seconds = Duration::from_secs;
        let timeouts = Timeouts { connect: seconds(5), command: seconds(30) };
        let longest = |probe: Probe, count, failure_limit| {
            let (name, expectations, save_as) = ("c".into(), vec![], None);
            let (initial_delay, interval) = (seconds(2), seconds(10));
            Check { name, probe, expectations, save_as, initial_delay, interval, count, failure_limit }
                .longest(&timeouts)
                .as_secs()
        };
        let show = || Probe::Command { command: "show".into() };
        assert_eq!(longest(show(), 1, 0), 2 + 30 + 3);
        assert_eq!(longest(show(), 3, 2), 2 + 3 * 30 + 2 * 10 + 2 * 5 + 3 * 3);
        assert_eq!(
            longest(show(), 3, 1),
            2 + 3 * 30 + 2 * 10 + 5 + 2 * 3,
            "the second that fails is the last"
        );
        assert_eq!(longest(Probe::Tcp { port: 22 }, 3, 2), 2 + 3 * 30 + 2 * 10, "it needs no session");
    }
}
