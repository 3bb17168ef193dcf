//! How an SSH session with a device is made.

use crate::outcome::words;
use serde::{Deserialize, Serialize};

words!(
    /// Which algorithms an SSH session may use; each profile has those of the one before it.
    Algorithms {
        /// What is safe today: nothing with SHA-1.
        Modern = "modern",
        /// Also the NIST curves, groups of 2048 bits and SHA-1 where it only signs, for devices of the last ten years.
        Compat = "compat",
        /// Also groups of 1024 bits, CBC and SHA-1 throughout: for devices that know nothing else.
        Legacy = "legacy",
    }
);

#[expect(clippy::derivable_impls, reason = "the words have no place for it")]
impl Default for Algorithms {
    fn default() -> Self {
        Self::Compat
    }
}

/// What the inventory says about SSH to a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshSettings {
    /// The algorithms that may be used.
    #[serde(default)]
    pub algorithms: Algorithms,
}

impl SshSettings {
    /// Whether nothing was said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
