//! What to do about devices that are not well: for each way in which they ended, the hint that most of them have.

use super::wrap::wrap;
use crate::text::one_line;
use crate::view::View;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Most ends that are advised on, where there is room.
pub const ADVICE_MAX: usize = 5;

/// How one device ended.
pub struct End {
    /// Its name.
    pub device: String,
    /// Its class, and the phase where one is told.
    pub end: String,
    /// What to do, in one line; may be empty.
    pub hint: String,
}

/// How the devices of `view` ended that are not well.
pub fn of_view(view: &View) -> Vec<End> {
    let tried = view.troubles.iter().filter(|(_, trouble)| trouble.was_tried());
    tried
        .map(|(name, trouble)| End { device: one_line(name), end: trouble.end(), hint: trouble.hint.clone() })
        .collect()
}

/// The part of a screen that says what to do: the commonest of `ends` first and at most `most` of them, each with the
/// hint that most of its devices have, and with a device that it is of where others have another one. Empty when no
/// device has a hint.
pub fn advice(ends: &[End], most: usize, rollout: &str, width: Option<usize>) -> Vec<String> {
    let mut groups: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for End { device, end, hint } in ends.iter().filter(|end| !end.hint.is_empty()) {
        groups.entry(end).or_default().entry(hint).or_default().push(device);
    }
    if groups.is_empty() {
        return Vec::new();
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, hints)| Reverse(hints.values().map(Vec::len).sum::<usize>()));
    let mut lines = vec!["What to do".to_owned()];
    for (end, hints) in groups.iter().take(most) {
        lines.extend(line(end, hints, width));
    }
    if groups.len() > most {
        let more = groups.len() - most;
        lines
            .extend(indented(&format!("… {more} more: switchyard rollout devices {rollout} -o json"), width));
    }
    lines
}

fn line(end: &str, hints: &BTreeMap<&str, Vec<&str>>, width: Option<usize>) -> Vec<String> {
    let commonest = hints.iter().min_by_key(|(_, devices)| Reverse(devices.len()));
    let Some((hint, devices)) = commonest else { return Vec::new() };
    let such_as = devices.first().filter(|_| hints.len() > 1);
    let such_as = such_as.map(|device| format!(", such as {device}")).unwrap_or_default();
    indented(&format!("{end}{such_as}: {hint}"), width)
}

fn indented(text: &str, width: Option<usize>) -> Vec<String> {
    let lines = width.map_or_else(|| vec![text.to_owned()], |width| wrap(text, width.saturating_sub(2)));
    lines.into_iter().map(|line| format!("  {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::columns;

    const BY_NAME: &str = "look at the device; to put back what it had: switchyard rollback ntp --device";

    fn of(device: &str, end: &str, hint: &str) -> End {
        End { device: device.into(), end: end.into(), hint: hint.into() }
    }

    #[test]
    fn each_end_is_advised_on_once_and_the_commonest_first() {
        let mut ends = vec![of("dev9", "REJECTED in write", "correct the template, then plan again")];
        ends.extend((0..3).map(|n| of(&format!("dev{n}"), "TIMEOUT in connect", "check its power")));
        ends.push(of("dev5", "SKIPPED", ""));
        let expected = [
            "What to do",
            "  TIMEOUT in connect: check its power",
            "  REJECTED in write: correct the template, then plan again",
        ];
        assert_eq!(advice(&ends, ADVICE_MAX, "ntp", None), expected);
    }

    #[test]
    fn where_hints_of_an_end_differ_the_commonest_stands_with_a_device_it_is_of() {
        let verify = "POSTCHECK_FAILED in verify";
        let mut ends =
            vec![of("dev1", verify, "a hint of one"), of("dev2", verify, "b"), of("dev3", verify, "b")];
        assert_eq!(advice(&ends, ADVICE_MAX, "ntp", None)[1], format!("  {verify}, such as dev2: b"));
        ends.truncate(1);
        assert_eq!(advice(&ends, ADVICE_MAX, "ntp", None)[1], format!("  {verify}: a hint of one"));
    }

    #[test]
    fn no_more_ends_are_advised_on_than_there_is_room_for_and_the_rest_is_counted() {
        let ends: Vec<End> = (0..9).map(|n| of("dev1", &format!("E{n}"), "look")).collect();
        let lines = advice(&ends, ADVICE_MAX, "ntp", None);
        assert_eq!(lines.len(), 1 + ADVICE_MAX + 1, "{lines:#?}");
        assert_eq!(lines[ADVICE_MAX + 1], "  … 4 more: switchyard rollout devices ntp -o json");
    }

    #[test]
    fn nothing_is_said_where_nobody_knows_what_to_do() {
        assert!(advice(&[of("dev1", "SKIPPED", "")], ADVICE_MAX, "ntp", None).is_empty());
    }

    #[test]
    fn a_hint_goes_over_several_lines_of_a_narrow_screen_with_its_command_whole() {
        let ends = [of("dev1", "POSTCHECK_FAILED in verify", &format!("{BY_NAME} dev1"))];
        let lines = advice(&ends, ADVICE_MAX, "ntp", Some(60));
        assert!(lines[2].ends_with(": switchyard rollback ntp --device dev1"), "{lines:#?}");
        for width in [10, 20, 39, 80] {
            let lines = advice(&ends, ADVICE_MAX, "ntp", Some(width));
            assert!(lines.iter().all(|line| columns(line) <= width), "{width}: {lines:#?}");
        }
    }
}
