//! Between wire and domain: `TryFrom` in, which may refuse and names the field, `From` out.

pub mod breaker;
pub mod comparison;
pub mod host_key;
pub mod link;
pub mod outcome;
pub mod plan;
pub mod rollout;

use std::time::Duration;
use switchyard_shared::time::Timestamp;

/// A message from the other side that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("accept the field `{field}`: {why}")]
pub struct BadField {
    /// Path of the field within its message, such as `outcome.class`.
    pub field: String,
    /// What is wrong with it, in one line.
    pub why: String,
}

impl BadField {
    /// A refusal of `field`.
    pub fn new(field: impl Into<String>, why: impl ToString) -> Self {
        Self { field: field.into(), why: why.to_string() }
    }

    /// The same, seen from the message that holds it in its field `outer`.
    pub fn within(self, outer: &str) -> Self {
        Self { field: format!("{outer}.{}", self.field), why: self.why }
    }
}

/// The message in `field`, which must be there.
pub fn required<T>(value: Option<T>, field: &str) -> Result<T, BadField> {
    value.ok_or_else(|| BadField::new(field, "missing"))
}

/// An instant for the wire.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.0.rem_euclid(1_000_000);
    prost_types::Timestamp {
        seconds: at.0.div_euclid(1_000_000),
        nanos: i32::try_from(micros * 1_000).unwrap_or_default(),
    }
}

/// An instant from the wire, cut to microseconds.
pub fn to_timestamp(at: Option<prost_types::Timestamp>, field: &str) -> Result<Timestamp, BadField> {
    let at = required(at, field)?;
    if !(0..1_000_000_000).contains(&at.nanos) {
        return Err(BadField::new(field, "nanos outside 0 to 999999999"));
    }
    let micros = at.seconds.checked_mul(1_000_000).and_then(|s| s.checked_add(i64::from(at.nanos) / 1_000));
    micros.map(Timestamp).ok_or_else(|| BadField::new(field, "too far from 1970"))
}

/// A duration for the wire; at most what an `i64` of seconds holds.
pub fn duration(value: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(value.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(value.subsec_nanos()).unwrap_or_default(),
    }
}

/// A duration from the wire; never negative.
pub fn to_duration(value: Option<prost_types::Duration>, field: &str) -> Result<Duration, BadField> {
    let value = required(value, field)?;
    match (u64::try_from(value.seconds), u32::try_from(value.nanos)) {
        (Ok(seconds), Ok(nanos)) if nanos < 1_000_000_000 => Ok(Duration::new(seconds, nanos)),
        _ => Err(BadField::new(field, "negative or malformed duration")),
    }
}

/// Conversions in both directions for an enum whose values carry the same names on both sides.
macro_rules! same_names {
    ($wire:ty, $domain:ty, $field:literal, [$($name:ident),+ $(,)?]) => {
        impl From<$domain> for $wire {
            fn from(value: $domain) -> Self {
                match value { $(<$domain>::$name => <$wire>::$name),+ }
            }
        }

        impl TryFrom<$wire> for $domain {
            type Error = $crate::convert::BadField;
            fn try_from(value: $wire) -> Result<Self, Self::Error> {
                match value {
                    <$wire>::Unspecified => Err($crate::convert::BadField::new($field, "not set")),
                    $(<$wire>::$name => Ok(<$domain>::$name)),+
                }
            }
        }
    };
}
pub(crate) use same_names;

/// An enum field from the wire as the domain's enum.
pub fn to_enum<W, D>(value: i32, field: &str) -> Result<D, BadField>
where
    W: TryFrom<i32>,
    D: TryFrom<W, Error = BadField>,
{
    let wire = W::try_from(value).map_err(|_| BadField::new(field, format!("unknown value {value}")))?;
    D::try_from(wire).map_err(|error| BadField::new(field, error.why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_survives_the_wire() {
        for micros in [0, 1, -1, 1_763_769_600_123_456, -1_500_000] {
            let at = Timestamp(micros);
            assert_eq!(to_timestamp(Some(timestamp(at)), "at"), Ok(at));
        }
    }

    #[test]
    fn a_duration_survives_the_wire_and_is_never_negative() {
        let value = Duration::from_millis(12_345);
        assert_eq!(to_duration(Some(duration(value)), "lease"), Ok(value));
        let negative = prost_types::Duration { seconds: -1, nanos: 0 };
        assert_eq!(to_duration(Some(negative), "lease").unwrap_err().field, "lease");
        assert_eq!(to_duration(None, "lease").unwrap_err().why, "missing");
    }

    #[test]
    fn an_impossible_instant_is_refused_and_not_wrapped() {
        let far = prost_types::Timestamp { seconds: i64::MAX, nanos: 0 };
        assert_eq!(to_timestamp(Some(far), "at").unwrap_err().field, "at");
        let torn = prost_types::Timestamp { seconds: 1, nanos: -1 };
        assert!(to_timestamp(Some(torn), "at").is_err());
    }
}
