//! A person's word to put one device back to what it had: durable, then handed out at once, whatever stands still.

use super::answered::Said;
use super::effect::Turn;
use super::world::World;
use crate::refused::Refused;
use switchyard_shared::id::{DeviceName, RolloutName};
use switchyard_shared::rollout::event::Event;

/// What is to be put back.
#[derive(Debug, Clone, Default)]
pub struct RestoreDevice {
    /// The rollout that wrote to it, with or without `rollouts/`.
    pub rollout: String,
    /// The device.
    pub device: String,
    /// Also when it was changed since.
    pub overwrite: bool,
    /// Who.
    pub by: String,
    /// Why; may be empty.
    pub reason: String,
    /// The same id, the same answer; may be empty.
    pub request_id: String,
}

impl World {
    /// Has a device put back to what it had before the rollout's last write to it. The same request again does
    /// nothing. It takes no credit and waits for no room: its agent keeps a place for it.
    pub fn restore_device(
        &mut self,
        asked: &RestoreDevice,
        turn: &mut Turn,
    ) -> Result<(RolloutName, DeviceName), Refused> {
        let RestoreDevice { rollout, device, overwrite, by, reason, request_id } = asked;
        let more = if *overwrite { ", whatever it got since" } else { "" };
        let line = format!("roll back [{device}] of [{rollout}]{more} by {by}: {reason}");
        if let Some(known) = self.answers.known(request_id, &line)?
            && let Some(said) = known.said.devices.first()
        {
            return Ok(said.clone());
        }
        let known = &self.rollout(rollout)?.rollout;
        let device = DeviceName::new(device)
            .map_err(|error| Refused::BadRequest { field: "device".into(), why: error.to_string() })?;
        let (name, event) = (known.name.clone(), known.restore(&device, *overwrite, (by, reason))?);
        let Event::Restoring { site, attempt, .. } = event.clone() else {
            return Err(Refused::BadRequest { field: "device".into(), why: "it cannot be put back".into() });
        };
        if let Some(other) = self.fleet.held.get(&device).filter(|holder| **holder != name) {
            return Err(Refused::HeldByOther { device: device.to_string(), rollout: other.to_string() });
        }
        if self.fleet.sessions.get(&site).is_none_or(|session| !session.heard) {
            return Err(Refused::AgentAway { site: site.to_string() });
        }
        self.record(&name, event, turn);
        self.dispatch(&name, &site, &[(device.clone(), attempt)], turn);
        tracing::warn!(rollout = %name, %device, overwrite, by, reason, "a device is put back to what it had");
        let devices = vec![(name.clone(), device.clone())];
        self.answers.keep(request_id, line, Said { devices, ..Said::default() }, turn);
        Ok((name, device))
    }
}
