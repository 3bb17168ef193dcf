//! Carries out what a scenario does to machines, network and disks, and mends it all in the end.

use crate::link::{COORDINATOR, agent_host, spare_name};
use crate::scenario::{Act, Deed, Meanwhile, SITES};
use crate::world::{Reason, World};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use switchyard_agent::fs::Fs as _;
use switchyard_agent::fs::memory::MemoryFs;
use turmoil::Sim;

/// How soon a machine comes back whose power failed in mid-operation.
const POWER_BACK_AFTER: Duration = Duration::from_secs(1);
/// How often a person looks after an old copy has come back.
const ADOPTED_EVERY: Duration = Duration::from_secs(5);

/// The network between the coordinator and one site.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    down_lost: bool,
    up_lost: bool,
    held: bool,
}

/// What is still to be done.
pub struct Deeds {
    waiting: VecDeque<(Duration, Deed)>,
    /// How the network is between the coordinator and each site.
    ways: [Way; 3],
    /// Machines that are gone, by number, with when they come back.
    gone: BTreeMap<usize, Duration>,
    healed: bool,
    /// What happens once the disk of a site stands still.
    stalls: BTreeMap<usize, (bool, Duration, Meanwhile)>,
    /// When a person last went on from a later state, once an old copy has come back.
    adopted_at: Option<Duration>,
    /// How many of what was done.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Deeds {
    /// What the scenario of `world` does.
    pub fn new(world: &World) -> Self {
        let waiting = world.scenario.deeds.iter().copied().collect();
        Self {
            waiting,
            ways: Default::default(),
            gone: BTreeMap::new(),
            healed: false,
            stalls: BTreeMap::new(),
            adopted_at: None,
            counts: BTreeMap::new(),
        }
    }

    /// Does what is due.
    pub fn carry_out(&mut self, sim: &mut Sim<'_>, world: &World) {
        let now = world.time.elapsed();
        while let Some((at, deed)) = self.waiting.front().copied()
            && at <= now
        {
            self.waiting.pop_front();
            self.one(deed, sim, world, now);
        }
        self.power_failures(sim, world, now);
        self.stalled(world, now);
        self.adopt(world, now);
        if !self.healed && now >= world.scenario.healed_at {
            self.healed = true;
            self.heal(sim, world);
        }
        let back: Vec<usize> =
            self.gone.iter().filter(|(_, at)| **at <= now).map(|(number, _)| *number).collect();
        for number in back {
            self.gone.remove(&number);
            sim.bounce(machine(number));
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn one(&mut self, deed: Deed, sim: &mut Sim<'_>, world: &World, now: Duration) {
        match deed {
            Deed::KillCoordinator(for_) => {
                self.count("crashes");
                self.kill_coordinator(for_, sim, world, now);
            }
            Deed::KillAgent { site, power, for_ } => {
                self.count("crashes");
                self.kill(site + 1, for_, sim, world, now);
                let disk: &MemoryFs = &world.disks[site];
                if power { disk.crash() } else { disk.kill() }
            }
            Deed::Cut { site, down, up } => {
                self.count("partitions");
                self.ways[site] = Way { down_lost: down, up_lost: up, ..self.ways[site] };
                self.lay(site, sim);
                world.cut(site, Reason::Network, true);
            }
            Deed::Mend(site) => {
                self.ways[site] = Way { down_lost: false, up_lost: false, ..self.ways[site] };
                self.lay(site, sim);
                world.cut(site, Reason::Network, false);
            }
            Deed::Hold(site) => {
                self.count("holds");
                self.ways[site].held = true;
                self.lay(site, sim);
                world.cut(site, Reason::Held, true);
            }
            Deed::Release(site) => self.release(site, sim, world),
            Deed::FailDisk(site, op, times) => {
                self.count("disk faults");
                world.disks[site].fail(op, 0, times, io::ErrorKind::Other);
            }
            Deed::FillDisk(site, more) => {
                self.count("disk faults");
                let disk = &world.disks[site];
                disk.set_capacity(Some(disk.used() + more));
            }
            Deed::MendDisk(site) => world.disks[site].heal(),
            Deed::FillStore(full) => {
                self.count("disk faults");
                world.store.set_full(full);
            }
            Deed::Stall { site, frozen, for_, meanwhile } => {
                world.machines[site].arm(frozen, for_);
                self.stalls.insert(site, (frozen, for_, meanwhile));
            }
            Deed::FailPower { site, after } => world.machines[site].fail_power(&world.disks[site], after),
            Deed::Rot { site, place, for_ } => {
                self.kill(site + 1, for_, sim, world, now);
                self.rot(site, place, world);
            }
            Deed::Backup => world.store.back_up(),
            Deed::Restore(for_) => {
                self.kill_coordinator(for_, sim, world, now);
                self.restore(world, now);
            }
            Deed::Spare => world.watched().spare_is_here = true,
            Deed::Jump { machine, by } => {
                self.count("clock jumps");
                world.jump(machine, by);
            }
            Deed::Act(act) => {
                if matches!(act, Act::Rebind(_)) {
                    self.count("rebound sites");
                }
                world.watched().acts.push_back(act);
            }
        }
    }

    fn release(&mut self, site: usize, sim: &Sim<'_>, world: &World) {
        self.ways[site].held = false;
        sim.release(COORDINATOR, agent_host(&World::site(site)));
        self.lay(site, sim);
        world.cut(site, Reason::Held, false);
    }

    fn kill_coordinator(&mut self, for_: Duration, sim: &mut Sim<'_>, world: &World, now: Duration) {
        self.kill(0, for_, sim, world, now);
        (0..SITES.len()).for_each(|site| world.cut(site, Reason::NoCoordinator, true));
    }

    fn rot(&mut self, site: usize, place: u64, world: &World) {
        world.disks[site].crash();
        if rot(&world.disks[site], place) {
            self.count("journals with another bit");
            world.watched().rotted.insert(World::site(site));
        }
    }

    fn restore(&mut self, world: &World, now: Duration) {
        if world.store.restore() {
            self.count("restored copies");
            self.adopted_at = Some(now);
        }
    }

    /// Disks that have just begun to stand still under an intent.
    fn stalled(&mut self, world: &World, now: Duration) {
        for (site, machine) in world.machines.iter().enumerate() {
            if !machine.takes_stall() {
                continue;
            }
            let Some((frozen, for_, meanwhile)) = self.stalls.remove(&site) else { continue };
            self.count(if frozen { "frozen machines" } else { "disks that stood still" });
            let deeds = match meanwhile {
                Meanwhile::Cut { down, up, after } => {
                    vec![(now, Deed::Cut { site, down, up }), (now + for_ + after, Deed::Mend(site))]
                }
                Meanwhile::Act(act) => vec![(now, Deed::Act(act))],
            };
            self.waiting.extend(deeds);
            self.waiting.make_contiguous().sort_by_key(|(at, _)| *at);
        }
    }

    /// Machines whose power failed in the middle of what their disk did.
    fn power_failures(&mut self, sim: &mut Sim<'_>, world: &World, now: Duration) {
        for (site, machine) in world.machines.iter().enumerate() {
            if machine.takes_power_failure() {
                self.count("power cuts in mid-operation");
                self.kill(site + 1, POWER_BACK_AFTER, sim, world, now);
                world.disks[site].heal();
            }
        }
    }

    /// After an old copy has come back a person looks again and again whether an agent knows more.
    fn adopt(&mut self, world: &World, now: Duration) {
        if self.adopted_at.is_some_and(|at| now >= at + ADOPTED_EVERY) {
            self.adopted_at = Some(now);
            world.watched().acts.push_back(Act::Adopt);
        }
    }

    /// Makes the network between the coordinator and a site what it is to be.
    fn lay(&self, site: usize, sim: &Sim<'_>) {
        let (host, way) = (agent_host(&World::site(site)), self.ways[site]);
        sim.repair(COORDINATOR, host.as_str());
        if way.held {
            sim.hold(COORDINATOR, host.as_str());
        }
        if way.down_lost {
            sim.partition_oneway(COORDINATOR, host.as_str());
        }
        if way.up_lost {
            sim.partition_oneway(host.as_str(), COORDINATOR);
        }
    }

    /// A machine without power says no farewell: what its connections would say at their end is lost.
    fn kill(&mut self, number: usize, for_: Duration, sim: &mut Sim<'_>, world: &World, now: Duration) {
        if self.gone.contains_key(&number) {
            return;
        }
        let sites = number.checked_sub(1).map_or(0..SITES.len(), |site| site..site + 1);
        for site in sites.clone() {
            let host = agent_host(&World::site(site));
            sim.partition_oneway(COORDINATOR, host.as_str());
            sim.partition_oneway(host.as_str(), COORDINATOR);
        }
        let spare = world.scenario.rebound.filter(|_| number == 0).map(spare_name);
        if let Some(spare) = &spare {
            sim.partition(COORDINATOR, spare.as_str());
        }
        sim.crash(machine(number));
        if let Some(spare) = &spare {
            sim.repair(COORDINATOR, spare.as_str());
        }
        sites.for_each(|site| self.lay(site, sim));
        self.gone.insert(number, now.saturating_add(for_));
    }

    fn heal(&mut self, sim: &mut Sim<'_>, world: &World) {
        for site in 0..SITES.len() {
            if world.scenario.forsaken == Some(site) {
                continue;
            }
            self.one(Deed::Mend(site), sim, world, Duration::ZERO);
            self.one(Deed::Release(site), sim, world, Duration::ZERO);
            world.disks[site].heal();
            world.machines[site].heal();
            world.watched().acts.push_back(Act::Reset(site));
        }
        world.store.set_full(false);
        let now = world.time.elapsed();
        for (number, at) in &mut self.gone {
            if number.checked_sub(1).is_none_or(|site| world.scenario.forsaken != Some(site)) {
                *at = now;
            }
        }
    }
}

fn machine(number: usize) -> String {
    match number.checked_sub(1) {
        None => COORDINATOR.to_owned(),
        Some(site) => agent_host(&World::site(site)),
    }
}

/// Turns one bit of the latest file of a journal; tells whether there is one.
fn rot(disk: &MemoryFs, place: u64) -> bool {
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "journal");
    let Some(path) = disk.files().into_iter().rfind(is_segment) else { return false };
    let Ok(mut bytes) = disk.read(&path, u64::MAX) else { return false };
    let (at, bit) = (place / 8 % bytes.len().max(1) as u64, place % 8);
    let Some(byte) = usize::try_from(at).ok().and_then(|at| bytes.get_mut(at)) else { return false };
    *byte ^= 1 << bit;
    disk.put(&path, &bytes);
    true
}
