//! What a played device has by default: it shows that only when it is asked for all, and never what is not there.

use super::Session;
use super::obey::PIECE_LINES;
use crate::simulator::cli::vendor::ByDefault;
use crate::simulator::trick::Trick;
use switchyard_shared::configuration::{Block, print};

const NO: &str = "no ";

impl Session {
    pub(super) fn show_all(&mut self) {
        let is_first = !std::mem::replace(&mut self.shown_all, true);
        let running = self.cli.memory.running();
        let end = if self.cli.platform.running.whole.is_some() { "end\n" } else { "" };
        let whole = format!("{}{end}", print(&all(running, self.vendor().defaults)));
        if self.has(Trick::DefaultsRefused) {
            return self.answer(self.vendor().refused);
        }
        if self.has(Trick::DefaultsSilent) {
            self.silent = true;
            return;
        }
        if self.has(Trick::DefaultsFlood) {
            return self.again("x".repeat(PIECE_LINES), usize::MAX);
        }
        let half = whole.lines().take(whole.lines().count() / 2).flat_map(|line| [line, "\n"]);
        match self.has(Trick::DefaultsHalf) && is_first {
            true => self.answer(&half.collect::<String>()),
            false => self.answer(&whole),
        }
    }
}

/// `running` with the defaults that it does not overrule.
fn all(running: Vec<Block>, defaults: &[ByDefault]) -> Vec<Block> {
    let mut all = running;
    for block in &mut all {
        let of_it = defaults.iter().filter(|default| is_of(default, &block.line));
        add(&mut block.children, of_it);
    }
    add(&mut all, defaults.iter().filter(|default| default.section.is_empty()));
    all
}

fn add<'d>(lines: &mut Vec<Block>, defaults: impl Iterator<Item = &'d ByDefault>) {
    for default in defaults {
        let is_overruled =
            lines.iter().any(|block| block.line.trim_start_matches(NO).starts_with(default.place));
        if !is_overruled {
            lines.push(Block::line(default.line));
        }
    }
}

/// `running` as its maker keeps it: without its defaults, and without what takes back what is not there.
pub(super) fn hidden(mut running: Vec<Block>, defaults: &[ByDefault]) -> Vec<Block> {
    if defaults.is_empty() {
        return running;
    }
    for block in &mut running {
        let of_it: Vec<&ByDefault> = defaults.iter().filter(|default| is_of(default, &block.line)).collect();
        block.children.retain(|line| is_shown(line, &of_it));
    }
    let of_it: Vec<&ByDefault> = defaults.iter().filter(|default| default.section.is_empty()).collect();
    running.retain(|line| is_shown(line, &of_it));
    running
}

fn is_of(default: &ByDefault, section: &str) -> bool {
    !default.section.is_empty() && section.starts_with(default.section)
}

fn is_shown(block: &Block, defaults: &[&ByDefault]) -> bool {
    let is_it = |line: &str| defaults.iter().any(|default| line == default.line || line == default.place);
    match block.line.strip_prefix(NO) {
        Some(taken_back) => is_it(taken_back),
        None => !block.children.is_empty() || !is_it(&block.line),
    }
}
