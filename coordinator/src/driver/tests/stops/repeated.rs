//! Stops that are said again: to agents that were away, after restarts, on what stands still already.

use super::*;

/// A rollout with one device in flight at the site `lab`.
async fn one_in_flight(driver: &Driver) -> (Agent, Vec<OpId>) {
    rollout_by(driver, &fleet(), &spec("one"), "1").await;
    let mut agent = agent_at(driver, "lab").await;
    driver.deliver(agent.session, FromAgent::Credit(64)).await.unwrap();
    let ops = agent.ops().await;
    (agent, ops)
}

async fn back(driver: &Driver, in_hand: &[OpId]) -> Agent {
    connect(driver, "lab", hello(in_hand.to_vec())).await.unwrap()
}

#[tokio::test]
async fn a_pause_by_a_person_is_pushed_and_said_again_to_an_agent_that_was_away_and_after_a_restart() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    let (mut agent, ops) = one_in_flight(&driver).await;
    steer(&driver, "one", Verb::Pause).await.unwrap();
    assert_eq!(agent.called_off().await.0, Vec::<String>::new(), "everything");
    let mut agent = back(&driver, &ops).await;
    assert_eq!(agent.called_off().await.0, Vec::<String>::new(), "an agent that was away");
    let driver = started(&store).await;
    let mut agent = back(&driver, &ops).await;
    assert_eq!(agent.called_off().await.0, Vec::<String>::new(), "after a restart");
    agent.report(&driver, 1, &ops[0], Class::Cancelled).await;
    let pending = driver.ask(|world, _| Ok(world.rollout("one")?.rollout.counts.pending)).await.unwrap();
    assert_eq!(pending, 10, "what was called off waits again");
}

#[tokio::test]
async fn a_trip_of_everything_reaches_an_agent_that_was_away() {
    let driver = started(&Arc::default()).await;
    let (agent, ops) = one_in_flight(&driver).await;
    driver.close_session(agent.session).await;
    command(&driver, "global", BreakerAction::Trip, "core outage").await.unwrap();
    let why = back(&driver, &ops).await.called_off().await.1;
    assert!(why.contains("core outage"), "{why}");
}

#[tokio::test]
async fn a_trip_of_a_rollout_that_is_paused_already_is_pushed_again() {
    let driver = started(&Arc::default()).await;
    let (mut agent, _) = one_in_flight(&driver).await;
    steer(&driver, "one", Verb::Pause).await.unwrap();
    agent.called_off().await;
    command(&driver, "rollout/one/global", BreakerAction::Trip, "look first").await.unwrap();
    assert_eq!(agent.called_off().await.1, "look first");
}

#[tokio::test]
async fn a_person_who_trips_what_the_evidence_paused_is_who_lets_it_go() {
    let driver = started(&Arc::default()).await;
    let (agent, ops) = one_in_flight(&driver).await;
    agent.report(&driver, 1, &ops[0], Class::RollbackFailed).await;
    assert_eq!(stands(&driver, "one").await.0, RolloutState::Paused);
    command(&driver, "rollout/one/global", BreakerAction::Trip, "mine").await.unwrap();
    let listed = listed(&driver).await;
    let mine = listed.iter().find(|line| line.starts_with("rollout/one/global")).unwrap();
    assert!(mine.starts_with("rollout/one/global FORCED_OPEN by ann: mine; paused before: "), "{mine}");
    assert!(mine.contains("ROLLBACK_FAILED"), "{mine}");
}

#[tokio::test]
async fn a_group_that_cannot_be_held_alone_is_called_off_with_its_rollout() {
    let driver = started(&Arc::default()).await;
    rollout_by(&driver, &fleet().replace("os: '2'", "os: '1'"), &spec("one"), "1").await;
    let mut agent = agent_at(&driver, "lab").await;
    driver.deliver(agent.session, FromAgent::Credit(64)).await.unwrap();
    agent.ops().await;
    command(&driver, "group/os=1", BreakerAction::Trip, "vendor bug").await.unwrap();
    let (devices, why) = agent.called_off().await;
    assert_eq!(devices, Vec::<String>::new());
    assert!(why.contains("vendor bug"), "{why}");
}

#[tokio::test]
async fn a_reset_of_a_group_everywhere_lets_go_only_what_that_word_held() {
    let driver = started(&Arc::default()).await;
    rollout_by(&driver, &fleet(), &spec("one"), "1").await;
    command(&driver, "rollout/one/group/os=2", BreakerAction::Trip, "mine").await.unwrap();
    rollout_by(&driver, &fleet(), &spec("two"), "2").await;
    let way = "switchyard breaker reset rollout/one/group/os=2 --reason WHY";
    let refused = command(&driver, "group/os=2", BreakerAction::Reset, "x").await.unwrap_err().to_string();
    assert!(
        refused.contains("nobody holds group/os=2 in every rollout") && refused.contains(way),
        "{refused}"
    );
    command(&driver, "group/os=2", BreakerAction::Trip, "vendor bug").await.unwrap();
    let answer = command(&driver, "group/os=2", BreakerAction::Reset, "fixed").await.unwrap();
    assert_eq!(answer.state, State::Closed);
    assert!(answer.reason.contains(way), "what stays held is said: {}", answer.reason);
    assert_eq!(listed(&driver).await, ["rollout/one/group/os=2 FORCED_OPEN by ann: mine"]);
}

#[tokio::test]
async fn a_trip_of_a_group_says_how_many_devices_it_holds_and_that_a_slip_holds_none() {
    let driver = started(&Arc::default()).await;
    rollout_by(&driver, &fleet(), &spec("one"), "1").await;
    let some = command(&driver, "group/os=2", BreakerAction::Trip, "x").await.unwrap();
    assert_eq!(some.reason, "x; it holds 5 device(s) now");
    let none = command(&driver, "group/os=22", BreakerAction::Trip, "x").await.unwrap();
    assert!(none.reason.starts_with("x; it holds no device now"), "{}", none.reason);
}

#[tokio::test]
async fn a_group_that_stays_held_through_a_resume_stays_listed_and_its_reset_lets_it_go() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    rollout_by(&driver, &fleet(), &spec("one"), "1").await;
    command(&driver, "group/os=2", BreakerAction::Trip, "vendor bug").await.unwrap();
    let before = listed(&driver).await;
    steer(&driver, "one", Verb::Pause).await.unwrap();
    steer(&driver, "one", Verb::Resume).await.unwrap();
    assert_eq!(listed(&driver).await, before);
    let driver = started(&store).await;
    assert_eq!(listed(&driver).await, before, "after a restart");
    command(&driver, "group/os=2", BreakerAction::Reset, "fixed").await.unwrap();
    let held = driver.ask(|world, _| Ok(world.rollout("one")?.rollout.holds().len())).await.unwrap();
    assert_eq!(held, 0);
}
