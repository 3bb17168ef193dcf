//! One run: so many agents, so many rollouts at once, and how fast all of their devices were done.

use crate::agent::Agent;
use crate::bare_sqlite::{self, Row};
use anyhow::Context as _;
use std::fmt;
use switchyard_tests::measured::coordinator::{Operator, Process};
use switchyard_tests::measured::process::{Watch, cpu_seconds, memory};

/// What a run measured.
pub struct Figures {
    agents: usize,
    rollouts: usize,
    /// Durable and acknowledged results in a second.
    pub per_second: f64,
    coordinator_us: f64,
    agents_us: f64,
    memory: f64,
    /// What the coordinator wrote for the results.
    pub rows: Vec<Row>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agents, rollouts, per_second, coordinator_us, agents_us, memory, .. } = self;
        let memory = memory / 1e6;
        write!(
            f,
            "{agents:6} {rollouts:8} {per_second:10.0} {coordinator_us:26.1} {agents_us:21.1} {memory:7.0}"
        )
    }
}

/// Rolls out to `devices` through `agents`, as `rollouts` rollouts at once.
pub async fn one(agents: usize, rollouts: usize, devices: usize) -> anyhow::Result<Figures> {
    let folder = tempfile::tempdir().context("make a folder")?;
    let data = folder.path().join("coordinator");
    let process = Process::start(&data)?;
    let mut operator = Operator::new(&process.url).await?;
    operator.import(agents, devices).await?;
    let mut plans = Vec::new();
    for number in 0..rollouts {
        let roles: Vec<String> =
            (0..16).filter(|part| part % rollouts == number).map(|part| format!("role=part{part}")).collect();
        plans.push(operator.plan(&format!("control-{number}"), &roles.join(" OR ")).await?);
    }
    let mut working = Vec::new();
    for number in 0..agents {
        let own = (devices - number).div_ceil(agents) as u64;
        let agent = Agent::connect(&process.url, number).await?;
        working.push(tokio::spawn(agent.work(own)));
    }
    operator.wait_for_agents(agents).await?;
    let (theirs, ours) = (cpu_seconds(process.id()), cpu_seconds(std::process::id()));
    let watch = Watch::start();
    for plan in &plans {
        operator.start(plan).await?;
    }
    for agent in working {
        agent.await??;
    }
    let seconds = watch.elapsed().as_secs_f64();
    let each = |before: f64, pid: u32| (cpu_seconds(pid) - before) * 1e6 / devices as f64;
    let (coordinator_us, agents_us) = (each(theirs, process.id()), each(ours, std::process::id()));
    let memory = memory(process.id());
    drop(process);
    let rows = bare_sqlite::rows_of(&data.join("switchyard.db"))?;
    let per_second = devices as f64 / seconds;
    Ok(Figures { agents, rollouts, per_second, coordinator_us, agents_us, memory, rows })
}
