//! What is said first, of whom, and what is counted instead.

use super::*;
use crate::fake::{advised, result};
use crate::text::columns;
use switchyard_proto::v1::{self, DeviceState as State, OutcomeClass as Class, OutcomePhase};

const CORRECT: &str = "correct the change, then plan again";

fn put_back(device: &str) -> String {
    format!("look at the device; to put back what it had: switchyard rollback ntp --device {device}")
}

fn of(device: &str, end: (Class, OutcomePhase), left_as: v1::LeftAs, hint: &str) -> v1::DeviceResult {
    let mut device = advised(result(device, State::Failed, end.0, "no"), end.1, hint);
    if let Some(outcome) = &mut device.outcome {
        outcome.left_as = left_as.into();
    }
    device
}

fn timeout(device: &str, hint: &str) -> v1::DeviceResult {
    of(device, (Class::Timeout, OutcomePhase::Connect), v1::LeftAs::Unchanged, hint)
}

fn postcheck(device: &str, left_as: v1::LeftAs, hint: &str) -> v1::DeviceResult {
    of(device, (Class::PostcheckFailed, OutcomePhase::Verify), left_as, hint)
}

fn told(devices: &[v1::DeviceResult], width: Option<usize>) -> Vec<String> {
    let troubles = devices.iter().filter_map(|device| Some((device.device.clone(), Trouble::of(device)?)));
    advice(&troubles.collect(), "ntp", &Room::scrolled(width))
}

#[test]
fn devices_that_kept_a_change_come_first_with_their_way_back_and_apart_from_those_that_took_it_back() {
    let names: Vec<String> = (0..50).map(|n| format!("dev{n:02}")).collect();
    let changed = names.iter().map(|name| postcheck(name, v1::LeftAs::Changed, &put_back(name)));
    let reverted = ["dev50", "dev51"].map(|name| postcheck(name, v1::LeftAs::Reverted, CORRECT));
    let devices: Vec<_> = changed.chain(reverted).collect();
    let back = put_back("dev00");
    let expected = [
        "What to do".to_owned(),
        format!("  POSTCHECK_FAILED in verify, left changed, such as dev00: {back}"),
        format!("  POSTCHECK_FAILED in verify, left reverted: {CORRECT}"),
    ];
    assert_eq!(told(&devices, None), expected);
    let few = [&devices[..1], &devices[50..]].concat();
    let alone = format!("  POSTCHECK_FAILED in verify, left changed: {back}");
    assert_eq!(told(&few, None)[1], alone, "first although it is one of three");
}

#[test]
fn each_end_is_advised_on_once_and_the_commonest_first() {
    let mut devices = vec![of(
        "dev9",
        (Class::Rejected, OutcomePhase::Write),
        v1::LeftAs::Unchanged,
        "correct the template",
    )];
    devices.extend((0..3).map(|n| timeout(&format!("dev{n}"), "check its power")));
    devices.push(of("dev5", (Class::Overloaded, OutcomePhase::Connect), v1::LeftAs::Unchanged, ""));
    let expected = [
        "What to do",
        "  TIMEOUT in connect, left unchanged: check its power",
        "  REJECTED in write, left unchanged: correct the template",
    ];
    assert_eq!(told(&devices, None), expected);
}

#[test]
fn of_several_hints_the_commonest_stands_with_a_device_that_it_is_of_and_where_to_read_the_others() {
    let mut devices = vec![timeout("dev1", "a"), timeout("dev2", "b"), timeout("dev3", "b")];
    let expected = [
        "What to do",
        "  TIMEOUT in connect, left unchanged, such as dev2 (1 of 2 hints): b",
        "  … all hints: switchyard rollout devices ntp -o json",
    ];
    assert_eq!(told(&devices, None), expected);
    devices.truncate(1);
    assert_eq!(told(&devices, None)[1..], ["  TIMEOUT in connect, left unchanged: a"]);
}

#[test]
fn no_more_ends_are_advised_on_than_there_is_room_for_and_the_rest_is_counted() {
    let phases = (1..=9).map(|phase| OutcomePhase::try_from(phase).expect("a phase"));
    let devices: Vec<_> =
        phases.map(|phase| advised(timeout(phase.as_str_name(), ""), phase, "look")).collect();
    let lines = told(&devices, None);
    assert_eq!(lines.len(), 1 + 5 + 1, "{lines:#?}");
    assert_eq!(lines[6], "  … 4 more: switchyard rollout devices ntp -o json");
}

#[test]
fn nothing_is_said_where_nobody_knows_what_to_do() {
    assert!(told(&[timeout("dev1", "")], None).is_empty());
}

#[test]
fn a_hint_goes_over_several_lines_of_a_narrow_screen_with_its_command_whole() {
    let devices = [postcheck("dev1", v1::LeftAs::Changed, &put_back("dev1"))];
    let lines = told(&devices, Some(60));
    assert!(lines.iter().any(|line| line.ends_with("switchyard rollback ntp --device dev1")), "{lines:#?}");
    for width in [10, 20, 39, 80] {
        let lines = told(&devices, Some(width));
        assert!(lines.iter().all(|line| columns(line) <= width), "{width}: {lines:#?}");
    }
}

#[test]
fn a_hint_that_is_cut_to_a_few_lines_says_so_and_keeps_the_command_that_ends_it() {
    let words = |n: usize, last: &str| ["word"].repeat(n).join(" ") + last;
    let of = |text: &str, lines| indented(text, &Room { ends: 1, lines, width: Some(40) });
    let command = "switchyard rollback ntp --device d1";
    let told = of(&words(30, &format!(": {command}")), 2);
    assert_eq!(told, [format!("  {}…", ["word "].repeat(7).concat()), format!("    {command}")]);
    let told = of(&words(30, ""), 2);
    assert_eq!((told.len(), told[1].as_str()), (2, "    word word word word word word word …"));
    assert_eq!(of(&words(30, ""), 9), of(&words(30, ""), usize::MAX), "short enough is whole");
    for width in 0..40 {
        let told = indented(&words(30, command), &Room { ends: 1, lines: 2, width: Some(width) });
        assert!(told.len() <= 2 && told.iter().all(|line| columns(line) <= width.max(3)), "{told:?}");
    }
}

#[test]
fn a_command_that_takes_away_what_others_did_is_not_shown_without_the_words_before_it() {
    let command = "switchyard rollback ntp --device acc02.fra1 --overwrite";
    let hint = format!("look at it first; to take that away, too: {command}");
    let text =
        format!("ROLLBACK_FAILED in validate, left changed, such as acc02.fra1 (1 of 2 hints): {hint}");
    let told = indented(&text, &Room { ends: 1, lines: 2, width: Some(80) });
    assert!(told[1].contains("look at it first") && told[1].ends_with('…'), "{told:?}");
    assert!(!told.concat().contains("--overwrite"), "{told:?}");
    assert!(indented(&text, &Room::scrolled(Some(80))).concat().contains(command));
}
