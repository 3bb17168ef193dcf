//! Whether a device has what a configuration asks for, without knowing its data model.

use super::back::YANG;
use super::hello::BASE;
use super::places::Places;
use super::xml::{Attribute, Element};
use std::collections::BTreeMap;

/// As many siblings are not looked through one by one for each of as many others.
pub const MANY: usize = 16;
/// Attributes without a namespace that say what to do; Junos knows them.
const DEEDS: [&str; 8] =
    ["insert", "rename", "replace", "delete", "create", "active", "activate", "unprotect"];

/// What a part of a configuration asks for, RFC 6241 section 7.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// To be there, beside what else is there.
    Merge,
    /// To be all that is there.
    Replace,
    /// Not to be there.
    Remove,
}

/// What `element` asks for; `Err` is an operation that nobody knows.
pub fn operation(element: &Element) -> Result<Operation, String> {
    match element.attribute(BASE, "operation") {
        None | Some("merge" | "create" | "none") => Ok(Operation::Merge),
        Some("replace") => Ok(Operation::Replace),
        Some("delete" | "remove") => Ok(Operation::Remove),
        Some(other) => Err(format!("the operation {other:?} of <{}> is none of NETCONF's", element.name)),
    }
}

/// Why an attribute of `element` cannot be used: it says what to do, and nothing that a device shows later tells whether it
/// was done. The error goes on after "the configuration cannot be used: ".
pub fn only_what_shows(element: &Element) -> Result<(), String> {
    for Attribute { namespace, name, .. } in &element.attributes {
        let instead = match (&**namespace, name.as_str()) {
            (BASE, "operation") => continue,
            (YANG, _) => "write the whole list in its order, with mode: replace",
            ("", "operation") => "write nc:operation, which NETCONF knows",
            (BASE, _) => "NETCONF knows nc:operation alone",
            ("", name) if DEEDS.contains(&name) => "write what the device shall show, or nc:operation",
            (_, _) => continue,
        };
        let element = &element.name;
        return Err(format!(
            "the attribute {name} of <{element}> says what to do, and no reading tells whether it was done: {instead}"
        ));
    }
    Ok(())
}

/// The same once every operation of a tree is known to be one.
pub fn asked(element: &Element) -> Operation {
    operation(element).unwrap_or(Operation::Merge)
}

/// Whether what `wanted` asks for is so among `siblings`. Entries of a list are found by all that is wanted of
/// them, their keys among it.
pub fn is_so(wanted: &Element, siblings: &[Element]) -> bool {
    let named = siblings.iter().filter(|sibling| sibling.is_named_as(wanted));
    is_among(wanted, named.clone().next().is_some(), named)
}

/// Whether all that `wanted` asks for is so among `siblings`.
pub fn are_so(wanted: &[Element], siblings: &[Element]) -> bool {
    if wanted.len() < MANY || siblings.len() < MANY {
        return wanted.iter().all(|wanted| is_so(wanted, siblings));
    }
    let places = Places::of(siblings);
    wanted.iter().all(|wanted| is_among(wanted, places.has(wanted), places.that_may_be(wanted).into_iter()))
}

/// Whether what `wanted` asks for is so among `some`, the only ones of its name that may be it; `is_named`: whether there
/// are any of its name at all.
pub fn is_among<'a>(wanted: &Element, is_named: bool, mut some: impl Iterator<Item = &'a Element>) -> bool {
    match asked(wanted) {
        Operation::Remove => !some.any(|sibling| is_meant(wanted, sibling)),
        Operation::Replace => some.any(|sibling| is_same(wanted, sibling)),
        Operation::Merge => (!is_named && !demands(wanted)) || some.any(|sibling| holds(sibling, wanted)),
    }
}

/// Whether `have` is what `wanted` takes away.
pub fn is_meant(wanted: &Element, have: &Element) -> bool {
    wanted.is_named_as(have)
        && match wanted.children.is_empty() {
            true => wanted.text.is_empty() || wanted.says_what(have),
            false => are_so(&wanted.children, &have.children),
        }
}

fn holds(have: &Element, wanted: &Element) -> bool {
    if !is_marked(have, wanted) {
        return false;
    }
    match (wanted.children.is_empty(), have.children.is_empty()) {
        (true, true) => wanted.says_what(have),
        (true, false) => wanted.text.is_empty(),
        (false, _) => are_so(&wanted.children, &have.children),
    }
}

/// Whether something has to be there: not so where all that is asked is that something is not.
fn demands(wanted: &Element) -> bool {
    match asked(wanted) {
        Operation::Remove => false,
        Operation::Replace => true,
        Operation::Merge => wanted.children.is_empty() || wanted.children.iter().any(demands),
    }
}

/// Whether `have` has the attributes of `wanted` besides its operation, and no other one without a namespace: Junos marks
/// with such ones what is not in force. One in a namespace that nobody asked for only tells about its element.
pub fn is_marked(have: &Element, wanted: &Element) -> bool {
    let mut asked = wanted.attributes.iter().filter(|attribute| *attribute.namespace != *BASE);
    let mut plain = have.attributes.iter().filter(|attribute| attribute.namespace.is_empty());
    asked.all(|asked| have.attribute(&asked.namespace, &asked.name) == Some(&asked.value))
        && plain.all(|plain| wanted.attribute("", &plain.name).is_some())
}

/// Whether two trees are the same. `one` is what is wanted where the other is what a device has. Children of different names may stand in any order; those of one name may not:
/// the entries of many lists have an order that counts.
pub fn is_same(one: &Element, other: &Element) -> bool {
    one.is_named_as(other)
        && is_marked(other, one)
        && one.children.len() == other.children.len()
        && (!one.children.is_empty() || one.says_what(other))
        && are_same(&one.children, &other.children)
}

/// The same of the children of two trees.
pub fn are_same(some: &[Element], others: &[Element]) -> bool {
    let (mine, theirs) = (by_name(some), by_name(others));
    mine.len() == theirs.len()
        && mine.iter().zip(&theirs).all(|((name, mine), (other, theirs))| {
            name == other
                && mine.len() == theirs.len()
                && mine.iter().zip(theirs).all(|(mine, theirs)| is_same(mine, theirs))
        })
}

/// Elements of one name, in their order.
pub fn by_name(elements: &[Element]) -> BTreeMap<(&str, &str), Vec<&Element>> {
    let mut by_name: BTreeMap<(&str, &str), Vec<&Element>> = BTreeMap::new();
    for element in elements {
        by_name.entry((&element.namespace, &element.name)).or_default().push(element);
    }
    by_name
}
