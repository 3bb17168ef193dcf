//! What a device would have after a change, for people to read; whether it has it is not decided by this.

use super::hello::BASE;
use super::presence::{Operation, asked, is_marked, is_meant, is_so};
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

/// Merges `wanted` into `list`; `among` is how many wanted elements have its name, `top` whether it is at the top.
pub fn merge(list: &mut Vec<Element>, wanted: &Element, among: usize, top: bool) {
    if asked(wanted) == Operation::Remove {
        list.retain(|have| !is_meant(wanted, have));
        return;
    }
    if is_so(wanted, list) {
        return;
    }
    let at = place(list, wanted, among, top);
    if let Some(at) = at.filter(|at| !is_marked(&list[*at], wanted)) {
        list[at].attributes = plain_attributes(wanted);
    }
    match at {
        None => insert(list, wanted),
        Some(at) if asked(wanted) == Operation::Replace => list[at] = plain(wanted),
        Some(at) if wanted.children.is_empty() => {
            (list[at].text, list[at].prefixes) = (wanted.text.clone(), wanted.prefixes.clone());
        }
        Some(at) => {
            for child in &wanted.children {
                let among = wanted.children.iter().filter(|other| other.is_named_as(child)).count();
                merge(&mut list[at].children, child, among, false);
            }
        }
    }
}

/// Which element of `list` a device would change for `wanted`; none when it would add one.
fn place(list: &[Element], wanted: &Element, among: usize, top: bool) -> Option<usize> {
    let named: Vec<usize> = (0..list.len()).filter(|at| list[*at].is_named_as(wanted)).collect();
    let key = wanted.children.first().filter(|child| child.children.is_empty());
    let has_key = |at: &usize| {
        key.is_some_and(|key| {
            list[*at].children.iter().any(|have| have.is_named_as(key) && have.says_what(key))
        })
    };
    if let Some(at) = named.iter().copied().find(has_key) {
        return Some(at);
    }
    let [only] = named[..] else { return None };
    let is_entry = key.is_some_and(|key| KEYS.contains(&key.name.as_str()));
    (top || (among == 1 && !is_entry)).then_some(only)
}

/// After the last of its name, else at the end.
fn insert(list: &mut Vec<Element>, wanted: &Element) {
    let last = list.iter().rposition(|have| have.is_named_as(wanted));
    list.insert(last.map_or(list.len(), |at| at + 1), plain(wanted));
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
