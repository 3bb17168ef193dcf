//! Hides secrets in texts: the new ones by what they are, those that a device had by where they stand.

use crate::secrets::Secret;
use std::collections::BTreeSet;
use switchyard_shared::secret_text::Segment;

/// What stands in a text where a secret was.
const HIDDEN: &str = "(secret)";
/// Shorter values are not looked for in texts: they would hide everything.
const HIDDEN_BYTES_MIN: usize = 4;
/// Shorter beginnings of lines are not looked for, for the same reason.
const LEAD_BYTES_MIN: usize = 3;
/// What differences put before a line.
const SIGNS: [char; 4] = ['+', '-', ' ', '\t'];

/// What must not be seen.
#[derive(Debug)]
pub(super) struct Hidden {
    /// The longest first, so that none shows the rest of another that it is a part of.
    values: Vec<Secret>,
    /// What stands before a secret in its line, without the blanks at its start.
    leads: BTreeSet<String>,
    /// Names of XML elements that hold one.
    elements: BTreeSet<String>,
    /// Names of members of JSON that hold one, without their module.
    members: BTreeSet<String>,
}

impl Hidden {
    /// Only values.
    pub(super) fn values(mut values: Vec<Secret>) -> Self {
        values.retain(|value| value.reveal().len() >= HIDDEN_BYTES_MIN);
        values.sort_by_key(|value| std::cmp::Reverse(value.reveal().len()));
        Self { values, leads: BTreeSet::new(), elements: BTreeSet::new(), members: BTreeSet::new() }
    }

    /// The values and the places of them in a configuration.
    pub(super) fn of(segments: &[Segment<'_>], values: Vec<Secret>) -> Self {
        let mut hidden = Self::values(values);
        // What stands in the line so far, unless a secret has been in it: that one hides the rest.
        let mut line = Some(String::new());
        for segment in segments {
            match segment {
                Segment::Text(text) => match text.rsplit_once('\n') {
                    Some((_, last)) => line = Some(last.to_owned()),
                    None => line.iter_mut().for_each(|line| line.push_str(text)),
                },
                Segment::Secret(_) => {
                    let Some(before) = line.take() else { continue };
                    hidden.elements.extend(element(&before).map(str::to_owned));
                    hidden.members.extend(member(&before).map(str::to_owned));
                    let lead = before.trim_start();
                    if lead.trim_end().len() >= LEAD_BYTES_MIN {
                        hidden.leads.insert(lead.to_owned());
                    }
                }
            }
        }
        hidden
    }

    pub(super) fn redact(&self, text: &str) -> String {
        let mut redacted: String = text.split_inclusive('\n').map(|line| self.line(line)).collect();
        for name in &self.elements {
            redacted = without_content(&redacted, name);
        }
        for value in &self.values {
            if redacted.contains(value.reveal()) {
                redacted = redacted.replace(value.reveal(), HIDDEN);
            }
        }
        redacted
    }

    fn line(&self, line: &str) -> String {
        let bare = line.trim_start_matches(SIGNS);
        let leads = self.leads.iter().filter_map(|lead| end_of_lead(bare, lead));
        let found = leads.chain(self.end_of_member(bare)).min();
        let Some(end) = found.filter(|end| !bare[*end..].trim().is_empty()) else { return line.to_owned() };
        let newline = if line.ends_with('\n') { "\n" } else { "" };
        format!("{}{HIDDEN}{newline}", &line[..line.len() - bare.len() + end])
    }

    /// Where the value begins in a line of printed JSON whose member holds a secret.
    fn end_of_member(&self, line: &str) -> Option<usize> {
        let (name, value) = line.strip_prefix('"')?.split_once("\": ")?;
        self.members.contains(local(name)).then_some(line.len() - value.len())
    }
}

/// Where `lead` ends at the beginning of `line`; any number may stand in the place of another one.
fn end_of_lead(line: &str, lead: &str) -> Option<usize> {
    let (mut rest, mut wanted) = (line, lead);
    while let Some(next) = wanted.chars().next() {
        if next.is_ascii_digit() {
            let digits =
                |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            if digits(rest) == 0 {
                return None;
            }
            (rest, wanted) = (&rest[digits(rest)..], &wanted[digits(wanted)..]);
        } else {
            (rest, wanted) = (rest.strip_prefix(next)?, &wanted[next.len_utf8()..]);
        }
    }
    Some(line.len() - rest.len())
}

/// The name of the member of JSON whose text `before` ends in, without its module.
fn member(before: &str) -> Option<&str> {
    let (left, _) = before.rsplit_once('"')?;
    let name = left.trim_end().strip_suffix(':')?.trim_end().strip_suffix('"')?;
    let name = local(name.rsplit('"').next()?);
    (!name.is_empty()).then_some(name)
}

/// Without its module, and without the path to it.
fn local(name: &str) -> &str {
    name.rsplit([':', '/']).next().unwrap_or(name)
}

/// The name in a start tag at the end of `text`, without its prefix.
fn element(text: &str) -> Option<&str> {
    let tag = text.trim_end().strip_suffix('>')?.rsplit_once('<')?.1;
    let name = tag.split_whitespace().next()?;
    let name = name.rsplit(':').next().unwrap_or(name);
    let good = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    (good && !name.is_empty() && !tag.ends_with('/')).then_some(name)
}

/// `text` with the content of every XML element `name` hidden.
fn without_content(text: &str, name: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        let Some(close) = rest[open..].find('>').map(|close| open + close + 1) else { break };
        redacted.push_str(&rest[..close]);
        let tag = &rest[open..close];
        rest = &rest[close..];
        if element(tag) == Some(name) && !tag.starts_with("</") {
            let end = rest.find('<').unwrap_or(rest.len());
            if !rest[..end].trim().is_empty() {
                redacted.push_str(HIDDEN);
                rest = &rest[end..];
            }
        }
    }
    redacted.push_str(rest);
    redacted
}
