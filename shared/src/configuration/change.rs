//! What has to be said to a device so that it has what it should have.

use super::Dialect;
use super::sections::Block;

/// What of `wanted` a device that has `running` does not have: the lines that a merge must send, with the sections
/// they stand in. Empty: the device has it all.
pub fn missing(running: &[Block], wanted: &[Block], dialect: &Dialect) -> Vec<Block> {
    wanted.iter().filter_map(|block| missing_of(running, block, dialect)).collect()
}

fn missing_of(running: &[Block], wanted: &Block, dialect: &Dialect) -> Option<Block> {
    if let Some(has) = running.iter().find(|block| block.line == wanted.line) {
        let children = missing(&has.children, &wanted.children, dialect);
        return (!children.is_empty()).then(|| Block { line: wanted.line.clone(), children });
    }
    if let Some(taken_back) = dialect.takes_back(&wanted.line)
        && !running.iter().any(|block| is_or_begins_with(&block.line, taken_back, dialect))
    {
        return None;
    }
    Some(wanted.clone())
}

/// Whether `line` is what `no SHORT` takes back: the line itself, or one that goes on after it.
pub(super) fn is_or_begins_with(line: &str, short: &str, dialect: &Dialect) -> bool {
    let bare = match &dialect.negation {
        super::Negation::Prefix(_) => line,
        super::Negation::Swap { adds, .. } => line.strip_prefix(adds.as_str()).unwrap_or(line),
    };
    bare.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// The lines that turn `from` into `to`: first what is taken back, then what is added, each in its section. A line
/// whose place another one takes is not taken back before.
pub fn way(from: &[Block], to: &[Block], dialect: &Dialect) -> Vec<Block> {
    let has = |blocks: &[Block], line: &str| blocks.iter().any(|block| block.line == line);
    let is_replaced = |line: &str| to.iter().any(|wanted| dialect.takes_the_place(line, &wanted.line));
    let taken = from.iter().filter(|block| !has(to, &block.line) && !is_replaced(&block.line));
    let mut steps: Vec<Block> = taken.map(|block| Block::line(dialect.negated(&block.line))).collect();
    for wanted in to {
        match from.iter().find(|block| block.line == wanted.line) {
            None => steps.push(wanted.clone()),
            Some(block) => {
                let children = way(&block.children, &wanted.children, dialect);
                if !children.is_empty() {
                    steps.push(Block { line: wanted.line.clone(), children });
                }
            }
        }
    }
    steps
}

/// The lines that leave nothing in `block`, for a section that itself cannot be taken back.
pub fn emptied(block: &Block, dialect: &Dialect) -> Block {
    let children = block.children.iter().map(|child| Block::line(dialect.negated(&child.line))).collect();
    Block { line: block.line.clone(), children }
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
