//! What has to be said to a device so that it has what it should have.

use super::Dialect;
use super::index::{Index, Key, between};
use super::sections::Block;
use std::collections::BTreeMap;

/// What of `wanted` a device that has `running` does not have: the lines that a merge must send, with the sections
/// they stand in. Empty: the device has it all.
pub fn missing(running: &[Block], wanted: &[Block], dialect: &Dialect) -> Vec<Block> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let running = Index::of(running, dialect);
    wanted.iter().filter_map(|block| missing_of(&running, block, dialect)).collect()
}

/// A line of `wanted` that takes something back which a later line of the same section sets again, and that line. What
/// a merge of them must send depends on what each one meets, so [`missing`] cannot judge them one by one.
pub fn contradiction<'a>(wanted: &'a [Block], dialect: &Dialect) -> Option<(&'a str, &'a str)> {
    let (mut later, mut first) = (BTreeMap::new(), None);
    for block in wanted.iter().rev() {
        let taken_back = dialect.takes_back(&block.line);
        let again = taken_back.and_then(|short| {
            later
                .get(&Key::of(short))
                .copied()
                .or_else(|| between(&later, short).next().map(|(_, line)| *line))
        });
        first = match again {
            Some(again) => Some((block.line.as_str(), again)),
            None => contradiction(&block.children, dialect).or(first),
        };
        later.insert(Key::of(dialect.bare(&block.line)), block.line.as_str());
    }
    first
}

fn missing_of(running: &Index<'_>, wanted: &Block, dialect: &Dialect) -> Option<Block> {
    if let Some(has) = running.find(&wanted.line) {
        let children = missing(&has.children, &wanted.children, dialect);
        return (!children.is_empty()).then(|| Block { line: wanted.line.clone(), children });
    }
    if let Some(taken_back) = dialect.takes_back(&wanted.line)
        && !running.has_or_begins_with(taken_back)
    {
        return None;
    }
    Some(wanted.clone())
}

/// The lines to type into a section that has `running`, in order; a section is left again after its last line.
pub fn commands(steps: &[Block], running: &[Block], dialect: &Dialect) -> Vec<String> {
    if steps.is_empty() {
        return Vec::new();
    }
    let (mut lines, known) = (Vec::new(), Index::of(running, dialect));
    for step in steps {
        lines.extend(known.parts(&step.line, dialect));
        if !step.children.is_empty() {
            let has = known.find(&step.line).map_or(&[][..], |block| &block.children);
            lines.extend(commands(&step.children, has, dialect));
            lines.extend(dialect.leave.clone());
        }
    }
    lines
}
