//! The promises of the driver, with a store in memory and agents played by the test.

use super::*;
use crate::clock::SystemClock;
use crate::refused::Refused;
use crate::store::memory::MemoryStore;
use crate::store::{Answer, Batch, StoredEvent};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use switchyard_proto::convert::link::{BreakerAction, FromAgent, FromCoordinator, Hello, Reported};
use switchyard_shared::breaker::Report;
use switchyard_shared::id::{AgentName, OpId, RolloutName, SiteName};
use switchyard_shared::inventory::Inventory;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::plan::{PlanInput, build};
use switchyard_shared::rollout::RolloutState;
use switchyard_shared::spec::RolloutSpec;
use switchyard_shared::task::SiteSettings;
use tokio::sync::mpsc;

const INVENTORY: &str = "api_version: switchyard/v1\nkind: Inventory\ndefaults: {username: u, credential_ref: \"env:K\", host_keys: [\"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"]}\nsites: {lab: {}, far: {}}\ndevices:\n  a: {hostname: 127.0.0.1, site: lab}\n  b: {hostname: 127.0.0.2, site: lab}\n  c: {hostname: 127.0.0.3, site: lab}\n";
const SPEC: &str = "api_version: switchyard/v1\nkind: Rollout\nmetadata: {name: test}\nspec:\n  change: {ssh: {command: load}, templates: {default: t}}\n  strategy: {order: listed}\n";

/// What a store reads that only writes in its own way.
macro_rules! reads_its_inner_store {
    () => {
        fn read(&self, stream: &str, version: u64) -> Answer<'_, Vec<StoredEvent>> {
            self.inner.read(stream, version)
        }
        fn read_all(&self, sequence: u64) -> Answer<'_, Vec<StoredEvent>> {
            self.inner.read_all(sequence)
        }
        fn document(&self, kind: &'static str, id: &str) -> Answer<'_, Option<Vec<u8>>> {
            self.inner.document(kind, id)
        }
        fn documents(&self, kind: &'static str) -> Answer<'_, Vec<(String, Vec<u8>)>> {
            self.inner.documents(kind)
        }
        fn streams(&self) -> Answer<'_, Vec<String>> {
            self.inner.streams()
        }
        fn ids(&self, kind: &'static str) -> Answer<'_, Vec<String>> {
            self.inner.ids(kind)
        }
    };
}

/// A store that can be told to fail.
#[derive(Default)]
struct Fragile {
    inner: MemoryStore,
    broken: AtomicBool,
}

impl Store for Fragile {
    fn append(&self, batch: Batch) -> Answer<'_, ()> {
        if self.broken.load(Ordering::SeqCst) {
            return Box::pin(async {
                Err(StoreError::Failed { place: "test".into(), cause: "full".into() })
            });
        }
        self.inner.append(batch)
    }
    reads_its_inner_store!();
}

/// A clock that the test moves.
#[derive(Default)]
struct Hand(AtomicI64);

impl Hand {
    fn wait(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

async fn started(store: &Arc<Fragile>) -> Driver {
    start(store.clone(), SystemClock::shared(), CancellationToken::new()).await.unwrap().0
}

async fn rollout(driver: &Driver) -> RolloutName {
    rollout_of(driver, INVENTORY).await
}

async fn rollout_of(driver: &Driver, inventory: &str) -> RolloutName {
    rollout_by(driver, inventory, SPEC, "request-1").await
}

async fn rollout_by(driver: &Driver, inventory: &str, spec: &str, request: &'static str) -> RolloutName {
    let inventory = Inventory::parse(inventory, "i").unwrap();
    let spec = RolloutSpec::parse(spec, "s").unwrap();
    let (files, vars) = (BTreeMap::from([("t".to_owned(), b"x".to_vec())]), BTreeMap::new());
    let now = Timestamp(0);
    let input =
        PlanInput { spec: &spec, inventory: &inventory, files: &files, vars: &vars, created_by: "t", now };
    let planned = build(input).unwrap();
    driver
        .ask(move |world, turn| {
            world.import(inventory, turn);
            let plan = world.store_plan(planned.plan, planned.configs, turn);
            world.create_rollout(plan.name.as_str(), "", "tester", request, false, turn)
        })
        .await
        .unwrap()
}

fn peer(agent: &str, site: &SiteName) -> AgentPeer {
    let (agent, site) = (AgentName::new(agent).unwrap(), site.clone());
    AgentPeer { agent, site, address: "127.0.0.1:1".into() }
}

fn lab() -> SiteName {
    SiteName::new("lab").unwrap()
}

fn hello(in_hand: Vec<OpId>) -> Hello {
    let (site, version) = (SiteName::new("lab").unwrap(), "1".into());
    Hello {
        site_epoch: 1,
        last_sequence: None,
        site,
        version,
        in_hand,
        acked_sequence: 0,
        coordinator_epoch: 0,
        max_in_flight: 64,
        journal_id: "j".into(),
        former_journal_ids: Vec::new(),
        left_out: Vec::new(),
        calls_off_comparisons: true,
    }
}

struct Agent {
    session: u64,
    inbox: mpsc::Receiver<FromCoordinator>,
}

async fn connect(driver: &Driver, name: &str, hello: Hello) -> Result<Agent, Refused> {
    let (messages, inbox) = mpsc::channel(64);
    let outbox = Outbox { messages, close: CancellationToken::new() };
    let opened = driver.open_session(peer(name, &lab()), hello, outbox).await?;
    Ok(Agent { session: opened.session, inbox })
}

impl Agent {
    /// What never comes fails the test instead of keeping it.
    async fn next(&mut self) -> FromCoordinator {
        let next = tokio::time::timeout(Duration::from_secs(30), self.inbox.recv()).await;
        next.expect("the coordinator has something to say").expect("the session is open")
    }

    async fn ops(&mut self) -> Vec<OpId> {
        loop {
            match self.next().await {
                FromCoordinator::Assignment(work) => {
                    return work.tasks.into_iter().map(|task| task.op).collect();
                }
                FromCoordinator::Welcome(_)
                | FromCoordinator::HeartbeatReply(_)
                | FromCoordinator::Ack(_)
                | FromCoordinator::Cancel { .. }
                | FromCoordinator::Site(_)
                | FromCoordinator::Breaker { .. } => {}
            }
        }
    }

    async fn greeted(&mut self) -> SiteSettings {
        assert!(matches!(self.inbox.recv().await, Some(FromCoordinator::Welcome(_))));
        match self.inbox.recv().await {
            Some(FromCoordinator::Site(settings)) => settings,
            other => panic!("not the site's settings: {other:?}"),
        }
    }

    async fn ack(&mut self) -> u64 {
        loop {
            if let FromCoordinator::Ack(sequence) = self.next().await {
                return sequence;
            }
        }
    }

    fn nothing_waits(&mut self) -> bool {
        self.inbox.try_recv().is_err()
    }

    async fn report(&self, driver: &Driver, sequence: u64, op: &OpId, class: Class) {
        let outcome = Outcome::new(class, Phase::Write, LeftAs::Changed, "done", Timestamp(0));
        driver.deliver(self.session, FromAgent::Result { sequence, op: op.clone(), outcome }).await.unwrap();
    }
}

async fn state(driver: &Driver, name: &RolloutName) -> (RolloutState, u32, u32) {
    let name = name.to_string();
    let look = move |world: &mut World, _: &mut Turn| {
        let rollout = &world.rollout(&name)?.rollout;
        Ok((rollout.state, rollout.counts.succeeded, rollout.counts.running))
    };
    driver.ask_about(look).await.unwrap()
}

#[tokio::test]
async fn an_agent_is_never_sent_more_than_its_credit() {
    let driver = started(&Arc::default()).await;
    let name = rollout(&driver).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    assert_eq!(state(&driver, &name).await.2, 0, "no credit, no work");
    driver.deliver(agent.session, FromAgent::Credit(2)).await.unwrap();
    let first = agent.ops().await;
    assert_eq!(first.len(), 1, "the evidence sets the pace");
    agent.report(&driver, 1, &first[0], Class::Ok).await;
    assert_eq!(agent.ops().await.len(), 1);
    assert_eq!(state(&driver, &name).await, (RolloutState::Running, 1, 1));
    assert!(agent.nothing_waits());
}

#[tokio::test]
async fn a_site_takes_no_more_than_its_pool_in_the_inventory_also_after_a_restart() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    let limited = INVENTORY.replace("lab: {}", "lab: {pools: {max_in_flight: 1}}");
    rollout_of(&driver, &limited).await;
    for driver in [driver, started(&store).await] {
        let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
        driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
        assert_eq!(agent.ops().await.len(), 1);
    }
}

#[tokio::test]
async fn a_result_is_acknowledged_only_when_it_is_durable() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    rollout(&driver).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    let op = agent.ops().await.remove(0);
    store.broken.store(true, Ordering::SeqCst);
    agent.report(&driver, 1, &op, Class::Ok).await;
    let mut rest = Vec::new();
    while let Some(message) = agent.inbox.recv().await {
        rest.push(message);
    }
    assert_eq!(rest, [], "the coordinator stops without a word that is not durable");
}

#[tokio::test]
async fn the_same_result_again_is_acknowledged_and_counts_once() {
    let driver = started(&Arc::default()).await;
    let name = rollout(&driver).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(3)).await.unwrap();
    let ops = agent.ops().await;
    for _ in 0..2 {
        agent.report(&driver, 1, &ops[0], Class::Ok).await;
        assert_eq!(agent.ack().await, 1);
    }
    assert_eq!(state(&driver, &name).await.1, 1);
}

#[tokio::test]
async fn after_a_restart_the_rollout_goes_on_and_what_the_agent_has_in_hand_is_not_sent_again() {
    let store: Arc<Fragile> = Arc::default();
    let (driver, running) =
        start(store.clone(), SystemClock::shared(), CancellationToken::new()).await.unwrap();
    let name = rollout(&driver).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(3)).await.unwrap();
    let first = agent.ops().await.remove(0);
    agent.report(&driver, 1, &first, Class::Ok).await;
    let ops = agent.ops().await;
    running.abort();
    let driver = started(&store).await;
    assert_eq!(state(&driver, &name).await, (RolloutState::Running, 1, 2));
    let mut agent = connect(&driver, "one", hello(vec![ops[0].clone()])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    let again = agent.ops().await;
    let said: Vec<String> = again.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["test/c/2"], "c was never started and comes as a new attempt");
    agent.report(&driver, 2, &ops[0], Class::Ok).await;
    agent.report(&driver, 3, &again[0], Class::Ok).await;
    state(&driver, &name).await;
    assert_eq!(state(&driver, &name).await, (RolloutState::Succeeded, 3, 0), "one turn later");
}

#[tokio::test]
async fn a_site_has_one_agent_and_a_restored_backup_is_noticed() {
    let driver = started(&Arc::default()).await;
    rollout(&driver).await;
    let mut first = connect(&driver, "one", hello(vec![])).await.unwrap();
    let second = connect(&driver, "two", hello(vec![])).await;
    assert!(matches!(second, Err(Refused::SiteTaken { .. })));
    driver.deliver(first.session, FromAgent::Credit(1)).await.unwrap();
    first.ops().await;
    driver.close_session(first.session).await;
    let heir = connect(&driver, "two", hello(vec![])).await;
    assert!(matches!(heir, Err(Refused::SiteTaken { .. })), "only the first one can report its device");
    let ahead = Hello { acked_sequence: 7, ..hello(vec![]) };
    assert!(matches!(connect(&driver, "one", ahead).await, Err(Refused::RestoredBackup { .. })));
    let told = driver.ask(|world, turn| {
        let rollouts = world.rollouts.live_names();
        let active = world.rollouts.get(&rollouts[0]).unwrap();
        Ok((world.blocked_on(active, turn.now), world.is_ahead(&AgentName::new("one").unwrap())))
    });
    let (blocked, refused) = told.await.unwrap();
    let [line] = &blocked[..] else { panic!("nothing else matters now: {blocked:?}") };
    assert!(refused && line.contains("agents/one at lab") && line.contains("adopt-epoch"), "{line}");
    let elsewhere = Hello { site: SiteName::new("far").unwrap(), ..hello(vec![]) };
    assert!(matches!(connect(&driver, "one", elsewhere).await, Err(Refused::OtherSite(_))));
}

#[tokio::test]
async fn the_same_request_gives_the_same_rollout() {
    let driver = started(&Arc::default()).await;
    let name = rollout(&driver).await;
    let again = driver.ask(|world, turn| {
        let plan = world.plan_names().next().unwrap().to_string();
        world.create_rollout(&plan, "", "tester", "request-1", false, turn)
    });
    assert_eq!(again.await.unwrap(), name);
}

#[tokio::test]
async fn a_breaker_held_open_by_hand_survives_the_agent_and_is_told_again() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    rollout(&driver).await;
    let name = switchyard_shared::breaker::Name::parse("site/lab").unwrap();
    let tripped = name.clone();
    driver
        .ask(move |world, turn| world.command_breaker(&tripped, BreakerAction::Trip, "anna", "fibre", turn))
        .await
        .unwrap();
    for driver in [driver, started(&store).await] {
        let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
        agent.greeted().await;
        let told = agent.inbox.recv().await;
        assert!(matches!(&told, Some(FromCoordinator::Breaker { name: of, .. }) if *of == name), "{told:?}");
        driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
        let closed = Report::closed(name.clone(), SiteName::new("lab").ok(), Timestamp(0));
        driver.deliver(agent.session, FromAgent::Breaker(closed)).await.unwrap();
        driver.ask(|_, _| Ok(())).await.unwrap();
        assert!(agent.nothing_waits(), "a restarted agent's word does not close it");
    }
}

#[tokio::test]
async fn an_agent_that_was_away_hears_of_the_abort_when_it_comes_back() {
    let driver = started(&Arc::default()).await;
    let name = rollout(&driver).await.to_string();
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    let ops = agent.ops().await;
    driver.close_session(agent.session).await;
    let (by, reason, etag) = ("anna".to_owned(), "enough".to_owned(), String::new());
    let steer = Steer { name, verb: Verb::Abort, by, reason, etag };
    driver.ask(move |world, turn| world.steer(&steer, turn)).await.unwrap();
    let mut agent = connect(&driver, "one", hello(ops)).await.unwrap();
    agent.greeted().await;
    assert!(matches!(agent.inbox.recv().await, Some(FromCoordinator::Cancel { .. })));
}

#[tokio::test]
async fn an_agent_that_lost_its_journal_leaves_doubt_and_nothing_is_sent_again() {
    let driver = started(&Arc::default()).await;
    rollout(&driver).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    let first = agent.ops().await;
    let other = Hello { journal_id: "another".into(), ..hello(vec![]) };
    let mut agent = connect(&driver, "one", other).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    assert!(agent.ops().await.iter().all(|op| op.device != first[0].device));
}

#[tokio::test]
async fn an_agent_on_an_older_copy_of_its_journal_leaves_doubt_and_nothing_is_sent_again() {
    let driver = started(&Arc::default()).await;
    rollout(&driver).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(2)).await.unwrap();
    let ops = agent.ops().await;
    agent.report(&driver, 1, &ops[0], Class::Ok).await;
    assert_eq!(agent.ack().await, 1);
    let second = agent.ops().await;
    let copy = Hello { last_sequence: Some(0), ..hello(vec![]) };
    let mut agent = connect(&driver, "one", copy).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    assert!(agent.ops().await.iter().all(|op| op.device != second[0].device));
}

#[tokio::test]
async fn a_copy_of_a_journal_with_an_open_intent_is_known_by_the_numbers_it_leaves_out() {
    let acked_within = |left_out| super::agents::is_older_copy(&Hello { left_out, ..hello(vec![]) }, 100);
    assert!(acked_within(vec![(51, 1_000_050)]), "what was acknowledged is not its own");
    assert!(!acked_within(vec![(51, 100)]), "it left out all that was acknowledged");
    assert!(!acked_within(vec![(101, 1_000_100)]));
}

#[tokio::test]
async fn a_clone_that_is_called_after_a_journal_in_use_is_not_believed_what_it_lacks() {
    let named = |id: &str, former: &str| Hello {
        journal_id: id.into(),
        former_journal_ids: vec![former.into()],
        ..hello(vec![])
    };
    let driver = started(&Arc::default()).await;
    rollout(&driver).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    let first = agent.ops().await;
    let mut copy = connect(&driver, "one", named("copy", "j")).await.unwrap();
    driver.deliver(copy.session, FromAgent::Credit(9)).await.unwrap();
    let second = copy.ops().await;
    assert!(second.iter().all(|op| op.device != first[0].device), "the first one may be writing it");
    let mut back = connect(&driver, "one", hello(first.clone())).await.unwrap();
    driver.close_session(back.session).await;
    let mut again = connect(&driver, "one", named("copy", "j")).await.unwrap();
    driver.deliver(again.session, FromAgent::Credit(9)).await.unwrap();
    driver.ask(|_, _| Ok(())).await.unwrap();
    while let Ok(message) = again.inbox.try_recv() {
        let FromCoordinator::Assignment(given) = message else { continue };
        let known = |task: &switchyard_shared::task::Task| {
            second.iter().chain(&first).any(|op| op.device == task.op.device)
        };
        assert!(!given.tasks.iter().any(known), "every second return is not believed either");
    }
    back.inbox.close();
}

mod abandoned;
mod away;
mod bad_input;
mod collecting;
mod comparing;
mod connecting;
mod doubts;
mod full;
mod once;
mod restore;
mod returns;
mod shared_sites;
mod sites;
mod standing;
mod stopping;
mod stops;
mod turns;
