//! NETCONF against the real server, whose own log and every byte said to it are the witnesses.

mod way_back;

use super::*;
use futures_util::future::BoxFuture;
use std::sync::Mutex;
use std::time::Duration;
use switchyard_agent::executor::executors::Executors;
use switchyard_agent::executor::{AttemptContext, Executor, GateRefused};
use switchyard_agent::secrets::Secrets;
use switchyard_shared::id::{DeviceName, OpId, RolloutName};
use switchyard_shared::outcome::{Class, Found, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::{Check, Expectation, Mode, Probe, Procedure, Transport};
use switchyard_shared::task::{BreakerSettings, Endpoint, PoolSettings, Purpose, Task, Timeouts, Work};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Words that can change a device, or keep others from it.
const WRITES: [&str; 8] = [
    "<edit-config",
    "<copy-config",
    "<delete-config",
    "<commit",
    "<cancel-commit",
    "<discard-changes",
    "<lock",
    "<unlock",
];
const FIRST: &str = "<system xmlns=\"urn:switchyard:test\"><hostname>r1</hostname><mtu>1500</mtu>\
    <interface><name>e1</name><description>to &lt;core&gt;</description><vlan>10</vlan></interface></system>";
const SECOND: &str = "<system xmlns=\"urn:switchyard:test\"><hostname>r2</hostname>\
    <interface><name>e2</name><vlan>20</vlan></interface></system>";

struct Bench {
    peer: Netconfd,
    executors: Arc<Executors>,
    procedure: Procedure,
    context: Arc<Context>,
    _dir: tempfile::TempDir,
}

/// Takes everything down, and tells in which phase the attempt is.
struct Context {
    phase: watch::Sender<Phase>,
    diff: Mutex<String>,
    before: Mutex<Option<String>>,
    at: Mutex<Option<(Phase, Arc<AtomicBool>)>>,
}

impl AttemptContext for Context {
    fn progress(&self, phase: Phase) {
        if let Some((at, flag)) = &*self.at.lock().expect("no panic")
            && *at == phase
        {
            flag.store(true, Ordering::SeqCst);
        }
        self.phase.send_replace(phase);
    }

    fn differs(&self, diff: String) {
        *self.diff.lock().expect("no panic") = diff;
    }

    fn open_write_gate(&self, before: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        *self.before.lock().expect("no panic") = before;
        Box::pin(async { Ok(()) })
    }
}

impl Bench {
    async fn new() -> Self {
        Self::with("candidate").await
    }

    async fn with(datastore: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let peer = Netconfd::start(dir.path(), datastore).await;
        let executors = Arc::new(
            Executors::new(dir.path(), Secrets::new(dir.path()), SystemClock::shared())
                .expect("a data folder"),
        );
        let context = Context {
            phase: watch::Sender::new(Phase::Queue),
            diff: Mutex::default(),
            before: Mutex::default(),
            at: Mutex::default(),
        };
        let procedure = Procedure::new(Transport::Netconf, "");
        Self { peer, executors, procedure, context: Arc::new(context), _dir: dir }
    }

    fn task(&self, attempt: u32, purpose: Purpose, configuration: &str) -> Task {
        let long = Duration::from_secs(20);
        Task {
            op: OpId {
                rollout: RolloutName::new("ntp").expect("a name"),
                device: DeviceName::new("r1").expect("a name"),
                attempt,
            },
            endpoint: Endpoint {
                hostname: self.peer.address().ip().to_string(),
                port: self.peer.address().port(),
                username: self.peer.user().into(),
                credential_ref: self.peer.credential_ref(),
                host_keys: vec![self.peer.host_key().into()],
                ssh: Default::default(),
                tls: Default::default(),
            },
            work: Work::Driver(Arc::new(self.procedure.clone())),
            purpose,
            configuration: configuration.as_bytes().into(),
            timeouts: Timeouts { connect: long, command: long },
            breakers: BreakerSettings::default(),
            pools: PoolSettings::default(),
        }
    }

    async fn attempt(&self, attempt: u32, purpose: Purpose, configuration: &str) -> Outcome {
        let task = self.task(attempt, purpose, configuration);
        self.executors.attempt(&task, &*self.context, CancellationToken::new()).await
    }

    async fn apply(&self, attempt: u32, configuration: &str) -> Outcome {
        self.attempt(attempt, Purpose::Apply, configuration).await
    }

    /// The same in a task of its own.
    fn started(&self, attempt: u32, configuration: &str) -> JoinHandle<Outcome> {
        let task = self.task(attempt, Purpose::Apply, configuration);
        let (executors, context) = (self.executors.clone(), self.context.clone());
        tokio::spawn(async move { executors.attempt(&task, &*context, CancellationToken::new()).await })
    }

    /// Waits without a word to the server: it looks at its clock only when nobody talks to it.
    fn until_it_takes_itself_back(&self) {
        wait::until("nobody has confirmed it", || {
            (self.peer.logged("Confirmed-commit timeout") == 1).then_some(())
        });
    }

    async fn settle(&self) -> Outcome {
        let before = self.context.before.lock().expect("no panic").clone();
        self.attempt(9, Purpose::Settle { before }, SECOND).await
    }

    /// A device that has [`FIRST`].
    async fn prepared() -> Self {
        let bench = Self::new().await;
        let outcome = bench.apply(1, FIRST).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
        bench
    }

    fn wrote(&self) -> [usize; 2] {
        ["agt_rpc: <edit-config>", "agt_rpc: <commit>"].map(|words| self.peer.logged(words))
    }
}

fn is(outcome: &Outcome, class: Class, phase: Phase, left_as: LeftAs) {
    assert_eq!((outcome.class, outcome.phase, outcome.left_as), (class, phase, left_as), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs netconfd: use tests/run"]
async fn a_comparison_shows_the_true_difference_and_not_one_writing_word_leaves() {
    let bench = Bench::prepared().await;
    let said = bench.peer.said().len();
    let outcome = bench.attempt(9, Purpose::Compare, SECOND).await;
    is(&outcome, Class::Ok, Phase::Read, LeftAs::Unchanged);
    let diff = bench.context.diff.lock().expect("no panic").clone();
    let lines: Vec<&str> = diff.lines().skip(3).filter(|line| line.starts_with(['+', '-'])).collect();
    assert_eq!(
        lines,
        [
            "-  <hostname>r1</hostname>",
            "+  <hostname>r2</hostname>",
            "+  <interface>",
            "+    <name>e2</name>",
            "+    <vlan>20</vlan>",
            "+  </interface>",
        ],
        "{diff}"
    );
    let settled = bench.settle().await;
    assert_eq!(settled.found, Some(Found::Different), "{settled:?}");
    let said = bench.peer.said().split_off(said);
    assert_eq!(said.matches("<get-config").count(), 2, "the recording works: {said}");
    assert!(WRITES.iter().all(|word| !said.contains(word)), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs netconfd: use tests/run"]
async fn a_change_is_made_once_and_the_second_time_nothing_is_written() {
    let bench = Bench::prepared().await;
    let mut other = bench.peer.other().await;
    let running = other.data("running").await;
    assert!(running.contains("<description>to &lt;core&gt;</description>"), "{running}");
    assert_eq!(bench.wrote(), [1, 2], "one edit, a commit until it is confirmed, its confirmation");
    assert!(bench.peer.said().contains("<persist>ntp/r1/1</persist>"));
    let again = bench.apply(2, FIRST).await;
    is(&again, Class::Unchanged, Phase::Read, LeftAs::Unchanged);
    assert_eq!(bench.wrote(), [1, 2]);
    assert_eq!(other.data("running").await, running);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs netconfd: use tests/run"]
async fn a_bad_value_is_rejected_and_neither_running_nor_candidate_keep_any_of_it() {
    let bench = Bench::prepared().await;
    let mut other = bench.peer.other().await;
    let running = other.data("running").await;
    let bad = "<system xmlns=\"urn:switchyard:test\"><hostname>r9</hostname><mtu>70000</mtu></system>";
    let outcome = bench.apply(2, bad).await;
    is(&outcome, Class::Rejected, Phase::Write, LeftAs::Unchanged);
    for word in ["invalid-value", "sw:mtu", "not in range"] {
        assert!(outcome.message.contains(word), "{}", outcome.message);
    }
    assert_eq!(other.data("running").await, running);
    assert_eq!(other.data("candidate").await, running);
    assert!(
        other.call("<lock><target><candidate/></target></lock>").await.contains("<ok/>"),
        "no lock is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs netconfd: use tests/run"]
async fn a_device_is_put_back_to_the_byte() {
    let mut bench = Bench::prepared().await;
    let mut other = bench.peer.other().await;
    let running = other.data("running").await;
    for (attempt, mode, configuration) in [(2, Mode::Merge, SECOND), (3, Mode::Replace, SECOND)] {
        bench.procedure.mode = mode;
        let outcome = bench.apply(attempt, configuration).await;
        is(&outcome, Class::Ok, Phase::Verify, LeftAs::Changed);
        let changed = other.data("running").await;
        assert_eq!(changed.contains("<name>e1</name>"), mode == Mode::Merge, "{changed}");
        let back = bench
            .attempt(9 + attempt, Purpose::Restore { attempt, before: None, overwrite: false }, configuration)
            .await;
        is(&back, Class::Ok, Phase::Revert, LeftAs::Reverted);
        assert_eq!(other.data("running").await, running);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs netconfd: use tests/run"]
async fn a_lock_of_somebody_else_is_told_with_their_name() {
    let bench = Bench::prepared().await;
    let mut other = bench.peer.other().await;
    for datastore in ["running", "candidate"] {
        let target = format!("<target><{datastore}/></target>");
        assert!(other.call(&format!("<lock>{target}</lock>")).await.contains("<ok/>"));
        let outcome = bench.apply(2, SECOND).await;
        is(&outcome, Class::Overloaded, Phase::Validate, LeftAs::Unchanged);
        let who = format!("session {} of {} from 127.0.0.1 holds it", other.session, bench.peer.user());
        assert!(outcome.message.contains(&who), "{}", outcome.message);
        assert!(outcome.message.contains(&format!("the lock of {datastore}")), "{}", outcome.message);
        assert!(other.call(&format!("<unlock>{target}</unlock>")).await.contains("<ok/>"));
    }
    assert_eq!(bench.wrote(), [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs netconfd: use tests/run"]
async fn a_device_whose_agent_dies_before_the_confirmation_takes_itself_back() {
    let mut bench = Bench::prepared().await;
    let mut other = bench.peer.other().await;
    let running = other.data("running").await;
    bench.procedure.commit.confirm_timeout = Duration::from_secs(4);
    let mut phase = bench.context.phase.subscribe();
    let agent = bench.started(2, SECOND);
    phase.wait_for(|phase| *phase == Phase::Verify).await.expect("a phase");
    agent.abort();
    assert!(agent.await.expect_err("it was killed").is_cancelled());
    assert_eq!(bench.settle().await.found, Some(Found::Applied), "until then it has the change");
    assert_ne!(other.data("running").await, running);
    bench.until_it_takes_itself_back();
    assert_eq!(other.data("running").await, running);
    let settled = bench.settle().await;
    assert_eq!((settled.found, settled.left_as), (Some(Found::NotApplied), LeftAs::Unchanged), "{settled:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs netconfd: use tests/run"]
async fn a_change_that_cuts_the_device_off_reverts_by_itself() {
    let mut bench = Bench::prepared().await;
    let mut other = bench.peer.other().await;
    let running = other.data("running").await;
    bench.procedure.commit.confirm_timeout = Duration::from_secs(4);
    *bench.context.at.lock().expect("no panic") = Some((Phase::Verify, bench.peer.cut_off.clone()));
    let attempt = bench.started(2, SECOND);
    bench.until_it_takes_itself_back();
    bench.peer.heal();
    let outcome = attempt.await.expect("an outcome");
    is(&outcome, Class::PostcheckFailed, Phase::Verify, LeftAs::Reverted);
    assert!(outcome.message.contains("cannot be reached over a new session"), "{}", outcome.message);
    assert_eq!(other.data("running").await, running);
    assert_eq!(bench.wrote(), [2, 3], "no confirmation was sent");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs netconfd: use tests/run"]
async fn a_check_that_fails_over_the_new_session_has_the_device_take_it_back_at_once() {
    let mut bench = Bench::prepared().await;
    let mut other = bench.peer.other().await;
    let running = other.data("running").await;
    bench.procedure.post = vec![Check {
        name: "the name".into(),
        probe: Probe::NetconfGet { xpath: "/switchyard-test:system/switchyard-test:hostname".into() },
        expectations: vec![Expectation::Matches("^r1$".into())],
        save_as: None,
        initial_delay: Duration::ZERO,
        interval: Duration::ZERO,
        count: 1,
        failure_limit: 0,
    }];
    let outcome = bench.apply(2, SECOND).await;
    is(&outcome, Class::PostcheckFailed, Phase::Verify, LeftAs::Reverted);
    assert_eq!(other.data("running").await, running);
    assert_eq!(bench.peer.logged("agt_rpc: <cancel-commit>"), 1);
    let third = FIRST.replace("1500", "9000");
    let outcome = bench.apply(3, &third).await;
    is(&outcome, Class::Ok, Phase::Verify, LeftAs::Changed);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs netconfd: use tests/run"]
async fn a_device_without_candidate_is_changed_and_put_back_directly_and_says_so() {
    let bench = Bench::with("running").await;
    let mut other = bench.peer.other().await;
    let outcome = bench.apply(1, FIRST).await;
    is(&outcome, Class::Ok, Phase::Verify, LeftAs::Changed);
    assert!(outcome.message.contains("cannot take a commit back by itself"), "{}", outcome.message);
    let running = other.data("running").await;
    let bad = "<system xmlns=\"urn:switchyard:test\"><hostname>r9</hostname><mtu>70000</mtu></system>";
    let outcome = bench.apply(2, bad).await;
    is(&outcome, Class::Rejected, Phase::Write, LeftAs::Unchanged);
    is(&bench.apply(3, SECOND).await, Class::Ok, Phase::Verify, LeftAs::Changed);
    let back =
        bench.attempt(9, Purpose::Restore { attempt: 3, before: None, overwrite: false }, SECOND).await;
    is(&back, Class::Ok, Phase::Revert, LeftAs::Reverted);
    assert_eq!(other.data("running").await, running);
}
