//! The frames that a journal keeps its records in, and what a bad one at its end may be.
//!
//! One frame holds everything that was synced together: `u32 length | u32 crc32c of length and payload |
//! u32 crc32c of these eight bytes | JSON`. Version 1 had no third field.

use serde::Serialize;
use std::cmp::Ordering;

/// Largest payload of a frame, in bytes.
pub const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A disk writes so many bytes or none of them.
const SECTOR: usize = 512;
/// Fewer zeros than these may be damage, however they lie.
const ZEROS_MIN: usize = 8;

/// How a file's frames begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Version 1: a changed length cannot be told from a long frame that was cut off.
    Bare,
    /// Version 2: the head has a checksum of its own, so its length can be believed.
    Checked,
}

/// What the end of a journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// A whole frame.
    Whole,
    /// So many bytes of a write that power cut off before it was synced: nobody relied on them.
    Torn(usize),
    /// So many bytes that may have been a synced frame and were changed: what they said is not known.
    Doubtful(usize),
}

/// A frame for `value`, as this version writes it.
pub fn frame<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let head = Format::Checked.head();
    let mut bytes = vec![0; head];
    serde_json::to_writer(&mut bytes, value)?;
    let length = u32::try_from(bytes.len() - head).unwrap_or(u32::MAX).to_le_bytes();
    bytes[..4].copy_from_slice(&length);
    let crc = checksum(length, &bytes[head..]).to_le_bytes();
    bytes[4..8].copy_from_slice(&crc);
    let of_head = crc32c::crc32c(&bytes[..8]).to_le_bytes();
    bytes[8..head].copy_from_slice(&of_head);
    Ok(bytes)
}

impl Format {
    /// Bytes before the payload.
    const fn head(self) -> usize {
        match self {
            Self::Bare => 8,
            Self::Checked => 12,
        }
    }

    /// Bytes of the largest frame.
    pub const fn largest(self) -> usize {
        self.head() + FRAME_BYTES_MAX
    }

    /// Bytes that a frame with this payload takes.
    pub fn framed_len(self, payload: &[u8]) -> usize {
        self.head() + payload.len()
    }

    /// The payload of the whole frame at the start of `bytes`, if there is one.
    pub fn payload(self, bytes: &[u8]) -> Option<&[u8]> {
        let end = self.stated_end(bytes)?;
        let payload = bytes.get(self.head()..end)?;
        (checksum(word(bytes, 0)?, payload) == u32::from_le_bytes(word(bytes, 4)?)).then_some(payload)
    }

    /// Where a whole frame begins after a bad one at the start of `bytes`: what follows was written later,
    /// so the bad one is damage and not a torn write.
    pub fn next_frame(self, bytes: &[u8]) -> Option<usize> {
        (1..bytes.len()).find(|at| self.payload(&bytes[*at..]).is_some())
    }

    /// What `rest` is, which begins at byte `at` of its file and holds no whole frame.
    pub fn tail(self, rest: &[u8], at: usize) -> Tail {
        let torn = match self.stated_end(rest) {
            None => rest.len() < self.head() || zeros_from(rest, at).is_some_and(|zeros| zeros < self.head()),
            Some(end) => match (rest.len().cmp(&end), self) {
                (Ordering::Less, Self::Checked) => true,
                (Ordering::Less, Self::Bare) | (Ordering::Greater, _) => false,
                (Ordering::Equal, _) => zeros_from(rest, at).is_some(),
            },
        };
        match (rest.is_empty(), torn) {
            (true, _) => Tail::Whole,
            (false, true) => Tail::Torn(rest.len()),
            (false, false) => Tail::Doubtful(rest.len()),
        }
    }

    /// Where the frame at the start of `bytes` says that it ends, if its head can be right.
    fn stated_end(self, bytes: &[u8]) -> Option<usize> {
        let head = bytes.get(..self.head())?;
        let size = usize::try_from(u32::from_le_bytes(word(head, 0)?)).ok()?;
        let believed = match self {
            Self::Bare => true,
            Self::Checked => crc32c::crc32c(&head[..8]) == u32::from_le_bytes(word(head, 8)?),
        };
        (believed && (2..=FRAME_BYTES_MAX).contains(&size)).then_some(self.head() + size)
    }
}

/// Where zeros begin that reach to the end of `rest`, as sectors leave them that were never written. No
/// payload ends in a zero.
fn zeros_from(rest: &[u8], at: usize) -> Option<usize> {
    let zeros = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let from = if zeros == 0 { 0 } else { (at + zeros).next_multiple_of(SECTOR) - at };
    (from + ZEROS_MIN <= rest.len()).then_some(from)
}

/// The checksum covers the length too, so that a damaged length is noticed and not followed.
fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), payload)
}

fn word(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..at + 4)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format::Checked;

    fn sample() -> Vec<u8> {
        frame(&["x".repeat(2000)]).unwrap()
    }

    #[test]
    fn every_flipped_bit_of_a_last_frame_is_noticed_and_never_taken_for_a_torn_write() {
        let good = sample();
        assert_eq!(FORMAT.payload(&good).map(<[u8]>::len), Some(2004));
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                assert_eq!(FORMAT.payload(&bad), None, "byte {at} bit {bit}");
                let tail = FORMAT.tail(&bad, 77);
                assert_eq!(tail, Tail::Doubtful(good.len()), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn a_frame_that_ends_early_or_in_sectors_that_were_never_written_is_torn() {
        let good = sample();
        for length in 1..good.len() {
            assert_eq!(FORMAT.tail(&good[..length], 77), Tail::Torn(length));
        }
        for at in [0, 5, 77, 500, 511] {
            let boundaries = (0..good.len()).filter(|place| (at + place) % SECTOR == 0 || *place == 0);
            for from in boundaries.filter(|from| from + ZEROS_MIN <= good.len()) {
                let mut torn = good.clone();
                torn[from..].fill(0);
                assert_eq!(FORMAT.tail(&torn, at), Tail::Torn(good.len()), "at {at}, zeros from {from}");
            }
        }
        assert_eq!(FORMAT.tail(&[], 5), Tail::Whole);
    }

    #[test]
    fn zeros_that_no_unfinished_write_leaves_are_a_doubt() {
        let good = sample();
        let with = |zeros: std::ops::Range<usize>, more: &[u8]| {
            let mut bad = good.clone();
            bad[zeros].fill(0);
            bad.extend(more);
            FORMAT.tail(&bad, 0)
        };
        let is_doubt = |tail| matches!(tail, Tail::Doubtful(_));
        assert!(is_doubt(with(good.len() - 1..good.len(), b"")), "one byte that became zero");
        assert!(is_doubt(with(512..1024, b"")), "a sector within");
        assert!(is_doubt(with(1024..good.len(), b"x")), "something was written after it");
        assert!(is_doubt(with(0..4, &[0; 600])), "a head that is lost before what was there");
    }

    #[test]
    fn a_frame_of_the_first_version_is_read_and_its_length_not_believed() {
        let payload = b"[1,2,3]";
        let length = 7_u32.to_le_bytes();
        let mut bytes = length.to_vec();
        bytes.extend(checksum(length, payload).to_le_bytes());
        bytes.extend(payload);
        assert_eq!(Format::Bare.payload(&bytes), Some(&payload[..]));
        assert_eq!(Format::Bare.tail(&bytes[..14], 0), Tail::Doubtful(14));
        assert_eq!(Format::Bare.tail(&bytes[..7], 0), Tail::Torn(7));
        assert_eq!(Format::Checked.payload(&bytes), None);
    }

    #[test]
    fn a_frame_behind_a_bad_one_is_found() {
        let mut bytes = vec![b'x'; 13];
        bytes.extend(sample());
        assert_eq!(FORMAT.next_frame(&bytes), Some(13));
        assert_eq!(FORMAT.next_frame(&[0; 4096]), None);
    }
}
