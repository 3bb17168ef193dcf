//! Sections in which the order of lines is meaning, and configurations that differ in order alone.

use super::{Block, Dialect};
use std::collections::BTreeSet;

/// From which of its lines on the section `has` must be typed anew so that it is as `wanted`: `None` where it is once
/// what goes is gone and what is new stands at the end, and where its order has no meaning or must be left alone.
pub(super) fn displaced(has: &Block, wanted: &Block, dialect: &Dialect) -> Option<usize> {
    if !counts(wanted, dialect) || !is_flat(has) || !is_flat(wanted) {
        return None;
    }
    let (here, there) = (lines(has), lines(wanted));
    let stay = has.children.iter().filter(|block| there.contains(block.line.as_str()));
    let come = wanted.children.iter().filter(|block| !here.contains(block.line.as_str()));
    if stay.chain(come).eq(&wanted.children) {
        return None;
    }
    let mut pairs = has.children.iter().zip(&wanted.children);
    Some(
        pairs
            .position(|(has, wanted)| has != wanted)
            .unwrap_or(has.children.len().min(wanted.children.len())),
    )
}

/// The first section of `to` in which order is meaning, whose lines stand in another order in `from`, and that cannot
/// be typed anew: more stands beneath its lines.
pub fn misplaced<'a>(from: &[Block], to: &'a [Block], dialect: &Dialect) -> Option<&'a str> {
    if dialect.ordered.is_empty() {
        return None;
    }
    let from = super::Index::of(from, dialect);
    to.iter().find_map(|wanted| {
        let has = from.find(&wanted.line)?;
        if counts(wanted, dialect) && !(is_flat(has) && is_flat(wanted)) && !is_in_order(has, wanted) {
            return Some(wanted.line.as_str());
        }
        misplaced(&has.children, &wanted.children, dialect)
    })
}

/// Whether two configurations hold the same lines, and only their order is another one.
pub fn differ_in_order_alone(one: &[Block], other: &[Block]) -> bool {
    one != other && sorted(one) == sorted(other)
}

/// Whether the order of the lines of `section` is meaning. Lines with numbers say themselves where they stand.
fn counts(section: &Block, dialect: &Dialect) -> bool {
    let is_numbered =
        |block: &Block| block.line.split(' ').next().is_some_and(|word| word.parse::<u64>().is_ok());
    dialect.is_ordered(&section.line) && !section.children.iter().all(is_numbered)
}

fn is_in_order(has: &Block, wanted: &Block) -> bool {
    let (here, there) = (lines(has), lines(wanted));
    let stay = has.children.iter().map(|block| &block.line).filter(|line| there.contains(line.as_str()));
    stay.eq(wanted.children.iter().map(|block| &block.line).filter(|line| here.contains(line.as_str())))
}

fn is_flat(section: &Block) -> bool {
    section.children.iter().all(|block| block.children.is_empty())
}

fn lines(section: &Block) -> BTreeSet<&str> {
    section.children.iter().map(|block| block.line.as_str()).collect()
}

fn sorted(blocks: &[Block]) -> Vec<Block> {
    let mut blocks: Vec<Block> = blocks
        .iter()
        .map(|block| Block { line: block.line.clone(), children: sorted(&block.children) })
        .collect();
    blocks.sort_by(|one, other| one.line.cmp(&other.line));
    blocks
}
