//! What agents should never say: each has its outcome, and nothing is lost by it.

use super::doubts::{Bench, readable};
use super::*;
use switchyard_shared::id::DeviceName;
use switchyard_shared::outcome::DeviceState;

fn op(rollout: &str, device: &str, attempt: u32) -> OpId {
    let (rollout, device) = (RolloutName::new(rollout).unwrap(), DeviceName::new(device).unwrap());
    OpId { rollout, device, attempt }
}

async fn counts(driver: &Driver, name: &RolloutName) -> String {
    let name = name.clone();
    let look = move |world: &mut World, _: &mut Turn| {
        let rollout = &world.rollouts[&name].rollout;
        Ok(format!("{:?} {}", rollout.counts, rollout.sequence))
    };
    driver.ask(look).await.unwrap()
}

/// Three devices in flight at one site.
async fn three() -> (Driver, RolloutName, Agent, Vec<OpId>) {
    let driver = started(&Arc::default()).await;
    let unpaced = SPEC.replace("order: listed", "order: listed, budget: {devices: 1000}");
    let name = rollout_by(&driver, INVENTORY, &unpaced, "request-1").await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    let mut ops = agent.ops().await;
    agent.report(&driver, 1, &ops.remove(0), Class::Ok).await;
    while ops.len() < 2 {
        ops.extend(agent.ops().await);
    }
    (driver, name, agent, ops)
}

#[tokio::test]
async fn results_that_come_in_another_order_all_count_and_none_is_acknowledged_before_the_older_ones() {
    let (driver, name, mut agent, ops) = three().await;
    let watermarks = |world: &mut World, _: &mut Turn| Ok(world.watermarks.values().copied().collect());
    agent.report(&driver, 3, &ops[1], Class::Ok).await;
    let kept: Vec<u64> = driver.ask(watermarks).await.unwrap();
    assert_eq!(kept, [1], "its agent would forget the one that is missing");
    agent.report(&driver, 2, &ops[0], Class::Ok).await;
    while agent.ack().await != 3 {}
    driver.ask(|_, _| Ok(())).await.unwrap();
    assert_eq!(state(&driver, &name).await, (RolloutState::Succeeded, 3, 0));
}

#[tokio::test]
async fn a_replayed_result_changes_nothing_whichever_session_it_comes_from() {
    let (driver, name, mut agent, ops) = three().await;
    agent.report(&driver, 2, &ops[0], Class::Ok).await;
    while agent.ack().await != 2 {}
    let before = counts(&driver, &name).await;
    agent.report(&driver, 2, &ops[0], Class::Ok).await;
    assert_eq!(agent.ack().await, 2, "it is acknowledged again");
    let old = agent.session;
    let mut agent = connect(&driver, "one", hello(vec![ops[1].clone()])).await.unwrap();
    let stale = Outcome::new(Class::Rejected, Phase::Write, LeftAs::Unknown, "old", Timestamp(0));
    let replayed = FromAgent::Result { sequence: 9, op: ops[1].clone(), outcome: stale };
    driver.deliver(old, replayed).await.unwrap();
    assert_eq!(counts(&driver, &name).await, before, "a session that was replaced says nothing any more");
    agent.report(&driver, 2, &ops[0], Class::Ok).await;
    assert_eq!(agent.ack().await, 2);
    assert_eq!(counts(&driver, &name).await, before);
}

#[tokio::test]
async fn two_different_ends_of_one_attempt_leave_a_doubt_that_is_read() {
    let mut bench = Bench::new(&readable()).await;
    let op = bench.op.clone();
    bench.agent.report(&bench.driver, 1, &op, Class::Ok).await;
    bench.agent.ack().await;
    bench.driver.deliver(bench.agent.session, FromAgent::Credit(9)).await.unwrap();
    bench.agent.report(&bench.driver, 2, &op, Class::Rejected).await;
    assert_eq!(bench.agent.ack().await, 2);
    let (state, reason) = bench.device().await;
    assert_eq!(state, DeviceState::Unknown);
    assert!(reason.contains("OK and then as REJECTED"), "{reason}");
    assert_eq!(bench.agent.ops().await[0].attempt, 2, "it is read, by a new attempt");
}

#[tokio::test]
async fn results_for_work_never_assigned_are_acknowledged_kept_and_change_nothing() {
    let bench_store: Arc<Fragile> = Arc::default();
    let driver = started(&bench_store).await;
    let name = rollout_by(&driver, INVENTORY, SPEC, "request-1").await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    let before = counts(&driver, &name).await;
    let never = [op("test", "a", 0), op("test", "nowhere", 1)];
    for (sequence, op) in (1..).zip(&never) {
        agent.report(&driver, sequence, op, Class::Ok).await;
        assert_eq!(agent.ack().await, sequence, "{op}: else its agent would send it for ever");
    }
    assert_eq!(counts(&driver, &name).await, before);
    let kept = bench_store.inner.documents("stray").await.unwrap();
    assert_eq!(kept.len(), never.len(), "somebody may want to know: {kept:?}");
    let text = String::from_utf8(kept[0].1.clone()).unwrap();
    assert!(text.contains("\"class\":\"OK\"") && text.contains("why"), "{text}");
}

#[tokio::test]
async fn a_result_of_work_that_was_never_given_out_shows_a_restored_backup_and_nothing_is_written() {
    for (lost, other) in [(op("test", "a", 1), false), (op("no-such-rollout", "a", 1), true)] {
        let store: Arc<Fragile> = Arc::default();
        let driver = started(&store).await;
        let name = rollout_by(&driver, INVENTORY, SPEC, "request-1").await;
        let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
        agent.greeted().await;
        agent.report(&driver, 1, &lost, Class::Ok).await;
        assert_eq!(agent.inbox.recv().await, None, "{lost}: neither acknowledged nor served");
        for driver in [driver, started(&store).await] {
            let back = connect(&driver, "one", hello(vec![lost.clone()])).await;
            let Err(refused @ Refused::RestoredBackup { .. }) = back else { panic!("{lost} is no secret") };
            assert!(
                refused.to_string().contains(&format!("{lost} in hand, never given out here")),
                "{refused}"
            );
            assert_eq!(state(&driver, &name).await.2, 0, "{lost}");
        }
        let driver = started(&store).await;
        assert!(connect(&driver, "one", hello(vec![lost.clone()])).await.is_err());
        let adopt = |world: &mut World, turn: &mut Turn| world.adopt_epoch("anna", "disk", turn);
        driver.ask(adopt).await.unwrap();
        for driver in [driver, started(&store).await] {
            let mut agent = connect(&driver, "one", hello(vec![lost.clone()])).await.unwrap();
            agent.report(&driver, 1, &lost, Class::Ok).await;
            assert_eq!(agent.ack().await, 1);
            let succeeded = if other { 0 } else { 1 };
            assert_eq!(state(&driver, &name).await.1, succeeded, "{lost}: it is the truth");
            driver.close_session(agent.session).await;
        }
    }
}

#[tokio::test]
async fn the_name_of_a_rollout_that_a_backup_lost_is_not_given_again() {
    let driver = started(&Arc::default()).await;
    assert!(connect(&driver, "one", hello(vec![op("test", "a", 1)])).await.is_err());
    driver.ask(|world, turn| world.adopt_epoch("anna", "disk", turn)).await.unwrap();
    assert_eq!(rollout(&driver).await.as_str(), "test-2", "its attempts would be taken for the lost ones");
}

#[tokio::test]
async fn a_result_for_a_device_of_another_site_changes_nothing() {
    let mut bench = Bench::new(SPEC).await;
    let far = SiteName::new("far").unwrap();
    let (messages, inbox) = mpsc::channel(64);
    let outbox = Outbox { messages, close: CancellationToken::new() };
    let hello = Hello { site: far.clone(), ..hello(vec![]) };
    let session = bench.driver.open_session(peer("other", &far), hello, outbox).await.unwrap().session;
    let mut stranger = Agent { session, inbox };
    stranger.report(&bench.driver, 1, &bench.op, Class::Ok).await;
    assert_eq!(stranger.ack().await, 1);
    assert_eq!(bench.device().await.0, DeviceState::Running);
    bench.agent.report(&bench.driver, 1, &bench.op.clone(), Class::Ok).await;
    bench.agent.ack().await;
    assert_eq!(bench.device().await.0, DeviceState::Succeeded);
}

#[tokio::test]
async fn a_hello_of_an_older_epoch_is_welcome_a_newer_one_and_one_without_a_journal_are_refused() {
    let store: Arc<Fragile> = Arc::default();
    started(&store).await;
    let driver = started(&store).await;
    let newer = Hello { coordinator_epoch: 3, ..hello(vec![]) };
    let refused = connect(&driver, "one", newer).await.err().unwrap();
    assert!(refused.to_string().contains("switchyard admin adopt-epoch"), "{refused}");
    let nameless = Hello { journal_id: String::new(), ..hello(vec![]) };
    let Err(Refused::BadRequest { field, .. }) = connect(&driver, "one", nameless).await else {
        panic!("nobody knows what it never started")
    };
    assert_eq!(field, "hello.journal_id");
    let mut agent = connect(&driver, "one", Hello { coordinator_epoch: 1, ..hello(vec![]) }).await.unwrap();
    let Some(FromCoordinator::Welcome(welcome)) = agent.inbox.recv().await else { panic!("a welcome") };
    assert_eq!(welcome.coordinator_epoch, 2);
}

#[tokio::test]
async fn two_agents_with_one_identity_end_each_others_sessions_and_nothing_is_written_twice() {
    let mut bench = Bench::new(SPEC).await;
    let of = |id: &str, in_hand| Hello {
        journal_id: id.into(),
        former_journal_ids: vec!["before both".into()],
        ..hello(in_hand)
    };
    bench.agent = connect(&bench.driver, "one", of("its own", vec![bench.op.clone()])).await.unwrap();
    let clone = of("a copy's", vec![]);
    let mut copy = connect(&bench.driver, "one", clone).await.unwrap();
    bench.driver.deliver(copy.session, FromAgent::Credit(9)).await.unwrap();
    assert_eq!(bench.device().await.0, DeviceState::Unknown, "the copy cannot say what became of it");
    let op = bench.op.clone();
    bench.agent.report(&bench.driver, 1, &op, Class::Ok).await;
    assert_eq!(bench.device().await.0, DeviceState::Unknown, "its session was replaced");
    copy.inbox.close();
    while let Some(message) = copy.inbox.recv().await {
        assert!(!matches!(message, FromCoordinator::Assignment(_)), "{message:?}");
    }
    bench.agent = connect(&bench.driver, "one", of("its own", vec![op])).await.unwrap();
    bench.driver.deliver(bench.agent.session, FromAgent::Credit(9)).await.unwrap();
    assert_eq!(bench.device().await.0, DeviceState::Unknown);
    assert_eq!(bench.holder().await, Some(bench.name.clone()), "it is held until somebody knows");
    bench.agent.report(&bench.driver, 1, &bench.op.clone(), Class::Ok).await;
    bench.agent.ack().await;
    assert_eq!(bench.device().await.0, DeviceState::Succeeded, "the true agent knows");
    assert_eq!(bench.holder().await, None);
}

#[tokio::test]
async fn an_agent_that_comes_back_with_an_older_copy_of_its_journal_is_not_believed_what_it_lacks() {
    for (former, state) in [
        (vec!["its last".to_owned(), "one before".to_owned()], DeviceState::Pending),
        (vec!["one before".to_owned()], DeviceState::Unknown),
    ] {
        let mut bench = Bench::new(SPEC).await;
        let last = Hello { journal_id: "its last".into(), ..hello(vec![bench.op.clone()]) };
        let last = Hello { former_journal_ids: vec!["j".into()], ..last };
        bench.agent = connect(&bench.driver, "one", last).await.unwrap();
        assert_eq!(bench.device().await.0, DeviceState::Running);
        bench.driver.close_session(bench.agent.session).await;
        let restarted = Hello { journal_id: "now".into(), former_journal_ids: former, ..hello(vec![]) };
        bench.agent = connect(&bench.driver, "one", restarted).await.unwrap();
        assert_eq!(bench.device().await.0, state);
    }
}

#[tokio::test]
async fn numbers_that_an_agent_left_out_after_a_crash_keep_no_result_from_being_acknowledged() {
    let (driver, name, _, ops) = three().await;
    let back = Hello { left_out: vec![(2, 1_000_001)], ..hello(ops.clone()) };
    let mut agent = connect(&driver, "one", back).await.unwrap();
    agent.report(&driver, 1_000_003, &ops[1], Class::Ok).await;
    assert_eq!(agent.ack().await, 1, "the one before it may be on its way");
    agent.report(&driver, 1_000_002, &ops[0], Class::Ok).await;
    while agent.ack().await != 1_000_003 {}
    assert_eq!(state(&driver, &name).await.1, 3);
}
