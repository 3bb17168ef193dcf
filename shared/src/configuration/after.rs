//! What a device will have once it has taken its steps, as far as the text of its configuration tells.

use super::index::{Key, between};
use super::{Block, Dialect};
use std::collections::{BTreeMap, BTreeSet};

/// `running` once `steps` are taken: for people, who look at it before the device does. New lines stand at the end
/// of their section; the device may print them elsewhere.
pub fn after(running: &[Block], steps: &[Block], dialect: &Dialect) -> Vec<Block> {
    if steps.is_empty() {
        return running.to_vec();
    }
    let mut section = Section::of(running, dialect);
    for step in steps {
        section.take(step);
    }
    section.slots.into_iter().flatten().collect()
}

/// The lines of a section while steps are taken: each keeps its slot, so that their order stays.
struct Section<'d> {
    slots: Vec<Option<Block>>,
    lines: BTreeMap<Key<'static>, BTreeSet<usize>>,
    bare: BTreeMap<Key<'static>, BTreeSet<usize>>,
    places: BTreeMap<Key<'static>, BTreeSet<usize>>,
    dialect: &'d Dialect,
}

impl<'d> Section<'d> {
    fn of(blocks: &[Block], dialect: &'d Dialect) -> Self {
        let (lines, bare, places) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut section = Self { slots: Vec::with_capacity(blocks.len()), lines, bare, places, dialect };
        for block in blocks {
            section.slots.push(None);
            section.put(section.slots.len() - 1, block.clone());
        }
        section
    }

    fn take(&mut self, step: &Block) {
        let first = |at: Option<&BTreeSet<usize>>| at.and_then(BTreeSet::first).copied();
        if let Some(at) = first(self.lines.get(&Key::of(&step.line))) {
            if let Some(has) = &mut self.slots[at] {
                has.children = after(&has.children, &step.children, self.dialect);
            }
            return;
        }
        if let Some((at, line)) = self.changed(&step.line) {
            let at = at.unwrap_or_else(|| {
                self.slots.push(None);
                self.slots.len() - 1
            });
            self.clear(at);
            return self.put(at, Block::line(line));
        }
        let taken_back = self.dialect.takes_back(&step.line).filter(|_| step.children.is_empty());
        if taken_back.is_some_and(|short| self.take_away(short)) {
            return;
        }
        let fresh = Block { line: step.line.clone(), children: after(&[], &step.children, self.dialect) };
        let undone = first(self.lines.get(&Key::of(&self.dialect.negated(&step.line))));
        let place = self.dialect.place(&step.line);
        let place = place.and_then(|place| first(self.places.get(&Key(place))));
        match undone.into_iter().chain(place).min() {
            Some(at) => {
                self.clear(at);
                self.put(at, fresh);
            }
            None => {
                self.slots.push(None);
                self.put(self.slots.len() - 1, fresh);
            }
        }
    }

    /// The line whose value `line` changes, if there is one, and what it is then.
    fn changed(&self, line: &str) -> Option<(Option<usize>, String)> {
        let place = self.dialect.changes(line)?;
        let mut shown = between(&self.lines, place).peekable();
        if shown.peek().is_none() {
            return Some((None, self.dialect.changed(None, line)?));
        }
        shown.find_map(|(has, slots)| Some((Some(*slots.first()?), self.dialect.changed(Some(has), line)?)))
    }

    /// Takes away what is `short` or begins with it; whether there was any.
    fn take_away(&mut self, short: &str) -> bool {
        let mut gone: Vec<usize> = self.bare.get(&Key::of(short)).into_iter().flatten().copied().collect();
        gone.extend(between(&self.bare, short).flat_map(|(_, slots)| slots.iter().copied()));
        gone.iter().for_each(|at| self.clear(*at));
        !gone.is_empty()
    }

    fn put(&mut self, at: usize, block: Block) {
        self.lines.entry(Key::owned(&block.line)).or_default().insert(at);
        self.bare.entry(Key::owned(self.dialect.bare(&block.line))).or_default().insert(at);
        if let Some(place) = self.dialect.place(&block.line) {
            self.places.entry(Key::owned(&place)).or_default().insert(at);
        }
        self.slots[at] = Some(block);
    }

    fn clear(&mut self, at: usize) {
        let Some(block) = self.slots[at].take() else { return };
        forget(&mut self.lines, &block.line, at);
        forget(&mut self.bare, self.dialect.bare(&block.line), at);
        if let Some(place) = self.dialect.place(&block.line) {
            forget(&mut self.places, &place, at);
        }
    }
}

fn forget(keys: &mut BTreeMap<Key<'static>, BTreeSet<usize>>, line: &str, at: usize) {
    let line = Key::owned(line);
    if let Some(slots) = keys.get_mut(&line) {
        slots.remove(&at);
        if slots.is_empty() {
            keys.remove(&line);
        }
    }
}
