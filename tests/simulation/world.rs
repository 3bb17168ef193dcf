//! What outlives the programs of a run: disks, devices, time, and what was watched.

use crate::change;
use crate::devices::Fleet;
use crate::hardware::Machine;
use crate::scenario::{Act, SITES, Scenario};
use crate::store::SimStore;
use crate::time::{Clock, TrueTime};
use crate::wire::Wire;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use switchyard_agent::fs::memory::MemoryFs;
use switchyard_shared::id::{RolloutName, SiteName};
use switchyard_shared::rollout::RolloutState;
use switchyard_shared::time::Timestamp;
use switchyard_tests::checkers::{Cut, Journalled, Rebind};

/// Why no word goes between the coordinator and a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The network.
    Network,
    /// Messages are held.
    Held,
    /// There is no coordinator.
    NoCoordinator,
}

/// How a rollout stands, as the coordinator last said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub state: RolloutState,
    /// Whether nothing more happens.
    pub ended: bool,
    /// Whom or what it waits for.
    pub blocked_on: Vec<String>,
}

/// What is watched of the programs.
#[derive(Default)]
pub struct Watched {
    /// What the journals made durable.
    pub journals: Vec<Journalled>,
    /// Acknowledgements that agents heard.
    pub acks: Vec<(Timestamp, SiteName, u64)>,
    /// Rollouts as the coordinator last said.
    pub standing: BTreeMap<RolloutName, Standing>,
    /// What people do next.
    pub acts: VecDeque<Act>,
    /// Why programs ended or did not start, in order.
    pub said: Vec<String>,
    /// Sites that were taken from their agents.
    pub rebinds: Vec<Rebind>,
    /// Sites whose journals have rotted.
    pub rotted: BTreeSet<SiteName>,
    /// Whether the agent is there that takes such a site over.
    pub spare_is_here: bool,
    /// Closed cuts.
    pub cuts: Vec<Cut>,
    open_cuts: BTreeMap<SiteName, (Timestamp, BTreeSet<Reason>)>,
}

/// Everything of a run that no crash reaches. Its clones are the same.
#[derive(Clone)]
pub struct World {
    /// What the seed makes.
    pub scenario: Arc<Scenario>,
    /// The true time.
    pub time: TrueTime,
    /// The coordinator's disk.
    pub store: SimStore,
    /// The agents' disks.
    pub disks: [MemoryFs; 3],
    /// The disk of the agent that takes a site over.
    pub spare_disk: MemoryFs,
    /// The agents' machines.
    pub machines: [Machine; 3],
    /// The devices.
    pub fleet: Fleet,
    lives: [Arc<AtomicU64>; 5],
    /// The agents' ways to the coordinator; the last is that of the one that takes a site over.
    pub wires: [Wire; 4],
    skews: [Arc<AtomicI64>; 4],
    watched: Arc<Mutex<Watched>>,
}

impl World {
    /// A world in which nothing has happened.
    pub fn new(scenario: Scenario) -> Self {
        let (seed, time) = (scenario.seed, TrueTime::default());
        let [ams, ber, cph] = SITES;
        let wires = [ams, ber, cph, "spare"];
        let fleet = Fleet::new(seed, time.clone(), scenario.faults, scenario.afterlife, change::devices());
        Self {
            store: SimStore::new(seed, time.clone(), scenario.slowest.0),
            disks: [1, 2, 3].map(|disk| MemoryFs::new(seed.wrapping_mul(4).wrapping_add(disk))),
            spare_disk: MemoryFs::new(seed.wrapping_mul(4)),
            machines: [0; 3].map(|_| Machine::new(time.clone())),
            wires: wires.map(|of| Wire::new(seed, of, time.clone(), scenario.healed_at)),
            fleet,
            time,
            skews: scenario.skews.map(|skew| Arc::new(AtomicI64::new(skew))),
            lives: Default::default(),
            watched: Arc::default(),
            scenario: Arc::new(scenario),
        }
    }

    /// What is watched.
    pub fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The clock of the coordinator (0) or of a site's agent (1 on).
    pub fn clock(&self, machine: usize) -> Clock {
        Clock { time: self.time.clone(), skew: self.skews[machine].load(Ordering::SeqCst) }
    }

    /// A machine's wall clock jumps: as with the real clock, what runs there does not notice, and what starts
    /// there does.
    pub fn jump(&self, machine: usize, by: i64) {
        self.skews[machine].fetch_add(by, Ordering::SeqCst);
    }

    /// A machine starts its program once more; how often it has.
    pub fn next_life(&self, machine: usize) -> u64 {
        self.lives[machine].fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The name of a site by its number.
    pub fn site(number: usize) -> SiteName {
        SiteName::new(SITES[number]).expect("a name that is written here")
    }

    /// The machine of the first agent of a site.
    pub fn machine_of(&self, site: &SiteName) -> Option<&Machine> {
        SITES.iter().position(|name| *name == site.as_str()).map(|number| &self.machines[number])
    }

    /// From now on, or no longer, is a site cut off for this reason.
    pub fn cut(&self, site: usize, reason: Reason, begins: bool) {
        let (name, now) = (Self::site(site), self.time.now());
        let mut watched = self.watched();
        if begins {
            watched.open_cuts.entry(name).or_insert((now, BTreeSet::new())).1.insert(reason);
            return;
        }
        let Some((_, reasons)) = watched.open_cuts.get_mut(&name) else { return };
        reasons.remove(&reason);
        if reasons.is_empty()
            && let Some((from, _)) = watched.open_cuts.remove(&name)
        {
            watched.cuts.push(Cut { site: name, from, until: now });
        }
    }

    /// Every cut, those included that have no end.
    pub fn cuts(&self) -> Vec<Cut> {
        let watched = self.watched();
        let open = watched.open_cuts.iter().map(|(site, (from, _))| Cut {
            site: site.clone(),
            from: *from,
            until: Timestamp(i64::MAX),
        });
        watched.cuts.iter().cloned().chain(open).collect()
    }

    /// A program has something to tell about its end.
    pub fn say(&self, who: &str, what: &str) {
        let line = format!("{} {who}: {what}", self.time.now());
        self.watched().said.push(line);
    }
}
