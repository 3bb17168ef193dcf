//! One whole Switchyard on loopback: devices, coordinator, agents, and an operator.
#![expect(clippy::disallowed_methods, reason = "the tests' own files")]

use crate::place::Place;
use crate::programs::{self, Running};
use crate::wait;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use switchyard_agent::simulator::{Event, Kind, read_ledger};
use switchyard_shared::time::Timestamp;
use tempfile::TempDir;

/// The template that the tests roll out.
pub const TEMPLATE: &str = "hostname {{ device.name }}\nbanner {{ text | default(\"hello\") }}\n";

/// Everything of one test, in one folder that goes with it.
pub struct World {
    _place: Place,
    folder: TempDir,
    /// The coordinator's URL.
    pub server: String,
    /// The simulated devices, when there are some.
    pub devices: Option<Running>,
    /// The coordinator.
    pub coordinator: Option<Running>,
    /// Agents by site.
    pub agents: BTreeMap<String, Running>,
    /// Words that stand before a program's own, such as `ip netns exec NAME`: of `coordinator`, `devices`,
    /// `operator`, or the agent of a site.
    pub before: BTreeMap<String, Vec<String>>,
    /// Where the coordinator listens when it is first started.
    pub listen: String,
    /// The folder of the programs; those of this build when there is none.
    pub programs: Option<PathBuf>,
}

impl World {
    /// An empty world.
    pub fn new() -> Self {
        Self::at(Place::shared())
    }

    /// An empty world beside which no other one runs, for a test of times that the machine's load would
    /// spoil. Such a test has one world.
    pub fn alone() -> Self {
        Self::at(Place::alone())
    }

    fn at(place: Place) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            _place: place,
            folder,
            server: String::new(),
            devices: None,
            coordinator: None,
            agents: BTreeMap::new(),
            before: BTreeMap::new(),
            listen: "127.0.0.1:0".to_owned(),
            programs: None,
        }
    }

    /// A program, with the words that stand before it.
    fn program(&self, who: &str, name: &str) -> Command {
        let folder = self.programs.as_deref().unwrap_or_else(|| programs::folder());
        let mut words = self.before.get(who).into_iter().flatten();
        match words.next() {
            None => Command::new(folder.join(name)),
            Some(first) => {
                let mut command = Command::new(first);
                command.args(words).arg(folder.join(name));
                command
            }
        }
    }

    /// `devices` simulated devices at the sites of `sites` (`lab:1-100`), with a coordinator and an
    /// agent for each site, and the inventory imported.
    pub fn simulated(devices: usize, sites: &str, faults: &[&str]) -> Self {
        let mut world = Self::new();
        world.simulate(devices, sites, faults);
        world.start_coordinator();
        for site in sites.split(',').filter_map(|part| part.split(':').next()) {
            world.start_agent(site);
        }
        world.import(&world.path("devices/inventory.yaml"));
        world
    }

    /// A path in the world's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Reads a file of the world's folder.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file")
    }

    /// Moves a file within the world's folder.
    pub fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.path(from), self.path(to)).expect("a file");
    }

    /// Writes a file into the world's folder.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// Starts simulated devices.
    pub fn simulate(&mut self, devices: usize, sites: &str, faults: &[&str]) {
        let mut command = self.program("devices", "switchyard-agent");
        command.args([
            "simulate",
            "--port",
            "0",
            "--devices",
            &devices.to_string(),
            "--sites",
            sites,
            "--data",
        ]);
        command.arg(self.path("devices"));
        for fault in faults {
            command.args(["--fault", fault]);
        }
        let running = Running::start("devices", command);
        running.line_with("simulating");
        self.devices = Some(running);
    }

    /// Starts devices with real OpenSSH servers at the site `lab`; some accept and never speak.
    pub fn openssh(&mut self, devices: usize, hang: Option<&str>) {
        let mut command = Command::new(programs::folder().join("openssh-fleet"));
        command.args(["--port", "0", "--devices", &devices.to_string(), "--dir"]).arg(self.path("devices"));
        if let Some(range) = hang {
            command.args(["--hang", range]);
        }
        let running = Running::start("openssh devices", command);
        running.line_with("ready");
        self.devices = Some(running);
    }

    /// Real OpenSSH servers with a command line like Cisco IOS, all at the site `lab`.
    pub fn command_lines(&mut self, devices: usize) {
        let mut command = Command::new(programs::folder().join("openssh-fleet"));
        command.args(["--cli", "--port", "0", "--devices", &devices.to_string(), "--dir"]);
        command.arg(self.path("devices"));
        let running = Running::start("devices with a command line", command);
        running.line_with("ready");
        self.devices = Some(running);
    }

    /// Changes how simulated devices behave.
    pub fn set_mode(&self, fault: &str) {
        let mut command = self.program("devices", "switchyard-agent");
        let output = command.args(["simulate", "--set", fault, "--data"]).arg(self.path("devices")).output();
        assert!(output.expect("it runs").status.success(), "the mode {fault} is not taken");
    }

    /// Waits until each of these devices, in mode `wait`, holds a configuration: so far a rollout comes, and no
    /// further before they are told to go on.
    pub fn until_waiting(&self, devices: impl IntoIterator<Item = usize>) {
        for device in devices.into_iter().map(device) {
            let holds = || (self.ledger_count(&device, Kind::Waiting) > 0).then_some(());
            wait::until(&format!("{device} waits with a configuration"), holds);
        }
    }

    /// Starts the coordinator, again on the same address once it had one.
    pub fn start_coordinator(&mut self) {
        self.launch_coordinator();
        let running = self.coordinator.as_ref().expect("it was launched");
        let line = running.line_with("listening on ");
        self.server = format!("https://{}", line.rsplit(' ').next().expect("an address"));
    }

    /// The same, without a wait for it.
    pub fn launch_coordinator(&mut self) {
        let listen = self.server.strip_prefix("https://").unwrap_or(&self.listen).to_owned();
        let mut command = self.program("coordinator", "switchyard");
        command.args(["serve", "--listen", &listen, "--data"]).arg(self.path("coordinator"));
        self.coordinator = Some(Running::start("coordinator", command));
    }

    /// Starts the agent of a site; at its first start it joins with a token.
    pub fn start_agent(&mut self, site: &str) {
        self.launch_agent(site);
        self.agents[site].line_with("connected to");
    }

    /// The same, without a wait for it.
    pub fn launch_agent(&mut self, site: &str) {
        let data = self.path(&format!("agent-{site}"));
        let mut command = self.program(site, "switchyard-agent");
        command.args(["run", "--site", site, "--coordinator", &self.server, "--data"]).arg(&data);
        if !data.join("identity").exists() {
            let token = self.say(&["agent", "token", "create", "--site", site]);
            command.args(["--join", token.trim()]);
        }
        let running = Running::start(&format!("agent of {site}"), command);
        self.agents.insert(site.to_owned(), running);
    }

    /// The operator's program, with the credentials that `serve` made. It ends with 124 when it does
    /// not end by itself.
    pub fn operator(&self) -> Command {
        let program = self.program("operator", "switchyard");
        let mut command = Command::new("timeout");
        command.arg("120").arg(program.get_program()).args(program.get_args());
        command.current_dir(self.folder.path());
        command.env("SWITCHYARD_CONTEXT", self.path("coordinator/operator/context.toml"));
        command.env_remove("SWITCHYARD_SERVER");
        command
    }

    /// Runs an operator's command to its end.
    pub fn run(&self, words: &[&str]) -> Output {
        self.operator().args(words).output().expect("switchyard runs")
    }

    /// Runs an operator's command that must succeed; returns its standard output.
    pub fn say(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "switchyard {}: {}", words.join(" "), text(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs an operator's command in the background.
    pub fn background(&self, words: &[&str]) -> Running {
        let mut command = self.operator();
        command.args(words);
        Running::start(&format!("switchyard {}", words.join(" ")), command)
    }

    /// Imports an inventory.
    pub fn import(&self, inventory: &Path) {
        self.say(&["inventory", "import", &inventory.display().to_string()]);
    }

    /// Imports the simulated devices with further fields, such as `platform: ios, role: edge`, for each
    /// device by its number from 1.
    pub fn import_with(&self, fields: impl Fn(usize) -> String) {
        let mut number = 0;
        let mut line = |line: &str| match line.strip_suffix('}').filter(|_| line.starts_with("  dev")) {
            Some(start) => {
                number += 1;
                format!("{start}, {}}}\n", fields(number))
            }
            None => format!("{line}\n"),
        };
        let inventory: String = self.read("devices/inventory.yaml").lines().map(&mut line).collect();
        self.import(&self.write("fields.yaml", &inventory));
    }

    /// The last document of a command's standard output.
    pub fn document(&self, words: &[&str]) -> Value {
        document(&self.run(words))
    }

    /// How often each device was asked to apply a configuration, by its own ledger.
    pub fn applies(&self, device: &str) -> usize {
        self.ledger_count(device, Kind::Apply)
    }

    /// How often each device was asked to apply a configuration and refused it.
    pub fn rejects(&self, device: &str) -> usize {
        self.ledger_count(device, Kind::Reject)
    }

    /// How often somebody logged in to a device.
    pub fn logins(&self, device: &str) -> usize {
        self.ledger_count(device, Kind::Login)
    }

    /// How often each device was contacted at all.
    pub fn contacts(&self, device: &str) -> usize {
        self.ledger_count(device, Kind::Contact)
    }

    /// When something last happened at any of `devices`, by their own ledgers.
    pub fn last(&self, devices: impl IntoIterator<Item = usize>, kind: Kind) -> Option<Timestamp> {
        let ledgers = devices.into_iter().flat_map(|number| self.ledger(&device(number)));
        ledgers.filter(|event| event.event == kind).map(|event| Timestamp(event.at_us)).max()
    }

    /// Every move of the breaker `name` that the rollout's log has: its state, and since when.
    pub fn moves(&self, rollout: &str, name: &str) -> Vec<(String, Timestamp)> {
        let moved = |line: &Value| {
            let breaker = &line["breaker_changed"]["breaker"];
            let since: jiff::Timestamp = breaker["since"].as_str()?.parse().ok()?;
            let state = breaker["state"].as_str()?.to_owned();
            (breaker["name"] == name).then_some((state, Timestamp(since.as_microsecond())))
        };
        self.log(rollout).iter().filter_map(moved).collect()
    }

    /// Everything that happened to a rollout, one JSON object for each event.
    pub fn log(&self, rollout: &str) -> Vec<Value> {
        let output = self.run(&["watch", rollout, "--since", "0", "--exit-on-block", "-o", "jsonl"]);
        let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).expect("a JSON object on each line")).collect()
    }

    /// Everything that a device has seen, oldest first.
    pub fn ledger(&self, device: &str) -> Vec<Event> {
        read_ledger(&self.path("devices"), device).unwrap_or_default()
    }

    fn ledger_count(&self, device: &str, kind: Kind) -> usize {
        self.ledger(device).iter().filter(|event| event.event == kind).count()
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// The name of simulated device number `number`, from 1.
pub fn device(number: usize) -> String {
    format!("dev{number:03}")
}

/// What a command printed, both ways.
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The one JSON document on standard output.
pub fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

/// A rollout spec for the simulated devices: one template, listed order.
pub fn spec(name: &str, filter: &str, parallel: u32, more: &str) -> String {
    format!(
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: {name}}}\nspec:\n  change:\n    ssh: {{command: load}}\n    templates: {{default: device.cfg.j2}}\n  targets: {{filter: '{filter}'}}\n  strategy:\n    order: listed\n    max_parallel_per_site: {parallel}\n    waves: [{{name: all}}]\n{more}"
    )
}
