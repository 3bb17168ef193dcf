//! Differences as people read them.

use similar::TextDiff;

/// Longest difference that is kept, in bytes.
pub const DIFF_BYTES_MAX: usize = 64 * 1024;
/// Lines around a difference.
const CONTEXT_LINES: usize = 3;

/// The unified difference between two texts, empty when they are equal; see [`cut`].
pub fn unified(before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let diff = TextDiff::from_lines(before, after);
    cut(&diff.unified_diff().context_radius(CONTEXT_LINES).header("running", "planned").to_string())
}

/// A difference of at most [`DIFF_BYTES_MAX`], with a word about what is left out.
pub fn cut(text: &str) -> String {
    if text.len() <= DIFF_BYTES_MAX {
        return text.to_owned();
    }
    let note_room = 64;
    let end = text[..text.floor_char_boundary(DIFF_BYTES_MAX - note_room)].rfind('\n').map_or(0, |at| at + 1);
    let left_out = text[end..].lines().count();
    format!("{}… {left_out} lines more\n", &text[..end])
}
