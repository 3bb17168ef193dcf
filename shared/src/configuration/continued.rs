//! Values that a device shows on several lines when they are long: the first line sets one, the others add to it.

use super::{Block, Dialect, pattern};

/// Most bytes of one line of such a value: devices take no longer ones.
const PART_BYTES_MAX: usize = 200;

impl Dialect {
    /// Whether `line` adds to a value that no other line sets.
    pub fn adds_alone(&self, line: &str) -> bool {
        self.added(line).is_some()
    }

    /// `blocks` of one section, with every value in one line.
    pub(super) fn continued(&self, blocks: Vec<Block>) -> Vec<Block> {
        if !blocks.iter().any(|block| self.adds_alone(&block.line)) {
            return blocks;
        }
        let mut whole: Vec<Block> = Vec::with_capacity(blocks.len());
        for block in blocks {
            let begun = self.added(&block.line).and_then(|(place, more)| {
                let mut values = whole.iter_mut().rev();
                let begun = values.find(|other| value(&other.line, place).is_some())?;
                Some((begun, more))
            });
            match begun {
                Some((begun, more)) => begun.line = format!("{},{more}", begun.line),
                None => whole.push(block),
            }
        }
        whole
    }

    /// `line` in the parts in which a device takes it.
    pub fn parts(&self, line: &str) -> Vec<String> {
        let pattern = self.continues.iter().filter(|_| line.len() > PART_BYTES_MAX).find_map(|continues| {
            let (place, adds) = continues.rsplit_once(' ')?;
            let place = pattern::beginning(line, place)?;
            Some((place, adds, value(line, place)?))
        });
        let Some((place, adds, value)) = pattern else { return vec![line.to_owned()] };
        let mut parts: Vec<String> = Vec::new();
        for item in value.split(',') {
            let adds = if parts.is_empty() { String::new() } else { format!("{adds} ") };
            match parts.last_mut().filter(|part| part.len() + 1 + item.len() <= PART_BYTES_MAX) {
                Some(part) => *part = format!("{part},{item}"),
                None => parts.push(format!("{place} {adds}{item}")),
            }
        }
        parts
    }

    /// The first words of the line that `line` goes on with, and what it adds.
    fn added<'l>(&self, line: &'l str) -> Option<(&'l str, &'l str)> {
        let begins = self.continues.iter().find_map(|continues| pattern::beginning(line, continues))?;
        let (place, _) = begins.rsplit_once(' ')?;
        Some((place, line[begins.len()..].trim_start()))
    }
}

/// The list that `line` sets after the words `place`: what begins with a word, such as `none`, is no list to add to.
fn value<'l>(line: &'l str, place: &str) -> Option<&'l str> {
    let value = line.strip_prefix(place)?.strip_prefix(' ')?;
    value.starts_with(|first: char| first.is_ascii_digit()).then_some(value)
}
