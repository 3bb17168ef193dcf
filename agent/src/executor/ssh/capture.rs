//! Keeps the head of a device's output and counts the rest.

use switchyard_shared::outcome::{OUTPUT_BYTES_MAX, printable};

/// Output so far; never more than [`OUTPUT_BYTES_MAX`] bytes of it are held, plus one that shows the cut.
#[derive(Debug, Default)]
pub(super) struct Capture {
    head: Vec<u8>,
    total: u64,
}

impl Capture {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let room = (OUTPUT_BYTES_MAX + 1).saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.total = self.total.saturating_add(bytes.len() as u64);
    }

    /// Bytes that the device sent in all.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The head, escaped and bounded.
    pub(super) fn text(&self) -> String {
        printable(&self.head, OUTPUT_BYTES_MAX)
    }

    /// The first line that says anything, unescaped.
    pub(super) fn first_line(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.head);
        text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_head_is_held_and_everything_is_counted() {
        let mut capture = Capture::default();
        for _ in 0..1000 {
            capture.add(&[0x1b; 32 * 1024]);
        }
        assert_eq!(capture.total(), 32_768_000);
        assert_eq!(capture.head.len(), OUTPUT_BYTES_MAX + 1);
        assert!(capture.text().len() <= OUTPUT_BYTES_MAX);
        assert!(capture.text().ends_with('…'));
    }

    #[test]
    fn output_that_fits_is_kept_whole() {
        let mut capture = Capture::default();
        capture.add(b"\n  \nline 2\nli");
        capture.add(b"ne 3");
        assert_eq!(capture.text(), "\n  \nline 2\nline 3");
        assert_eq!(capture.first_line().as_deref(), Some("line 2"));
    }
}
