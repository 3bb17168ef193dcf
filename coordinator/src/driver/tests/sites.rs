//! Who may serve a site: bindings and their epochs, former agents, restored backups.

use super::doubts::{Bench, WRITTEN_BY, readable};
use super::*;
use switchyard_shared::outcome::{DeviceState, Found};
use switchyard_shared::rollout::event::Event;

/// Longer than a former agent may start anything.
const QUIET: Duration = Duration::from_millis(12_501);
/// Longer than it may be writing: its lease, its connect and its command.
const WRITTEN: Duration = Duration::from_secs(60);

/// The next agent of the site: with a name and a journal of its own, and no epoch seen.
fn fresh(journal: &str) -> Hello {
    Hello { journal_id: journal.into(), site_epoch: 0, ..hello(vec![]) }
}

async fn rebind(driver: &Driver) -> Result<crate::driver::Rebound, Refused> {
    let rebind =
        |world: &mut World, turn: &mut Turn| world.rebind_site(&lab(), "anna", "burnt", "id-1", turn);
    driver.ask(rebind).await
}

async fn beat(driver: &Driver, agent: &Agent) {
    driver.deliver(agent.session, FromAgent::Heartbeat(1)).await.unwrap();
    driver.ask(|_, _| Ok(())).await.unwrap();
    driver.ask(|_, _| Ok(())).await.unwrap();
}

fn assignments(agent: &mut Agent) -> Vec<OpId> {
    let heard = std::iter::from_fn(|| agent.inbox.try_recv().ok());
    let work = heard.filter_map(|message| match message {
        FromCoordinator::Assignment(work) => Some(work.tasks),
        FromCoordinator::Welcome(_)
        | FromCoordinator::HeartbeatReply(_)
        | FromCoordinator::Ack(_)
        | FromCoordinator::Cancel { .. }
        | FromCoordinator::Site(_)
        | FromCoordinator::Breaker { .. } => None,
    });
    work.flatten().map(|task| task.op).collect()
}

#[tokio::test]
async fn a_site_that_is_bound_to_another_agent_is_read_by_it_only_when_the_former_one_has_stopped() {
    let (store, clock): (Arc<Fragile>, Arc<Hand>) = Default::default();
    let start = async || start(store.clone(), clock.clone(), CancellationToken::new()).await.unwrap().0;
    let mut driver = start().await;
    let name = rollout_by(&driver, INVENTORY, &readable(), "request-1").await;
    let mut old = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(old.session, FromAgent::Credit(1)).await.unwrap();
    let op = old.ops().await.remove(0);
    let rebound = rebind(&driver).await.unwrap();
    assert_eq!((rebound.epoch, rebound.unknown.len()), (2, 1));
    assert_eq!(rebind(&driver).await.unwrap(), rebound, "the same request does nothing again");
    assert!(old.inbox.recv().await.is_none() || old.session > 0);
    for restarted in [false, true] {
        if restarted {
            driver = start().await;
        }
        let mut new = connect(&driver, "two", fresh("j2")).await.unwrap();
        let Some(FromCoordinator::Welcome(welcome)) = new.inbox.recv().await else { panic!("a welcome") };
        assert_eq!(welcome.site_epoch, 2);
        driver.deliver(new.session, FromAgent::Credit(9)).await.unwrap();
        beat(&driver, &new).await;
        assert_eq!(assignments(&mut new), [], "the former agent's lease may still run");
        driver.close_session(new.session).await;
    }
    let mut new = connect(&driver, "two", fresh("j2")).await.unwrap();
    driver.deliver(new.session, FromAgent::Credit(9)).await.unwrap();
    clock.wait(QUIET);
    beat(&driver, &new).await;
    let started = assignments(&mut new);
    assert!(
        started.iter().all(|started| started.device != op.device),
        "it may still be written: {started:?}"
    );
    clock.wait(WRITTEN);
    let again = connect(&driver, "two", Hello { in_hand: started, ..fresh("j2") }).await;
    let mut new = again.unwrap();
    driver.deliver(new.session, FromAgent::Credit(9)).await.unwrap();
    beat(&driver, &new).await;
    let read: Vec<String> = assignments(&mut new).iter().map(ToString::to_string).collect();
    assert!(read.contains(&format!("{name}/{}/2", op.device)), "{read:?}");
}

#[tokio::test]
async fn a_former_agent_is_refused_by_its_name_its_journal_and_its_epoch_also_after_a_restart() {
    let bench = Bench::new(SPEC).await;
    rebind(&bench.driver).await.unwrap();
    for driver in [bench.driver.clone(), bench.restarted().await] {
        for (agent, hello) in [
            ("one", fresh("a new journal")),
            ("lab", fresh("j")),
            ("three", Hello { journal_id: "j3".into(), ..hello(vec![]) }),
        ] {
            let refused = connect(&driver, agent, hello).await;
            let Err(Refused::FormerAgent { why, .. }) = refused else { panic!("{agent} is a former one") };
            assert!(why.contains("anna bound it") && why.contains("burnt"), "{why}");
        }
        connect(&driver, "two", fresh("j2")).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_given_up_at_a_site_keeps_other_agents_out_until_the_site_is_taken_from_its_agent() {
    let bench = Bench::new(SPEC).await;
    bench.driver.close_session(bench.agent.session).await;
    assert_eq!(bench.forced_abort().await, ["a"]);
    let heir = connect(&bench.driver, "two", fresh("j2")).await;
    let Err(refused @ Refused::SiteTaken { .. }) = heir else { panic!("only the first one can report it") };
    assert!(refused.to_string().contains("switchyard agent rebind --site lab"), "{refused}");
    rebind(&bench.driver).await.unwrap();
    connect(&bench.driver, "two", fresh("j2")).await.unwrap();
    assert_eq!(bench.device().await.0, DeviceState::Unknown);
}

#[tokio::test]
async fn an_agent_that_has_seen_a_later_epoch_of_its_site_is_refused() {
    let driver = started(&Arc::default()).await;
    let ahead = Hello { site_epoch: 2, ..hello(vec![]) };
    assert!(matches!(connect(&driver, "one", ahead).await, Err(Refused::RestoredBackup { .. })));
}

async fn adopt(driver: &Driver) -> Result<crate::driver::Adopted, Refused> {
    driver.ask(|world, turn| world.adopt_epoch("anna", "the disk died", turn)).await
}

#[tokio::test]
async fn after_a_restored_backup_nothing_is_written_before_it_was_read_although_the_backup_calls_it_untouched()
 {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    let name = rollout_by(&driver, INVENTORY, &readable(), "request-1").await;
    assert!(matches!(adopt(&driver).await, Err(Refused::NothingToAdopt)));
    let later = || Hello { coordinator_epoch: 41, acked_sequence: 7, site_epoch: 3, ..hello(vec![]) };
    assert!(matches!(connect(&driver, "one", later()).await, Err(Refused::RestoredBackup { .. })));
    let adopted = adopt(&driver).await.unwrap();
    assert_eq!((adopted.epoch, adopted.agents.len(), adopted.unknown), (42, 1, 3));
    for driver in [driver, started(&store).await] {
        let mut agent = connect(&driver, "one", later()).await.unwrap();
        let Some(FromCoordinator::Welcome(welcome)) = agent.inbox.recv().await else { panic!("a welcome") };
        assert!(welcome.coordinator_epoch > 41 && welcome.acked_sequence == 7 && welcome.site_epoch == 3);
        driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
        driver.ask(|_, _| Ok(())).await.unwrap();
        driver.close_session(agent.session).await;
        let (agent, again) = (agent, connect(&driver, "one", later()).await);
        drop(agent);
        let mut agent = again.unwrap();
        driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
        let ops = agent.ops().await;
        assert_eq!(ops.len(), 3);
        assert!(ops.iter().all(|op| op.attempt > 1000), "never the number of a lost attempt: {ops:?}");
        driver.close_session(agent.session).await;
    }
    let log = store.inner.read(&format!("rollouts/{name}"), 0).await.unwrap();
    let events = log.iter().map(|stored| serde_json::from_str::<Event>(&stored.body).unwrap());
    assert!(events.into_iter().all(|event| !matches!(event, Event::Dispatched { .. })), "only readings");
}

#[tokio::test]
async fn a_device_that_was_found_untouched_after_a_restored_backup_is_configured() {
    let mut bench = Bench::new(&readable()).await;
    let later = Hello { coordinator_epoch: 9, ..hello(vec![]) };
    assert!(connect(&bench.driver, "one", later.clone()).await.is_err());
    adopt(&bench.driver).await.unwrap();
    bench.clock.wait(WRITTEN_BY);
    bench.agent = connect(&bench.driver, "one", later).await.unwrap();
    bench.driver.deliver(bench.agent.session, FromAgent::Credit(9)).await.unwrap();
    let reading = bench.agent.ops().await.remove(0);
    bench.found(1, &reading, Some(Found::NotApplied)).await;
    let op = bench.agent.ops().await.remove(0);
    bench.agent.report(&bench.driver, 2, &op, Class::Ok).await;
    bench.agent.ack().await;
    assert_eq!(bench.device().await.0, DeviceState::Succeeded);
}

#[tokio::test]
async fn a_backup_of_this_very_run_is_noticed_by_work_in_hand_that_it_never_gave_out() {
    let mut bench = Bench::new(&readable()).await;
    bench.driver.close_session(bench.agent.session).await;
    let lost = hello(vec![OpId { attempt: 2, ..bench.op.clone() }]);
    let refused = connect(&bench.driver, "one", lost.clone()).await;
    let Err(refused @ Refused::RestoredBackup { .. }) = refused else {
        panic!("it would be given out again")
    };
    assert!(refused.to_string().contains("/a/2 in hand, never given out here"), "{refused}");
    assert_eq!(adopt(&bench.driver).await.unwrap().unknown, 1);
    bench.agent = connect(&bench.driver, "one", lost).await.unwrap();
}

#[tokio::test]
async fn the_agent_that_a_site_was_bound_to_in_lost_time_is_let_in_after_the_adoption_and_the_one_before_is_not()
 {
    let driver = started(&Arc::default()).await;
    rollout(&driver).await;
    let former = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.close_session(former.session).await;
    let later = Hello { coordinator_epoch: 41, site_epoch: 2, ..fresh("its own") };
    assert!(matches!(connect(&driver, "two", later.clone()).await, Err(Refused::RestoredBackup { .. })));
    adopt(&driver).await.unwrap();
    assert!(connect(&driver, "two", later).await.is_ok());
    let refused = connect(&driver, "one", hello(vec![])).await.err();
    assert!(matches!(refused, Some(Refused::FormerAgent { .. })), "{refused:?}");
}
