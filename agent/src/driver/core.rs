//! The agent's one truth: queue, pool, breakers, running attempts, results, credit. Events in, effects
//! out; no clock, no task, no socket.

mod assign;
mod breakers;
mod disk;
mod doubt;
mod event;
mod finish;
mod licence;
mod link;
mod pool;
mod secrets;
mod stall;
mod start;
mod tried;

#[cfg(test)]
mod tests;

pub use event::{Effect, Event, Heard};

use super::ledger::Ledger;
use super::outbox::Outbox;
use crate::attempt::{ProgressNote, Sign, SignKind};
use crate::journal::State;
use crate::memory::Remembered;
use disk::Disk;
use doubt::{Asked, Doubt, Link};
use licence::Licence;
use secrets::Watched;
use stall::Stall;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::breaker::{self, Admission, Tree};
use switchyard_shared::id::{OpId, SiteName};
use switchyard_shared::outcome::Phase;
use switchyard_shared::pool::{Lease, Pool};
use switchyard_shared::task::Task;
use switchyard_shared::time::Timestamp;
use tried::Tried;

/// Results that may wait for their acknowledgement before no more credit is granted.
pub const UNACKED_MAX: usize = 10_000;
/// How long what is queued waits, without a lease, until the next look at it.
const LEASE_LOOK: Duration = Duration::from_secs(1);

struct Running {
    task: Arc<Task>,
    admission: Admission,
    lease: Lease,
    answered_at: Option<Timestamp>,
    heard_at: Timestamp,
    /// Whether it has a session that asks the device for signs of life, as far as was told.
    is_asking: bool,
    wrote_at: Option<Timestamp>,
    /// What stands between the agent and the device failed.
    way_lost: bool,
    /// The device could not be looked at after its write.
    unseen: bool,
    /// Who was asked since whether the link works.
    asked: Option<Asked>,
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
    stall: Stall,
    watched: Watched,
    /// Whether a breaker moved since the breakers were last to be kept.
    unsaved: bool,
    /// When something that waits in the queue may start although nothing else happens.
    start_at: Option<Timestamp>,
    /// Whether new work might start when that was last looked at, and when to look again.
    licence: Licence,
    ledger: Ledger,
    outbox: Outbox,
    effects: VecDeque<Effect>,
    coordinator_epoch: u64,
    site_epoch: u64,
    journal_id: String,
    former_journal_ids: Vec<String>,
    connected: bool,
    draining: bool,
    journal_lost: Option<String>,
    disk: Disk,
    received: u64,
    granted: u64,
    granted_sent: u64,
}

impl Core {
    /// An agent that starts from what its journal kept and what it remembers of its breakers.
    pub fn new(
        site: SiteName,
        max_in_flight: usize,
        state: State,
        remembered: Option<Remembered>,
        now: Timestamp,
    ) -> Self {
        let seed = breaker::seed(&state.id);
        let breakers = match remembered {
            None => Tree::new(site.clone(), seed, now),
            // What was left to wait then has gone on since.
            Some(Remembered { breakers, as_of }) => Tree::restore(site.clone(), breakers, seed, as_of),
        };
        let mut core = Self::with(site, Pool::new(max_in_flight), breakers, state);
        core.watch_open_credentials(now);
        core.tell_breakers_of_pool();
        core
    }

    fn with(site: SiteName, pool: Pool, breakers: Tree, state: State) -> Self {
        Self {
            breakers,
            site,
            pool,
            queue: VecDeque::new(),
            running: BTreeMap::new(),
            tried: Tried::default(),
            link: Link::default(),
            stall: Stall::default(),
            watched: Watched::default(),
            unsaved: false,
            start_at: None,
            licence: Licence::default(),
            coordinator_epoch: state.coordinator_epoch,
            site_epoch: state.site_epoch,
            journal_id: state.id.clone(),
            former_journal_ids: state.former.clone(),
            ledger: Ledger::new(state),
            outbox: Outbox::default(),
            effects: VecDeque::new(),
            connected: false,
            draining: false,
            journal_lost: None,
            disk: Disk::default(),
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
            Event::Disconnected => self.disconnected(now),
            Event::Down(message) => self.down(message, now),
            Event::Ended(ended) => self.ended(ended, now),
            Event::Progress(note) => self.progressed(note),
            Event::Sign(sign) => self.signed(sign, now),
            Event::Heard(all) => self.heard(all, now),
            Event::Secret { reference, fingerprint } => {
                if let Some(fingerprint) = fingerprint {
                    self.secret_is(&reference, fingerprint, now);
                }
            }
            Event::Probed { address, reached } => self.probed(&address, reached, now),
            Event::Durable(sequence) => self.ledger.durable(sequence),
            Event::JournalFull(why) => self.journal_is_full(why, now),
            Event::AskedForRoom => self.disk.asked(now),
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
        self.look_at_secrets(now);
        self.ask_for_room(now);
        self.mind_the_lease(now, lease_held);
        self.start_at = None;
        if self.connected && lease_held {
            self.start_what_may(now);
        } else if self.connected && !self.queue.is_empty() {
            // A lease that comes back wakes nobody.
            self.start_at = Some(now.plus(LEASE_LOOK));
        }
        self.grant(now);
        if std::mem::take(&mut self.unsaved) {
            self.effects.push_back(Effect::Remember(Box::new(self.breakers.snapshot(now)), now));
        }
    }

    /// When to pump again although nothing happens.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let breakers = self.breakers.poll_timeout().map(|(at, _, _)| at);
        let others = [
            self.pool.poll_timeout(),
            self.start_at,
            self.licence.look_at(),
            self.next_verdict(),
            self.next_stall_check(),
            self.watched.next_look(),
            self.disk.next_question(),
        ];
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

    /// When the last device that is being written has answered or run out of time.
    pub fn written_by(&self) -> Option<Timestamp> {
        let written = self
            .running
            .values()
            .filter_map(|running| running.wrote_at.map(|wrote_at| wrote_at.plus(running.task.write_time())));
        written.max()
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
            SignKind::Secret(fingerprint) => {
                let reference = running.task.endpoint.credential_ref.clone();
                self.secret_is(&reference, fingerprint, now);
            }
            SignKind::Answered { accepted } => {
                running.answered_at = Some(sign.at);
                // One behind a jump host shows nothing of the link when it is asked without it.
                if running.task.endpoint.ssh.jump.is_none() {
                    self.link.answered(&sign.op.device, &running.task.endpoint, sign.at);
                }
                let _late_or_counted = self.breakers.handshake(&running.admission, sign.at, now);
                if accepted {
                    self.breakers.accepted(&running.admission);
                }
                self.note_moves(now);
            }
            SignKind::Connects => self.breakers.connects(&running.admission, sign.at, now),
            SignKind::WayLost => {
                running.way_lost = true;
                self.breakers.way_lost(&mut running.admission, now);
                self.note_moves(now);
            }
            SignKind::Unseen => {
                running.unseen = true;
                self.ask_for(&sign.op, now);
            }
            SignKind::Writes => {
                running.wrote_at = Some(sign.at);
                self.progressed(ProgressNote { op: sign.op, phase: Phase::Write, at: sign.at });
            }
        }
    }

    fn drain(&mut self, now: Timestamp) {
        self.draining = true;
        self.refuse_queued("this agent is shutting down", now);
        let all = self.running.keys().cloned().collect();
        self.call_off(all, "called off: this agent is shutting down", now);
    }
}
