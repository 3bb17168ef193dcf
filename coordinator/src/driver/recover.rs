//! The world as the store has it: what recovery, audit and history share.

use super::answered::{self, Answers};
use super::fleet::{AgentInfo, Fleet};
use super::notes::Notes;
use super::rollouts::Rollouts;
use super::world::{Active, World};
use crate::store::{Batch, Document, Store, StoreError, StoredEvent};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;
use switchyard_shared::breaker::Report;
use switchyard_shared::id::{AgentName, PlanName, RolloutName};
use switchyard_shared::inventory::Inventory;
use switchyard_shared::plan::Plan;
use switchyard_shared::rollout::Rollout;
use switchyard_shared::rollout::event::Event;
use switchyard_shared::time::Timestamp;
use tokio::sync::watch;

/// Replays the log and raises the epoch, durably, before anything else happens.
pub(super) async fn world(store: &dyn Store, now: Timestamp) -> Result<World, StoreError> {
    let plans = read_plans(store).await?;
    let inventory = read_inventory(store).await?;
    let mut world = World {
        epoch: raise_epoch(store).await?,
        rollouts: replay(store, &plans).await?,
        plans,
        inventory_digest: inventory.digest(),
        inventory: Arc::new(inventory),
        fleet: Fleet::default(),
        forced: read_all::<Option<Report>>(store, "forced")
            .await?
            .into_values()
            .flatten()
            .map(|report| (report.name.clone(), report))
            .collect(),
        answers: Answers::kept(read_all(store, answered::KIND).await?),
        tokens: read_all(store, "token").await?,
        watermarks: read_watermarks(store).await?,
        next_session: 0,
        turns: 0,
        breaker_moves: watch::channel(0).0,
        environment_seen: Timestamp(i64::MIN),
    };
    world.hold_again();
    world.rollouts.each_live(|active| active.rollout.notes_lost(None));
    world.fleet.set_limits(&world.inventory);
    world.fleet.breakers.clone_from(&world.forced);
    world.fleet.agents = read_all::<AgentInfo>(store, "agent")
        .await?
        .into_values()
        .map(|info| (info.site.clone(), AgentInfo { connected: false, since: now, ..info }))
        .collect();
    let live = world.rollouts.live().count();
    tracing::info!(epoch = world.epoch, rollouts = world.rollouts.len(), live, "recovered");
    Ok(world)
}

async fn raise_epoch(store: &dyn Store) -> Result<u64, StoreError> {
    let before = match store.document("meta", "epoch").await? {
        Some(body) => number("meta", "epoch", &body)?,
        None => 0,
    };
    let document = Document { kind: "meta", id: "epoch".into(), body: (before + 1).to_string().into_bytes() };
    store.append(Batch { events: Vec::new(), documents: vec![document] }).await?;
    Ok(before + 1)
}

async fn read_plans(store: &dyn Store) -> Result<BTreeMap<PlanName, Arc<Plan>>, StoreError> {
    let plans = read_all::<Plan>(store, "plan").await?;
    Ok(plans.into_values().map(|plan| (plan.name.clone(), Arc::new(plan))).collect())
}

async fn read_inventory(store: &dyn Store) -> Result<Inventory, StoreError> {
    let document = store.document("inventory", "current").await?;
    document.map_or_else(|| Ok(Inventory::default()), |body| decode("inventory", "current", &body))
}

async fn read_watermarks(store: &dyn Store) -> Result<BTreeMap<AgentName, u64>, StoreError> {
    let mut watermarks = BTreeMap::new();
    for (id, body) in store.documents("watermark").await? {
        let agent = AgentName::new(&id).map_err(|error| unreadable("watermark", &id, &error.to_string()))?;
        watermarks.insert(agent, number("watermark", &id, &body)?);
    }
    Ok(watermarks)
}

async fn replay(store: &dyn Store, plans: &BTreeMap<PlanName, Arc<Plan>>) -> Result<Rollouts, StoreError> {
    let mut rollouts = Rollouts::default();
    let mut after = 0;
    loop {
        let page = store.read_all(after).await?;
        let Some(last) = page.last() else { return Ok(rollouts) };
        after = last.sequence;
        for stored in &page {
            if let Some(name) = stored.stream.strip_prefix("rollouts/") {
                replay_one(&mut rollouts, plans, name, stored)?;
            }
        }
    }
}

fn replay_one(
    rollouts: &mut Rollouts,
    plans: &BTreeMap<PlanName, Arc<Plan>>,
    name: &str,
    stored: &StoredEvent,
) -> Result<(), StoreError> {
    let bad = |why: &str| unreadable("event", &format!("{name} {}", stored.version), why);
    let event: Event = serde_json::from_str(&stored.body).map_err(|error| bad(&error.to_string()))?;
    if let Some(active) = rollouts.get_mut(name) {
        active.rollout.apply(&event, stored.at);
        active.notes.take(&event, stored.at);
        active.notes.keep_held(&active.rollout, &event);
        active.latest.send_replace(active.rollout.sequence);
        if active.rollout.sequence != stored.version {
            return Err(bad("there is a gap before it"));
        }
        let name = active.rollout.name.clone();
        rollouts.put_away_if_ended(&name);
        return Ok(());
    }
    let Event::Created { plan, .. } = &event else { return Err(bad("the rollout's creation is missing")) };
    let plan = plans.get(plan).ok_or_else(|| bad("its plan is missing"))?.clone();
    let name = RolloutName::new(name).map_err(|error| bad(&error.to_string()))?;
    let layout = Arc::new(plan.layout());
    let rollout = Rollout::from_created(name.clone(), layout, &event, stored.at)
        .map_err(|error| bad(&error.to_string()))?;
    let (latest, _) = watch::channel(1);
    rollouts.insert(Active { rollout, plan, notes: Notes::default(), latest });
    Ok(())
}

async fn read_all<T: DeserializeOwned>(
    store: &dyn Store,
    kind: &'static str,
) -> Result<BTreeMap<String, T>, StoreError> {
    let mut found = BTreeMap::new();
    for (id, body) in store.documents(kind).await? {
        let value = decode(kind, &id, &body)?;
        found.insert(id, value);
    }
    Ok(found)
}

fn decode<T: DeserializeOwned>(kind: &str, id: &str, body: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(body).map_err(|error| unreadable(kind, id, &error.to_string()))
}

fn number(kind: &str, id: &str, body: &[u8]) -> Result<u64, StoreError> {
    let text = std::str::from_utf8(body).ok().and_then(|text| text.parse().ok());
    text.ok_or_else(|| unreadable(kind, id, "it is no number"))
}

fn unreadable(kind: &str, id: &str, why: &str) -> StoreError {
    StoreError::Damaged {
        place: "of this coordinator".into(),
        found: format!("the {kind} {id} cannot be read: {why}"),
    }
}
