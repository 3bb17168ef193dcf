//! How a device differs from what is wanted, and the edits that make it so, or as it was.

use super::hello::BASE;
use super::order::in_one_order;
use super::picture;
use super::places::name;
use super::presence::{Operation, are_same, are_so, asked, by_name, is_same, only_what_shows, operation};
use super::secrecy;
use super::xml::{Attribute, Element, parse, print};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use switchyard_shared::configuration::unified;
use switchyard_shared::procedure::Mode;
use zeroize::Zeroizing;

/// The top elements of a running configuration as [`super::session`] keeps it.
pub fn running(text: &str) -> Result<Vec<Element>, String> {
    let mut wrapped = Zeroizing::new(String::with_capacity(text.len() + 16));
    wrapped.push_str("<data>");
    wrapped.push_str(text);
    wrapped.push_str("</data>");
    let root = parse(&wrapped).map_err(|error| error.to_string())?;
    Ok(root.children)
}

/// The top elements of a configuration that a person wrote; it may stand in a `<config>` or `<data>` of its own.
pub fn wanted(text: &str) -> Result<Vec<Element>, String> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let text = match text.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>").map_or("", |(_, rest)| rest),
        None => text,
    };
    let mut wrapped = Zeroizing::new(String::with_capacity(text.len() + BASE.len() + 64));
    wrapped.push_str(&format!("<config xmlns=\"{BASE}\" xmlns:nc=\"{BASE}\">"));
    wrapped.push_str(text);
    wrapped.push_str("</config>");
    let root = parse(&wrapped).map_err(|error| format!("failed to {error}"))?;
    if root.children.is_empty() && !root.text.trim().is_empty() {
        return Err("it is no XML".into());
    }
    let top = match &root.children[..] {
        [only] if ["config", "data"].contains(&only.name.as_str()) && *only.namespace == *BASE => {
            only.children.clone()
        }
        _ => root.children,
    };
    for element in &top {
        if *element.namespace == *BASE {
            return Err(format!(
                "<{}> has no namespace of its own: give it its module's xmlns",
                element.name
            ));
        }
        known_operations(element)?;
    }
    Ok(top)
}

fn known_operations(element: &Element) -> Result<(), String> {
    operation(element)?;
    only_what_shows(element)?;
    element.children.iter().try_for_each(known_operations)
}

/// Refuses what asks for a secret that the device does not show. What is so in one entry of a list is so in all of them.
pub fn can_be_seen(have: &[Element], want: &[Element]) -> Result<(), String> {
    let mut masked = BTreeSet::new();
    note_masked(have, &mut Vec::new(), &mut masked);
    is_seen(want, &mut Vec::new(), &masked)
}

/// The names on the way to an element, with their namespaces.
type Place<'a> = Vec<(&'a str, &'a str)>;

fn note_masked<'a>(have: &'a [Element], at: &mut Place<'a>, masked: &mut BTreeSet<Place<'a>>) {
    for element in have {
        at.push((&element.namespace, &element.name));
        if secrecy::is_masked(&element.name, &element.text) {
            masked.insert(at.clone());
        }
        note_masked(&element.children, at, masked);
        at.pop();
    }
}

fn is_seen<'a>(want: &'a [Element], at: &mut Place<'a>, masked: &BTreeSet<Place<'a>>) -> Result<(), String> {
    for wanted in want.iter().filter(|wanted| asked(wanted) != Operation::Remove) {
        at.push((&wanted.namespace, &wanted.name));
        if wanted.children.is_empty() && masked.contains(at) {
            return Err(secrecy::unseen(&format!("<{}>", wanted.name)));
        }
        is_seen(&wanted.children, at, masked)?;
        at.pop();
    }
    Ok(())
}

fn is_there(have: &[Element], want: &[Element], mode: Mode) -> bool {
    match mode {
        Mode::Merge => are_so(want, have),
        Mode::Replace => are_same(want, &of_names(have, want)),
    }
}

/// Whether a device that has `have` has `want` with its entries in whatever order: before a write their order counts, since
/// nobody here knows which lists are ordered by their user.
pub fn has_in_some_order(have: &[Element], want: &[Element], mode: Mode) -> bool {
    is_there(&in_one_order(have), &in_one_order(want), mode)
}

/// How a device that has `have` differs from `want`: empty when it has it.
pub fn difference(have: &[Element], want: &[Element], mode: Mode) -> String {
    if is_there(have, want, mode) {
        return String::new();
    }
    let mut before = of_names(have, want);
    let mut after = match mode {
        Mode::Merge => {
            let mut after = before.clone();
            picture::merge(&mut after, want, true);
            after
        }
        Mode::Replace => want.iter().map(picture::plain).collect(),
    };
    secrecy::hide_both(&mut before, &mut after);
    let text = unified(&print(&before, ""), &print(&after, ""));
    if !text.is_empty() {
        return text;
    }
    // What the picture cannot show is shown as it was asked for.
    let mut asked = want.to_vec();
    secrecy::hide(&mut asked);
    unified("", &print(&asked, ""))
}

/// What goes to the device so that it has `want`: elements for an edit with the default operation merge.
pub fn edits(have: &[Element], want: &[Element], mode: Mode) -> Vec<Element> {
    match mode {
        Mode::Merge => want.to_vec(),
        Mode::Replace => replacements(&of_names(have, want), want),
    }
}

/// What goes to a device that has `now` so that it has `then`: the top elements that differ, each whole.
fn replacements(now: &[Element], then: &[Element]) -> Vec<Element> {
    let (mut edits, mut seen) = (Vec::new(), BTreeSet::new());
    let (all_mine, all_theirs) = (by_name(now), by_name(then));
    for name in now.iter().chain(then) {
        let key = (&*name.namespace, name.name.as_str());
        if !seen.insert(key) {
            continue;
        }
        let of = |elements: &BTreeMap<(&str, &str), Vec<&Element>>| -> Vec<Element> {
            elements.get(&key).into_iter().flatten().map(|element| (*element).clone()).collect()
        };
        let (mine, theirs) = (of(&all_mine), of(&all_theirs));
        if are_same(&theirs, &mine) {
            continue;
        }
        if mine.len() < 2 && theirs.len() < 2 {
            edits.push(
                theirs
                    .first()
                    .map_or_else(|| asking("delete", &bare(name)), |there| asking("replace", there)),
            );
            continue;
        }
        let entry = |one: &Element, other: &Element| match (one.children.first(), other.children.first()) {
            (Some(one), Some(other)) => is_same(one, other),
            _ => is_same(one, other),
        };
        let gone = mine.iter().filter(|have| !theirs.iter().any(|there| entry(have, there)));
        edits.extend(gone.map(|have| asking("delete", have)));
        let changed = theirs.iter().filter(|there| !mine.iter().any(|have| is_same(there, have)));
        edits.extend(changed.map(|there| asking("replace", there)));
    }
    edits
}

fn of_names(elements: &[Element], names: &[Element]) -> Vec<Element> {
    let names = by_name(names);
    elements.iter().filter(|element| names.contains_key(&name(element))).cloned().collect()
}

/// An element of the name of `element`, with nothing in it.
pub fn bare(element: &Element) -> Element {
    Element::new(&element.namespace, &element.name)
}

/// `element` with an operation, RFC 6241 section 7.2.
pub fn asking(operation: &str, element: &Element) -> Element {
    let mut asking = element.clone();
    asking.attributes.retain(|attribute| *attribute.namespace != *BASE);
    asking.attributes.push(Attribute {
        namespace: Arc::from(BASE),
        prefix: "nc".into(),
        name: "operation".into(),
        value: operation.into(),
    });
    asking
}

#[cfg(test)]
#[path = "compare/tests.rs"]
mod tests;
