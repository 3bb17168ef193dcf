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
    /// `SHA256:…` fingerprints of the authorities whose host certificates are believed; at most [`HOST_CA_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_ca: Vec<String>,
    /// What stands between the agent and the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<Box<JumpHost>>,
}

/// Most authorities of one device.
pub const HOST_CA_MAX: usize = 8;
/// Most keys that one device is told to have shown.
pub const KEYS_SHOWN_MAX: usize = 8;

/// A host key that a device has proved to have, in the key exchange of RFC 4253 section 8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// What kind it is, such as `ssh-ed25519`.
    pub algorithm: String,
    /// `SHA256:…`.
    pub fingerprint: String,
    /// What came with it, when an authority vouches for it.
    pub certificate: Option<HostCertificate>,
}

/// What an authority says about a device's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCertificate {
    /// `SHA256:…` of the authority's key.
    pub authority: String,
    /// Why a rollout would not believe it; fits "a certificate that …". Absent when it would.
    pub refusal: Option<String>,
}

/// A host through which devices are reached, by direct-tcpip of RFC 4254 section 7.2. It sees nothing of the sessions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JumpHost {
    /// Address or DNS name.
    pub hostname: String,
    /// TCP port.
    pub port: u16,
    /// Login name there.
    pub username: String,
    /// A [`crate::secret_ref::SecretRef`]; the agent resolves it.
    pub credential_ref: String,
    /// `SHA256:…` fingerprints, any of which it may show; never empty.
    pub host_keys: Vec<String>,
    /// The algorithms that may be used with it, whatever the devices behind it need.
    #[serde(default = "JumpHost::algorithms_default")]
    pub algorithms: Algorithms,
}

impl JumpHost {
    /// What it speaks when nobody says.
    pub fn algorithms_default() -> Algorithms {
        Algorithms::Modern
    }
}

impl SshSettings {
    /// Whether nothing was said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
