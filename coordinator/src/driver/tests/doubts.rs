//! Devices in doubt, as the coordinator and its operators see them: read, settled, given up, released.

use super::*;
use crate::driver::Reconcile;
use switchyard_shared::outcome::{DeviceState, Found};
use switchyard_shared::rollout::Word;

pub(super) const ONE: &str = "api_version: switchyard/v1\nkind: Inventory\ndefaults: {username: u, credential_ref: \"env:K\", host_keys: [\"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"]}\nsites: {lab: {}}\ndevices:\n  a: {hostname: 127.0.0.1, site: lab}\n";

/// A rollout of the one device `a`, which was handed to an agent.
pub(super) struct Bench {
    pub store: Arc<Fragile>,
    pub clock: Arc<Hand>,
    pub driver: Driver,
    pub name: RolloutName,
    pub agent: Agent,
    pub op: OpId,
}

/// A write of [`readable`] is over by then, and no session is taken for silent.
pub(super) const WRITTEN_BY: Duration = Duration::from_secs(6);

pub(super) fn readable() -> String {
    let read = SPEC.replace("{command: load}", "{command: load, read: show}");
    format!("{read}  timeouts: {{command: 5s}}\n")
}

impl Bench {
    pub async fn new(spec: &str) -> Self {
        let (store, clock): (Arc<Fragile>, Arc<Hand>) = Default::default();
        let driver = start(store.clone(), clock.clone(), CancellationToken::new()).await.unwrap().0;
        let name = rollout_by(&driver, ONE, spec, "request-1").await;
        let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
        driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
        let op = agent.ops().await.remove(0);
        Self { store, clock, driver, name, agent, op }
    }

    pub async fn restarted(&self) -> Driver {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        start(store, clock, CancellationToken::new()).await.unwrap().0
    }

    pub async fn device(&self) -> (DeviceState, String) {
        let name = self.name.clone();
        let look = move |world: &mut World, _: &mut Turn| {
            let device = &world.rollouts[&name].rollout.devices[0];
            Ok((device.state, device.reason.clone()))
        };
        self.driver.ask(|_, _| Ok(())).await.unwrap();
        self.driver.ask(look).await.unwrap()
    }

    pub async fn holder(&self) -> Option<RolloutName> {
        self.driver.ask(|world, _| Ok(world.fleet.held.get("a").cloned())).await.unwrap()
    }

    pub async fn blocked_on(&self) -> Vec<String> {
        let name = self.name.clone();
        let look =
            move |world: &mut World, turn: &mut Turn| Ok(world.blocked_on(&world.rollouts[&name], turn.now));
        self.driver.ask(look).await.unwrap()
    }

    pub async fn reconcile(&self, asked: Reconcile) -> Result<usize, Refused> {
        let asked = Reconcile { by: "anna".into(), ..asked };
        let devices = self.driver.ask(move |world, turn| world.reconcile_devices(&asked, turn)).await;
        devices.map(|devices| devices.len())
    }

    pub async fn found(&mut self, sequence: u64, op: &OpId, found: Option<Found>) {
        let class = if found.is_some() { Class::Ok } else { Class::Unreachable };
        let outcome = Outcome::new(class, Phase::Verify, LeftAs::Unchanged, "read", Timestamp(0));
        let outcome = Outcome { found, ..outcome };
        let result = FromAgent::Result { sequence, op: op.clone(), outcome };
        self.driver.deliver(self.agent.session, result).await.unwrap();
        while self.agent.ack().await < sequence {}
    }

    /// Ends the rollout with its device in doubt, which was read once: it is neither as it was nor as it
    /// should be.
    pub async fn ended_in_doubt(&mut self) {
        let (agent, driver, op) = (&self.agent, &self.driver, &self.op);
        agent.report(driver, 1, op, Class::LostAfterWrite).await;
        driver.ask(|_, _| Ok(())).await.unwrap();
        self.clock.wait(WRITTEN_BY);
        driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
        let reading = self.agent.ops().await.remove(0);
        self.found(2, &reading, Some(Found::Different)).await;
        self.driver.ask(|_, _| Ok(())).await.unwrap();
        assert_eq!(state(&self.driver, &self.name).await.0, RolloutState::Failed);
    }

    pub async fn forced_abort(&self) -> Vec<String> {
        let (name, by, reason) = (self.name.to_string(), "anna".to_owned(), "its machine is gone".to_owned());
        let steer = Steer { name, verb: Verb::Abort, by, reason, etag: String::new() };
        let abort = move |world: &mut World, turn: &mut Turn| world.abort_by_force(&steer, turn);
        let (_, devices) = self.driver.ask(abort).await.unwrap();
        self.driver.ask(|_, _| Ok(())).await.unwrap();
        devices.iter().map(ToString::to_string).collect()
    }
}

fn read_again() -> Reconcile {
    Reconcile { devices: vec!["a".into()], ..Reconcile::default() }
}

#[tokio::test]
async fn an_ended_rollout_goes_on_while_a_device_in_doubt_is_read_also_after_a_restart() {
    let mut bench = Bench::new(&readable()).await;
    bench.ended_in_doubt().await;
    assert!(bench.blocked_on().await[0].contains("switchyard device reconcile a"));
    assert_eq!(bench.reconcile(read_again()).await.unwrap(), 1);
    bench.driver = bench.restarted().await;
    assert_eq!(bench.holder().await, Some(bench.name.clone()));
    bench.agent = connect(&bench.driver, "one", hello(vec![])).await.unwrap();
    bench.driver.deliver(bench.agent.session, FromAgent::Credit(1)).await.unwrap();
    let reading = bench.agent.ops().await.remove(0);
    let lab = lab();
    let in_flight = bench.driver.ask(move |world, turn| {
        world.advance(turn);
        Ok(world.fleet.in_flight(&lab))
    });
    assert_eq!(in_flight.await.unwrap(), 1, "a reading takes room like an attempt");
    bench.found(3, &reading, Some(Found::Applied)).await;
    assert_eq!(bench.device().await.0, DeviceState::Succeeded);
    assert_eq!(bench.holder().await, None, "another rollout may have it now");
    assert_eq!(state(&bench.driver, &bench.name).await.0, RolloutState::Failed, "it ended as it ended");
    assert_eq!(bench.blocked_on().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_persons_word_settles_a_doubt_and_needs_a_reason_and_a_doubt() {
    let mut bench = Bench::new(SPEC).await;
    bench.agent.report(&bench.driver, 1, &bench.op.clone(), Class::LostAfterWrite).await;
    assert_eq!(bench.device().await.0, DeviceState::Unknown);
    assert!(bench.blocked_on().await[0].contains("no `ssh.read`"), "{:?}", bench.blocked_on().await);
    let unreadable = bench.reconcile(read_again()).await.unwrap_err();
    assert!(unreadable.to_string().contains("--as succeeded"), "{unreadable}");
    let word = Reconcile { word: Some(Word::Succeeded), ..read_again() };
    assert!(matches!(bench.reconcile(word.clone()).await, Err(Refused::BadRequest { .. })));
    let word = Reconcile { reason: "looked at it".into(), request_id: "r1".into(), ..word };
    assert_eq!(bench.reconcile(word.clone()).await.unwrap(), 1);
    assert_eq!(bench.device().await, (DeviceState::Succeeded, "looked at it".to_owned()));
    assert_eq!(bench.holder().await, None);
    assert_eq!(bench.reconcile(word.clone()).await.unwrap(), 1, "the same request, the same answer");
    bench.driver = bench.restarted().await;
    assert_eq!(bench.reconcile(word.clone()).await.unwrap(), 1, "also after a restart");
    let again = Reconcile { request_id: String::new(), ..word };
    assert!(matches!(bench.reconcile(again).await, Err(Refused::NotFound { .. })), "nobody is in doubt");
}

#[tokio::test]
async fn a_reconcile_that_names_a_device_without_a_doubt_changes_nothing() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    let name = rollout_by(&driver, INVENTORY, SPEC, "request-1").await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    let op = agent.ops().await.remove(0);
    agent.report(&driver, 1, &op, Class::LostAfterWrite).await;
    let asked = Reconcile {
        rollout: name.to_string(),
        devices: vec!["a".into(), "b".into()],
        word: Some(Word::Failed),
        reason: "looked".into(),
        ..Reconcile::default()
    };
    let refused = driver.ask(move |world, turn| world.reconcile_devices(&asked, turn)).await;
    assert!(matches!(refused, Err(Refused::NotSettled(_))), "{refused:?}");
    let unknown = driver.ask(move |world, _| Ok(world.rollouts[&name].rollout.counts.unknown)).await;
    assert_eq!(unknown.unwrap(), 1);
}

#[tokio::test]
async fn a_forced_abort_gives_up_what_is_in_flight_at_agents_that_are_away_and_the_late_result_is_the_truth()
{
    let mut bench = Bench::new(SPEC).await;
    assert_eq!(bench.forced_abort().await, Vec::<String>::new(), "its agent is there and will report");
    assert_eq!(bench.device().await.0, DeviceState::Running);
    bench.driver.close_session(bench.agent.session).await;
    assert_eq!(bench.forced_abort().await, ["a"]);
    assert_eq!(bench.device().await, (DeviceState::Unknown, "its machine is gone".to_owned()));
    assert_eq!(state(&bench.driver, &bench.name).await.0, RolloutState::Aborted);
    assert_eq!(bench.holder().await, Some(bench.name.clone()));
    bench.agent = connect(&bench.driver, "one", hello(vec![bench.op.clone()])).await.unwrap();
    bench.agent.report(&bench.driver, 1, &bench.op.clone(), Class::Ok).await;
    bench.agent.ack().await;
    assert_eq!(bench.device().await.0, DeviceState::Succeeded);
    assert_eq!(bench.holder().await, None);
}

#[tokio::test]
async fn an_ended_rollouts_device_that_its_agent_never_started_is_said_to_be_untouched() {
    let mut bench = Bench::new(SPEC).await;
    bench.driver.close_session(bench.agent.session).await;
    bench.forced_abort().await;
    bench.agent = connect(&bench.driver, "one", hello(vec![])).await.unwrap();
    assert_eq!(bench.device().await.0, DeviceState::Skipped);
    assert_eq!(bench.holder().await, None);
}

#[tokio::test]
async fn a_rollout_that_waits_for_a_device_in_doubt_says_so_with_the_command() {
    let mut bench = Bench::new(&readable()).await;
    bench.ended_in_doubt().await;
    bench.driver.deliver(bench.agent.session, FromAgent::Credit(99)).await.unwrap();
    let other = SPEC.replace("name: test", "name: other");
    bench.name = rollout_by(&bench.driver, ONE, &other, "request-2").await;
    bench.driver.ask(|_, _| Ok(())).await.unwrap();
    let lines = bench.blocked_on().await;
    let says = |text: &str| lines.iter().any(|line| line.contains(text));
    assert!(says("held by rollouts/test, which has ended"), "{lines:?}");
    assert!(says("switchyard device reconcile a"), "{lines:?}");
}

#[tokio::test]
async fn a_persons_word_on_a_doubt_ends_the_quarantine_of_its_device_and_a_wish_to_read_does_not() {
    let mut bench = Bench::new(&readable()).await;
    bench.ended_in_doubt().await;
    let name = switchyard_shared::breaker::Name::parse("device/a").unwrap();
    let closed = Report::closed(name.clone(), SiteName::new("lab").ok(), Timestamp(0));
    let open = Report { state: switchyard_shared::breaker::State::Open, ..closed };
    bench.driver.deliver(bench.agent.session, FromAgent::Breaker(open)).await.unwrap();
    bench.driver.ask(|_, _| Ok(())).await.unwrap();
    let resets = |agent: &mut Agent| {
        let heard = std::iter::from_fn(|| agent.inbox.try_recv().ok());
        let resets = heard.filter_map(|message| match message {
            FromCoordinator::Breaker { name, action: BreakerAction::Reset, by, reason } => {
                Some((name, by, reason))
            }
            FromCoordinator::Breaker { .. }
            | FromCoordinator::Welcome(_)
            | FromCoordinator::HeartbeatReply(_)
            | FromCoordinator::Ack(_)
            | FromCoordinator::Assignment(_)
            | FromCoordinator::Cancel { .. }
            | FromCoordinator::Site(_) => None,
        });
        resets.collect::<Vec<_>>()
    };
    bench.reconcile(read_again()).await.unwrap();
    bench.driver.ask(|_, _| Ok(())).await.unwrap();
    assert_eq!(resets(&mut bench.agent), [], "a reading passes a quarantine by itself");
    let word = Reconcile { word: Some(Word::Failed), reason: "looked at it".into(), ..read_again() };
    bench.reconcile(word).await.unwrap();
    bench.driver.ask(|_, _| Ok(())).await.unwrap();
    assert_eq!(resets(&mut bench.agent), [(name, "anna".to_owned(), "looked at it".to_owned())]);
}

#[tokio::test]
async fn an_agent_that_calls_again_and_again_and_hears_nothing_changes_no_doubt_until_it_hears() {
    let mut bench = Bench::new(&readable()).await;
    bench.agent.report(&bench.driver, 1, &bench.op, Class::LostAfterWrite).await;
    assert_eq!(bench.agent.ack().await, 1);
    bench.driver.close_session(bench.agent.session).await;
    for _ in 0..2 {
        bench.clock.wait(Duration::from_secs(3600));
        bench.driver.ask(|_, _| Ok(())).await.unwrap();
    }
    let waits = bench.device().await;
    assert!(waits.1.contains("could be reached"), "{waits:?}");
    for _ in 0..3 {
        bench.agent = connect(&bench.driver, "one", hello(vec![])).await.unwrap();
        assert_eq!(bench.device().await, waits, "a Hello alone proves nothing");
    }
    bench.driver.deliver(bench.agent.session, FromAgent::Credit(9)).await.unwrap();
    assert_eq!(bench.agent.ops().await.len(), 1, "it is read");
}
