//! Carries out what a scenario does to machines, network and disks, and mends it all in the end.

use crate::link::{COORDINATOR, agent_host};
use crate::scenario::{Act, Deed, SITES};
use crate::world::{Reason, World};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::Duration;
use switchyard_agent::fs::memory::MemoryFs;
use turmoil::Sim;

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
        let host = |site: usize| agent_host(&World::site(site));
        match deed {
            Deed::KillCoordinator(for_) => {
                self.count("crashes");
                self.kill(0, for_, sim, now);
                (0..SITES.len()).for_each(|site| world.cut(site, Reason::NoCoordinator, true));
            }
            Deed::KillAgent { site, power, for_ } => {
                self.count("crashes");
                self.kill(site + 1, for_, sim, now);
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
            Deed::Release(site) => {
                self.ways[site].held = false;
                sim.release(COORDINATOR, host(site));
                self.lay(site, sim);
                world.cut(site, Reason::Held, false);
            }
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
            Deed::Act(act) => world.watched().acts.push_back(act),
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
    fn kill(&mut self, number: usize, for_: Duration, sim: &mut Sim<'_>, now: Duration) {
        if self.gone.contains_key(&number) {
            return;
        }
        let sites = number.checked_sub(1).map_or(0..SITES.len(), |site| site..site + 1);
        for site in sites.clone() {
            let host = agent_host(&World::site(site));
            sim.partition_oneway(COORDINATOR, host.as_str());
            sim.partition_oneway(host.as_str(), COORDINATOR);
        }
        sim.crash(machine(number));
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
