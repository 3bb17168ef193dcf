//! The programs of a run: the real coordinator and the real agents, started again when they end.

use crate::change;
use crate::dice::Dice;
use crate::executor::SimExecutor;
use crate::link::{Dial, PORT, incoming, spare_name};
use crate::outflow::Outflow;
use crate::people;
use crate::scenario::SITES;
use crate::store::RESTARTED_AFTER;
use crate::watch::WatchedLog;
use crate::world::{Reason, Watched, World};
use futures_util::future::BoxFuture;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use switchyard_agent::Agent;
use switchyard_agent::StartError;
use switchyard_agent::fs::memory::MemoryFs;
use switchyard_agent::journal::aside::set_aside;
use switchyard_agent::journal::{Log, OpenError, Runs};
use switchyard_agent::memory::BreakerFileInPlace;
use switchyard_agent::sentinel::{Reached, Sentinel};
use switchyard_coordinator::Coordinator;
use switchyard_shared::id::SiteName;
use switchyard_shared::inventory::Inventory;
use tokio_util::sync::CancellationToken;

/// How often people look at the coordinator.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How soon a person sets a journal aside that an agent does not start with.
const SET_ASIDE_AFTER: Duration = Duration::from_secs(5);

/// Where every agent keeps its files.
const DATA: &str = "/data";

/// The coordinator's machine: starts its program, and again when it has ended.
pub async fn coordinator(world: World) -> turmoil::Result {
    let (inventory, outflow) = (change::inventory(), Outflow::default());
    tokio::spawn(outflow.clone().run());
    loop {
        world.next_life(0);
        if let Err(why) = serve(&world, &inventory, outflow.clone()).await {
            world.say("coordinator", &why);
        }
        (0..SITES.len()).for_each(|site| world.cut(site, Reason::NoCoordinator, true));
        tokio::time::sleep(RESTARTED_AFTER).await;
    }
}

async fn serve(world: &World, inventory: &Inventory, outflow: Outflow) -> Result<(), String> {
    let stop = CancellationToken::new();
    let connections = incoming(outflow, stop.clone()).await.map_err(|error| format!("listen: {error}"))?;
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT));
    let seams = switchyard_coordinator::Seams {
        store: Arc::new(world.store.opened()),
        clock: Arc::new(world.clock(0)),
        address,
    };
    let started = Coordinator::start_on(seams, connections, stop).await;
    let (running, driver) = started.map_err(|error| error.to_string())?;
    (0..SITES.len()).for_each(|site| world.cut(site, Reason::NoCoordinator, false));
    let mut ended = Box::pin(running.ended());
    loop {
        tokio::select! {
            biased;
            ended = &mut ended => return ended.map_err(|error| error.to_string()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        tokio::select! {
            biased;
            ended = &mut ended => return ended.map_err(|error| error.to_string()),
            () = people::look(world, &driver, inventory) => {}
        }
    }
}

/// Devices never lose their link here, but one by one.
struct Alive;

impl Sentinel for Alive {
    fn probe(&self, _address: String) -> BoxFuture<'static, Reached> {
        Box::pin(async { Reached::Alive })
    }
}

/// The machine of a site's agent: starts its program, and again when it has ended.
pub async fn agent(world: World, number: usize) -> turmoil::Result {
    let (name, disk) = (World::site(number), world.disks[number].clone());
    live(Place { world, number, name, life: number + 1, disk }).await
}

/// The machine of the agent that takes a site over.
pub async fn spare(world: World, number: usize) -> turmoil::Result {
    // Who comes before the site is free is its agent, and the one from whom it is taken.
    let is_free = |watched: &Watched| watched.spare_is_here && !watched.rebinds.is_empty();
    while !is_free(&world.watched()) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let (name, disk) = (spare_name(number), world.spare_disk.clone());
    live(Place { world, number, name, life: SITES.len() + 1, disk }).await
}

/// Where an agent lives.
struct Place {
    world: World,
    /// The number of its site.
    number: usize,
    /// What it is called: as its site, if it is the first there.
    name: SiteName,
    /// Which count its lives have.
    life: usize,
    disk: MemoryFs,
}

async fn live(place: Place) -> turmoil::Result {
    let Place { world, name, life, disk, .. } = &place;
    loop {
        let life = world.next_life(*life);
        let ended = match start(&place, life) {
            Ok(handle) => handle.ended().await.map_err(|error| error.to_string()),
            Err(StartError::Journal(OpenError::Damaged { dir, .. })) => {
                // A person reads what it says, and does that.
                tokio::time::sleep(SET_ASIDE_AFTER).await;
                Err(format!("its journal was set aside: {:?}", set_aside(disk, &dir)))
            }
            Err(error) => Err(error.to_string()),
        };
        let why = ended.err().unwrap_or_else(|| "it ended by itself".into());
        world.say(&format!("agent {name}/{life}"), &why);
        disk.kill();
        tokio::time::sleep(RESTARTED_AFTER).await;
    }
}

fn start(place: &Place, life: u64) -> Result<switchyard_agent::AgentHandle, StartError> {
    let Place { world, number, name, .. } = place;
    let (site, machine) = (World::site(*number), world.machines[*number].clone());
    let (disk, clock) = (Arc::new(place.disk.clone()), world.clock(number + 1));
    let mut dice = Dice::new(world.scenario.seed, &format!("agent {name} {life}"));
    let (seed, slowest) = (dice.next(), world.scenario.slowest.1);
    let executor = SimExecutor {
        fleet: world.fleet.clone(),
        clock: clock.clone(),
        machine: machine.clone(),
        by: format!("{name}/{life}"),
    };
    let watch = WatchedLog { world: world.clone(), site: name.clone() };
    let seams = switchyard_agent::Seams {
        connector: Arc::new(Dial { wire: world.wires[place.life - 1].clone() }),
        executor: Arc::new(executor),
        clock: Arc::new(clock),
        fs: disk.clone(),
        sentinel: Arc::new(Alive),
        breakers: Arc::new(BreakerFileInPlace::open(disk, Path::new(DATA), site.clone())),
        seed,
        runs: Runs::InTask(Box::new(move || machine.disk_takes(dice.millis(0, slowest)))),
        log: Box::new(move |log| Arc::new(watch.before(log)) as Arc<dyn Log>),
    };
    Agent::start_on(switchyard_agent::Config::new(site, DATA), seams, CancellationToken::new())
}
