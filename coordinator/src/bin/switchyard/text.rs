//! Text that fits: widths in terminal columns, styles, lines cut to a width.

use switchyard_shared::outcome::printable;

/// Longest piece of a stranger's text on a screen, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// How a piece of text looks when colour is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// Stands out.
    Bold,
    /// Steps back.
    Dim,
    /// Went well.
    Good,
    /// Went wrong.
    Bad,
    /// Needs a look.
    Warn,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Warn => "33",
        }
    }

    /// `text` in this style, or as it is without `color`.
    pub fn paint(self, text: &str, color: bool) -> String {
        if !color || self == Self::Plain || text.is_empty() {
            return text.to_owned();
        }
        format!("\x1b[{}m{text}\x1b[0m", self.code())
    }
}

/// How many columns `c` takes at most: scripts beyond the narrow blocks are taken as wide.
fn char_columns(c: char) -> usize {
    if c < '\u{1100}' || ('\u{2010}'..'\u{2600}').contains(&c) || c == '✔' || c == '✘' { 1 } else { 2 }
}

/// How many columns `text` takes at most.
pub fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

/// `text` cut to `width` columns; an ellipsis marks the cut.
pub fn fit(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        if used + char_columns(c) + 1 > width {
            break;
        }
        used += char_columns(c);
        out.push(c);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// `text` filled with spaces to `width` columns; longer text stays.
pub fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// `text` filled with spaces on its left to `width` columns; longer text stays.
pub fn pad_left(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(columns(text))))
}

/// A stranger's text on one line, with nothing in it that drives a terminal.
pub fn one_line(text: &str) -> String {
    printable(text.as_bytes(), TEXT_BYTES_MAX).replace(['\n', '\t'], " ").trim().to_owned()
}

/// A device's `message` without the device itself, where its name stands beside it anyway: neither
/// `dev001 ` nor `dev001 (192.0.2.1:22) ` in front, with or without a colon.
pub fn beside_name<'a>(device: &str, message: &'a str) -> &'a str {
    let Some(rest) = message.strip_prefix(device) else { return message };
    let address = rest.strip_prefix(" (").and_then(|inside| inside.split_once(')'));
    let rest = address.map_or(rest, |(_, rest)| rest);
    rest.strip_prefix(": ").or_else(|| rest.strip_prefix(' ')).unwrap_or(message)
}

/// Stands for the device in a text of [`unnamed`]; no text of [`one_line`] has it.
pub const DEVICE: char = '\0';

/// `text` with [`DEVICE`] for each word that is `device`, so that what is said of many devices reads the same.
pub fn unnamed(device: &str, text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_matches(|c| ",;:.()'\"".contains(c));
        if bare == device { word.replacen(device, &DEVICE.to_string(), 1) } else { word.to_owned() }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A text of [`unnamed`] as it is said of `device`.
pub fn named(device: &str, text: &str) -> String {
    text.replace(DEVICE, device)
}

/// A number with thousands separated: `12,345`.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 device`, `2 devices`.
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(n), if n == 1 { "" } else { "s" })
}

/// One line of a screen, in styled pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line(Vec<(Style, String)>);

impl Line {
    /// A line of plain text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::default().with(Style::Plain, text)
    }

    /// The line with `text` appended.
    pub fn with(mut self, style: Style, text: impl Into<String>) -> Self {
        self.0.push((style, text.into()));
        self
    }

    /// The text within `width` columns, styled when `color` is on.
    pub fn draw(&self, width: usize, color: bool) -> String {
        let total: usize = self.0.iter().map(|(_, text)| columns(text)).sum();
        let mut left = width;
        let mut out = String::new();
        for (style, text) in &self.0 {
            let piece = if total <= width { text.clone() } else { cut(text, &mut left) };
            out.push_str(&style.paint(&piece, color));
        }
        if total > width && width > 0 {
            out.push('…');
        }
        out
    }
}

fn cut(text: &str, left: &mut usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if char_columns(c) + 1 > *left {
            *left = 0;
            break;
        }
        *left -= char_columns(c);
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_never_exceeds_its_width() {
        for text in ["", "short", "a rather long line of text", "ααα βββ γγγ", "漢字漢字漢字", "😀😀😀"]
        {
            for width in 0..30 {
                assert!(columns(&fit(text, width)) <= width, "{text:?} in {width}");
                let line = Line::plain(text).with(Style::Bad, text);
                assert!(columns(&line.draw(width, false)) <= width, "line {text:?} in {width}");
            }
        }
    }

    #[test]
    fn colour_adds_no_width_and_is_off_when_asked() {
        let line = Line::default().with(Style::Good, "ok").with(Style::Plain, " then");
        assert_eq!(line.draw(40, true), "\u{1b}[32mok\u{1b}[0m then");
        assert_eq!(line.draw(40, false), "ok then");
    }

    #[test]
    fn a_strangers_text_stays_on_its_line() {
        assert_eq!(one_line("a\nb\x1b[2J\t"), "a b\\u{1b}[2J");
    }

    #[test]
    fn a_text_that_names_its_device_reads_the_same_for_another_and_no_other_word_is_taken_for_it() {
        for device in ["r1", "device", "acc01.fra1"] {
            let text = format!("look at r10; give it back: rollback ntp --device {device}; ({device})");
            let expected =
                text.replace(&format!(" {device};"), " \0;").replace(&format!("({device})"), "(\0)");
            assert_eq!(unnamed(device, &text), expected);
            assert_eq!(named(device, &unnamed(device, &text)), text);
        }
    }

    #[test]
    fn a_message_beside_its_device_does_not_repeat_it() {
        let cases = [
            ("dev1 (192.0.2.1:22) is silent", "is silent"),
            ("dev1 is silent", "is silent"),
            ("dev1 (192.0.2.1:22): no such line", "no such line"),
            ("dev1: no such line", "no such line"),
            ("dev12 is silent", "dev12 is silent"),
            ("silent", "silent"),
            ("dev1", "dev1"),
        ];
        for (message, shown) in cases {
            assert_eq!(beside_name("dev1", message), shown);
        }
    }

    #[test]
    fn numbers_are_grouped() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(n), text);
        }
        assert_eq!(counted(1, "device"), "1 device");
        assert_eq!(counted(2400, "device"), "2,400 devices");
    }
}
