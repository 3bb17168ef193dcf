//! What a reading of a file tells, and how the engine keeps it.

use crate::executor::device::Running;
use zeroize::Zeroizing;

/// What a device that has no such file has: no text holds it.
const ABSENT: &str = "\0";
/// Before what a device has whose last change was not carried to its end.
const UNFINISHED: &str = "\0!";

/// A file as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen<'a> {
    /// Its text; absent when there is no file.
    pub(super) text: Option<&'a str>,
    /// Whether its last change was carried to its end: checked, and told to its service.
    pub(super) is_finished: bool,
}

impl<'a> Seen<'a> {
    /// What `running` tells.
    pub(super) fn of(running: &'a Running) -> Self {
        let whole = running.0.as_str();
        let rest = whole.strip_prefix(UNFINISHED);
        let text = Some(rest.unwrap_or(whole)).filter(|text| *text != ABSENT);
        Self { text, is_finished: rest.is_none() }
    }

    /// It, as the engine keeps it.
    pub(super) fn running(&self) -> Running {
        let before = if self.is_finished { "" } else { UNFINISHED };
        Running(Zeroizing::new([before, self.text.unwrap_or(ABSENT)].concat()))
    }

    /// What `cksum` says of the file, `-` when there is none.
    pub(super) fn sum(&self) -> String {
        match self.text {
            Some(text) => format!("{} {}", cksum(text.as_bytes()), text.len()),
            None => "-".into(),
        }
    }
}

/// The checksum of POSIX's `cksum`: a CRC of the bytes and of their number, its least significant byte first.
fn cksum(bytes: &[u8]) -> u32 {
    let length = bytes.len().to_le_bytes();
    let significant = length.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let crc = bytes.iter().chain(&length[..significant]).fold(0u32, |crc, byte| {
        (0..8).fold(crc ^ (u32::from(*byte) << 24), |crc, _| {
            (crc << 1) ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    });
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_kept_with_whether_its_service_was_told() {
        for text in [Some("a\n"), Some(""), None] {
            for is_finished in [true, false] {
                let seen = Seen { text, is_finished };
                assert_eq!(Seen::of(&seen.running()), seen);
            }
        }
    }

    #[test]
    fn a_checksum_is_that_of_cksum() {
        let large = "0123456789abcdef".repeat(5000);
        for (text, sum) in [("", "4294967295 0"), ("123456789", "930766865 9"), (&large, "642467355 80000")] {
            assert_eq!(Seen { text: Some(text), is_finished: true }.sum(), sum);
        }
    }
}
