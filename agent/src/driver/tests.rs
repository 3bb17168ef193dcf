//! The loop with a scripted executor and a coordinator that is two channels; time is paused.

use super::*;
use crate::clock::SystemClock;
use crate::executor::AttemptContext;
use crate::journal::{Entry, JournalLost, State};
use crate::sentinel::Reached;
use std::sync::Mutex;
use std::time::Duration;
use switchyard_proto::convert::link::Assignment;
use switchyard_shared::breaker::{Snapshot, State as BreakerState};
use switchyard_shared::id::{AgentName, DeviceName, RolloutName, SiteName};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::task::{BreakerSettings, Endpoint, PoolSettings, SiteSettings, Task, Timeouts, Work};
use switchyard_shared::time::Timestamp;

/// A disk that is instant, or broken.
#[derive(Default)]
struct MemoryLog {
    entries: Mutex<Vec<Entry>>,
    broken: std::sync::atomic::AtomicBool,
}

impl Log for MemoryLog {
    fn submit(&self, entries: Vec<Entry>) -> oneshot::Receiver<Result<(), NotDurable>> {
        let (done, answer) = oneshot::channel();
        let result = if self.broken.load(std::sync::atomic::Ordering::SeqCst) {
            Err(JournalLost("/data/journal: EIO".into()).into())
        } else {
            self.entries.lock().unwrap().extend(entries);
            Ok(())
        };
        done.send(result).unwrap();
        answer
    }
}

/// Devices below `silent_from` answer after a second; the others never do. What is told to say `lost` is
/// lost after the write.
struct Devices {
    silent_from: usize,
    contacted: Mutex<Vec<String>>,
    written: Mutex<Vec<String>>,
    kept: std::sync::atomic::AtomicUsize,
    log: Arc<MemoryLog>,
}

impl Executor for Devices {
    fn attempt<'a>(
        &'a self,
        task: &'a Task,
        context: &'a dyn AttemptContext,
        cancel: CancellationToken,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let device = task.op.device.to_string();
            self.contacted.lock().unwrap().push(device.clone());
            context.progress(Phase::Connect);
            let end = |class, phase, left_as| Outcome::new(class, phase, left_as, "", Timestamp(0));
            let answers = device[1..].parse::<usize>().unwrap() < self.silent_from;
            let connect = async {
                match answers {
                    true => tokio::time::sleep(Duration::from_secs(1)).await,
                    false => std::future::pending().await,
                }
            };
            tokio::select! {
                () = cancel.cancelled() => return end(Class::Cancelled, Phase::Connect, LeftAs::Unchanged),
                done = tokio::time::timeout(task.timeouts.connect, connect) => if done.is_err() {
                    return end(Class::Timeout, Phase::Connect, LeftAs::Unchanged);
                }
            }
            context.answered(true);
            if let Err(refused) = context.open_write_gate(None).await {
                return end(refused.class, Phase::Authenticate, LeftAs::Unchanged);
            }
            let intent = |entry: &Entry| matches!(entry, Entry::Intent { op, .. } if *op == task.op);
            assert!(self.log.entries.lock().unwrap().iter().any(intent), "INTENT before the first byte");
            self.written.lock().unwrap().push(device);
            tokio::time::sleep(Duration::from_secs(1)).await;
            if task.work.write_command() == "lost" {
                return end(Class::LostAfterWrite, Phase::Write, LeftAs::Unknown);
            }
            end(Class::Ok, Phase::Verify, LeftAs::Changed)
        })
    }
}

/// Nobody answers.
struct DeadLink;

impl Sentinel for DeadLink {
    fn probe(&self, _address: String) -> BoxFuture<'static, Reached> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            Reached::Dead
        })
    }
}

impl Memory for Devices {
    fn keep(&self, _breakers: Snapshot, _now: Timestamp) {
        self.kept.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

struct Bench {
    driver: mpsc::Sender<Message>,
    up: mpsc::Receiver<FromAgent>,
    devices: Arc<Devices>,
    lease: Arc<Lease>,
    shutdown: CancellationToken,
    ended: tokio::task::JoinHandle<Result<(), DriverError>>,
}

fn op(n: usize) -> OpId {
    OpId {
        rollout: RolloutName::new("ntp").unwrap(),
        device: DeviceName::new(format!("d{n:03}")).unwrap(),
        attempt: 1,
    }
}

fn task(op: OpId) -> Task {
    Task {
        op,
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
    }
}

async fn bench(pool: usize, silent_from: usize) -> Bench {
    let log = Arc::new(MemoryLog::default());
    let devices = Arc::new(Devices {
        silent_from,
        contacted: Mutex::default(),
        written: Mutex::default(),
        kept: Default::default(),
        log: log.clone(),
    });
    let clock = SystemClock::shared();
    let lease = Arc::new(Lease::default());
    lease.renew(clock.now().plus(Duration::from_secs(3600)));
    let core = Core::new(SiteName::new("lon").unwrap(), pool, State::default(), None, clock.now())
        .flowing(clock.now());
    let (driver, inbox) = mpsc::channel(INBOX_MAX);
    let shutdown = CancellationToken::new();
    let running = Driver::new(
        core,
        devices.clone(),
        log,
        lease.clone(),
        clock,
        (Arc::new(DeadLink), devices.clone()),
        inbox,
    );
    let ended = tokio::spawn(running.run(shutdown.clone()));
    let mut up = connect(&driver, 0).await;
    assert_eq!(first_credit(&mut up).await, pool);
    Bench { driver, up, devices, lease, shutdown, ended }
}

async fn connect(driver: &mpsc::Sender<Message>, acked_sequence: u64) -> mpsc::Receiver<FromAgent> {
    let welcome = Welcome {
        site_epoch: 1,
        coordinator_epoch: 1,
        acked_sequence,
        heartbeat_interval: Duration::from_secs(2),
        lease: Duration::from_secs(10),
        site: SiteName::new("lon").unwrap(),
        agent: AgentName::new("lon").unwrap(),
        results_at_once: 0,
    };
    let (sender, up) = mpsc::channel(8);
    driver.send(Message::Connected(welcome, sender)).await.unwrap();
    up
}

/// The first grant of a session; nothing may be sent before it.
async fn first_credit(up: &mut mpsc::Receiver<FromAgent>) -> usize {
    loop {
        if let FromAgent::Credit(total) = up.recv().await.unwrap() {
            return usize::try_from(total).unwrap();
        }
    }
}

impl Bench {
    async fn assign(&self, ops: impl IntoIterator<Item = OpId>) {
        let tasks = ops.into_iter().map(task).collect();
        self.down(FromCoordinator::Assignment(Assignment { tasks, unusable: vec![] })).await;
    }

    async fn down(&self, message: FromCoordinator) {
        self.driver.send(Message::Down(message)).await.unwrap();
    }

    /// Plays a coordinator that sends devices in order, within the credit, until the site opens or all
    /// have ended; gives the class of each result.
    async fn roll_out(&mut self, pool: usize, devices: usize) -> BTreeMap<OpId, Class> {
        let (mut credit, mut sent, mut open) = (pool, pool, false);
        self.assign((0..pool).map(op)).await;
        let mut results = BTreeMap::new();
        while results.len() < if open { sent } else { devices } {
            match self.up.recv().await.unwrap() {
                FromAgent::Credit(total) => credit = usize::try_from(total).unwrap(),
                FromAgent::Breaker(report) => open = open || report.state == BreakerState::Open,
                FromAgent::Result { sequence, op, outcome } => {
                    results.insert(op, outcome.class);
                    self.down(FromCoordinator::Ack(sequence)).await;
                }
                FromAgent::Hello(_)
                | FromAgent::Heartbeat(_)
                | FromAgent::Progress { .. }
                | FromAgent::Compared(_)
                | FromAgent::Results(_) => {}
            }
            let more = if open { sent } else { credit.min(devices) };
            self.assign((sent..more).map(op)).await;
            sent = sent.max(more);
        }
        results
    }
}

#[tokio::test(start_paused = true)]
async fn a_dark_site_stops_within_one_connect_timeout_and_fourteen_devices() {
    let mut bench = bench(10, 46).await;
    let begun = SystemClock::shared();
    let start = begun.now();
    let results = bench.roll_out(10, 100).await;
    let count = |class| results.values().filter(|seen| **seen == class).count();
    assert_eq!(count(Class::Ok), 46);
    assert!((4..=10).contains(&count(Class::Cancelled)), "{results:?}");
    assert_eq!(results.len(), 46 + count(Class::Cancelled));
    let contacted = bench.devices.contacted.lock().unwrap().len();
    assert!(contacted - 46 <= 14, "{} silent devices contacted", contacted - 46);
    assert_eq!(bench.devices.written.lock().unwrap().len(), 46);
    let took = begun.now().since(start);
    assert!(took <= Duration::from_secs(10 + 5 + 2), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn all_good_devices_are_configured_once() {
    let mut bench = bench(10, 1000).await;
    let results = bench.roll_out(10, 200).await;
    assert!(results.values().all(|class| *class == Class::Ok));
    let mut written = bench.devices.written.lock().unwrap().clone();
    written.sort();
    written.dedup();
    assert_eq!(written.len(), 200);
    assert_eq!(bench.devices.contacted.lock().unwrap().len(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_drain_lets_what_is_written_end_begins_no_write_and_delivers_all_of_it() {
    let mut bench = bench(4, 1000).await;
    bench.assign([op(1), op(2)]).await;
    while bench.devices.written.lock().unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bench.assign([op(3)]).await;
    while bench.devices.contacted.lock().unwrap().len() < 3 {
        tokio::task::yield_now().await;
    }
    bench.shutdown.cancel();
    let mut delivered = Vec::new();
    while let Some(message) = bench.up.recv().await {
        if let FromAgent::Result { sequence, op, outcome } = message {
            delivered.push((op.device.to_string(), outcome.class));
            // The last acknowledgement finds the agent gone: that is what ends it.
            let _gone = bench.driver.send(Message::Down(FromCoordinator::Ack(sequence))).await;
        }
    }
    delivered.sort();
    let expected = [("d001", Class::Ok), ("d002", Class::Ok), ("d003", Class::Cancelled)];
    assert_eq!(delivered, expected.map(|(device, class)| (device.to_owned(), class)));
    assert_eq!(bench.ended.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_no_device_that_has_written_nothing() {
    let bench = bench(4, 0).await;
    let mut slow = task(op(1));
    slow.timeouts.connect = Duration::from_secs(3000);
    let assignment = Assignment { tasks: vec![slow], unusable: vec![] };
    bench.down(FromCoordinator::Assignment(assignment)).await;
    while bench.devices.contacted.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    bench.shutdown.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(3), bench.ended).await;
    assert_eq!(ended.unwrap().unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_stops_reading_blocks_nothing() {
    let bench = bench(10, 1000).await;
    for round in 0..40_usize {
        bench.assign((round * 10..round * 10 + 10).map(op)).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    let contacted = bench.devices.contacted.lock().unwrap().len();
    assert!(contacted >= 10, "{contacted}");
    let (reply, hello) = oneshot::channel();
    bench.driver.send(Message::HelloWanted(reply)).await.unwrap();
    assert_eq!(hello.await.unwrap().in_hand.len(), 400, "every result is kept");
}

#[tokio::test(start_paused = true)]
async fn cut_off_it_finishes_what_runs_and_delivers_it_later() {
    let mut bench = bench(4, 1000).await;
    bench.assign([op(1)]).await;
    while bench.devices.written.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bench.driver.send(Message::Disconnected).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    bench.up = connect(&bench.driver, 0).await;
    loop {
        if let FromAgent::Result { sequence, op: ended, outcome } = bench.up.recv().await.unwrap() {
            assert_eq!((sequence, ended, outcome.class), (1, op(1), Class::Ok));
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_journal_ends_the_agent_with_an_error_and_nothing_is_written() {
    let bench = bench(4, 1000).await;
    bench.devices.log.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    bench.assign([op(1)]).await;
    let error = bench.ended.await.unwrap().unwrap_err();
    assert_eq!(error, DriverError::JournalLost("write the journal /data/journal: EIO".into()));
    assert!(bench.devices.written.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_has_ended_lets_nothing_start() {
    let bench = bench(4, 1000).await;
    tokio::time::advance(Duration::from_secs(3601)).await;
    bench.assign([op(1)]).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(bench.devices.contacted.lock().unwrap().is_empty());
    bench.lease.renew(bench.lease.until().plus(Duration::from_secs(3600)));
    bench.assign([op(2)]).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.devices.contacted.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_with_its_link_is_inconclusive_within_two_seconds() {
    let mut bench = bench(4, 1000).await;
    let sentinel = Some("gw.lon:22".to_owned());
    bench.down(FromCoordinator::Site(SiteSettings { sentinel, ..SiteSettings::default() })).await;
    let mut lost = task(op(1));
    lost.work = Work::command("lost", None);
    bench.down(FromCoordinator::Assignment(Assignment { tasks: vec![lost], unusable: vec![] })).await;
    loop {
        if let FromAgent::Result { outcome, .. } = bench.up.recv().await.unwrap() {
            assert_eq!((outcome.class, outcome.left_as), (Class::Inconclusive, LeftAs::Unknown));
            assert!(
                outcome.message.contains("the sentinel gw.lon:22 gives no answer"),
                "{}",
                outcome.message
            );
            assert!(outcome.wrote_at.is_some());
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_comparison_that_is_called_off_ends_at_once_and_one_that_waits_behind_it_asks_no_device() {
    use switchyard_shared::task::{COMPARISON, Purpose};
    let mut bench = bench(4, 0).await;
    let comparison = |rollout: &str| {
        let op = OpId { rollout: RolloutName::new(rollout).unwrap(), attempt: COMPARISON, ..op(1) };
        Task { purpose: Purpose::Compare, work: Work::command("configure", Some("show")), ..task(op) }
    };
    let work = |tasks| FromCoordinator::Assignment(Assignment { tasks, unusable: vec![] });
    bench.down(work(vec![comparison("ntp"), comparison("dns")])).await;
    while bench.devices.contacted.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let clock = SystemClock::shared();
    let begun = clock.now();
    for rollout in ["dns", "ntp"] {
        let (rollout, devices) = (RolloutName::new(rollout).unwrap(), vec![op(1).device]);
        let cancel = FromCoordinator::Cancel { rollout, devices, reason: "enough".into(), comparisons: true };
        bench.down(cancel).await;
    }
    let mut ended = vec![];
    while ended.len() < 2 {
        if let FromAgent::Compared(compared) = bench.up.recv().await.unwrap() {
            let outcome = compared.outcome;
            ended.push((compared.op.rollout.to_string(), outcome.class, outcome.message));
        }
    }
    let ends =
        ["dns", "ntp"].map(|name| (name.to_owned(), Class::Cancelled, "called off: enough".to_owned()));
    assert_eq!(ended, ends);
    assert!(clock.now().since(begun) < Duration::from_secs(1), "it waited for the device");
    assert_eq!(*bench.devices.contacted.lock().unwrap(), ["d001"], "asked once, for the one that ran");
    bench.down(work(vec![comparison("dns")])).await;
    while bench.devices.contacted.lock().unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
}
