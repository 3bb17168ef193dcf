//! How TLS with a device is made, wire and domain.

use crate::agent_v1;
use crate::convert::BadField;
use switchyard_shared::secret_ref::SecretRef;
use switchyard_shared::tls::{Protection, TlsSettings};

impl From<&TlsSettings> for agent_v1::TlsSettings {
    fn from(settings: &TlsSettings) -> Self {
        Self {
            protection: agent_v1::Protection::from(settings.protection).into(),
            ca_ref: settings.ca_ref.clone().unwrap_or_default(),
            server_name: settings.server_name.clone().unwrap_or_default(),
        }
    }
}

/// On the wire empty is not said.
impl TryFrom<agent_v1::TlsSettings> for TlsSettings {
    type Error = BadField;
    fn try_from(wire: agent_v1::TlsSettings) -> Result<Self, BadField> {
        let said = |text: String| Some(text).filter(|text| !text.is_empty());
        if !wire.ca_ref.is_empty() && SecretRef::parse(&wire.ca_ref).is_err() {
            return Err(BadField::new("ca_ref", "does not refer to a value"));
        }
        Ok(Self {
            protection: protection(wire.protection)?,
            ca_ref: said(wire.ca_ref),
            server_name: said(wire.server_name),
        })
    }
}

impl From<Protection> for agent_v1::Protection {
    fn from(protection: Protection) -> Self {
        match protection {
            Protection::Verified => Self::Verified,
            Protection::ClearOnLoopback => Self::ClearOnLoopback,
            Protection::Clear => Self::Clear,
        }
    }
}

fn protection(wire: i32) -> Result<Protection, BadField> {
    match agent_v1::Protection::try_from(wire) {
        Ok(agent_v1::Protection::Unspecified | agent_v1::Protection::Verified) => Ok(Protection::Verified),
        Ok(agent_v1::Protection::ClearOnLoopback) => Ok(Protection::ClearOnLoopback),
        Ok(agent_v1::Protection::Clear) => Ok(Protection::Clear),
        Err(_) => Err(BadField::new("protection", "unknown")),
    }
}
