//! Differences as people read them.

use similar::{DiffOp, TextDiff};
use std::fmt::Write;

/// Longest difference that is kept, in bytes.
pub const DIFF_BYTES_MAX: usize = 64 * 1024;
/// Lines around a difference.
const CONTEXT_LINES: usize = 3;
/// Sections around a difference that are named.
const SECTIONS_MAX: usize = 8;
/// Longest line that is named as a section, in bytes: a longer one would be repeated at every hunk.
const SECTION_BYTES_MAX: usize = 500;

/// The unified difference between two texts, empty when they are equal; see [`cut`]. The lines that a hunk stands
/// beneath come first in it, also when they are far away: nobody can judge a line without its section.
pub fn unified(before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let lines: Vec<&str> = before.lines().collect();
    let parents = parents(&lines);
    let diff = TextDiff::from_lines(before, after);
    let mut unified = diff.unified_diff();
    let (mut text, mut left_out) = ("--- running\n+++ planned\n".to_owned(), 0);
    for hunk in unified.context_radius(CONTEXT_LINES).iter_hunks() {
        if text.len() > DIFF_BYTES_MAX {
            left_out += 1 + hunk.iter_changes().count();
            continue;
        }
        let hunk_text = hunk.to_string();
        let (header, body) = hunk_text.split_once('\n').unwrap_or((&hunk_text, ""));
        let _ = writeln!(text, "{header}");
        sections(&lines, &parents, hunk.ops().first()).iter().for_each(|line| text.push_str(line));
        text.push_str(body);
    }
    cut_of(&text, left_out)
}

/// The nearest line before each that is indented less: the section it stands in.
fn parents(lines: &[&str]) -> Vec<Option<usize>> {
    let mut open: Vec<(usize, usize)> = Vec::new();
    let parent = |(at, line): (usize, &&str)| {
        if line.trim().is_empty() {
            return open.last().map(|(_, at)| *at);
        }
        let indent = line.len() - line.trim_start().len();
        while open.last().is_some_and(|(other, _)| *other >= indent) {
            open.pop();
        }
        let parent = open.last().map(|(_, at)| *at);
        open.push((indent, at));
        parent
    };
    lines.iter().enumerate().map(parent).collect()
}

/// The sections of the line that a hunk begins with, the outermost first, and a mark where lines are left out below one.
fn sections(lines: &[&str], parents: &[Option<usize>], first: Option<&DiffOp>) -> Vec<String> {
    let Some(first) = first.map(|op| op.old_range().start) else { return Vec::new() };
    let above = |at: usize| parents.get(at).copied().flatten();
    let mut chain: Vec<usize> =
        std::iter::successors(above(first), |at| above(*at)).take(SECTIONS_MAX).collect();
    chain.reverse();
    let mut shown = Vec::new();
    for (place, at) in chain.iter().enumerate() {
        let line = lines[*at];
        let indent = (line.len() - line.trim_start().len()).min(SECTION_BYTES_MAX);
        shown.push(match line.len() {
            // Nothing of it: half a secret is not known for one.
            SECTION_BYTES_MAX.. => format!(" {}… {} bytes\n", " ".repeat(indent), line.len()),
            _ => format!(" {line}\n"),
        });
        if chain.get(place + 1).copied().unwrap_or(first) > at + 1 {
            shown.push(format!(" {}…\n", " ".repeat(indent + 1)));
        }
    }
    shown
}

/// A difference of at most [`DIFF_BYTES_MAX`], with a word about what is left out.
pub fn cut(text: &str) -> String {
    cut_of(text, 0)
}

/// The same, where so many more lines are left out already.
fn cut_of(text: &str, more: usize) -> String {
    if text.len() <= DIFF_BYTES_MAX {
        return text.to_owned();
    }
    let note_room = 64;
    let end = text[..text.floor_char_boundary(DIFF_BYTES_MAX - note_room)].rfind('\n').map_or(0, |at| at + 1);
    let left_out = text[end..].lines().count() + more;
    format!("{}… {left_out} lines more\n", &text[..end])
}
