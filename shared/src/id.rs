//! Names that cannot be swapped for one another: devices, sites, rollouts, plans, agents, operations.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Longest name of anything, in bytes.
pub const NAME_BYTES_MAX: usize = 63;

/// A name that breaks the rule for names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "accept the name {0:?}: use 1 to {NAME_BYTES_MAX} letters, digits, '.', '_' or '-', starting with a letter or digit"
)]
pub struct InvalidName(pub String);

/// Whether `text` may name a device, site, rollout or plan: 1 to [`NAME_BYTES_MAX`] ASCII letters,
/// digits, `.`, `_` or `-`, the first a letter or digit.
pub fn is_valid_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= NAME_BYTES_MAX
        && bytes[0].is_ascii_alphanumeric()
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` against the rule of [`is_valid_name`].
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidName> {
                let text = text.as_ref();
                if is_valid_name(text) { Ok(Self(text.into())) } else { Err(InvalidName(text.chars().take(80).collect())) }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// A device of the inventory.
    DeviceName
);
name!(
    /// A site: the devices that one agent reaches.
    SiteName
);
name!(
    /// A rollout, without the `rollouts/` prefix.
    RolloutName
);
name!(
    /// A plan, without the `plans/` prefix.
    PlanName
);
name!(
    /// An agent, as its certificate names it.
    AgentName
);
name!(
    /// An operator, as their certificate names them.
    OperatorName
);

/// One try at one device by one rollout: the idempotency key of everything an agent does.
/// Attempts count from 1 and only the coordinator creates them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OpId {
    /// The rollout.
    pub rollout: RolloutName,
    /// The device.
    pub device: DeviceName,
    /// Which try, from 1.
    pub attempt: u32,
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.rollout, self.device, self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_plain_text() {
        for good in ["a", "acc01.ams1", "R1_x-2", "1"] {
            assert!(is_valid_name(good), "{good}");
        }
        for bad in ["", "-a", ".a", "a b", "a/b", "é", &"x".repeat(64)] {
            assert!(!is_valid_name(bad), "{bad}");
        }
    }
}
