//! The lines as scripts know them.

use super::*;
use crate::fake::{advised, dark_site, result};

fn at() -> Timestamp {
    Timestamp(1_763_770_000_123_000)
}

fn lines(event: Event) -> Vec<String> {
    let view = View::new(&dark_site(), &[]);
    let message = v1::WatchRolloutResponse { sequence: 9, at: None, event: Some(event) };
    super::event(&view, &message, at(), false)
}

#[test]
fn the_first_line_says_how_to_come_back() {
    let line = start(&View::new(&dark_site(), &[]), at());
    assert!(line.starts_with("2025-11-22T00:06:40Z start    rollout=ntp devices=100 waves=1 "), "{line}");
    assert!(line.ends_with("resume=\"switchyard watch ntp --since 240\""), "{line}");
}

#[test]
fn the_last_line_carries_state_counts_and_exit_code() {
    let line = end(&View::new(&dark_site(), &[]), Exit::RolloutFailed, at());
    assert!(line.contains(" end "), "{line}");
    assert!(
        line.contains("state=PARTIALLY_SUCCEEDED ok=46 unchanged=0 failed=5 skipped=49 unknown=0"),
        "{line}"
    );
    assert!(line.ends_with("duration=2.3s exit=3"), "{line}");
}

#[test]
fn each_device_that_ended_is_one_line_with_why_and_what_it_was_left_as() {
    let devices = vec![
        result("dev001", v1::DeviceState::Succeeded, v1::OutcomeClass::Ok, "`load` took it"),
        result("dev003", v1::DeviceState::Pending, v1::OutcomeClass::Cancelled, "called off"),
        result("dev002", v1::DeviceState::Running, v1::OutcomeClass::Unspecified, ""),
        result("dev047", v1::DeviceState::Failed, v1::OutcomeClass::Timeout, "no \"banner\" within 5s"),
    ];
    let lines = lines(Event::DevicesChanged(v1::DevicesChanged { devices }));
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains(" ok       device=dev001 site=lon wave=all attempt=1 class=OK"), "{lines:?}");
    assert!(lines[0].ends_with("class=OK"), "what went well needs no words: {lines:?}");
    assert!(
        lines[1].contains(
            " fail     device=dev047 site=lon wave=all attempt=1 class=TIMEOUT left_as=UNCHANGED msg=\"no \\\"banner\\\" within 5s\""
        ),
        "{lines:?}"
    );
}

#[test]
fn a_count_down_is_no_news() {
    let line = |left: &str, waiting: &str| {
        without_numbers(&format!(
            "site/lon3 OPEN ({waiting} devices wait): 5 of 5 silent; next try in {left}"
        ))
    };
    assert_eq!(line("1m05s", "49"), line("9.5s", "7"));
    assert_ne!(without_numbers("no agent at lon3"), without_numbers("no agent at lon4"));
    assert_ne!(without_numbers("site/1 OPEN"), without_numbers("site/2 OPEN"));
}

#[test]
fn a_devices_words_cannot_break_the_line() {
    let devices = vec![result("d", v1::DeviceState::Failed, v1::OutcomeClass::Rejected, "a\nb\x1b[2Jc")];
    let lines = lines(Event::DevicesChanged(v1::DevicesChanged { devices }));
    assert_eq!(lines.len(), 1);
    assert!(!lines[0].contains(['\n', '\x1b']), "{lines:?}");
}

#[test]
fn a_breaker_line_says_why_and_when_it_tries_again() {
    let breaker = dark_site().breakers.remove(0);
    let lines = lines(Event::BreakerChanged(v1::BreakerChanged { breaker: Some(breaker) }));
    assert!(lines[0].contains(" breaker  name=site/lon state=OPEN failed=5 seen=5"), "{lines:?}");
    assert!(lines[0].contains("reason=\"5 of the last 5 devices unreachable\""), "{lines:?}");
}

#[test]
fn what_is_not_ok_names_its_phase_and_what_to_do() {
    use v1::{DeviceState as State, OutcomeClass as Class, OutcomePhase as Phase};
    let devices = vec![
        advised(
            result("dev1", State::Failed, Class::Timeout, "no prompt"),
            Phase::Read,
            "look\nat\x1b[2J it",
        ),
        advised(result("dev2", State::Succeeded, Class::Ok, ""), Phase::Confirm, ""),
        result("dev3", State::Failed, Class::Rejected, ""),
    ];
    let lines = lines(Event::DevicesChanged(v1::DevicesChanged { devices }));
    let expected =
        "class=TIMEOUT phase=READ left_as=UNCHANGED msg=\"no prompt\" hint=\"look at\\\\u{1b}[2J it\"";
    assert!(lines[0].ends_with(expected), "{lines:?}");
    assert!(lines[1].ends_with("class=OK"), "{lines:?}");
    assert!(lines[2].ends_with("class=REJECTED left_as=UNCHANGED"), "nobody told a phase: {lines:?}");
}
