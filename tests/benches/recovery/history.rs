//! A history of ended rollouts, written straight through the store.

use anyhow::Context as _;
use std::collections::BTreeMap;
use std::path::Path;
use switchyard_coordinator::store::sqlite::SqliteStore;
use switchyard_coordinator::store::{Batch, Document, NewEvent, Store};
use switchyard_shared::id::{DeviceName, SiteName};
use switchyard_shared::inventory::Inventory;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::plan::{Plan, PlanInput, build};
use switchyard_shared::rollout::RolloutState;
use switchyard_shared::rollout::event::Event;
use switchyard_shared::spec::RolloutSpec;
use switchyard_shared::time::Timestamp;
use switchyard_tests::measured::coordinator::{inventory, site, spec};

/// Ended rollouts for each plan.
const ROLLOUTS_PER_PLAN: usize = 25;
/// Events of one transaction.
const EVENTS_PER_BATCH: usize = 1000;
const BEGAN: i64 = 1_790_000_000_000_000;

/// Writes `ended` rollouts of `results` devices each; gives the database's size in bytes.
pub async fn write(data: &Path, ended: usize, results: usize) -> anyhow::Result<f64> {
    let path = data.join("switchyard.db");
    let store = SqliteStore::open(&path, true)?;
    let mut plan = None;
    for number in 0..ended {
        if number % ROLLOUTS_PER_PLAN == 0 {
            plan = Some(keep_plan(&store, number, results).await?);
        }
        let plan = plan.as_ref().context("there is a plan")?;
        let events = events(plan, Timestamp(BEGAN + number as i64 * 1_000_000_000));
        let events: Vec<NewEvent> = events
            .into_iter()
            .zip(1..)
            .map(|((event, at), version)| {
                let body = serde_json::to_string(&event)?;
                Ok(NewEvent { stream: format!("rollouts/history-{number}"), version, at, body })
            })
            .collect::<anyhow::Result<_>>()?;
        for part in events.chunks(EVENTS_PER_BATCH) {
            store.append(Batch { events: part.to_vec(), documents: Vec::new() }).await?;
        }
    }
    Ok(std::fs::metadata(&path)?.len() as f64)
}

/// Makes the log of a rollout of `devices` at `sites` longer: each is handed out and comes back `rounds` times.
pub async fn prolong(
    data: &Path,
    name: &str,
    sites: usize,
    devices: usize,
    rounds: u32,
) -> anyhow::Result<usize> {
    let store = SqliteStore::open(&data.join("switchyard.db"), true)?;
    let mut version = 0;
    while let Some(last) = store.read(name, version).await?.last() {
        version = last.version;
    }
    let mut written = 0;
    for attempt in 1..=rounds {
        for at in 0..sites {
            let names = (at..devices).step_by(sites).map(|n| DeviceName::new(format!("d{n:06}")));
            let names: Vec<DeviceName> = names.collect::<Result<_, _>>()?;
            for part in names.chunks(64) {
                let ops = part.iter().map(|name| (name.clone(), attempt)).collect();
                let mut events = vec![Event::Dispatched { site: SiteName::new(site(at))?, ops }];
                events.extend(part.iter().map(|name| Event::Requeued {
                    device: name.clone(),
                    attempt,
                    outcome: None,
                    class: Class::NotStarted,
                    not_before: Timestamp(BEGAN),
                }));
                let mut batch = Batch::default();
                for event in events {
                    version += 1;
                    let (stream, body) = (name.to_owned(), serde_json::to_string(&event)?);
                    batch.events.push(NewEvent { stream, version, at: Timestamp(BEGAN), body });
                }
                written += batch.events.len();
                store.append(batch).await?;
            }
        }
    }
    Ok(written)
}

async fn keep_plan(store: &SqliteStore, number: usize, devices: usize) -> anyhow::Result<Plan> {
    let inventory =
        Inventory::parse(&inventory(20, devices), "i").map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let spec = spec(&format!("history{number}"), "role:*");
    let spec = RolloutSpec::parse(&spec, "s").map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let files = BTreeMap::from([("device.cfg".to_owned(), b"hello".to_vec())]);
    let vars = BTreeMap::new();
    let input = PlanInput {
        spec: &spec,
        inventory: &inventory,
        files: &files,
        vars: &vars,
        created_by: "bench",
        now: Timestamp(BEGAN),
    };
    let planned = build(input)?;
    let body = serde_json::to_vec(&planned.plan)?;
    let mut documents = vec![Document { kind: "plan", id: planned.plan.name.to_string(), body }];
    documents.extend(planned.configs.into_iter().map(|(id, body)| Document { kind: "config", id, body }));
    store.append(Batch { events: Vec::new(), documents }).await?;
    Ok(planned.plan)
}

/// A rollout that goes well, in order.
fn events(plan: &Plan, began: Timestamp) -> Vec<(Event, Timestamp)> {
    let created = Event::Created {
        plan: plan.name.clone(),
        digest: plan.digest.clone(),
        by: "bench".into(),
        request_id: String::new(),
    };
    let mut events = vec![(created, began), (Event::WaveStarted { wave: 0 }, began)];
    let mut at = began;
    for device in &plan.devices {
        at = Timestamp(at.0 + 10_000);
        let ops = vec![(device.name.clone(), 1)];
        events.push((Event::Dispatched { site: device.site.clone(), ops }, at));
        events.push((finished(&device.name, at), Timestamp(at.0 + 5_000)));
    }
    events.push((Event::WaveFinished { wave: 0, soak_until: at, needs_promotion: false }, at));
    events.push((Event::Ended { state: RolloutState::Succeeded }, at));
    events
}

fn finished(device: &DeviceName, at: Timestamp) -> Event {
    let mut outcome =
        Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "the device took the configuration", at);
    outcome.output = "configuration loaded, 42 lines\n".into();
    outcome.wrote_at = Some(at);
    Event::Finished { device: device.clone(), attempt: 1, outcome }
}
