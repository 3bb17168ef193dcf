//! Paths of gNMI as people write them: `/interfaces/interface[name=eth0]/config/mtu`
//! (gNMI path conventions, openconfig/reference rpc/gnmi/gnmi-path-conventions.md).

use std::collections::BTreeMap;
use std::fmt;

/// Most elements of a path.
pub const ELEMS_MAX: usize = 64;
/// Most keys of one element.
pub const KEYS_MAX: usize = 16;
/// Longest path, in bytes.
pub const PATH_BYTES_MAX: usize = 4096;

/// A path from the root.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// Its elements; none is the root.
    pub elems: Vec<Elem>,
}

/// One element: a container or a leaf, or with keys one entry of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Elem {
    /// Its name, perhaps with the name of its module before a colon.
    pub name: String,
    /// The keys that pick one entry.
    pub keys: BTreeMap<String, String>,
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the path {text:?}: {why}")]
pub struct BadPath {
    text: String,
    why: &'static str,
}

impl Path {
    /// Reads a path. Within the brackets of a key `\` takes the next character as it stands.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        let bad = |why| BadPath { text: text.chars().take(80).collect(), why };
        if text.len() > PATH_BYTES_MAX {
            return Err(bad("it is longer than 4096 bytes"));
        }
        let mut rest = text.strip_prefix('/').ok_or_else(|| bad("it does not begin with /"))?;
        let mut elems = Vec::new();
        while !rest.is_empty() {
            if elems.len() == ELEMS_MAX {
                return Err(bad("it has more than 64 elements"));
            }
            let (elem, after) = elem(rest).map_err(bad)?;
            elems.push(elem);
            rest = match after.strip_prefix('/') {
                Some("") => return Err(bad("it ends with /")),
                Some(next) => next,
                None if after.is_empty() => after,
                None => return Err(bad("something stands behind a bracket")),
            };
        }
        Ok(Self { elems })
    }
}

fn elem(text: &str) -> Result<(Elem, &str), &'static str> {
    let end = text.find(['/', '[']).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    if name.is_empty() || name.contains([']', '=', '\\']) || name.chars().any(char::is_whitespace) {
        return Err("an element has no proper name");
    }
    let mut keys = BTreeMap::new();
    while let Some(key) = rest.strip_prefix('[') {
        if keys.len() == KEYS_MAX {
            return Err("an element has more than 16 keys");
        }
        let (key, after) = key.split_once('=').ok_or("a key has no =")?;
        if key.is_empty() || key.contains(['/', ']', '[']) {
            return Err("a key has no proper name");
        }
        let (value, after) = value(after)?;
        if keys.insert(key.to_owned(), value).is_some() {
            return Err("a key stands there twice");
        }
        rest = after;
    }
    Ok((Elem { name: name.to_owned(), keys }, rest))
}

fn value(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ']' => return Ok((value, &text[at + 1..])),
            '\\' => value.push(chars.next().ok_or("it ends with \\")?.1),
            c => value.push(c),
        }
    }
    Err("a bracket is not closed")
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.elems.is_empty() {
            return f.write_str("/");
        }
        self.elems.iter().try_for_each(|elem| {
            write!(f, "/{}", elem.name)?;
            elem.keys.iter().try_for_each(|(key, value)| {
                write!(f, "[{key}={}]", value.replace('\\', "\\\\").replace(']', "\\]"))
            })
        })
    }
}
