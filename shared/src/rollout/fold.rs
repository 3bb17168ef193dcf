//! Applies an event: the only way a rollout's state changes.

use super::doubt::{Doubt, leaves_doubt};
use super::event::Event;
use super::retries::Retries;
use super::{Counts, Device, Layout, Rollout, RolloutState, Wave, WaveState};
use crate::breaker::{Name, Report, State};
use crate::id::{DeviceName, RolloutName};
use crate::outcome::{Class, DeviceState, Outcome};
use crate::pace::{Pace, Verdict};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Text of the first event of a log that does not begin with a creation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("replay rollouts/{0}: its log does not begin with its creation")]
pub struct NotCreated(pub RolloutName);

impl Rollout {
    /// The rollout that `created` brings into being; any other first event is refused.
    pub fn from_created(
        name: RolloutName,
        layout: Arc<Layout>,
        created: &Event,
        at: Timestamp,
    ) -> Result<Self, NotCreated> {
        let Event::Created { plan, by, request_id, .. } = created else {
            return Err(NotCreated(name));
        };
        let blank = Device {
            state: DeviceState::Pending,
            attempt: 0,
            tries: 0,
            outcome: None,
            reported: 0,
            applied: 0,
            heard: 0,
            refused: 0,
            reason: String::new(),
            not_before: Timestamp(i64::MIN),
            doubt: None,
            doubts: 0,
            wrote: 0,
            restore: None,
        };
        let (counts, waves) = planned(&layout);
        Ok(Self {
            name,
            plan: plan.clone(),
            state: RolloutState::Pending,
            reason: String::new(),
            created_by: by.clone(),
            request_id: request_id.clone(),
            created_at: at,
            started_at: None,
            ended_at: None,
            sequence: 1,
            devices: vec![blank; layout.devices.len()],
            counts,
            waves,
            wave: 0,
            pace: match layout.budget {
                Some(budget) => Pace::new(layout.watched.clone(), layout.site_of().to_vec(), budget)
                    .with_connect_timeout(layout.connect_timeout),
                None => Pace::unpaced(layout.site_of().to_vec()),
            },
            decided: VecDeque::new(),
            held_by_hand: BTreeSet::new(),
            waiting: vec![0; layout.sites().len()],
            running: vec![0; layout.sites().len()],
            doubts: BTreeSet::new(),
            later: BTreeSet::new(),
            parked: BTreeMap::new(),
            retries: Retries::default(),
            open_since: BTreeMap::new(),
            layout,
        })
    }

    /// Applies one event that happened at `at`.
    pub fn apply(&mut self, event: &Event, at: Timestamp) {
        self.sequence += 1;
        self.pace.tick(at);
        match event {
            Event::Created { .. } => {}
            Event::WaveStarted { wave } => self.start_wave(*wave, at),
            Event::Dispatched { ops, .. } => {
                ops.iter().for_each(|(name, attempt)| self.dispatch(name, *attempt, at))
            }
            Event::Finished { device, attempt, outcome } => self.finish(device, *attempt, outcome, at),
            Event::Requeued { device, attempt, outcome, not_before, .. } => {
                self.requeue(device, outcome.as_ref().map(|outcome| (*attempt, outcome)), *not_before, at)
            }
            Event::ReadBack { ops, .. } => {
                ops.iter().for_each(|(name, attempt)| self.read_back(name, *attempt, at))
            }
            Event::StillUnknown { device, attempt, not_before, untried, reason } => {
                self.still_unknown(device, *attempt, (*not_before, *untried), reason);
            }
            Event::GivenUp { devices, reason, .. } => {
                devices.iter().for_each(|(name, attempt)| self.given_up(name, *attempt, reason, at));
            }
            Event::Settled { device, attempt, state, outcome, reason, .. } => {
                self.settled(device, *attempt, *state, (outcome.as_ref(), reason), at);
            }
            Event::Conflicted { device, attempt, outcome, reason } => {
                self.conflicted(device, *attempt, outcome, reason, at);
            }
            Event::Restoring { .. } | Event::Restored { .. } => self.way_back(event, at),
            Event::Skipped { devices, message, .. } => {
                devices.iter().for_each(|name| self.skip(name, message))
            }
            Event::WaveFinished { wave, soak_until, needs_promotion } => {
                let next = if *needs_promotion { WaveState::AwaitingPromotion } else { WaveState::Soaking };
                self.waves[*wave as usize].state = next;
                self.waves[*wave as usize].soak_until = Some(*soak_until);
            }
            Event::Promoted { wave, .. } => self.waves[*wave as usize].promoted = true,
            Event::Paused { by, reason } => {
                self.set_state(RolloutState::Paused, said(by, "paused", reason));
                self.stop_is_known();
            }
            Event::Resumed { .. } => {
                self.waves[self.wave as usize].accepted |= self.bad_canary().is_some();
                self.set_state(RolloutState::Running, String::new());
                self.pace_again();
            }
            Event::Aborted { by, reason } => {
                self.set_state(RolloutState::Aborted, said(by, "aborted", reason))
            }
            Event::Held { group, by, .. } => self.hold_is_known(group, by),
            Event::Released { group, .. } => {
                self.held_by_hand.remove(group);
                self.pace.release(group);
            }
            Event::Breaker { report } => self.note_breaker(report, at),
            Event::Ended { state } => {
                if self.state == RolloutState::Paused && *state != RolloutState::Stopped {
                    // Why it was paused says nothing about how it ended.
                    self.reason.clear();
                }
                self.state = *state;
                self.ended_at = Some(at);
                for wave in self.waves.iter_mut().filter(|wave| wave.state != WaveState::Waiting) {
                    wave.state = WaveState::Done;
                }
            }
        }
    }

    fn set_state(&mut self, state: RolloutState, reason: String) {
        self.state = state;
        self.reason = reason;
    }

    /// A site that is half-open when it is first seen may have its probe.
    fn note_breaker(&mut self, report: &Report, at: Timestamp) {
        let Name::Site(site) = &report.name else { return };
        match report.state {
            State::Closed | State::ForcedClosed => drop(self.open_since.remove(site)),
            State::Open | State::ForcedOpen => drop(self.open_since.entry(site.clone()).or_insert(at)),
            State::HalfOpen | State::Held => {}
        }
    }

    fn start_wave(&mut self, wave: u32, at: Timestamp) {
        if self.started_at.is_none() {
            self.started_at = Some(at);
            self.state = RolloutState::Running;
        }
        for earlier in &mut self.waves[..wave as usize] {
            earlier.state = WaveState::Done;
        }
        self.wave = wave;
        self.waves[wave as usize].state = WaveState::Running;
        for rank in self.layout.wave_ranks(wave) {
            if self.devices[rank as usize].state == DeviceState::Pending {
                self.waiting[self.layout.site_of()[rank as usize] as usize] += 1;
                self.pace.offer(rank);
            }
        }
    }

    fn dispatch(&mut self, name: &DeviceName, attempt: u32, at: Timestamp) {
        if let Some(rank) = self.shift(name, DeviceState::Running) {
            self.pace.start(rank, at);
            let device = &mut self.devices[rank as usize];
            (device.attempt, device.applied) = (attempt, attempt);
            device.reason.clear();
        }
    }

    fn finish(&mut self, name: &DeviceName, attempt: u32, outcome: &Outcome, at: Timestamp) {
        if leaves_doubt(outcome.class) && self.device(name).is_some_and(|(_, device)| device.doubt.is_some())
        {
            return self.ended_in_doubt(name, attempt, outcome, at);
        }
        let state = outcome.class.device_state().unwrap_or(DeviceState::Failed);
        let ran = self.device(name).is_some_and(|(_, device)| device.state == DeviceState::Running);
        if let Some(rank) = self.shift(name, state) {
            let device = &mut self.devices[rank as usize];
            device.tries += u32::from(ran);
            device.reason.clear();
            device.note_write(attempt, outcome);
            device.outcome = Some(Box::new(outcome.clone()));
            device.reported = attempt;
            device.refused = 0;
            if !leaves_doubt(outcome.class) {
                device.heard = attempt;
            }
            self.pace.withdraw(rank);
            self.learn(rank, outcome, at);
            if leaves_doubt(outcome.class) {
                let next_read = self.layout.readable.then_some(at);
                self.begin_doubt(rank, Doubt::new(at, attempt, outcome.before.clone(), next_read));
            }
        }
    }

    fn requeue(
        &mut self,
        name: &DeviceName,
        outcome: Option<(u32, &Outcome)>,
        not_before: Timestamp,
        at: Timestamp,
    ) {
        if let Some(rank) = self.shift(name, DeviceState::Pending) {
            self.pace.finish(rank, Verdict::Neutral, None, at);
            self.later.insert((not_before, rank));
            let device = &mut self.devices[rank as usize];
            device.not_before = not_before;
            let Some((attempt, outcome)) = outcome else { return };
            (device.reported, device.heard) = (attempt, attempt);
            device.reason = outcome.message.clone();
            device.note_write(attempt, outcome);
            if outcome.class == Class::NotStarted {
                device.refused = device.refused.saturating_add(1);
            }
            if outcome.class.device_state().is_some() {
                device.tries += 1;
                device.refused = 0;
                device.outcome = Some(Box::new(outcome.clone()));
            }
        }
    }

    fn skip(&mut self, name: &DeviceName, message: &str) {
        if let Some(rank) = self.shift(name, DeviceState::Skipped) {
            self.pace.withdraw(rank);
            self.devices[rank as usize].reason = message.to_owned();
        }
    }

    /// Moves a device to `to` in every count; `None` when the plan has no such device.
    pub(super) fn shift(&mut self, name: &DeviceName, to: DeviceState) -> Option<u32> {
        let rank = self.layout.rank(name)?;
        let place = &self.layout.devices[rank as usize];
        let from = std::mem::replace(&mut self.devices[rank as usize].state, to);
        self.counts.shift(from, to);
        self.waves[place.wave as usize].counts.shift(from, to);
        let site = self.layout.site_of()[rank as usize] as usize;
        // Rises only after its attempt has left `Running`.
        let device = &self.devices[rank as usize];
        let is_retry = device.tries > 0 && device.restore.is_none();
        let in_wave = place.wave <= self.wave && self.started_at.is_some();
        match from {
            DeviceState::Running => {
                self.running[site] = self.running[site].saturating_sub(1);
                if is_retry {
                    self.retries.ended(site as u32);
                }
            }
            DeviceState::Pending if in_wave => self.waiting[site] = self.waiting[site].saturating_sub(1),
            DeviceState::Pending
            | DeviceState::Succeeded
            | DeviceState::Unchanged
            | DeviceState::Failed
            | DeviceState::Skipped
            | DeviceState::Unknown
            | DeviceState::RolledBack => {}
        }
        match to {
            DeviceState::Running => {
                self.running[site] += 1;
                if is_retry {
                    self.retries.started(site as u32);
                }
            }
            DeviceState::Pending if in_wave => self.waiting[site] += 1,
            DeviceState::Pending
            | DeviceState::Succeeded
            | DeviceState::Unchanged
            | DeviceState::Failed
            | DeviceState::Skipped
            | DeviceState::Unknown
            | DeviceState::RolledBack => {}
        }
        self.parked.remove(&rank);
        self.retries.forget(site as u32, rank);
        Some(rank)
    }
}

fn said(by: &str, what: &str, reason: &str) -> String {
    match (by, reason) {
        ("auto", reason) => reason.to_owned(),
        (by, "") => format!("{what} by {by}"),
        (by, reason) => format!("{what} by {by}: {reason}"),
    }
}

fn planned(layout: &Layout) -> (Counts, Vec<Wave>) {
    let blank = Wave {
        state: WaveState::Waiting,
        counts: Counts::default(),
        soak_until: None,
        promoted: false,
        accepted: false,
    };
    let mut counts = Counts::default();
    let mut waves = vec![blank; layout.waves.len()];
    for device in &layout.devices {
        counts.plan();
        waves[device.wave as usize].counts.plan();
    }
    (counts, waves)
}
