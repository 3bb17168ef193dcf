//! The way back, a step at a time: the smallest edits that lead to what a device had, so that nothing is touched that was
//! not changed, and nothing that its reader may not see.
//!
//! Nobody here knows the data model. Keys stand first in their entry (RFC 7950 section 7.8.5), so the leaves that lead an
//! entry name it. Where it is open whether two nodes are one, a step only adds: what came of it tells, and the next step
//! takes away what is too much.

use super::compare::{asking, bare};
use super::presence::by_name;
use super::secrecy::{is_masked, is_secret};
use super::xml::{Attribute, Element, print};
use std::collections::BTreeSet;
use std::sync::Arc;
use switchyard_shared::digest::of_bytes;

/// Most leaves that name an entry.
const KEYS_MAX: usize = 6;
/// The namespace of what moves entries, RFC 7950 section 7.8.6.
pub(crate) const YANG: &str = "urn:ietf:params:xml:ns:yang:1";

/// Edits with the default operation merge that lead a device from `now` towards `then`; none when it has the same, in
/// whatever order. The error goes on after "failed to".
pub fn step(now: &[Element], then: &[Element]) -> Result<Vec<Element>, String> {
    siblings(now, then, true)
}

/// Whether both are the same, with the entries of lists in whatever order.
pub fn alike(one: &[Element], other: &[Element]) -> bool {
    let all = |elements: &[Element]| elements.iter().map(mark).collect::<BTreeSet<_>>();
    one.len() == other.len() && all(one) == all(other)
}

/// Edits that put entries into the order that they had, on a device that has them all, one for each list: what stands
/// elsewhere goes to its end, one after the other.
pub fn moves(now: &[Element], then: &[Element]) -> Vec<Vec<Element>> {
    let (mine, theirs) = (by_name(now), by_name(then));
    let mut moves = Vec::new();
    for (name, then) in &theirs {
        let now = mine.get(name).map_or(&[][..], Vec::as_slice);
        let has: Vec<String> = now.iter().map(|entry| mark(entry)).collect();
        let had: Vec<String> = then.iter().map(|entry| mark(entry)).collect();
        let in_place = has.iter().zip(&had).take_while(|(has, had)| has == had).count();
        let moved: Vec<Element> = then[in_place..].iter().filter_map(|entry| last(entry)).collect();
        if in_place < then.len() && moved.len() == then.len() - in_place {
            moves.push(moved);
        }
        for (then, had) in then.iter().zip(&had) {
            if let Some(at) = has.iter().position(|has| has == had) {
                let inner = self::moves(&now[at].children, &then.children).into_iter();
                moves.extend(inner.map(|inner| vec![named(then, inner)]));
            }
        }
    }
    moves
}

/// What moves an entry to the end of its list; none where nothing tells it from the others.
fn last(entry: &Element) -> Option<Element> {
    let mut edit = named(entry, Vec::new());
    (edit.text, edit.prefixes) = (entry.text.clone(), entry.prefixes.clone());
    edit.attributes.push(Attribute {
        namespace: Arc::from(YANG),
        prefix: "yang".into(),
        name: "insert".into(),
        value: "last".into(),
    });
    (entry.children.is_empty() || !edit.children.is_empty()).then_some(edit)
}

/// The leaves that lead `element`, with `inner` after them.
fn named(element: &Element, inner: Vec<Element>) -> Element {
    let mut edit = bare(element);
    edit.children = leading(element).into_iter().cloned().chain(inner).collect();
    edit
}

/// `takes`: whether it is certain that both stand in one place, so that what is too much can go.
fn siblings(now: &[Element], then: &[Element], takes: bool) -> Result<Vec<Element>, String> {
    let (mine, theirs) = (by_name(now), by_name(then));
    let (mut edits, mut seen) = (Vec::new(), BTreeSet::new());
    for element in now.iter().chain(then) {
        let name = (&*element.namespace, element.name.as_str());
        if seen.insert(name) {
            let now = mine.get(&name).map_or(&[][..], Vec::as_slice);
            let then = theirs.get(&name).map_or(&[][..], Vec::as_slice);
            edits.extend(of_one_name(now, then, takes)?);
        }
    }
    Ok(edits)
}

fn of_one_name(now: &[&Element], then: &[&Element], takes: bool) -> Result<Vec<Element>, String> {
    let marks = |elements: &[&Element]| elements.iter().map(|element| mark(element)).collect::<BTreeSet<_>>();
    let (has, had) = (marks(now), marks(then));
    let mut gone: Vec<&Element> = now.iter().copied().filter(|have| !had.contains(&mark(have))).collect();
    let lacks: Vec<&Element> = then.iter().copied().filter(|there| !has.contains(&mark(there))).collect();
    let is_list = now.len() > 1 || then.len() > 1;
    let keys = (1..=KEYS_MAX).find(|count| tells_apart(now, *count) && tells_apart(then, *count));
    if let Some(entry) = gone.iter().find(|have| is_list && keys.is_none() && !have.children.is_empty()) {
        return Err(format!("tell the entries of <{}> apart", entry.name));
    }
    let mut edits = Vec::new();
    for there in lacks {
        let is_it = |have: &&Element| match (is_list, keys) {
            (false, _) => true,
            (true, Some(keys)) => name(have, keys) == name(there, keys),
            (true, None) => false,
        };
        match gone.iter().position(is_it) {
            Some(at) => edits.extend(within(gone.remove(at), there, takes)?),
            None => edits.push(known(there)?.clone()),
        }
    }
    if takes {
        edits.extend(gone.into_iter().map(|have| taken(have, is_list)));
    }
    Ok(edits)
}

/// What makes `have`, which may be the same node, what it was `then`.
fn within(have: &Element, then: &Element, takes: bool) -> Result<Option<Element>, String> {
    if have.attributes != then.attributes {
        return Err(format!("put back the attributes of <{}>", then.name));
    }
    if have.children.is_empty() && then.children.is_empty() {
        return known(then).map(|then| Some(then.clone()));
    }
    let (was, leads) = (leading(have), leading(then));
    let mut keys = was.iter().zip(&leads).take_while(|(have, then)| have.is_named_as(then));
    let is_one = keys.all(|(have, then)| mark(have) == mark(then));
    let mut children = siblings(&have.children, &then.children, takes && is_one)?;
    if children.is_empty() {
        return Ok(None);
    }
    let mut edit = bare(then);
    for leaf in leads {
        let changed = children.iter().position(|child| child.is_named_as(leaf));
        edit.children.push(changed.map_or_else(|| leaf.clone(), |at| children.remove(at)));
    }
    edit.children.append(&mut children);
    Ok(Some(edit))
}

/// What takes `have` away, one of several where `is_list`: named by the leaves that lead it, or by its value.
fn taken(have: &Element, is_list: bool) -> Element {
    let mut gone = named(have, Vec::new());
    if is_list || !is_secret(&have.name) {
        (gone.text, gone.prefixes) = (have.text.clone(), have.prefixes.clone());
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

/// The leaves at the beginning of `element`, its keys among them if it is an entry of a list. What may be a secret is not
/// said again: some devices show another text than they take.
fn leading(element: &Element) -> Vec<&Element> {
    let is_alone =
        |leaf: &Element| element.children.iter().filter(|child| child.is_named_as(leaf)).count() == 1;
    let leads = |leaf: &&Element| {
        leaf.children.is_empty() && !leaf.text.is_empty() && !is_secret(&leaf.name) && is_alone(leaf)
    };
    element.children.iter().take(KEYS_MAX).take_while(leads).collect()
}

/// The first `count` leading leaves of an entry, if it has so many.
fn name(entry: &Element, count: usize) -> Option<Vec<String>> {
    let leads = leading(entry);
    (leads.len() >= count).then(|| leads[..count].iter().map(|leaf| mark(leaf)).collect())
}

fn tells_apart(entries: &[&Element], count: usize) -> bool {
    let mut names = BTreeSet::new();
    entries.iter().all(|entry| name(entry, count).is_some_and(|name| names.insert(name)))
}

/// The same for elements that are the same, with their children in whatever order.
fn mark(element: &Element) -> String {
    of_bytes(print(&[ordered(element)], "").as_bytes())
}

fn ordered(element: &Element) -> Element {
    let mut ordered = element.clone();
    ordered.children = element.children.iter().map(self::ordered).collect();
    ordered.children.sort_by_cached_key(|child| of_bytes(print(std::slice::from_ref(child), "").as_bytes()));
    ordered
}

#[cfg(test)]
#[path = "back/tests.rs"]
mod tests;
