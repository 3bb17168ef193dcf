//! How long a person's word to stop is held while something large is stored.

use crate::agent::Agent;
use anyhow::Context as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use switchyard_tests::measured::coordinator::{Operator, Process};
use switchyard_tests::measured::process::Watch;

/// Sites, each with a connected agent.
const SITES: usize = 100;

/// Says for each step of a large rollout's beginning how long words to stop were held meanwhile.
pub async fn measure(devices: usize) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("make a folder")?;
    let process = Process::start(&folder.path().join("coordinator"))?;
    let mut operator = Operator::new(&process.url).await?;
    operator.import(SITES, SITES).await?;
    let mut connected = Vec::new();
    for number in 0..SITES {
        connected.push(tokio::spawn(Agent::connect(&process.url, number).await?.work(u64::MAX)));
    }
    operator.wait_for_agents(SITES).await?;
    let url = &process.url;
    held(url, "nothing", tokio::time::sleep(Duration::from_secs(1))).await?;
    held(url, "the import", operator.import(SITES, devices)).await??;
    held(url, "the second import", operator.import(SITES, devices)).await??;
    let plan = held(url, "the plan", operator.plan("held", "role:*")).await??;
    let name = held(url, "the start", operator.start(&plan)).await??;
    held(url, "the rollout", tokio::time::sleep(Duration::from_secs(1))).await?;
    held(url, "a real stop", operator.pause(&name)).await??;
    connected.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}

/// Speaks words to stop, one after another, until `during` is over.
async fn held<T>(url: &str, what: &str, during: impl Future<Output = T>) -> anyhow::Result<T> {
    let over = Arc::new(AtomicBool::new(false));
    let (mut other, seen) = (Operator::new(url).await?, over.clone());
    let words = tokio::spawn(async move {
        let mut waits = Vec::new();
        while !seen.load(Ordering::Relaxed) {
            let watch = Watch::start();
            other.pause_nothing().await?;
            waits.push(watch.elapsed().as_secs_f64() * 1e3);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        anyhow::Ok(waits)
    });
    let watch = Watch::start();
    let result = during.await;
    let took = watch.elapsed().as_secs_f64();
    over.store(true, Ordering::Relaxed);
    let mut waits = words.await??;
    waits.sort_by(f64::total_cmp);
    let (worst, median) = (waits.last().copied().unwrap_or(0.0), waits.get(waits.len() / 2).copied());
    println!(
        "during {what} ({took:.2} s): {} words to stop, held {:.1} ms in the median and {worst:.1} ms at most",
        waits.len(),
        median.unwrap_or(0.0)
    );
    Ok(result)
}
