//! Whatever an executor does, an attempt ends, and the gate decides who came first.

use super::*;
use crate::clock::SystemClock;
use crate::executor::{AttemptContext, Hearing};
use crate::journal::{Entry, JournalLost, Log, NotDurable};
use crate::session::Lease;
use futures_util::future::BoxFuture;
use std::sync::Mutex;
use switchyard_shared::id::{DeviceName, RolloutName};
use switchyard_shared::procedure::{Procedure, Transport};
use switchyard_shared::task::{BreakerSettings, Endpoint, PoolSettings, Timeouts, Work};
use tokio::sync::{mpsc, oneshot};

type Waiting = (Vec<Entry>, oneshot::Sender<Result<(), NotDurable>>);

/// A disk that answers when the test says so.
#[derive(Default)]
struct SlowLog(Mutex<Vec<Waiting>>);

impl Log for SlowLog {
    fn submit(&self, entries: Vec<Entry>) -> oneshot::Receiver<Result<(), NotDurable>> {
        let (done, answer) = oneshot::channel();
        self.0.lock().unwrap().push((entries, done));
        answer
    }
}

impl SlowLog {
    async fn next(&self) -> Waiting {
        loop {
            if let Some(waiting) = self.0.lock().unwrap().pop() {
                return waiting;
            }
            tokio::task::yield_now().await;
        }
    }
}

#[derive(Clone, Copy)]
enum Script {
    Write,
    WriteThenHang,
    WriteThenPanic,
    WriteThenClaimCancelled,
    Hang,
    Panic,
    AwaitCancel,
}

impl Executor for Script {
    fn attempt<'a>(
        &'a self,
        _task: &'a Task,
        context: &'a dyn AttemptContext,
        cancel: CancellationToken,
    ) -> BoxFuture<'a, Outcome> {
        let end =
            |class, message: &str| Outcome::new(class, Phase::Write, LeftAs::Changed, message, Timestamp(0));
        let script = *self;
        Box::pin(async move {
            match script {
                Script::Hang => std::future::pending().await,
                Script::Panic => panic!("a fault"),
                Script::AwaitCancel => {
                    cancel.cancelled().await;
                    return end(Class::Cancelled, "cancelled");
                }
                Script::Write
                | Script::WriteThenHang
                | Script::WriteThenPanic
                | Script::WriteThenClaimCancelled => {}
            }
            (0..3).for_each(|_| context.answered(true));
            if let Err(refused) = context.open_write_gate(Some("old".into())).await {
                return end(refused.class, &refused.message);
            }
            match script {
                Script::WriteThenHang => std::future::pending().await,
                Script::WriteThenPanic => panic!("a fault"),
                Script::WriteThenClaimCancelled => end(Class::Cancelled, "cancelled"),
                Script::Write | Script::Hang | Script::Panic | Script::AwaitCancel => {
                    end(Class::Ok, "written")
                }
            }
        })
    }
}

struct Bench {
    log: Arc<SlowLog>,
    call_off: CallOff,
    run: tokio::task::JoinHandle<Ended>,
    signs: mpsc::Receiver<Sign>,
}

fn bench(script: Script) -> Bench {
    bench_with(script, Duration::from_secs(3600))
}

fn bench_with(script: Script, lease_left: Duration) -> Bench {
    bench_for(script, lease_left, Purpose::Apply)
}

fn bench_for(script: Script, lease_left: Duration, purpose: Purpose) -> Bench {
    let log = Arc::new(SlowLog::default());
    let lease = Arc::new(Lease::default());
    let clock = SystemClock::shared();
    lease.renew(clock.now().plus(lease_left));
    let op = OpId {
        rollout: RolloutName::new("ntp").unwrap(),
        device: DeviceName::new("r1").unwrap(),
        attempt: 1,
    };
    let task = Task {
        op: op.clone(),
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
        purpose: purpose.clone(),
        configuration: b"x".as_slice().into(),
        timeouts: Timeouts { connect: Duration::from_secs(5), command: Duration::from_secs(60) },
        breakers: BreakerSettings::default(),
        pools: PoolSettings::default(),
    };
    let (signs, signs_seen) = mpsc::channel(4);
    let context = Context {
        op,
        gate: Arc::new(Gate::of(&purpose)),
        log: log.clone(),
        lease,
        hearing: Arc::new(Hearing::new(clock.clone())),
        clock,
        progress: mpsc::channel(4).0,
        signs,
        has_answered: Default::default(),
        has_secret: Default::default(),
        has_lost_way: Default::default(),
        is_unseen: Default::default(),
        diff: Default::default(),
        keys: Default::default(),
    };
    let attempt = Attempt::new(Arc::new(task), context);
    let call_off = attempt.call_off();
    let run = tokio::spawn(attempt.run(Arc::new(script)));
    Bench { log, call_off, run, signs: signs_seen }
}

#[tokio::test(start_paused = true)]
async fn the_intent_is_durable_before_the_executor_may_write() {
    let bench = bench(Script::Write);
    let (entries, done) = bench.log.next().await;
    assert!(matches!(entries[..], [Entry::Intent { .. }]));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!bench.run.is_finished(), "it waits for the disk");
    done.send(Ok(())).unwrap();
    let ended = bench.run.await.unwrap();
    assert_eq!((ended.outcome.class, ended.wrote), (Class::Ok, true));
}

#[tokio::test(start_paused = true)]
async fn called_off_while_the_intent_is_being_written_it_writes_nothing() {
    let bench = bench(Script::Write);
    let (_, done) = bench.log.next().await;
    assert!(bench.call_off.call_off("called off: site/lon opened"));
    done.send(Ok(())).unwrap();
    let ended = bench.run.await.unwrap();
    assert_eq!((ended.outcome.class, ended.wrote), (Class::Cancelled, false));
    assert_eq!(ended.outcome.message, "called off: site/lon opened");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ends_while_the_disk_is_slow_stops_the_write() {
    let bench = bench_with(Script::Write, Duration::from_secs(10));
    let (_, done) = bench.log.next().await;
    tokio::time::advance(Duration::from_secs(10)).await;
    done.send(Ok(())).unwrap();
    let ended = bench.run.await.unwrap();
    assert_eq!((ended.outcome.class, ended.wrote), (Class::Cancelled, false));
    assert!(ended.outcome.message.contains("no word from the coordinator"));
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_cannot_be_written_keeps_the_gate_shut() {
    let bench = bench(Script::Write);
    let (_, done) = bench.log.next().await;
    done.send(Err(JournalLost("/data/journal: EIO".into()).into())).unwrap();
    let ended = bench.run.await.unwrap();
    assert_eq!((ended.outcome.class, ended.wrote), (Class::AgentError, false));
    assert_eq!(ended.outcome.message, "failed to write the journal /data/journal: EIO");
}

#[tokio::test(start_paused = true)]
async fn a_call_off_says_why_and_comes_too_late_after_the_write() {
    let early = bench(Script::AwaitCancel);
    assert!(early.call_off.call_off("called off: site/lon opened"));
    assert_eq!(early.run.await.unwrap().outcome.message, "called off: site/lon opened");
    let late = bench(Script::WriteThenHang);
    late.log.next().await.1.send(Ok(())).unwrap();
    while !late.call_off.gate.has_passed() {
        tokio::task::yield_now().await;
    }
    assert!(!late.call_off.call_off("too late"));
}

#[tokio::test(start_paused = true)]
async fn an_executor_that_hangs_or_breaks_down_still_ends() {
    for (script, class, wrote) in [
        (Script::Hang, Class::AgentError, false),
        (Script::Panic, Class::AgentError, false),
        (Script::WriteThenHang, Class::LostAfterWrite, true),
        (Script::WriteThenPanic, Class::LostAfterWrite, true),
        (Script::WriteThenClaimCancelled, Class::LostAfterWrite, true),
    ] {
        let bench = bench(script);
        if wrote {
            bench.log.next().await.1.send(Ok(())).unwrap();
        }
        let ended = bench.run.await.unwrap();
        assert_eq!((ended.outcome.class, ended.wrote), (class, wrote));
        let left_as = if wrote { LeftAs::Unknown } else { LeftAs::Unchanged };
        assert_eq!(ended.outcome.left_as, left_as);
    }
}

#[tokio::test(start_paused = true)]
async fn every_outcome_that_passed_the_gate_says_when_it_wrote() {
    for script in
        [Script::Write, Script::WriteThenHang, Script::WriteThenPanic, Script::WriteThenClaimCancelled]
    {
        let bench = bench(script);
        bench.log.next().await.1.send(Ok(())).unwrap();
        assert!(bench.run.await.unwrap().outcome.wrote_at.is_some());
    }
    for script in [Script::Hang, Script::Panic] {
        assert_eq!(bench(script).run.await.unwrap().outcome.wrote_at, None);
    }
    let called_off = bench(Script::AwaitCancel);
    assert!(called_off.call_off.call_off("called off"));
    assert_eq!(called_off.run.await.unwrap().outcome.wrote_at, None);
}

#[tokio::test(start_paused = true)]
async fn an_answer_and_a_write_are_told_once_each_and_before_the_end() {
    let mut bench = bench(Script::Write);
    bench.log.next().await.1.send(Ok(())).unwrap();
    let ended = bench.run.await.unwrap();
    let answered = bench.signs.try_recv().unwrap();
    let writes = bench.signs.try_recv().unwrap();
    assert_eq!((answered.kind, writes.kind), (SignKind::Answered { accepted: true }, SignKind::Writes));
    assert_eq!((Some(writes.at), writes.op), (ended.outcome.wrote_at, ended.op));
    assert!(bench.signs.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn whatever_passed_the_gate_carries_what_the_device_had_before() {
    for script in
        [Script::Write, Script::WriteThenHang, Script::WriteThenPanic, Script::WriteThenClaimCancelled]
    {
        let bench = bench(script);
        let (entries, done) = bench.log.next().await;
        assert!(matches!(&entries[..], [Entry::Intent { before: Some(before), .. }] if before == "old"));
        done.send(Ok(())).unwrap();
        assert_eq!(bench.run.await.unwrap().outcome.before.as_deref(), Some("old"));
    }
    assert_eq!(bench(Script::Panic).run.await.unwrap().outcome.before, None);
}

#[tokio::test(start_paused = true)]
async fn a_reading_never_writes_and_is_never_lost_after_a_write() {
    for script in [
        Script::Write,
        Script::WriteThenHang,
        Script::WriteThenPanic,
        Script::WriteThenClaimCancelled,
        Script::Hang,
        Script::Panic,
    ] {
        let bench = bench_for(script, Duration::from_secs(3600), Purpose::Settle { before: None });
        let ended = bench.run.await.unwrap();
        assert_eq!((ended.outcome.class, ended.wrote), (Class::AgentError, false));
        assert!(bench.log.0.lock().unwrap().is_empty(), "no intent");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_reads_first_has_the_time_for_it() {
    let task = |read: Option<&str>, purpose| Task {
        op: OpId {
            rollout: RolloutName::new("ntp").unwrap(),
            device: DeviceName::new("r1").unwrap(),
            attempt: 1,
        },
        endpoint: Endpoint {
            hostname: String::new(),
            port: 22,
            username: String::new(),
            credential_ref: String::new(),
            host_keys: vec![],
            ssh: Default::default(),
            tls: Default::default(),
        },
        work: Work::command("", read),
        purpose,
        configuration: b"".as_slice().into(),
        timeouts: Timeouts { connect: Duration::from_secs(5), command: Duration::from_secs(60) },
        breakers: BreakerSettings::default(),
        pools: PoolSettings::default(),
    };
    let seconds = |read, purpose| longest(&task(read, purpose)).as_secs();
    assert_eq!(seconds(None, Purpose::Apply), 75);
    assert_eq!(seconds(Some("show"), Purpose::Apply), 140);
    assert_eq!(seconds(Some("show"), Purpose::Settle { before: None }), 75);
    let compared = |secrets: &[&str]| {
        let mut procedure = Procedure::new(Transport::SshCli, "frr");
        procedure.secrets.extend(secrets.iter().map(|name| ((*name).to_owned(), "env:X".to_owned())));
        longest(&Task { work: Work::Driver(Arc::new(procedure)), ..task(None, Purpose::Compare) })
    };
    assert_eq!(compared(&["k", "l"]) - compared(&[]), FILL_WAIT, "time to fetch its secrets as well");
}
