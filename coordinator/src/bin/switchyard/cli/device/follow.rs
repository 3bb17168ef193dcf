//! Waits until devices in doubt are settled or left to a person.

use crate::client::Api;
use crate::failure::Failure;
use crate::session::Session;
use crate::words::short;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use switchyard_proto::v1;
use switchyard_proto::v1::doubt::State;
use tokio::time::MissedTickBehavior;

/// How often the devices are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Looks between two words on what they wait for.
const LOOKS_PER_WORD: u32 = 20;
/// Devices that one question names.
const NAMED_MAX: usize = 50;

/// How the wait ended.
pub enum Ended {
    /// Nothing is being read any more; the devices as they are now.
    Settled(Vec<v1::DeviceResult>),
    /// `--timeout` passed.
    TimedOut,
    /// Ctrl-C.
    Detached,
}

/// Whether a device is being read or will be.
pub fn is_settling(device: &v1::DeviceResult) -> bool {
    let state = device.doubt.as_ref().map(|doubt| doubt.state());
    matches!(state, Some(State::ToRead | State::Reading))
}

/// Looks until none of the devices is being read or will be.
pub async fn until_settled(
    session: &mut Session,
    api: &Api,
    asked: Vec<v1::DeviceResult>,
) -> Result<Ended, Failure> {
    let mut asked_of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for device in asked {
        let (rollout, _) = device.name.rsplit_once("/deviceResults/").unwrap_or_default();
        asked_of.entry(rollout.to_owned()).or_default().insert(device.device);
    }
    let mut interrupted = std::pin::pin!(session.interrupted());
    let mut time_up = std::pin::pin!(session.time_up());
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for looks in 1u32.. {
        tokio::select! {
            biased;
            () = &mut interrupted => return Ok(Ended::Detached),
            () = &mut time_up => return Ok(Ended::TimedOut),
            _ = tick.tick() => {}
        }
        if !are_settling(api, &asked_of).await? {
            break;
        }
        if looks.is_multiple_of(LOOKS_PER_WORD) {
            say_what_they_wait_for(session, api, &asked_of).await?;
        }
    }
    Ok(Ended::Settled(look(api, &asked_of).await?))
}

async fn are_settling(api: &Api, asked: &BTreeMap<String, BTreeSet<String>>) -> Result<bool, Failure> {
    for (rollout, devices) in asked {
        let unknown = api.devices(rollout, "state = \"UNKNOWN\"").await?;
        if unknown.iter().any(|device| devices.contains(&device.device) && is_settling(device)) {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn look(
    api: &Api,
    asked: &BTreeMap<String, BTreeSet<String>>,
) -> Result<Vec<v1::DeviceResult>, Failure> {
    let mut found = Vec::new();
    for (rollout, devices) in asked {
        let names: Vec<String> = devices.iter().map(|name| format!("device = \"{name}\"")).collect();
        for part in names.chunks(NAMED_MAX) {
            found.extend(api.devices(rollout, &part.join(" OR ")).await?);
        }
    }
    Ok(found)
}

async fn say_what_they_wait_for(
    session: &mut Session,
    api: &Api,
    asked: &BTreeMap<String, BTreeSet<String>>,
) -> Result<(), Failure> {
    for rollout in asked.keys() {
        let waits = api.rollout(rollout).await?.blocked_on;
        for line in waits.iter().filter(|line| line.contains("UNKNOWN")) {
            session.note(&format!("{}: {line}", short("rollouts", rollout)));
        }
    }
    Ok(())
}
