//! Snapshots, device lists and events into the view.

use super::{Breaker, Counts, Place, Trouble, View, Wave};
use crate::text::{beside_name, one_line, unnamed};
use crate::words;
use std::collections::BTreeMap;
use switchyard_proto::v1::{self, watch_rollout_response::Event, wave_status::State as WaveState};
use switchyard_shared::breaker::State as BreakerState;
use switchyard_shared::outcome::{Class, DeviceState};
use switchyard_shared::rollout::RolloutState;

impl View {
    /// The view of a rollout at a snapshot. `devices`, when it lists all of them, gives the counts of
    /// sites; without it a site is known by the devices that move.
    pub fn new(rollout: &v1::Rollout, devices: &[v1::DeviceResult]) -> Self {
        let mut view = Self {
            rollout: one_line(words::short("rollouts", &rollout.name)),
            plan: one_line(&rollout.plan),
            state: RolloutState::Pending,
            reason: String::new(),
            by: String::new(),
            counts: Counts::default(),
            waves: rollout.waves.iter().map(wave).collect(),
            current_wave: 0,
            sites: BTreeMap::new(),
            breakers: BTreeMap::new(),
            troubles: BTreeMap::new(),
            blocked_on: Vec::new(),
            harm_expected: String::new(),
            pace: String::new(),
            doubts: (0, 0),
            sequence: 0,
            started_at: None,
            ended_at: None,
            reconnecting: None,
            places: BTreeMap::new(),
        };
        view.refresh(rollout);
        view.sequence = rollout.sequence;
        view.list(devices);
        view
    }

    /// Takes over what a newer snapshot says of the rollout as a whole; devices stay as they are.
    pub fn refresh(&mut self, rollout: &v1::Rollout) {
        self.state = words::to_rollout_state(rollout.state).unwrap_or(self.state);
        self.reason = one_line(&rollout.reason);
        self.blocked_on = rollout.blocked_on.iter().map(|why| one_line(why)).collect();
        self.remarks(rollout.harm.as_ref(), &rollout.pace);
        self.doubts = rollout.doubts.as_ref().map_or((0, 0), |doubts| (doubts.settling, doubts.needs_person));
        self.current_wave = rollout.current_wave as usize;
        self.started_at = words::instant_of(rollout.start_time.as_ref().or(rollout.create_time.as_ref()));
        self.ended_at = words::instant_of(rollout.end_time.as_ref());
        if let Some(counts) = &rollout.counts {
            self.counts = Counts::from_wire(counts);
        }
        self.breakers = BTreeMap::new();
        for breaker in &rollout.breakers {
            self.breaker(breaker);
        }
        for (known, told) in self.waves.iter_mut().zip(&rollout.waves) {
            *known = wave(told);
        }
    }

    /// The coordinator's own words; what is certain is counted here, so that it is never old.
    fn remarks(&mut self, harm: Option<&v1::Harm>, pace: &str) {
        let bound = harm.map(|harm| one_line(&harm.bound)).unwrap_or_default();
        self.harm_expected = bound.split_once("; ").map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        self.pace = one_line(pace);
    }

    fn list(&mut self, devices: &[v1::DeviceResult]) {
        if devices.len() != self.counts.planned() as usize {
            return;
        }
        self.counts = Counts::default();
        for wave in &mut self.waves {
            wave.counts = Counts::default();
        }
        for device in devices {
            let state = words::to_device_state(device.state).unwrap_or(DeviceState::Pending);
            self.counts.add(state);
            let place = self.place_of(device, state);
            if let Some(wave) = self.waves.get_mut(place.wave) {
                wave.counts.add(state);
            }
            self.sites.entry(place.site.to_string()).or_default().add(state);
            self.places.insert(device.device.clone(), place);
            self.trouble(device);
        }
    }

    fn place_of(&self, device: &v1::DeviceResult, state: DeviceState) -> Place {
        let wave = self.waves.iter().position(|wave| wave.name == device.wave).unwrap_or(usize::MAX);
        Place { site: one_line(&device.site).into(), wave, state }
    }

    /// Folds one event in; one that is in already changes nothing. A snapshot is folded as far as it goes without its device list.
    pub fn apply(&mut self, message: &v1::WatchRolloutResponse) {
        let is_beat = matches!(message.event, Some(Event::Heartbeat(_)));
        if message.sequence <= self.sequence && !is_beat {
            return;
        }
        self.sequence = self.sequence.max(message.sequence);
        match &message.event {
            Some(Event::Snapshot(snapshot)) => self.refresh(snapshot),
            Some(Event::StateChanged(change)) => {
                self.state = words::to_rollout_state(change.state).unwrap_or(self.state);
                self.reason = one_line(&change.reason);
                self.by = one_line(&change.by);
                self.blocked_on.clear();
                if words::is_final(self.state) {
                    self.ended_at = words::instant_of(message.at.as_ref());
                }
            }
            Some(Event::WaveChanged(change)) => self.wave_changed(change),
            Some(Event::DevicesChanged(change)) => {
                for device in &change.devices {
                    self.device(device);
                }
            }
            Some(Event::BreakerChanged(change)) => {
                if let Some(breaker) = &change.breaker {
                    self.breaker(breaker);
                }
            }
            Some(Event::Heartbeat(beat)) => {
                self.blocked_on = beat.blocked_on.iter().map(|why| one_line(why)).collect();
                self.remarks(beat.harm.as_ref(), &beat.pace);
                if let Some(counts) = beat.counts.as_ref().filter(|_| !self.is_listed()) {
                    self.counts = Counts::from_wire(counts);
                }
            }
            None => {}
        }
    }

    fn is_listed(&self) -> bool {
        self.places.len() == self.counts.planned() as usize
    }

    fn wave_changed(&mut self, change: &v1::WaveChanged) {
        let index = change.wave as usize;
        let Some(wave) = self.waves.get_mut(index) else { return };
        wave.state = WaveState::try_from(change.state).unwrap_or(wave.state);
        wave.soak_until = words::instant_of(change.soak_until.as_ref());
        let begins = wave.state == WaveState::Running;
        self.blocked_on.clear();
        if begins {
            for earlier in &mut self.waves[..index] {
                (earlier.state, earlier.soak_until) = (WaveState::Done, None);
            }
        }
        self.current_wave = self.current_wave.max(index);
    }

    fn device(&mut self, device: &v1::DeviceResult) {
        let Some(state) = words::to_device_state(device.state) else { return };
        let known = self.places.remove(&device.device);
        let from = known.as_ref().map_or_else(|| likely_before(state), |place| place.state);
        let site_known = known.is_some();
        let place = match known {
            Some(place) => Place { state, ..place },
            None => self.place_of(device, state),
        };
        self.counts.shift(from, state);
        if let Some(wave) = self.waves.get_mut(place.wave) {
            wave.counts.shift(from, state);
        }
        let site = self.sites.entry(place.site.to_string()).or_default();
        if site_known {
            site.shift(from, state);
        } else {
            site.add(state);
        }
        self.places.insert(device.device.clone(), place);
        self.trouble(device);
    }

    fn trouble(&mut self, device: &v1::DeviceResult) {
        let Some(mut trouble) = Trouble::of(device) else {
            self.troubles.remove(&device.device);
            return;
        };
        // News of a reading, which is an attempt of its own, says nothing of how the one in doubt ended: that stands.
        let known = self.troubles.get(&device.device).filter(|known| known.state == DeviceState::Unknown);
        if let (DeviceState::Unknown, None, Some(known)) = (trouble.state, &device.outcome, known) {
            trouble = Trouble { message: trouble.message, attempt: trouble.attempt, ..known.clone() };
        }
        self.troubles.insert(device.device.clone(), trouble);
    }

    fn breaker(&mut self, breaker: &v1::Breaker) {
        let name = one_line(&breaker.name);
        match Breaker::read(breaker).filter(|known| known.state != BreakerState::Closed) {
            None => drop(self.breakers.remove(&name)),
            Some(known) => drop(self.breakers.insert(name, known)),
        }
    }
}

impl Trouble {
    /// How `device` stands, when it is not well.
    pub fn of(device: &v1::DeviceResult) -> Option<Self> {
        let troubled = |state: &DeviceState| match state {
            DeviceState::Failed | DeviceState::Skipped | DeviceState::Unknown | DeviceState::RolledBack => {
                true
            }
            DeviceState::Pending | DeviceState::Running | DeviceState::Succeeded | DeviceState::Unchanged => {
                false
            }
        };
        words::to_device_state(device.state).filter(troubled).map(|state| Self::told(device, state))
    }

    /// How `device` stands that had gone well, was asked back, and was not put back.
    pub fn not_put_back(device: &v1::DeviceResult) -> Option<Self> {
        let class = device.outcome.as_ref().and_then(|outcome| words::to_class(outcome.class));
        let well = words::to_device_state(device.state).filter(|state| *state == DeviceState::Succeeded)?;
        (class == Some(Class::RollbackFailed)).then(|| Self::told(device, well))
    }

    fn told(device: &v1::DeviceResult, state: DeviceState) -> Self {
        let outcome = words::known_end(device);
        let message = outcome.map(|outcome| outcome.message.as_str()).filter(|text| !text.is_empty());
        let hint = outcome.map(|outcome| one_line(&outcome.hint)).unwrap_or_default();
        Self {
            site: one_line(&device.site),
            wave: one_line(&device.wave),
            state,
            class: outcome.and_then(|outcome| words::to_class(outcome.class)),
            phase: outcome.and_then(words::phase_of),
            left_as: outcome.and_then(|outcome| words::to_left_as(outcome.left_as)),
            message: beside_name(&device.device, &one_line(message.unwrap_or(&device.reason))).to_owned(),
            hint: unnamed(&device.device, &hint),
            attempt: device.attempt,
        }
    }
}

/// Where a device probably was that was never heard of and now is in `state`.
fn likely_before(state: DeviceState) -> DeviceState {
    match state {
        DeviceState::Running | DeviceState::Skipped => DeviceState::Pending,
        DeviceState::Pending
        | DeviceState::Succeeded
        | DeviceState::Unchanged
        | DeviceState::Failed
        | DeviceState::Unknown => DeviceState::Running,
        DeviceState::RolledBack => DeviceState::Succeeded,
    }
}

fn wave(wire: &v1::WaveStatus) -> Wave {
    Wave {
        name: one_line(&wire.name),
        state: WaveState::try_from(wire.state).unwrap_or(WaveState::Unspecified),
        counts: wire.counts.as_ref().map(Counts::from_wire).unwrap_or_default(),
        soak_until: words::instant_of(wire.soak_until.as_ref()),
    }
}
