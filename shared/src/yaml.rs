//! YAML as a tree with positions: nothing is guessed, every bound has a name.
//!
//! Scalars stay text, so `on`, `1e3` and `0x1f` mean what they say. Decoding goes through [`Section`]
//! and [`Field`], which collect problems instead of stopping at the first one.

mod field;
mod free;
mod load;
mod problem;
mod section;

pub use field::Field;
pub(crate) use problem::did_you_mean;
pub use problem::{PROBLEMS_MAX, Problem, Problems, nearest};
pub use section::Section;

use std::sync::Arc;

/// Deepest nesting of lists and mappings.
pub const DEPTH_MAX: u32 = 32;
/// Most nodes of one document after its aliases are expanded; 32 bytes of text count as one more node.
pub const NODES_MAX: u32 = 2_000_000;
/// Largest rollout spec or vars file, in bytes.
pub const SPEC_BYTES_MAX: usize = 1024 * 1024;
/// Largest inventory, in bytes.
pub const INVENTORY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Where something begins: line and column from 1; line 0 means nowhere in particular.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// A value and where it begins. Cloning is cheap, so an alias costs nothing.
#[derive(Debug, Clone)]
pub struct Node {
    at: Position,
    value: Value,
    weight: u32,
    height: u32,
}

#[derive(Debug, Clone)]
enum Value {
    Text { text: Arc<str>, plain: bool },
    List(Arc<[Node]>),
    Map(Arc<[Entry]>),
}

#[derive(Debug, Clone)]
struct Entry {
    key: Arc<str>,
    at: Position,
    value: Node,
}

impl Node {
    /// Whether this is an unquoted nothing: empty, `~` or `null`.
    fn is_nothing(&self) -> bool {
        matches!(&self.value, Value::Text { text, plain: true } if matches!(text.as_ref(), "" | "~" | "null"))
    }

    /// What this is, for a message.
    fn kind(&self) -> String {
        match &self.value {
            _ if self.is_nothing() => "nothing".into(),
            Value::Text { text, plain: true } => shown(text),
            Value::Text { text, plain: false } => format!("the quoted text {}", shown(text)),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a mapping".into(),
        }
    }
}

/// A stranger's text in a message: short, quoted, with nothing that drives a terminal.
pub(crate) fn shown(text: &str) -> String {
    format!("{:?}", crate::outcome::printable(text.as_bytes(), 60))
}

/// The text of a document, or the problem that it is longer than `bytes_max` or not UTF-8.
pub fn text<'a>(bytes: &'a [u8], source: &str, bytes_max: usize) -> Result<&'a str, Vec<Problem>> {
    let refuse = |at: Position, message: String| {
        let problems = Problems::new(source);
        problems.add(at, "", message, "");
        problems.into_list()
    };
    if bytes.len() > bytes_max {
        let message = format!("the document has {} bytes, more than the {bytes_max} allowed", bytes.len());
        return Err(refuse(Position::default(), message));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        refuse(Position::at(line, column), "not UTF-8 text".into())
    })
}

impl Position {
    fn at(line: usize, column: usize) -> Self {
        Self {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }
}

/// Reads one document of at most `bytes_max` bytes into a tree. Problems (syntax, duplicate keys, tabs,
/// merge keys, tags, too deep, too large after aliases) go to `problems`; `None` when nothing is usable.
pub fn parse(document: &str, bytes_max: usize, problems: &Problems) -> Option<Node> {
    if document.len() > bytes_max {
        let message = format!("the document has {} bytes, more than the {bytes_max} allowed", document.len());
        problems.add(Position::default(), "", message, "");
        return None;
    }
    load::load(document, problems)
}

#[cfg(test)]
mod tests;
