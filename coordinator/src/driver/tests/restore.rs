//! One device is put back by a person's word: durable, at once, beside everything else, and once.

use super::doubts::ONE;
use super::*;
use crate::driver::RestoreDevice;
use switchyard_shared::id::DeviceName;
use switchyard_shared::outcome::DeviceState;
use switchyard_shared::task::{Purpose, Task};

/// A rollout of `a` alone whose change a driver makes, written and ended.
struct Bench {
    store: Arc<Fragile>,
    driver: Driver,
    name: RolloutName,
    agent: Agent,
}

fn by_a_driver() -> String {
    SPEC.replace("{ssh: {command: load}, ", "{transport: netconf, ")
}

async fn tasks(agent: &mut Agent) -> Vec<Task> {
    loop {
        if let FromCoordinator::Assignment(work) = agent.next().await {
            return work.tasks;
        }
    }
}

async fn tell(driver: &Driver, agent: &Agent, sequence: u64, op: &OpId, class: Class) {
    let outcome = Outcome::new(class, Phase::Verify, LeftAs::Changed, "done", Timestamp(0));
    let outcome = Outcome { wrote_at: Some(Timestamp(1)), before: Some("b".into()), ..outcome };
    driver.deliver(agent.session, FromAgent::Result { sequence, op: op.clone(), outcome }).await.unwrap();
    driver.ask(|_, _| Ok(())).await.unwrap();
}

impl Bench {
    async fn new() -> Self {
        let store: Arc<Fragile> = Arc::default();
        let driver = started(&store).await;
        let name = rollout_by(&driver, ONE, &by_a_driver(), "request-1").await;
        let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
        driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
        let op = tasks(&mut agent).await.remove(0).op;
        tell(&driver, &agent, 1, &op, Class::Ok).await;
        Self { store, driver, name, agent }
    }

    async fn restore(&self, request_id: &str) -> Result<(RolloutName, DeviceName), Refused> {
        let asked = RestoreDevice {
            rollout: self.name.to_string(),
            device: "a".into(),
            overwrite: false,
            by: "anna".into(),
            reason: "bgp".into(),
            request_id: request_id.into(),
        };
        self.driver.command_about(move |world, turn| world.restore_device(&asked, turn)).await
    }

    async fn device(&self) -> (DeviceState, RolloutState, u32) {
        let name = self.name.to_string();
        let look = move |world: &mut World, _: &mut Turn| {
            let rollout = &world.rollout(&name)?.rollout;
            Ok((rollout.devices[0].state, rollout.state, rollout.counts.rolled_back))
        };
        self.driver.ask(|_, _| Ok(())).await.unwrap();
        self.driver.ask_about(look).await.unwrap()
    }
}

#[tokio::test]
async fn a_device_of_an_ended_rollout_is_put_back_without_credit_and_the_same_word_again_does_nothing() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.device().await, (DeviceState::Succeeded, RolloutState::Succeeded, 0));
    let first = bench.restore("7").await.unwrap();
    assert_eq!(bench.restore("7").await.unwrap(), first);
    let mut sent = tasks(&mut bench.agent).await;
    assert_eq!(sent.len(), 1, "its credit is used up, and it comes all the same");
    let task = sent.remove(0);
    assert_eq!(
        (task.op.attempt, task.purpose),
        (2, Purpose::Restore { attempt: 1, before: Some("b".into()), overwrite: false })
    );
    assert_eq!(bench.device().await.0, DeviceState::Running);
    assert!(bench.agent.nothing_waits());
    tell(&bench.driver, &bench.agent, 2, &task.op, Class::Ok).await;
    assert_eq!(bench.agent.ack().await, 2);
    assert_eq!(bench.device().await, (DeviceState::RolledBack, RolloutState::Succeeded, 1));
    let held = bench.driver.ask(|world, _| Ok((world.fleet.held.len(), world.rollouts.live_names().len())));
    assert_eq!(held.await.unwrap(), (0, 0), "nobody holds it, and nothing goes on");
    bench.driver = started(&bench.store).await;
    assert_eq!(bench.device().await, (DeviceState::RolledBack, RolloutState::Succeeded, 1), "it is durable");
}

#[tokio::test]
async fn after_a_restart_a_way_back_goes_on_or_is_known_not_to_have_begun() {
    for in_hand in [true, false] {
        let mut bench = Bench::new().await;
        bench.restore("").await.unwrap();
        let op = tasks(&mut bench.agent).await.remove(0).op;
        bench.driver = started(&bench.store).await;
        assert_eq!(bench.device().await.0, DeviceState::Running);
        let holds = bench.driver.ask(|world, _| Ok(world.fleet.held.get("a").cloned())).await.unwrap();
        assert_eq!(holds, Some(bench.name.clone()));
        let hand = if in_hand { vec![op.clone()] } else { vec![] };
        bench.agent = connect(&bench.driver, "one", hello(hand)).await.unwrap();
        let ended = match in_hand {
            true => {
                tell(&bench.driver, &bench.agent, 2, &op, Class::Ok).await;
                DeviceState::RolledBack
            }
            false => DeviceState::Succeeded,
        };
        assert_eq!(bench.device().await.0, ended);
        let running = state(&bench.driver, &bench.name).await.2;
        assert_eq!(running, 0, "and it is not configured again");
    }
}

#[tokio::test]
async fn what_cannot_be_put_back_is_refused_with_the_way_on() {
    let bench = Bench::new().await;
    let name = rollout_by(&bench.driver, ONE, &by_a_driver(), "request-2").await;
    bench.driver.deliver(bench.agent.session, FromAgent::Credit(2)).await.unwrap();
    bench.driver.ask(|_, _| Ok(())).await.unwrap();
    let busy = bench.restore("").await.unwrap_err();
    assert!(matches!(&busy, Refused::HeldByOther { rollout, .. } if *rollout == name.to_string()), "{busy}");
    let bench = Bench::new().await;
    bench.driver.close_session(bench.agent.session).await;
    bench.driver.ask(|_, _| Ok(())).await.unwrap();
    assert!(matches!(bench.restore("").await, Err(Refused::AgentAway { .. })));
    assert_eq!(bench.device().await.0, DeviceState::Succeeded, "and nothing has changed");
}
