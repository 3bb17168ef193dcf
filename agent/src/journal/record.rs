//! What the journal keeps, and the frames it keeps it in: `u32 length | u32 crc32c | JSON`.
//!
//! One frame holds everything that was synced together, so a torn write is one bad frame at the end.

use serde::{Deserialize, Serialize};
use switchyard_shared::id::OpId;
use switchyard_shared::outcome::Outcome;
use switchyard_shared::time::Timestamp;

/// Largest payload of a frame, in bytes.
pub const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;
const FRAME_HEAD: usize = 8;

/// One thing that must survive this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// The next byte to the device may change it.
    Intent {
        /// Which attempt.
        op: OpId,
        /// When.
        at: Timestamp,
        /// What the device said before, as a digest, when it was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<String>,
    },
    /// How an attempt ended.
    Result {
        /// Rises by one with every result.
        sequence: u64,
        /// Which attempt.
        op: OpId,
        /// How it ended.
        outcome: Outcome,
    },
    /// The coordinator keeps all results up to this one.
    Acked {
        /// The last of them.
        sequence: u64,
    },
    /// What this journal is called; another journal has another name.
    Identity {
        /// Its name.
        id: String,
    },
    /// A coordinator of this epoch has been seen; an older one is stale.
    Epoch {
        /// The highest epoch seen.
        coordinator_epoch: u64,
        /// The highest epoch of the site.
        #[serde(default)]
        site_epoch: u64,
    },
}

/// A frame for `value`.
pub fn frame<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = vec![0; FRAME_HEAD];
    serde_json::to_writer(&mut bytes, value)?;
    let length = u32::try_from(bytes.len() - FRAME_HEAD).unwrap_or(u32::MAX).to_le_bytes();
    bytes[..4].copy_from_slice(&length);
    let crc = checksum(length, &bytes[FRAME_HEAD..]);
    bytes[4..FRAME_HEAD].copy_from_slice(&crc.to_le_bytes());
    Ok(bytes)
}

/// The payload of the whole frame at the start of `bytes`, if there is one.
pub fn payload(bytes: &[u8]) -> Option<&[u8]> {
    let length: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    let crc: [u8; 4] = bytes.get(4..FRAME_HEAD)?.try_into().ok()?;
    let size = usize::try_from(u32::from_le_bytes(length)).ok()?;
    if !(2..=FRAME_BYTES_MAX).contains(&size) {
        return None;
    }
    let payload = bytes.get(FRAME_HEAD..FRAME_HEAD + size)?;
    (checksum(length, payload) == u32::from_le_bytes(crc)).then_some(payload)
}

/// Bytes that a frame with this payload takes.
pub fn framed_len(payload: &[u8]) -> usize {
    FRAME_HEAD + payload.len()
}

/// Where a whole frame begins after a bad one at the start of `bytes`: what follows was written later,
/// so the bad one is damage and not a torn write.
pub fn next_frame(bytes: &[u8]) -> Option<usize> {
    (1..bytes.len()).find(|at| payload(&bytes[*at..]).is_some())
}

/// The checksum covers the length too, so that a damaged length is noticed and not followed.
fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_byte_of_a_frame_is_noticed() {
        let entry = [Entry::Acked { sequence: 7 }];
        let good = frame(&entry).unwrap();
        assert_eq!(serde_json::from_slice::<[Entry; 1]>(payload(&good).unwrap()).unwrap(), entry);
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                assert_eq!(payload(&bad), None, "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn a_frame_behind_a_bad_one_is_found() {
        let mut bytes = vec![b'x'; 13];
        bytes.extend(frame(&[Entry::Acked { sequence: 7 }]).unwrap());
        assert_eq!(next_frame(&bytes), Some(13));
        assert_eq!(next_frame(&[0; 4096]), None);
    }
}
