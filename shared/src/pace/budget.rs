//! The one number that an operator states: how many devices beyond the tolerated share may be hurt.

use crate::outcome::words;
use serde::{Deserialize, Serialize};
use std::fmt;

words!(
    /// What the budget promises.
    Mode {
        /// Holds in at least 95 of 100 rollouts, at little cost in time.
        Expected = "expected",
        /// Certain: failed, in flight and unknown together never pass the budget. Slow.
        Strict = "strict",
    }
);

/// A share of devices, in millionths: 1 % is 10,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Share(pub u32);

impl Share {
    /// All of them.
    pub const ALL: Self = Self(1_000_000);

    /// The share as a number from 0 to 1.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 1e6
    }
}

/// In percent, without trailing zeros: `1%`, `0.5%`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        match format!("{rest:04}").trim_end_matches('0') {
            "" => write!(f, "{whole}%"),
            digits => write!(f, "{whole}.{digits}%"),
        }
    }
}

/// How much harm is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Devices beyond the tolerated share that may be hurt; at least 1.
    pub devices: u32,
    /// Failures up to this share are ordinary; below 5 %.
    pub tolerated_share: Share,
    /// What it promises.
    pub mode: Mode,
}

impl Default for Budget {
    fn default() -> Self {
        Self { devices: 10, tolerated_share: Share(10_000), mode: Mode::Expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_prints_as_people_write_it() {
        for (millionths, text) in
            [(10_000, "1%"), (5_000, "0.5%"), (0, "0%"), (123_456, "12.3456%"), (100, "0.01%")]
        {
            assert_eq!(Share(millionths).to_string(), text);
        }
    }
}
