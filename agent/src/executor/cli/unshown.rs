//! Lines of a template that take back what a device does not show: its defaults tell whether it has them.

use super::script::Script;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use switchyard_shared::configuration::{Block, about, besides, lacking, leaves, unshown, without};

/// Most lines that a message names.
const NAMED_MAX: usize = 3;

/// What is known of the lines that a device does not show: all sessions of an attempt share it.
#[derive(Debug, Clone, Default)]
pub(in crate::executor) struct Unshown(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Whether the device was asked for its defaults: once, for they are large.
    is_asked: bool,
    /// What it has by default, as far as it is about what the template takes back; absent where nobody knows.
    defaults: Option<Vec<Block>>,
    /// Lines that it was told to take something back: that it does not show that is enough from then on.
    said: Vec<Block>,
    /// Lines of which the last reading does not tell whether the device has them.
    unknown: Vec<Line>,
    /// Lines that it was told for its defaults and of which it shows nothing all the same.
    unproven: Vec<Line>,
}

/// A line that takes something back, and the first that the device has by default of that, where that is known.
#[derive(Debug)]
struct Line {
    text: String,
    default: Option<String>,
}

impl Unshown {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Script {
    /// Takes note of a reading.
    pub(in crate::executor) fn note_running(&self, running: &str) {
        let dialect = &self.platform.dialect;
        let lines = self.unshown_in(&self.blocks(running));
        let mut known = self.names.unshown.known();
        let open = besides(&lines, &known.said, dialect);
        let said = besides(&lines, &open, dialect);
        let (_, unknown) = lacking(&open, known.defaults.as_deref(), dialect);
        let (unproven, _) = lacking(&said, known.defaults.as_deref(), dialect);
        (known.unknown, known.unproven) = (self.lines(&unknown, &known), self.lines(&unproven, &known));
    }

    fn lines(&self, blocks: &[Block], known: &Known) -> Vec<Line> {
        let dialect = &self.platform.dialect;
        let defaults = about(blocks, known.defaults.as_deref().unwrap_or_default(), dialect);
        let defaults = leaves(&defaults);
        let of = |line: &str| {
            let short = dialect.takes_back(line)?;
            let default = defaults.iter().find(|default| {
                default.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
            });
            Some(Line { text: line.to_owned(), default: default.map(|default| (*default).to_owned()) })
        };
        leaves(blocks).into_iter().filter_map(of).collect()
    }

    /// The command that shows the defaults, where the last reading leaves something open that they tell; once.
    pub(in crate::executor) fn asks_defaults(&self) -> Option<&str> {
        let command = self.platform.running.all.as_deref()?;
        let mut known = self.names.unshown.known();
        let asks = !known.unknown.is_empty() && !known.is_asked;
        known.is_asked |= asks;
        asks.then_some(command)
    }

    /// Takes note of what a device that has `running` showed with its defaults, whenever it was asked for them.
    pub(in crate::executor) fn note_defaults(&self, running: &str, showed: &[impl AsRef<str>]) {
        let (template, dialect) = (self.template(), &self.platform.dialect);
        let shown = self.blocks(running);
        let found = |text: &str| without(&about(&template, &self.blocks(text), dialect), &shown, dialect);
        let is_whole = showed.iter().all(|text| self.is_whole(text.as_ref()));
        let mut found = showed.iter().map(|text| found(text.as_ref()));
        let first = found.next().filter(|first| is_whole && found.all(|other| other == *first));
        self.names.unshown.known().defaults = first;
        self.note_running(running);
    }

    /// Takes note of what the device is told to take back.
    pub(in crate::executor) fn note_said(&self, steps: &[Block]) {
        self.names.unshown.known().said = besides(steps, &[], &self.platform.dialect);
    }

    fn is_whole(&self, shown: &str) -> bool {
        let last = shown.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        self.platform.running.whole.as_ref().is_none_or(|whole| whole.is_match(last))
            && self.refusal_to_read(shown).is_none()
    }

    /// `lines` of a section without those that take back what a device shows wherever it has it.
    fn hideable(&self, lines: Vec<Block>, section: &str) -> Vec<Block> {
        let of = |block: Block| match block.children.is_empty() {
            true => {
                let short = self.platform.dialect.takes_back(&block.line).unwrap_or_default();
                let is_shown = self.platform.running.shows.iter().any(|shows| shows.is(section, short));
                (!is_shown).then_some(block)
            }
            false => {
                let children = self.hideable(block.children, &block.line);
                (!children.is_empty()).then_some(Block { line: block.line, children })
            }
        };
        lines.into_iter().filter_map(of).collect()
    }

    fn template(&self) -> Vec<Block> {
        self.blocks(&String::from_utf8_lossy(&self.names.template))
    }

    fn unshown_in(&self, running: &[Block]) -> Vec<Block> {
        self.hideable(unshown(running, &self.template(), &self.platform.dialect), "")
    }

    /// What of `wanted` a device with the `running` lines hides and is known to lack, and the rest of `wanted`.
    pub(super) fn parted(&self, running: &[Block], wanted: &[Block]) -> (Vec<Block>, Vec<Block>) {
        let dialect = &self.platform.dialect;
        let lines = unshown(running, wanted, dialect);
        let known = self.names.unshown.known();
        let open = besides(&lines, &known.said, dialect);
        let (lacks, _) = lacking(&open, known.defaults.as_deref(), dialect);
        (lacks, without(wanted, &lines, dialect))
    }

    /// What is to be said of the lines of which the last reading does not tell; goes on after a sentence.
    pub(in crate::executor) fn not_shown(&self) -> String {
        let known = self.names.unshown.known();
        let neither = |line: &Line| {
            let short = self.platform.dialect.takes_back(&line.text).unwrap_or(&line.text);
            let default =
                line.default.as_ref().map(|line| format!(" (by default it has `{}`)", self.quoted(line)));
            format!(
                "`{}` nor `{}`{}",
                self.quoted(short),
                self.quoted(&line.text),
                default.unwrap_or_default()
            )
        };
        let taken = |line: &Line| {
            let default = self.quoted(line.default.as_deref().unwrap_or_default());
            format!("`{}` (by default it has `{default}`)", self.quoted(&line.text))
        };
        let unknown = listed(&known.unknown, ", neither ", neither);
        let unproven = listed(&known.unproven, ", ", taken);
        let unknown = unknown
            .map(|lines| format!("; it shows neither {lines}: whether that is off there is not known"));
        let unproven = unproven.map(|lines| {
            format!(
                "; it took {lines} and shows nothing of it: look whether that is off, and write the line as the device \
                 shows it, for it is said again every time"
            )
        });
        unknown.unwrap_or_default() + &unproven.unwrap_or_default()
    }
}

/// The first of `lines`, and how many more there are; `None` where there are none.
fn listed(lines: &[Line], between: &str, words: impl Fn(&Line) -> String) -> Option<String> {
    let named: Vec<String> = lines.iter().take(NAMED_MAX).map(words).collect();
    let more = match lines.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!named.is_empty()).then(|| named.join(between) + &more)
}
