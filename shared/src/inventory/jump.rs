//! A jump host in `connection_options`.

use super::{HOST_KEYS_MAX, value};
use crate::procedure::Transport;
use crate::ssh::{Algorithms, JumpHost};
use crate::yaml::Field;

/// A jump host as it is written; the login is the device's own unless it says another.
#[derive(Debug, Clone)]
pub(super) struct Jump {
    hostname: String,
    port: Option<u16>,
    username: Option<String>,
    credential_ref: Option<String>,
    host_keys: Vec<String>,
    algorithms: Option<Algorithms>,
}

impl Jump {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let mut section = field.section()?;
        let hostname = section.take("hostname").and_then(|field| value::hostname(&field));
        let host_keys = section.take("host_keys").and_then(|field| {
            let items = field.list(HOST_KEYS_MAX)?;
            Some(items.iter().filter_map(value::host_key).collect::<Vec<_>>())
        });
        let words: Vec<_> = Algorithms::ALL.iter().map(|profile| (profile.as_str(), *profile)).collect();
        let jump = Self {
            port: section.take("port").and_then(|field| value::port(&field)),
            username: section.take("username").and_then(|field| value::username(&field)),
            credential_ref: section.take("credential_ref").and_then(|field| value::credential_ref(&field)),
            hostname: hostname.unwrap_or_default(),
            host_keys: host_keys.unwrap_or_default(),
            algorithms: section.take("algorithms").and_then(|field| field.word(&words)),
        };
        if jump.hostname.is_empty() || jump.host_keys.is_empty() {
            let message = "a jump host needs its hostname and its host_keys";
            field.problem(message, "for example {hostname: 192.0.2.1, host_keys: [\"SHA256:…\"]}");
            return None;
        }
        Some(jump)
    }

    /// With everything that the device's own login fills in.
    pub(super) fn settled(self, username: &str, credential_ref: &str) -> JumpHost {
        JumpHost {
            hostname: self.hostname,
            port: self.port.unwrap_or(Transport::SshCli.port_default()),
            username: self.username.unwrap_or_else(|| username.to_owned()),
            credential_ref: self.credential_ref.unwrap_or_else(|| credential_ref.to_owned()),
            host_keys: self.host_keys,
            algorithms: self.algorithms.unwrap_or_else(JumpHost::algorithms_default),
        }
    }
}
