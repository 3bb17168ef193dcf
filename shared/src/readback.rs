//! What a device says it has, compared with what it should have and with what it had before.

use crate::configuration::unified;
use crate::outcome::{Found, printable};

/// Most bytes that a device's answer to a read command may have.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// What counts of an answer. Devices add carriage returns, trailing blanks and empty lines around what they were given:
/// those do not count. It may hold secrets, so that a digest of it is made under a key of the site.
pub fn said(text: &[u8]) -> Vec<u8> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let lines: Vec<&[u8]> = lines.skip_while(|line| line.is_empty()).collect();
    let end = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    lines[..end].join(&b'\n')
}

/// Whether an answer says that the device has `intended`.
pub fn says_the_same(answer: &[u8], intended: &[u8]) -> bool {
    said(answer) == said(intended)
}

/// How `answer` differs from `intended`, as people read it; empty when they say the same. What could drive a terminal is
/// escaped; secrets are still in it.
pub fn difference(answer: &[u8], intended: &[u8]) -> String {
    let text = |bytes: &[u8]| match said(bytes) {
        said if said.is_empty() => String::new(),
        said => printable(&said, usize::MAX) + "\n",
    };
    unified(&text(answer), &text(intended))
}

/// What `answer` means for a write of `intended` to a device of which is known whether it is `as_before` the write.
pub fn found(answer: &[u8], intended: &[u8], as_before: bool) -> Found {
    if says_the_same(answer, intended) {
        Found::Applied
    } else if as_before {
        Found::NotApplied
    } else {
        Found::Different
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_devices_add_around_a_configuration_does_not_count() {
        let given = b"ntp server 192.0.2.1\n  key 7\n";
        assert!(says_the_same(b"\r\nntp server 192.0.2.1  \r\n  key 7\r\n\r\n", given));
        assert!(!says_the_same(b"ntp server 192.0.2.1\nkey 7\n", given), "indentation counts");
        assert!(!says_the_same(b"ntp server 192.0.2.1\n\n  key 7\n", given), "what stands between counts");
        assert_eq!(said(b""), said(b"\r\n \n"));
    }

    #[test]
    fn a_device_that_is_neither_as_it_was_nor_as_it_should_be_is_different() {
        assert_eq!(found(b"new", b"new\n", false), Found::Applied);
        assert_eq!(found(b"old", b"new\n", true), Found::NotApplied);
        assert_eq!(found(b"half", b"new\n", false), Found::Different);
    }

    #[test]
    fn a_difference_shows_what_counts_and_nothing_else() {
        assert_eq!(difference(b"\r\nsame  \r\n", b"same\n"), "");
        let shown = difference(b"a\r\nold \x1b[2J\r\n", b"a\nnew\n");
        assert!(shown.ends_with(" a\n-old \\u{1b}[2J\n+new\n"), "{shown}");
        assert!(difference(b"", b"new\n").ends_with("+new\n"));
        assert_ne!(difference(b"a\xff", b"a\xfe"), "", "bytes that are no text differ, too");
    }

    #[test]
    fn a_device_that_had_it_already_has_it() {
        assert_eq!(found(b"same", b"same", true), Found::Applied);
    }
}
