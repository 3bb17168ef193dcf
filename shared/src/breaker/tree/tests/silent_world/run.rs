//! One rollout at one site on one simulated clock, by the real breakers.

use super::super::*;
use super::world::{Fault, World};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};

#[derive(Debug, Default)]
pub struct Outcome {
    /// Distinct silent devices that were contacted, with those caught in their handshake.
    pub contacted: usize,
    pub started: usize,
    pub holds: usize,
    pub opens: usize,
    /// Openings before the fault.
    pub opened_early: usize,
    /// Seconds from the fault.
    pub held_after: Option<f64>,
    pub opened_after: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Answer,
    Timeout,
    Done,
}

struct Run<'a> {
    world: &'a World,
    site: Site,
    names: Vec<DeviceName>,
    connecting: BTreeMap<usize, (Admission, Option<i64>)>,
    began: BTreeMap<usize, i64>,
    working: BTreeMap<usize, (Admission, i64)>,
    agenda: BinaryHeap<Reverse<(i64, u64, What, usize)>>,
    planned: u64,
    next: usize,
    again: VecDeque<usize>,
    struck: Option<i64>,
    silent: BTreeSet<usize>,
    outcome: Outcome,
}

fn micros(seconds: f64) -> i64 {
    (seconds * 1e6) as i64
}

pub fn run(world: &World) -> Outcome {
    let mut site = Site::new();
    site.tree.set_pool(u32::try_from(world.pool).unwrap());
    site.tree.set_devices(u32::try_from(world.devices).unwrap(), site.now);
    let names = (0..world.devices).map(|n| DeviceName::new(format!("d{n}")).unwrap()).collect();
    let mut run = Run {
        world,
        site,
        names,
        connecting: BTreeMap::new(),
        began: BTreeMap::new(),
        working: BTreeMap::new(),
        agenda: BinaryHeap::new(),
        planned: 0,
        next: 0,
        again: VecDeque::new(),
        struck: None,
        silent: BTreeSet::new(),
        outcome: Outcome::default(),
    };
    run.fill();
    while run.go_on() {}
    run.outcome.contacted = run.silent.len();
    run.outcome.started = run.next;
    run.outcome
}

impl Run<'_> {
    fn plan(&mut self, at: i64, what: What, n: usize) {
        self.planned += 1;
        self.agenda.push(Reverse((at, self.planned, what, n)));
    }

    fn go_on(&mut self) -> bool {
        let idle = self.connecting.is_empty() && self.working.is_empty();
        let all = self.next >= self.world.devices && self.again.is_empty();
        let stopped = self.struck.is_some() && self.site.state() == State::Open;
        if idle && (all || (stopped && matches!(self.world.fault, Fault::Dark | Fault::EverySecond))) {
            return false;
        }
        let event = self.agenda.peek().map(|Reverse((at, ..))| *at);
        let timer = self.site.tree.poll_timeout().map(|(at, ..)| at.0);
        let Some(at) = event.into_iter().chain(timer).min() else { return false };
        assert!(at < 100_000_000_000, "it never ends");
        self.site.now = Timestamp(at.max(self.site.now.0));
        if event == Some(at)
            && let Some(Reverse((at, _, what, n))) = self.agenda.pop()
        {
            self.happen(at, what, n);
        }
        self.site.tree.handle_timeout(self.site.now);
        self.note();
        self.fill();
        true
    }

    fn happen(&mut self, at: i64, what: What, n: usize) {
        let now = self.site.now;
        match what {
            What::Answer if self.connecting.get(&n).is_some_and(|(_, answers)| *answers == Some(at)) => {
                let Some((admission, _)) = self.connecting.remove(&n) else { return };
                self.site.tree.handshake(&admission, now, now);
                let done = at + micros(self.world.work[n]);
                self.working.insert(n, (admission, done));
                self.plan(done, What::Done, n);
            }
            What::Timeout => {
                let began = at - micros(self.world.timeout);
                if self.began.get(&n) == Some(&began)
                    && let Some((admission, _)) = self.connecting.remove(&n)
                {
                    self.site.tree.finish(admission, Class::Timeout, now);
                }
            }
            What::Done if self.working.get(&n).is_some_and(|(_, done)| *done == at) => {
                let Some((admission, _)) = self.working.remove(&n) else { return };
                self.site.tree.finish(admission, Class::Ok, now);
            }
            What::Answer | What::Done => {}
        }
    }

    fn note(&mut self) {
        for report in self.site.tree.take_reports() {
            let after = self.struck.map(|at| (self.site.now.0 - at) as f64 / 1e6);
            match (&report.name, report.state) {
                (Name::Site(_), State::Held) => {
                    self.outcome.holds += 1;
                    self.outcome.held_after = self.outcome.held_after.or(after);
                }
                (Name::Site(_), State::Open) => {
                    self.outcome.opens += 1;
                    self.outcome.opened_early += usize::from(after.is_none());
                    self.outcome.opened_after = self.outcome.opened_after.or(after);
                    for (n, (mut admission, _)) in std::mem::take(&mut self.connecting) {
                        self.site.tree.cancelled(&mut admission, self.site.now);
                        self.site.tree.finish(admission, Class::Cancelled, self.site.now);
                        self.again.push_back(n);
                    }
                }
                _ => {}
            }
        }
    }

    fn fill(&mut self) {
        while self.connecting.len() + self.working.len() < self.world.pool {
            let fresh = self.next < self.world.devices;
            let Some(n) = (if fresh { Some(self.next) } else { self.again.front().copied() }) else { return };
            let now = self.site.now;
            let attempt = Attempt {
                device: &self.names[n],
                credential: "env:X",
                connect_timeout: Duration::from_micros(micros(self.world.timeout).unsigned_abs()),
                deadline: now.plus(Duration::from_secs(600)),
                first: true,
            };
            let Ok(admission) = self.site.tree.try_acquire(&attempt, now) else { return };
            if fresh {
                self.next += 1;
            } else {
                self.again.pop_front();
            }
            if n >= self.world.from && self.struck.is_none() {
                self.strike();
            }
            let struck = self.struck.map(|at| at as f64 / 1e6);
            let takes = self.world.handshake(n, now.0 as f64 / 1e6, struck);
            let answers =
                takes.filter(|takes| *takes <= self.world.timeout).map(|takes| now.0 + micros(takes));
            if takes.is_none() {
                self.silent.insert(n);
            }
            self.began.insert(n, now.0);
            self.connecting.insert(n, (admission, answers));
            if let Some(at) = answers {
                self.plan(at, What::Answer, n);
            }
            self.plan(now.0 + micros(self.world.timeout), What::Timeout, n);
        }
    }

    /// The fault begins, also for what is running.
    fn strike(&mut self) {
        let now = self.site.now.0;
        self.struck = Some(now);
        let delay = micros(self.world.delay());
        match self.world.fault {
            Fault::Dark => {
                for (n, (_, answers)) in &mut self.connecting {
                    *answers = None;
                    self.silent.insert(*n);
                }
            }
            Fault::Freeze => {
                let connecting = self.connecting.iter_mut().filter(|(_, (_, answers))| answers.is_some());
                let connecting: Vec<usize> = connecting
                    .map(|(n, (_, answers))| {
                        *answers = Some(now + delay);
                        *n
                    })
                    .collect();
                let working: Vec<usize> = self
                    .working
                    .iter_mut()
                    .map(|(n, (_, done))| {
                        *done = now + delay;
                        *n
                    })
                    .collect();
                connecting.into_iter().for_each(|n| self.plan(now + delay, What::Answer, n));
                working.into_iter().for_each(|n| self.plan(now + delay, What::Done, n));
            }
            Fault::None | Fault::EverySecond | Fault::FewSilent => {}
        }
    }
}
