//! Lines of a template that take back what a device does not show: its defaults tell whether it has them.

use super::script::Script;
use switchyard_shared::configuration::{Block, about, lacking, unshown, without};

/// Most lines that a message names.
const NAMED_MAX: usize = 3;

/// What a reading does not tell of a template.
#[derive(Debug, Default)]
pub(in crate::executor) struct Unshown {
    /// What the device has by default, as far as it is about such lines; absent where it was not shown.
    defaults: Option<Vec<Block>>,
    /// Lines of which nobody can tell whether the device has them.
    unknown: Vec<String>,
}

impl Script {
    /// The command that shows the defaults, where a device with the `running` lines has to be asked for them.
    pub(in crate::executor) fn asks_defaults(&self, running: &str) -> Option<&str> {
        let command = self.platform.running.all.as_deref()?;
        let (_, unknown) = lacking(&self.unshown_in(&self.blocks(running)), None, &self.platform.dialect);
        unknown.iter().any(|line| !self.is_off(line)).then_some(command)
    }

    /// Takes note of what was read, and of what the device `showed` with its defaults, if that.
    pub(in crate::executor) fn note_defaults(&mut self, running: &str, showed: Option<&str>) {
        let dialect = &self.platform.dialect;
        let lines = self.unshown_in(&self.blocks(running));
        let is_whole = |text: &&str| {
            let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            self.platform.running.whole.as_ref().is_none_or(|whole| whole.is_match(last))
                && self.refusal_to_read(text).is_none()
        };
        let showed = showed.filter(is_whole);
        let defaults = showed.map(|text| about(&lines, &self.blocks(text), dialect));
        let (_, mut unknown) = lacking(&lines, defaults.as_deref(), dialect);
        unknown.retain(|line| !self.is_off(line));
        self.unshown = Unshown { defaults, unknown };
    }

    /// Whether a device that shows nothing of `line` has it: it would show what `line` takes back.
    fn is_off(&self, line: &str) -> bool {
        let short = self.platform.dialect.takes_back(line);
        short.is_some_and(|short| self.platform.running.shows.iter().any(|shows| shows == short))
    }

    fn unshown_in(&self, running: &[Block]) -> Vec<Block> {
        let template = String::from_utf8_lossy(&self.names.template);
        unshown(running, &self.blocks(&template), &self.platform.dialect)
    }

    /// What of `wanted` a device with the `running` lines hides and is known to lack, and the rest of `wanted`.
    pub(super) fn parted(&self, running: &[Block], wanted: &[Block]) -> (Vec<Block>, Vec<Block>) {
        let dialect = &self.platform.dialect;
        let lines = unshown(running, wanted, dialect);
        let (lacks, _) = lacking(&lines, self.unshown.defaults.as_deref(), dialect);
        (lacks, without(wanted, &lines, dialect))
    }

    /// What is to be said of the lines of which the last reading does not tell; goes on after a sentence.
    pub(in crate::executor) fn not_shown(&self) -> String {
        let unknown = &self.unshown.unknown;
        if unknown.is_empty() {
            return String::new();
        }
        let named: Vec<String> = unknown
            .iter()
            .take(NAMED_MAX)
            .map(|line| {
                let short = self.platform.dialect.takes_back(line).unwrap_or(line);
                format!("`{}` nor `{}`", self.quoted(short), self.quoted(line))
            })
            .collect();
        let more = match unknown.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!(
            "; it shows neither {}{more}: whether that is off there is not known",
            named.join(", neither ")
        )
    }
}
