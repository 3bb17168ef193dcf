//! No event is lost and none comes twice, whatever the connection does.

use super::*;
use crate::fake::{Fake, Step, beat, devices_changed, running, state_changed};
use v1::rollout::State;

async fn api(fake: &Fake) -> Api {
    let context = crate::context::Context { server: fake.url.clone(), credentials: None };
    let channel = crate::dial::dial(&context, Duration::from_secs(5)).await.expect("it listens");
    Api::new(channel, fake.url.clone(), Duration::from_secs(5))
}

/// `base N`, `N` for an event, `beat`, `lost`, `back`, in the order they were told; then the failure.
async fn heard(fake: &Fake, since: Option<u64>) -> Vec<String> {
    let mut news = follow(api(fake).await, "ntp", since);
    let mut heard = Vec::new();
    while let Some(item) = news.recv().await {
        heard.push(match item {
            Ok(News::Base { rollout, is_snapshot, .. }) => format!("base {} {is_snapshot}", rollout.sequence),
            Ok(News::Event(message)) if matches!(message.event, Some(Event::Heartbeat(_))) => "beat".into(),
            Ok(News::Event(message)) => message.sequence.to_string(),
            Ok(News::Lost(_)) => "lost".into(),
            Ok(News::Back) => "back".into(),
            Err(failure) => format!("failed {:?}", failure.exit),
        });
    }
    heard
}

fn change(sequence: u64) -> Step {
    Step::Send(devices_changed(sequence, Vec::new()))
}

fn end(sequence: u64) -> Step {
    Step::Send(state_changed(sequence, State::Succeeded, "", ""))
}

#[tokio::test]
async fn a_broken_stream_goes_on_after_the_last_event() {
    let fake = Fake::start(running(3)).await;
    fake.state().watches = [
        vec![change(2), Step::Send(beat(2, &[])), change(3), Step::Break],
        vec![change(3), change(4), Step::Break],
        vec![change(5), end(6)],
    ]
    .into();
    let expected = ["base 1 true", "2", "beat", "3", "lost", "back", "4", "lost", "back", "5", "6"];
    assert_eq!(heard(&fake, None).await, expected);
    let asked: Vec<String> =
        fake.state().asked.iter().filter(|what| what.starts_with("watch")).cloned().collect();
    assert_eq!(
        asked,
        [
            "watch rollouts/ntp after None",
            "watch rollouts/ntp after Some(3)",
            "watch rollouts/ntp after Some(4)"
        ]
    );
}

#[tokio::test]
async fn a_stream_that_closes_before_the_end_is_opened_again() {
    let fake = Fake::start(running(3)).await;
    fake.state().watches = [vec![change(2)], vec![end(3)]].into();
    assert_eq!(heard(&fake, None).await, ["base 1 true", "2", "lost", "back", "3"]);
}

#[tokio::test]
async fn since_asks_for_exactly_what_came_after() {
    let fake = Fake::start(running(3)).await;
    fake.state().watches = [vec![change(8), end(9)]].into();
    assert_eq!(heard(&fake, Some(7)).await, ["base 1 false", "8", "9"]);
    assert!(fake.state().asked.contains(&"watch rollouts/ntp after Some(7)".to_owned()));
}

#[tokio::test]
async fn an_unknown_rollout_is_a_failure_at_once() {
    let fake = Fake::start(running(3)).await;
    fake.state().rollout.name = "rollouts/other".into();
    assert_eq!(heard(&fake, None).await, ["failed NotFound"]);
}

#[tokio::test]
async fn a_refusal_is_believed_and_not_tried_again() {
    let fake = Fake::start(running(3)).await;
    fake.state().refuse = Some(tonic::Status::permission_denied("certificate revoked"));
    assert_eq!(heard(&fake, None).await, ["failed Auth"]);
}
