//! What happens to an agent, and what it wants done.

use crate::attempt::{Ended, ProgressNote, Sign};
use crate::journal::Entry;
use crate::sentinel::Reached;
use std::sync::Arc;
use switchyard_proto::convert::link::{FromCoordinator, Welcome};
use switchyard_shared::breaker::Snapshot;
use switchyard_shared::id::OpId;
use switchyard_shared::task::Task;
use switchyard_shared::time::Timestamp;

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
    /// What each running attempt has heard of its device.
    Heard(Vec<Heard>),
    /// A secret was looked at.
    Secret {
        /// Which.
        reference: String,
        /// Its fingerprint, if it can be had.
        fingerprint: Option<u64>,
    },
    /// Results up to this sequence are on disk.
    Durable(u64),
    /// The disk is full, for this reason; `None` when there is room again.
    JournalFull(Option<String>),
    /// A full disk was asked for room.
    AskedForRoom,
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
    /// Look at the secret of this reference.
    Fingerprint(String),
    /// Ask a full disk for room.
    AskForRoom,
    /// Keep the breakers as they were at this instant across a restart.
    Remember(Box<Snapshot>, Timestamp),
    /// Make these durable; `results_to` is the sequence that is durable then.
    Append {
        /// What.
        entries: Vec<Entry>,
        /// The result among them.
        results_to: Option<u64>,
    },
}

/// What an attempt has heard of its device.
#[derive(Debug)]
pub struct Heard {
    /// Which attempt.
    pub op: OpId,
    /// When it last heard something.
    pub at: Timestamp,
    /// Whether it has a session that asks the device for signs of life.
    pub is_asking: bool,
}
