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

/// The lines that turn `from` into `to`: first everything that is taken back, what stands deepest and last first, since
/// that may need what stands before it; then what is added. A line whose place another one takes is not taken back.
pub fn way(from: &[Block], to: &[Block], dialect: &Dialect) -> Vec<Block> {
    let mut steps = taken_back(from, to, dialect);
    steps.extend(added(from, to, dialect));
    steps
}

fn taken_back(from: &[Block], to: &[Block], dialect: &Dialect) -> Vec<Block> {
    let (mut steps, mut lines, to) = (Vec::new(), Vec::new(), Index::of(to, dialect));
    for block in from.iter().rev() {
        if let Some(wanted) = to.find(&block.line) {
            let children = taken_back(&block.children, &wanted.children, dialect);
            if !children.is_empty() {
                steps.push(Block { line: block.line.clone(), children });
            }
        } else if !to.takes_the_place(&block.line, dialect) {
            lines.push(Block::line(dialect.negated(&block.line)));
        }
    }
    steps.extend(lines);
    steps
}

fn added(from: &[Block], to: &[Block], dialect: &Dialect) -> Vec<Block> {
    let from = Index::of(from, dialect);
    let added_of = |wanted: &Block| match from.find(&wanted.line) {
        None => Some(wanted.clone()),
        Some(block) => {
            let children = added(&block.children, &wanted.children, dialect);
            (!children.is_empty()).then(|| Block { line: wanted.line.clone(), children })
        }
    };
    to.iter().filter_map(added_of).collect()
}

/// The lines that leave nothing in `block`, for a section that itself cannot be taken back.
pub fn emptied(block: &Block, dialect: &Dialect) -> Block {
    Block { line: block.line.clone(), children: taken_back(&block.children, &[], dialect) }
}

/// The lines that bring what stands in another order in `from` into that of `to`: from the first line that is out of
/// place on, everything is taken back and added again. For two that [`way`] finds nothing between.
pub fn reordered(from: &[Block], to: &[Block], dialect: &Dialect) -> Vec<Block> {
    let straight = from.iter().zip(to).take_while(|(has, wanted)| has.line == wanted.line).count();
    let (kept, moved) = to.split_at(straight.min(to.len()));
    let mut steps: Vec<Block> = kept
        .iter()
        .zip(from)
        .map(|(wanted, has)| Block {
            line: wanted.line.clone(),
            children: reordered(&has.children, &wanted.children, dialect),
        })
        .filter(|block| !block.children.is_empty())
        .collect();
    steps.extend(moved.iter().map(|block| Block::line(dialect.negated(&block.line))));
    steps.extend(moved.iter().cloned());
    steps
}

/// The lines to type, in order; a section is left again after its last line.
pub fn commands(steps: &[Block], dialect: &Dialect) -> Vec<String> {
    let mut lines = Vec::new();
    for step in steps {
        lines.push(step.line.clone());
        if !step.children.is_empty() {
            lines.extend(commands(&step.children, dialect));
            lines.extend(dialect.leave.clone());
        }
    }
    lines
}
