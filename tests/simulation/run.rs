//! One run of a seed, from its first moment to its rest, and what the checkers say of it.

use crate::change;
use crate::deeds::Deeds;
use crate::hosts;
use crate::link::{COORDINATOR, agent_host, spare_name};
use crate::scenario::{Act, Mode, SITES, Scenario};
use crate::wire::Wire;
use crate::world::World;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::digest;
use switchyard_shared::id::RolloutName;
use switchyard_shared::outcome::DeviceState;
use switchyard_shared::rollout::RolloutState;
use switchyard_shared::rollout::event::Event;
use switchyard_tests::checkers::{self, History, Lost, Recorded, RolloutLog, Violation};
use turmoil::{Builder, Sim};

/// How often it is looked whether a run is over.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The grain of time.
const TICK: Duration = Duration::from_millis(10);
/// How long after everything has healed the last rollout may end: each of three waves may wait 10 minutes
/// for a device that another rollout holds.
const REST_WITHIN: Duration = Duration::from_secs(45 * 60);
/// How long after the last rollout has ended late words may come.
const AFTERWARDS: Duration = Duration::from_secs(20);
/// How often a person who is asked for lets a paused rollout go on.
const RESUMED_EVERY: Duration = Duration::from_secs(15);
/// Without anything new for so long, and with somebody asked for, it is at rest.
const STILL_FOR: Duration = Duration::from_secs(240);

/// What became of one seed.
#[derive(Debug, Clone)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// A digest of everything that happened.
    pub digest: String,
    /// Everything that happened, line by line.
    pub lines: Vec<String>,
    /// What was broken.
    pub violations: Vec<Violation>,
    /// Simulated time.
    pub simulated: Duration,
    /// How many of what happened.
    pub counts: BTreeMap<&'static str, u64>,
    /// All that happened, for people.
    pub history: History,
    /// Why programs ended, and what people were told.
    pub said: Vec<String>,
}

/// Runs `scenario` to its rest.
pub fn run(scenario: Scenario) -> Report {
    let world = World::new(scenario);
    let mut sim = machines(&world);
    let mut deeds = Deeds::new(&world);
    let mut rest = Rest::default();
    let mut broke = None;
    while !rest.is_over(&world) {
        world.time.set(sim.elapsed());
        deeds.carry_out(&mut sim, &world);
        rest.help(&world);
        if let Err(error) = sim.step() {
            broke = Some(error.to_string());
            break;
        }
    }
    world.time.set(sim.elapsed());
    let simulated = sim.elapsed();
    drop(sim);
    report(&world, simulated, deeds.counts, rest, broke)
}

fn machines(world: &World) -> Sim<'static> {
    let scenario = &world.scenario;
    let mut sim = Builder::new()
        .simulation_duration(Duration::from_secs(86_400))
        .tick_duration(TICK)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(scenario.latency))
        .tcp_capacity(4096)
        .rng_seed(scenario.seed)
        .build();
    let of_host = world.clone();
    sim.host(COORDINATOR, move || hosts::coordinator(of_host.clone()));
    for number in 0..SITES.len() {
        let of_host = world.clone();
        sim.host(agent_host(&World::site(number)), move || hosts::agent(of_host.clone(), number));
    }
    if let Some(number) = scenario.rebound {
        let of_host = world.clone();
        sim.host(spare_name(number).as_str(), move || hosts::spare(of_host.clone(), number));
    }
    sim
}

/// When a run is over.
#[derive(Default)]
struct Rest {
    ended_at: Option<Duration>,
    helped_at: Duration,
    looked_at: Duration,
    still: (usize, usize, Duration),
    gave_up: bool,
}

impl Rest {
    fn is_over(&mut self, world: &World) -> bool {
        let now = world.time.elapsed();
        if now < world.scenario.healed_at.max(self.looked_at + LOOK_EVERY) {
            return false;
        }
        self.looked_at = now;
        let seen = (world.store.len(), world.watched().journals.len());
        if seen != (self.still.0, self.still.1) {
            self.still = (seen.0, seen.1, now);
        }
        if world.scenario.changes.iter().all(|change| world.store.says_ended(change.name)) {
            return now >= *self.ended_at.get_or_insert(now) + AFTERWARDS;
        }
        self.ended_at = None;
        let is_still = now >= self.still.2 + STILL_FOR && world.scenario.mode == Mode::Liveness;
        self.gave_up = now >= world.scenario.healed_at + REST_WITHIN;
        is_still || self.gave_up
    }

    /// A person looks now and then and lets go on what waits for one.
    fn help(&mut self, world: &World) {
        let now = world.time.elapsed();
        if now < world.scenario.healed_at.max(self.helped_at + RESUMED_EVERY) {
            return;
        }
        self.helped_at = now;
        let mut watched = world.watched();
        for (number, change) in world.scenario.changes.iter().enumerate() {
            let paused = |name: &RolloutName| {
                let standing = watched.standing.get(name);
                standing.is_some_and(|standing| !standing.ended && standing.state == RolloutState::Paused)
            };
            if RolloutName::new(change.name).is_ok_and(|name| paused(&name)) {
                watched.acts.push_back(Act::Resume(number));
            }
        }
    }
}

fn report(
    world: &World,
    simulated: Duration,
    mut counts: BTreeMap<&'static str, u64>,
    rest: Rest,
    broke: Option<String>,
) -> Report {
    let history = history(world);
    let mut violations = checkers::safety(&history);
    if world.scenario.mode == Mode::Safety {
        violations.extend(checkers::results_arrive_once(&history, world.time.now()));
    }
    violations.extend(told_the_truth(world, &history));
    violations.extend(at_rest(world, &rest));
    let broken = |what| Violation { invariant: "run", at: world.time.now(), device: None, what };
    violations.extend(broke.map(broken));
    let events = || history.rollouts.values().flat_map(|log| &log.events);
    let of = |wanted: fn(&Event) -> bool| events().filter(|recorded| wanted(&recorded.event)).count() as u64;
    counts.insert("events", events().count() as u64);
    counts.insert("doubts settled", of(|event| matches!(event, Event::Settled { .. })));
    counts.insert(
        "writes",
        history.touches.iter().filter(|touch| touch.mark == checkers::Mark::WriteBegan).count() as u64,
    );
    for (what, count) in world.wires.iter().flat_map(Wire::counts) {
        *counts.entry(what).or_default() += count;
    }
    counts.insert("networks that came apart", world.scenario.swizzles);
    counts.insert("rollouts", history.rollouts.len() as u64);
    let said = world.watched().said.clone();
    let lines = lines_of(world, &history, &said);
    let digest = digest::of_bytes(lines.join("\n").as_bytes());
    Report { seed: world.scenario.seed, digest, lines, violations, simulated, counts, history, said }
}

/// What is said to have the change has it: of a single rollout, since another one may come after it.
fn told_the_truth(world: &World, history: &History) -> Vec<Violation> {
    let mut rollouts = history.rollouts.iter();
    let (Some((name, log)), None) = (rollouts.next(), rollouts.next()) else { return Vec::new() };
    let Some(rollout) = log.fold(name) else { return Vec::new() };
    let contents = world.fleet.contents();
    let ranked = rollout.layout.devices.iter().zip(&rollout.devices);
    let said =
        ranked.filter(|(_, device)| matches!(device.state, DeviceState::Succeeded | DeviceState::Unchanged));
    let lies =
        said.filter(|(place, _)| contents.get(&place.name) != Some(&change::rendered(&place.name, name)));
    lies.map(|(place, device)| Violation {
        invariant: "truth",
        at: world.time.now(),
        device: Some(place.name.clone()),
        what: format!("it is said to be {} and has not the change", device.state),
    })
    .collect()
}

/// I16: everything has ended, or says who is needed.
fn at_rest(world: &World, rest: &Rest) -> Vec<Violation> {
    let mut found = Vec::new();
    let watched = world.watched();
    for change in &world.scenario.changes {
        let name = RolloutName::new(change.name).expect("a name that is written here");
        let what = match watched.standing.get(&name) {
            _ if world.store.says_ended(change.name) => continue,
            None => format!("rollouts/{name} was never begun"),
            Some(standing) if standing.blocked_on.is_empty() => {
                format!("rollouts/{name} is {} and says nothing of what it waits for", standing.state)
            }
            Some(_) if world.scenario.mode == Mode::Liveness && !rest.gave_up => continue,
            Some(standing) => {
                format!("rollouts/{name} is {} and not at rest: {:?}", standing.state, standing.blocked_on)
            }
        };
        found.push(Violation { invariant: "I16", at: world.time.now(), device: None, what });
    }
    found
}

fn history(world: &World) -> History {
    let inventory = change::inventory();
    let layouts = world.scenario.changes.iter().filter_map(|change| {
        let planned = change::plan(change, &inventory);
        Some((RolloutName::new(change.name).ok()?, Arc::new(planned.plan.layout())))
    });
    let mut rollouts: BTreeMap<RolloutName, RolloutLog> =
        layouts.map(|(name, layout)| (name, RolloutLog { layout, events: Vec::new() })).collect();
    for (durable_at, stored) in world.store.log() {
        let name = stored.stream.strip_prefix("rollouts/").unwrap_or_default();
        if let (Some(log), Ok(event)) = (rollouts.get_mut(name), serde_json::from_str(&stored.body)) {
            log.events.push(Recorded { durable_at, at: stored.at, event });
        }
    }
    let lost = world.store.lost().into_iter().filter_map(|lost| {
        let rollout = RolloutName::new(lost.event.stream.strip_prefix("rollouts/")?).ok()?;
        let event = serde_json::from_str(&lost.event.body).ok()?;
        let recorded = Recorded { durable_at: lost.durable_at, at: lost.event.at, event };
        Some(Lost { at: lost.at, rollout, recorded })
    });
    let lost = lost.collect();
    rollouts.retain(|_, log| !log.events.is_empty());
    let watched = world.watched();
    let (journals, acks) = (watched.journals.clone(), watched.acks.clone());
    let (rebinds, rotted) = (watched.rebinds.clone(), watched.rotted.clone());
    drop(watched);
    let (touches, cuts) = (world.fleet.ledger(), world.cuts());
    History { touches, rollouts, journals, acks, cuts, lost, rebinds, rotted }
}

fn lines_of(world: &World, history: &History, said: &[String]) -> Vec<String> {
    let stored = world.store.log().into_iter().map(|(durable_at, stored)| {
        format!("{durable_at} {} {} {} {}", stored.stream, stored.version, stored.at, stored.body)
    });
    let touches = history.touches.iter().map(|touch| format!("{} {touch:?}", touch.at));
    let journals = history.journals.iter().map(|journalled| format!("{} {journalled:?}", journalled.at));
    let acks = history.acks.iter().map(|(at, site, sequence)| format!("{at} {site} {sequence}"));
    stored.chain(touches).chain(journals).chain(acks).chain(said.iter().cloned()).collect()
}
