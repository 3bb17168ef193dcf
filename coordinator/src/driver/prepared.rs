//! What is large is compared and encoded before the driver takes it, so that a stop waits for none of that.

use super::effect::Turn;
use super::plans::Plans;
use super::world::World;
use crate::store::{Document, Store, StoreError, parts};
use std::collections::BTreeMap;
use std::sync::Arc;
use switchyard_shared::id::SiteName;
use switchyard_shared::inventory::Inventory;
use switchyard_shared::plan::Plan;

/// What the digest of the inventory in force is called in the store.
pub(super) const DIGEST: &str = "inventory-digest";

/// An inventory that can be put in force.
pub struct NewInventory {
    /// The inventory.
    pub inventory: Arc<Inventory>,
    /// Its digest.
    pub digest: String,
    documents: Vec<Document>,
    at_site: BTreeMap<SiteName, u32>,
}

impl NewInventory {
    /// Encodes an inventory; with 100,000 devices about a second of work.
    pub fn of(inventory: Inventory) -> Self {
        let body = serde_json::to_vec(&inventory).expect("our records are plain data with text keys");
        let (digest, at_site) = (inventory.digest(), at_site(&inventory));
        let document = |kind, body| Document { kind, id: "current".into(), body };
        let documents = vec![document("inventory", body), document(DIGEST, digest.clone().into_bytes())];
        Self { inventory: Arc::new(inventory), digest, documents, at_site }
    }

    /// Makes durable what is large of it; it is not in force by that.
    pub async fn ahead(self, store: &dyn Store) -> Result<Self, StoreError> {
        let documents = parts::ahead(store, self.documents).await?;
        Ok(Self { documents, ..self })
    }
}

/// How many devices an inventory has at each site.
pub(super) fn at_site(inventory: &Inventory) -> BTreeMap<SiteName, u32> {
    let mut at_site: BTreeMap<SiteName, u32> = BTreeMap::new();
    for device in &inventory.devices {
        match at_site.get_mut(&device.site) {
            Some(count) => *count += 1,
            None => drop(at_site.insert(device.site.clone(), 1)),
        }
    }
    at_site
}

/// A plan that can be stored.
pub struct NewPlan {
    /// The plan.
    pub plan: Arc<Plan>,
    head: Vec<u8>,
    documents: Vec<Document>,
}

impl NewPlan {
    /// Encodes a plan with its configurations; with 100,000 devices about a second of work.
    pub fn of(plan: Plan, configs: BTreeMap<String, Vec<u8>>) -> Self {
        let body = serde_json::to_vec(&plan).expect("our records are plain data with text keys");
        let configs = configs.into_iter().map(|(id, body)| Document { kind: "config", id, body });
        let plan_document = Document { kind: "plan", id: plan.name.to_string(), body };
        let documents = configs.chain([plan_document]).collect();
        Self { head: Plans::head(&plan), plan: Arc::new(plan), documents }
    }

    /// Makes durable what is large of it; there is no such plan by that.
    pub async fn ahead(self, store: &dyn Store) -> Result<Self, StoreError> {
        let documents = parts::ahead(store, self.documents).await?;
        Ok(Self { documents, ..self })
    }
}

impl World {
    /// Puts an inventory in force.
    pub fn take_inventory(&mut self, new: NewInventory, turn: &mut Turn) {
        let NewInventory { inventory, digest, documents, at_site } = new;
        turn.batch.documents.extend(documents);
        self.try_repinned(&inventory, turn);
        self.fleet.set_limits(&inventory);
        (self.inventory, self.inventory_digest, self.at_site) = (inventory, digest, at_site);
        let sites: Vec<SiteName> = self.fleet.sessions.keys().cloned().collect();
        for site in sites {
            self.tell_site(&site, turn);
        }
    }

    /// Stores a plan under its name, which is free.
    pub fn take_plan(&mut self, new: NewPlan, turn: &mut Turn) -> Arc<Plan> {
        let NewPlan { plan, head, documents } = new;
        if let Some(head) = self.plans.insert(plan.clone(), head) {
            turn.batch.documents.extend(documents);
            turn.batch.documents.push(head);
        }
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use switchyard_shared::time::Timestamp;

    fn large() -> Inventory {
        let mut text = String::from(
            "api_version: switchyard/v1\nkind: Inventory\ndefaults: {username: u, credential_ref: \"env:K\", host_keys: \
             [\"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"]}\nsites: {lab: {}}\ndevices:\n",
        );
        text.extend(
            (0..4000).map(|n| format!("  d{n}: {{hostname: 10.0.{}.{}, site: lab}}\n", n / 250, n % 250)),
        );
        Inventory::parse(&text, "i").unwrap()
    }

    #[tokio::test]
    async fn the_turn_that_puts_a_large_inventory_in_force_writes_little_and_a_restart_finds_all_of_it() {
        let store = MemoryStore::default();
        let inventory = large();
        assert!(NewInventory::of(inventory.clone()).documents[0].body.len() > 512 * 1024, "it is large");
        let new = NewInventory::of(inventory.clone()).ahead(&store).await.unwrap();
        assert_eq!(parts::document(&store, "inventory", "current").await.unwrap(), None, "not in force yet");
        let now: Arc<dyn crate::clock::Clock> = crate::clock::SystemClock::shared();
        let mut turn = Turn::new(Timestamp(0));
        let digest = new.digest.clone();
        turn.batch.documents.extend(new.documents);
        let bytes: usize = turn.batch.documents.iter().map(|document| document.body.len()).sum();
        assert!(bytes < 200, "{bytes}");
        store.append(turn.batch).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let stop = tokio_util::sync::CancellationToken::new();
        let (driver, _running) = crate::driver::start(store, now, stop).await.unwrap();
        let look = |world: &mut World, _: &mut Turn| {
            Ok((world.inventory.clone(), world.at_site.clone(), world.inventory_digest.clone()))
        };
        let found = driver.ask(look).await.unwrap();
        assert_eq!((&found.2, &digest), (&digest, &inventory.digest()));
        assert_eq!(*found.0, inventory);
        assert_eq!(found.1.into_values().collect::<Vec<_>>(), [4000]);
    }
}
