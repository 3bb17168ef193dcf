//! Comparisons: readings for people, after the rollouts' own work, told honestly and never kept.

use super::doubts::readable;
use super::*;
use switchyard_proto::convert::link::Compared;
use switchyard_shared::comparison::{DeviceDifference, Differs};
use switchyard_shared::task::{COMPARISON, Purpose, Task};

/// Stores a plan over `inventory` and gives its name.
pub(super) async fn planned(driver: &Driver, inventory: &str, spec: &str) -> String {
    let inventory = Inventory::parse(inventory, "i").unwrap();
    let spec = RolloutSpec::parse(spec, "s").unwrap();
    let (files, vars) = (BTreeMap::from([("t".to_owned(), b"x".to_vec())]), BTreeMap::new());
    let now = Timestamp(0);
    let input =
        PlanInput { spec: &spec, inventory: &inventory, files: &files, vars: &vars, created_by: "t", now };
    let planned = build(input).unwrap();
    let keep = move |world: &mut World, turn: &mut Turn| {
        world.import(inventory, turn);
        Ok(world.store_plan(planned.plan, planned.configs, turn).name.to_string())
    };
    driver.ask(keep).await.unwrap()
}

pub(super) async fn compare(
    driver: &Driver,
    plan: &str,
    devices: &[&str],
) -> Result<mpsc::Receiver<DeviceDifference>, Refused> {
    let (plan, devices) = (plan.to_owned(), devices.iter().map(ToString::to_string).collect::<Vec<_>>());
    driver.ask(move |world, turn| world.compare(&plan, &devices, turn)).await
}

/// The answers that come, until the end.
pub(super) async fn all(mut answers: mpsc::Receiver<DeviceDifference>) -> Vec<DeviceDifference> {
    let mut found = Vec::new();
    let end = async {
        while let Some(difference) = answers.recv().await {
            found.push(difference);
        }
    };
    tokio::time::timeout(Duration::from_secs(30), end).await.expect("it ends");
    found.sort_by(|a, b| a.device.cmp(&b.device));
    found
}

pub(super) async fn tasks(agent: &mut Agent) -> Vec<Task> {
    loop {
        if let FromCoordinator::Assignment(work) = agent.next().await {
            return work.tasks;
        }
    }
}

pub(super) async fn tell(driver: &Driver, agent: &Agent, op: &OpId, class: Class, diff: &str) {
    let outcome = Outcome::new(class, Phase::Read, LeftAs::Unchanged, "so it is", Timestamp(0));
    let compared = Compared { op: op.clone(), outcome, diff: diff.to_owned(), keys: vec![] };
    driver.deliver(agent.session, FromAgent::Compared(Box::new(compared))).await.unwrap();
}

fn short(found: &[DeviceDifference]) -> Vec<(&str, Differs, &str, &str)> {
    found.iter().map(|one| (one.device.as_str(), one.state, one.diff.as_str(), one.reason.as_str())).collect()
}

#[tokio::test]
async fn each_device_of_a_plan_is_read_once_within_the_credit_and_nothing_is_kept() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    let plan = planned(&driver, INVENTORY, &readable()).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(2)).await.unwrap();
    let before = store.inner.read_all(0).await.unwrap().len();
    let answers = compare(&driver, &plan, &[]).await.unwrap();
    let first = tasks(&mut agent).await;
    assert_eq!(first.len(), 2, "no more than its credit");
    assert!(first.iter().all(|task| task.purpose == Purpose::Compare && task.op.attempt == COMPARISON));
    tell(&driver, &agent, &first[0].op, Class::Ok, "+x\n").await;
    tell(&driver, &agent, &first[1].op, Class::Unchanged, "").await;
    driver.deliver(agent.session, FromAgent::Credit(3)).await.unwrap();
    let last = tasks(&mut agent).await.remove(0);
    tell(&driver, &agent, &last.op, Class::Unreachable, "").await;
    let found = all(answers).await;
    assert_eq!(
        short(&found),
        [
            ("a", Differs::Changes, "+x\n", ""),
            ("b", Differs::Unchanged, "", ""),
            ("c", Differs::Unknown, "", "so it is"),
        ]
    );
    assert_eq!(found[2].class, Some(Class::Unreachable));
    assert_eq!(store.inner.read_all(0).await.unwrap().len(), before, "nothing of it is an event");
    assert!(agent.nothing_waits(), "and nothing is acknowledged");
}

#[tokio::test]
async fn what_is_left_open_of_a_device_that_was_read_reaches_who_asked() {
    let driver = started(&Arc::default()).await;
    let plan = planned(&driver, INVENTORY, &readable()).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(2)).await.unwrap();
    let answers = compare(&driver, &plan, &["a", "b"]).await.unwrap();
    let why = "it shows neither `ntp` nor `no ntp`: whether that is off there is not known";
    for (task, class) in tasks(&mut agent).await.iter().zip([Class::Ok, Class::Unchanged]) {
        let outcome = Outcome::new(class, Phase::Read, LeftAs::Unchanged, "so it is", Timestamp(0));
        let outcome = outcome.with_hint(why);
        let compared = Compared { op: task.op.clone(), outcome, diff: String::new(), keys: vec![] };
        driver.deliver(agent.session, FromAgent::Compared(Box::new(compared))).await.unwrap();
    }
    let found = all(answers).await;
    assert_eq!(short(&found), [("a", Differs::Changes, "", why), ("b", Differs::Unchanged, "", why)]);
}

#[tokio::test]
async fn who_cannot_be_read_is_unknown_with_the_reason() {
    let driver = started(&Arc::default()).await;
    let plan = planned(&driver, INVENTORY, &readable()).await;
    let away = all(compare(&driver, &plan, &["a"]).await.unwrap()).await;
    assert_eq!(short(&away), [("a", Differs::Unknown, "", "no agent of lab is connected")]);
    let agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    let site = switchyard_shared::breaker::Name::parse("site/lab").unwrap();
    let trip = move |world: &mut World, turn: &mut Turn| {
        world.command_breaker(&site, BreakerAction::Trip, "anna", "fibre", turn)
    };
    driver.ask(trip).await.unwrap();
    let open = all(compare(&driver, &plan, &["b"]).await.unwrap()).await;
    assert_eq!(short(&open), [("b", Differs::Unknown, "", "site/lab is open: fibre")]);
    let nobody = compare(&driver, &plan, &["x"]).await;
    assert!(matches!(nobody, Err(Refused::BadRequest { .. })), "{nobody:?}");
    let blind = planned(&driver, INVENTORY, SPEC).await;
    let refused = compare(&driver, &blind, &[]).await.unwrap_err();
    assert!(refused.to_string().contains("change.ssh.read"), "{refused}");
}

#[tokio::test]
async fn what_a_rollout_holds_is_busy_and_its_own_work_goes_first() {
    let driver = started(&Arc::default()).await;
    let name = rollout_by(&driver, INVENTORY, &readable(), "request-1").await;
    let plan = driver.ask(move |world, _| Ok(world.rollouts[&name].plan.name.to_string())).await.unwrap();
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    let answers = compare(&driver, &plan, &[]).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    let first = tasks(&mut agent).await;
    assert_eq!((first.len(), first[0].op.attempt), (1, 1), "one credit, and the rollout takes it");
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    let read = tasks(&mut agent).await;
    let names: Vec<&str> = read.iter().map(|task| task.op.device.as_str()).collect();
    assert_eq!(names, ["b", "c"]);
    assert!(read.iter().all(|task| task.op.attempt == COMPARISON));
    for task in &read {
        tell(&driver, &agent, &task.op, Class::Unchanged, "").await;
    }
    let found = all(answers).await;
    assert_eq!(found[0].reason, "busy: rollouts/test holds it");
    assert_eq!(found[1].state, Differs::Unchanged);
}

#[tokio::test]
async fn a_lost_agent_leaves_what_it_was_reading_unknown_and_a_reader_that_goes_frees_the_rest() {
    let driver = started(&Arc::default()).await;
    let plan = planned(&driver, INVENTORY, &readable()).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    let answers = compare(&driver, &plan, &[]).await.unwrap();
    tasks(&mut agent).await;
    driver.close_session(agent.session).await;
    let found = all(answers).await;
    assert_eq!(found[0].reason, "the agent of lab was lost while it read the device");
    assert_eq!(found[1].reason, "no agent of lab is connected");
    let older = Hello { calls_off_comparisons: false, ..hello(vec![]) };
    let mut agent = connect(&driver, "one", older).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    drop(compare(&driver, &plan, &["a"]).await.unwrap());
    let op = tasks(&mut agent).await.remove(0).op;
    let again = compare(&driver, &plan, &["a"]).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    driver.ask(|_, _| Ok(())).await.unwrap();
    assert!(agent.nothing_waits(), "one device is read once at a time");
    tell(&driver, &agent, &op, Class::Ok, "of the reader that went").await;
    let op = tasks(&mut agent).await.remove(0).op;
    tell(&driver, &agent, &op, Class::Ok, "its own").await;
    assert_eq!(short(&all(again).await), [("a", Differs::Changes, "its own", "")]);
    let left = driver.ask(|world, _| Ok((world.comparisons.running.len(), world.comparisons.asked.len())));
    assert_eq!(left.await.unwrap(), (0, 0));
}

#[tokio::test]
async fn an_agent_that_does_not_start_a_reading_is_asked_again_a_few_times() {
    let (store, clock): (Arc<Fragile>, Arc<Hand>) = Default::default();
    let driver = start(store, clock.clone(), CancellationToken::new()).await.unwrap().0;
    let plan = planned(&driver, INVENTORY, &readable()).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(99)).await.unwrap();
    let answers = compare(&driver, &plan, &["a"]).await.unwrap();
    for _ in 0..4 {
        let op = tasks(&mut agent).await.remove(0).op;
        tell(&driver, &agent, &op, Class::NotStarted, "").await;
        driver.ask(|_, _| Ok(())).await.unwrap();
        clock.wait(Duration::from_secs(1));
    }
    let found = all(answers).await;
    assert_eq!((found[0].state, found[0].reason.as_str()), (Differs::Unknown, "so it is"));
}

/// More devices than answers may wait.
fn three_hundred() -> String {
    let device = |n: u32| format!("  d{n}: {{hostname: 127.1.{}.{}, site: lab}}\n", n / 200, n % 200 + 1);
    let devices: String = (0..300).map(device).collect();
    format!("{}devices:\n{devices}", INVENTORY.split("devices:").next().unwrap())
}

#[tokio::test]
async fn a_comparison_ends_with_its_time_also_when_its_reader_stands_still() {
    use crate::driver::comparisons::{ANSWERS_MAX, LONGEST};
    let (store, clock): (Arc<Fragile>, Arc<Hand>) = Default::default();
    let driver = start(store, clock.clone(), CancellationToken::new()).await.unwrap().0;
    let plan = planned(&driver, &three_hundred(), &readable()).await;
    let unread = compare(&driver, &plan, &[]).await.unwrap();
    let running = || driver.ask(|world, _| Ok(world.comparisons.running.len()));
    driver.ask(|_, _| Ok(())).await.unwrap();
    assert_eq!(running().await.unwrap(), 1, "its queue is full, and it waits");
    clock.wait(LONGEST);
    driver.ask(|_, _| Ok(())).await.unwrap();
    assert_eq!(running().await.unwrap(), 0);
    assert_eq!(all(unread).await.len(), ANSWERS_MAX, "what was told is told, and then the stream ends");
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_waited_for_without_a_device_being_asked() {
    let driver = started(&Arc::default()).await;
    let plan = planned(&driver, &three_hundred(), &readable()).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1000)).await.unwrap();
    let answers = compare(&driver, &plan, &[]).await.unwrap();
    let mut open = Vec::new();
    while open.len() < crate::driver::comparisons::ANSWERS_MAX {
        open.extend(tasks(&mut agent).await);
    }
    for task in &open {
        tell(&driver, &agent, &task.op, Class::Unchanged, "").await;
    }
    driver.ask(|_, _| Ok(())).await.unwrap();
    assert!(agent.nothing_waits(), "its answers fill the queue, and nothing more is read");
    let reading = tokio::spawn(all(answers));
    let mut read = open.len();
    while read < 300 {
        for task in tasks(&mut agent).await {
            tell(&driver, &agent, &task.op, Class::Unchanged, "").await;
            read += 1;
        }
    }
    assert_eq!(reading.await.unwrap().len(), 300);
}
