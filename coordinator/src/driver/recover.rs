//! The world as the store has it: rollouts that go on are replayed, of the others only their end is read.

use super::adopt;
use super::agents::SILENCE_MAX;
use super::answered::{self, Answers};
use super::away::{self, Away};
use super::comparisons::Comparisons;
use super::fleet::{AgentInfo, Fleet};
use super::notes::Notes;
use super::plans::{self, Plans};
use super::prepared::{DIGEST, at_site};
use super::rollouts::Rollouts;
use super::sites::{self, Binding};
use super::strays;
use super::world::{Active, World};
use crate::clock::{Clock, GoesOn};
use crate::store::{Batch, Document, Store, StoreError, StoredEvent, parts};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use switchyard_shared::breaker::Report;
use switchyard_shared::id::{AgentName, PlanName, RolloutName, SiteName};
use switchyard_shared::inventory::Inventory;
use switchyard_shared::plan::Plan;
use switchyard_shared::rollout::Rollout;
use switchyard_shared::rollout::event::Event;
use switchyard_shared::time::Timestamp;
use tokio::sync::watch;

/// Sessions of one epoch are counted in so many bits: the number of a session is never given twice.
const SESSIONS_BITS: u32 = 32;

/// Replays the log and raises the epoch, durably, before anything else happens.
pub(super) async fn world(
    store: &dyn Store,
    clock: Arc<dyn Clock>,
) -> Result<(World, Arc<dyn Clock>), StoreError> {
    let (inventory, inventory_digest) = read_inventory(store).await?;
    let epoch = raise_epoch(store).await?;
    let mut world = World {
        epoch,
        rollouts: Rollouts::default(),
        plans: read_plans(store).await?,
        inventory_digest,
        at_site: at_site(&inventory),
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
        bindings: read_bindings(store).await?,
        strays: strays::kept(read_all(store, strays::KIND).await?),
        lost: read_lost(store).await?,
        ahead: BTreeMap::new(),
        full: None,
        next_session: epoch << SESSIONS_BITS,
        turns: 0,
        breaker_moves: watch::channel(0).0,
        comparisons: Comparisons::default(),
        environment_seen: Timestamp(i64::MIN),
        repinned: BTreeSet::new(),
        sessions_seen: Timestamp(i64::MIN),
    };
    let recorded_until = read_rollouts(store, &mut world, clock.now()).await?;
    let clock = GoesOn::after(recorded_until, clock);
    let now = clock.now();
    world.hold_again();
    world.rollouts.each_live(|active| active.rollout.notes_lost(None));
    let quiet = world.bindings.iter().filter(|(_, binding)| binding.quiet);
    world.fleet.quiet = quiet.map(|(site, _)| (site.clone(), now.plus(SILENCE_MAX))).collect();
    world.fleet.set_limits(&world.inventory);
    world.fleet.breakers.clone_from(&world.forced);
    world.fleet.agents = read_all::<AgentInfo>(store, "agent")
        .await?
        .into_values()
        .map(|info| (info.site.clone(), AgentInfo { connected: false, since: now, ..info }))
        .collect();
    world.await_agents(now);
    let live = world.rollouts.live().count();
    crate::failpoint::here("recovered");
    tracing::info!(epoch = world.epoch, rollouts = world.rollouts.len(), live, "recovered");
    Ok((world, clock))
}

async fn raise_epoch(store: &dyn Store) -> Result<u64, StoreError> {
    let before = match store.document("meta", "epoch").await? {
        Some(body) => number("meta", "epoch", &body)?,
        None => 0,
    };
    let document = Document { kind: "meta", id: "epoch".into(), body: (before + 1).to_string().into_bytes() };
    store.append(Batch { events: Vec::new(), documents: vec![document] }).await?;
    crate::failpoint::here("epoch-raised");
    Ok(before + 1)
}

/// What is listed of every plan; of a plan that an earlier version stored it is written now.
async fn read_plans(store: &dyn Store) -> Result<Plans, StoreError> {
    let mut plans = Plans::default();
    for (id, body) in store.documents(plans::KIND).await? {
        let bad = |why: String| unreadable(plans::KIND, &id, &why);
        let name = PlanName::new(&id).map_err(|error| bad(error.to_string()))?;
        plans.insert_head(name, body).map_err(|error| bad(error.to_string()))?;
    }
    for id in store.ids("plan").await? {
        if plans.name(&id).is_none() {
            let name = PlanName::new(&id).map_err(|error| unreadable("plan", &id, &error.to_string()))?;
            let plan = plan(store, &name).await?;
            let head = Plans::head(&plan);
            let head = plans.insert(plan, head);
            store.append(Batch { events: Vec::new(), documents: head.into_iter().collect() }).await?;
        }
    }
    Ok(plans)
}

/// One whole plan.
pub(super) async fn plan(store: &dyn Store, name: &PlanName) -> Result<Arc<Plan>, StoreError> {
    let body = parts::document(store, "plan", name.as_str()).await?;
    let body = body.ok_or_else(|| unreadable("plan", name.as_str(), "it is missing"))?;
    Ok(Arc::new(decode("plan", name.as_str(), &body)?))
}

/// The inventory in force with its digest, which is made again when an earlier version did not keep it.
async fn read_inventory(store: &dyn Store) -> Result<(Inventory, String), StoreError> {
    let document = parts::document(store, "inventory", "current").await?;
    let inventory: Inventory =
        document.map_or_else(|| Ok(Inventory::default()), |body| decode("inventory", "current", &body))?;
    let kept = store.document(DIGEST, "current").await?.and_then(|body| String::from_utf8(body).ok());
    let digest = kept.unwrap_or_else(|| inventory.digest());
    Ok((inventory, digest))
}

async fn read_bindings(store: &dyn Store) -> Result<BTreeMap<SiteName, Binding>, StoreError> {
    let mut bindings = BTreeMap::new();
    for (id, binding) in read_all::<Binding>(store, sites::KIND).await? {
        let site = SiteName::new(&id).map_err(|error| unreadable(sites::KIND, &id, &error.to_string()))?;
        bindings.insert(site, binding);
    }
    Ok(bindings)
}

async fn read_lost(store: &dyn Store) -> Result<BTreeSet<RolloutName>, StoreError> {
    let document = store.document("meta", adopt::LOST).await?;
    document.map_or_else(|| Ok(BTreeSet::new()), |body| decode("meta", adopt::LOST, &body))
}

async fn read_watermarks(store: &dyn Store) -> Result<BTreeMap<AgentName, u64>, StoreError> {
    let mut watermarks = BTreeMap::new();
    for (id, body) in store.documents("watermark").await? {
        let agent = AgentName::new(&id).map_err(|error| unreadable("watermark", &id, &error.to_string()))?;
        watermarks.insert(agent, number("watermark", &id, &body)?);
    }
    Ok(watermarks)
}

/// Replays what goes on; of what ended and holds no device only the end is read. What an earlier version
/// left without a record of its end gets one. Gives the time of the latest event of what goes on.
async fn read_rollouts(
    store: &dyn Store,
    world: &mut World,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let mut recorded_until = Timestamp(i64::MIN);
    for (id, body) in store.documents(away::KIND).await? {
        let bad = |why: String| unreadable(away::KIND, &id, &why);
        let name = RolloutName::new(&id).map_err(|error| bad(error.to_string()))?;
        if let Some(ended) = Away::read(&body).map_err(|error| bad(error.to_string()))? {
            world.rollouts.put_away(&name, Some(ended), now);
        }
    }
    for stream in store.streams().await? {
        let Some(name) = stream.strip_prefix("rollouts/") else { continue };
        if world.rollouts.has(name) {
            continue;
        }
        let name = RolloutName::new(name).map_err(|error| unreadable("log", name, &error.to_string()))?;
        let (active, until) = replay(store, &name, &mut world.plans).await?;
        if !away::is_settled(&active) {
            world.rollouts.insert(active);
            recorded_until = recorded_until.max(until);
            continue;
        }
        let record = world.record_of(&active, now);
        let ended =
            Away::read(&record.body).map_err(|error| unreadable(away::KIND, &stream, &error.to_string()))?;
        world.rollouts.put_away(&name, ended, now);
        store.append(Batch { events: Vec::new(), documents: vec![record] }).await?;
    }
    Ok(recorded_until)
}

/// One rollout from its own log.
pub(super) async fn rollout(store: &dyn Store, name: &RolloutName) -> Result<Active, StoreError> {
    Ok(replay(store, name, &mut Plans::default()).await?.0)
}

/// A rollout, and the time of its latest event.
async fn replay(
    store: &dyn Store,
    name: &RolloutName,
    plans: &mut Plans,
) -> Result<(Active, Timestamp), StoreError> {
    let stream = format!("rollouts/{name}");
    let page = store.read(&stream, 0).await?;
    let first = page.first().ok_or_else(|| unreadable("log", &stream, "it is empty"))?;
    let created = event(first)?;
    let Event::Created { plan: planned, .. } = &created else {
        return Err(unreadable("event", &stream, "the rollout's creation is missing"));
    };
    let planned = match plans.whole(planned.as_str()) {
        Some(known) => known.clone(),
        None => plan(store, planned).await?,
    };
    plans.lend(planned.clone());
    let rollout = Rollout::from_created(name.clone(), Arc::new(planned.layout()), &created, first.at)
        .map_err(|error| unreadable("event", &stream, &error.to_string()))?;
    let mut active = Active { rollout, plan: planned, notes: Notes::default(), latest: watch::channel(1).0 };
    let mut until = first.at;
    let mut page: Vec<StoredEvent> = page.into_iter().skip(1).collect();
    loop {
        for stored in &page {
            until = until.max(stored.at);
            take(&mut active, stored)?;
        }
        page = store.read(&stream, active.rollout.sequence).await?;
        if page.is_empty() {
            active.latest.send_replace(active.rollout.sequence);
            return Ok((active, until));
        }
    }
}

fn take(active: &mut Active, stored: &StoredEvent) -> Result<(), StoreError> {
    let event = event(stored)?;
    active.rollout.apply(&event, stored.at);
    active.notes.take(&event, stored.at);
    active.notes.keep_held(&active.rollout, &event);
    if active.rollout.sequence == stored.version {
        return Ok(());
    }
    Err(unreadable("event", &format!("{} {}", stored.stream, stored.version), "there is a gap before it"))
}

fn event(stored: &StoredEvent) -> Result<Event, StoreError> {
    serde_json::from_str(&stored.body).map_err(|error| {
        unreadable("event", &format!("{} {}", stored.stream, stored.version), &error.to_string())
    })
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
