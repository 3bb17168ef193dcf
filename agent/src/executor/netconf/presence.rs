//! Whether a device has what a configuration asks for, without knowing its data model.

use super::hello::BASE;
use super::xml::Element;
use std::collections::BTreeMap;

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

/// The same once every operation of a tree is known to be one.
pub fn asked(element: &Element) -> Operation {
    operation(element).unwrap_or(Operation::Merge)
}

/// Whether what `wanted` asks for is so among `siblings`. Entries of a list are found by all that is wanted of
/// them, their keys among it.
pub fn is_so(wanted: &Element, siblings: &[Element]) -> bool {
    let mut named = siblings.iter().filter(|sibling| sibling.is_named_as(wanted));
    match asked(wanted) {
        Operation::Remove => !named.any(|sibling| is_meant(wanted, sibling)),
        Operation::Replace => named.any(|sibling| is_same(wanted, sibling)),
        Operation::Merge => {
            let mut named = named.peekable();
            (named.peek().is_none() && !demands(wanted)) || named.any(|sibling| holds(sibling, wanted))
        }
    }
}

/// Whether `have` is what `wanted` takes away.
pub fn is_meant(wanted: &Element, have: &Element) -> bool {
    wanted.is_named_as(have)
        && match wanted.children.is_empty() {
            true => wanted.text.is_empty() || wanted.says_what(have),
            false => wanted.children.iter().all(|child| is_so(child, &have.children)),
        }
}

fn holds(have: &Element, wanted: &Element) -> bool {
    match (wanted.children.is_empty(), have.children.is_empty()) {
        (true, true) => wanted.says_what(have),
        (true, false) => wanted.text.is_empty(),
        (false, _) => wanted.children.iter().all(|child| is_so(child, &have.children)),
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

/// Whether two trees are the same. Children of different names may stand in any order; those of one name may not:
/// the entries of many lists have an order that counts.
pub fn is_same(one: &Element, other: &Element) -> bool {
    one.is_named_as(other)
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
