//! A text over several lines of a screen, with the commands in it kept whole.

use crate::text::columns;

/// What a command to copy begins with.
pub const COMMAND: &str = "switchyard";
/// Narrower screens have no room to indent.
const INDENT_FROM: usize = 20;

/// `text` over lines of at most `width` columns, broken between words; the lines after the first are
/// indented. A command goes to a line of its own when only that keeps it whole, and a word that is
/// longer than a line is split.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let indent = if width >= INDENT_FROM { "  " } else { "" };
    let room = width.saturating_sub(indent.len()).max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for piece in pieces(text, room) {
        let gap = usize::from(!line.trim().is_empty());
        if gap == 1 && columns(&line) + gap + columns(&piece) > width {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
        } else if gap == 1 {
            line.push(' ');
        }
        line.push_str(&piece);
    }
    lines.push(line);
    lines
}

/// The words of `text`, where a command that fits into `room` columns is one word and a word that does
/// not is cut to several.
fn pieces(text: &str, room: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut words = text.split(' ').filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        if !word.starts_with(COMMAND) {
            pieces.extend(split(word, room));
            continue;
        }
        let mut command = vec![word];
        while let Some(next) = words.next_if(|_| !command.last().is_some_and(|last| last.ends_with(';'))) {
            command.push(next);
        }
        let whole = command.join(" ");
        if columns(&whole) <= room {
            pieces.push(whole);
        } else {
            pieces.extend(command.into_iter().flat_map(|word| split(word, room)));
        }
    }
    pieces
}

fn split(word: &str, room: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    for c in word.chars() {
        let c = c.to_string();
        if let Some(part) = parts.last_mut()
            && (part.is_empty() || columns(part) + columns(&c) <= room)
        {
            part.push_str(&c);
        } else {
            parts.push(c);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHY: &str = "Blocked on: promotion after wave canary: switchyard rollout promote ntp; no agent";

    #[test]
    fn a_command_stays_whole_where_a_line_has_room_for_it() {
        let expected =
            ["Blocked on: promotion after wave canary:", "  switchyard rollout promote ntp; no", "  agent"];
        assert_eq!(wrap(WHY, 40), expected);
        assert_eq!(wrap(WHY, 200), [WHY]);
    }

    #[test]
    fn no_line_is_too_wide_and_nothing_is_lost() {
        let long = "x".repeat(70);
        let wide = "漢字".repeat(30);
        for text in [WHY, &long, &wide, "", "a"] {
            for width in 2..90 {
                let lines = wrap(text, width);
                assert!(lines.iter().all(|line| columns(line) <= width), "{width}: {lines:?}");
                let bare = |text: &str| text.replace(' ', "");
                assert_eq!(bare(&lines.concat()), bare(text), "{width}");
            }
        }
    }
}
