//! The way back, a step at a time: the smallest edits that lead to what a device had, so that nothing is touched that was
//! not changed, and nothing that its reader may not see.
//!
//! Nobody here knows the data model. Keys stand first in their entry (RFC 7950 section 7.8.5), so the leaves that lead an
//! entry name it. Where it is open whether two nodes are one, a step only adds: what came of it tells, and the next step
//! takes away what is too much.

use super::compare::{asking, bare};
use super::node::{KEYS_MAX, Node, by_name, nodes};
use super::secrecy::{is_masked, is_secret};
use super::xml::{Attribute, Element};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use switchyard_shared::digest::of_bytes;

/// The namespace of what moves entries, RFC 7950 section 7.8.6.
pub(crate) const YANG: &str = "urn:ietf:params:xml:ns:yang:1";

/// Edits with the default operation merge that lead a device from `now` towards `then`; none when it has the same, in
/// whatever order. The error goes on after "failed to".
pub fn step(now: &[Element], then: &[Element]) -> Result<Vec<Element>, String> {
    siblings(&nodes(now), &nodes(then), true)
}

/// Whether both are the same, with the entries of lists in whatever order.
pub fn alike(one: &[Element], other: &[Element]) -> bool {
    one.len() == other.len() && mark(one) == mark(other)
}

/// The same for what is [`alike`], and short.
pub fn mark(elements: &[Element]) -> String {
    let mut marks: Vec<String> = nodes(elements).into_iter().map(|node| node.mark).collect();
    marks.sort_unstable();
    of_bytes(marks.concat().as_bytes())
}

/// Edits that put entries into the order that they had, on a device that has them all, one for each list: what stands
/// elsewhere goes to its end, one after the other.
pub fn moves(now: &[Element], then: &[Element]) -> Vec<Vec<Element>> {
    moves_of(&nodes(now), &nodes(then))
}

fn moves_of(now: &[Node<'_>], then: &[Node<'_>]) -> Vec<Vec<Element>> {
    let (mine, theirs) = (by_name(now), by_name(then));
    let mut moves = Vec::new();
    for (name, then) in &theirs {
        let now = mine.get(name).map_or(&[][..], Vec::as_slice);
        let in_place = now.iter().zip(then).take_while(|(has, had)| has.mark == had.mark).count();
        let moved: Vec<Element> = then[in_place..].iter().filter_map(|entry| last(entry)).collect();
        if in_place < then.len() && moved.len() == then.len() - in_place {
            moves.push(moved);
        }
        let has: BTreeMap<&str, &Node<'_>> = now.iter().rev().map(|entry| (&*entry.mark, *entry)).collect();
        for then in then {
            if let Some(now) = has.get(&*then.mark) {
                let inner = moves_of(&now.children, &then.children).into_iter();
                moves.extend(inner.map(|inner| vec![named(then, inner)]));
            }
        }
    }
    moves
}

/// What moves an entry to the end of its list; none where nothing tells it from the others.
fn last(entry: &Node<'_>) -> Option<Element> {
    let mut edit = named(entry, Vec::new());
    (edit.text, edit.prefixes) = (entry.element.text.clone(), entry.element.prefixes.clone());
    edit.attributes.push(Attribute {
        namespace: Arc::from(YANG),
        prefix: "yang".into(),
        name: "insert".into(),
        value: "last".into(),
    });
    (entry.children.is_empty() || !edit.children.is_empty()).then_some(edit)
}

/// The leaves that lead `node`, with `inner` after them.
fn named(node: &Node<'_>, inner: Vec<Element>) -> Element {
    let mut edit = bare(node.element);
    edit.children = node.leading().iter().map(|leaf| leaf.element.clone()).chain(inner).collect();
    edit
}

/// `takes`: whether it is certain that both stand in one place, so that what is too much can go.
fn siblings(now: &[Node<'_>], then: &[Node<'_>], takes: bool) -> Result<Vec<Element>, String> {
    let (mine, theirs) = (by_name(now), by_name(then));
    let (mut edits, mut seen) = (Vec::new(), BTreeSet::new());
    for node in now.iter().chain(then) {
        let name = node.name();
        if seen.insert(name) {
            let now = mine.get(&name).map_or(&[][..], Vec::as_slice);
            let then = theirs.get(&name).map_or(&[][..], Vec::as_slice);
            edits.extend(of_one_name(now, then, takes)?);
        }
    }
    Ok(edits)
}

fn of_one_name(now: &[&Node<'_>], then: &[&Node<'_>], takes: bool) -> Result<Vec<Element>, String> {
    let (has, had) = (marks(now), marks(then));
    let gone: Vec<&Node<'_>> = now.iter().copied().filter(|have| !had.contains(&*have.mark)).collect();
    let lacks: Vec<&Node<'_>> = then.iter().copied().filter(|there| !has.contains(&*there.mark)).collect();
    let is_list = now.len() > 1 || then.len() > 1;
    // What is no list is the same node whatever is in it.
    let keys = match is_list {
        true => (1..=KEYS_MAX).find(|count| tells_apart(now, *count) && tells_apart(then, *count)),
        false => Some(0),
    };
    if let Some(entry) = gone.iter().find(|have| keys.is_none() && !have.children.is_empty()) {
        return Err(format!("tell the entries of <{}> apart", entry.element.name));
    }
    let mut found: BTreeMap<Vec<&str>, &Node<'_>> =
        gone.iter().filter_map(|have| Some((have.named(keys?)?, *have))).collect();
    let (mut edits, mut kept) = (Vec::new(), BTreeSet::new());
    for there in lacks {
        match keys.and_then(|keys| found.remove(&there.named(keys)?)) {
            Some(have) => {
                kept.insert(&*have.mark);
                edits.extend(within(have, there, takes)?);
            }
            None => edits.push(known(there.element)?.clone()),
        }
    }
    if takes {
        let gone = gone.into_iter().filter(|have| !kept.contains(&*have.mark));
        edits.extend(gone.map(|have| taken(have, is_list)));
    }
    Ok(edits)
}

fn marks<'a>(nodes: &[&'a Node<'_>]) -> BTreeSet<&'a str> {
    nodes.iter().map(|node| &*node.mark).collect()
}

/// What makes `have`, which may be the same node, what it was `then`.
fn within(have: &Node<'_>, then: &Node<'_>, takes: bool) -> Result<Option<Element>, String> {
    if have.element.attributes != then.element.attributes {
        return Err(format!("put back the attributes of <{}>", then.element.name));
    }
    if have.children.is_empty() && then.children.is_empty() {
        return known(then.element).map(|then| Some(then.clone()));
    }
    let (was, leads) = (have.leading(), then.leading());
    let mut keys = was.iter().zip(leads).take_while(|(have, then)| have.name() == then.name());
    let is_one = keys.all(|(have, then)| have.mark == then.mark);
    let mut children = siblings(&have.children, &then.children, takes && is_one)?;
    if children.is_empty() {
        return Ok(None);
    }
    let mut edit = bare(then.element);
    for leaf in leads {
        let changed = children.iter().position(|child| child.is_named_as(leaf.element));
        edit.children.push(changed.map_or_else(|| leaf.element.clone(), |at| children.remove(at)));
    }
    edit.children.append(&mut children);
    Ok(Some(edit))
}

/// What takes `have` away, one of several where `is_list`: named by the leaves that lead it, or by its value.
fn taken(have: &Node<'_>, is_list: bool) -> Element {
    let mut gone = named(have, Vec::new());
    if is_list || !is_secret(&have.element.name) {
        (gone.text, gone.prefixes) = (have.element.text.clone(), have.element.prefixes.clone());
    }
    asking("delete", &gone)
}

/// `element`, if the device has shown all of it.
fn known(element: &Element) -> Result<&Element, String> {
    if is_masked(&element.name, &element.text) {
        return Err(format!("put back <{}>, whose value the device does not show", element.name));
    }
    element.children.iter().try_for_each(|child| known(child).map(drop))?;
    Ok(element)
}

fn tells_apart(entries: &[&Node<'_>], count: usize) -> bool {
    let mut names = BTreeSet::new();
    entries.iter().all(|entry| entry.named(count).is_some_and(|name| names.insert(name)))
}

#[cfg(test)]
#[path = "back/tests.rs"]
mod tests;
