//! What connected agents cost that have nothing to do.

use crate::agent::Agent;
use anyhow::Context as _;
use std::time::Duration;
use switchyard_tests::measured::coordinator::{Operator, Process};
use switchyard_tests::measured::process::{cpu_seconds, memory};

/// Connects `agents` and lets them send heartbeats for `idle`; says what that costs the coordinator.
pub async fn measure(agents: usize, idle: Duration) -> anyhow::Result<String> {
    let folder = tempfile::tempdir().context("make a folder")?;
    let process = Process::start(&folder.path().join("coordinator"))?;
    let mut operator = Operator::new(&process.url).await?;
    operator.import(agents, agents).await?;
    let before = memory(process.id());
    let mut connected = Vec::new();
    for number in 0..agents {
        connected.push(tokio::spawn(Agent::connect(&process.url, number).await?.work(u64::MAX)));
    }
    operator.wait_for_agents(agents).await?;
    let used = cpu_seconds(process.id());
    tokio::time::sleep(idle).await;
    let share = (cpu_seconds(process.id()) - used) / idle.as_secs_f64() * 100.0;
    let each = (memory(process.id()) - before) / agents as f64 / 1024.0;
    anyhow::ensure!(connected.iter().all(|agent| !agent.is_finished()), "a session ended");
    connected.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(format!(
        "{agents} idle agents: {each:.1} KiB each, heartbeats every 2 s take {share:.2} % of one core"
    ))
}
