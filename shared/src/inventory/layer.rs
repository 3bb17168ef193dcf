//! The keys that defaults, groups and devices share, and how one lies over another.

use super::{HOST_KEYS_MAX, connection, value};
use crate::procedure::Transport;
use crate::yaml::{Position, Section};
use serde_json::Value;
use std::collections::BTreeMap;

/// Most labels or data keys at one place.
const KEYS_MAX: usize = 256;

/// What one place says; what it does not say shines through from below.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    pub(super) port: Option<u16>,
    pub(super) site: Option<(String, Position)>,
    pub(super) platform: Option<String>,
    pub(super) transport: Option<Transport>,
    pub(super) role: Option<String>,
    pub(super) status: Option<String>,
    pub(super) username: Option<String>,
    pub(super) credential_ref: Option<String>,
    pub(super) host_keys: Option<Vec<String>>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) data: BTreeMap<String, Value>,
    pub(super) connections: connection::Said,
}

impl Layer {
    pub(super) fn take(section: &mut Section<'_>) -> Self {
        section.refuse(
            "password",
            "a password does not belong in an inventory",
            "put it behind credential_ref",
        );
        let data = section.take("data").map(|field| value::data(&field, KEYS_MAX)).unwrap_or_default();
        let role = section.take("role").and_then(|field| {
            let role = value::word(&field)?;
            if data.get("role").is_some_and(|other| *other != Value::String(role.clone())) {
                field.problem("differs from data.role at the same place", "keep one of the two");
            }
            Some(role)
        });
        let data_role = data.get("role").and_then(|role| role.as_str()).map(str::to_owned);
        let site =
            section.take("site").and_then(|field| field.text().map(|text| (text.to_owned(), field.at)));
        Self {
            port: section.take("port").and_then(|field| value::port(&field)),
            connections: section
                .take("connection_options")
                .and_then(|field| connection::Said::read(&field))
                .unwrap_or_default(),
            site,
            platform: section.take("platform").and_then(|field| value::word(&field)),
            transport: section.take("transport").and_then(|field| Transport::read(&field)),
            role: role.or(data_role),
            status: section.take("status").and_then(|field| value::status(&field)),
            username: section.take("username").map(|field| value::username(&field).unwrap_or_default()),
            credential_ref: section
                .take("credential_ref")
                .map(|field| value::credential_ref(&field).unwrap_or_default()),
            host_keys: section.take("host_keys").and_then(|field| {
                let items = field.list(HOST_KEYS_MAX)?;
                Some(items.iter().filter_map(value::host_key).collect())
            }),
            labels: section.take("labels").map(|field| value::labels(&field, KEYS_MAX)).unwrap_or_default(),
            data,
        }
    }

    /// Lays `above` over this: its values win, labels and data key by key.
    pub(super) fn lay_over(&mut self, above: Self) {
        let Self {
            port,
            site,
            platform,
            transport,
            role,
            status,
            username,
            credential_ref,
            host_keys,
            labels,
            data,
            connections,
        } = above;
        self.port = port.or(self.port);
        self.site = site.or(self.site.take());
        self.platform = platform.or(self.platform.take());
        self.transport = transport.or(self.transport);
        self.role = role.or(self.role.take());
        self.status = status.or(self.status.take());
        self.username = username.or(self.username.take());
        self.credential_ref = credential_ref.or(self.credential_ref.take());
        self.host_keys = host_keys.or(self.host_keys.take());
        self.labels.extend(labels);
        self.data.extend(data);
        self.connections.lay_over(connections);
    }
}
