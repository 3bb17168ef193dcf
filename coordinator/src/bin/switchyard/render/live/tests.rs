//! The screen fits, and says what matters first.

use super::*;
use crate::fake::{advised, dark_site, result, running};
use crate::text::columns;
use switchyard_proto::v1;

fn crowded() -> View {
    let mut rollout = running(500);
    rollout.name = format!("rollouts/{}", "n".repeat(63));
    rollout.blocked_on = vec!["w".repeat(300), "no agent at 漢字漢字".into()];
    let wave = rollout.waves[0].clone();
    rollout.waves = (0..12)
        .map(|n| v1::WaveStatus { name: format!("{}{n}", "wave".repeat(12)), ..wave.clone() })
        .collect();
    rollout.breakers = (0..20)
        .map(|n| v1::Breaker {
            name: format!("site/s{n:02}{}", "x".repeat(50)),
            state: v1::breaker::State::Open.into(),
            reason: "r".repeat(200),
            ..v1::Breaker::default()
        })
        .collect();
    let devices: Vec<_> = (0..500)
        .map(|n| {
            let mut device = result(
                &format!("{}{n:03}", "d".repeat(60)),
                v1::DeviceState::Failed,
                v1::OutcomeClass::Timeout,
                &"m".repeat(400),
            );
            device.site = format!("s{:02}{}", n % 30, "x".repeat(50));
            device.wave.clone_from(&rollout.waves[n % 12].name);
            let phase =
                v1::OutcomePhase::try_from(1 + i32::try_from(n % 9).expect("small")).expect("a phase");
            advised(device, phase, &format!("{} switchyard rollback {}", "h ".repeat(90), "d".repeat(60)))
        })
        .collect();
    View::new(&rollout, &devices)
}

#[test]
fn the_screen_never_exceeds_the_terminal() {
    for view in [crowded(), View::new(&running(3), &[]), View::new(&dark_site(), &[])] {
        for width in [1, 5, 20, 39, 80, 200] {
            for height in [1, 2, 5, 10, 24, 100] {
                let lines = render(&view, width, height, Timestamp(0), false);
                assert!(lines.len() <= height, "{} lines in {width}x{height}", lines.len());
                for line in &lines {
                    assert!(columns(line) <= width, "{line:?} in {width}x{height}");
                    assert!(!line.contains('\n'), "{line:?}");
                }
            }
        }
    }
}

#[test]
fn five_lines_still_say_state_what_it_waits_for_counts_and_wave() {
    let mut rollout = running(10);
    rollout.blocked_on = vec!["no agent at lon".into()];
    let lines = render(&View::new(&rollout, &[]), 60, 5, Timestamp(0), false);
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(lines[0].starts_with("rollouts/ntp  RUNNING"), "{lines:?}");
    assert!(lines[1].starts_with("0/10"), "{lines:?}");
    assert_eq!(lines[2], "Blocked on: no agent at lon");
    assert!(lines[3].contains("0 all") && lines[3].contains('░'), "{lines:?}");
    assert!(lines[4].starts_with("Ctrl-C leaves"), "{lines:?}");
}

#[test]
fn the_command_that_ends_the_wait_is_whole_and_other_parts_give_way() {
    let mut rollout = running(10);
    let command = "switchyard rollout resume ntp-everywhere-2025-11";
    rollout.name = "rollouts/ntp-everywhere-2025-11".into();
    rollout.state = v1::rollout::State::Paused.into();
    rollout.reason = "paused by anna: the routers of Lisbon look odd since the first wave".into();
    for (width, height) in [(60, 5), (80, 24), (60, 24)] {
        let lines = render(&View::new(&rollout, &[]), width, height, Timestamp(0), false);
        assert!(lines.iter().any(|line| line.contains(command)), "{lines:?}");
        assert!(lines.len() <= height && lines.iter().all(|line| columns(line) <= width), "{lines:?}");
    }
}

#[test]
fn a_dark_site_comes_first_with_its_breaker_and_why() {
    let mut rollout = running(6);
    rollout.breakers = dark_site().breakers;
    let devices: Vec<_> = (0..6)
        .map(|n| {
            let state = if n < 3 { v1::DeviceState::Succeeded } else { v1::DeviceState::Failed };
            let device = result(&format!("dev{n}"), state, v1::OutcomeClass::Timeout, "no banner within 5s");
            let mut device = advised(device, v1::OutcomePhase::Connect, "check its power");
            device.site = if n < 3 { "ams".into() } else { "lon".into() };
            device
        })
        .collect();
    let text = render(&View::new(&rollout, &devices), 100, 30, Timestamp(0), false).join("\n");
    let (lon, ams) = (text.find("\n  lon").expect("lon"), text.find("\n  ams").expect("ams"));
    assert!(lon < ams, "{text}");
    assert!(text.contains("Breaker  site/lon OPEN  5 of the last 5 devices unreachable"), "{text}");
    assert!(text.contains("Failing  TIMEOUT 3"), "{text}");
    let dev3 = "dev3 (lon)  TIMEOUT in connect, left unchanged  no banner within 5s";
    assert!(text.contains(dev3), "{text}");
    assert!(text.contains("\nWhat to do\n  TIMEOUT in connect, left unchanged: check its power\n"), "{text}");
}

#[test]
fn a_lost_connection_is_shown() {
    let mut view = View::new(&running(3), &[]);
    view.reconnecting = Some("connection refused".into());
    let lines = render(&view, 100, 5, Timestamp(0), false);
    assert!(lines[2].starts_with("Reconnecting: connection refused"), "{lines:?}");
}

#[test]
fn colour_does_not_change_the_text() {
    let view = crowded();
    let plain = render(&view, 60, 20, Timestamp(0), false);
    let coloured = render(&view, 60, 20, Timestamp(0), true);
    assert!(coloured.iter().any(|line| line.contains('\x1b')));
    assert_eq!(coloured.iter().map(|line| without_colour(line)).collect::<Vec<_>>(), plain);
}

fn without_colour(line: &str) -> String {
    let mut pieces = line.split('\x1b');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once('m').map_or("", |(_, rest)| rest))
}

#[test]
fn what_to_do_takes_a_few_lines_and_gives_way_before_the_wait_and_the_breakers() {
    let lines = render(&crowded(), 80, 200, Timestamp(0), false);
    let from = lines.iter().position(|line| line == "What to do").expect("it stands there");
    let ends = lines[from..].iter().filter(|line| line.starts_with("  TIMEOUT in ")).count();
    assert_eq!(ends, 3, "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("  … 6 more: switchyard")), "{lines:#?}");
    let few = render(&crowded(), 80, 12, Timestamp(0), false);
    assert!(few.iter().any(|line| line.starts_with("Breaker  ")), "{few:#?}");
    assert!(!few.contains(&"What to do".to_owned()), "{few:#?}");
}

#[test]
fn a_small_terminal_names_the_first_failing_devices_before_it_says_at_length_what_to_do() {
    use v1::OutcomeClass as Class;
    let ends = [Class::Timeout, Class::Rejected, Class::PostcheckFailed, Class::Overloaded];
    let devices: Vec<_> = (0..12)
        .map(|n| {
            let name = format!("acc{n:02}.fra1");
            let device = result(&name, v1::DeviceState::Failed, ends[n % 4], "no");
            advised(device, v1::OutcomePhase::Verify, &format!("{}of {name}", "a long hint ".repeat(30)))
        })
        .collect();
    let lines = render(&View::new(&running(12), &devices), 80, 24, Timestamp(0), false);
    assert!(
        (0..5).all(|n| lines.iter().any(|line| line.contains(&format!("acc{n:02}.fra1 (")))),
        "{lines:#?}"
    );
    let from = lines.iter().position(|line| line == "What to do").expect("it stands there");
    assert_eq!(
        lines[from..].iter().filter(|line| line.starts_with("    ") && line.ends_with('…')).count(),
        3,
        "{lines:#?}"
    );
    assert_eq!(
        lines.len() - from,
        1 + 3 * 2 + 1 + 1,
        "three hints of two lines, the rest, and Ctrl-C: {lines:#?}"
    );
    let lines = render(&View::new(&running(12), &devices), 80, 10, Timestamp(0), false);
    assert!(lines.iter().any(|line| line.contains("acc02.fra1 (")), "{lines:#?}");
    assert!(!lines.contains(&"What to do".to_owned()), "{lines:#?}");
}
