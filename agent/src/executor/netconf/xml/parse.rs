//! XML text to a tree, within bounds: no document types, no entities, no endless nesting.

use super::{Attribute, Element};
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Deepest nesting of elements.
pub const DEPTH_MAX: usize = 64;
/// Most elements of one document.
pub const ELEMENTS_MAX: usize = 200_000;
/// Most attributes of one element, declarations of namespaces among them.
pub const ATTRIBUTES_MAX: usize = 256;
/// The namespace of the prefix that needs no declaration.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Why a text is no tree. Nothing of it is quoted: it may hold secrets. Places are bytes from its beginning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// A document type: the door to entities that grow.
    #[error("accept XML with a document type declaration")]
    DocumentType,
    /// An entity that is none of the five.
    #[error("accept the XML entity at byte {0}")]
    Entity(u64),
    /// More than [`DEPTH_MAX`].
    #[error("accept XML nested deeper than {DEPTH_MAX}")]
    TooDeep,
    /// More than [`ELEMENTS_MAX`], or more than [`ATTRIBUTES_MAX`] at one of them.
    #[error("accept XML of so many elements or attributes")]
    TooMany,
    /// A prefix that nothing declares.
    #[error("resolve an XML prefix at byte {0}")]
    Prefix(u64),
    /// Not well-formed.
    #[error("read XML: {what} at byte {at}")]
    Broken {
        /// What is wrong.
        what: &'static str,
        /// Where.
        at: u64,
    },
}

/// The one element that `text` is.
pub fn parse(text: &str) -> Result<Element, XmlError> {
    let mut reader = Reader::from_str(text);
    let mut tree = Tree::new();
    loop {
        tree.at = reader.buffer_position();
        let event = reader.read_event().map_err(|_| tree.broken("it is not well-formed"))?;
        match event {
            Event::Start(start) => tree.open(&start)?,
            Event::Empty(start) => {
                tree.open(&start)?;
                tree.close();
            }
            Event::End(_) => tree.close(),
            Event::Text(text) => tree.text(&text.xml10_content())?,
            Event::CData(text) => tree.text(&text.xml10_content())?,
            Event::GeneralRef(entity) => tree.text(character(&entity, tree.at)?.encode_utf8(&mut [0; 4]))?,
            Event::DocType(_) => return Err(XmlError::DocumentType),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => {
                let early = tree.broken("it ends too early");
                return tree.root.ok_or(early);
            }
        }
    }
}

fn character(entity: &BytesRef<'_>, at: u64) -> Result<char, XmlError> {
    let name: &str = entity;
    match name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => match entity.resolve_char_ref() {
            Ok(Some(character)) => Ok(character),
            Ok(None) | Err(_) => Err(XmlError::Entity(at)),
        },
    }
}

/// The tree as far as it is read.
struct Tree {
    /// Elements that are open, with the prefixes that each declares.
    open: Vec<(Element, Vec<String>)>,
    /// The namespaces of each prefix, the one in force last; the empty prefix is the default namespace.
    prefixes: BTreeMap<String, Vec<Arc<str>>>,
    names: BTreeSet<Arc<str>>,
    elements: usize,
    /// Where what is being read begins.
    at: u64,
    root: Option<Element>,
}

impl Tree {
    fn new() -> Self {
        let prefixes = [(String::new(), vec![Arc::from("")]), ("xml".to_owned(), vec![Arc::from(XML)])];
        let prefixes = BTreeMap::from(prefixes);
        Self { open: Vec::new(), prefixes, names: BTreeSet::new(), elements: 0, at: 0, root: None }
    }

    fn broken(&self, what: &'static str) -> XmlError {
        XmlError::Broken { what, at: self.at }
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), XmlError> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(XmlError::TooMany);
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(XmlError::TooDeep);
        }
        if self.root.is_some() {
            return Err(self.broken("something follows its end"));
        }
        let (mut declared, mut plain) = (Vec::new(), Vec::new());
        for (index, attribute) in start.attributes().enumerate() {
            if index >= ATTRIBUTES_MAX {
                return Err(XmlError::TooMany);
            }
            let attribute = attribute.map_err(|_| self.broken("an attribute is not well-formed"))?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value =
                value.map_err(|_| self.broken("the value of an attribute cannot be read"))?.into_owned();
            match attribute.key.into_inner().split_once(':') {
                None if attribute.key.into_inner() == "xmlns" => self.declare("", &value, &mut declared),
                Some(("xmlns", prefix)) => self.declare(prefix, &value, &mut declared),
                Some((prefix, name)) => plain.push((prefix.to_owned(), name.to_owned(), value)),
                None => plain.push((String::new(), attribute.key.into_inner().to_owned(), value)),
            }
        }
        let name = start.name().into_inner();
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let mut element = Element::new(&self.namespace(prefix)?, local);
        for (prefix, name, value) in plain {
            let namespace = if prefix.is_empty() { Arc::from("") } else { self.namespace(&prefix)? };
            element.attributes.push(Attribute { namespace, prefix, name, value });
        }
        self.open.push((element, declared));
        Ok(())
    }

    fn declare(&mut self, prefix: &str, namespace: &str, declared: &mut Vec<String>) {
        let namespace = match self.names.get(namespace) {
            Some(known) => known.clone(),
            None => {
                let new: Arc<str> = Arc::from(namespace);
                self.names.insert(new.clone());
                new
            }
        };
        self.prefixes.entry(prefix.to_owned()).or_default().push(namespace);
        declared.push(prefix.to_owned());
    }

    fn namespace(&self, prefix: &str) -> Result<Arc<str>, XmlError> {
        let found = self.prefixes.get(prefix).and_then(|namespaces| namespaces.last());
        found.cloned().ok_or(XmlError::Prefix(self.at))
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some((element, _)) => {
                element.text.push_str(text);
                Ok(())
            }
            None if text.trim().is_empty() => Ok(()),
            None => Err(self.broken("text stands outside of its element")),
        }
    }

    fn close(&mut self) {
        let Some((mut element, declared)) = self.open.pop() else { return };
        let is_layout = element.text.contains('\n') && element.text.trim().is_empty();
        if !element.children.is_empty() || is_layout {
            element.text = Zeroizing::default();
        }
        element.prefixes = self.used_in(&element.text);
        for prefix in declared {
            if let Some(namespaces) = self.prefixes.get_mut(&prefix) {
                namespaces.pop();
            }
        }
        match self.open.last_mut() {
            Some((parent, _)) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    /// The declared prefixes that stand before a colon in `text`.
    fn used_in(&self, text: &str) -> BTreeMap<String, Arc<str>> {
        let mut used = BTreeMap::new();
        for before in text.split(':').rev().skip(1) {
            let is_of_a_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
            let start = before
                .rfind(|c| !is_of_a_name(c))
                .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
            let prefix = &before[start..];
            if !prefix.is_empty()
                && let Ok(namespace) = self.namespace(prefix)
            {
                used.insert(prefix.to_owned(), namespace);
            }
        }
        used
    }
}
