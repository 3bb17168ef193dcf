//! What a device will have once it has taken its steps, as far as the text of its configuration tells.

use super::change::is_or_begins_with;
use super::{Block, Dialect};

/// `running` once `steps` are taken: for people, who look at it before the device does. New lines stand at the end
/// of their section; the device may print them elsewhere.
pub fn after(running: &[Block], steps: &[Block], dialect: &Dialect) -> Vec<Block> {
    let mut blocks = running.to_vec();
    for step in steps {
        take(&mut blocks, step, dialect);
    }
    blocks
}

fn take(blocks: &mut Vec<Block>, step: &Block, dialect: &Dialect) {
    if let Some(has) = blocks.iter_mut().find(|block| block.line == step.line) {
        has.children = after(&has.children, &step.children, dialect);
        return;
    }
    let taken_back = dialect.takes_back(&step.line).filter(|_| step.children.is_empty());
    if let Some(short) = taken_back {
        let before = blocks.len();
        blocks.retain(|block| !is_or_begins_with(&block.line, short, dialect));
        if blocks.len() < before {
            return;
        }
    }
    let fresh = Block { line: step.line.clone(), children: after(&[], &step.children, dialect) };
    let undone = dialect.negated(&step.line);
    let old = |block: &Block| block.line == undone || dialect.takes_the_place(&block.line, &step.line);
    match blocks.iter_mut().find(|block| old(block)) {
        Some(block) => *block = fresh,
        None => blocks.push(fresh),
    }
}
