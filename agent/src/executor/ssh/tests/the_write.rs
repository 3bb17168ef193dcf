//! What follows the opening of the write gate.

use super::bench::Bench;
use crate::simulator::{Kind, Mode, Ranges};
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, OUTPUT_BYTES_MAX, Phase};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_good_device_takes_the_configuration_once() {
    let bench = Bench::new(Mode::Good).await;
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
    assert_eq!((outcome.exit_status, outcome.output.as_str()), (Some(0), "dev001: apply 1, 21 bytes\n"));
    assert_eq!(outcome.output_bytes, 26);
    assert_eq!((bench.count(Kind::Contact), bench.count(Kind::Login), bench.count(Kind::Apply)), (1, 1, 1));
    assert_eq!(bench.fleet.running("dev001").expect("a file").as_deref(), Some(&*bench.task.configuration));
    let phases = bench.gate.phases.lock().expect("phases").clone();
    assert_eq!(phases, [Phase::Connect, Phase::Authenticate, Phase::Write]);
    assert_eq!(bench.gates_opened(), 1);
}

#[tokio::test]
async fn the_largest_configuration_arrives_whole() {
    let mut bench = Bench::new(Mode::Good).await;
    let bytes: Vec<u8> = (0..1024 * 1024_u32).map(|n| (n % 251) as u8).collect();
    bench.task.configuration = bytes.into();
    let outcome = bench.attempt().await;
    assert_eq!(outcome.class, Class::Ok, "{outcome:?}");
    assert_eq!(bench.fleet.running("dev001").expect("a file").as_deref(), Some(&*bench.task.configuration));
}

#[tokio::test]
async fn a_slow_device_is_waited_for() {
    let bench = Bench::with(Mode::Slow, |config| config.slow_delay = Duration::from_millis(300)).await;
    let outcome = bench.attempt().await;
    assert_eq!(outcome.class, Class::Ok, "{outcome:?}");
    assert!(outcome.finished_at.since(outcome.started_at) >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_device_that_refuses_the_configuration_says_why() {
    let bench = Bench::new(Mode::Reject).await;
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Unknown));
    assert_eq!(outcome.exit_status, Some(1));
    assert!(outcome.message.contains("exit status 1"), "{}", outcome.message);
    assert!(outcome.message.contains("line 1: syntax error"), "{}", outcome.message);
    assert_eq!((bench.count(Kind::Reject), bench.count(Kind::Apply)), (1, 0));
}

#[tokio::test]
async fn a_device_that_runs_no_commands_is_left_unchanged() {
    let bench = Bench::new(Mode::NoCommand).await;
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Unchanged), "{outcome:?}");
    assert_eq!(bench.count(Kind::Apply), 0);
}

#[tokio::test]
async fn a_device_that_never_answers_is_in_doubt_after_the_command_timeout() {
    let mut bench = Bench::new(Mode::Stall).await;
    bench.task.timeouts.command = Duration::from_millis(400);
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::LostAfterWrite, LeftAs::Unknown), "{outcome:?}");
    assert!(outcome.message.contains("400ms"), "{}", outcome.message);
    assert!(outcome.hint.starts_with("read the device"), "{}", outcome.hint);
}

#[tokio::test]
async fn a_connection_lost_after_the_write_is_doubt_and_not_failure() {
    let bench = Bench::new(Mode::DropAfterWrite).await;
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::LostAfterWrite, LeftAs::Unknown), "{outcome:?}");
    assert_eq!((outcome.exit_status, bench.count(Kind::Apply)), (None, 1));
}

#[tokio::test]
async fn a_command_that_a_signal_ended_is_in_doubt() {
    let bench = Bench::new(Mode::Signal).await;
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::LostAfterWrite, LeftAs::Unknown), "{outcome:?}");
    assert!(outcome.message.contains("signal (KILL)"), "{}", outcome.message);
}

#[tokio::test]
async fn a_flood_of_output_is_counted_and_only_its_head_is_kept() {
    let bench = Bench::new(Mode::Flood).await;
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.output_bytes), (Class::Ok, 100_000_000), "{outcome:?}");
    assert!(outcome.output.len() <= OUTPUT_BYTES_MAX && outcome.output.ends_with('…'));
}

#[tokio::test]
async fn control_characters_of_a_device_reach_nobody() {
    let bench = Bench::new(Mode::Garble).await;
    let outcome = bench.attempt().await;
    assert_eq!(outcome.class, Class::Ok, "{outcome:?}");
    assert!(outcome.output.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", outcome.output);
    assert!(outcome.output.contains("\\u{202e}") && outcome.output.contains("\\xff"), "{:?}", outcome.output);
}

#[tokio::test]
async fn a_device_without_a_word_is_ok_by_its_exit_status() {
    let bench = Bench::new(Mode::Mute).await;
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.output.as_str(), outcome.output_bytes), (Class::Ok, "", 0));
}

#[tokio::test]
async fn cancelling_after_the_gate_does_not_tear_the_write() {
    let bench = Bench::with(Mode::Slow, |config| config.slow_delay = Duration::from_millis(300)).await;
    let cancel = CancellationToken::new();
    let attempt = bench.attempt_until(cancel.clone());
    let cancelling = async {
        while bench.gates_opened() == 0 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(attempt, cancelling);
    assert_eq!((outcome.class, bench.count(Kind::Apply)), (Class::Ok, 1), "{outcome:?}");
}

#[tokio::test]
async fn a_device_that_refuses_late_is_waited_for() {
    let bench = Bench::with(Mode::SlowFailure, |config| config.slow_delay = Duration::from_millis(300)).await;
    let outcome = bench.attempt().await;
    assert_eq!(outcome.class, Class::Rejected, "{outcome:?}");
    assert!(outcome.finished_at.since(outcome.started_at) >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_link_that_is_cut_freezes_the_session_and_swallows_the_next() {
    let mut bench = Bench::with(Mode::Slow, |config| config.slow_delay = Duration::from_millis(500)).await;
    bench.task.timeouts.command = Duration::from_millis(1500);
    bench.task.timeouts.connect = Duration::from_millis(1500);
    let cutting = async {
        while bench.gates_opened() == 0 {
            tokio::task::yield_now().await;
        }
        bench.fleet.set_mode(Mode::Cut, &Ranges::of(1..=1)).await.expect("the mode");
    };
    let (outcome, ()) = tokio::join!(bench.attempt(), cutting);
    assert_eq!(outcome.class, Class::LostAfterWrite, "{outcome:?}");
    let heard = bench.gate.hearing.get().expect("a read clock").last();
    assert!(outcome.finished_at.since(heard) >= Duration::from_millis(1000), "nothing came after the cut");
    let swallowed = bench.attempt().await;
    assert_eq!((swallowed.class, swallowed.phase), (Class::Timeout, Phase::Connect), "{swallowed:?}");
    assert!(swallowed.message.contains("gave no answer to the TCP connection"), "{}", swallowed.message);
    assert_eq!(bench.count(Kind::Contact), 1, "the device saw nothing of it");
    bench.fleet.set_mode(Mode::Good, &Ranges::of(1..=1)).await.expect("the mode");
    assert_eq!(bench.attempt().await.class, Class::Ok);
    assert_eq!(bench.count(Kind::Contact), 2);
}

#[tokio::test]
async fn a_link_can_be_cut_after_so_many_devices() {
    let mut bench = Bench::with(Mode::Good, |config| config.cut_after = Some(2)).await;
    assert_eq!(bench.attempt().await.class, Class::Ok);
    assert_eq!(bench.attempt().await.class, Class::Ok, "each has its answer");
    bench.task.timeouts.connect = Duration::from_millis(500);
    while bench.attempt().await.class == Class::Ok {}
    let outcome = bench.attempt().await;
    assert_eq!(outcome.class, Class::Timeout, "{outcome:?}");
}

#[tokio::test]
async fn a_device_that_works_in_silence_is_heard_all_the_same() {
    let mut bench = Bench::new(Mode::Stall).await;
    bench.task.timeouts.command = Duration::from_millis(6500);
    let outcome = bench.attempt().await;
    assert_eq!(outcome.class, Class::LostAfterWrite, "{outcome:?}");
    let heard = bench.gate.hearing.get().expect("a read clock").last();
    assert!(heard.since(outcome.started_at) >= Duration::from_secs(5), "it answers when it is asked");
}

#[tokio::test]
async fn the_silence_of_a_device_means_something_only_while_a_session_asks_it() {
    let bench = Bench::with(Mode::Slow, |config| config.slow_delay = Duration::from_millis(100)).await;
    let is_asking = || bench.gate.hearing.get().is_some_and(|hearing| hearing.is_asking());
    assert!(!is_asking());
    let written = async {
        while bench.gates_opened() == 0 {
            tokio::task::yield_now().await;
        }
        is_asking()
    };
    let (outcome, asked) = tokio::join!(bench.attempt(), written);
    assert_eq!((outcome.class, asked, is_asking()), (Class::Ok, true, false), "{outcome:?}");
}
