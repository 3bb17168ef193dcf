//! A tree with what its comparison asks of each element again and again, worked out once.

use super::compare::bare;
use super::secrecy::is_secret;
use super::xml::{Element, print};
use std::collections::BTreeMap;
use switchyard_shared::digest::of_bytes;

/// Most leaves that name an entry.
pub const KEYS_MAX: usize = 6;

/// An element in its tree.
pub struct Node<'a> {
    /// The element itself.
    pub element: &'a Element,
    /// The same for elements that are the same, with their children in whatever order.
    pub mark: String,
    /// Those of the element, in their order.
    pub children: Vec<Node<'a>>,
    /// How many of the children lead it.
    leading: usize,
}

/// The trees of `elements`.
pub fn nodes(elements: &[Element]) -> Vec<Node<'_>> {
    elements.iter().map(Node::of).collect()
}

/// Nodes of one name, in their order.
pub fn by_name<'n, 'a>(nodes: &'n [Node<'a>]) -> BTreeMap<(&'a str, &'a str), Vec<&'n Node<'a>>> {
    let mut by_name: BTreeMap<(&str, &str), Vec<&Node<'_>>> = BTreeMap::new();
    for node in nodes {
        by_name.entry(node.name()).or_default().push(node);
    }
    by_name
}

impl<'a> Node<'a> {
    fn of(element: &'a Element) -> Self {
        let children = nodes(&element.children);
        Self { element, mark: mark(element, &children), leading: leading(element), children }
    }

    /// Its namespace and its name.
    pub fn name(&self) -> (&'a str, &'a str) {
        (&self.element.namespace, &self.element.name)
    }

    /// The leaves at its beginning, its keys among them if it is an entry of a list. What may be a secret is not said
    /// again: some devices show another text than they take.
    pub fn leading(&self) -> &[Node<'a>] {
        &self.children[..self.leading]
    }

    /// The marks of the first `count` leading leaves, if it has so many.
    pub fn named(&self, count: usize) -> Option<Vec<&str>> {
        let leaves = self.leading().get(..count)?;
        Some(leaves.iter().map(|leaf| &*leaf.mark).collect())
    }
}

fn mark(element: &Element, children: &[Node<'_>]) -> String {
    if children.is_empty() {
        return of_bytes(print(std::slice::from_ref(element), "").as_bytes());
    }
    let mut own = bare(element);
    (own.attributes, own.prefixes) = (element.attributes.clone(), element.prefixes.clone());
    let mut inner: Vec<&str> = children.iter().map(|child| &*child.mark).collect();
    inner.sort_unstable();
    of_bytes(format!("{}{}", *print(&[own], ""), inner.concat()).as_bytes())
}

fn leading(element: &Element) -> usize {
    let is_alone =
        |leaf: &Element| element.children.iter().filter(|child| child.is_named_as(leaf)).count() == 1;
    let leads = |leaf: &&Element| {
        leaf.children.is_empty() && !leaf.text.is_empty() && !is_secret(&leaf.name) && is_alone(leaf)
    };
    element.children.iter().take(KEYS_MAX).take_while(leads).count()
}
