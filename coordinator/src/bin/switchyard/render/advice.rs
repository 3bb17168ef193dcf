//! What to do about devices that are not well: for each way in which they ended, the hint that most of them have.

use super::wrap::{COMMAND, wrap};
use crate::text::{DEVICE, fit, named, one_line};
use crate::view::Trouble;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use switchyard_shared::outcome::{LeftAs, Phase};

/// What a screen has room for.
pub struct Room {
    /// Most ends that are advised on.
    pub ends: usize,
    /// Most lines of one hint.
    pub lines: usize,
    /// Columns of a line, where they are bounded.
    pub width: Option<usize>,
}

impl Room {
    /// That of what is scrolled: hints are whole.
    pub fn scrolled(width: Option<usize>) -> Self {
        Self { ends: 5, lines: usize::MAX, width }
    }
}

/// How devices ended that are advised on together: what helps one that kept a change is not what helps one that
/// has taken it back.
type End = (&'static str, Option<Phase>, Option<LeftAs>);

fn end_of(trouble: &Trouble) -> End {
    (trouble.word(), trouble.phase, trouble.left_as)
}

/// The hints of one end, each with how many devices have it and the first of them.
struct Hints<'a> {
    example: &'a Trouble,
    devices: usize,
    by_text: BTreeMap<&'a str, (usize, &'a str)>,
}

/// The part of a screen that says what to do: the ends of `troubles`, those first that left a change or nobody knows
/// what and then the commonest, each with the hint that most of its devices have, and with a device that it is of
/// where it is not that of all. Empty when no device has a hint.
pub fn advice(troubles: &BTreeMap<String, Trouble>, rollout: &str, room: &Room) -> Vec<String> {
    let (shown, left_out) = commonest(troubles, room.ends);
    if shown.is_empty() {
        return Vec::new();
    }
    let mut lines = vec!["What to do".to_owned()];
    lines.extend(shown.iter().flat_map(|hints| line(hints, room)));
    let all = format!("switchyard rollout devices {rollout} -o json");
    if left_out > 0 {
        lines.extend(indented(&format!("… {left_out} more: {all}"), room));
    } else if shown.iter().any(|hints| hints.by_text.len() > 1) {
        lines.extend(indented(&format!("… all hints: {all}"), room));
    }
    lines
}

/// The ends that are shown, and how many are not. Drawn many times a second of as many devices as there are, so
/// nothing is copied.
fn commonest(troubles: &BTreeMap<String, Trouble>, most: usize) -> (Vec<Hints<'_>>, usize) {
    let advised = || troubles.iter().filter(|(_, trouble)| trouble.wants_advice());
    let mut ends: BTreeMap<End, Hints> = BTreeMap::new();
    for (_, trouble) in advised() {
        let new = || Hints { example: trouble, devices: 0, by_text: BTreeMap::new() };
        ends.entry(end_of(trouble)).or_insert_with(new).devices += 1;
    }
    let left_out = ends.len().saturating_sub(most);
    let mut shown: Vec<Hints> = ends.into_values().collect();
    shown.sort_by_key(|hints| (!may_be_changed(hints.example.left_as), Reverse(hints.devices)));
    shown.truncate(most);
    for (device, trouble) in advised() {
        if let Some(hints) = shown.iter_mut().find(|hints| end_of(hints.example) == end_of(trouble)) {
            hints.by_text.entry(&trouble.hint).or_insert((0, device)).0 += 1;
        }
    }
    (shown, left_out)
}

fn may_be_changed(left_as: Option<LeftAs>) -> bool {
    match left_as {
        Some(LeftAs::Changed | LeftAs::Unknown) => true,
        Some(LeftAs::Unchanged | LeftAs::Reverted) | None => false,
    }
}

fn line(hints: &Hints, room: &Room) -> Vec<String> {
    let commonest = hints.by_text.iter().min_by_key(|(_, (devices, _))| Reverse(*devices));
    let Some((hint, (_, device))) = commonest else { return Vec::new() };
    let (device, several) = (one_line(device), hints.by_text.len());
    let end = hints.example.end_and_left();
    let whose = match several {
        1 if hints.devices == 1 || !hint.contains(DEVICE) => String::new(),
        1 => format!(", such as {device}"),
        _ => format!(", such as {device} (1 of {several} hints)"),
    };
    indented(&format!("{end}{whose}: {}", named(&device, hint)), room)
}

fn indented(text: &str, room: &Room) -> Vec<String> {
    let Some(width) = room.width else { return vec![format!("  {text}")] };
    let width = width.saturating_sub(2);
    let lines = cut(wrap(text, width), room.lines, width);
    lines.into_iter().map(|line| format!("  {line}")).collect()
}

/// What a command has that takes away what somebody else did: it is not shown without all the words before it.
const OVERWRITES: &str = "--overwrite";

/// At most `most` of `lines`, the cut marked; a command that ends them is what they are read for, and stays.
fn cut(mut lines: Vec<String>, most: usize, width: usize) -> Vec<String> {
    if lines.len() <= most {
        return lines;
    }
    let command = lines.pop_if(|last| last.trim_start().starts_with(COMMAND) && !last.contains(OVERWRITES));
    lines.truncate(most - command.iter().len());
    if let Some(last) = lines.last_mut() {
        *last = fit(&format!("{last} …"), width);
    }
    lines.extend(command);
    lines
}

#[cfg(test)]
mod tests;
