//! The labels that the pace watches: every key that splits the fleet, near-unique ones left out.

use super::{Group, Label};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One value of a watched key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// Key and value.
    pub label: Label,
    /// How many devices have it; at least 1.
    pub devices: u32,
}

/// Which device has which watched values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// How many keys are watched.
    pub keys: u32,
    /// The values, ordered by key and value; at most 65,535.
    pub values: Vec<Value>,
    /// Indexes into `values`, for each device by its rank, in order.
    pub of: Vec<Box<[u16]>>,
}

impl Watched {
    /// Watches the labels of `devices`, given in rank order. A key is left out when it has one value
    /// only, or more than max(20, devices / 20) of them: host names, serial numbers and addresses.
    pub fn new(devices: &[Vec<Label>]) -> Self {
        let mut by_key: BTreeMap<&str, BTreeMap<&str, u32>> = BTreeMap::new();
        for labels in devices {
            for label in labels.iter().collect::<BTreeSet<_>>() {
                *by_key.entry(&label.key).or_default().entry(&label.value).or_default() += 1;
            }
        }
        let most = (devices.len() / 20).max(20);
        let everywhere = |values: &BTreeMap<&str, u32>| {
            values.len() == 1 && values.values().all(|count| *count as usize == devices.len())
        };
        by_key.retain(|_, values| values.len() <= most && !everywhere(values));
        let mut index: BTreeMap<(&str, &str), u16> = BTreeMap::new();
        let mut values = Vec::new();
        let mut keys = 0;
        for (key, of_key) in &by_key {
            if values.len() + of_key.len() > usize::from(u16::MAX) {
                break;
            }
            keys += 1;
            for (value, count) in of_key {
                index.insert((key, value), u16::try_from(values.len()).unwrap_or(u16::MAX));
                let label = Label { key: (*key).to_owned(), value: (*value).to_owned() };
                values.push(Value { label, devices: *count });
            }
        }
        let of = devices
            .iter()
            .map(|labels| {
                let known =
                    labels.iter().filter_map(|label| index.get(&(label.key.as_str(), label.value.as_str())));
                known.copied().collect::<BTreeSet<u16>>().into_iter().collect()
            })
            .collect();
        Self { keys, values, of }
    }

    /// Whether any device has each label of the group.
    pub fn knows(&self, group: &Group) -> bool {
        group
            .as_str()
            .split('&')
            .all(|label| self.values.iter().any(|value| value.label.to_string() == label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(key: &str, value: impl ToString) -> Label {
        Label { key: key.into(), value: value.to_string() }
    }

    #[test]
    fn near_unique_keys_and_keys_with_one_value_are_not_watched() {
        let devices: Vec<Vec<Label>> =
            (0..100).map(|n| vec![label("serial", n), label("vendor", "x"), label("os", n % 2)]).collect();
        let watched = Watched::new(&devices);
        assert_eq!(watched.keys, 1);
        assert_eq!(
            watched.values.iter().map(|value| value.label.to_string()).collect::<Vec<_>>(),
            ["os=0", "os=1"]
        );
        assert_eq!((watched.of[0].as_ref(), watched.of[1].as_ref()), ([0].as_slice(), [1].as_slice()));
        assert_eq!(watched.values[0].devices, 50);
    }

    #[test]
    fn a_label_that_only_some_devices_have_is_watched() {
        let devices = vec![vec![label("group", "edge")], vec![], vec![label("group", "edge")]];
        assert_eq!(Watched::new(&devices).values[0].devices, 2);
    }
}
