//! Siblings that a change adds to, alters and takes away, found by what they say where many are looked for.

use super::places::{is_leaf, name, telling, words};
use super::presence::MANY;
use super::xml::Element;
use std::collections::{BTreeMap, BTreeSet};
use switchyard_shared::digest::of_bytes;
use zeroize::Zeroizing;

/// Siblings in their order.
pub struct Siblings {
    slots: Vec<Slot>,
    /// `None` where looking through all of them is less work.
    index: Option<Index>,
}

struct Slot {
    /// `None` once it was taken away.
    element: Option<Element>,
    /// The slot that it comes after, or its own.
    behind: usize,
}

/// Slots by their elements' names, and by the digest of a name with what a leaf of it says. What says something else by
/// now is still found by what it said.
#[derive(Default)]
struct Index {
    named: BTreeMap<String, BTreeSet<usize>>,
    saying: BTreeMap<String, BTreeSet<usize>>,
}

impl Siblings {
    /// Those of `elements`, among which so many are looked for.
    pub fn of(elements: Vec<Element>, looked_for: usize) -> Self {
        let slots = elements.into_iter().enumerate();
        let slots = slots.map(|(behind, element)| Slot { element: Some(element), behind }).collect();
        let mut siblings = Self { slots, index: (looked_for >= MANY).then(Index::default) };
        (0..siblings.slots.len()).for_each(|at| siblings.note(at));
        siblings
    }

    /// All that are left, in their order.
    pub fn into_elements(mut self) -> Vec<Element> {
        // What was added stands at the end of the slots, in the order in which it came.
        self.slots.sort_by_key(|slot| slot.behind);
        self.slots.into_iter().filter_map(|slot| slot.element).collect()
    }

    /// The one in a slot, if it is left.
    pub fn get(&self, at: usize) -> Option<&Element> {
        self.slots.get(at)?.element.as_ref()
    }

    /// Has the one in a slot altered.
    pub fn alter(&mut self, at: usize, change: impl FnOnce(&mut Element)) {
        if let Some(element) = self.slots.get_mut(at).and_then(|slot| slot.element.as_mut()) {
            change(element);
            self.note(at);
        }
    }

    /// Takes away the one in a slot.
    pub fn take_away(&mut self, at: usize) {
        let Some(element) = self.slots.get_mut(at).and_then(|slot| slot.element.take()) else { return };
        let named = self.index.as_mut().and_then(|index| index.named.get_mut(&of_name(&element)));
        named.map(|named| named.remove(&at));
    }

    /// Adds `element` after the last of its name, else at the end.
    pub fn add(&mut self, element: Element) {
        let at = self.slots.len();
        let behind = self.named(&element).next_back().map_or(at, |last| self.slots[last].behind);
        self.slots.push(Slot { element: Some(element), behind });
        self.note(at);
    }

    /// The slots of those that have the name of `wanted`.
    pub fn named<'s>(&'s self, wanted: &'s Element) -> Box<dyn DoubleEndedIterator<Item = usize> + 's> {
        let is_named = |at: &usize| self.get(*at).is_some_and(|have| have.is_named_as(wanted));
        match &self.index {
            Some(index) => Box::new(index.named.get(&of_name(wanted)).into_iter().flatten().copied()),
            None => Box::new((0..self.slots.len()).filter(is_named)),
        }
    }

    /// Those of the name of `wanted` that may be it: all of them, unless a leaf that has to be there tells them apart.
    pub fn that_may_be(&self, wanted: &Element) -> Vec<usize> {
        match telling(wanted).min_by_key(|leaf| self.saying(wanted, leaf).map(BTreeSet::len).sum::<usize>()) {
            Some(leaf) => self.with(wanted, leaf),
            None => self.named(wanted).collect(),
        }
    }

    /// Those of the name of `wanted` that may have this leaf of it, or be it.
    pub fn with(&self, wanted: &Element, leaf: &Element) -> Vec<usize> {
        if self.index.is_none() || !is_leaf(leaf) {
            return self.named(wanted).collect();
        }
        let all: BTreeSet<usize> = self.saying(wanted, leaf).flatten().copied().collect();
        all.into_iter().filter(|at| self.get(*at).is_some()).collect()
    }

    fn saying<'s>(
        &'s self,
        wanted: &'s Element,
        leaf: &'s Element,
    ) -> impl Iterator<Item = &'s BTreeSet<usize>> {
        let index = self.index.as_ref();
        words(leaf).filter_map(move |word| index?.saying.get(&said(wanted, leaf, word)))
    }

    /// Has the one in a slot found by what it says.
    fn note(&mut self, at: usize) {
        let Some(index) = &mut self.index else { return };
        let Some(element) = self.slots.get(at).and_then(|slot| slot.element.as_ref()) else { return };
        index.named.entry(of_name(element)).or_default().insert(at);
        for leaf in std::iter::once(element).chain(&element.children).filter(|leaf| is_leaf(leaf)) {
            for word in words(leaf) {
                index.saying.entry(said(element, leaf, word)).or_default().insert(at);
            }
        }
    }
}

fn of_name(element: &Element) -> String {
    format!("{:?}", name(element))
}

/// A digest: what a leaf says may be a secret.
fn said(element: &Element, leaf: &Element, word: &str) -> String {
    of_bytes(Zeroizing::new(format!("{:?}", (name(element), name(leaf), word))).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::compare::wanted;
    use super::*;

    fn entries(numbers: std::ops::Range<u32>) -> Vec<Element> {
        let entry = |number: u32| format!("<e xmlns='urn:x'><on>true</on><name>p:{number}</name></e>");
        wanted(&numbers.map(entry).collect::<String>()).unwrap()
    }

    #[test]
    fn an_entry_of_a_long_list_is_looked_for_among_those_alone_that_have_its_key() {
        let mut siblings = Siblings::of(entries(0..200), 200);
        for (at, entry) in entries(0..200).iter().enumerate() {
            assert_eq!(siblings.that_may_be(entry), [at]);
        }
        let more = entries(200..300);
        for entry in &more {
            assert_eq!(siblings.that_may_be(entry), [0; 0]);
            siblings.add(entry.clone());
        }
        assert_eq!(siblings.that_may_be(&more[7]), [207]);
        siblings.take_away(207);
        assert_eq!(siblings.that_may_be(&more[7]), [0; 0]);
        siblings.alter(3, |entry| entry.clone_from(&more[7]));
        assert_eq!(siblings.that_may_be(&more[7]), [3]);
    }

    #[test]
    fn what_is_added_stands_behind_the_last_of_its_name() {
        for looked_for in [1, MANY] {
            let list = "<a xmlns='u'>1</a><a xmlns='u'>2</a><b xmlns='u'>3</b>";
            let mut siblings = Siblings::of(wanted(list).unwrap(), looked_for);
            for new in
                wanted("<c xmlns='u'>4</c><a xmlns='u'>5</a><c xmlns='u'>6</c><a xmlns='u'>7</a>").unwrap()
            {
                siblings.add(new);
            }
            siblings.take_away(1);
            let texts: Vec<String> =
                siblings.into_elements().iter().map(|element| element.text.to_string()).collect();
            assert_eq!(texts, ["1", "5", "7", "3", "4", "6"]);
        }
    }
}
