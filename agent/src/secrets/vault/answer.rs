//! What a Vault's answers say, with values that are wiped when they are dropped.

use super::VaultError;
use crate::secrets::Secret;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use switchyard_shared::outcome::printable;
use switchyard_shared::secret_ref::VaultRef;

/// Longest quotation of the Vault's own words, in bytes.
const QUOTED_BYTES_MAX: usize = 200;
/// Most names of keys that a message lists.
const LISTED_MAX: usize = 8;

/// The values that stand at one place.
#[derive(Debug, Default)]
pub struct Values(BTreeMap<String, Option<Secret>>);

impl Values {
    /// The value under `key`, if it is text or a number.
    pub fn get(&self, key: &str) -> Option<&Secret> {
        self.0.get(key).and_then(Option::as_ref)
    }

    /// That `key` is not there.
    pub fn has_no(&self, key: &str, place: &VaultRef) -> VaultError {
        let mut has = self.0.keys().take(LISTED_MAX).cloned().collect::<Vec<_>>().join(", ");
        if self.0.is_empty() {
            has = "none".into();
        } else if self.0.len() > LISTED_MAX {
            has.push_str(&format!(" and {} more", self.0.len() - LISTED_MAX));
        }
        VaultError::NoKey { place: Box::new(place.clone()), key: key.to_owned(), has }
    }
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: Option<T>,
}

#[derive(Deserialize)]
struct Version {
    data: Option<BTreeMap<String, Value>>,
    metadata: Option<IgnoredAny>,
}

/// Text or a number as text; nothing else is a secret.
struct Value(Option<Secret>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value(Some(Secret::new(text.to_owned()))))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value(Some(Secret::new(text))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value(Some(Secret::new(number.to_string()))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value(Some(Secret::new(number.to_string()))))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value(None))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value(None))
    }
}

/// The values in the answer to a reading of `place`.
pub(super) fn values(body: &[u8], place: &VaultRef) -> Result<Values, VaultError> {
    let answer = serde_json::from_slice::<Envelope<Version>>(body).ok().and_then(|answer| answer.data);
    let values = answer.and_then(|version| version.metadata.and(version.data));
    let values = values.ok_or_else(|| VaultError::Answer(place.clone()))?;
    Ok(Values(values.into_iter().map(|(key, value)| (key, value.0)).collect()))
}

/// Why nothing is at `place`: a version that was deleted still has metadata.
pub(super) fn not_there(body: &[u8], place: &VaultRef) -> VaultError {
    let answer = serde_json::from_slice::<Envelope<Version>>(body).ok().and_then(|answer| answer.data);
    match answer.and_then(|version| version.metadata) {
        Some(_) => VaultError::Deleted(place.clone()),
        None => VaultError::NoPath(place.clone()),
    }
}

/// What the Vault complains about.
pub(super) fn errors(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Complaint {
        errors: Vec<String>,
    }
    match serde_json::from_slice::<Complaint>(body) {
        Ok(Complaint { errors }) if !errors.is_empty() => {
            printable(errors.join("; ").as_bytes(), QUOTED_BYTES_MAX)
        }
        Ok(_) | Err(_) => "it does not say why".into(),
    }
}

/// What a token is told about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Lease {
    /// How long it still lives, in seconds; 0 for ever.
    #[serde(alias = "lease_duration")]
    pub(super) ttl: u64,
    /// Whether it can be renewed.
    #[serde(default)]
    pub(super) renewable: bool,
}

/// The answer to `lookup-self`.
pub(super) fn lease(body: &[u8]) -> Option<Lease> {
    serde_json::from_slice::<Envelope<Lease>>(body).ok()?.data
}

/// The answer to `renew-self`.
pub(super) fn renewed(body: &[u8]) -> Option<Lease> {
    #[derive(Deserialize)]
    struct Renewed {
        auth: Option<Lease>,
    }
    serde_json::from_slice::<Renewed>(body).ok()?.auth
}
