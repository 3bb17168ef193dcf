//! Planning: away from the driver, on a copy of the inventory; the driver only keeps the result.

use super::Api;
use crate::driver::{NewPlan, Turn, World};
use crate::refused::Refused;
use std::collections::BTreeMap;
use std::sync::Arc;
use switchyard_proto::{convert, v1};
use switchyard_shared::inventory::Inventory;
use switchyard_shared::plan::{self, Plan, PlanError, PlanInput, Planned};
use switchyard_shared::spec::RolloutSpec;
use switchyard_shared::time::Timestamp;

/// Rendered configurations whose content is shown.
const GROUPS_SHOWN: usize = 20;
/// Most files of one request.
const FILES_MAX: usize = 64;

impl Api {
    pub(super) async fn make_plan(
        &self,
        asked: v1::PlanRolloutRequest,
        by: String,
    ) -> Result<v1::Plan, Refused> {
        let inventory = self.driver.look(|world, _| Ok(world.inventory.clone())).await?;
        let now = self.driver.clock.now();
        let work = move || build(&asked, &inventory, &by, now);
        let Planned { plan, configs } =
            tokio::task::spawn_blocking(work).await.map_err(|_| Refused::Stopping)??;
        let plan = self.keep(plan, configs).await?;
        self.shown(&plan).await
    }

    /// Stores a plan; one of the same content is the same plan.
    async fn keep(&self, plan: Plan, configs: BTreeMap<String, Vec<u8>>) -> Result<Arc<Plan>, Refused> {
        let _one_at_a_time = self.driver.preparing.lock().await;
        let (name, digest) = (plan.name.clone(), plan.digest.clone());
        let naming = self.driver.ask(move |world, _| Ok(world.plans.naming(&name, &digest))).await?;
        let encode = move || naming.apply(plan).map(|plan| NewPlan::of(plan, configs));
        match tokio::task::spawn_blocking(encode).await.map_err(|_| Refused::Stopping)? {
            Ok(new) => {
                let new = new.ahead(&*self.driver.store).await;
                let new = new.map_err(|error| Refused::Store(error.to_string()))?;
                self.driver.ask(move |world, turn| Ok(world.take_plan(new, turn))).await
            }
            Err(known) => {
                let lent = known.clone();
                let lend = move |world: &mut World, _: &mut Turn| {
                    world.plans.lend(lent);
                    Ok(())
                };
                self.driver.ask(lend).await?;
                Ok(known)
            }
        }
    }

    pub(super) async fn show_plan(&self, name: String) -> Result<v1::Plan, Refused> {
        let plan = self.driver.look_about(move |world, _| world.plan(&name).cloned()).await?;
        self.shown(&plan).await
    }

    async fn shown(&self, plan: &Arc<Plan>) -> Result<v1::Plan, Refused> {
        let mut contents = Vec::new();
        for group in plan.rendered_groups().into_iter().take(GROUPS_SHOWN) {
            let content = self.driver.store.document("config", group.digest).await;
            let content = content.map_err(|error| Refused::Store(error.to_string()))?.unwrap_or_default();
            contents.push((group, content));
        }
        Ok(convert::plan::plan(plan, contents))
    }
}

fn build(
    asked: &v1::PlanRolloutRequest,
    inventory: &Inventory,
    by: &str,
    now: Timestamp,
) -> Result<Planned, Refused> {
    let bad = |field: &str, why: &str| Refused::BadRequest { field: field.into(), why: why.into() };
    if asked.files.len() > FILES_MAX {
        return Err(bad("files", "at most 64 files"));
    }
    let source = if asked.source.is_empty() { "rollout.yaml" } else { &asked.source };
    let text = std::str::from_utf8(&asked.spec).map_err(|_| bad("spec", "it is not UTF-8 text"))?;
    let spec = RolloutSpec::parse(text, source).map_err(Refused::SpecInvalid)?;
    let vars = match asked.vars_json.as_str() {
        "" => BTreeMap::new(),
        text => serde_json::from_str(text).map_err(|error| bad("vars_json", &error.to_string()))?,
    };
    let files = asked.files.iter().map(|file| (file.path.clone(), file.content.clone())).collect();
    let input = PlanInput { spec: &spec, inventory, files: &files, vars: &vars, created_by: by, now };
    plan::build(input).map_err(|error| match error {
        PlanError::Problems(problems) => Refused::SpecInvalid(problems),
        PlanError::NoTargets(why) => Refused::NoTargets(why),
    })
}
