//! What became of a rollout, once the live screen is gone.

use super::advice::{Room, advice};
use super::live::state_style;
use super::table::{sparing, table};
use super::why::why;
use crate::text::{Style, counted, fit};
use crate::view::{Trouble, View};
use crate::words::is_final;
use std::collections::{BTreeMap, BTreeSet};
use switchyard_shared::outcome::DeviceState;
use switchyard_shared::rollout::RolloutState;
use switchyard_shared::time::{Timestamp, format_duration};

/// Most devices listed by name.
pub const DEVICES_MAX: usize = 20;
/// Most ends, each a class and a phase, that are counted apart; the least common are counted together.
const ENDS_MAX: usize = 20;

/// The last screen: state, counts, failures by class and phase, failed devices with what they were left as,
/// what to do about them, breakers, and what to type next.
pub fn summary(view: &View, now: Timestamp, width: usize, color: bool) -> Vec<String> {
    let mut lines = vec![headline(view, now, color), format!("  {}", tally(view))];
    lines.extend(ends(view, width));
    lines.extend(devices(view, width));
    let what_to_do = advice(&view.troubles, &view.rollout, &Room::scrolled(Some(width)));
    if !what_to_do.is_empty() {
        lines.extend(blank_then(what_to_do));
    }
    lines.extend(breakers(view, now, width, color));
    lines.extend(next(view));
    lines
}

fn headline(view: &View, now: Timestamp, color: bool) -> String {
    let state = state_style(view.state).paint(view.state.as_str(), color);
    let ended = if is_final(view.state) { "ended" } else { "stands at" };
    let reason = if view.reason.is_empty() { String::new() } else { format!(": {}", view.reason) };
    format!(
        "Rollout rollouts/{} {ended} {state} after {}{reason}",
        view.rollout,
        format_duration(view.elapsed(now))
    )
}

/// The counts in one line.
pub fn tally(view: &View) -> String {
    let words = [
        (DeviceState::Succeeded, "ok"),
        (DeviceState::Unchanged, "unchanged"),
        (DeviceState::Failed, "failed"),
        (DeviceState::Skipped, "skipped"),
        (DeviceState::Unknown, "unknown"),
        (DeviceState::RolledBack, "rolled back"),
        (DeviceState::Running, "running"),
        (DeviceState::Pending, "waiting"),
    ];
    let shown = words
        .into_iter()
        .filter(|&(state, word)| view.counts.of(state) > 0 || matches!(word, "ok" | "failed"));
    let parts: Vec<String> = shown.map(|(state, word)| format!("{} {word}", view.counts.of(state))).collect();
    format!("{}: {}", counted(view.counts.planned().into(), "device"), parts.join(", "))
}

fn ends(view: &View, width: usize) -> Vec<String> {
    let mut groups: BTreeMap<String, Vec<&Trouble>> = BTreeMap::new();
    for trouble in view.troubles.values() {
        groups.entry(trouble.end()).or_default().push(trouble);
    }
    if groups.is_empty() {
        return Vec::new();
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(end, troubles)| (std::cmp::Reverse(troubles.len()), end.clone()));
    let others = groups.split_off(groups.len().min(ENDS_MAX));
    let mut rows: Vec<Vec<String>> = groups
        .into_iter()
        .map(|(end, troubles)| {
            let sites = most_common(troubles.iter().map(|trouble| trouble.site.as_str()));
            let sites: Vec<String> = sites.iter().take(3).map(|(site, n)| format!("{site} {n}")).collect();
            let message = most_common(troubles.iter().map(|trouble| trouble.message.as_str()));
            let message = message.first().map(|(message, _)| (*message).to_owned()).unwrap_or_default();
            vec![end, troubles.len().to_string(), sites.join(", "), message]
        })
        .collect();
    if !others.is_empty() {
        let devices: usize = others.iter().map(|(_, troubles)| troubles.len()).sum();
        rows.push(vec![format!("… {} others", others.len()), devices.to_string()]);
    }
    blank_then(table(&["CLASS", "COUNT", "SITES", "MESSAGE (most common)"], &rows, Some(width)))
}

fn most_common<'a>(words: impl Iterator<Item = &'a str>) -> Vec<(&'a str, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|&(word, count)| (std::cmp::Reverse(count), word));
    counts
}

fn devices(view: &View, width: usize) -> Vec<String> {
    let mut tried: Vec<_> = view.troubles.iter().filter(|(_, trouble)| trouble.was_tried()).collect();
    if tried.is_empty() {
        return Vec::new();
    }
    tried.sort_by_key(|(name, trouble)| (trouble.end(), (*name).clone()));
    let rows: Vec<Vec<String>> = tried
        .iter()
        .take(DEVICES_MAX)
        .map(|(name, trouble)| {
            let left = trouble.left_as.map_or("-".to_owned(), |left| left.as_str().to_lowercase());
            vec![
                (*name).clone(),
                trouble.site.clone(),
                trouble.end(),
                left,
                trouble.wave.clone(),
                trouble.attempt.to_string(),
                trouble.message.clone(),
            ]
        })
        .collect();
    let headers = ["DEVICE", "SITE", "CLASS", "LEFT AS", "WAVE", "ATTEMPT", "MESSAGE"];
    let mut lines = blank_then(sparing(&headers, &rows, Some(width), &["ATTEMPT", "WAVE"]));
    let more = &tried[tried.len().min(DEVICES_MAX)..];
    if !more.is_empty() {
        let states: BTreeSet<DeviceState> = more.iter().map(|(_, trouble)| trouble.state).collect();
        let states = states.iter().map(|state| format!(" --state {}", state.as_str().to_lowercase()));
        let states: String = states.collect();
        lines.push(format!("… {} more: switchyard rollout devices {}{states}", more.len(), view.rollout));
    }
    lines
}

fn breakers(view: &View, now: Timestamp, width: usize, color: bool) -> Vec<String> {
    if view.breakers.is_empty() {
        return Vec::new();
    }
    let mut open: Vec<_> = view.breakers.iter().collect();
    open.sort_by_key(|(name, _)| (!name.starts_with("site/"), (*name).clone()));
    let mut lines = vec![String::new(), "Breakers".to_owned()];
    lines.extend(open.iter().take(DEVICES_MAX).map(|(name, breaker)| {
        let state = Style::Bad.paint(breaker.state.as_str(), color);
        let room = width.saturating_sub(name.chars().count() + breaker.state.as_str().len() + 6);
        format!("  {name}  {state}  {}", fit(&why(name, breaker, now), room))
    }));
    if open.len() > DEVICES_MAX {
        lines.push(format!("  … {} more: switchyard breaker list", open.len() - DEVICES_MAX));
    }
    lines
}

fn next(view: &View) -> Vec<String> {
    let name = &view.rollout;
    let mut commands = Vec::new();
    if view.state == RolloutState::Paused {
        commands.push(format!("switchyard rollout resume {name} --reason WHY"));
        commands.push(format!("switchyard rollout abort {name} --reason WHY"));
    } else if view.waits_for_promotion() {
        commands.push(format!("switchyard rollout promote {name}"));
    }
    if !is_final(view.state) {
        commands.push(format!("switchyard watch {name}"));
    }
    if view.counts.of(DeviceState::Unknown) > 0 {
        commands.push(format!("switchyard device reconcile --all --rollout {name}"));
    }
    if let Some(state) = view.worth_a_look() {
        commands.push(format!("switchyard rollout devices {name} --state {state}"));
    }
    if !view.breakers.is_empty() {
        commands.push("switchyard breaker list".to_owned());
    }
    if commands.is_empty() {
        commands.push(format!("switchyard status {name}"));
    }
    vec![String::new(), format!("Next: {}", commands.join("   "))]
}

fn blank_then(lines: Vec<String>) -> Vec<String> {
    std::iter::once(String::new()).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{advised, dark_site, result, running};
    use crate::text::columns;
    use switchyard_proto::v1;

    #[test]
    fn failures_are_grouped_then_named_with_what_they_were_left_as() {
        let mut rollout = dark_site();
        rollout.counts = Some(v1::DeviceCounts { planned: 30, ..v1::DeviceCounts::default() });
        let devices: Vec<_> = (0..30)
            .map(|n| match n {
                0..25 => result(
                    &format!("dev{n:03}"),
                    v1::DeviceState::Failed,
                    v1::OutcomeClass::Timeout,
                    "no banner within 5s",
                ),
                _ => result(&format!("dev{n:03}"), v1::DeviceState::Succeeded, v1::OutcomeClass::Ok, ""),
            })
            .collect();
        let text = summary(&View::new(&rollout, &devices), Timestamp(0), 100, false).join("\n");
        assert!(text.starts_with("Rollout rollouts/ntp ended PARTIALLY_SUCCEEDED after 2.3s"), "{text}");
        assert!(text.contains("30 devices: 5 ok, 25 failed"), "{text}");
        assert!(text.contains("TIMEOUT     25  lon 25  no banner within 5s"), "{text}");
        assert!(text.contains("unchanged"), "{text}");
        assert!(text.contains("dev019") && !text.contains("dev020"), "twenty names: {text}");
        assert!(text.contains("… 5 more: switchyard rollout devices ntp --state failed"), "{text}");
        assert!(text.contains("site/lon  OPEN  5 of the last 5 devices unreachable"), "{text}");
        assert!(text.contains("Next: switchyard rollout devices ntp --state failed"), "{text}");
    }

    #[test]
    fn what_is_not_listed_is_counted_and_each_of_its_states_is_named() {
        let phases = (1..=9).filter_map(|phase| v1::OutcomePhase::try_from(phase).ok());
        let classes = [v1::OutcomeClass::Timeout, v1::OutcomeClass::Rejected, v1::OutcomeClass::Overloaded];
        let ends = phases.flat_map(|phase| classes.map(|class| (class, phase)));
        let failed = ends.enumerate().map(|(n, (class, phase))| {
            advised(result(&format!("dev{n:03}"), v1::DeviceState::Failed, class, "no"), phase, "")
        });
        let lost = result("dev900", v1::DeviceState::Unknown, v1::OutcomeClass::LostAfterWrite, "no");
        let mut devices: Vec<_> = failed.collect();
        let of = |devices: &[v1::DeviceResult]| {
            let planned = u32::try_from(devices.len()).expect("few");
            let view = View::new(&running(planned), devices);
            summary(&view, Timestamp(0), 100, false).join("\n")
        };
        let text = of(&devices);
        assert!(text.contains("\n… 7 others                      7\n"), "{text}");
        assert!(text.contains("\n… 7 more: switchyard rollout devices ntp --state failed\n"), "{text}");
        let others = (100..120)
            .map(|n| result(&format!("dev{n}"), v1::DeviceState::Failed, v1::OutcomeClass::AgentError, "no"));
        devices.extend(others.chain([lost]));
        let text = of(&devices);
        let both = "… 28 more: switchyard rollout devices ntp --state failed --state unknown\n";
        assert!(text.contains(both), "{text}");
    }

    #[test]
    fn what_comes_next_is_only_what_helps() {
        let of = |state: v1::rollout::State, counts: v1::DeviceCounts| {
            let rollout = v1::Rollout { state: state.into(), counts: Some(counts), ..dark_site() };
            summary(&View::new(&rollout, &[]), Timestamp(0), 200, false).pop().unwrap_or_default()
        };
        let lost = v1::DeviceCounts { planned: 2, unknown: 1, skipped: 1, ..v1::DeviceCounts::default() };
        let text = of(v1::rollout::State::PartiallySucceeded, lost);
        assert!(text.contains("--state unknown") && !text.contains("--state failed"), "{text}");
        let left_out = v1::DeviceCounts { planned: 2, skipped: 2, ..v1::DeviceCounts::default() };
        let text = of(v1::rollout::State::Paused, left_out);
        assert!(text.contains("--state skipped"), "{text}");
        assert!(text.contains("rollout resume ntp") && text.contains("rollout abort ntp"), "{text}");
    }

    /// Two devices with long names, of which one failed a check before the write and one a check after it.
    fn in_a_narrow_place(hint: &str) -> View {
        let failed = [
            (
                "acc02.fra1",
                v1::DeviceState::Failed,
                v1::OutcomeClass::PostcheckFailed,
                v1::OutcomePhase::Verify,
            ),
            (
                "acc01.fra1",
                v1::DeviceState::Skipped,
                v1::OutcomeClass::PrecheckFailed,
                v1::OutcomePhase::Validate,
            ),
        ];
        let devices = failed.map(|(name, state, class, phase)| v1::DeviceResult {
            site: "fra1".into(),
            wave: "everything-else".into(),
            ..advised(result(name, state, class, "ntp: 5 of 6 tries failed"), phase, hint)
        });
        let counts = v1::DeviceCounts { planned: 2, failed: 1, skipped: 1, ..v1::DeviceCounts::default() };
        View::new(&v1::Rollout { counts: Some(counts), ..running(2) }, &devices)
    }

    #[test]
    fn eighty_columns_tell_the_device_its_class_and_phase_what_it_was_left_as_and_what_to_do() {
        let hint = "look at the device; to put back what it had: switchyard rollback ntp --device acc02.fra1";
        let lines = summary(&in_a_narrow_place(hint), Timestamp(0), 80, false);
        let text = lines.join("\n");
        assert!(text.contains("acc02.fra1  fra1  POSTCHECK_FAILED in verify   unchanged"), "{text}");
        assert!(text.contains("acc01.fra1  fra1  PRECHECK_FAILED in validate  unchanged"), "{text}");
        assert!(
            text.contains("\nWhat to do\n  POSTCHECK_FAILED in verify, left unchanged: look at the device;"),
            "{text}"
        );
        assert!(text.contains("switchyard rollback ntp --device acc02.fra1\n"), "{text}");
        let narrow = lines.iter().filter(|line| !line.starts_with("Next:"));
        assert!(narrow.clone().all(|line| columns(line) <= 80), "{text}");
    }

    #[test]
    fn a_hint_cannot_drive_the_terminal() {
        let text = summary(&in_a_narrow_place("a\x1b[2J\nb\u{202e}"), Timestamp(0), 80, false).join("\n");
        assert!(text.contains("in verify, left unchanged: a\\u{1b}[2J b\\u{202e}"), "{text}");
        assert!(!text.contains(['\x1b', '\u{202e}']), "{text}");
    }

    #[test]
    fn a_device_that_was_never_tried_ended_in_no_phase() {
        let mut skipped = result("dev001", v1::DeviceState::Skipped, v1::OutcomeClass::Unspecified, "");
        skipped.outcome = None;
        skipped.reason = "site/lon is OPEN".into();
        let text = summary(&View::new(&dark_site(), &[]), Timestamp(0), 100, false).join("\n");
        assert!(!text.contains("What to do"), "{text}");
        let mut rollout = dark_site();
        rollout.counts = Some(v1::DeviceCounts { planned: 1, skipped: 1, ..v1::DeviceCounts::default() });
        let text = summary(&View::new(&rollout, &[skipped]), Timestamp(0), 100, false).join("\n");
        assert!(text.contains("SKIPPED      1  lon 1  site/lon is OPEN"), "{text}");
        assert!(!text.contains("What to do") && !text.contains(" in "), "{text}");
    }
}
