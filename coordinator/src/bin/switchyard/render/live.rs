//! The live screen of one rollout: pure, and never larger than the terminal.

mod parts;

pub use parts::state_style;

use crate::text::Line;
use crate::view::View;
use switchyard_shared::time::Timestamp;

/// To a screen of our own, with no cursor.
pub const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
/// Back to the screen as it was.
pub const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// Lines that belong together, each with how soon it must be given room: the lowest first.
struct Section(Vec<(u8, Line)>);

/// The screen at `now`: at most `height` lines of at most `width` columns.
pub fn render(view: &View, width: usize, height: usize, now: Timestamp, color: bool) -> Vec<String> {
    let sections = [
        parts::header(view, now),
        parts::counts(view),
        parts::blocked(view, width),
        parts::waves(view, width),
        parts::sites(view, width),
        parts::harm(view),
        parts::breakers(view, now),
        parts::failing(view, width),
        parts::hint(view),
    ];
    chosen(&sections, height).iter().map(|line| line.draw(width, color)).collect()
}

fn chosen(sections: &[Section], height: usize) -> Vec<Line> {
    let mut ranked: Vec<(u8, usize, usize)> = Vec::new();
    for (section, Section(lines)) in sections.iter().enumerate() {
        ranked.extend(lines.iter().enumerate().map(|(line, (priority, _))| (*priority, section, line)));
    }
    ranked.sort_unstable();
    ranked.truncate(height);
    ranked.sort_unstable_by_key(|&(_, section, line)| (section, line));
    ranked.iter().map(|&(_, section, line)| sections[section].0[line].1.clone()).collect()
}

/// The text that puts `lines` on the terminal over what was there.
pub fn frame(lines: &[String]) -> String {
    let body: Vec<String> = lines.iter().map(|line| format!("\x1b[2K{line}")).collect();
    format!("\x1b[H{}\x1b[0J", body.join("\r\n"))
}

#[cfg(test)]
mod tests;
