//! Configurations as devices print them: sections of lines, what one has that another lacks, and the way back.

mod after;
mod change;
mod diff;
mod index;
mod sections;
mod texts;

#[cfg(test)]
mod tests;

pub use after::after;
pub use change::{commands, contradiction, emptied, missing, reordered, way};
pub use diff::{DIFF_BYTES_MAX, cut, unified};
pub use index::Index;
pub use sections::{Block, parse, print};
pub use texts::Text;

/// Deepest nesting of sections that is understood; what is deeper counts as this deep.
pub const DEPTH_MAX: usize = 32;

/// How a line is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Negation {
    /// By the line with this word before it: `no `. A line that has it already loses it.
    Prefix(String),
    /// By another first word: `set ` becomes `delete `.
    Swap {
        /// The word that adds, with its blank.
        adds: String,
        /// The word that takes away, with its blank.
        removes: String,
    },
}

/// How a platform writes its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    /// Whether indented lines belong to the line above them; otherwise every line stands alone.
    pub indented: bool,
    /// Beginnings of lines that say nothing.
    pub comments: Vec<String>,
    /// Lines that only close a section.
    pub ends: Vec<String>,
    /// What leaves a section while configuring; `None` where nothing has to.
    pub leave: Option<String>,
    /// How a line is taken back.
    pub negation: Negation,
    /// First words of lines of which a section holds one: another one takes its place. `*` is any word, so that
    /// `neighbor * remote-as` is one line for each neighbor.
    pub single: Vec<String>,
    /// First words of lines that are taken back by these words alone: `description` by `no description`. `*` is any
    /// word.
    pub short: Vec<String>,
    /// Texts of several lines that are one value.
    pub texts: Vec<Text>,
}

impl Dialect {
    /// The words that `line` shares with every line it takes the place of, if it is such a line.
    fn place<'a>(&self, line: &'a str) -> Option<&'a str> {
        self.single.iter().find_map(|pattern| beginning(line, pattern))
    }

    /// Whether the device keeps one of `one` and `other` only, the later one.
    pub fn takes_the_place(&self, one: &str, other: &str) -> bool {
        one != other && self.place(one).is_some_and(|place| self.place(other) == Some(place))
    }

    /// The line that takes `line` back.
    pub fn negated(&self, line: &str) -> String {
        let line = self.short.iter().find_map(|pattern| beginning(line, pattern)).unwrap_or(line);
        match &self.negation {
            Negation::Prefix(word) => match line.strip_prefix(word.as_str()) {
                Some(bare) => bare.to_owned(),
                None => format!("{word}{line}"),
            },
            Negation::Swap { adds, removes } => match line.strip_prefix(adds.as_str()) {
                Some(rest) => format!("{removes}{rest}"),
                None => match line.strip_prefix(removes.as_str()) {
                    Some(rest) => format!("{adds}{rest}"),
                    None => format!("{removes}{line}"),
                },
            },
        }
    }

    /// The words that its lines begin with, when `line` is of the form with braces instead: what such a platform
    /// prints by default, and does not take line by line.
    pub fn instead_of_braces(&self, line: &str) -> Option<[&str; 2]> {
        let Negation::Swap { adds, removes } = &self.negation else { return None };
        let is_ours = [adds, removes].iter().any(|word| line.starts_with(word.as_str()));
        (!is_ours && line.ends_with(['{', '}', ';'])).then(|| [adds.trim_end(), removes.trim_end()])
    }

    /// What `line` takes back, if it takes something back.
    pub fn takes_back<'a>(&self, line: &'a str) -> Option<&'a str> {
        match &self.negation {
            Negation::Prefix(word) => line.strip_prefix(word.as_str()),
            Negation::Swap { removes, .. } => line.strip_prefix(removes.as_str()),
        }
    }
}

/// The beginning of `line` that `pattern` describes, word by word, when something follows it.
fn beginning<'a>(line: &'a str, pattern: &str) -> Option<&'a str> {
    let mut rest = line;
    for wanted in pattern.split(' ') {
        let (word, after) = rest.split_once(' ')?;
        if wanted != "*" && wanted != word {
            return None;
        }
        rest = after;
    }
    Some(line[..line.len() - rest.len()].trim_end())
}
