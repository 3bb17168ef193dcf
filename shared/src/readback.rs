//! What a device says it has, compared with what it should have and with what it had before.

use crate::configuration::unified;
use crate::digest::of_bytes;
use crate::outcome::{Found, printable};

/// Most bytes that a device's answer to a read command may have.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The digest by which answers are compared. Devices add carriage returns, trailing blanks and empty lines
/// around what they were given: those do not count.
pub fn digest(text: &[u8]) -> String {
    of_bytes(&said(text))
}

/// What counts of an answer.
fn said(text: &[u8]) -> Vec<u8> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let lines: Vec<&[u8]> = lines.skip_while(|line| line.is_empty()).collect();
    let end = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    lines[..end].join(&b'\n')
}

/// How `answer` differs from `intended`, as people read it; empty when their [`digest`]s are the same. What could
/// drive a terminal is escaped.
pub fn difference(answer: &[u8], intended: &[u8]) -> String {
    let text = |bytes: &[u8]| match said(bytes) {
        said if said.is_empty() => String::new(),
        said => printable(&said, usize::MAX) + "\n",
    };
    unified(&text(answer), &text(intended))
}

/// What `answer` means for a write of `intended` to a device that had `before`, both as [`digest`] gives them.
pub fn found(answer: &[u8], intended: &str, before: Option<&str>) -> Found {
    let has = digest(answer);
    if has == intended {
        Found::Applied
    } else if Some(has.as_str()) == before {
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
        let given = digest(b"ntp server 192.0.2.1\n  key 7\n");
        assert_eq!(digest(b"\r\nntp server 192.0.2.1  \r\n  key 7\r\n\r\n"), given);
        assert_ne!(digest(b"ntp server 192.0.2.1\nkey 7\n"), given, "indentation counts");
        assert_ne!(digest(b"ntp server 192.0.2.1\n\n  key 7\n"), given, "what stands between counts");
        assert_eq!(digest(b""), digest(b"\r\n \n"));
    }

    #[test]
    fn a_device_that_is_neither_as_it_was_nor_as_it_should_be_is_different() {
        let (intended, before) = (digest(b"new\n"), digest(b"old\n"));
        assert_eq!(found(b"new", &intended, Some(&before)), Found::Applied);
        assert_eq!(found(b"old", &intended, Some(&before)), Found::NotApplied);
        assert_eq!(found(b"half", &intended, Some(&before)), Found::Different);
        assert_eq!(found(b"old", &intended, None), Found::Different, "nobody knows what it had");
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
        let intended = digest(b"same");
        assert_eq!(found(b"same", &intended, Some(&intended)), Found::Applied);
    }
}
