//! One world with one rollout in it: devices at two sites or more, a coordinator, agents, and an operator who watches.

use crate::checks;
use crate::report::Report;
use std::collections::BTreeMap;
use std::time::Duration;
use switchyard_agent::simulator::{Event, Kind};
use switchyard_shared::time::Timestamp;
use switchyard_tests::programs::Running;
use switchyard_tests::wait;
use switchyard_tests::world::{TEMPLATE, World, device, text};

/// A rollout that has not come to rest after this long never will.
const REST_WITHIN: Duration = Duration::from_secs(150);
/// What no program ever says unless something is lost, done twice or broken.
const ALARMS: [&str; 5] = [
    "panicked at",
    "fault of this",
    "it lost some",
    "asked to run an operation again",
    "restored from a backup",
];

/// How a program ends that has watched a rollout to its end: succeeded, failed in part, aborted.
const ENDS: [i32; 3] = [0, 3, 5];

/// How it ends when a person is needed, and how often a person resumes one rollout.
const ASKED: i32 = 6;
const RESUMES_MAX: usize = 5;

/// What to put on the stage.
pub struct Terms<'a> {
    /// How many devices.
    pub devices: usize,
    /// Over how many sites, evenly.
    pub sites: usize,
    /// Devices in flight at one site.
    pub parallel: usize,
    /// How devices behave.
    pub faults: &'a [&'a str],
}

/// The stage.
pub struct Stage {
    /// Everything that runs.
    pub world: World,
    /// The sites' names.
    pub sites: Vec<String>,
    /// How many devices.
    pub devices: usize,
    parallel: usize,
    /// Lines of each ledger when the rollout began.
    before: BTreeMap<String, usize>,
    /// Words of programs that ended, which should never be said.
    alarms: Vec<String>,
    watching: Option<Running>,
    /// What the operator saw before the present watch.
    said: Vec<String>,
}

impl Stage {
    /// Sets everything up, on loopback.
    pub fn new(terms: &Terms) -> Self {
        Self::in_world(World::new(), terms)
    }

    /// Sets everything up in a world of its own kind.
    pub fn in_world(mut world: World, terms: &Terms) -> Self {
        let each = terms.devices / terms.sites;
        let sites: Vec<String> = (1..=terms.sites).map(|number| format!("s{number}")).collect();
        let ranges: Vec<String> = sites
            .iter()
            .enumerate()
            .map(|(at, site)| format!("{site}:{}-{}", at * each + 1, (at + 1) * each))
            .collect();
        world.simulate(each * terms.sites, &ranges.join(","), terms.faults);
        world.start_coordinator();
        sites.iter().for_each(|site| world.start_agent(site));
        world.import(&world.path("devices/inventory.yaml"));
        let (devices, parallel) = (each * terms.sites, terms.parallel);
        Self {
            world,
            sites,
            devices,
            parallel,
            before: BTreeMap::new(),
            alarms: Vec::new(),
            watching: None,
            said: Vec::new(),
        }
    }

    /// Starts a rollout to all devices and watches it. Its budget never holds it back: what is tried here
    /// must not depend on how many devices a fault hurts.
    pub fn begin(&mut self, name: &str) {
        let lines = |name: String| (self.world.ledger(&name).len(), name);
        self.before = (1..=self.devices).map(device).map(lines).map(|(lines, name)| (name, lines)).collect();
        self.world.write("device.cfg.j2", &format!("{TEMPLATE}! {name}\n"));
        let spec = format!(
            "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: {name}}}\nspec:\n  change:\n    ssh: \
             {{command: load{READ}}}\n    templates: {{default: device.cfg.j2}}\n  strategy:\n    max_parallel_per_site: \
             {}\n    waves: [{{name: all}}]\n    budget: {{devices: 100000}}\n  timeouts: {{connect: 4s, command: 6s}}\n",
            self.parallel
        );
        let path = self.world.write(&format!("{name}.yaml"), &spec).display().to_string();
        self.world.say(&["apply", "-f", &path, "--no-wait"]);
        self.watching =
            Some(self.world.background(&["watch", name, "--since", "0", "-o", "jsonl", "--wait", "30s"]));
    }

    /// The numbers of a site's devices.
    pub fn devices_of(&self, site: usize) -> std::ops::RangeInclusive<usize> {
        let each = self.devices / self.sites.len();
        site * each + 1..=(site + 1) * each
    }

    /// Everything that happened in this rollout at the devices of one site, or at all.
    pub fn ledgers(&self, site: Option<usize>) -> Vec<(String, Vec<Event>)> {
        let numbers = site.map_or(1..=self.devices, |site| self.devices_of(site));
        let ledger = |name: String| {
            let mut events = self.world.ledger(&name);
            events.drain(..self.before.get(&name).copied().unwrap_or(0).min(events.len()));
            (name, events)
        };
        numbers.map(device).map(ledger).collect()
    }

    /// How many devices were ever contacted.
    pub fn contacts(&self, site: Option<usize>) -> usize {
        self.ledgers(site).iter().filter(|(_, events)| checks::contacts(events).next().is_some()).count()
    }

    /// When the first device was contacted after `start`.
    pub fn first_contact_after(&self, start: Timestamp, site: Option<usize>) -> Option<Timestamp> {
        let ledgers = self.ledgers(site);
        let contacts = ledgers.iter().flat_map(|(_, events)| checks::contacts(events));
        contacts.map(|event| Timestamp(event.at_us)).filter(|at| *at > start).min()
    }

    /// When the first device was logged in to after `start` that never was before.
    pub fn first_start_after(&self, start: Timestamp, site: Option<usize>) -> Option<Timestamp> {
        let first = |(_, events): &(String, Vec<Event>)| {
            let mut logins = events.iter().filter(|event| event.event == Kind::Login);
            logins.next().map(|event| Timestamp(event.at_us)).filter(|at| *at > start)
        };
        self.ledgers(site).iter().filter_map(first).min()
    }

    /// How many devices were logged in to between two instants. That an agent asks whether the link works is no
    /// start: it never speaks.
    pub fn starts_between(&self, site: Option<usize>, from: Timestamp, to: Timestamp) -> usize {
        self.logins(site).filter(|at| (from..to).contains(at)).count()
    }

    fn logins(&self, site: Option<usize>) -> impl Iterator<Item = Timestamp> {
        let events = self.ledgers(site).into_iter().flat_map(|(_, events)| events);
        events.filter(|event| event.event == Kind::Login).map(|event| Timestamp(event.at_us))
    }

    /// What devices' ledgers say of the time between two instants.
    pub fn told(&self, from: Timestamp, to: Timestamp) -> String {
        let lines = self.ledgers(None).into_iter().flat_map(|(device, events)| {
            let inside = events.into_iter().filter(move |event| (from.0..to.0).contains(&event.at_us));
            inside.map(move |event| format!("{} {device} {:?}", Timestamp(event.at_us), event.event))
        });
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        lines.join(" · ")
    }

    /// When the last device was logged in to before an instant.
    pub fn last_start_before(&self, instant: Timestamp) -> Option<Timestamp> {
        self.logins(None).filter(|at| *at < instant).max()
    }

    /// When the last device was contacted.
    pub fn last_contact(&self, site: Option<usize>) -> Option<Timestamp> {
        let ledgers = self.ledgers(site);
        let contacts = ledgers.iter().flat_map(|(_, events)| checks::contacts(events));
        contacts.map(|event| Timestamp(event.at_us)).max()
    }

    /// Waits until so many devices were contacted; `false` when that does not happen any more.
    pub fn wait_for_contacts(&mut self, devices: usize) -> bool {
        let reached = wait::within(Duration::from_secs(60), || {
            let over = self.is_over();
            (over || self.contacts(None) >= devices).then_some(!over)
        });
        reached.is_some_and(|(reached, _)| reached)
    }

    /// Whether the operator has seen the rollout's end.
    pub fn is_over(&mut self) -> bool {
        self.watching.as_mut().is_none_or(Running::has_ended)
    }

    /// Whether rollout `name` waits for a person.
    pub fn is_paused(&self, name: &str) -> bool {
        text(&self.world.run(&["status", name])).contains("PAUSED")
    }

    /// What the operator has seen so far.
    pub fn seen(&self) -> Vec<String> {
        let now = self.watching.as_ref().map(Running::output).unwrap_or_default();
        self.said.iter().cloned().chain(now).collect()
    }

    /// Kills the coordinator.
    pub fn kill_coordinator(&mut self) {
        if let Some(mut running) = self.world.coordinator.take() {
            running.kill();
            self.listen_to(&running);
        }
    }

    /// Kills the agent of a site.
    pub fn kill_agent(&mut self, site: usize) {
        if let Some(mut running) = self.world.agents.remove(&self.sites[site]) {
            running.kill();
            self.listen_to(&running);
        }
    }

    /// Starts what was killed.
    pub fn revive(&mut self) {
        if self.world.coordinator.is_none() {
            self.world.start_coordinator();
        }
        for site in self.sites.clone() {
            if !self.world.agents.contains_key(&site) {
                self.world.start_agent(&site);
            }
        }
    }

    fn listen_to(&mut self, running: &Running) {
        let output = running.output();
        let alarms = output.iter().filter(|line| ALARMS.iter().any(|alarm| line.contains(alarm)));
        self.alarms.extend(alarms.cloned());
    }

    /// Waits until the rollout is at rest, and reports everything that is not as it must be.
    pub fn finish(&mut self, name: &str, report: &mut Report) {
        let mut rest = wait::within(REST_WITHIN, || self.is_over().then_some(()));
        for _ in 0..RESUMES_MAX {
            let asked = self.watching.as_mut().is_some_and(|watching| watching.exit_status() == ASKED);
            if rest.is_none() || !asked {
                break;
            }
            report.add("resumed by a person", 1);
            self.said.extend(self.seen());
            self.world.say(&["rollout", "resume", name, "--reason", "the campaign goes on"]);
            self.watching =
                Some(self.world.background(&["watch", name, "--since", "0", "-o", "jsonl", "--wait", "30s"]));
            rest = wait::within(REST_WITHIN, || self.is_over().then_some(()));
        }
        if rest.is_none() {
            let status = text(&self.world.run(&["status", name]));
            report.violation(format!("{name} did not come to rest: {status}"));
            return;
        }
        let end = self.watching.as_mut().map(|watching| (watching.exit_status(), watching.output()));
        if let Some((status, output)) = end.filter(|(status, _)| !ENDS.contains(status)) {
            let last: Vec<&String> = output.iter().rev().take(3).collect();
            let status_says = text(&self.world.run(&["status", name]));
            report.violation(format!("{name}: its operator was left with {status}: {last:?}; {status_says}"));
        }
        let world = &self.world;
        let alive: Vec<Vec<String>> =
            world.coordinator.iter().chain(world.agents.values()).map(Running::output).collect();
        let alarms =
            alive.into_iter().flatten().filter(|line| ALARMS.iter().any(|alarm| line.contains(alarm)));
        for alarm in self.alarms.drain(..).chain(alarms) {
            report.violation(format!("{name}: a program says: {alarm}"));
        }
        checks::all(self, name, report);
        self.watching = None;
        self.said.clear();
    }
}

/// How the spec lets an agent read a device.
const READ: &str = ", read: show";
