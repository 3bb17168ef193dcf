//! What a run leaves behind, in one time that no program of it can see.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use switchyard_agent::journal::Entry;
use switchyard_shared::id::{DeviceName, OpId, RolloutName, SiteName};
use switchyard_shared::rollout::Layout;
use switchyard_shared::rollout::event::Event;
use switchyard_shared::time::Timestamp;

/// What a device notes of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Somebody connected.
    Opened,
    /// It was asked for its configuration and answered.
    Read,
    /// The first byte came that can change it.
    WriteBegan,
    /// Nothing of that write changes it any more, whether or not somebody was told.
    WriteEnded,
    /// The session is over.
    Closed,
}

/// One line of a device's own ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// When.
    pub at: Timestamp,
    /// The device.
    pub device: DeviceName,
    /// Its site.
    pub site: SiteName,
    /// For which operation, where the device is told.
    pub op: Option<OpId>,
    /// Which agent, and which life of it.
    pub by: String,
    /// Which session.
    pub session: u64,
    /// What happened.
    pub mark: Mark,
}

/// One event of a rollout's log, with when it was durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// When it was on the coordinator's disk.
    pub durable_at: Timestamp,
    /// When the coordinator's clock says it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// A rollout's log.
#[derive(Debug, Clone)]
pub struct RolloutLog {
    /// Its plan's order and limits.
    pub layout: Arc<Layout>,
    /// Its events in order.
    pub events: Vec<Recorded>,
}

/// What an agent's journal made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journalled {
    /// When it was on the agent's disk.
    pub at: Timestamp,
    /// Whose.
    pub site: SiteName,
    /// The entry.
    pub entry: Entry,
}

/// A time during which no word of the coordinator reached a site, or none of the site the coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The site.
    pub site: SiteName,
    /// From then on.
    pub from: Timestamp,
    /// Until then.
    pub until: Timestamp,
}

/// An event that was durable once and is gone since an old copy of the log came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Since when it is gone.
    pub at: Timestamp,
    /// Whose.
    pub rollout: RolloutName,
    /// The event.
    pub recorded: Recorded,
}

/// A site that a person took from its agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebind {
    /// When that was durable at the latest.
    pub at: Timestamp,
    /// The site.
    pub site: SiteName,
    /// How what devices call the former agent begins.
    pub former: String,
}

/// All of a run.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// What the devices noted, in order.
    pub touches: Vec<Touch>,
    /// What the coordinator kept.
    pub rollouts: BTreeMap<RolloutName, RolloutLog>,
    /// What the agents' journals kept, in order.
    pub journals: Vec<Journalled>,
    /// Acknowledgements that agents heard: when, which site, up to which sequence.
    pub acks: Vec<(Timestamp, SiteName, u64)>,
    /// When sites were cut off.
    pub cuts: Vec<Cut>,
    /// What old copies of the log do not have.
    pub lost: Vec<Lost>,
    /// Sites that changed hands.
    pub rebinds: Vec<Rebind>,
    /// Sites whose journals have rotted: what was in them may be lost, and is in doubt then.
    pub rotted: BTreeSet<SiteName>,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant, such as `I1`.
    pub invariant: &'static str,
    /// When.
    pub at: Timestamp,
    /// At which device, if it is about one.
    pub device: Option<DeviceName>,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: ", self.invariant, self.at)?;
        if let Some(device) = &self.device {
            write!(f, "device {device}: ")?;
        }
        f.write_str(&self.what)
    }
}

impl History {
    /// The events of all logs that are about `device` and `attempt` of `rollout`.
    pub fn ends_of<'a>(&'a self, op: &'a OpId) -> impl Iterator<Item = &'a Recorded> {
        let log = self.rollouts.get(&op.rollout).into_iter().flat_map(|log| &log.events);
        log.filter(move |recorded| end_of(&recorded.event) == Some((&op.device, op.attempt)))
    }

    /// The same of events that are gone.
    pub fn lost_ends_of<'a>(&'a self, op: &'a OpId) -> impl Iterator<Item = &'a Lost> {
        let lost = self.lost.iter().filter(|lost| lost.rollout == op.rollout);
        lost.filter(move |lost| end_of(&lost.recorded.event) == Some((&op.device, op.attempt)))
    }

    /// Whether the attempt was handed out and an old copy of the log does not know of it.
    pub fn was_made_in_lost_time(&self, op: &OpId) -> bool {
        let mut lost = self.lost.iter().filter(|lost| lost.rollout == op.rollout);
        lost.any(|lost| {
            let (Event::Dispatched { ops, .. } | Event::ReadBack { ops, .. }) = &lost.recorded.event else {
                return false;
            };
            ops.iter().any(|(device, attempt)| *device == op.device && *attempt == op.attempt)
        })
    }

    /// Lines of the devices' ledgers, by device.
    pub fn by_device(&self) -> BTreeMap<&DeviceName, Vec<&Touch>> {
        let mut devices: BTreeMap<&DeviceName, Vec<&Touch>> = BTreeMap::new();
        for touch in &self.touches {
            devices.entry(&touch.device).or_default().push(touch);
        }
        devices
    }
}

/// The attempt whose end this event tells.
pub fn end_of(event: &Event) -> Option<(&DeviceName, u32)> {
    match event {
        Event::Finished { device, attempt, .. }
        | Event::Requeued { device, attempt, .. }
        | Event::StillUnknown { device, attempt, .. }
        | Event::Settled { device, attempt, .. }
        | Event::Restored { device, attempt, .. }
        | Event::Conflicted { device, attempt, .. } => Some((device, *attempt)),
        Event::Created { .. }
        | Event::WaveStarted { .. }
        | Event::Dispatched { .. }
        | Event::ReadBack { .. }
        | Event::GivenUp { .. }
        | Event::Restoring { .. }
        | Event::Skipped { .. }
        | Event::WaveFinished { .. }
        | Event::Promoted { .. }
        | Event::Paused { .. }
        | Event::Resumed { .. }
        | Event::Aborted { .. }
        | Event::Held { .. }
        | Event::Released { .. }
        | Event::Breaker { .. }
        | Event::Ended { .. } => None,
    }
}
