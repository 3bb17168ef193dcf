//! What a terminal would show of a device's output: escapes, returns and backspaces done, every line as it ends up.

/// Most bytes of one answer, before escapes and pagers are taken out.
pub(super) const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Most lines of one answer.
pub(super) const ANSWER_LINES_MAX: usize = 1_000_000;
/// Longest escape sequence; a longer one is cut short.
const ESCAPE_BYTES_MAX: usize = 256;
/// Room that is kept from one answer to the next, in bytes.
const ROOM_KEPT: usize = 4 * 1024;

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;

/// A terminal without a screen: whole lines, and the one that is being written.
#[derive(Debug, Default)]
pub(super) struct Screen {
    text: Vec<u8>,
    line: Vec<u8>,
    /// Where the next byte goes in `line`; never beyond its end.
    cursor: usize,
    escape: Escape,
    bytes: usize,
    lines: usize,
}

#[derive(Debug, Default)]
enum Escape {
    #[default]
    None,
    /// After ESC.
    Begun,
    /// After `ESC (` and the like: one byte more.
    Charset,
    /// After `ESC [`.
    Control { number: usize, bytes: usize },
    /// After `ESC ]`, `ESC P` and the like: up to BEL or `ESC \`.
    Text { bytes: usize, ending: bool },
}

/// More than [`ANSWER_BYTES_MAX`] or [`ANSWER_LINES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMuch;

impl Screen {
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), TooMuch> {
        for byte in bytes {
            self.bytes += 1;
            if self.bytes > ANSWER_BYTES_MAX || self.lines > ANSWER_LINES_MAX {
                return Err(TooMuch);
            }
            self.take(*byte);
        }
        Ok(())
    }

    /// The line that is being written, when it is at most `bytes_max` long; bytes that are not UTF-8 are replaced.
    pub(super) fn unfinished(&self, bytes_max: usize) -> Option<std::borrow::Cow<'_, str>> {
        (self.line.len() <= bytes_max).then(|| String::from_utf8_lossy(&self.line))
    }

    /// The lines that are over.
    pub(super) fn finished(&self) -> &[u8] {
        &self.text
    }

    /// Whether a line has ended.
    pub(super) fn has_lines(&self) -> bool {
        self.lines > 0
    }

    /// Forgets the unfinished line: it was a question that has been answered.
    pub(super) fn drop_unfinished(&mut self) {
        self.line.clear();
        self.cursor = 0;
    }

    /// Takes the finished lines and forgets the unfinished one; bytes that are not UTF-8 are replaced.
    pub(super) fn clear(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.text).into_owned();
        self.text.clear();
        self.text.shrink_to(ROOM_KEPT);
        self.line.shrink_to(ROOM_KEPT);
        self.drop_unfinished();
        (self.bytes, self.lines) = (0, 0);
        text
    }

    fn take(&mut self, byte: u8) {
        match &mut self.escape {
            Escape::None => self.plain(byte),
            Escape::Begun => {
                self.escape = match byte {
                    b'[' => Escape::Control { number: 0, bytes: 0 },
                    b']' | b'P' | b'X' | b'^' | b'_' => Escape::Text { bytes: 0, ending: false },
                    b'(' | b')' | b'*' | b'+' | b'#' | b'%' => Escape::Charset,
                    ESCAPE => Escape::Begun,
                    _ => Escape::None,
                };
            }
            Escape::Charset => self.escape = Escape::None,
            Escape::Control { number, bytes } => {
                *bytes += 1;
                if byte.is_ascii_digit() {
                    *number = number.saturating_mul(10).saturating_add(usize::from(byte - b'0'));
                }
                let (number, is_over) =
                    (*number, (b'@'..=b'~').contains(&byte) || *bytes >= ESCAPE_BYTES_MAX);
                if is_over {
                    self.escape = Escape::None;
                    self.control(byte, number);
                }
            }
            Escape::Text { bytes, ending } => {
                *bytes += 1;
                let is_over = byte == BELL || (*ending && byte == b'\\') || *bytes >= ESCAPE_BYTES_MAX;
                *ending = byte == ESCAPE;
                if is_over {
                    self.escape = Escape::None;
                }
            }
        }
    }

    /// The few sequences that pagers and line editors write over text with.
    fn control(&mut self, last: u8, number: usize) {
        match (last, number) {
            (b'K', 0) => self.line.truncate(self.cursor),
            (b'K', _) => self.drop_unfinished(),
            (b'D', _) => self.cursor = self.cursor.saturating_sub(number.max(1)),
            (b'C', _) => self.cursor = self.cursor.saturating_add(number.max(1)).min(self.line.len()),
            (b'G', _) => self.cursor = number.saturating_sub(1).min(self.line.len()),
            _ => {}
        }
    }

    fn plain(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                self.text.append(&mut self.line);
                self.text.push(b'\n');
                self.cursor = 0;
                self.lines += 1;
            }
            b'\r' => self.cursor = 0,
            0x08 => self.cursor = self.cursor.saturating_sub(1),
            ESCAPE => self.escape = Escape::Begun,
            b'\t' | b' '..=0x7e | 0x80.. => {
                match self.line.get_mut(self.cursor) {
                    Some(place) => *place = byte,
                    None => self.line.push(byte),
                }
                self.cursor += 1;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(bytes: &[u8]) -> String {
        let mut screen = Screen::default();
        screen.push(bytes).unwrap();
        let last = screen.unfinished(usize::MAX).unwrap().into_owned();
        screen.clear() + &last
    }

    #[test]
    fn escapes_returns_and_backspaces_leave_what_a_person_would_see() {
        for (bytes, expected) in [
            (&b"a\r\nb\r\n"[..], "a\nb\n"),
            (b"\x1b[1;31mred\x1b[0m\x1b[?2004h\x1b(B!\r\n", "red!\n"),
            (b"\x1b]0;title\x07r1# ", "r1# "),
            (b"\x1b]0;title\x1b\\r1# ", "r1# "),
            (b"shwo\x08\x08ow run\r\n", "show run\n"),
            (b"--More--\x08\x08\x08\x08\x08\x08\x08\x08        \x08\x08\x08\x08\x08\x08\x08\x08 ip route\r\n", " ip route\n"),
            (b"--More--\r\x1b[K ip route\r\n", " ip route\n"),
            (b"--More--\x1b[8D\x1b[K ip route\r\n", " ip route\n"),
            (b"--More--\x1b[2K\r ip route\r\n", " ip route\n"),
            (b"\x07\x00bell\x7f", "bell"),
        ] {
            assert_eq!(shown(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn half_a_character_waits_for_its_other_half() {
        let mut screen = Screen::default();
        let text = "prix: 5 €\n".as_bytes();
        for byte in text {
            screen.push(&[*byte]).unwrap();
        }
        assert_eq!(screen.clear(), "prix: 5 €\n");
        assert_eq!(shown(b"caf\xe9\r\n"), "caf\u{fffd}\n");
    }

    #[test]
    fn output_that_never_ends_is_refused_at_its_bound() {
        let mut screen = Screen::default();
        let piece = vec![b'x'; 64 * 1024];
        for _ in 0..ANSWER_BYTES_MAX / piece.len() {
            screen.push(&piece).unwrap();
        }
        assert_eq!(screen.push(b"x"), Err(TooMuch));
        let mut screen = Screen::default();
        screen.push(&vec![b'\n'; ANSWER_LINES_MAX]).unwrap();
        assert_eq!(screen.push(b"\n\n"), Err(TooMuch));
    }

    #[test]
    fn after_a_long_answer_its_room_is_given_back() {
        let mut screen = Screen::default();
        screen.push(&vec![b'x'; 900_000]).unwrap();
        screen.push(b"\n").unwrap();
        screen.clear();
        assert!(screen.text.capacity() + screen.line.capacity() <= 2 * ROOM_KEPT);
    }

    proptest! {
        #[test]
        fn no_output_makes_it_panic_or_grow_beyond_what_came(pieces in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..200), 0..40)
        ) {
            let mut screen = Screen::default();
            let mut came = 0;
            for piece in &pieces {
                came += piece.len();
                screen.push(piece).unwrap();
                prop_assert!(screen.text.len() + screen.line.len() <= came);
            }
        }

        #[test]
        fn it_does_not_matter_where_output_is_cut(bytes in proptest::collection::vec(
            prop_oneof![Just(0x1b), Just(b'['), Just(b']'), Just(b'\r'), Just(b'\n'), Just(8), Just(b'K'), Just(b'2'), any::<u8>()], 0..300),
            cut in 0..300usize)
        {
            let cut = cut.min(bytes.len());
            let mut screen = Screen::default();
            screen.push(&bytes[..cut]).unwrap();
            screen.push(&bytes[cut..]).unwrap();
            let last = screen.unfinished(usize::MAX).unwrap().into_owned();
            prop_assert_eq!(screen.clear() + &last, shown(&bytes));
        }
    }
}
