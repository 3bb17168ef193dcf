//! `device reconcile` and a forced abort against a fake coordinator.

use crate::exit::Exit;
use crate::fake::{Ended, Fake, running};
use switchyard_proto::v1;
use switchyard_proto::v1::doubt::State;

fn device(state: v1::DeviceState, doubt: Option<State>) -> v1::DeviceResult {
    v1::DeviceResult {
        name: "rollouts/ntp/deviceResults/dev001".into(),
        device: "dev001".into(),
        state: state.into(),
        reason: "because".into(),
        doubt: doubt.map(|state| v1::Doubt { state: state.into(), ..v1::Doubt::default() }),
        ..v1::DeviceResult::default()
    }
}

async fn reconcile(answer: v1::DeviceResult, later: v1::DeviceResult, args: &[&str]) -> (Fake, Ended) {
    let fake = Fake::start(running(1)).await;
    fake.state().doubts = vec![answer];
    fake.state().devices = vec![later];
    let args: Vec<&str> = ["device", "reconcile"].into_iter().chain(args.iter().copied()).collect();
    let ended = fake.run(&args).await;
    (fake, ended)
}

#[tokio::test]
async fn reconcile_waits_for_what_the_device_says_and_ends_with_0_when_it_is_settled() {
    let to_read = device(v1::DeviceState::Unknown, Some(State::ToRead));
    let settled = device(v1::DeviceState::Succeeded, None);
    let (fake, ended) = reconcile(to_read.clone(), settled, &["dev001"]).await;
    assert_eq!(ended.exit, Exit::Ok, "{ended:?}");
    assert_eq!(ended.out, "dev001 is SUCCEEDED: because\n");
    assert_eq!(fake.state().asked[0], "reconcile [dev001]  WORD_UNSPECIFIED ");
    let (_, ended) = reconcile(to_read.clone(), to_read.clone(), &["dev001", "--timeout", "1s"]).await;
    assert_eq!(ended.exit, Exit::Timeout, "{ended:?}");
    let (_, ended) = reconcile(to_read.clone(), to_read, &["dev001", "--no-wait"]).await;
    assert_eq!(ended.exit, Exit::Ok, "{ended:?}");
}

#[tokio::test]
async fn a_device_that_needs_a_person_ends_it_with_6() {
    let to_read = device(v1::DeviceState::Unknown, Some(State::Reading));
    let left = device(v1::DeviceState::Unknown, Some(State::NeedsPerson));
    let (_, ended) = reconcile(to_read, left, &["--all", "--rollout", "ntp", "-o", "json"]).await;
    assert_eq!(ended.exit, Exit::Blocked, "{ended:?}");
    let shown: serde_json::Value = serde_json::from_str(&ended.out).expect("a document");
    assert_eq!(shown["items"][0]["doubt"]["state"], "NEEDS_PERSON", "{shown}");
}

#[tokio::test]
async fn a_persons_word_is_sent_with_its_reason_and_is_refused_without() {
    let settled = device(v1::DeviceState::Skipped, None);
    let args = ["dev001", "--rollout", "rollouts/ntp", "--as", "not-applied", "--reason", "looked"];
    let (fake, ended) = reconcile(settled.clone(), settled.clone(), &args).await;
    assert_eq!(ended.exit, Exit::Ok, "{ended:?}");
    assert_eq!(fake.state().asked, ["reconcile [dev001] rollouts/ntp WORD_NOT_APPLIED looked"]);
    for args in
        [&["dev001", "--as", "failed"][..], &["--all"], &[], &["dev001", "--as", "maybe", "--reason", "x"]]
    {
        let (fake, ended) = reconcile(settled.clone(), settled.clone(), args).await;
        assert_eq!(ended.exit, Exit::Usage, "{args:?}: {ended:?}");
        assert!(fake.state().asked.is_empty(), "{args:?}");
    }
}

#[tokio::test]
async fn a_forced_abort_says_what_is_unknown_now_and_how_to_settle_it() {
    let fake = Fake::start(running(1)).await;
    let bare = fake.run(&["rollout", "abort", "ntp", "--force"]).await;
    assert_eq!(bare.exit, Exit::Usage, "{bare:?}");
    let ended = fake.run(&["rollout", "abort", "ntp", "--force", "--reason", "gone"]).await;
    assert_eq!(ended.exit, Exit::Ok, "{ended:?}");
    assert!(ended.out.contains("1 device UNKNOWN now, no longer waited for: dev001"), "{ended:?}");
    assert!(ended.err.contains("switchyard device reconcile --all --rollout ntp"), "{ended:?}");
    assert!(fake.state().asked[0].ends_with("by force"), "{:?}", fake.state().asked);
}

#[tokio::test]
async fn an_agent_is_shown_with_the_results_that_fitted_nothing() {
    let fake = Fake::start(running(1)).await;
    let ended = fake.run(&["agent", "get", "lon"]).await;
    assert_eq!(ended.exit, Exit::Ok, "{ended:?}");
    assert!(ended.out.contains("ntp/dev001/1") && ended.out.contains("reported otherwise"), "{ended:?}");
    assert_eq!(fake.state().asked, ["get_agent agents/lon"]);
    let ended = fake.run(&["agent", "get", "lon", "-o", "json"]).await;
    let shown: serde_json::Value = serde_json::from_str(&ended.out).expect("a document");
    assert_eq!(
        (&shown["agent"]["stray_results"], &shown["stray_results"][0]["sequence"]),
        (&1.into(), &0.into())
    );
}

#[tokio::test]
async fn a_rebind_and_an_adoption_say_what_is_unknown_now_and_what_to_do_next() {
    let fake = Fake::start(running(1)).await;
    let ended = fake.run(&["agent", "rebind", "--site", "lon", "--reason", "burnt"]).await;
    assert_eq!(ended.exit, Exit::Ok, "{ended:?}");
    assert!(ended.out.contains("lon is at epoch 2: agents/lon-1 is refused"), "{ended:?}");
    assert!(ended.out.contains("1 device UNKNOWN now"), "{ended:?}");
    assert!(ended.err.contains("switchyard agent token create --site lon"), "{ended:?}");
    let ended = fake.run(&["admin", "adopt-epoch", "--reason", "old backup"]).await;
    assert_eq!(ended.exit, Exit::Ok, "{ended:?}");
    assert!(ended.out.contains("epoch is 8") && ended.out.contains("3 devices UNKNOWN now"), "{ended:?}");
    for bare in [&["agent", "rebind", "--site", "lon"][..], &["admin", "adopt-epoch"]] {
        assert_eq!(fake.run(bare).await.exit, Exit::Usage, "{bare:?}");
    }
}
