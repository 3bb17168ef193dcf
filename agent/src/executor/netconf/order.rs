//! Siblings in one order, whatever order they came in: a device may sort its lists.

use super::places::name;
use super::xml::Element;
use std::cmp::Ordering;

/// `elements` with all siblings sorted by what they say, so that those which [`super::presence::is_same`] takes for the
/// same come to stand in the same places.
pub fn in_one_order(elements: &[Element]) -> Vec<Element> {
    let mut sorted = elements.to_vec();
    sort(&mut sorted);
    sorted
}

fn sort(siblings: &mut [Element]) {
    siblings.iter_mut().for_each(|sibling| sort(&mut sibling.children));
    // What means the same may be written with another prefix, so a prefix tells those apart alone that nothing else does.
    siblings.sort_by(|one, other| rank(one, other, bare).then_with(|| rank(one, other, whole)));
}

/// How two trees stand to each other whose children are sorted; `said` is what counts of a text.
fn rank(one: &Element, other: &Element, said: fn(&Element) -> &str) -> Ordering {
    let children = || {
        let mut pairs = one.children.iter().zip(&other.children).map(|(one, other)| rank(one, other, said));
        pairs.find(|rank| rank.is_ne()).unwrap_or_else(|| one.children.len().cmp(&other.children.len()))
    };
    let own = name(one).cmp(&name(other)).then_with(|| marks(one).cmp(&marks(other)));
    own.then_with(|| said(one).cmp(said(other))).then_with(children)
}

/// The attributes that count on both sides; those of a namespace count only where they were asked for.
fn marks(element: &Element) -> Vec<(&str, &str)> {
    let plain = element.attributes.iter().filter(|attribute| attribute.namespace.is_empty());
    let mut marks: Vec<_> = plain.map(|plain| (plain.name.as_str(), plain.value.as_str())).collect();
    marks.sort_unstable();
    marks
}

fn whole(element: &Element) -> &str {
    &element.text
}

fn bare(element: &Element) -> &str {
    element.text.split_once(':').map_or(&element.text, |(_, bare)| bare)
}
