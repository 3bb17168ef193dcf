//! Which words only look: what may be said to a device that must not be changed.

/// Never in a line that only looks: they chain commands or send output somewhere.
const NEVER: [&str; 7] = [";", "&", "<", ">", "`", "$(", "?"];

/// The lines that only look.
#[derive(Debug, Default)]
pub struct Looks {
    /// What such a line begins with, in whole words.
    pub beginnings: Vec<String>,
    /// The words that may follow a `|`.
    pub pipes: Vec<String>,
}

impl Looks {
    /// Whether `line` only looks. What is not known to only look does not.
    pub fn allow(&self, line: &str) -> bool {
        let plain = !line.chars().any(char::is_control) && !NEVER.iter().any(|never| line.contains(never));
        let mut parts = line.split('|');
        let command = parts.next().unwrap_or_default();
        plain
            && self.beginnings.iter().any(|beginning| begins(command, beginning))
            && parts.all(|part| self.pipes.iter().any(|pipe| begins(part.trim_start(), pipe)))
    }
}

fn begins(line: &str, words: &str) -> bool {
    line.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}
