//! Comparisons that nobody waits for any more: their agents hear of it at once, and of nothing else.

use super::comparing::{all, compare, planned, tasks, tell};
use super::doubts::readable;
use super::*;
use switchyard_shared::comparison::Differs;

/// Two devices at `lab`, two at `far` and one at `near`.
fn three_sites() -> String {
    let head = INVENTORY.split("sites:").next().unwrap();
    let device = |(name, site)| format!("  {name}: {{hostname: {name}.example.net, site: {site}}}\n");
    let devices =
        [("a", "lab"), ("b", "lab"), ("c", "far"), ("d", "far"), ("e", "near")].map(device).concat();
    format!("{head}sites: {{lab: {{}}, far: {{}}, near: {{}}}}\ndevices:\n{devices}")
}

async fn connect_at(driver: &Driver, site: &str, credit: u64) -> Agent {
    let (messages, inbox) = mpsc::channel(64);
    let outbox = Outbox { messages, close: CancellationToken::new() };
    let site = SiteName::new(site).unwrap();
    let hello = Hello { site: site.clone(), ..hello(vec![]) };
    let opened = driver.open_session(peer(site.as_str(), &site), hello, outbox).await.unwrap();
    driver.deliver(opened.session, FromAgent::Credit(credit)).await.unwrap();
    Agent { session: opened.session, inbox }
}

impl Agent {
    /// The devices of the next call-off, which must be one of comparisons by this name.
    pub(super) async fn abandoned(&mut self, name: &str) -> Vec<String> {
        let next = self.next().await;
        let FromCoordinator::Cancel { rollout, devices, comparisons: true, reason } = next else {
            panic!("not a call-off of comparisons: {next:?}")
        };
        assert_eq!((rollout.as_str(), reason.as_str()), (name, "nobody waits for it any more"));
        devices.iter().map(ToString::to_string).collect()
    }
}

#[tokio::test]
async fn a_plan_that_is_left_is_called_off_once_at_every_agent_that_still_owes_it_a_device() {
    let driver = started(&Arc::default()).await;
    let plan = planned(&driver, &three_sites(), &readable()).await;
    let mut lab = connect_at(&driver, "lab", 9).await;
    let mut far = connect_at(&driver, "far", 9).await;
    let mut near = connect_at(&driver, "near", 9).await;
    let answers = compare(&driver, &plan, &[]).await.unwrap();
    let (at_lab, _, at_near) = (tasks(&mut lab).await, tasks(&mut far).await, tasks(&mut near).await);
    tell(&driver, &lab, &at_lab[0].op, Class::Unchanged, "").await;
    tell(&driver, &near, &at_near[0].op, Class::Unchanged, "").await;
    driver.ask(|_, _| Ok(())).await.unwrap();
    drop(answers);
    for _ in 0..2 {
        driver.ask(|_, _| Ok(())).await.unwrap();
    }
    assert_eq!(lab.abandoned("test").await, [at_lab[1].op.device.to_string()]);
    assert_eq!(far.abandoned("test").await, ["c", "d"]);
    assert!(lab.nothing_waits() && far.nothing_waits(), "once");
    assert!(near.nothing_waits(), "it owes nothing");
}

#[tokio::test]
async fn the_plan_right_after_one_that_was_left_has_its_places_at_once_and_is_not_called_off_with_it() {
    let (store, still): (Arc<Fragile>, Arc<Hand>) = Default::default();
    let driver = start(store, still, CancellationToken::new()).await.unwrap().0;
    let plan = planned(&driver, INVENTORY, &readable()).await;
    let mut agent = connect_at(&driver, "lab", 2).await;
    drop(compare(&driver, &plan, &[]).await.unwrap());
    let first: Vec<OpId> = tasks(&mut agent).await.into_iter().map(|task| task.op).collect();
    let again = compare(&driver, &plan, &[]).await.unwrap();
    assert_eq!(agent.abandoned("test").await.len(), 2);
    for op in &first {
        tell(&driver, &agent, op, Class::Cancelled, "").await;
    }
    driver.deliver(agent.session, FromAgent::Credit(5)).await.unwrap();
    let mut read = 0;
    while read < 3 {
        for task in tasks(&mut agent).await {
            tell(&driver, &agent, &task.op, Class::Unchanged, "").await;
            read += 1;
        }
    }
    let found = all(again).await;
    assert!(found.len() == 3 && found.iter().all(|one| one.state == Differs::Unchanged), "{found:?}");
    assert!(agent.nothing_waits());
}

#[tokio::test]
async fn an_agent_that_would_take_it_for_a_rollouts_call_off_is_told_of_no_plan_that_was_left() {
    let driver = started(&Arc::default()).await;
    let plan = planned(&driver, INVENTORY, &readable()).await;
    let older = Hello { calls_off_comparisons: false, ..hello(vec![]) };
    let mut agent = connect(&driver, "one", older).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    drop(compare(&driver, &plan, &[]).await.unwrap());
    tasks(&mut agent).await;
    for _ in 0..2 {
        driver.ask(|_, _| Ok(())).await.unwrap();
    }
    assert!(agent.nothing_waits());
}
