//! The loop that owns the agent's truth: messages in, attempts and journal and coordinator out.

pub mod core;
mod effects;
mod ending;
pub mod ledger;
pub mod outbox;

#[cfg(test)]
mod tests;

use self::core::{Core, Event, Heard};
use crate::attempt::{CallOff, Ended, ProgressNote, Sign};
use crate::clock::Clock;
use crate::executor::{Executor, Hearing};
use crate::failpoint;
use crate::journal::{Log, NotDurable};
use crate::memory::Memory;
use crate::sentinel::Sentinel;
use crate::session::Lease;
use ending::Ending;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, FuturesUnordered, StreamExt as _};
use std::collections::BTreeMap;
use std::sync::Arc;
use switchyard_proto::convert::link::{FromAgent, FromCoordinator, Hello, Welcome};
use switchyard_shared::id::OpId;
use switchyard_shared::pool::MAX_IN_FLIGHT_MAX;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Messages that may wait for the driver.
pub const INBOX_MAX: usize = 256;
/// Progress notes that may wait for the driver; more are dropped.
pub const PROGRESS_MAX: usize = 256;
/// Signs that may wait for the driver: it takes them in before an attempt's end, so that each running
/// attempt has at most six of them waiting, one of each kind.
const SIGNS_MAX: usize = 6 * MAX_IN_FLIGHT_MAX;
/// Events taken in before anything new may start.
const BATCH_MAX: usize = 256;

/// What the session tells the driver.
#[derive(Debug)]
pub enum Message {
    /// A session begins: what is its first word?
    HelloWanted(oneshot::Sender<Hello>),
    /// The coordinator answered; speak to it through this.
    Connected(Welcome, mpsc::Sender<FromAgent>),
    /// The session is over.
    Disconnected,
    /// The coordinator said something.
    Down(FromCoordinator),
    /// There is no point in dialling again.
    Fatal(String),
}

/// Why an agent ended although nobody asked it to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// The coordinator will not have this agent.
    #[error("stay connected: {0}")]
    Fatal(String),
    /// The journal cannot be written.
    #[error("{0}")]
    JournalLost(String),
}

type Durable = (Option<u64>, Result<(), NotDurable>);

/// Everything the loop holds.
pub struct Driver {
    core: Core,
    executor: Arc<dyn Executor>,
    log: Arc<dyn Log>,
    lease: Arc<Lease>,
    clock: Arc<dyn Clock>,
    inbox: mpsc::Receiver<Message>,
    progress: (mpsc::Sender<ProgressNote>, mpsc::Receiver<ProgressNote>),
    signs: (mpsc::Sender<Sign>, mpsc::Receiver<Sign>),
    sentinel: Arc<dyn Sentinel>,
    /// Questions to sentinels and to the keeper of secrets; the core asks each of them once at a time.
    questions: FuturesUnordered<BoxFuture<'static, Event>>,
    memory: Arc<dyn Memory>,
    up: Option<mpsc::Sender<FromAgent>>,
    attempts: JoinSet<Ended>,
    running: BTreeMap<OpId, Handle>,
    tickets: FuturesOrdered<BoxFuture<'static, Durable>>,
    ending: Ending,
}

/// A running attempt as the loop reaches it.
struct Handle {
    call_off: CallOff,
    hearing: Arc<Hearing>,
}

enum Wake {
    Sign(Sign),
    Asked(Event),
    Ended(Ended),
    Durable(Durable),
    Message(Message),
    Progress(ProgressNote),
    Room,
    Timer,
    Drain,
}

impl Driver {
    /// A driver of `core` that listens on `inbox`.
    pub fn new(
        core: Core,
        executor: Arc<dyn Executor>,
        log: Arc<dyn Log>,
        lease: Arc<Lease>,
        clock: Arc<dyn Clock>,
        (sentinel, memory): (Arc<dyn Sentinel>, Arc<dyn Memory>),
        inbox: mpsc::Receiver<Message>,
    ) -> Self {
        Self {
            core,
            executor,
            log,
            lease,
            clock,
            inbox,
            progress: mpsc::channel(PROGRESS_MAX),
            signs: mpsc::channel(SIGNS_MAX),
            sentinel,
            questions: FuturesUnordered::new(),
            memory,
            up: None,
            attempts: JoinSet::new(),
            running: BTreeMap::new(),
            tickets: FuturesOrdered::new(),
            ending: Ending::default(),
        }
    }

    /// Runs until `shutdown`, and then until what runs has ended, within bounds.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), DriverError> {
        loop {
            self.settle();
            if self.ending.is_over(&self.core, self.clock.now()) {
                return self.ending.result(&self.core);
            }
            let wake = self.wait(&shutdown).await;
            self.take(wake);
            for _ in 1..BATCH_MAX {
                let Some(wake) = self.ready() else { break };
                self.take(wake);
            }
        }
    }

    /// Starts what may start, carries out what was decided, says what there is room for.
    fn settle(&mut self) {
        let now = self.clock.now();
        if self.core.wants_hearing(now) {
            let heard = self.running.iter().map(|(op, Handle { hearing, .. })| Heard {
                op: op.clone(),
                at: hearing.last(),
                is_asking: hearing.is_asking(),
            });
            self.core.handle(Event::Heard(heard.collect()), now);
        }
        let full = self.log.full();
        if full.as_deref() != self.core.journal_full() {
            self.core.handle(Event::JournalFull(full), now);
        }
        self.core.pump(now, self.lease.is_held(now));
        while let Some(effect) = self.core.poll_effect() {
            self.carry_out(effect);
        }
        let Some(up) = &self.up else { return };
        while self.core.has_outgoing()
            && let Ok(room) = up.try_reserve()
            && let Some(message) = self.core.poll_outgoing()
        {
            let is_result = matches!(message, FromAgent::Result { .. });
            room.send(message);
            if is_result {
                failpoint::here("result-sent");
            }
        }
    }

    async fn wait(&mut self, shutdown: &CancellationToken) -> Wake {
        let now = self.clock.now();
        let timeouts = [self.core.poll_timeout(), self.ending.poll_timeout(&self.core)];
        let timer = timeouts.into_iter().flatten().min().map(|at| at.since(now));
        let sleep = async {
            match timer {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        let up = self.up.clone().filter(|_| self.core.has_outgoing());
        let room = async {
            match &up {
                Some(up) if up.reserve().await.is_ok() => {}
                // Nobody listens there any more; the session says so itself.
                Some(_) | None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled(), if !self.ending.has_begun() => Wake::Drain,
            Some(sign) = self.signs.1.recv() => Wake::Sign(sign),
            Some(Ok(ended)) = self.attempts.join_next() => Wake::Ended(ended),
            Some(durable) = self.tickets.next() => Wake::Durable(durable),
            Some(answer) = self.questions.next() => Wake::Asked(answer),
            Some(message) = self.inbox.recv() => Wake::Message(message),
            () = room => Wake::Room,
            Some(note) = self.progress.1.recv() => Wake::Progress(note),
            () = sleep => Wake::Timer,
        }
    }

    /// What has happened already, without waiting.
    fn ready(&mut self) -> Option<Wake> {
        if let Ok(sign) = self.signs.1.try_recv() {
            return Some(Wake::Sign(sign));
        }
        if let Some(Ok(ended)) = self.attempts.try_join_next() {
            return Some(Wake::Ended(ended));
        }
        self.inbox.try_recv().ok().map(Wake::Message)
    }

    fn take(&mut self, wake: Wake) {
        let now = self.clock.now();
        match wake {
            Wake::Room | Wake::Timer => {}
            Wake::Sign(sign) => self.core.handle(Event::Sign(sign), now),
            Wake::Asked(answer) => self.core.handle(answer, now),
            Wake::Ended(ended) => {
                failpoint::here("device-answered");
                self.running.remove(&ended.op);
                self.core.handle(Event::Ended(ended), now);
            }
            Wake::Durable((None, Err(NotDurable::Full(_)))) => {}
            Wake::Durable((Some(sequence), Err(NotDurable::Full(_)))) => {
                // In memory for want of room: sent is better than silent, and after a crash the intents that are
                // on the disk say what must be read back.
                self.core.handle(Event::Durable(sequence), now);
            }
            Wake::Durable((_, Err(NotDurable::Lost(lost)))) => {
                self.core.handle(Event::JournalLost(lost.to_string()), now);
                self.ending.begin(now);
            }
            Wake::Durable((Some(sequence), Ok(()))) => {
                failpoint::here("result-synced");
                self.core.handle(Event::Durable(sequence), now);
            }
            Wake::Durable((None, Ok(()))) => {}
            Wake::Progress(note) => self.core.handle(Event::Progress(note), now),
            Wake::Message(message) => self.take_message(message),
            Wake::Drain => {
                tracing::info!(
                    "shutting down: starting nothing new, {} attempts still run",
                    self.core.running()
                );
                self.core.handle(Event::Drain, now);
                self.ending.begin(now);
            }
        }
    }

    fn take_message(&mut self, message: Message) {
        let now = self.clock.now();
        match message {
            Message::HelloWanted(reply) => {
                let _session_is_gone = reply.send(self.core.hello());
            }
            Message::Connected(welcome, up) => {
                self.up = Some(up);
                self.core.handle(Event::Connected(welcome), now);
            }
            Message::Disconnected => {
                self.up = None;
                self.core.handle(Event::Disconnected, now);
            }
            Message::Down(message) => self.core.handle(Event::Down(message), now),
            Message::Fatal(message) => {
                self.core.handle(Event::Drain, now);
                self.ending.fail(message, now);
            }
        }
    }
}
