//! The state of a paced rollout, and who waits for what.

use super::fleet::Fleet;
use super::ranks::Ranks;
use super::rule::Rule;
use super::tally::Tally;
use super::timers::Timers;
use super::{Budget, Cut, Decision, Harm, Held, Trial, Watched};
use crate::time::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;

/// Where a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// Nowhere: not offered, or to be offered again.
    Away,
    /// It is looked at next, by rank.
    Ready,
    /// It waits for room of the value at this place.
    Value(u32),
    /// It waits for the device that tries a released pair.
    Trial,
    /// It waits for room at its site.
    Site,
    /// It waits and is held.
    Held,
    /// It was handed out.
    Flight,
}

/// What a device without a known result reserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Its result is known or it has none.
    None,
    /// A whole device: contact was lost after the write.
    Lost,
    /// Like one in flight.
    Doubtful,
    /// Nothing: the rollout was resumed since.
    Waived,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Device {
    pub(super) spot: Spot,
    pub(super) doubt: Doubt,
    /// Offered, not started and not withdrawn.
    pub(super) waits: bool,
    pub(super) held: bool,
    /// Held by evidence, not by a person.
    pub(super) spread: bool,
    /// In flight with a whole device reserved.
    pub(super) probe: bool,
    pub(super) late: bool,
    pub(super) silent: bool,
    /// Its connect is done, or nobody can say that it is not.
    pub(super) connected: bool,
    /// The result of its last start was taken.
    pub(super) counted: bool,
    /// Its result as it is counted in the harm: whether it failed, and whether the budget line has it too.
    pub(super) result: Option<(bool, bool)>,
    /// The value whose waiting set it left last, as a place; it hands its turn on when it does not start.
    pub(super) woken: Option<u32>,
    /// Its site's room woke it; it hands that on too.
    pub(super) woken_by_site: bool,
    pub(super) started: Timestamp,
    /// How many starts there were before its last one.
    pub(super) starts_before: u64,
    pub(super) wrote: Option<Timestamp>,
}

impl Device {
    const NEW: Self = Self {
        spot: Spot::Away,
        doubt: Doubt::None,
        waits: false,
        held: false,
        spread: false,
        probe: false,
        late: false,
        silent: false,
        connected: false,
        counted: false,
        result: None,
        woken: None,
        woken_by_site: false,
        started: Timestamp(0),
        starts_before: 0,
        wrote: None,
    };
}

/// What the budget line counts: since the start or the last resume.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    pub(super) failed: u32,
    pub(super) unknown: u32,
    pub(super) results: u32,
}

/// Paces one rollout by its evidence.
#[derive(Debug, Clone)]
pub struct Pace {
    pub(super) watched: Arc<Watched>,
    pub(super) fleet: Fleet,
    pub(super) rule: Rule,
    pub(super) devices: Vec<Device>,
    /// One for each value, then one for the whole rollout.
    pub(super) tallies: Vec<Tally>,
    /// Values without a success.
    pub(super) unproven: Vec<u32>,
    pub(super) ready: Ranks,
    /// Slots of the devices that may be chosen as probes: ready, or waiting for a value.
    pub(super) candidates: Ranks,
    /// Slots of the devices that wait for the slot's value.
    pub(super) waiting: Ranks,
    /// Slots of the devices that wait for their site.
    pub(super) at_sites: Ranks,
    /// Sites that somebody waits for, and how many do.
    pub(super) full_sites: Ranks,
    pub(super) at_site: Vec<u32>,
    /// Devices that wait for a value.
    pub(super) at_values: u32,
    /// Values whose room may have changed.
    pub(super) touched: Vec<u32>,
    /// Devices that wait at all, and those that wait and are held.
    pub(super) waits: u32,
    pub(super) held_wait: u32,
    /// In flight with a whole device reserved.
    pub(super) probes: u32,
    /// Devices started so far, counting each start.
    pub(super) starts: u64,
    pub(super) harm: Harm,
    pub(super) line: Line,
    pub(super) timers: Timers,
    /// Results that the statistics are made of, in order.
    pub(super) log: Vec<(u32, bool)>,
    pub(super) held: Vec<Held>,
    pub(super) trials: Vec<Trial>,
    /// Devices held by evidence.
    pub(super) spread: u32,
    pub(super) decisions: VecDeque<Decision>,
    pub(super) stopped: bool,
    /// Results teach nothing, and nothing but room limits what is in flight.
    pub(super) unpaced: bool,
    /// Nothing changed since the last look that found nobody.
    pub(super) idle: bool,
}

impl Pace {
    /// Paces the devices whose sites are `site_of`, by rank, with the labels `watched` has for them.
    pub fn new(watched: Arc<Watched>, site_of: Vec<u32>, budget: Budget) -> Self {
        let rule = Rule::new(site_of.len(), watched.keys, budget);
        let fleet = Fleet::new(&watched, site_of);
        let mut fresh = Tally::default();
        fresh.forget(rule.head_start);
        fresh.refresh(&rule);
        let values = watched.values.len();
        let mut tallies = vec![fresh; values + 1];
        tallies[values].forget(rule.head_start_all);
        let (devices, slots, sites) = (fleet.len(), fleet.values.len(), fleet.sites.groups());
        Self {
            watched,
            rule,
            devices: vec![Device::NEW; devices],
            tallies,
            unproven: (0..values as u32).collect(),
            ready: Ranks::new(devices),
            candidates: Ranks::new(slots),
            waiting: Ranks::new(slots),
            at_sites: Ranks::new(devices),
            full_sites: Ranks::new(sites),
            at_site: vec![0; sites],
            at_values: 0,
            touched: Vec::new(),
            waits: 0,
            held_wait: 0,
            probes: 0,
            starts: 0,
            harm: Harm::default(),
            line: Line::default(),
            timers: Timers::new(),
            log: Vec::new(),
            held: Vec::new(),
            trials: Vec::new(),
            spread: 0,
            decisions: VecDeque::new(),
            stopped: false,
            unpaced: false,
            idle: false,
            fleet,
        }
    }

    /// Lets everything start that its surroundings let, lowest rank first, whatever the results say.
    pub fn unpaced(site_of: Vec<u32>) -> Self {
        let budget = Budget { devices: u32::MAX, ..Budget::default() };
        let mut pace = Self::new(Arc::default(), site_of, budget);
        pace.unpaced = true;
        for tally in &mut pace.tallies {
            tally.proven = true;
        }
        pace
    }

    /// The device waits for its turn from now on: its wave began, it was requeued, or it may be asked
    /// again after [`super::Entry::Later`]. Changes nothing for one in flight.
    pub fn offer(&mut self, rank: u32) {
        let Some(device) = self.devices.get_mut(rank as usize) else { return };
        if device.spot != Spot::Away {
            return;
        }
        if !device.waits {
            device.waits = true;
            self.waits += 1;
        }
        let spot = if device.held { Spot::Held } else { Spot::Ready };
        self.put(rank, spot);
        self.idle = false;
    }

    /// The device will not start.
    pub fn withdraw(&mut self, rank: u32) {
        let Some(device) = self.devices.get(rank as usize) else { return };
        if device.waits {
            self.take(rank);
            self.devices[rank as usize].waits = false;
            self.waits -= 1;
            self.idle = false;
        }
    }

    /// The next change stop that nobody has read yet, in order.
    pub fn poll_decision(&mut self) -> Option<Decision> {
        self.decisions.pop_front()
    }

    /// Room opened at a site: the lowest ranks that wait for it are candidates again, at most `room`.
    pub fn wake_site(&mut self, site: u32, room: u32) {
        let site = site as usize;
        if site >= self.fleet.sites.groups() {
            return;
        }
        let slots = self.fleet.sites.slots(site);
        for _ in 0..room {
            let Some(slot) = self.at_sites.first_in(slots.start, slots.end) else { return };
            let rank = self.fleet.sites.at(slot);
            self.take(rank);
            self.put(rank, Spot::Ready);
            self.devices[rank as usize].woken_by_site = true;
            self.idle = false;
        }
    }

    /// The sites that devices wait for.
    pub fn waiting_sites(&self) -> impl Iterator<Item = u32> {
        self.full_sites.iter().map(|site| site as u32)
    }

    /// Whether the whole rollout stopped.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether a device is held.
    pub fn is_held(&self, rank: u32) -> bool {
        self.devices.get(rank as usize).is_some_and(|device| device.held)
    }

    /// Whether devices wait and all of them are held.
    pub fn only_held_wait(&self) -> bool {
        self.waits > 0 && self.waits == self.held_wait
    }

    /// The harm so far, counted over everything that ever started.
    pub fn harm(&self) -> Harm {
        self.harm
    }

    /// The tally of the whole rollout.
    pub(super) fn all(&self) -> &Tally {
        &self.tallies[self.tallies.len() - 1]
    }

    /// The index of the whole rollout among the tallies.
    pub(super) fn everything(&self) -> usize {
        self.tallies.len() - 1
    }

    /// Puts a device that is [`Spot::Away`] somewhere.
    pub(super) fn put(&mut self, rank: u32, spot: Spot) {
        match spot {
            Spot::Ready => self.ready.insert(rank as usize),
            Spot::Value(place) => {
                self.waiting.insert(self.fleet.slot(place as usize));
                self.at_values += 1;
            }
            Spot::Site => {
                let site = self.fleet.site(rank);
                self.at_sites.insert(self.fleet.site_slot(rank));
                self.full_sites.insert(site);
                self.at_site[site] += 1;
            }
            Spot::Held => self.held_wait += 1,
            Spot::Away | Spot::Trial | Spot::Flight => {}
        }
        if matches!(spot, Spot::Ready | Spot::Value(_) | Spot::Trial) {
            for place in self.fleet.places(rank) {
                self.candidates.insert(self.fleet.slot(place));
            }
        }
        self.devices[rank as usize].spot = spot;
    }

    /// Takes a device from where it is; one in flight stays.
    pub(super) fn take(&mut self, rank: u32) {
        let spot = self.devices[rank as usize].spot;
        match spot {
            Spot::Ready => self.ready.remove(rank as usize),
            Spot::Value(place) => {
                self.waiting.remove(self.fleet.slot(place as usize));
                self.at_values -= 1;
            }
            Spot::Site => {
                let site = self.fleet.site(rank);
                self.at_sites.remove(self.fleet.site_slot(rank));
                self.at_site[site] -= 1;
                if self.at_site[site] == 0 {
                    self.full_sites.remove(site);
                }
            }
            Spot::Held => self.held_wait -= 1,
            Spot::Away | Spot::Trial => {}
            Spot::Flight => return,
        }
        if matches!(spot, Spot::Ready | Spot::Value(_) | Spot::Trial) {
            for place in self.fleet.places(rank) {
                self.candidates.remove(self.fleet.slot(place));
                let value = self.fleet.label(place);
                if self.tallies[value].is_suspect() {
                    self.touch(value);
                }
            }
        }
        self.devices[rank as usize].spot = Spot::Away;
        self.hand_on(rank);
    }

    /// A device that was woken does not start after all: the room is for the next one.
    fn hand_on(&mut self, rank: u32) {
        let device = &mut self.devices[rank as usize];
        let (from, by_site) = (device.woken.take(), std::mem::take(&mut device.woken_by_site));
        if let Some(place) = from {
            self.touch(self.fleet.label(place as usize));
        }
        if by_site {
            self.wake_site(self.fleet.site(rank) as u32, 1);
        }
    }

    /// Moves a ready device to the waiting set of the value at `place`, or back.
    pub(super) fn park(&mut self, rank: u32, place: u32) {
        self.ready.remove(rank as usize);
        self.waiting.insert(self.fleet.slot(place as usize));
        self.at_values += 1;
        self.devices[rank as usize].spot = Spot::Value(place);
        self.hand_on(rank);
    }

    /// The room of a value may have changed.
    pub(super) fn touch(&mut self, value: usize) {
        let tally = &mut self.tallies[value];
        if !tally.touched {
            tally.touched = true;
            self.touched.push(value as u32);
        }
        self.idle = false;
    }

    /// Applies `change` to the tallies of a device's values and of the whole rollout.
    pub(super) fn each_tally(&mut self, rank: u32, mut change: impl FnMut(&mut Tally, &Rule)) {
        for place in self.fleet.places(rank) {
            change(&mut self.tallies[self.fleet.label(place)], &self.rule);
        }
        let everything = self.everything();
        change(&mut self.tallies[everything], &self.rule);
    }

    /// The room of each of a device's values may have changed.
    pub(super) fn touch_labels(&mut self, rank: u32) {
        for place in self.fleet.places(rank) {
            self.touch(self.fleet.label(place));
        }
        self.idle = false;
    }

    /// Whether `rank` belongs to `cut`.
    pub(super) fn is_in(&self, rank: u32, cut: Cut) -> bool {
        match cut {
            Cut::One(value) => self.fleet.has(rank, value),
            Cut::Pair(one, other) => self.fleet.has(rank, one) && self.fleet.has(rank, other),
        }
    }
}
