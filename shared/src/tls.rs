//! How TLS with a device is made.

use crate::outcome::words;
use serde::{Deserialize, Serialize};

words!(
    /// Whether the way to a device is protected.
    Protection {
        /// TLS, with a certificate that names the device and is signed by a trusted CA.
        Verified = "verified",
        /// None, and only to an address of the agent's own machine.
        ClearOnLoopback = "clear_on_loopback",
        /// None: whoever listens reads the login and the configuration.
        Clear = "clear",
    }
);

#[expect(clippy::derivable_impls, reason = "the words have no place for it")]
impl Default for Protection {
    fn default() -> Self {
        Self::Verified
    }
}

/// What the inventory says about TLS to a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSettings {
    /// Whether there is TLS at all.
    #[serde(default)]
    pub protection: Protection,
    /// A [`crate::secret_ref::SecretRef`] of the CAs in PEM that are trusted, and no others; without it those of the
    /// agent's system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<String>,
    /// The name that its certificate must hold, when it is not the device's hostname.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
}

impl TlsSettings {
    /// Whether nothing was said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
