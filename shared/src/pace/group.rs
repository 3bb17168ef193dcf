//! Groups of devices that can be held alone: those with one label value, or with two at once.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest text of a group, in bytes.
pub const GROUP_BYTES_MAX: usize = 512;

/// One value of one watched key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Label {
    /// The key, such as `platform`.
    pub key: String,
    /// The value, such as `ios`.
    pub value: String,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// Devices with all of one or two labels, as text: `platform=ios` or `platform=ios&role=edge`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Group(String);

/// Text that names no group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("name a group {0:?}: write KEY=VALUE, or KEY=VALUE&KEY=VALUE for devices with both")]
pub struct InvalidGroup(pub String);

impl Group {
    /// Reads the text of a group: one or two of `KEY=VALUE`, without control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidGroup> {
        let good = text.len() <= GROUP_BYTES_MAX
            && !text.chars().any(char::is_control)
            && text.split('&').all(|part| {
                part.split_once('=').is_some_and(|(key, value)| !key.is_empty() && !value.is_empty())
            })
            && text.split('&').count() <= 2;
        if good { Ok(Self(text.to_owned())) } else { Err(InvalidGroup(text.chars().take(80).collect())) }
    }

    /// The group of devices with `label`.
    pub fn of(label: &Label) -> Self {
        Self(label.to_string())
    }

    /// The group of devices with both.
    pub fn of_pair(one: &Label, other: &Label) -> Self {
        Self(format!("{one}&{other}"))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Group {
    type Error = InvalidGroup;
    fn try_from(text: String) -> Result<Self, InvalidGroup> {
        Self::parse(&text)
    }
}

impl From<Group> for String {
    fn from(group: Group) -> String {
        group.0
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What speaks against a group, or against the whole change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Devices of the group that failed.
    pub failed: u32,
    /// Devices of the group with a result.
    pub seen: u32,
    /// Other devices that failed.
    pub others_failed: u32,
    /// Other devices with a result.
    pub others_seen: u32,
}

impl Evidence {
    /// In one line: `3 of 3 with os=17.9 failed, 412 of 412 others ok`; without a group, of all.
    pub fn text(&self, group: Option<&Group>) -> String {
        let Self { failed, seen, others_failed, others_seen } = self;
        match group {
            Some(group) => {
                let others_ok = others_seen.saturating_sub(*others_failed);
                format!("{failed} of {seen} with {group} failed, {others_ok} of {others_seen} others ok")
            }
            None => format!("{failed} of {seen} failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_one_or_two_labels() {
        for good in ["os=17.9", "platform=ios&role=edge", "a==b"] {
            assert_eq!(Group::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", "os", "=x", "os=", "a=1&b=2&c=3", "a=1&", "a=\u{1b}"] {
            assert!(Group::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn evidence_reads_as_one_line() {
        let evidence = Evidence { failed: 3, seen: 3, others_failed: 0, others_seen: 412 };
        let group = Group::parse("os=17.9").unwrap();
        assert_eq!(evidence.text(Some(&group)), "3 of 3 with os=17.9 failed, 412 of 412 others ok");
    }
}
