//! The agent's one truth: queue, pool, breakers, running attempts, results, credit. Events in, effects
//! out; no clock, no task, no socket.

mod assign;
mod breakers;
mod doubt;
mod finish;
mod link;
mod pool;
mod start;
mod tried;

#[cfg(test)]
mod tests;

use super::ledger::Ledger;
use super::outbox::Outbox;
use crate::attempt::{Ended, ProgressNote, Sign, SignKind};
use crate::journal::{Entry, State};
use crate::sentinel::Reached;
use doubt::{Doubt, Link};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use switchyard_proto::convert::link::{FromCoordinator, Welcome};
use switchyard_shared::breaker::{self, Admission, Tree};
use switchyard_shared::id::{OpId, SiteName};
use switchyard_shared::outcome::Phase;
use switchyard_shared::pool::{Lease, Pool};
use switchyard_shared::task::Task;
use switchyard_shared::time::Timestamp;
use tried::Tried;

/// Results that may wait for their acknowledgement before no more credit is granted.
pub const UNACKED_MAX: usize = 10_000;

/// One thing that happened to the agent.
#[derive(Debug)]
pub enum Event {
    /// The coordinator welcomed this agent.
    Connected(Welcome),
    /// The session is over.
    Disconnected,
    /// The coordinator said something after its welcome.
    Down(FromCoordinator),
    /// An attempt ended.
    Ended(Ended),
    /// An attempt is somewhere else now.
    Progress(ProgressNote),
    /// A device answered, or is being written to.
    Sign(Sign),
    /// A sentinel was asked.
    Probed {
        /// Which.
        address: String,
        /// What it showed.
        reached: Reached,
    },
    /// Results up to this sequence are on disk.
    Durable(u64),
    /// The journal cannot be written any more.
    JournalLost(String),
    /// Start nothing new any more.
    Drain,
}

/// One thing to be done.
#[derive(Debug)]
pub enum Effect {
    /// Run an attempt.
    Start(Arc<Task>),
    /// Call a running attempt off if it has written nothing.
    CallOff {
        /// Which.
        op: OpId,
        /// Why.
        message: String,
    },
    /// Ask a sentinel at this address.
    Probe(String),
    /// Make these durable; `results_to` is the sequence that is durable then.
    Append {
        /// What.
        entries: Vec<Entry>,
        /// The result among them.
        results_to: Option<u64>,
    },
}

struct Running {
    task: Arc<Task>,
    admission: Admission,
    lease: Lease,
    answered_at: Option<Timestamp>,
    wrote_at: Option<Timestamp>,
    doubt: Option<Doubt>,
}

/// The state of an agent.
pub struct Core {
    site: SiteName,
    pool: Pool,
    breakers: Tree,
    queue: VecDeque<Task>,
    running: BTreeMap<OpId, Running>,
    tried: Tried,
    link: Link,
    /// When something that waits in the queue may start although nothing else happens.
    start_at: Option<Timestamp>,
    ledger: Ledger,
    outbox: Outbox,
    effects: VecDeque<Effect>,
    coordinator_epoch: u64,
    journal_id: String,
    connected: bool,
    draining: bool,
    journal_lost: Option<String>,
    received: u64,
    granted: u64,
    granted_sent: u64,
}

impl Core {
    /// An agent that starts from what its journal kept.
    pub fn new(site: SiteName, max_in_flight: usize, state: State, now: Timestamp) -> Self {
        let pool = Pool::new(max_in_flight);
        let mut breakers = Tree::new(site.clone(), breaker::seed(&state.id), now);
        breakers.set_pool(u32::try_from(pool.limit()).unwrap_or(u32::MAX));
        Self {
            breakers,
            site,
            pool,
            queue: VecDeque::new(),
            running: BTreeMap::new(),
            tried: Tried::default(),
            link: Link::default(),
            start_at: None,
            coordinator_epoch: state.coordinator_epoch,
            journal_id: state.id.clone(),
            ledger: Ledger::new(state),
            outbox: Outbox::default(),
            effects: VecDeque::new(),
            connected: false,
            draining: false,
            journal_lost: None,
            received: 0,
            granted: 0,
            granted_sent: 0,
        }
    }

    /// Takes one event in. Nothing starts before [`Core::pump`], so that everything that has happened
    /// is known before anything new begins.
    pub fn handle(&mut self, event: Event, now: Timestamp) {
        match event {
            Event::Connected(welcome) => self.connected(&welcome),
            Event::Disconnected => self.disconnected(),
            Event::Down(message) => self.down(message, now),
            Event::Ended(ended) => self.ended(ended, now),
            Event::Progress(note) => self.progressed(note),
            Event::Sign(sign) => self.signed(sign, now),
            Event::Probed { address, reached } => self.probed(&address, reached, now),
            Event::Durable(sequence) => self.ledger.durable(sequence),
            Event::JournalLost(message) => self.journal_lost(message, now),
            Event::Drain => self.drain(now),
        }
    }

    /// Moves on what is due, then starts what may start. `lease_held`: whether new work may start at all.
    pub fn pump(&mut self, now: Timestamp, lease_held: bool) {
        self.breakers.handle_timeout(now);
        self.note_moves(now);
        self.take_back_overdue(now);
        self.judge_losses(now);
        if self.connected && lease_held {
            self.start_what_may(now);
        }
        self.grant(now);
    }

    /// When to pump again although nothing happens.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let breakers = self.breakers.poll_timeout().map(|(at, _, _)| at);
        let others = [self.pool.poll_timeout(), self.start_at, self.next_verdict()];
        others.into_iter().chain([breakers]).flatten().min()
    }

    /// The next thing to be done.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether nothing runs and every result is on disk.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.ledger.undurable() == 0
    }

    /// How many attempts run.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// How many results wait for their acknowledgement.
    pub fn unacked(&self) -> usize {
        self.ledger.unacked()
    }

    /// Whether the coordinator is there.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Why no new work starts any more, if the journal is lost.
    pub fn journal_error(&self) -> Option<&str> {
        self.journal_lost.as_deref()
    }

    fn progressed(&mut self, note: ProgressNote) {
        if self.connected && self.running.contains_key(&note.op) {
            self.outbox.progress(note);
        }
    }

    fn signed(&mut self, sign: Sign, now: Timestamp) {
        let Some(running) = self.running.get_mut(&sign.op) else { return };
        match sign.kind {
            SignKind::Answered => {
                running.answered_at = Some(sign.at);
                self.link.answered(&sign.op.device, &running.task.endpoint, sign.at);
                self.breakers.handshake(&running.admission, sign.at, now);
            }
            SignKind::Writes => {
                running.wrote_at = Some(sign.at);
                self.breakers.accepted(&running.admission);
                self.progressed(ProgressNote { op: sign.op, phase: Phase::Write, at: sign.at });
            }
        }
    }

    fn drain(&mut self, now: Timestamp) {
        self.draining = true;
        self.refuse_queued("this agent is shutting down", now);
    }
}
