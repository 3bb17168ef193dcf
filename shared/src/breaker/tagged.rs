//! A device's name beside a digest of it, so that two that differ are told apart without reading them.

use crate::id::DeviceName;
use serde::{Deserialize, Serialize};

/// Equal when the names are: the digest only makes it quick to see that they are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "DeviceName", into = "DeviceName")]
pub(super) struct Tagged {
    tag: u64,
    pub name: DeviceName,
}

impl From<DeviceName> for Tagged {
    fn from(name: DeviceName) -> Self {
        Self { tag: tag(name.as_str().as_bytes()), name }
    }
}

impl From<Tagged> for DeviceName {
    fn from(tagged: Tagged) -> Self {
        tagged.name
    }
}

impl PartialEq<DeviceName> for Tagged {
    fn eq(&self, name: &DeviceName) -> bool {
        self.name == *name
    }
}

/// Mixes eight bytes at a time; the last eight once more, where they do not end on a multiple of eight.
fn tag(name: &[u8]) -> u64 {
    let Some(last) = name.last_chunk::<8>() else {
        return name.iter().fold(0, |tag, byte| tag << 8 | u64::from(*byte));
    };
    let (words, _) = name.as_chunks::<8>();
    words.iter().chain([last]).fold(0, |tag: u64, word| {
        (tag.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(0x517c_c1b7_2722_0a95)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn tagged(name: &str) -> Tagged {
        Tagged::from(DeviceName::new(name).unwrap())
    }

    #[test]
    fn names_of_any_length_are_told_apart_by_their_digest() {
        let names = (0..1000).flat_map(|n| {
            [format!("r{n}"), format!("edge-{n:04}"), format!("lon-edge-{n:04}.access.example.net")]
        });
        let tags: BTreeSet<u64> = names.map(|name| tagged(&name).tag).collect();
        assert_eq!(tags.len(), 3000);
    }

    #[test]
    fn equal_digests_do_not_make_two_names_one() {
        let (one, other) = (tagged("edge-0001"), tagged("edge-0002"));
        assert_ne!(one, Tagged { tag: one.tag, ..other });
        assert_eq!(one, tagged("edge-0001"));
    }
}
