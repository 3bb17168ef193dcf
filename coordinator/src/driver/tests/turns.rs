//! What a turn costs, and what it does first.

use super::*;
use std::sync::Mutex;

fn abort(name: &RolloutName) -> Steer {
    let (by, reason, etag) = ("anna".to_owned(), "enough".to_owned(), String::new());
    Steer { name: name.to_string(), verb: Verb::Abort, by, reason, etag }
}

/// How many rollouts a turn looks at, with `ended` that have ended and one that runs.
async fn visited(ended: usize) -> usize {
    let driver = started(&Arc::default()).await;
    let agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    for _ in 0..ended {
        let name = rollout_by(&driver, INVENTORY, SPEC, "").await;
        driver.ask(move |world, turn| world.steer(&abort(&name), turn)).await.unwrap();
        driver.ask(|_, _| Ok(())).await.unwrap();
    }
    rollout_by(&driver, INVENTORY, SPEC, "").await;
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    let look = move |world: &mut World, turn: &mut Turn| {
        let all = world.rollouts.len();
        let mut own = Turn::new(turn.now);
        world.environment_seen = Timestamp(i64::MIN);
        world.rollouts.visited.set(0);
        world.work(&mut own);
        world.hear(agent.session, FromAgent::Heartbeat(1), &mut own);
        world.close_session(agent.session, &mut own);
        let visited = world.rollouts.visited.get();
        turn.effects.extend(own.effects);
        turn.batch.events.extend(own.batch.events);
        Ok((all, visited))
    };
    let (all, visited) = driver.ask(look).await.unwrap();
    assert_eq!(all, ended + 1, "all of them are still there");
    visited
}

#[tokio::test]
async fn a_turn_looks_at_no_rollout_that_has_ended() {
    let alone = visited(0).await;
    assert!(alone > 0);
    assert_eq!(visited(40).await, alone);
}

#[tokio::test]
async fn an_ended_rollout_is_found_by_name_by_request_and_in_the_list_also_after_a_restart() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    let name = rollout(&driver).await;
    let ending = name.clone();
    driver.ask(move |world, turn| world.steer(&abort(&ending), turn)).await.unwrap();
    assert_eq!(state(&driver, &name).await.0, RolloutState::Aborted);
    driver.ask(|_, _| Ok(())).await.unwrap();
    for driver in [driver, started(&store).await] {
        let look = |world: &mut World, turn: &mut Turn| {
            assert_eq!(world.rollouts.live().count(), 0);
            let plan = world.plan_names().next().unwrap().to_string();
            let again = world.create_rollout(&plan, "", "tester", "request-1", false, turn)?;
            let listed: Vec<RolloutName> = world.rollouts.newest_first().cloned().collect();
            Ok((again, listed, world.rollout("test")?.rollout.has_ended()))
        };
        assert_eq!(driver.ask_about(look).await.unwrap(), (name.clone(), vec![name.clone()], true));
    }
}

/// Keeps the driver in a turn until it is let go; what is sent meanwhile waits.
async fn busy(driver: &Driver) -> std::sync::mpsc::SyncSender<()> {
    let (go, wait) = std::sync::mpsc::sync_channel::<()>(1);
    let (inside, entered) = tokio::sync::oneshot::channel();
    let driver = driver.clone();
    tokio::spawn(async move {
        let hold = move |_: &mut World, _: &mut Turn| {
            let _ = inside.send(());
            let _ = wait.recv();
            Ok(())
        };
        driver.ask(hold).await
    });
    entered.await.unwrap();
    go
}

#[tokio::test]
async fn a_result_is_taken_before_everything_that_waited_longer() {
    let driver = started(&Arc::default()).await;
    rollout(&driver).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    let op = agent.ops().await.remove(0);
    let go = busy(&driver).await;
    for count in 0..9 {
        driver.deliver(agent.session, FromAgent::Heartbeat(count)).await.unwrap();
    }
    agent.report(&driver, 1, &op, Class::Ok).await;
    go.send(()).unwrap();
    assert_eq!(agent.inbox.recv().await, Some(FromCoordinator::Ack(1)));
    assert_eq!(agent.inbox.recv().await, Some(FromCoordinator::HeartbeatReply(0)));
}

#[tokio::test]
async fn a_word_to_stop_is_heard_before_everything_that_waited_longer() {
    let driver = started(&Arc::default()).await;
    let name = rollout(&driver).await;
    let go = busy(&driver).await;
    let order: Arc<Mutex<Vec<&str>>> = Arc::default();
    let (first, second) = (order.clone(), order.clone());
    let (for_look, for_stop) = (driver.clone(), driver.clone());
    let look = tokio::spawn(async move {
        let note = move |_: &mut World, _: &mut Turn| {
            first.lock().unwrap().push("look");
            Ok(())
        };
        for_look.ask(note).await
    });
    tokio::task::yield_now().await;
    let stop = tokio::spawn(async move {
        let stop = move |world: &mut World, turn: &mut Turn| {
            second.lock().unwrap().push("stop");
            world.steer(&abort(&name), turn)
        };
        for_stop.command(stop).await
    });
    tokio::task::yield_now().await;
    go.send(()).unwrap();
    look.await.unwrap().unwrap();
    stop.await.unwrap().unwrap();
    assert_eq!(*order.lock().unwrap(), ["stop", "look"]);
}

#[tokio::test]
async fn a_turn_that_stops_something_begins_nothing_else() {
    let driver = started(&Arc::default()).await;
    let name = rollout(&driver).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    agent.ops().await;
    let look = move |world: &mut World, turn: &mut Turn| {
        let mut own = Turn::new(turn.now);
        world.steer(&abort(&name), &mut own)?;
        let again = world.work(&mut own);
        let written: Vec<String> = own.batch.events.iter().map(|event| event.body.clone()).collect();
        turn.effects.extend(own.effects);
        turn.batch.events.extend(own.batch.events);
        Ok((written, again == Some(turn.now)))
    };
    let (written, at_once) = driver.ask(look).await.unwrap();
    assert_eq!(written.len(), 1, "the two that wait are skipped in the next turn: {written:?}");
    assert!(written[0].contains("enough") && at_once, "{written:?}");
    assert!(matches!(agent.inbox.recv().await, Some(FromCoordinator::Cancel { .. })));
}

#[tokio::test]
async fn a_device_in_doubt_is_held_after_the_end_of_its_rollout_also_after_a_restart() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    let alone: Vec<&str> =
        INVENTORY.split_inclusive('\n').filter(|line| !line.contains("127.0.0.2")).collect();
    let alone: String = alone.into_iter().filter(|line| !line.contains("127.0.0.3")).collect();
    let name = rollout_of(&driver, &alone).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    let op = agent.ops().await.remove(0);
    agent.report(&driver, 1, &op, Class::LostAfterWrite).await;
    agent.ack().await;
    driver.ask(|_, _| Ok(())).await.unwrap();
    assert_eq!(state(&driver, &name).await.0, RolloutState::Failed);
    for driver in [driver, started(&store).await] {
        let holder = driver.ask(move |world, _| Ok(world.fleet.held.get("a").cloned())).await.unwrap();
        assert_eq!(holder, Some(name.clone()));
    }
}

#[tokio::test]
async fn results_that_come_together_are_all_counted_and_acknowledged_by_the_last() {
    let driver = started(&Arc::default()).await;
    let name = rollout(&driver).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    let first = agent.ops().await.remove(0);
    agent.report(&driver, 1, &first, Class::Ok).await;
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    let mut ops = Vec::new();
    while ops.len() < 2 {
        ops.extend(agent.ops().await);
    }
    let outcome = Outcome::new(Class::Ok, Phase::Write, LeftAs::Changed, "done", Timestamp(0));
    let results =
        ops.into_iter().zip(2..).map(|(op, sequence)| Reported { sequence, op, outcome: outcome.clone() });
    driver.deliver(agent.session, FromAgent::Results(results.collect())).await.unwrap();
    while agent.ack().await < 3 {}
    driver.ask(|_, _| Ok(())).await.unwrap();
    assert_eq!(state(&driver, &name).await.0, RolloutState::Succeeded);
}
