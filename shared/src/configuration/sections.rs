//! Text into sections, and back.

use super::{DEPTH_MAX, Dialect};
use std::collections::{BTreeMap, BTreeSet};

/// One line with the lines of its section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The line, without the blanks around it; a text of several lines has its line ends in it.
    pub line: String,
    /// The lines beneath it, in order.
    pub children: Vec<Block>,
}

impl Block {
    /// A line of its own.
    pub fn line(line: impl Into<String>) -> Self {
        Self { line: line.into(), children: Vec::new() }
    }
}

/// Reads `text`; comments, empty lines and ends of sections are left out. Never fails: a line that is indented
/// beneath nothing belongs to no section. A section that comes again goes on where it was begun.
pub fn parse(text: &str, dialect: &Dialect) -> Vec<Block> {
    let mut roots: Vec<Block> = Vec::new();
    // The indentation of each section that is open; the blocks are found by always taking the last child.
    let mut open: Vec<usize> = Vec::new();
    let mut lines = text.lines();
    while let Some(raw) = lines.next() {
        let line = raw.trim();
        if line.is_empty() || says_nothing(line, dialect) {
            continue;
        }
        let whole = dialect.text(line, raw.starts_with([' ', '\t']), &mut lines);
        let depth = if dialect.indented { raw.len() - raw.trim_start().len() } else { 0 };
        while open.last().is_some_and(|above| *above >= depth) {
            open.pop();
        }
        open.truncate(DEPTH_MAX);
        section(&mut roots, open.len()).push(Block::line(whole.unwrap_or_else(|| dialect.unpadded(line))));
        open.push(depth);
    }
    joined(roots.into_iter().map(|block| within(block, dialect)).collect(), dialect)
}

fn within(block: Block, dialect: &Dialect) -> Block {
    match dialect.numbered.is_empty() || !block.children.is_empty() {
        true => block,
        false => dialect.in_section(block.line),
    }
}

/// `blocks` with everything of a section in the first block of its line, and of a value in its first line.
fn joined(blocks: Vec<Block>, dialect: &Dialect) -> Vec<Block> {
    let blocks = dialect.continued(blocks);
    if blocks.iter().all(|block| block.children.is_empty()) {
        return blocks;
    }
    let sections = blocks.iter().filter(|block| !block.children.is_empty());
    let sections: BTreeSet<String> = sections.map(|block| block.line.clone()).collect();
    let (mut joined, mut first): (Vec<Block>, BTreeMap<String, usize>) = (Vec::new(), BTreeMap::new());
    for block in blocks {
        let begun = first.get(&block.line).copied().and_then(|at| joined.get_mut(at));
        match begun {
            Some(begun) => begun.children.extend(block.children),
            None => {
                if sections.contains(&block.line) {
                    first.insert(block.line.clone(), joined.len());
                }
                joined.push(block);
            }
        }
    }
    for block in &mut joined {
        block.children = self::joined(std::mem::take(&mut block.children), dialect);
    }
    joined
}

/// The lines of the section that is `depth` sections deep at the end of `roots`.
fn section(roots: &mut Vec<Block>, depth: usize) -> &mut Vec<Block> {
    let mut lines = roots;
    for _ in 0..depth {
        if lines.is_empty() {
            break;
        }
        let last = lines.len() - 1;
        lines = &mut lines[last].children;
    }
    lines
}

fn says_nothing(line: &str, dialect: &Dialect) -> bool {
    dialect.comments.iter().any(|comment| line.starts_with(comment.as_str()))
        || dialect.ends.iter().any(|end| closes(line, end))
}

fn closes(line: &str, end: &str) -> bool {
    match end.strip_suffix('*') {
        Some(beginning) => line.starts_with(beginning) && !line.contains(' '),
        None => line == end,
    }
}

/// Writes sections as text, one blank for each level.
pub fn print(blocks: &[Block]) -> String {
    let mut text = String::new();
    write(blocks, 0, &mut text);
    text
}

fn write(blocks: &[Block], depth: usize, text: &mut String) {
    for block in blocks {
        text.extend(std::iter::repeat_n(' ', depth));
        text.push_str(&block.line);
        text.push('\n');
        write(&block.children, depth + 1, text);
    }
}
