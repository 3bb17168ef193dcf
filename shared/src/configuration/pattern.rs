//! Patterns of lines: which of them are of one kind, and what they share.

use std::borrow::Cow;

/// What stands in a pattern for the word that is the value of a line.
const VALUE: &str = "=";

/// The beginning of `line` that `pattern` describes, word by word, when something follows it.
pub(super) fn beginning<'a>(line: &'a str, pattern: &str) -> Option<&'a str> {
    if is_other(line, pattern) {
        return None;
    }
    let mut rest = line;
    for wanted in pattern.split(' ') {
        if let Some(without) = wanted.strip_prefix('-') {
            if rest.split(' ').any(|word| word == without) {
                return None;
            }
            continue;
        }
        let (word, after) = rest.split_once(' ')?;
        if wanted != "*" && wanted != word {
            return None;
        }
        rest = after;
    }
    Some(line[..line.len() - rest.len()].trim_end())
}

/// Whether their first letters tell that `pattern` does not describe `line`: of most lines and patterns they do, and every
/// line of a device meets every pattern.
fn is_other(line: &str, pattern: &str) -> bool {
    let (first, wanted) = (line.as_bytes().first(), pattern.as_bytes().first());
    first != wanted && !matches!(wanted, Some(b'*' | b'-' | b'='))
}

/// The same, and the word that follows.
pub(super) fn followed<'a>(line: &'a str, patterns: &[String]) -> Option<(&'a str, &'a str)> {
    let place = patterns.iter().find_map(|pattern| beginning(line, pattern))?;
    line[place.len()..].split_whitespace().next().map(|next| (place, next))
}

/// What `line` shares with every line whose place it takes by `pattern`: its beginning, or, where the pattern says which
/// words are the value, all its other words.
pub(super) fn place<'a>(line: &'a str, pattern: &str) -> Option<Cow<'a, str>> {
    if is_other(line, pattern) {
        return None;
    }
    if !pattern.split(' ').any(|wanted| wanted == VALUE) {
        return beginning(line, pattern).map(Cow::Borrowed);
    }
    let (mut words, mut shared) = (line.split(' '), Vec::new());
    for wanted in pattern.split(' ') {
        let word = words.next()?;
        match wanted {
            VALUE => shared.push(VALUE),
            _ if wanted == "*" || wanted == word => shared.push(word),
            _ => return None,
        }
    }
    words.next().is_none().then(|| Cow::Owned(shared.join(" ")))
}
