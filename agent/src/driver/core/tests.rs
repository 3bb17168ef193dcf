//! An agent and the world around it, event by event, with no clock, no task and no socket.

mod comparing;
mod delivery;
mod doubt;
mod full;
mod pools;
mod reading;
mod restarting;
mod restoring;
mod secrets;
mod stalling;
mod starting;

use super::*;
use crate::attempt::Ended;
use crate::journal::Entry;
use switchyard_proto::convert::link::{Assignment, BreakerAction, FromAgent};
use switchyard_proto::convert::link::{FromCoordinator, Welcome};
use switchyard_shared::breaker::{Name, State as BreakerState};
use switchyard_shared::id::{AgentName, DeviceName, RolloutName};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::task::{BreakerSettings, Endpoint, PoolSettings, Timeouts, Work};

/// An agent, and a coordinator that keeps to the credit and never stops asking.
struct World {
    core: Core,
    pool: usize,
    now: Timestamp,
    started: Vec<OpId>,
    called_off: Vec<(OpId, String)>,
    probed: Vec<String>,
    looked_at: Vec<String>,
    kept: Option<Remembered>,
    said: Vec<FromAgent>,
    appended: Vec<Entry>,
    credit: u64,
    sent: u64,
    asked_for_room: u64,
}

fn op(n: usize) -> OpId {
    attempt_at("ntp", n, 1)
}

fn attempt_at(rollout: &str, n: usize, attempt: u32) -> OpId {
    OpId {
        rollout: RolloutName::new(rollout).unwrap(),
        device: DeviceName::new(format!("d{n:03}")).unwrap(),
        attempt,
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

fn welcome(acked_sequence: u64, coordinator_epoch: u64) -> Welcome {
    Welcome {
        site_epoch: 1,
        coordinator_epoch,
        acked_sequence,
        heartbeat_interval: Duration::from_secs(2),
        lease: Duration::from_secs(10),
        site: SiteName::new("lon").unwrap(),
        agent: AgentName::new("lon").unwrap(),
        results_at_once: 0,
    }
}

impl Core {
    /// The same with a site that has left its slow start behind.
    pub(in crate::driver) fn flowing(mut self, now: Timestamp) -> Self {
        for n in 0..10 {
            let device = DeviceName::new(format!("warm{n}")).unwrap();
            let asked = switchyard_shared::breaker::Attempt {
                device: &device,
                credential: "env:X",
                connect_timeout: Duration::from_secs(5),
                deadline: now.plus(Duration::from_secs(60)),
                first: true,
            };
            let admission = self.breakers.try_acquire(&asked, now).unwrap();
            self.breakers.finish(admission, Class::Ok, now);
        }
        self.breakers.handle_timeout(now);
        self.breakers.take_reports();
        self
    }
}

impl World {
    fn new(pool: usize) -> Self {
        Self::after(pool, State::default())
    }

    fn after(pool: usize, state: State) -> Self {
        let mut world = Self {
            pool,
            core: Core::new(SiteName::new("lon").unwrap(), pool, state, None, Timestamp(0))
                .flowing(Timestamp(0)),
            now: Timestamp(0),
            started: vec![],
            called_off: vec![],
            probed: vec![],
            looked_at: vec![],
            kept: None,
            said: vec![],
            appended: vec![],
            credit: 0,
            sent: 0,
            asked_for_room: 0,
        };
        world.event(Event::Connected(welcome(0, 1)));
        world
    }

    /// One event, with everything that follows from it; the disk is instant.
    fn event(&mut self, event: Event) {
        self.core.handle(event, self.now);
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            self.core.pump(self.now, true);
            let mut quiet = true;
            while let Some(effect) = self.core.poll_effect() {
                quiet = false;
                match effect {
                    Effect::Start(task) => self.started.push(task.op.clone()),
                    Effect::CallOff { op, message } => self.called_off.push((op, message)),
                    Effect::Probe(address) => self.probed.push(address),
                    Effect::Fingerprint(reference) => self.looked_at.push(reference),
                    Effect::AskForRoom => self.asked_for_room += 1,
                    Effect::Remember(breakers, as_of) => {
                        self.kept = Some(Remembered { breakers: *breakers, as_of })
                    }
                    Effect::Append { entries, results_to } => {
                        self.appended.extend(entries);
                        if let Some(sequence) = results_to {
                            self.core.handle(Event::Durable(sequence), self.now);
                        }
                    }
                }
            }
            while let Some(message) = self.core.poll_outgoing() {
                if let FromAgent::Credit(total) = message {
                    assert!(total > self.credit, "credit only rises");
                    self.credit = total;
                }
                self.said.push(message);
            }
            let most = self.pool + switchyard_shared::pool::RESERVED_FOR_ROLLBACK;
            assert!(self.core.pool.in_flight() + self.core.queue.len() <= most);
            if quiet {
                return;
            }
        }
    }

    fn assign(&mut self, ops: impl IntoIterator<Item = OpId>) {
        self.assign_tasks(ops.into_iter().map(task).collect());
    }

    fn assign_tasks(&mut self, tasks: Vec<Task>) {
        self.sent += u64::try_from(tasks.len()).unwrap();
        let assignment = Assignment { tasks, unusable: vec![] };
        self.event(Event::Down(FromCoordinator::Assignment(assignment)));
    }

    fn end(&mut self, op: OpId, class: Class) {
        let left_as = if class == Class::Ok { LeftAs::Changed } else { LeftAs::Unchanged };
        let outcome = Outcome::new(class, Phase::Connect, left_as, "", self.now);
        self.event(Event::Ended(Ended {
            op,
            outcome,
            wrote: class == Class::Ok,
            diff: String::new(),
            keys: vec![],
        }));
    }

    fn sign(&mut self, op: OpId, kind: SignKind) {
        let at = self.now;
        self.event(Event::Sign(Sign { op, kind, at }));
    }

    /// The device answers and is written to.
    fn write(&mut self, op: OpId) {
        self.sign(op.clone(), SignKind::Answered { accepted: true });
        self.sign(op, SignKind::Writes);
    }

    fn lose(&mut self, op: OpId) {
        let mut outcome =
            Outcome::new(Class::LostAfterWrite, Phase::Write, LeftAs::Unknown, "no exit status", self.now);
        outcome.wrote_at = self.core.running[&op].wrote_at;
        self.event(Event::Ended(Ended { op, outcome, wrote: true, diff: String::new(), keys: vec![] }));
    }

    fn results(&self) -> Vec<(u64, String, Class, String)> {
        let mut results = vec![];
        for message in &self.said {
            if let FromAgent::Result { sequence, op, outcome } = message {
                results.push((*sequence, op.to_string(), outcome.class, outcome.message.clone()));
            }
        }
        results
    }

    fn last_result(&self) -> (Class, String) {
        let (_, _, class, message) = self.results().pop().unwrap();
        (class, message)
    }
}
