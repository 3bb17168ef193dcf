//! One trial: the rollout machine, and the breakers and the pool of every site, on simulated time.

mod around;
mod site;
mod when;

use super::ground::Ground;
use super::model::DarkWhen;
use super::track::Track;
use super::world::{World, micros};
use crate::breaker::{Name, Report, State};
use crate::id::{DeviceName, RolloutName};
use crate::outcome::{Class, DeviceState, LeftAs, Outcome, Phase};
use crate::rollout::event::Event;
use crate::rollout::{Layout, ResultVerdict, Rollout, RolloutState, WaveState};
use crate::task::Timeouts;
use crate::time::Timestamp;
use around::Around;
use site::{Flight, Site};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use when::{Agenda, What};

/// Things that happen in one trial, at most: against a rollout that never comes to rest.
const HAPPENINGS_MAX: u64 = 20_000_000;
/// Steps of the machine at one instant, at most.
const STEPS_MAX: usize = 1000;

struct Sim<'a> {
    ground: &'a Ground,
    world: &'a World,
    /// The number of the device at each rank.
    ranked: &'a [u32],
    rollout: Rollout,
    sites: Vec<Site>,
    device_breakers: BTreeMap<DeviceName, Report>,
    flights: Vec<Option<Flight>>,
    agenda: Agenda,
    now: i64,
    serial: u32,
    track: Track,
}

/// Runs the plan of `ground` in `world`, in the order `ranked`.
pub(super) fn run(ground: &Ground, world: &World, ranked: &[u32]) -> Track {
    let layout = Arc::new(ground.layout_of(ranked));
    let Some(rollout) = created(ground, layout) else { return Track::default() };
    let sites = ground.sites.iter().zip(&world.pools);
    let mut sim = Sim {
        ground,
        world,
        ranked,
        rollout,
        sites: sites.map(|(name, pool)| Site::new(name.clone(), *pool, ground)).collect(),
        device_breakers: BTreeMap::new(),
        flights: std::iter::repeat_with(|| None).take(ranked.len()).collect(),
        agenda: Agenda::default(),
        now: 0,
        serial: 0,
        track: Track::default(),
    };
    sim.plan_darkness();
    sim.play();
    sim.conclude()
}

fn created(ground: &Ground, layout: Arc<Layout>) -> Option<Rollout> {
    let event = Event::Created {
        plan: ground.plan.name.clone(),
        digest: ground.plan.digest.clone(),
        by: "rehearsal".into(),
        request_id: String::new(),
    };
    let name = RolloutName::new(ground.plan.rollout.as_str()).ok()?;
    Rollout::from_created(name, layout, &event, Timestamp::default()).ok()
}

impl Sim<'_> {
    fn plan_darkness(&mut self) {
        for (dark, number) in self.world.dark.iter().zip(0u32..) {
            match dark {
                Some(DarkWhen::At(at)) => self.agenda.add(micros(*at), What::Dark(number)),
                Some(DarkWhen::After(0)) => self.agenda.add(0, What::Dark(number)),
                Some(DarkWhen::After(_)) | None => {}
            }
        }
    }

    fn play(&mut self) {
        self.advance();
        for _ in 0..HAPPENINGS_MAX {
            if self.rollout.has_ended() {
                return;
            }
            let Some((at, what)) = self.agenda.next() else { return };
            self.now = at;
            if self.happen(what) {
                self.advance();
            }
        }
    }

    /// Whether anything came of it.
    fn happen(&mut self, what: What) -> bool {
        match what {
            What::Answer { rank, serial } => self.answered(rank, serial),
            What::End { rank, serial } => {
                let class = self.flight(rank, serial).map(|flight| self.verdict(rank, flight));
                class.is_some_and(|class| self.end(rank, class))
            }
            What::Silence { rank, serial } => match self.flight(rank, serial) {
                Some(flight) if !flight.connected => self.end(rank, Class::Timeout),
                Some(_) | None => false,
            },
            What::Agent(site) => self.agent_wakes(site),
            What::Coordinator => self.agenda.is_due(self.now),
            What::Dark(site) => {
                self.darken(site);
                false
            }
        }
    }

    fn flight(&self, rank: u32, serial: u32) -> Option<&Flight> {
        self.flights[rank as usize].as_ref().filter(|flight| flight.serial == serial)
    }

    fn at(&self) -> Timestamp {
        Timestamp(self.now)
    }

    fn answered(&mut self, rank: u32, serial: u32) -> bool {
        let now = self.now;
        let device = self.ranked[rank as usize];
        let Some(flight) = self.flights[rank as usize].as_mut() else { return false };
        if flight.serial != serial || flight.mute || flight.connected {
            return false;
        }
        flight.connected = true;
        flight.wrote_at = now;
        let number = self.ground.site_of[device as usize] as usize;
        self.sites[number].tree.handshake(&flight.admission, Timestamp(now), Timestamp(now));
        let work = self.world.work(device, self.world.breaks(device, flight.started_at));
        let most = micros(self.ground.timeouts.command);
        flight.lost = work > most;
        self.agenda.add(now.saturating_add(work.min(most)), What::End { rank, serial });
        let (name, attempt) = (self.rollout.layout.devices[rank as usize].name.clone(), flight.attempt);
        self.rollout.wrote(&name, attempt, Timestamp(now));
        self.agent_wakes(u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn verdict(&self, rank: u32, flight: &Flight) -> Class {
        let device = self.ranked[rank as usize];
        let told = self.world.told[device as usize] && self.world.breaks(device, flight.started_at);
        match told {
            _ if flight.lost => Class::LostAfterWrite,
            true => Class::PostcheckFailed,
            false => Class::Ok,
        }
    }

    fn site_of(&self, rank: u32) -> usize {
        self.ground.site_of[self.ranked[rank as usize] as usize] as usize
    }

    /// Ends an attempt: the breakers hear of it, then the rollout.
    fn end(&mut self, rank: u32, class: Class) -> bool {
        let Some(flight) = self.flights[rank as usize].take() else { return false };
        let (number, at) = (self.site_of(rank), self.at());
        self.track.duration = self.now;
        let outcome = outcome(class, &flight, at);
        let name = self.rollout.layout.devices[rank as usize].name.clone();
        let attempt = flight.attempt;
        self.sites[number].end(rank, flight, class, at);
        self.moved(number);
        self.tell(&name, attempt, &outcome);
        true
    }

    fn tell(&mut self, name: &DeviceName, attempt: u32, outcome: &Outcome) {
        match self.rollout.result(name, attempt, outcome, self.at()) {
            ResultVerdict::Counted(event) => self.rollout.apply(&event, self.at()),
            ResultVerdict::Repeated | ResultVerdict::Stray(_) => {}
        }
    }

    /// What is due at a site's agent; its breakers may move.
    fn agent_wakes(&mut self, site: u32) -> bool {
        let (number, at) = (site as usize, self.at());
        self.sites[number].tree.handle_timeout(at);
        self.moved(number)
    }

    /// Mirrors the breakers that moved and what the agent grants now; behind an open site, what has written
    /// nothing is called off. Whether anything is news to the rollout.
    fn moved(&mut self, number: usize) -> bool {
        let reports = self.sites[number].tree.take_reports();
        let moved = !reports.is_empty();
        for report in reports {
            self.mirror(number, report);
        }
        if let Some(at) = self.sites[number].next_timer(self.now) {
            self.agenda.add(at, What::Agent(u32::try_from(number).unwrap_or(u32::MAX)));
        }
        let at = self.at();
        self.sites[number].grant(at) || moved
    }

    fn mirror(&mut self, number: usize, report: Report) {
        let opened = matches!(report.state, State::Open | State::ForcedOpen);
        match &report.name {
            Name::Device(device) if report.state == State::Closed => {
                drop(self.device_breakers.remove(device))
            }
            Name::Device(device) => drop(self.device_breakers.insert(device.clone(), report.clone())),
            Name::Site(_) => {
                let site = &mut self.sites[number];
                self.track.opened_falsely += u32::from(opened && !site.opened && !site.dark);
                site.opened |= opened;
                self.sites[number].report = (report.state != State::Closed).then(|| report.clone());
            }
            Name::Credential { .. } | Name::Group { .. } | Name::Global { .. } => {}
        }
        let is_site = matches!(report.name, Name::Site(_));
        self.rollout.apply(&Event::Breaker { report }, self.at());
        if opened && is_site {
            for rank in self.sites[number].in_flight.clone() {
                if self.flights[rank as usize].as_ref().is_some_and(|flight| !flight.connected) {
                    self.end(rank, Class::Cancelled);
                }
            }
        }
    }

    fn darken(&mut self, site: u32) {
        let number = site as usize;
        self.sites[number].dark = true;
        for rank in self.sites[number].in_flight.clone() {
            let Some(flight) = self.flights[rank as usize].as_mut() else { continue };
            if !flight.connected && !flight.mute {
                flight.mute = true;
                self.contact(number, rank);
            }
        }
    }

    fn contact(&mut self, number: usize, rank: u32) {
        let site = &mut self.sites[number];
        if site.contacted.insert(rank) {
            let count = if site.opened { &mut self.track.contacted_later } else { &mut self.track.contacted };
            *count += 1;
        }
    }

    /// Lets the machine take its steps at this instant.
    fn advance(&mut self) {
        let at = self.at();
        for _ in 0..STEPS_MAX {
            let around = Around {
                sites: &self.sites,
                names: &self.ground.sites,
                device_breakers: &self.device_breakers,
            };
            let step = self.rollout.advance(at, &around);
            if step.events.is_empty() {
                if let Some((wake, _)) = step.wake {
                    self.agenda.wake_at(wake.0.max(self.now), self.now);
                }
                if !self.promote() {
                    return;
                }
                continue;
            }
            for event in step.events {
                self.rollout.apply(&event, at);
                match event {
                    Event::Dispatched { ops, .. } => {
                        for (device, attempt) in ops {
                            self.start(&device, attempt);
                        }
                    }
                    Event::Held { group, .. } => self.track.held.push(group),
                    Event::Created { .. }
                    | Event::WaveStarted { .. }
                    | Event::Finished { .. }
                    | Event::Requeued { .. }
                    | Event::Skipped { .. }
                    | Event::WaveFinished { .. }
                    | Event::Promoted { .. }
                    | Event::Restoring { .. }
                    | Event::Restored { .. }
                    | Event::Paused { .. }
                    | Event::Resumed { .. }
                    | Event::Aborted { .. }
                    | Event::Released { .. }
                    | Event::Breaker { .. }
                    | Event::ReadBack { .. }
                    | Event::StillUnknown { .. }
                    | Event::GivenUp { .. }
                    | Event::Settled { .. }
                    | Event::Conflicted { .. }
                    | Event::Ended { .. } => {}
                }
            }
        }
    }

    /// A person promotes at once: how long people think is not rehearsed.
    fn promote(&mut self) -> bool {
        let waits = self.rollout.state == RolloutState::Running
            && self.rollout.waves[self.rollout.wave as usize].state == WaveState::AwaitingPromotion;
        let event = waits.then(|| self.rollout.promote("rehearsal", "", "").ok().flatten()).flatten();
        event.is_some_and(|event| {
            self.rollout.apply(&event, self.at());
            true
        })
    }

    /// What the agent does with an operation it is handed.
    fn start(&mut self, name: &DeviceName, attempt: u32) {
        let Some(rank) = self.rollout.layout.rank(name) else { return };
        let (number, at, device) = (self.site_of(rank), self.at(), self.ranked[rank as usize]);
        let retry = self.rollout.devices[rank as usize].tries > 0;
        let connect = Duration::from_micros(u64::try_from(self.world.connect_timeout).unwrap_or(0));
        let timeouts = Timeouts { connect, ..self.ground.timeouts };
        let Some((admission, lease)) = self.sites[number].admit(rank, name, retry, timeouts, at) else {
            let refused = blank(Class::NotStarted, Phase::Queue, at);
            self.tell(name, attempt, &refused);
            return;
        };
        self.serial += 1;
        let serial = self.serial;
        if attempt == 1 || !self.sites[number].seen.contains(&rank) {
            self.sites[number].seen.insert(rank);
            self.goes_dark(number);
        }
        let mute = self.sites[number].dark || self.world.silent[device as usize];
        let first = self.sites[number].tried.insert(rank);
        if first && !self.sites[number].dark {
            self.track.start(self.world, device, self.now);
        }
        self.flights[rank as usize] = Some(Flight {
            admission,
            lease,
            attempt,
            serial,
            started_at: self.now,
            wrote_at: 0,
            connected: false,
            mute,
            lost: false,
        });
        if self.sites[number].dark {
            self.contact(number, rank);
        }
        let answers = self.world.handshake[device as usize];
        if !mute && answers < self.world.connect_timeout {
            self.agenda.add(self.now + answers, What::Answer { rank, serial });
        }
        self.agenda.add(self.now + self.world.connect_timeout, What::Silence { rank, serial });
        self.moved(number);
    }

    fn goes_dark(&mut self, number: usize) {
        let after = match self.world.dark[number] {
            Some(DarkWhen::After(after)) => after,
            Some(DarkWhen::At(_)) | None => return,
        };
        if !self.sites[number].dark && self.sites[number].seen.len() > after as usize {
            self.darken(u32::try_from(number).unwrap_or(u32::MAX));
        }
    }

    /// Stopped is a rollout that left devices behind which nothing holds and that nobody skipped.
    fn conclude(mut self) -> Track {
        let held: BTreeSet<u32> =
            self.track.held.iter().flat_map(|group| self.ground.members(group)).collect();
        let mut devices = self.rollout.devices.iter().zip(self.ranked);
        let left =
            devices.any(|(device, number)| device.state == DeviceState::Pending && !held.contains(number));
        self.track.stopped = self.rollout.is_stopped_by_evidence() || left;
        self.track.reason = std::mem::take(&mut self.rollout.reason);
        self.track
    }
}

fn outcome(class: Class, flight: &Flight, at: Timestamp) -> Outcome {
    let phase = if flight.connected { Phase::Verify } else { Phase::Connect };
    let wrote_at = flight.connected.then_some(Timestamp(flight.wrote_at));
    Outcome { started_at: Timestamp(flight.started_at), wrote_at, ..blank(class, phase, at) }
}

fn blank(class: Class, phase: Phase, at: Timestamp) -> Outcome {
    Outcome {
        class,
        phase,
        left_as: LeftAs::Unchanged,
        message: String::new(),
        hint: String::new(),
        exit_status: None,
        output: String::new(),
        output_bytes: 0,
        started_at: at,
        wrote_at: None,
        finished_at: at,
        before: None,
        found: None,
    }
}
