//! What a plan would change, as people and scripts see it.

use crate::cli::tests::{spec_folder, within};
use crate::exit::Exit;
use crate::fake::{Ended, Fake, running, surroundings};
use crate::session::Interrupt;
use serde_json::Value;
use switchyard_proto::v1;
use switchyard_proto::v1::compare_plan_response::State;
use tokio_util::sync::CancellationToken;

fn told(device: &str, state: State, diff: &str, reason: &str) -> v1::ComparePlanResponse {
    let (device, diff, reason) = (device.into(), diff.into(), reason.into());
    v1::ComparePlanResponse { device, state: state.into(), diff, reason, ..Default::default() }
}

async fn plan(fake: &Fake, flags: &[&str]) -> Ended {
    within(fake, spec_folder().path(), &[&["plan", "ntp.yaml"], flags].concat()).await
}

async fn with(differences: Vec<v1::ComparePlanResponse>) -> Fake {
    let fake = Fake::start(running(2)).await;
    fake.state().differences = differences;
    fake
}

#[tokio::test]
async fn plan_shows_what_would_change_and_scripts_get_it_in_the_same_document() {
    let fake = with(vec![
        told("b", State::Changes, "-old\n+new\n", ""),
        told("a", State::Changes, "-old\n+new\n", ""),
        told("c", State::Unchanged, "", ""),
        told("d", State::Unknown, "", "no agent of lab is connected"),
    ])
    .await;
    let shown = plan(&fake, &[]).await;
    assert_eq!(shown.exit, Exit::Ok, "{shown:?}");
    assert!(shown.out.contains("\n  2 devices change   1 has it already   1 not read\n"), "{shown:?}");
    assert!(
        shown.out.contains("\n  #1  2 devices   +1 -1 lines   a, b\n      -old\n      +new\n"),
        "{shown:?}"
    );
    assert!(shown.out.contains("\n  d      no agent of lab is connected\n"), "{shown:?}");
    assert!(shown.out.trim_end().ends_with("switchyard plans get ntp-7f3a"), "{shown:?}");
    let json: Value = serde_json::from_str(&plan(&fake, &["-o", "json"]).await.out).expect("JSON");
    let comparison = &json["comparison"];
    assert_eq!((&comparison["changes"], &comparison["unknown"]), (&2.into(), &1.into()));
    assert_eq!(comparison["groups"][0]["devices"], serde_json::json!(["a", "b"]));
    assert_eq!(comparison["unknown_devices"][0]["reason"], "no agent of lab is connected");
    assert_eq!(json["name"], "plans/ntp-7f3a");
}

#[tokio::test]
async fn the_exit_code_tells_changes_from_none_and_what_is_not_known_counts_as_a_change() {
    let all_have_it: Vec<_> = (0..100).map(|n| told(&format!("d{n}"), State::Unchanged, "", "")).collect();
    let mut one_changes = all_have_it.clone();
    one_changes[7] = told("d7", State::Changes, "+x\n", "");
    let mut one_dark = all_have_it.clone();
    one_dark[7] = told("d7", State::Unknown, "", "dark");
    for (differences, exit) in
        [(all_have_it, Exit::Ok), (one_changes, Exit::Changes), (one_dark, Exit::Changes)]
    {
        let fake = with(differences).await;
        let ended = plan(&fake, &["--detailed-exitcode"]).await;
        assert_eq!(ended.exit, exit, "{ended:?}");
        assert_eq!(plan(&fake, &[]).await.exit, Exit::Ok);
        assert_eq!(plan(&fake, &["--detailed-exitcode", "--no-diff"]).await.exit, Exit::Changes);
    }
}

#[tokio::test]
async fn without_diffs_or_a_way_to_read_no_device_is_touched() {
    let fake = with(vec![told("a", State::Unchanged, "", "")]).await;
    let json: Value =
        serde_json::from_str(&plan(&fake, &["--no-diff", "-o", "json"]).await.out).expect("JSON");
    assert_eq!(json["comparison"], Value::Null);
    fake.state().differences.clear();
    plan(&fake, &[]).await;
    assert!(fake.state().asked.iter().all(|what| what.starts_with("plan ")), "{:?}", fake.state().asked);
}

#[tokio::test]
async fn ctrl_c_and_time_up_end_the_reading_and_leave_the_plan() {
    let fake = with(vec![told("a", State::Changes, "+x\n", "")]).await;
    fake.state().compares_for_ever = true;
    let timed = plan(&fake, &["--timeout", "1s"]).await;
    assert_eq!(timed.exit, Exit::Timeout, "{timed:?}");
    assert!(timed.err.contains("99 devices not read; plans/ntp-7f3a stands"), "{timed:?}");
    let (mut around, streams) = surroundings();
    let folder = spec_folder();
    around.cwd = folder.path().to_owned();
    let token = CancellationToken::new();
    token.cancel();
    around.interrupt = Interrupt::Token(token);
    let stopped = fake.run_within(&["plan", "ntp.yaml"], around, streams).await;
    assert_eq!(stopped.exit, Exit::Interrupted, "{stopped:?}");
    assert!(stopped.err.contains("nothing was written"), "{stopped:?}");
}

#[tokio::test]
async fn an_answer_that_ends_before_all_devices_were_read_is_no_good_end_of_a_plan_or_of_a_diff() {
    let fake = with(vec![told("a", State::Unchanged, "", "")]).await;
    fake.state().stops = true;
    rollout_of_the_plan(&fake, 3);
    for (ended, left) in [
        (plan(&fake, &[]).await, 99),
        (plan(&fake, &["--detailed-exitcode"]).await, 99),
        (fake.run(&["rollout", "diff", "ntp"]).await, 2),
        (fake.run(&["rollout", "diff", "ntp", "a", "b", "c", "-o", "jsonl"]).await, 2),
    ] {
        assert_eq!(ended.exit, Exit::RolloutFailed, "{ended:?}");
        let word = format!("the coordinator stopped with {left} devices not read; plans/ntp-7f3a stands");
        assert!(ended.err.contains(&word), "{ended:?}");
    }
}

/// The rollout that the fake knows is of its plan, with so many devices.
fn rollout_of_the_plan(fake: &Fake, devices: u32) {
    let mut state = fake.state();
    state.rollout.plan = "plans/ntp-7f3a".into();
    state.rollout.counts.get_or_insert_default().planned = devices;
}

#[tokio::test]
async fn the_diff_of_a_rollout_is_that_of_its_plan_one_line_each_when_asked() {
    let fake = with(vec![told("a", State::Changes, "+x\n", ""), told("b", State::Unchanged, "", "")]).await;
    rollout_of_the_plan(&fake, 2);
    let shown = fake.run(&["rollout", "diff", "ntp"]).await;
    assert_eq!(shown.exit, Exit::Ok, "{shown:?}");
    assert!(shown.out.starts_with("Diffs") && shown.out.contains("1 device changes"), "{shown:?}");
    let lines = fake.run(&["rollout", "diff", "ntp", "b", "a", "a", "-o", "jsonl"]).await;
    let states: Vec<Value> = lines
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["state"].take())
        .collect();
    assert_eq!(states, ["CHANGES", "UNCHANGED"]);
    let compares: Vec<String> =
        fake.state().asked.iter().filter(|what| what.starts_with("compare")).cloned().collect();
    assert_eq!(compares, ["compare plans/ntp-7f3a ", "compare plans/ntp-7f3a a,b"]);
}
