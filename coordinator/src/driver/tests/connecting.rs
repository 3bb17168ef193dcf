//! What is heard of a connect reaches the pace: whom the others wait for, and what is lost with a session.

use super::*;

/// Half of the connect timeout and a bit: a device that has not connected by then blocks nobody.
const SILENT: Duration = Duration::from_secs(6);

struct Site {
    store: Arc<Fragile>,
    clock: Arc<Hand>,
    driver: Driver,
    name: RolloutName,
    agent: Agent,
    op: OpId,
}

impl Site {
    /// A site with one device in flight that has said nothing yet, and two that wait for it.
    async fn with_one_in_flight() -> Self {
        let (store, clock): (Arc<Fragile>, Arc<Hand>) = Default::default();
        let driver = Self::started(&store, &clock).await;
        let name = rollout(&driver).await;
        let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
        driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
        let op = agent.ops().await.remove(0);
        Self { store, clock, driver, name, agent, op }
    }

    async fn started(store: &Arc<Fragile>, clock: &Arc<Hand>) -> Driver {
        start(store.clone(), clock.clone(), CancellationToken::new()).await.unwrap().0
    }

    async fn back(&mut self) {
        self.agent = connect(&self.driver, "one", hello(vec![self.op.clone()])).await.unwrap();
        self.driver.deliver(self.agent.session, FromAgent::Credit(9)).await.unwrap();
    }

    async fn in_flight_after(&self, time: Duration) -> u32 {
        self.clock.wait(time);
        self.driver.deliver(self.agent.session, FromAgent::Heartbeat(1)).await.unwrap();
        self.driver.ask(|_, _| Ok(())).await.unwrap();
        state(&self.driver, &self.name).await.2
    }
}

#[tokio::test]
async fn a_device_that_says_that_it_is_connected_is_waited_for_and_a_silent_one_is_not() {
    let silent = Site::with_one_in_flight().await;
    assert_eq!(silent.in_flight_after(SILENT).await, 2);
    let site = Site::with_one_in_flight().await;
    let connected = FromAgent::Progress { op: site.op.clone(), phase: Phase::Authenticate, at: Timestamp(0) };
    site.driver.deliver(site.agent.session, connected).await.unwrap();
    assert_eq!(site.in_flight_after(SILENT).await, 1);
}

#[tokio::test]
async fn what_was_in_flight_when_its_session_ended_may_be_writing() {
    let mut site = Site::with_one_in_flight().await;
    site.driver.close_session(site.agent.session).await;
    site.clock.wait(SILENT);
    site.back().await;
    assert_eq!(site.in_flight_after(SILENT).await, 1);
}

#[tokio::test]
async fn what_was_in_flight_when_another_session_took_over_may_be_writing() {
    let mut site = Site::with_one_in_flight().await;
    site.back().await;
    assert_eq!(site.in_flight_after(SILENT).await, 1);
}

#[tokio::test]
async fn what_was_in_flight_when_the_coordinator_restarted_may_be_writing() {
    let mut site = Site::with_one_in_flight().await;
    site.driver = Site::started(&site.store, &site.clock).await;
    site.back().await;
    assert_eq!(site.in_flight_after(SILENT).await, 1);
}

#[tokio::test]
async fn an_agent_that_hears_nothing_is_said_to_be_missing_although_its_hello_arrives() {
    let driver = started(&Arc::default()).await;
    let name = rollout(&driver).await;
    let agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    let lines = async || {
        let name = name.clone();
        let look = move |world: &mut World, turn: &mut Turn| {
            Ok(world.blocked_on(&world.rollouts[&name], turn.now).join("; "))
        };
        driver.ask(look).await.unwrap()
    };
    assert!(lines().await.contains("no agent at lab"), "{}", lines().await);
    driver.deliver(agent.session, FromAgent::Heartbeat(1)).await.unwrap();
    assert!(!lines().await.contains("no agent at lab"), "{}", lines().await);
}
