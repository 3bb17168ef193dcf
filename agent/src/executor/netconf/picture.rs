//! What a device would have after a change, for people to read; whether it has it is not decided by this.

use super::hello::BASE;
use super::places::name;
use super::presence::{Operation, asked, by_name, is_among, is_marked, is_meant};
use super::siblings::Siblings;
use super::xml::{Attribute, Element};

/// Leaves that are nearly always keys: an element of one name and another such value is another entry.
pub const KEYS: [&str; 12] = [
    "name",
    "id",
    "index",
    "key",
    "ip",
    "address",
    "prefix",
    "number",
    "identifier",
    "sequence-id",
    "vlan-id",
    "as",
];

/// Merges all of `wanted` into `list`, one after the other; `top`: at the top of a configuration.
pub fn merge(list: &mut Vec<Element>, wanted: &[Element], top: bool) {
    let among = by_name(wanted);
    let mut siblings = Siblings::of(std::mem::take(list), wanted.len());
    for one in wanted {
        let is_alone = among.get(&name(one)).is_none_or(|named| named.len() == 1);
        merge_one(&mut siblings, one, is_alone, top);
    }
    *list = siblings.into_elements();
}

fn merge_one(siblings: &mut Siblings, wanted: &Element, is_alone: bool, top: bool) {
    let some = siblings.that_may_be(wanted);
    if asked(wanted) == Operation::Remove {
        let meant = |at: &usize| siblings.get(*at).is_some_and(|have| is_meant(wanted, have));
        let meant: Vec<usize> = some.into_iter().filter(meant).collect();
        meant.into_iter().for_each(|at| siblings.take_away(at));
        return;
    }
    let is_named = siblings.named(wanted).next().is_some();
    if is_among(wanted, is_named, some.into_iter().filter_map(|at| siblings.get(at))) {
        return;
    }
    match place(siblings, wanted, is_alone, top) {
        None => siblings.add(plain(wanted)),
        Some(at) => siblings.alter(at, |have| alter(have, wanted)),
    }
}

fn alter(have: &mut Element, wanted: &Element) {
    if !is_marked(have, wanted) {
        have.attributes = plain_attributes(wanted);
    }
    if asked(wanted) == Operation::Replace {
        *have = plain(wanted);
    } else if wanted.children.is_empty() {
        (have.text, have.prefixes) = (wanted.text.clone(), wanted.prefixes.clone());
    } else {
        merge(&mut have.children, &wanted.children, false);
    }
}

/// Where a device would change something for `wanted`; none when it would add it. `is_alone`: nothing else of its name
/// is wanted beside it.
fn place(siblings: &Siblings, wanted: &Element, is_alone: bool, top: bool) -> Option<usize> {
    let key = wanted.children.first().filter(|child| child.children.is_empty());
    if let Some(key) = key {
        let is_key = |have: &Element| have.is_named_as(key) && have.says_what(key);
        let has_key = |at: &usize| siblings.get(*at).is_some_and(|have| have.children.iter().any(is_key));
        if let Some(at) = siblings.with(wanted, key).into_iter().find(has_key) {
            return Some(at);
        }
    }
    let [only] = siblings.named(wanted).take(2).collect::<Vec<_>>()[..] else { return None };
    let is_entry = key.is_some_and(|key| KEYS.contains(&key.name.as_str()));
    (top || (is_alone && !is_entry)).then_some(only)
}

fn plain_attributes(wanted: &Element) -> Vec<Attribute> {
    wanted.attributes.iter().filter(|attribute| &*attribute.namespace != BASE).cloned().collect()
}

/// `wanted` without its operations and without what it takes away.
pub fn plain(wanted: &Element) -> Element {
    let mut element = wanted.clone();
    element.attributes = plain_attributes(wanted);
    element.children =
        wanted.children.iter().filter(|child| asked(child) != Operation::Remove).map(plain).collect();
    element
}
