//! The same request again: one answer, done once.

use super::*;

async fn asked(
    driver: &Driver,
    request: &str,
    action: BreakerAction,
    reason: &'static str,
) -> Result<Report, Refused> {
    let (name, request) = (Name::parse("group/os=2").unwrap(), request.to_owned());
    let once = move |world: &mut World, turn: &mut Turn| {
        world.command_breaker_once(&request, &name, action, "ann", reason, turn)
    };
    driver.ask(once).await
}

#[tokio::test]
async fn the_same_request_gives_the_same_answer_and_trips_nothing_again_also_after_a_restart() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    rollout_by(&driver, &fleet(), &spec("one"), "1").await;
    let first = asked(&driver, "k", BreakerAction::Trip, "vendor bug").await.unwrap();
    assert_eq!(first.state, State::ForcedOpen);
    asked(&driver, "l", BreakerAction::Reset, "fixed").await.unwrap();
    for driver in [driver, started(&store).await] {
        assert_eq!(asked(&driver, "k", BreakerAction::Trip, "vendor bug").await.unwrap(), first);
        assert_eq!(listed(&driver).await, [""; 0], "what was reset since stays reset");
    }
}

#[tokio::test]
async fn a_request_id_of_another_word_is_refused_and_says_which() {
    let driver = started(&Arc::default()).await;
    rollout_by(&driver, &fleet(), &spec("one"), "1").await;
    asked(&driver, "k", BreakerAction::Trip, "vendor bug").await.unwrap();
    let refused = asked(&driver, "k", BreakerAction::Reset, "fixed").await.unwrap_err().to_string();
    assert!(refused.contains("trip group/os=2 by ann: vendor bug"), "{refused}");
    assert!(listed(&driver).await[0].starts_with("group/os=2 FORCED_OPEN"), "nothing changed");
    let long = asked(&driver, &"k".repeat(129), BreakerAction::Reset, "fixed").await;
    assert!(matches!(long, Err(Refused::BadRequest { .. })));
}

#[tokio::test]
async fn the_oldest_answers_give_way_and_requests_without_an_id_are_never_the_same() {
    use crate::driver::answered::{ANSWERS_MAX, KIND};
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    rollout_by(&driver, &fleet(), &spec("one"), "1").await;
    for _ in 0..2 {
        asked(&driver, "", BreakerAction::Trip, "vendor bug").await.unwrap();
        asked(&driver, "", BreakerAction::Reset, "fixed").await.unwrap();
        assert_eq!(listed(&driver).await, [""; 0]);
    }
    for n in 0..=ANSWERS_MAX {
        asked(&driver, &format!("k{n}"), BreakerAction::Trip, "vendor bug").await.unwrap();
    }
    assert_eq!(store.documents(KIND).await.unwrap().len() as u64, ANSWERS_MAX);
    let driver = started(&store).await;
    assert!(asked(&driver, "k0", BreakerAction::Reset, "fixed").await.is_ok(), "forgotten");
    assert!(asked(&driver, "k2", BreakerAction::Reset, "fixed").await.is_err(), "still known");
}
