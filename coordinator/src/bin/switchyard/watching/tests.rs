//! A whole watch against a fake coordinator: what is written and how it ends.

use crate::exit::Exit;
use crate::fake::{Fake, Step, beat, device, devices_changed, result, running, state_changed, surroundings};
use crate::session::Interrupt;
use switchyard_proto::v1::{self, DeviceState, OutcomeClass, rollout::State};
use tokio_util::sync::CancellationToken;

fn pending(names: &[&str]) -> Vec<v1::DeviceResult> {
    names.iter().map(|name| device(name, "lon", DeviceState::Pending)).collect()
}

fn moved(sequence: u64, name: &str, state: DeviceState, class: OutcomeClass) -> Step {
    Step::Send(devices_changed(sequence, vec![result(name, state, class, "")]))
}

fn state(sequence: u64, state: State, by: &str) -> Step {
    Step::Send(state_changed(sequence, state, by, "because"))
}

/// A rollout of two devices of which one fails; the stream breaks in between.
async fn one_of_two_fails() -> Fake {
    let fake = Fake::start(running(2)).await;
    fake.state().devices = pending(&["a", "b"]);
    fake.state().watches = [
        vec![
            moved(2, "a", DeviceState::Running, OutcomeClass::Unspecified),
            moved(3, "b", DeviceState::Running, OutcomeClass::Unspecified),
            moved(4, "a", DeviceState::Succeeded, OutcomeClass::Ok),
            Step::Break,
        ],
        vec![
            moved(5, "b", DeviceState::Failed, OutcomeClass::Rejected),
            state(6, State::PartiallySucceeded, ""),
        ],
    ]
    .into();
    fake.state().rollout.sequence = 1;
    fake
}

fn settle(fake: &Fake) {
    let mut state = fake.state();
    state.rollout.state = State::PartiallySucceeded.into();
    state.rollout.sequence = 6;
    state.rollout.counts =
        Some(v1::DeviceCounts { planned: 2, succeeded: 1, failed: 1, ..v1::DeviceCounts::default() });
}

#[tokio::test]
async fn plain_lines_survive_a_broken_connection_and_end_with_the_exit_code() {
    let fake = one_of_two_fails().await;
    let ended = fake.run(&["watch", "ntp"]).await;
    assert_eq!(ended.exit, Exit::RolloutFailed, "{ended:?}");
    let verbs: Vec<&str> = ended.out.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    let expected = ["start", "ok", "lost", "back", "fail", "state", "end"];
    assert_eq!(verbs, expected, "{}", ended.out);
    assert!(
        ended
            .out
            .lines()
            .next()
            .is_some_and(|line| line.contains("resume=\"switchyard watch ntp --since 1\""))
    );
}

#[tokio::test]
async fn json_is_exactly_one_document_on_standard_output() {
    let fake = one_of_two_fails().await;
    let ended = fake.run(&["watch", "rollouts/ntp", "-o", "json"]).await;
    assert_eq!(ended.exit, Exit::RolloutFailed, "{ended:?}");
    let document: serde_json::Value = serde_json::from_str(&ended.out).expect("one document");
    assert_eq!(document["rollout"], "rollouts/ntp");
    assert!(ended.err.contains(" fail "), "progress goes to standard error: {}", ended.err);
    let fake = one_of_two_fails().await;
    let quiet = fake.run(&["watch", "ntp", "-o", "json", "--quiet"]).await;
    assert_eq!(quiet.err, "");
}

#[tokio::test]
async fn jsonl_is_one_event_per_line_then_the_document() {
    let fake = one_of_two_fails().await;
    let ended = fake.run(&["watch", "ntp", "-o", "jsonl"]).await;
    let lines: Vec<serde_json::Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let sequences: Vec<u64> = lines.iter().filter_map(|line| line["sequence"].as_u64()).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5, 6], "none lost, none twice");
    assert_eq!(lines.last().expect("a last line")["rollout"], "rollouts/ntp");
}

#[tokio::test]
async fn the_final_document_is_what_the_coordinator_says_at_the_end() {
    let fake = one_of_two_fails().await;
    settle(&fake);
    fake.state().watches.clear();
    let ended = fake.run(&["watch", "ntp", "-o", "json", "-q"]).await;
    let document: serde_json::Value = serde_json::from_str(&ended.out).expect("one document");
    assert_eq!(document["state"], "PARTIALLY_SUCCEEDED");
    assert_eq!(document["devices"]["planned"], 2);
    assert_eq!(document["devices"]["failed"], 1);
}

#[tokio::test]
async fn paused_off_a_terminal_ends_with_6_and_says_who_and_what_is_needed() {
    let fake = Fake::start(running(2)).await;
    fake.state().watches = [vec![state(2, State::Paused, "anna"), Step::Hold]].into();
    let ended = fake.run(&["watch", "ntp"]).await;
    assert_eq!(ended.exit, Exit::Blocked, "{ended:?}");
    assert!(ended.err.contains("blocked on: paused by anna: because"), "{ended:?}");
    assert!(ended.err.contains("switchyard rollout resume ntp"), "{ended:?}");
    assert!(ended.out.contains(" blocked  on=\"paused by anna: because"), "{ended:?}");
}

#[tokio::test]
async fn exit_on_block_ends_where_waiting_would_not() {
    let fake = Fake::start(running(2)).await;
    fake.state().watches = [vec![Step::Send(beat(1, &["no agent at lon"])), Step::Hold]].into();
    let ended = fake.run(&["watch", "ntp", "--exit-on-block", "--timeout", "60s"]).await;
    assert_eq!(ended.exit, Exit::Blocked, "{ended:?}");
    assert!(ended.err.contains("no agent at lon"), "{ended:?}");
}

#[tokio::test]
async fn time_up_is_7_and_the_rollout_goes_on() {
    let fake = Fake::start(running(2)).await;
    fake.state().watches = [vec![Step::Hold]].into();
    let ended = fake.run(&["watch", "ntp", "--timeout", "300ms"]).await;
    assert_eq!(ended.exit, Exit::Timeout, "{ended:?}");
    assert!(
        ended.err.contains("goes on") && ended.err.contains("switchyard watch ntp --since 1"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn ctrl_c_detaches_with_130_and_says_how_to_come_back_and_how_to_abort() {
    let fake = Fake::start(running(2)).await;
    fake.state().watches = [vec![Step::Hold]].into();
    let (mut around, streams) = surroundings();
    let token = CancellationToken::new();
    around.interrupt = Interrupt::Token(token.clone());
    let seen = streams.clone();
    tokio::spawn(async move {
        while !seen.out.text().contains(" start ") {
            tokio::task::yield_now().await;
        }
        token.cancel();
    });
    let ended = fake.run_within(&["watch", "ntp"], around, streams).await;
    assert_eq!(ended.exit, Exit::Interrupted, "{ended:?}");
    for words in ["goes on", "switchyard watch ntp --since 1", "switchyard rollout abort ntp"] {
        assert!(ended.err.contains(words), "{words}: {ended:?}");
    }
    assert!(!fake.state().asked.iter().any(|what| what.starts_with("abort")), "Ctrl-C never aborts");
}

#[tokio::test]
async fn a_terminal_gets_a_live_screen_and_then_the_summary() {
    let fake = one_of_two_fails().await;
    let (mut around, streams) = surroundings();
    around.output_is_terminal = true;
    let ended = fake.run_within(&["--color", "never", "watch", "ntp"], around, streams).await;
    assert_eq!(ended.exit, Exit::RolloutFailed, "{ended:?}");
    assert!(ended.out.starts_with("\x1b[?1049h"), "its own screen");
    let (_, after) = ended.out.split_once("\x1b[?1049l").expect("the terminal is given back");
    assert!(after.contains("Rollout rollouts/ntp"), "{after}");
    assert!(!after.contains('\x1b'), "{after}");
}

#[tokio::test]
async fn an_unknown_rollout_is_12_also_as_json() {
    let fake = Fake::start(running(2)).await;
    let ended = fake.run(&["watch", "nope"]).await;
    assert_eq!(ended.exit, Exit::NotFound, "{ended:?}");
    assert!(ended.err.starts_with("error: failed to find rollouts/nope"), "{ended:?}");
    let json = fake.run(&["watch", "nope", "-o", "json"]).await;
    let error: serde_json::Value = serde_json::from_str(&json.err).expect("a JSON error");
    assert_eq!(error["error"]["reason"], "NOT_FOUND");
    assert_eq!(json.out, "");
}

#[tokio::test]
async fn a_promotion_off_a_terminal_ends_with_6_says_the_command_and_says_it_once() {
    let mut rollout = running(2);
    rollout.waves[0].state = v1::wave_status::State::AwaitingPromotion.into();
    let fake = Fake::start(rollout).await;
    let said = "promotion after wave all: switchyard rollout promote ntp";
    fake.state().watches = [vec![Step::Send(beat(1, &[said])), Step::Hold]].into();
    let ended = fake.run(&["watch", "ntp", "--timeout", "60s"]).await;
    assert_eq!(ended.exit, Exit::Blocked, "{ended:?}");
    assert!(ended.err.contains("switchyard rollout promote ntp"), "{ended:?}");
    assert!(ended.err.contains("switchyard rollout abort ntp"), "{ended:?}");
    assert_eq!(ended.out.matches(" blocked ").count(), 1, "{ended:?}");
}
