//! Configurations as devices print them: sections of lines, what one has that another lacks, and the way back.

mod after;
mod change;
mod continued;
mod defaults;
mod diff;
mod freed;
mod index;
mod named;
mod numbered;
mod order;
mod pattern;
mod sections;
mod swaps;
mod texts;
mod way;

#[cfg(test)]
mod tests;

pub use after::after;
pub use change::{commands, contradiction, missing};
pub use continued::Continued;
pub use defaults::{about, besides, lacking, leaves, unshown, without};
pub use diff::{DIFF_BYTES_MAX, cut, unified};
pub use index::Index;
pub use numbered::{Numbered, spared, torn};
pub use order::{differ_in_order_alone, misplaced, not_compared, out_of_order};
pub use sections::{Block, parse, print};
pub use texts::Text;
pub use way::{emptied, way};

use std::borrow::Cow;

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

impl Default for Negation {
    fn default() -> Self {
        Self::Prefix("no ".into())
    }
}

/// How a platform writes its configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dialect {
    /// Whether indented lines belong to the line above them; otherwise every line stands alone.
    pub indented: bool,
    /// Beginnings of lines that say nothing.
    pub comments: Vec<String>,
    /// Lines that only close a section; `exit-*` is every word that begins so.
    pub ends: Vec<String>,
    /// What leaves a section while configuring; `None` where nothing has to.
    pub leave: Option<String>,
    /// How a line is taken back.
    pub negation: Negation,
    /// First words of lines of which a section holds one: another one takes its place. `*` is any word, so that
    /// `neighbor * remote-as` is one line for each neighbor; `-secondary` at the end leaves out lines with that word
    /// in what follows, which stand beside the others. Where the value does not come last `=` stands for each of its
    /// words, and the pattern for the whole line: `neighbor * route-map = out`.
    pub single: Vec<String>,
    /// Lines that set a list, and those that add to it or remove from it: `switchport trunk allowed vlan add` with
    /// `switchport trunk allowed vlan`. They are one line, with a comma between.
    pub continues: Vec<Continued>,
    /// First words of lines that one section alone has at a time: no other one takes such a line before it is gone.
    pub exclusive: Vec<String>,
    /// The same of the sections of one port, whose names go on behind a dot: `encapsulation dot1Q` of `interface Gi1.10`.
    pub exclusive_of_port: Vec<String>,
    /// First words of lines that a device fills up with blanks: several of them say the same as one.
    pub padded: Vec<String>,
    /// First words of lines at the top that define what other lines name, which is the word that follows: a new one is
    /// there before it is named, and an old one goes when nothing names it any more.
    pub defines: Vec<String>,
    /// First words of lines that stand beside each other, of which one must be there while others change, such as the
    /// routes to one destination: new ones are added before their old ones are taken back.
    pub joins: Vec<String>,
    /// First words of sections in which the order of lines is meaning, and that a device keeps as it was typed.
    pub ordered: Vec<String>,
    /// First words of sections in which order is meaning, and whose lines a device shows in an order of its own. What is
    /// new there goes behind the rest, so lines that must stand behind a new one of another first word are typed anew.
    pub sorted: Vec<String>,
    /// Lines that stand last in such a section by themselves, wherever they were typed.
    pub last: Vec<String>,
    /// Lines at the top that are lines of a section, and are read as such.
    pub numbered: Vec<Numbered>,
    /// First words of lines at the top that make a list together with those that have the next word in common, and of
    /// which no single one can be taken back.
    pub lists: Vec<String>,
    /// First words of lines that are taken back by these words alone: `description` by `no description`. `*` is any
    /// word.
    pub short: Vec<String>,
    /// Texts of several lines that are one value.
    pub texts: Vec<Text>,
}

impl Dialect {
    /// The words that `line` shares with every line it takes the place of, if it is such a line.
    fn place<'a>(&self, line: &'a str) -> Option<Cow<'a, str>> {
        self.single.iter().find_map(|pattern| pattern::place(line, pattern))
    }

    /// The words that `line` shares with every line that it stands beside, and the word that follows.
    fn beside<'a>(&self, line: &'a str) -> Option<(&'a str, &'a str)> {
        pattern::followed(line, &self.joins)
    }

    /// The name of what `line` defines for other lines.
    fn defined<'a>(&self, line: &'a str) -> Option<&'a str> {
        pattern::followed(line, &self.defines).map(|(_, name)| name)
    }

    /// Whether order is meaning in the section `line`.
    fn is_ordered(&self, line: &str) -> bool {
        self.ordered.iter().any(|pattern| pattern::beginning(line, pattern).is_some())
    }

    /// Whether order is meaning in the section `line`, and is not what a device shows.
    fn is_sorted(&self, line: &str) -> bool {
        self.sorted.iter().any(|pattern| pattern::beginning(line, pattern).is_some())
    }

    /// `line`, or the one that it takes back, with one blank where a device shows several that say no more, and with no
    /// more behind the word that takes back.
    fn unpadded(&self, line: &str) -> String {
        let rest = self.takes_back(line).unwrap_or(line);
        let (word, bare) = (&line[..line.len() - rest.len()], rest.trim_start());
        let is_padded = || self.padded.iter().any(|pattern| pattern::beginning(bare, pattern).is_some());
        match line.contains("  ") && is_padded() {
            true => format!("{word}{}", bare.split_whitespace().collect::<Vec<_>>().join(" ")),
            false => format!("{word}{bare}"),
        }
    }

    /// The line that takes `line` back.
    pub fn negated(&self, line: &str) -> String {
        let line = self.short.iter().find_map(|pattern| pattern::beginning(line, pattern)).unwrap_or(line);
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
