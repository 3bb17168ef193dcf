//! Siblings by what they say, so that the entries of a long list are found without looking through all of it each time.

use super::presence::{Operation, asked};
use super::xml::Element;
use std::collections::BTreeMap;

/// The namespace and the name of an element.
type Name<'a> = (&'a str, &'a str);

/// Siblings by their names, and by the leaves in them or what they say themselves.
pub struct Places<'a> {
    named: BTreeMap<Name<'a>, Vec<&'a Element>>,
    saying: BTreeMap<(Name<'a>, Name<'a>, &'a str), Vec<&'a Element>>,
}

impl<'a> Places<'a> {
    /// Those of `siblings`.
    pub fn of(siblings: &'a [Element]) -> Self {
        let mut places = Self { named: BTreeMap::new(), saying: BTreeMap::new() };
        for sibling in siblings {
            places.named.entry(name(sibling)).or_default().push(sibling);
            for leaf in std::iter::once(sibling).chain(&sibling.children).filter(|leaf| is_leaf(leaf)) {
                for word in words(leaf) {
                    let place = (name(sibling), name(leaf), word);
                    places.saying.entry(place).or_default().push(sibling);
                }
            }
        }
        places
    }

    /// Whether any has the name of `wanted`.
    pub fn has(&self, wanted: &Element) -> bool {
        self.named.contains_key(&name(wanted))
    }

    /// Those of the name of `wanted` that may be it: all of them, unless a leaf that has to be there tells them apart.
    pub fn that_may_be(&self, wanted: &Element) -> Vec<&'a Element> {
        match telling(wanted).min_by_key(|leaf| self.saying(wanted, leaf).map(Vec::len).sum::<usize>()) {
            Some(leaf) => self.saying(wanted, leaf).flatten().copied().collect(),
            None => self.named.get(&name(wanted)).cloned().unwrap_or_default(),
        }
    }

    /// Those of the name of `wanted` that have this leaf, or are it.
    fn saying<'b>(
        &'b self,
        wanted: &'b Element,
        leaf: &'b Element,
    ) -> impl Iterator<Item = &'b Vec<&'a Element>> {
        words(leaf).filter_map(|word| self.saying.get(&(name(wanted), name(leaf), word)))
    }
}

/// The leaves of `wanted` that have to be there, or itself, by which it is told from others of its name.
pub fn telling(wanted: &Element) -> impl Iterator<Item = &Element> {
    let tells = move |leaf: &&Element| {
        is_leaf(leaf) && (std::ptr::eq(*leaf, wanted) || asked(leaf) != Operation::Remove)
    };
    std::iter::once(wanted).chain(&wanted.children).filter(tells)
}

/// The namespace and the name of an element.
pub fn name(element: &Element) -> Name<'_> {
    (&element.namespace, &element.name)
}

/// Whether it says something itself.
pub fn is_leaf(element: &Element) -> bool {
    element.children.is_empty() && !element.text.is_empty()
}

/// What a leaf says, and the same without its prefix: leaves that mean the same have one of them in common.
pub fn words(leaf: &Element) -> impl Iterator<Item = &str> {
    let bare = leaf.text.split_once(':').map(|(_, bare)| bare);
    std::iter::once(leaf.text.as_str()).chain(bare)
}
