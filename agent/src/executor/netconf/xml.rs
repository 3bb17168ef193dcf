//! A tree of XML elements with their namespaces, and its one way to be printed.

mod parse;
mod print;

pub use parse::{XmlError, parse};
pub use print::{escape, print};

use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// An attribute that is no declaration of a namespace.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its namespace; empty when it has no prefix.
    pub namespace: Arc<str>,
    /// As it was written; may be empty.
    pub prefix: String,
    /// Without the prefix.
    pub name: String,
    /// Unescaped.
    pub value: String,
}

/// An element. Text beside child elements is not kept: no configuration has any.
#[derive(Clone, PartialEq, Eq)]
pub struct Element {
    /// May be empty.
    pub namespace: Arc<str>,
    /// Without a prefix.
    pub name: String,
    /// In the order in which they came.
    pub attributes: Vec<Attribute>,
    /// In the order in which they came.
    pub children: Vec<Element>,
    /// Unescaped; empty where there are children.
    pub text: Zeroizing<String>,
    /// The prefixes that the text may use, as an identity does.
    pub prefixes: BTreeMap<String, Arc<str>>,
}

impl Element {
    /// One without content.
    pub fn new(namespace: &Arc<str>, name: &str) -> Self {
        Self {
            namespace: namespace.clone(),
            name: name.to_owned(),
            attributes: Vec::new(),
            children: Vec::new(),
            text: Zeroizing::default(),
            prefixes: BTreeMap::new(),
        }
    }

    /// Whether both have the same name in the same namespace.
    pub fn is_named_as(&self, other: &Self) -> bool {
        self.name == other.name && self.namespace == other.namespace
    }

    /// Whether it is `name` of `namespace`.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name == name && &*self.namespace == namespace
    }

    /// The first child of this name, whatever its namespace.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of this name, without blanks around it; empty when there is none.
    pub fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.trim())
    }

    /// The value of an attribute.
    pub fn attribute(&self, namespace: &str, name: &str) -> Option<&str> {
        let found = self
            .attributes
            .iter()
            .find(|attribute| attribute.name == name && &*attribute.namespace == namespace);
        found.map(|attribute| attribute.value.as_str())
    }

    /// Whether the texts of two elements mean the same, whatever prefixes they are written with.
    pub fn says_what(&self, other: &Self) -> bool {
        if !self.text.contains(':') && !other.text.contains(':') {
            return self.text == other.text;
        }
        let agree = self
            .prefixes
            .iter()
            .all(|(prefix, namespace)| other.prefixes.get(prefix).is_none_or(|theirs| theirs == namespace));
        (agree && self.text == other.text) || self.meaning() == other.meaning()
    }

    /// The text with prefixes replaced by their namespaces; that of the element itself needs none.
    fn meaning(&self) -> String {
        match self.text.split_once(':') {
            Some((prefix, rest)) => match self.prefixes.get(prefix) {
                Some(namespace) if *namespace == self.namespace => rest.to_owned(),
                Some(namespace) => format!("{{{namespace}}}{rest}"),
                None => self.text.to_string(),
            },
            None => self.text.to_string(),
        }
    }
}

impl std::fmt::Debug for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{} with {} children>", self.name, self.children.len())
    }
}

#[cfg(test)]
mod tests;
