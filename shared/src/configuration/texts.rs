//! Texts of several lines that are one value: banners, certificates. One is a single line with line ends in it.

use super::Dialect;
use std::str::Lines;

/// Most lines of one text; what does not end by then is no text.
const LINES_MAX: usize = 1_000;
/// How devices show the character that ends a text, and how we keep it whatever it was.
const SHOWN: &str = "^C";
/// Characters of which one that is not in a text ends it when it is typed.
const DELIMITERS: [char; 10] = ['@', '~', '#', '%', '|', '*', '=', '+', '&', '$'];

/// Which lines begin a text, and how it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The first words of the line; `*` is any word.
    pub begins: String,
    /// The line that ends it; without one, the character that stands after those words.
    pub ends: Option<String>,
}

impl Text {
    /// The whole text that `line` begins, with what it takes of `rest`; `None` where it begins none, or has no end.
    fn read(&self, line: &str, indented: bool, rest: &mut Lines<'_>) -> Option<String> {
        let head = words(line, &self.begins)?;
        let mut further = rest.clone();
        let whole = match &self.ends {
            // The blank keeps the first words apart from the text.
            Some(end) => up_to_line(format!("{line} "), end, indented, &mut further)?,
            None => up_to_character(head, line[head.len()..].trim_start(), &mut further)?,
        };
        *rest = further;
        Some(whole)
    }

    /// How `line` is typed when it is such a text: `None` when it is not, the inner `None` when it cannot be.
    fn typed(&self, line: &str) -> Option<Option<String>> {
        let head = words(line, &self.begins)?;
        match &self.ends {
            Some(_) => line.contains('\n').then(|| Some(line.replacen(" \n", "\n", 1))),
            None => {
                let text = line[head.len()..].strip_prefix(' ')?.strip_prefix(SHOWN)?.strip_suffix(SHOWN)?;
                let delimiter = DELIMITERS.into_iter().find(|delimiter| !text.contains(*delimiter));
                Some(delimiter.map(|delimiter| format!("{head} {delimiter}{text}{delimiter}")))
            }
        }
    }
}

impl Dialect {
    /// The text that `line` begins and `rest` goes on with; takes it off `rest`.
    pub(super) fn text(&self, line: &str, indented: bool, rest: &mut Lines<'_>) -> Option<String> {
        self.texts.iter().find_map(|text| text.read(line, indented, rest))
    }

    /// `line` as it is typed, with line ends in it where it is a text; `None` where no character is left to end it.
    pub fn typed(&self, line: &str) -> Option<String> {
        let text = self.texts.iter().find_map(|text| text.typed(line));
        text.unwrap_or_else(|| Some(line.to_owned()))
    }
}

fn up_to_line(mut whole: String, end: &str, indented: bool, rest: &mut Lines<'_>) -> Option<String> {
    for line in rest.take(LINES_MAX) {
        whole.push('\n');
        whole.push_str(if indented { line.trim() } else { line.trim_end() });
        if line.trim() == end {
            return Some(whole);
        }
    }
    None
}

fn up_to_character(head: &str, begun: &str, rest: &mut Lines<'_>) -> Option<String> {
    let end = match begun.strip_prefix(SHOWN) {
        Some(_) => SHOWN,
        None => &begun[..begun.chars().next()?.len_utf8()],
    };
    let mut whole = format!("{head} {SHOWN}");
    let mut line = &begun[end.len()..];
    for _ in 0..LINES_MAX {
        if let Some((last, _)) = line.split_once(end) {
            whole.push_str(last);
            whole.push_str(SHOWN);
            return Some(whole);
        }
        whole.push_str(line.trim_end());
        whole.push('\n');
        line = rest.next()?;
    }
    None
}

/// The first words of `line`, when `pattern` describes them.
fn words<'l>(line: &'l str, pattern: &str) -> Option<&'l str> {
    let mut end = 0;
    for wanted in pattern.split(' ') {
        let from = if end == 0 { 0 } else { end + 1 };
        let rest = line.get(from..)?;
        let word = rest.split(' ').next().filter(|word| !word.is_empty())?;
        if wanted != "*" && wanted != word {
            return None;
        }
        end = from + word.len();
    }
    Some(&line[..end])
}
