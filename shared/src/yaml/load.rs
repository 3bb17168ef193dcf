//! Parser events into the tree, with the bounds that keep a hostile document small.

use super::{DEPTH_MAX, Entry, NODES_MAX, Node, Position, Problems, Value, shown};
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span};
use std::collections::BTreeMap;
use std::sync::Arc;

struct Loader<'a> {
    problems: &'a Problems,
    stack: Vec<Frame>,
    anchors: BTreeMap<usize, Node>,
    root: Option<Node>,
    weight: u32,
}

struct Frame {
    at: Position,
    anchor: usize,
    weight: u32,
    height: u32,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, seen: BTreeMap<Arc<str>, Position>, key: Option<Key> },
}

enum Key {
    Text(Arc<str>, Position),
    Refused,
}

/// Nothing more can be read; the problem has been reported.
struct Stop;

pub(super) fn load(document: &str, problems: &Problems) -> Option<Node> {
    let nesting = DEPTH_MAX as usize + 1;
    let mut options = granit_parser::options! {
        disallow_directives: true,
        flow_nesting_limit: nesting,
        block_nesting_limit: nesting,
    };
    options.set_emit_comments(false);
    let mut loader = Loader { problems, stack: Vec::new(), anchors: BTreeMap::new(), root: None, weight: 0 };
    for next in Parser::new_from_str_with_options(document, options) {
        let step = match next {
            Ok((event, span)) => loader.event(event, span),
            Err(error) => {
                report_syntax(document, &error, problems);
                Err(Stop)
            }
        };
        if step.is_err() {
            return None;
        }
    }
    if loader.root.is_none() {
        problems.add(Position { line: 1, column: 1 }, "", "the document is empty", "");
    }
    loader.root
}

impl Loader<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the parser's own enum, which may grow")]
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let at = Position::at(span.start.line(), span.start.col() + 1);
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(..) => match self.root {
                None => Ok(()),
                Some(_) => {
                    self.stop(at, "a second document begins here", "one document in a file: remove the ---")
                }
            },
            Event::Alias(id) => match self.anchors.get(&id).cloned() {
                Some(node) => {
                    self.weigh(node.weight, at)?;
                    self.place(node, at)
                }
                None => self.stop(at, "this alias stands inside what it refers to", "write the value out"),
            },
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                let weight = 1 + u32::try_from(text.len() / 32).unwrap_or(u32::MAX / 2);
                self.weigh(weight, at)?;
                let plain = style == ScalarStyle::Plain;
                let node = Node { at, value: Value::Text { text: text.into(), plain }, weight, height: 0 };
                self.remember(anchor, &node);
                self.place(node, at)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                self.open(at, anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                self.open(at, anchor, Content::Map { entries: Vec::new(), seen: BTreeMap::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            _ => self.stop(at, "something that this reader does not know stands here", ""),
        }
    }

    fn stop(&self, at: Position, message: &str, hint: &str) -> Result<(), Stop> {
        self.problems.add(at, "", message, hint);
        Err(Stop)
    }

    fn refuse_tag(&self, tagged: bool, at: Position) {
        if tagged {
            self.problems.add(at, "", "tags (!…) are not supported", "quote what must stay text");
        }
    }

    fn weigh(&mut self, weight: u32, at: Position) -> Result<(), Stop> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight <= NODES_MAX {
            return Ok(());
        }
        let message =
            format!("the document holds more than {NODES_MAX} values once its aliases are written out");
        self.stop(at, &message, "")
    }

    fn open(&mut self, at: Position, anchor: usize, content: Content) -> Result<(), Stop> {
        self.weigh(1, at)?;
        self.stack.push(Frame { at, anchor, weight: 1, height: 1, content });
        self.check_depth(0, at)
    }

    fn check_depth(&self, height: u32, at: Position) -> Result<(), Stop> {
        if self.stack.len() as u64 + u64::from(height) <= u64::from(DEPTH_MAX) {
            return Ok(());
        }
        self.stop(at, &format!("nested deeper than {DEPTH_MAX} levels"), "")
    }

    fn close(&mut self) -> Result<(), Stop> {
        let Some(frame) = self.stack.pop() else { return Err(Stop) };
        let value = match frame.content {
            Content::List(items) => Value::List(items.into()),
            Content::Map { entries, .. } => Value::Map(entries.into()),
        };
        let node = Node { at: frame.at, value, weight: frame.weight, height: frame.height };
        self.remember(frame.anchor, &node);
        self.place(node, frame.at)
    }

    fn remember(&mut self, anchor: usize, node: &Node) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
    }

    fn place(&mut self, node: Node, at: Position) -> Result<(), Stop> {
        self.check_depth(node.height, at)?;
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.weight = frame.weight.saturating_add(node.weight);
        frame.height = frame.height.max(node.height + 1);
        match &mut frame.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, seen, key } => match key.take() {
                None => *key = Some(read_key(node, at, seen, self.problems)),
                Some(Key::Refused) => {}
                Some(Key::Text(key, at)) => entries.push(Entry { key, at, value: node }),
            },
        }
        Ok(())
    }
}

fn read_key(node: Node, at: Position, seen: &mut BTreeMap<Arc<str>, Position>, problems: &Problems) -> Key {
    let Value::Text { text, plain } = node.value else {
        problems.add(at, "", "a key must be text", "");
        return Key::Refused;
    };
    if plain && text.as_ref() == "<<" {
        let hint = "write the keys out; in an inventory use groups or defaults";
        problems.add(at, "", "merge keys (<<) are not supported", hint);
        return Key::Refused;
    }
    if let Some(first) = seen.get(&text) {
        let message = format!("the key {} stands here a second time", shown(&text));
        problems.add(at, "", message, format!("first at line {} column {}", first.line, first.column));
        return Key::Refused;
    }
    seen.insert(text.clone(), at);
    Key::Text(text, at)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the parser's own enum, which may grow")]
fn report_syntax(document: &str, error: &ScanError, problems: &Problems) {
    let at = Position::at(error.marker().line(), error.marker().col() + 1);
    let tab_line = document.lines().nth(error.marker().line().saturating_sub(1)).is_some_and(starts_with_tab);
    let is_tab = tab_line
        || matches!(
            error.kind(),
            ErrorKind::TabNotAllowed
                | ErrorKind::TabInBlockIndentation
                | ErrorKind::TabInIndentation
                | ErrorKind::TabAtBlockScalarStart
        );
    match error.kind() {
        _ if is_tab => {
            let lines = document.lines().filter(|line| starts_with_tab(line)).count();
            let message = "a tab in the indentation";
            problems.add(at, "", message, format!("indent with spaces; {lines} lines begin with a tab"));
        }
        ErrorKind::RecursionLimitExceeded => {
            problems.add(at, "", format!("nested deeper than {DEPTH_MAX} levels"), "");
        }
        ErrorKind::UnknownAnchor => {
            problems.add(at, "", "this alias refers to nothing", "quote a text that begins with *")
        }
        ErrorKind::DirectiveDisallowed => {
            problems.add(at, "", "directives (%…) are not supported", "quote a text that begins with %");
        }
        _ => {
            let info = crate::outcome::printable(error.info().as_bytes(), 200);
            problems.add(at, "", format!("not YAML: {info}"), "");
        }
    }
}

fn starts_with_tab(line: &str) -> bool {
    line.trim_start_matches(' ').starts_with('\t')
}
