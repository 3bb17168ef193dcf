//! Devices that are read: before a write, and after a doubt.

use super::bench::Bench;
use crate::executor::{Executor, GateRefused};
use crate::simulator::{Kind, Mode, Ranges};
use std::time::Duration;
use switchyard_shared::outcome::{Class, Found, LeftAs, Outcome, Phase};
use switchyard_shared::task::{Purpose, Work};
use tokio_util::sync::CancellationToken;

const OLD: &[u8] = b"ntp server 203.0.113.9\n";

/// A device that has `running`, if any, and then behaves as `mode`; it can be read.
async fn readable(mode: Mode, running: Option<&[u8]>) -> Bench {
    let mut bench = Bench::new(Mode::Good).await;
    if let Some(running) = running {
        let configuration = std::mem::replace(&mut bench.task.configuration, running.into());
        assert_eq!(bench.attempt().await.class, Class::Ok);
        bench.task.configuration = configuration;
    }
    bench.fleet.set_mode(mode, &Ranges::of(1..=1)).await.expect("the mode");
    bench.task.work = Work::command("configure-from-stdin", Some("show"));
    bench.gate.befores.lock().expect("no test panics with it").clear();
    bench
}

fn writes(bench: &Bench) -> usize {
    bench.fleet.ledger("dev001").expect("a ledger").iter().filter(|event| event.event.ends_a_write()).count()
}

async fn settle(bench: &mut Bench, before: Option<&[u8]>) -> Outcome {
    bench.task.purpose = Purpose::Settle { before: before.map(|before| bench.digest(before)) };
    let (gates, written) = (bench.gates_opened(), writes(bench));
    let outcome = bench.attempt().await;
    assert_eq!((bench.gates_opened(), writes(bench)), (gates, written), "a reading never writes");
    outcome
}

#[tokio::test]
async fn a_device_that_has_it_already_is_unchanged_and_nothing_is_written() {
    let mut bench = readable(Mode::Good, None).await;
    assert_eq!(bench.attempt().await.class, Class::Ok);
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Unchanged, LeftAs::Unchanged), "{outcome:?}");
    assert_eq!((bench.gates_opened(), writes(&bench), bench.count(Kind::Read)), (1, 1, 2));
    assert_eq!(outcome.output, "", "what a device has is its own business");
    bench.task.configuration = b"\n\nntp server 192.0.2.1  \r\n"[..].into();
    assert_eq!(bench.attempt().await.class, Class::Unchanged, "blanks make no difference");
}

#[tokio::test]
async fn what_the_device_had_goes_through_the_gate_before_it_is_written() {
    for running in [None, Some(OLD)] {
        let bench = readable(Mode::Good, running).await;
        let before = bench.digest(running.unwrap_or_default());
        let outcome = bench.attempt().await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
        assert_eq!(*bench.gate.befores.lock().expect("no test panics with it"), [Some(before)]);
        let kinds: Vec<Kind> =
            bench.fleet.ledger("dev001").expect("a ledger").iter().map(|e| e.event).collect();
        assert!(kinds.ends_with(&[Kind::Contact, Kind::Login, Kind::Read, Kind::Apply]), "{kinds:?}");
    }
}

#[tokio::test]
async fn without_a_read_command_nothing_is_read() {
    let bench = Bench::new(Mode::Good).await;
    for _ in 0..2 {
        assert_eq!(bench.attempt().await.class, Class::Ok);
    }
    assert_eq!((bench.count(Kind::Read), bench.count(Kind::Apply)), (0, 2));
    assert_eq!(*bench.gate.befores.lock().expect("no test panics with it"), [None, None]);
}

#[tokio::test]
async fn a_device_that_cannot_be_read_is_not_written() {
    for (mode, class, says) in [
        (Mode::NoRead, Class::PrecheckFailed, "% Authorization failed"),
        (Mode::NoCommand, Class::PrecheckFailed, "refuses to run commands"),
        (Mode::Flood, Class::PrecheckFailed, "more than 1048576 bytes"),
        (Mode::HalfRead, Class::Unreachable, "session lost while `show` ran"),
        (Mode::StuckRead, Class::Timeout, "no whole answer within 500ms"),
    ] {
        let mut bench = readable(mode, Some(OLD)).await;
        if mode == Mode::StuckRead {
            bench.task.timeouts.command = Duration::from_millis(500);
        }
        let (gates, written) = (bench.gates_opened(), writes(&bench));
        let outcome = bench.attempt().await;
        assert_eq!((outcome.class, outcome.phase), (class, Phase::Verify), "{mode}: {outcome:?}");
        assert_eq!(outcome.left_as, LeftAs::Unchanged, "{mode}");
        assert!(outcome.message.contains(says), "{mode}: {}", outcome.message);
        assert_eq!((bench.gates_opened(), writes(&bench)), (gates, written), "{mode}");
    }
}

#[tokio::test]
async fn a_comparison_tells_what_would_change_and_writes_nothing() {
    let mut bench = readable(Mode::Good, Some(OLD)).await;
    bench.task.purpose = Purpose::Compare;
    let (gates, written) = (bench.gates_opened(), writes(&bench));
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Unchanged), "{outcome:?}");
    bench.task.configuration = OLD.into();
    assert_eq!(bench.attempt().await.class, Class::Unchanged);
    let diffs = std::mem::take(&mut *bench.gate.diffs.lock().expect("no test panics with it"));
    let [changed, same] = &diffs[..] else { panic!("one for each: {diffs:?}") };
    assert!(changed.ends_with("-ntp server 203.0.113.9\n+ntp server 192.0.2.1\n"), "{changed}");
    assert_eq!(same, "");
    bench.task.work = Work::command("configure-from-stdin", None);
    let unreadable = bench.attempt().await;
    assert_eq!(unreadable.class, Class::PrecheckFailed, "{unreadable:?}");
    assert!(unreadable.message.contains("cannot be read"), "{unreadable:?}");
    assert_eq!((bench.gates_opened(), writes(&bench)), (gates, written), "nothing was written");
}

#[tokio::test]
async fn a_read_command_that_fails_tells_what_the_device_said() {
    let bench = readable(Mode::NoRead, None).await;
    let outcome = bench.attempt().await;
    assert_eq!(outcome.exit_status, Some(1));
    assert_eq!(outcome.output, "% Authorization failed\n");
    assert!(outcome.hint.contains("correct change.ssh.read"), "{}", outcome.hint);
}

#[tokio::test]
async fn a_gate_that_stays_shut_after_the_reading_writes_nothing() {
    let mut bench = readable(Mode::Good, Some(OLD)).await;
    bench.gate.refuse = Some(GateRefused { class: Class::Cancelled, message: "paused".into() });
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Cancelled, LeftAs::Unchanged), "{outcome:?}");
    assert_eq!((bench.count(Kind::Read), writes(&bench)), (1, 1));
}

#[tokio::test]
async fn a_reading_that_hangs_is_called_off_at_once() {
    let bench = readable(Mode::StuckRead, Some(OLD)).await;
    let cancel = CancellationToken::new();
    let attempt = bench.attempt_until(cancel.clone());
    let cancelling = async {
        while bench.count(Kind::Login) < 2 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(attempt, cancelling);
    assert_eq!((outcome.class, outcome.left_as), (Class::Cancelled, LeftAs::Unchanged), "{outcome:?}");
}

#[tokio::test]
async fn a_device_in_doubt_is_found_with_the_change_without_it_or_with_neither() {
    for (mode, running, found, left_as) in [
        (Mode::DropAfterWrite, Some(OLD), Found::Applied, LeftAs::Changed),
        (Mode::DropAfterWrite, None, Found::Applied, LeftAs::Changed),
        (Mode::StallAfterWrite, Some(OLD), Found::Applied, LeftAs::Changed),
        (Mode::Stall, Some(OLD), Found::NotApplied, LeftAs::Unchanged),
        (Mode::Stall, None, Found::NotApplied, LeftAs::Unchanged),
        (Mode::Half, Some(OLD), Found::Different, LeftAs::Unknown),
    ] {
        let mut bench = readable(mode, running).await;
        if [Mode::Stall, Mode::StallAfterWrite].contains(&mode) {
            bench.task.timeouts.command = Duration::from_millis(1500);
        }
        let lost = bench.attempt().await;
        assert_eq!(lost.class, Class::LostAfterWrite, "{mode}: {lost:?}");
        let outcome = settle(&mut bench, Some(running.unwrap_or_default())).await;
        assert_eq!((outcome.class, outcome.phase), (Class::Ok, Phase::Verify), "{mode}: {outcome:?}");
        assert_eq!((outcome.found, outcome.left_as), (Some(found), left_as), "{mode}: {outcome:?}");
        assert_eq!(bench.count(Kind::Read), 2, "{mode}");
    }
}

#[tokio::test]
async fn a_device_whose_past_nobody_knows_is_never_taken_for_untouched() {
    let mut bench = readable(Mode::Good, Some(OLD)).await;
    let outcome = settle(&mut bench, None).await;
    assert_eq!((outcome.found, outcome.left_as), (Some(Found::Different), LeftAs::Unknown), "{outcome:?}");
    assert!(outcome.message.contains("what it had before was never read"), "{}", outcome.message);
}

#[tokio::test]
async fn a_doubt_stays_when_the_device_cannot_be_read() {
    for (mode, class) in [
        (Mode::NoRead, Class::PrecheckFailed),
        (Mode::NoCommand, Class::PrecheckFailed),
        (Mode::HalfRead, Class::Unreachable),
        (Mode::StuckRead, Class::Timeout),
        (Mode::Refuse, Class::Unreachable),
        (Mode::Hang, Class::Timeout),
        (Mode::Auth, Class::AuthFailed),
        (Mode::Busy, Class::Overloaded),
    ] {
        let mut bench = readable(mode, Some(OLD)).await;
        (bench.task.timeouts.connect, bench.task.timeouts.command) = match mode == Mode::Hang {
            true => (Duration::from_millis(500), Duration::from_secs(20)),
            false => (Duration::from_secs(20), Duration::from_millis(500)),
        };
        let outcome = settle(&mut bench, Some(OLD)).await;
        assert_eq!((outcome.class, outcome.found), (class, None), "{mode}: {outcome:?}");
        assert_eq!(outcome.left_as, LeftAs::Unknown, "{mode}: the doubt is about an earlier write");
    }
}

#[tokio::test]
async fn a_device_in_doubt_without_a_read_command_is_left_alone() {
    let mut bench = readable(Mode::Good, Some(OLD)).await;
    bench.task.work = Work::command("configure-from-stdin", None);
    bench.task.purpose = Purpose::Settle { before: None };
    let outcome = bench.executor.attempt(&bench.task, &bench.gate, CancellationToken::new()).await;
    assert_eq!((outcome.class, outcome.found, writes(&bench)), (Class::AgentError, None, 1), "{outcome:?}");
}

#[tokio::test]
async fn each_session_that_took_bytes_of_a_configuration_says_once_in_the_ledger_how_it_ended() {
    for (mode, kind) in [
        (Mode::Good, Kind::Apply),
        (Mode::Reject, Kind::Reject),
        (Mode::Stall, Kind::Stall),
        (Mode::StallAfterWrite, Kind::Apply),
        (Mode::DropAfterWrite, Kind::Apply),
        (Mode::Signal, Kind::Apply),
        (Mode::Half, Kind::Half),
    ] {
        let mut bench = readable(mode, None).await;
        bench.task.timeouts.command = Duration::from_millis(1500);
        bench.attempt().await;
        assert_eq!((writes(&bench), bench.count(kind)), (1, 1), "{mode}");
    }
}

#[tokio::test]
async fn a_configuration_that_never_was_complete_is_in_the_ledger_too() {
    let mut bench = Bench::new(Mode::Good).await;
    bench.task.configuration = vec![b'x'; 1024 * 1024 + 1].into();
    bench.task.timeouts.command = Duration::from_millis(1500);
    assert_eq!(bench.attempt().await.class, Class::LostAfterWrite);
    assert_eq!((writes(&bench), bench.count(Kind::Abandoned)), (1, 1));
}

#[tokio::test]
async fn no_password_of_a_device_leaves_its_site_in_a_difference_or_in_a_digest_that_anybody_could_try() {
    let running = b"username ann password 0 hunter2\nsnmp-server community gr33n ro\nuser_password = hunter3\n  \"token\": \"hunter4\",\n";
    let mut bench = readable(Mode::Good, Some(running)).await;
    bench.task.purpose = Purpose::Compare;
    assert_eq!(bench.attempt().await.class, Class::Ok);
    let diff = bench.gate.diffs.lock().expect("no test panics with it").concat();
    assert!(diff.contains("-username ann password (secret)") && diff.contains("+ntp server"), "{diff}");
    assert!(!diff.contains("hunter") && !diff.contains("gr33n"), "{diff}");
    bench.task.purpose = Purpose::Apply;
    assert_eq!(bench.attempt().await.class, Class::Ok);
    let befores = bench.gate.befores.lock().expect("no test panics with it").clone();
    assert_eq!(befores, [Some(bench.digest(running))]);
    assert!(befores[0].as_deref().is_some_and(|before| before.starts_with("hmac-sha256:")), "{befores:?}");
}
