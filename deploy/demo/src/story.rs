//! The story: 100 devices at three sites, and every device from number 47 on never speaks.
#![expect(clippy::disallowed_methods, reason = "the story writes its own spec and template")]

use crate::programs::{Programs, Running};
use anyhow::{Context as _, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const SITES: [(&str, &str); 3] = [("ams", "1-20"), ("fra", "21-40"), ("lon", "41-100")];
const TEMPLATE: &str = "banner motd Managed by Switchyard: {{ device.name }} at {{ site.name }}\n";

/// Everything that runs.
pub struct World<'a> {
    programs: &'a Programs,
    folder: PathBuf,
    running: Vec<Running>,
}

impl<'a> World<'a> {
    /// Starts devices, coordinator and agents, and imports the inventory.
    pub fn start(programs: &'a Programs, folder: &Path) -> anyhow::Result<Self> {
        let mut world = Self { programs, folder: folder.to_owned(), running: Vec::new() };
        world.start_devices()?;
        let server = world.start_coordinator()?;
        for (site, _) in SITES {
            world.start_agent(site, &server)?;
        }
        let inventory = world.folder.join("devices/inventory.yaml");
        world.say(&["inventory", "import", &inventory.display().to_string()])?;
        Ok(world)
    }

    fn start_devices(&mut self) -> anyhow::Result<()> {
        let sites: Vec<String> = SITES.iter().map(|(site, range)| format!("{site}:{range}")).collect();
        let mut command = Command::new(&self.programs.agent);
        command.args(["simulate", "--devices", "100", "--port", "0", "--fault", "hang:47-100"]);
        command.arg("--sites").arg(sites.join(",")).arg("--data").arg(self.folder.join("devices"));
        self.run(command, "the simulated devices", "devices.log", "simulating")?;
        println!(
            "100 simulated devices at 3 sites, real SSH; number 47 to 100 accept a connection and never speak"
        );
        Ok(())
    }

    fn start_coordinator(&mut self) -> anyhow::Result<String> {
        let mut command = Command::new(&self.programs.switchyard);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(self.folder.join("coordinator"));
        let line = self.run(command, "the coordinator", "coordinator.log", "listening on")?;
        let address = line.rsplit(' ').next().context("read the coordinator's address")?;
        println!("the coordinator listens on {address}, with its own CA and an embedded store");
        Ok(format!("https://{address}"))
    }

    fn start_agent(&mut self, site: &str, server: &str) -> anyhow::Result<()> {
        let token = self.say(&["agent", "token", "create", "--site", site])?;
        let mut command = Command::new(&self.programs.agent);
        command.args(["run", "--site", site, "--coordinator", server, "--join", token.trim(), "--data"]);
        command.arg(self.folder.join(format!("agent-{site}")));
        self.run(command, &format!("the agent of {site}"), &format!("agent-{site}.log"), "connected")?;
        println!("the agent of {site} has joined with mutual TLS");
        Ok(())
    }

    fn run(&mut self, command: Command, name: &str, log: &str, ready: &str) -> anyhow::Result<String> {
        let (running, line) = Running::start(command, name, &self.folder.join(log), ready)?;
        self.running.push(running);
        Ok(line)
    }

    /// The operator's program with the demo's context.
    fn operator(&self) -> Command {
        let mut command = Command::new(&self.programs.switchyard);
        command.env("SWITCHYARD_CONTEXT", self.context());
        command
    }

    fn context(&self) -> PathBuf {
        self.folder.join("coordinator/operator/context.toml")
    }

    fn say(&self, words: &[&str]) -> anyhow::Result<String> {
        let output = self.operator().args(words).output().context("run switchyard")?;
        if !output.status.success() {
            bail!("switchyard {} failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn write_spec(&self, name: &str, breaker: &str) -> anyhow::Result<String> {
        let spec = format!(
            "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: {name}}}\nspec:\n  change:\n    ssh: {{command: load}}\n    templates: {{default: motd.cfg.j2}}\n  targets: {{filter: 'name = \"dev*\"'}}\n  strategy:\n    order: listed\n    max_parallel_per_site: 10\n    waves: [{{name: all}}]\n  breakers:\n    site: {breaker}\n  timeouts: {{connect: 2s, command: 10s}}\n"
        );
        let path = self.folder.join(format!("{name}.yaml"));
        std::fs::write(self.folder.join("motd.cfg.j2"), TEMPLATE).context("write the template")?;
        std::fs::write(&path, spec).context("write the spec")?;
        Ok(path.display().to_string())
    }

    /// Devices whose own ledger has an apply.
    fn configured(&self) -> anyhow::Result<usize> {
        let mut count = 0;
        for entry in
            std::fs::read_dir(self.folder.join("devices/devices")).context("read the devices' ledgers")?
        {
            count += usize::from(entry?.path().join("running").exists());
        }
        Ok(count)
    }
}

/// Runs the rollout with breakers, then without, and says what happened.
pub fn tell(world: &mut World<'_>) -> anyhow::Result<()> {
    println!("\n$ switchyard apply -f motd.yaml        # one template, 10 devices at once per site\n");
    let spec = world.write_spec("motd", "{skip_after: 0s}")?;
    let status =
        world.operator().args(["apply", "-f", &spec, "--yes"]).status().context("run switchyard apply")?;
    let with = end_of(world, "motd")?;
    let configured = world.configured()?;
    println!("\n{configured} of 100 configured, counted by the devices' own ledgers.");
    print_end(&with);
    println!(
        "  exit status of apply   {} (3: some devices failed or were skipped)",
        status.code().unwrap_or(-1)
    );
    if configured != 46 || status.code() != Some(3) {
        bail!(
            "this demo should configure 46 devices and exit with 3; the logs are in {}",
            world.folder.display()
        );
    }
    println!("\nThe same rollout with the site breaker off, for comparison …");
    world.say(&["breaker", "reset", "site/lon", "--reason", "to compare"])?;
    let spec = world.write_spec("motd-without-breakers", "{enabled: false}")?;
    let _ = world.operator().args(["apply", "-f", &spec, "--yes", "--quiet", "-o", "json"]).output();
    let without = end_of(world, "motd-without-breakers")?;
    println!(
        "  with breakers          {:>6.1} s, the silent site was open before a timeout was over",
        seconds(&with)
    );
    println!("  without                {:>6.1} s, every silent device was waited for", seconds(&without));
    println!("\nTry next:");
    println!("  cargo demo -- --keep       the same, and everything stays up for you to look around");
    println!("  target/debug/switchyard --help");
    println!("  tests/run                  every test, also against real OpenSSH");
    Ok(())
}

/// Leaves everything running until Enter or the end of standard input.
pub fn keep(world: &mut World<'_>) -> anyhow::Result<()> {
    println!("\nEverything is still running. In another terminal:");
    println!("  export SWITCHYARD_CONTEXT={}", world.context().display());
    println!("  {} rollout devices motd --state failed", world.programs.switchyard.display());
    println!("  {} breaker list", world.programs.switchyard.display());
    println!("Enter ends it.");
    std::io::stdin().read_line(&mut String::new()).context("wait for Enter")?;
    Ok(())
}

fn end_of(world: &World<'_>, rollout: &str) -> anyhow::Result<Value> {
    let output = world.operator().args(["watch", rollout, "--quiet", "-o", "json"]).output();
    let output = output.context("run switchyard watch")?;
    serde_json::from_slice(&output.stdout).with_context(|| format!("read the end of {rollout}"))
}

fn seconds(end: &Value) -> f64 {
    end["duration_ms"].as_f64().unwrap_or_default() / 1000.0
}

fn print_end(end: &Value) {
    let count = |state: &str| end["devices"][state].as_u64().unwrap_or_default();
    println!("  rollout                {}", end["state"].as_str().unwrap_or("?"));
    println!("  failed                 {} (silent: tried until the timeout)", count("failed"));
    println!(
        "  skipped                {} (their site was open: called off or never tried)",
        count("skipped")
    );
    for breaker in end["breakers"].as_array().into_iter().flatten() {
        let text = |key: &str| breaker[key].as_str().unwrap_or("?").to_owned();
        println!("  breaker                {} {}: {}", text("name"), text("state"), text("reason"));
    }
    println!("  took                   {:.1} s", seconds(end));
}
