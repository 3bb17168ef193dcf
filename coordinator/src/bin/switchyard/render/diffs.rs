//! What a plan would change: the same change once, the odd ones out by name, what could not be read with the reason.

use crate::comparing::{Comparison, Group};
use crate::text::{Style, beside_name, counted, number, one_line};
use crate::words;
use std::collections::BTreeMap;
use switchyard_proto::v1;
use switchyard_proto::v1::compare_plan_response::State;
use switchyard_shared::outcome::printable;

/// Diffs that are shown.
const GROUPS_MAX: usize = 8;
/// Lines of one diff that are shown; all of them with `--verbose`.
const LINES_MAX: usize = 40;
/// Names that one line shows.
const NAMED_MAX: usize = 5;
/// Reasons for which something is not known that are shown.
const UNKNOWN_MAX: usize = 20;
/// A group at most this share of its platform's largest is called out by name.
const ODD_SHARE: usize = 10;

/// The site, the class and the words of why something of devices is not known.
type Why = (String, i32, String);

/// The screen of a comparison.
pub fn diffs(found: &Comparison, verbose: bool, color: bool) -> Vec<String> {
    let mut lines = vec![String::new(), "Diffs (the same change is shown once)".to_owned(), totals(found)];
    let shown = if verbose { found.groups.len() } else { GROUPS_MAX };
    for (index, group) in found.groups.iter().take(shown).enumerate() {
        lines.push(headline(index + 1, group, &found.groups, color));
        lines.extend(body(group, verbose, color));
    }
    let more = found.groups.iter().skip(shown).map(|group| group.devices.len()).sum::<usize>();
    if more > 0 {
        let devices = counted(more as u64, "device");
        lines.push(format!("  … {devices} more, with other diffs; all of them with --verbose"));
    }
    lines.extend(open(found, verbose, color));
    lines.extend(unknown(found, verbose, color));
    lines
}

fn totals(found: &Comparison) -> String {
    let change = match found.changes() {
        0 if found.not_read() == 0 => "nothing changes".to_owned(),
        1 => "1 device changes".to_owned(),
        many => format!("{} change", counted(many as u64, "device")),
    };
    let have = match found.unchanged.len() {
        1 => "1 has it already".to_owned(),
        many => format!("{} have it already", number(many as u64)),
    };
    let as_shown = found.open.iter().filter(|told| told.state() == State::Unchanged).count();
    let have = match as_shown {
        0 => have,
        some => format!("{have} ({} as far as shown)", number(some as u64)),
    };
    format!("  {change}   {have}   {} not read", number(found.not_read() as u64))
}

fn headline(index: usize, group: &Group, all: &[Group], color: bool) -> String {
    let devices = counted(group.devices.len() as u64, "device");
    let platform = one_line(&group.platform);
    let space = if platform.is_empty() { "" } else { "   " };
    let size = format!("+{} -{} lines", group.added, group.removed);
    let names = named(&group.devices);
    let line = format!("  #{index}  {platform}{space}{devices}   {size}   ");
    if is_odd(group, all) {
        let whose =
            if platform.is_empty() { "others".to_owned() } else { format!("other {platform} devices") };
        return line + &Style::Warn.paint(&format!("!! differs from the {whose}: {names}"), color);
    }
    line + &names
}

fn is_odd(group: &Group, all: &[Group]) -> bool {
    let of_platform = all.iter().filter(|other| other.platform == group.platform);
    let largest = of_platform.map(|other| other.devices.len()).max();
    largest.is_some_and(|largest| group.devices.len().saturating_mul(ODD_SHARE) <= largest)
}

fn named(devices: &[String]) -> String {
    let names: Vec<String> = devices.iter().take(NAMED_MAX).map(|name| one_line(name)).collect();
    let more = devices.len() - names.len();
    let more = if more == 0 { String::new() } else { format!(" and {} more", number(more as u64)) };
    format!("{}{more}", names.join(", "))
}

fn body(group: &Group, verbose: bool, color: bool) -> Vec<String> {
    let Some(diff) = &group.diff else {
        return vec![
            "      too many different diffs to keep this one; name a device of it to see it".to_owned(),
        ];
    };
    let text = printable(diff.as_bytes(), usize::MAX);
    let all: Vec<&str> = text.lines().collect();
    let most = if verbose { all.len() } else { LINES_MAX };
    let paint = |line: &&str| {
        let style = match line.as_bytes().first() {
            Some(b'+') => Style::Good,
            Some(b'-') => Style::Bad,
            Some(b'@') => Style::Dim,
            Some(_) | None => Style::Plain,
        };
        style.paint(&format!("      {line}"), color)
    };
    let mut lines = Vec::new();
    if group.lines_around_vary {
        let whose = format!("      as on {}; the lines around the change vary", one_line(&group.shown_of));
        lines.push(Style::Dim.paint(&whose, color));
    }
    lines.extend(all.iter().take(most).map(paint));
    if all.len() > most {
        lines.push(format!(
            "      … {} more; all of them with --verbose",
            counted((all.len() - most) as u64, "line")
        ));
    }
    lines
}

/// What is still open of devices that were read.
fn open(found: &Comparison, verbose: bool, color: bool) -> Vec<String> {
    if found.open.is_empty() {
        return Vec::new();
    }
    let title = format!("Read, and something is left open ({}):", number(found.open.len() as u64));
    let mut lines = vec![Style::Warn.paint(&title, color)];
    let told = found.open.iter().map(|told| v1::ComparePlanResponse { class: 0, ..told.clone() });
    lines.extend(by_reason(&told.collect::<Vec<_>>(), verbose));
    lines
}

fn unknown(found: &Comparison, verbose: bool, color: bool) -> Vec<String> {
    if found.not_read() == 0 {
        return Vec::new();
    }
    let title = format!("Not read ({}): what they have is not known, so they may change", found.not_read());
    let mut lines = vec![Style::Warn.paint(&title, color)];
    lines.extend(by_reason(&found.unknown, verbose));
    if found.unread > 0 {
        lines.push(format!("  {} not waited for", counted(found.unread.into(), "device")));
    }
    lines
}

fn by_reason(told: &[v1::ComparePlanResponse], verbose: bool) -> Vec<String> {
    let reasons = reasons(told);
    let shown = if verbose { reasons.len() } else { UNKNOWN_MAX };
    let mut lines: Vec<String> =
        reasons.iter().take(shown).map(|(why, devices)| of_one_reason(why, devices, verbose)).collect();
    let more = reasons.iter().skip(shown).map(|(_, devices)| devices.len()).sum::<usize>();
    if more > 0 {
        lines.push(format!("  … {} more; all of them with --verbose", number(more as u64)));
    }
    lines
}

/// Devices of one site by why something is not known of them, as they come in the order of sites and names.
fn reasons(told: &[v1::ComparePlanResponse]) -> Vec<(Why, Vec<String>)> {
    let (mut places, mut reasons) = (BTreeMap::new(), Vec::<(Why, Vec<String>)>::new());
    for told in told {
        let why = (one_line(&told.site), told.class, one_line(beside_name(&told.device, &told.reason)));
        let place = *places.entry(why.clone()).or_insert_with(|| {
            reasons.push((why, Vec::new()));
            reasons.len() - 1
        });
        reasons[place].1.push(told.device.clone());
    }
    reasons
}

fn of_one_reason((site, class, reason): &Why, devices: &[String], verbose: bool) -> String {
    let class = if *class == 0 { String::new() } else { format!("{}: ", words::class(*class)) };
    let names = if verbose {
        devices.iter().map(|name| one_line(name)).collect::<Vec<_>>().join(", ")
    } else {
        named(devices)
    };
    format!("  {names}   {site}   {class}{reason}")
}

#[cfg(test)]
mod tests {
    use super::*;
    fn told(device: &str, state: State, diff: &str, reason: &str) -> v1::ComparePlanResponse {
        v1::ComparePlanResponse {
            device: device.into(),
            site: "lon".into(),
            state: state.into(),
            diff: diff.into(),
            reason: reason.into(),
            platform: "ios".into(),
            ..v1::ComparePlanResponse::default()
        }
    }

    #[test]
    fn the_same_change_beside_each_devices_own_lines_is_shown_once_and_says_whose_lines_they_are() {
        let mut found = Comparison::default();
        for device in ["r1", "r2", "r3"] {
            let diff = format!(
                "--- running\n+++ planned\n@@ -1 +1,2 @@\n hostname {device}\n+ntp server 192.0.2.7\n"
            );
            found.take(told(device, State::Changes, &diff, ""));
        }
        let text = diffs(&found, false, false).join("\n");
        assert!(
            text.contains(
                "  #1  ios   3 devices   +1 -0 lines   r1, r2, r3\n      as on r1; the lines around"
            ),
            "{text}"
        );
        assert!(
            text.contains(" hostname r1\n") && !text.contains("#2") && !text.contains("hostname r2"),
            "{text}"
        );
    }

    #[test]
    fn identical_diffs_are_shown_once_and_the_odd_one_by_name() {
        let mut found = Comparison::default();
        for n in 0..20 {
            found.take(told(
                &format!("acc{n:02}"),
                State::Changes,
                "--- running\n+++ planned\n-a\n+b\n+c\n",
                "",
            ));
        }
        found.take(told("odd1", State::Changes, "-x\n+y\n", ""));
        found.take(told("same1", State::Unchanged, "", ""));
        found.take(told("dark1", State::Unknown, "", "no agent of lon is connected"));
        let text = diffs(&found, false, false).join("\n");
        assert!(text.contains("\n  21 devices change   1 has it already   1 not read\n"), "{text}");
        let first = "  #1  ios   20 devices   +2 -1 lines   acc00, acc01, acc02, acc03, acc04 and 15 more\n";
        assert!(text.contains(first), "{text}");
        assert_eq!(text.matches("      +b").count(), 1, "{text}");
        let odd = "  #2  ios   1 device   +1 -1 lines   !! differs from the other ios devices: odd1\n";
        assert!(text.contains(odd), "{text}");
        assert!(text.ends_with("\n  dark1   lon   no agent of lon is connected"), "{text}");
    }

    #[test]
    fn devices_that_were_not_read_for_the_same_reason_share_a_line() {
        let mut found = Comparison::default();
        for n in 0..9 {
            let why = format!("r{n} (192.0.2.{n}:22) refuses the connection");
            found.take(told(&format!("r{n}"), State::Unknown, "", &why));
        }
        found.take(told("r9", State::Unknown, "", "r9 (192.0.2.9:22): the configuration cannot be used"));
        let text = diffs(&found, false, false).join("\n");
        let expected = "\n  r0, r1, r2, r3, r4 and 4 more   lon   refuses the connection\n  r9   lon   the configuration cannot be used";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn what_is_left_open_of_devices_that_were_read_is_shown_with_their_names() {
        let mut found = Comparison::default();
        let why = "it shows neither `ntp` nor `no ntp`: whether that is off there is not known";
        found.take(told("r1", State::Unchanged, "", why));
        found.take(told("r2", State::Unchanged, "", why));
        found.take(told("r3", State::Unchanged, "", ""));
        found.take(told("r4", State::Changes, "+x\n", "it is not known to be saved"));
        let text = diffs(&found, false, false).join("\n");
        let totals = "  1 device changes   3 have it already (2 as far as shown)   0 not read\n";
        assert!(text.contains(totals), "{text}");
        let open = format!(
            "\nRead, and something is left open (3):\n  r1, r2   lon   {why}\n  r4   lon   it is not known to be saved"
        );
        assert!(text.ends_with(&open), "{text}");
    }

    #[test]
    fn a_diff_cannot_drive_a_terminal_and_a_long_one_is_cut() {
        let mut found = Comparison::default();
        let long: String = (0..50).map(|n| format!("+line {n}\x1b[2J\n")).collect();
        found.take(told("a", State::Changes, &long, ""));
        let text = diffs(&found, false, false).join("\n");
        assert!(!text.contains('\x1b') && text.contains("line 39") && !text.contains("line 40"), "{text}");
        assert!(text.contains("10 lines more") || text.contains("… 10 lines"), "{text}");
        assert!(diffs(&found, true, false).join("\n").contains("line 49"));
    }
}
