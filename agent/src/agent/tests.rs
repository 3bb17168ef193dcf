//! A whole agent with its real journal, a scripted executor and a coordinator in memory.

use super::*;
use crate::clock::SystemClock;
use crate::executor::AttemptContext;
use crate::session::fake::{Peer, fake_coordinator};
use futures_util::future::BoxFuture;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchyard_proto::convert::link::{
    Assignment, BreakerAction, FromAgent, FromCoordinator, Hello, Welcome,
};
use switchyard_shared::breaker::{Name, State as BreakerState};
use switchyard_shared::id::{AgentName, DeviceName, OpId, RolloutName, SiteName};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::task::{BreakerSettings, Endpoint, PoolSettings, Task, Timeouts, Work};
use switchyard_shared::time::Timestamp;

/// Begins to write and then hangs, or answers at once.
struct Writer {
    hang: bool,
    writes: AtomicUsize,
}

impl Writer {
    fn new(hang: bool) -> Arc<Self> {
        Arc::new(Self { hang, writes: AtomicUsize::new(0) })
    }

    fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }
}

impl Executor for Writer {
    fn attempt<'a>(
        &'a self,
        _task: &'a Task,
        context: &'a dyn AttemptContext,
        _cancel: CancellationToken,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            context.open_write_gate(None).await.unwrap();
            self.writes.fetch_add(1, Ordering::SeqCst);
            if self.hang {
                std::future::pending::<()>().await;
            }
            Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "", Timestamp(0))
        })
    }
}

fn op() -> OpId {
    OpId { rollout: RolloutName::new("ntp").unwrap(), device: DeviceName::new("r1").unwrap(), attempt: 1 }
}

fn assignment() -> FromCoordinator {
    let task = Task {
        op: op(),
        endpoint: Endpoint {
            hostname: "127.0.0.1".into(),
            port: 22,
            username: "admin".into(),
            credential_ref: "env:X".into(),
            host_keys: vec!["SHA256:x".into()],
            ssh: Default::default(),
            tls: Default::default(),
        },
        work: Work::command("configure", None),
        purpose: Default::default(),
        configuration: b"x".as_slice().into(),
        timeouts: Timeouts { connect: Duration::from_secs(5), command: Duration::from_secs(60) },
        breakers: BreakerSettings::default(),
        pools: PoolSettings::default(),
    };
    FromCoordinator::Assignment(Assignment { tasks: vec![task], unusable: vec![] })
}

struct Running {
    agent: AgentHandle,
    sessions: mpsc::Receiver<Peer>,
    shutdown: CancellationToken,
}

fn start(data: &Path, executor: Arc<Writer>) -> Result<Running, StartError> {
    let (connector, sessions) = fake_coordinator(None);
    let shutdown = CancellationToken::new();
    let config = Config::new(SiteName::new("lon").unwrap(), data);
    let agent = Agent::start(config, connector, executor, SystemClock::shared(), shutdown.clone())?;
    Ok(Running { agent, sessions, shutdown })
}

impl Running {
    async fn greet(&mut self, acked_sequence: u64) -> (Peer, Hello) {
        let mut peer = self.sessions.recv().await.unwrap();
        let FromAgent::Hello(hello) = peer.hear().await else { panic!("hello first") };
        peer.say(FromCoordinator::Welcome(Welcome {
            site_epoch: 1,
            coordinator_epoch: 1,
            acked_sequence,
            heartbeat_interval: Duration::from_secs(2),
            lease: Duration::from_secs(3600),
            site: SiteName::new("lon").unwrap(),
            agent: AgentName::new("lon").unwrap(),
            results_at_once: 0,
        }))
        .await;
        (peer, hello)
    }
}

async fn credit(peer: &mut Peer) {
    while !matches!(peer.hear().await, FromAgent::Credit(_)) {}
}

async fn result(peer: &mut Peer) -> (u64, OpId, Outcome) {
    loop {
        if let FromAgent::Result { sequence, op, outcome } = peer.hear().await {
            return (sequence, op, outcome);
        }
    }
}

/// The data folder as a killed process leaves it.
fn as_if_killed(data: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    RealFs.create_dirs(&copy.path().join("journal")).unwrap();
    for name in RealFs.list(&data.join("journal")).unwrap() {
        let bytes = RealFs.read(&data.join("journal").join(&name), 1 << 30).unwrap();
        RealFs.create(&copy.path().join("journal").join(&name)).unwrap().append(&bytes).unwrap();
    }
    copy
}

#[tokio::test]
async fn killed_after_it_began_to_write_it_says_so_and_never_writes_again() {
    let data = tempfile::tempdir().unwrap();
    let before = Writer::new(true);
    let mut first = start(data.path(), before.clone()).unwrap();
    let (mut peer, hello) = first.greet(0).await;
    assert_eq!(hello.in_hand, []);
    credit(&mut peer).await;
    peer.say(assignment()).await;
    while before.writes() == 0 {
        tokio::task::yield_now().await;
    }
    let killed = as_if_killed(data.path());

    let after = Writer::new(false);
    let mut second = start(killed.path(), after.clone()).unwrap();
    for _ in 0..2 {
        let (mut peer, hello) = second.greet(0).await;
        assert_eq!(hello.in_hand, [op()]);
        let (sequence, reported, outcome) = result(&mut peer).await;
        assert_eq!((sequence, reported, outcome.class), (1_000_001, op(), Class::Inconclusive));
        assert_eq!((outcome.phase, outcome.left_as), (Phase::Write, LeftAs::Unknown));
        credit(&mut peer).await;
        peer.say(assignment()).await;
        assert_eq!(result(&mut peer).await.0, 1_000_001, "the answer is the same result");
    }
    let (mut peer, _) = second.greet(1_000_001).await;
    credit(&mut peer).await;
    assert_eq!(after.writes(), 0);
}

#[tokio::test]
async fn a_result_outlives_the_agent_until_it_is_acknowledged() {
    let data = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let executor = Writer::new(false);
        let mut running = start(data.path(), executor.clone()).unwrap();
        let (mut peer, hello) = running.greet(if round == 2 { 1 } else { 0 }).await;
        assert_eq!(hello.in_hand.len(), usize::from(round > 0), "round {round}");
        if round == 0 {
            credit(&mut peer).await;
            peer.say(assignment()).await;
        }
        if round < 2 {
            let (sequence, _, outcome) = result(&mut peer).await;
            assert_eq!((sequence, outcome.class), (1, Class::Ok));
        }
        if round == 2 {
            credit(&mut peer).await;
        }
        assert_eq!(executor.writes(), usize::from(round == 0));
        drop(peer);
        running.shutdown.cancel();
        running.agent.ended().await.unwrap();
    }
    let mut running = start(data.path(), Writer::new(false)).unwrap();
    assert_eq!(running.greet(1).await.1.acked_sequence, 1);
}

#[tokio::test]
async fn a_second_agent_on_the_same_folder_does_not_start() {
    let data = tempfile::tempdir().unwrap();
    let first = start(data.path(), Writer::new(false)).unwrap();
    assert!(matches!(start(data.path(), Writer::new(false)), Err(StartError::Lock(_))));
    first.shutdown.cancel();
    first.agent.ended().await.unwrap();
    start(data.path(), Writer::new(false)).unwrap();
}

#[tokio::test]
async fn an_operators_trip_outlives_the_agent() {
    let data = tempfile::tempdir().unwrap();
    let state = async |peer: &mut Peer| loop {
        if let FromAgent::Breaker(report) = peer.hear().await {
            return report;
        }
    };
    let mut first = start(data.path(), Writer::new(false)).unwrap();
    let (mut peer, _) = first.greet(0).await;
    assert_eq!(state(&mut peer).await.state, BreakerState::Closed);
    let name = Name::parse("site/lon").unwrap();
    let (by, reason) = ("ann".into(), "works on the fibre".into());
    peer.say(FromCoordinator::Breaker { name, action: BreakerAction::Trip, by, reason }).await;
    assert_eq!(state(&mut peer).await.state, BreakerState::ForcedOpen);
    drop(peer);
    first.shutdown.cancel();
    first.agent.ended().await.unwrap();
    let mut second = start(data.path(), Writer::new(false)).unwrap();
    let (mut peer, _) = second.greet(0).await;
    let report = state(&mut peer).await;
    assert_eq!((report.state, report.by.as_str()), (BreakerState::ForcedOpen, "ann"));
    assert_eq!(report.reason, "works on the fibre");
}
