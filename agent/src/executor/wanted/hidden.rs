//! Hides secrets in texts: the new ones by what they are, those that a device had by where they stand.

mod markup;

use crate::secrets::Secret;
use std::collections::BTreeSet;
use switchyard_shared::procedure::Transport;
use switchyard_shared::secret_text::Segment;
use zeroize::Zeroizing;

/// What stands in a text where a secret was.
const HIDDEN: &str = "(secret)";
/// Shorter values cannot be looked for in texts: they would hide everything.
pub(super) const HIDDEN_BYTES_MIN: usize = 4;
/// Shorter beginnings of lines are not looked for, for the same reason.
const LEAD_BYTES_MIN: usize = 3;
/// What differences put before a line.
const SIGNS: [char; 4] = ['+', '-', ' ', '\t'];
/// The only line of a difference that begins like one that is taken away and is none.
const HEADER: &str = "--- running";

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
    /// Whether one stands where nothing tells its place, such as alone in its line or in a list of JSON: then every line
    /// that is taken away may be its old value.
    has_no_place: bool,
}

impl Hidden {
    /// Only values.
    pub(super) fn values(mut values: Vec<Secret>) -> Self {
        values.retain(|value| value.reveal().len() >= HIDDEN_BYTES_MIN);
        values.sort_by_key(|value| std::cmp::Reverse(value.reveal().len()));
        let (leads, elements, members) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Self { values, leads, elements, members, has_no_place: false }
    }

    /// The values and the places of them in a configuration that goes by `transport`. Only over NETCONF is it XML for sure:
    /// a file of a host may begin like it.
    pub(super) fn of(segments: &[Segment<'_>], values: Vec<Secret>, transport: Transport) -> Self {
        let mut hidden = Self::values(values);
        if !(transport == Transport::Netconf && hidden.are_in_elements(segments)) {
            hidden.are_in_lines(segments);
        }
        hidden
    }

    /// Takes in the elements around the secrets of a text of XML; whether they alone tell where each of them stands. What
    /// stands before one in its line tells nothing: devices are shown in lines of our own.
    fn are_in_elements(&mut self, segments: &[Segment<'_>]) -> bool {
        let (mut text, mut places) = (String::new(), Vec::new());
        for segment in segments {
            match segment {
                Segment::Text(piece) => text.push_str(piece),
                Segment::Secret(_) => places.push(text.len()),
            }
        }
        for around in markup::around(&text, &places) {
            let name = around.and_then(|around| element(markup::first(around)));
            // A text of several lines may be shown without the tag before it.
            self.has_no_place |= name.is_none() || around.is_some_and(|around| around.contains('\n'));
            self.elements.extend(name.map(str::to_owned));
        }
        !self.has_no_place
    }

    /// Takes in what stands before the secrets in their lines.
    fn are_in_lines(&mut self, segments: &[Segment<'_>]) {
        // What stands in the line so far, unless a secret has been in it: that one hides the rest.
        let mut line = Some(String::new());
        // What stands in it since its beginning, or since that secret: elements and members may be printed in lines of
        // their own.
        let mut before = String::new();
        for segment in segments {
            match segment {
                Segment::Text(text) => match text.rsplit_once('\n') {
                    Some((_, last)) => (line, before) = (Some(last.to_owned()), last.to_owned()),
                    None => {
                        line.iter_mut().for_each(|line| line.push_str(text));
                        before.push_str(text);
                    }
                },
                Segment::Secret(_) => {
                    self.place(line.take().as_deref().map(str::trim_start), &before);
                    before.clear();
                }
            }
        }
    }

    /// Takes in where a secret stands: after `lead`, if it is the first in its line, and `before` it.
    fn place(&mut self, lead: Option<&str>, before: &str) {
        let (element, member) = (element(before), member(before));
        let has_name = element.is_some() || member.is_some();
        self.elements.extend(element.map(str::to_owned));
        self.members.extend(member.map(str::to_owned));
        let good = lead.filter(|lead| lead.trim_end().len() >= LEAD_BYTES_MIN);
        self.leads.extend(good.map(str::to_owned));
        self.has_no_place |= !has_name && (is_item(before) || (lead.is_some() && good.is_none()));
    }

    pub(super) fn redact(&self, text: &str) -> String {
        // With room for all from the start: a text that grows leaves copies behind that nobody wipes.
        let mut redacted =
            Zeroizing::new(String::with_capacity(text.len() + text.lines().count() * HIDDEN.len()));
        text.split_inclusive('\n').for_each(|line| self.line(line, &mut redacted));
        for name in &self.elements {
            redacted = Zeroizing::new(without_content(&redacted, name));
        }
        for value in &self.values {
            if redacted.contains(value.reveal()) {
                redacted = Zeroizing::new(redacted.replace(value.reveal(), HIDDEN));
            }
        }
        std::mem::take(&mut *redacted)
    }

    fn line(&self, line: &str, to: &mut String) {
        let bare = line.trim_start_matches(SIGNS);
        let leads = self.leads.iter().filter_map(|lead| end_of_lead(bare, lead));
        let found = leads.chain(self.end_of_member(bare)).min();
        let found =
            found.filter(|end| !bare[*end..].trim().is_empty()).map(|end| line.len() - bare.len() + end);
        let is_old = self.has_no_place && line.starts_with('-') && line.trim_end() != HEADER;
        let end = if is_old { Some(1) } else { found };
        let Some(end) = end else { return to.push_str(line) };
        to.push_str(&line[..end]);
        to.push_str(HIDDEN);
        to.push_str(if line.ends_with('\n') { "\n" } else { "" });
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

/// Whether `before`, what stands before a secret in its line, is the beginning of a list of JSON or an entry of one.
fn is_item(before: &str) -> bool {
    before.trim_end().strip_suffix('"').is_some_and(|left| left.trim_end().ends_with(['[', ',']))
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
            let end = markup::end_of_text(rest);
            if !rest[..end].trim().is_empty() {
                redacted.push_str(HIDDEN);
                rest = &rest[end..];
            }
        }
    }
    redacted.push_str(rest);
    redacted
}
