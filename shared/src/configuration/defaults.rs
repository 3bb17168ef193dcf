//! Lines that take back what a device does not show. A device hides its defaults, so only those tell whether it has them.

use super::{Block, Dialect, Index, Negation};

/// The lines of `wanted` that take back what `running` does not show, and that it does not show either, with the
/// sections they stand in. Where lines are taken away by a word of their own, what is not shown is not there.
pub fn unshown(running: &[Block], wanted: &[Block], dialect: &Dialect) -> Vec<Block> {
    let Negation::Prefix(_) = dialect.negation else { return Vec::new() };
    let running = Index::of(running, dialect);
    let of = |block: &Block| match running.find(&block.line) {
        Some(has) => {
            let children = unshown(&has.children, &block.children, dialect);
            (!children.is_empty()).then(|| Block { line: block.line.clone(), children })
        }
        None => {
            let short = dialect.takes_back(&block.line)?;
            let is_shown = running.has_or_begins_with(short);
            (!is_shown && block.children.is_empty()).then(|| block.clone())
        }
    };
    wanted.iter().filter_map(of).collect()
}

/// What of `shown`, a configuration with all its defaults, is about what `wanted` takes back.
pub fn about(wanted: &[Block], shown: &[Block], dialect: &Dialect) -> Vec<Block> {
    let index = Index::of(shown, dialect);
    let mut kept = Vec::new();
    for block in wanted {
        if !block.children.is_empty() {
            let has = index.find(&block.line).map_or(&[][..], |has| &has.children);
            let children = about(&block.children, has, dialect);
            kept.push(Block { line: block.line.clone(), children });
        } else if let Some(short) = dialect.takes_back(&block.line) {
            let itself = index.find(&block.line).into_iter().chain(index.find(short));
            let of_it = itself.chain(index.beginning_with(short));
            kept.extend(of_it.map(|block| Block::line(&block.line)));
        }
    }
    kept
}

/// What of the `unshown` lines a device with these `defaults` lacks, in its sections; and the lines of which they do not
/// tell: all of them where nobody knows the defaults.
pub fn lacking(unshown: &[Block], defaults: Option<&[Block]>, dialect: &Dialect) -> (Vec<Block>, Vec<Block>) {
    let (mut lacks, mut unknown) = (Vec::new(), Vec::new());
    let index = defaults.map(|defaults| Index::of(defaults, dialect));
    for block in unshown {
        if !block.children.is_empty() {
            let has =
                index.as_ref().map(|index| index.find(&block.line).map_or(&[][..], |has| &has.children));
            let (on, untold) = lacking(&block.children, has, dialect);
            let section = |children: Vec<Block>| {
                (!children.is_empty()).then(|| Block { line: block.line.clone(), children })
            };
            lacks.extend(section(on));
            unknown.extend(section(untold));
            continue;
        }
        let short = dialect.takes_back(&block.line).unwrap_or_default();
        match &index {
            Some(index) if index.find(short).is_some() => lacks.push(block.clone()),
            Some(index) if !index.has_or_begins_with(short) => {}
            Some(_) | None => unknown.push(block.clone()),
        }
    }
    (lacks, unknown)
}

/// `wanted` without the `unshown` lines.
pub fn without(wanted: &[Block], unshown: &[Block], dialect: &Dialect) -> Vec<Block> {
    if unshown.is_empty() {
        return wanted.to_vec();
    }
    let index = Index::of(unshown, dialect);
    let of = |block: &Block| match index.find(&block.line) {
        None => Some(block.clone()),
        Some(gone) if gone.children.is_empty() => None,
        Some(gone) => {
            let children = without(&block.children, &gone.children, dialect);
            Some(Block { line: block.line.clone(), children })
        }
    };
    wanted.iter().filter_map(of).collect()
}

/// The same of `lines` that take something back: a section of which nothing is left goes, too.
pub fn besides(lines: &[Block], said: &[Block], dialect: &Dialect) -> Vec<Block> {
    taking_back(without(lines, said, dialect), dialect)
}

fn taking_back(blocks: Vec<Block>, dialect: &Dialect) -> Vec<Block> {
    let of = |block: Block| match block.children.is_empty() {
        true => dialect.takes_back(&block.line).is_some().then_some(block),
        false => {
            let children = taking_back(block.children, dialect);
            (!children.is_empty()).then_some(Block { line: block.line, children })
        }
    };
    blocks.into_iter().filter_map(of).collect()
}

/// The lines at the ends of sections.
pub fn leaves(blocks: &[Block]) -> Vec<&str> {
    let mut lines = Vec::new();
    for block in blocks {
        match block.children.is_empty() {
            true => lines.push(block.line.as_str()),
            false => lines.extend(leaves(&block.children)),
        }
    }
    lines
}
