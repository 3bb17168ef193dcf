//! `connection_options`: what each way to a device needs of its own.

use super::jump::Jump;
use super::value;
use crate::procedure::Transport;
use crate::ssh::{Algorithms, HOST_CA_MAX, SshSettings};
use crate::tls::{Protection, TlsSettings};
use crate::yaml::{Field, Section};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How each way to a device differs from what its other keys say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// SSH, whatever runs over it.
    #[serde(default, skip_serializing_if = "SshSettings::is_default")]
    pub ssh: SshSettings,
    /// The ports of ways with one of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<Transport, u16>,
    /// TLS of the ways that have it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tls: BTreeMap<Transport, TlsSettings>,
}

impl Connections {
    /// TLS of one way.
    pub fn tls_of(&self, transport: Option<Transport>) -> TlsSettings {
        transport.and_then(|transport| self.tls.get(&transport)).cloned().unwrap_or_default()
    }

    /// The port of one way, where `written` is the one that the other keys name; a command runs over SSH as well.
    pub fn port_of(&self, transport: Option<Transport>, written: Option<u16>) -> u16 {
        let transport = transport.unwrap_or(Transport::SshCli);
        let usual = || written.unwrap_or_else(|| transport.port_default());
        self.ports.get(&transport).copied().unwrap_or_else(usual)
    }

    /// Whether nothing was said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What one place of the inventory says; what it does not say shines through from below.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    algorithms: Option<Algorithms>,
    host_ca: Option<Vec<String>>,
    jump: Option<Jump>,
    ports: BTreeMap<Transport, u16>,
    tls: BTreeMap<Transport, SaidOfTls>,
}

/// What one place says of TLS.
#[derive(Debug, Clone, Default)]
struct SaidOfTls {
    protection: Option<Protection>,
    ca_ref: Option<String>,
    server_name: Option<String>,
}

impl SaidOfTls {
    fn read(section: &mut Section<'_>) -> Self {
        let words: Vec<_> = Protection::ALL.iter().map(|word| (word.as_str(), *word)).collect();
        Self {
            protection: section.take("tls").and_then(|field| field.word(&words)),
            ca_ref: section.take("ca_ref").and_then(|field| value::value_ref(&field)),
            server_name: section.take("server_name").and_then(|field| value::hostname(&field)),
        }
    }

    fn lay_over(&mut self, above: Self) {
        self.protection = above.protection.or(self.protection);
        self.ca_ref = above.ca_ref.or(self.ca_ref.take());
        self.server_name = above.server_name.or(self.server_name.take());
    }

    fn settled(self) -> TlsSettings {
        TlsSettings {
            protection: self.protection.unwrap_or_default(),
            ca_ref: self.ca_ref,
            server_name: self.server_name,
        }
    }
}

impl Said {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let mut section = field.section()?;
        let mut said = Self::default();
        if let Some(mut ssh) = section.section("ssh") {
            let words: Vec<_> = Algorithms::ALL.iter().map(|profile| (profile.as_str(), *profile)).collect();
            said.algorithms = ssh.take("algorithms").and_then(|field| field.word(&words));
            said.host_ca = ssh.take("host_ca").and_then(|field| {
                let items = field.list(HOST_CA_MAX)?;
                Some(items.iter().filter_map(value::host_key).collect())
            });
            said.jump = ssh.take("jump").and_then(|field| Jump::read(&field));
            said.port(&mut ssh, Transport::SshCli);
        }
        for (key, transport) in
            [("netconf", Transport::Netconf), ("gnmi", Transport::Gnmi), ("http", Transport::Http)]
        {
            if let Some(mut way) = section.section(key) {
                said.port(&mut way, transport);
                if transport.is_tls() {
                    said.tls.insert(transport, SaidOfTls::read(&mut way));
                }
            }
        }
        Some(said)
    }

    fn port(&mut self, section: &mut Section<'_>, transport: Transport) {
        if let Some(port) = section.take("port").and_then(|field| value::port(&field)) {
            self.ports.insert(transport, port);
        }
    }

    pub(super) fn lay_over(&mut self, above: Self) {
        self.algorithms = above.algorithms.or(self.algorithms);
        self.host_ca = above.host_ca.or(self.host_ca.take());
        self.jump = above.jump.or(self.jump.take());
        self.ports.extend(above.ports);
        for (transport, tls) in above.tls {
            self.tls.entry(transport).or_default().lay_over(tls);
        }
    }

    /// With everything that the device's own login fills in.
    pub(super) fn settled(self, username: &str, credential_ref: &str) -> Connections {
        let jump = self.jump.map(|jump| Box::new(jump.settled(username, credential_ref)));
        let tls = self.tls.into_iter().map(|(transport, said)| (transport, said.settled()));
        Connections {
            tls: tls.filter(|(_, tls)| !tls.is_default()).collect(),
            ssh: SshSettings {
                algorithms: self.algorithms.unwrap_or_default(),
                host_ca: self.host_ca.unwrap_or_default(),
                jump,
            },
            ports: self.ports,
        }
    }
}
