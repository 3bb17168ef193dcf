//! An operator's word on devices in doubt: read them, or this is what they have.

use super::answered::Said;
use super::effect::Turn;
use super::world::World;
use crate::refused::Refused;
use std::collections::BTreeSet;
use switchyard_proto::convert::link::{BreakerAction, FromCoordinator};
use switchyard_shared::breaker::{Name, State};
use switchyard_shared::id::{DeviceName, RolloutName};
use switchyard_shared::rollout::{Device, Word};
use switchyard_shared::time::Timestamp;

/// Devices that one request may name.
pub const DEVICES_MAX: usize = 1000;

/// What an operator wants of devices in doubt.
#[derive(Debug, Clone, Default)]
pub struct Reconcile {
    /// The rollout, with or without `rollouts/`; empty when it is the one that holds each device.
    pub rollout: String,
    /// The devices; when empty, every device of the rollout that is in doubt.
    pub devices: Vec<String>,
    /// What they have; without it they are read.
    pub word: Option<Word>,
    /// Who.
    pub by: String,
    /// Why; never empty with a word.
    pub reason: String,
    /// The same id, the same answer; may be empty.
    pub request_id: String,
}

impl World {
    /// Has devices in doubt read, or settles them, all of them or none; gives them with their rollouts.
    pub fn reconcile_devices(
        &mut self,
        asked: &Reconcile,
        turn: &mut Turn,
    ) -> Result<Vec<(RolloutName, DeviceName)>, Refused> {
        let line = line(asked);
        if let Some(known) = self.answers.known(&asked.request_id, &line)? {
            return Ok(known.said.devices.clone());
        }
        check(asked)?;
        let devices = self.meant(asked, turn.now)?;
        let mut events = Vec::new();
        for (rollout, device) in &devices {
            let active = self.rollout(rollout.as_str())?;
            let known = active.rollout.device(device).map(|(_, device)| device);
            if asked.word.is_none() && known.is_some_and(|device| is_read_anyway(device, turn.now)) {
                continue;
            }
            let Reconcile { word, by, reason, .. } = asked;
            events.push((
                rollout.clone(),
                active.rollout.reconcile_device(device, *word, by, reason, turn.now)?,
            ));
        }
        for (rollout, event) in events {
            self.record(&rollout, event, turn);
        }
        if asked.word.is_some() {
            for (_, device) in &devices {
                self.end_quarantine(device, asked, turn);
            }
        }
        tracing::info!(asked = line, devices = devices.len(), "doubts");
        let said = Said { devices: devices.clone(), ..Said::default() };
        self.answers.keep(&asked.request_id, line, said, turn);
        Ok(devices)
    }

    /// How many devices a word on all of a rollout did not reach because it reaches so many at once.
    pub fn beyond_reach(&self, asked: &Reconcile, reached: &[(RolloutName, DeviceName)]) -> usize {
        if !asked.devices.is_empty() || reached.len() < DEVICES_MAX {
            return 0;
        }
        let reached: BTreeSet<&DeviceName> = reached.iter().map(|(_, device)| device).collect();
        let unknown = self.rollout(&asked.rollout).ok().map(|active| active.rollout.in_doubt());
        unknown.into_iter().flatten().filter(|device| !reached.contains(device)).count()
    }

    /// The device's breaker opened because of the doubt that a person has just ended.
    fn end_quarantine(&mut self, device: &DeviceName, asked: &Reconcile, turn: &mut Turn) {
        let name = Name::Device(device.clone());
        let Some(report) = self.fleet.breakers.get(&name).filter(|report| report.state == State::Open) else {
            return;
        };
        // Its agent may be away; it hears of it when it reports the breaker again.
        let report = report.clone();
        self.fleet.breakers.remove(&name);
        self.breakers_moved(turn);
        let session = report.site.as_ref().and_then(|site| self.fleet.sessions.get(site));
        if let Some(session) = session {
            let (by, reason) = (asked.by.clone(), asked.reason.clone());
            let reset = FromCoordinator::Breaker { name, action: BreakerAction::Reset, by, reason };
            turn.send(&session.outbox, reset);
        }
    }

    fn meant(&self, asked: &Reconcile, now: Timestamp) -> Result<Vec<(RolloutName, DeviceName)>, Refused> {
        if asked.devices.is_empty() {
            let rollout = &self.rollout(&asked.rollout)?.rollout;
            let is_read = |device: &&DeviceName| {
                asked.word.is_none()
                    && rollout.device(device).is_some_and(|(_, device)| is_read_anyway(device, now))
            };
            // The same word again is for those that it has not reached yet.
            let (read, open): (Vec<&DeviceName>, Vec<&DeviceName>) = rollout.in_doubt().partition(is_read);
            let meant = open.into_iter().chain(read).take(DEVICES_MAX);
            return Ok(meant.map(|device| (rollout.name.clone(), device.clone())).collect());
        }
        let mut meant = Vec::new();
        for name in &asked.devices {
            let device = DeviceName::new(name).map_err(|error| bad("devices", error))?;
            let rollout = match asked.rollout.as_str() {
                "" => self.fleet.held.get(&device).cloned().ok_or_else(|| no_doubt(&device))?,
                named => self.rollout(named)?.rollout.name.clone(),
            };
            if !meant.contains(&(rollout.clone(), device.clone())) {
                meant.push((rollout, device));
            }
        }
        Ok(meant)
    }
}

/// Whether the device is being read, or will be without anybody's word and not before: after an agent was
/// replaced, the former one may still be writing until then.
fn is_read_anyway(device: &Device, now: Timestamp) -> bool {
    let Some(doubt) = &device.doubt else { return false };
    doubt.reading || (doubt.reads == 0 && doubt.next_read.is_some_and(|at| at > now))
}

fn check(asked: &Reconcile) -> Result<(), Refused> {
    if asked.devices.is_empty() && asked.rollout.is_empty() {
        return Err(bad("devices", "name devices, or a rollout of which all in doubt are meant"));
    }
    if asked.devices.len() > DEVICES_MAX {
        return Err(bad("devices", format!("more than {DEVICES_MAX}; ask for them in parts")));
    }
    if asked.word.is_some() && asked.reason.trim().is_empty() {
        return Err(bad("reason", "say how you know what the devices have: the next operator reads it"));
    }
    Ok(())
}

fn bad(field: &str, why: impl ToString) -> Refused {
    Refused::BadRequest { field: field.into(), why: why.to_string() }
}

fn no_doubt(device: &DeviceName) -> Refused {
    let (kind, list) = ("doubt about device", "switchyard rollout list");
    Refused::NotFound { kind, name: device.to_string(), list }
}

fn line(asked: &Reconcile) -> String {
    let word = match asked.word {
        None => "read",
        Some(Word::Succeeded) => "succeeded",
        Some(Word::Failed) => "failed",
        Some(Word::NotApplied) => "not-applied",
    };
    let devices = asked.devices.join(" ");
    format!("reconcile [{devices}] of [{}] as {word} by {}: {}", asked.rollout, asked.by, asked.reason)
}
