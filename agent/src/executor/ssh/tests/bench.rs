//! A simulated device, a task for it, and a write gate that tests can shut.

use crate::clock::SystemClock;
use crate::executor::ssh::SshExecutor;
use crate::executor::{AttemptContext, Executor, GateRefused, Hearing};
use crate::secrets::SiteKey;
use crate::simulator::{Event, Fleet, FleetConfig, Kind, Mode, Ranges};
use futures_util::future::BoxFuture;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use switchyard_shared::id::{DeviceName, OpId, RolloutName};
use switchyard_shared::outcome::{Class, Outcome, Phase};
use switchyard_shared::ssh::HostKey;
use switchyard_shared::task::{BreakerSettings, Endpoint, PoolSettings, Task, Timeouts, Work};
use tokio_util::sync::CancellationToken;

/// Counts openings; refuses when told to.
#[derive(Default)]
pub(super) struct Gate {
    pub(super) refuse: Option<GateRefused>,
    pub(super) opened: AtomicUsize,
    pub(super) answered: AtomicUsize,
    pub(super) ways_lost: AtomicUsize,
    pub(super) hearing: OnceLock<Arc<Hearing>>,
    pub(super) phases: Mutex<Vec<Phase>>,
    pub(super) befores: Mutex<Vec<Option<String>>>,
    pub(super) diffs: Mutex<Vec<String>>,
    pub(super) keys: Mutex<Vec<HostKey>>,
}

impl AttemptContext for Gate {
    fn progress(&self, phase: Phase) {
        self.phases.lock().expect("no test panics with it").push(phase);
    }

    fn answered(&self, _accepted: bool) {
        self.answered.fetch_add(1, Ordering::SeqCst);
    }

    fn way_lost(&self) {
        self.ways_lost.fetch_add(1, Ordering::SeqCst);
    }

    fn differs(&self, diff: String) {
        self.diffs.lock().expect("no test panics with it").push(diff);
    }

    fn shows(&self, keys: Vec<HostKey>) {
        *self.keys.lock().expect("no test panics with it") = keys;
    }

    fn hearing(&self) -> Option<Arc<Hearing>> {
        Some(self.hearing.get_or_init(|| Arc::new(Hearing::new(SystemClock::shared()))).clone())
    }

    fn open_write_gate(&self, before: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        self.befores.lock().expect("no test panics with it").push(before);
        self.opened.fetch_add(1, Ordering::SeqCst);
        let answer = self.refuse.clone().map_or(Ok(()), Err);
        Box::pin(async move { answer })
    }
}

/// A task for nobody, with deadlines that no test reaches.
pub(in crate::executor::ssh) fn task() -> Task {
    let op = OpId {
        rollout: RolloutName::new("ntp").expect("a name"),
        device: DeviceName::new("dev001").expect("a name"),
        attempt: 1,
    };
    let endpoint = Endpoint {
        hostname: "127.0.0.1".into(),
        port: 22,
        username: "netops".into(),
        credential_ref: "file:key".into(),
        host_keys: vec![],
        ssh: Default::default(),
        tls: Default::default(),
    };
    let long = Duration::from_secs(20);
    Task {
        op,
        endpoint,
        work: Work::command("configure-from-stdin", None),
        purpose: Default::default(),
        configuration: b"ntp server 192.0.2.1\n"[..].into(),
        timeouts: Timeouts { connect: long, command: long },
        breakers: BreakerSettings::default(),
        pools: PoolSettings::default(),
    }
}

/// One device and an executor for it.
pub(super) struct Bench {
    pub(super) fleet: Fleet,
    pub(super) executor: SshExecutor,
    pub(super) task: Task,
    pub(super) gate: Gate,
    pub(super) folder: tempfile::TempDir,
}

impl Bench {
    pub(super) async fn new(mode: Mode) -> Self {
        Self::with(mode, |_| {}).await
    }

    pub(super) async fn with(mode: Mode, change: impl FnOnce(&mut FleetConfig)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = FleetConfig::new(folder.path(), 1);
        change(&mut config);
        let fleet = Fleet::start(config).await.expect("a fleet");
        fleet.set_mode(mode, &Ranges::of(1..=1)).await.expect("the mode");
        let address = fleet.address(1).expect("a device");
        let mut task = task();
        task.endpoint = Endpoint {
            hostname: address.ip().to_string(),
            port: address.port(),
            username: fleet.username().into(),
            credential_ref: fleet.credential_ref().into(),
            host_keys: vec![fleet.host_key().into()],
            ssh: Default::default(),
            tls: Default::default(),
        };
        let executor = SshExecutor::new(folder.path(), SystemClock::shared());
        Self { fleet, executor, task, gate: Gate::default(), folder }
    }

    /// The digest of what a device says, as this agent makes it.
    pub(super) fn digest(&self, said: &[u8]) -> String {
        SiteKey::of(self.folder.path()).digest(&switchyard_shared::readback::said(said))
    }

    pub(super) async fn attempt(&self) -> Outcome {
        self.attempt_until(CancellationToken::new()).await
    }

    pub(super) async fn attempt_until(&self, cancel: CancellationToken) -> Outcome {
        let attempt = self.executor.attempt(&self.task, &self.gate, cancel);
        let outcome = tokio::time::timeout(Duration::from_secs(60), attempt).await;
        let outcome = outcome.expect("an attempt ends by itself");
        assert!(outcome.finished_at >= outcome.started_at);
        assert!(!outcome.message.is_empty() && !outcome.message.contains('\n'), "{outcome:?}");
        let explained =
            [Class::Ok, Class::Unchanged, Class::Cancelled, Class::AgentError].contains(&outcome.class);
        assert!(explained || !outcome.hint.is_empty(), "{outcome:?}");
        outcome
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        let ledger: Vec<Event> = self.fleet.ledger("dev001").expect("a ledger");
        ledger.iter().filter(|event| event.event == kind).count()
    }

    pub(super) fn answers(&self) -> usize {
        self.gate.answered.load(Ordering::SeqCst)
    }

    pub(super) fn gates_opened(&self) -> usize {
        self.gate.opened.load(Ordering::SeqCst)
    }

    /// Puts a file into the agent's data folder and names it.
    #[expect(clippy::disallowed_methods, reason = "a test's own folder")]
    pub(super) fn put(&self, name: &str, text: &str) -> String {
        std::fs::write(self.folder.path().join(name), text).expect("a file");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(self.folder.path().join(name), private).expect("a mode");
        format!("file:{name}")
    }
}
