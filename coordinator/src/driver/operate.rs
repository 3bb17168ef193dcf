//! What operators ask for: plans, rollouts, breakers, the inventory, join tokens.

use super::away;
use super::effect::Turn;
use super::message::{Steer, Verb};
use super::notes::Notes;
use super::prepared::{NewInventory, NewPlan};
use super::reading::ToRead;
use super::world::{Active, World};
use crate::pki::token::TokenRecord;
use crate::refused::Refused;
use std::collections::BTreeMap;
use std::sync::Arc;
use switchyard_proto::identity::join_token::JoinToken;
use switchyard_shared::id::{DeviceName, PlanName, RolloutName, SiteName};
use switchyard_shared::inventory::Inventory;
use switchyard_shared::plan::Plan;
use switchyard_shared::rollout::Rollout;
use switchyard_shared::rollout::event::Event;
use tokio::sync::watch;

/// Rollouts of one spec name that may exist: `ntp`, `ntp-2`, … `ntp-9999`.
const SAME_NAME_MAX: u32 = 9999;

impl World {
    /// Stores a plan with its configurations; one of the same content is the same plan. A large one is
    /// prepared first, see [`NewPlan`].
    pub fn store_plan(
        &mut self,
        plan: Plan,
        configs: BTreeMap<String, Vec<u8>>,
        turn: &mut Turn,
    ) -> Arc<Plan> {
        match self.plans.naming(&plan.name, &plan.digest).apply(plan) {
            Ok(plan) => self.take_plan(NewPlan::of(plan, configs), turn),
            Err(known) => {
                self.plans.lend(known.clone());
                known
            }
        }
    }

    /// The plan that `name` means.
    pub fn plan(&self, name: &str) -> Result<&Arc<Plan>, Refused> {
        let bare = name.strip_prefix("plans/").unwrap_or(name);
        if let Some(plan) = self.plans.whole(bare) {
            return Ok(plan);
        }
        let name = self.plans.name(bare).cloned();
        Err(name.map(|name| Refused::ToRead(ToRead::Plan(name))).unwrap_or_else(|| Refused::NotFound {
            kind: "plan",
            name: bare.chars().take(80).collect(),
            list: "switchyard plans list",
        }))
    }

    /// The rollout that `name` means.
    pub fn rollout(&self, name: &str) -> Result<&Active, Refused> {
        let bare = away::bare(name);
        if let Some(active) = self.rollouts.get(bare) {
            return Ok(active);
        }
        let away = RolloutName::new(bare).ok().filter(|name| self.rollouts.has(name));
        Err(away.map(|name| Refused::ToRead(ToRead::Rollout(name))).unwrap_or_else(|| Refused::NotFound {
            kind: "rollout",
            name: bare.chars().take(80).collect(),
            list: "switchyard rollout list",
        }))
    }

    /// Starts a rollout of a plan. The same request again gives the same rollout.
    pub fn create_rollout(
        &mut self,
        plan: &str,
        digest: &str,
        by: &str,
        request_id: &str,
        validate_only: bool,
        turn: &mut Turn,
    ) -> Result<RolloutName, Refused> {
        if let Some(known) = self.requested_before(request_id) {
            return Ok(known);
        }
        let plan = self.plan(plan)?.clone();
        self.check_fresh(&plan, digest)?;
        let name = self.free_name(&plan)?;
        if validate_only {
            return Ok(name);
        }
        let event = Event::Created {
            plan: plan.name.clone(),
            digest: plan.digest.clone(),
            by: by.to_owned(),
            request_id: request_id.to_owned(),
        };
        let layout = Arc::new(plan.layout());
        let Ok(rollout) = Rollout::from_created(name.clone(), layout, &event, turn.now) else {
            return Err(Refused::BadRequest { field: "plan".into(), why: "it makes no rollout".into() });
        };
        let (latest, _) = watch::channel(0);
        self.rollouts.insert(Active { rollout, plan, notes: Notes::default(), latest });
        self.write(&name, &event, turn);
        for report in self.breakers_of(&self.rollouts[&name]) {
            self.record(&name, Event::Breaker { report }, turn);
        }
        self.hold_forced(&name, turn);
        Ok(name)
    }

    fn requested_before(&self, request_id: &str) -> Option<RolloutName> {
        self.rollouts.of_request(request_id).cloned()
    }

    fn check_fresh(&self, plan: &Plan, digest: &str) -> Result<(), Refused> {
        let stale = |why: String| Err(Refused::PlanStale { plan: plan.name.to_string(), why });
        if !digest.is_empty() && digest != plan.digest {
            return stale(format!("its digest is {}, not {digest}", plan.digest));
        }
        if plan.inventory_digest != self.inventory_digest {
            return stale("the inventory has changed since it was made".into());
        }
        Ok(())
    }

    fn free_name(&self, plan: &Plan) -> Result<RolloutName, Refused> {
        let base = plan.rollout.to_string();
        let candidates =
            std::iter::once(base.clone()).chain((2..=SAME_NAME_MAX).map(|n| format!("{base}-{n}")));
        let too_many =
            || Refused::BadRequest { field: "metadata.name".into(), why: "this name is used up".into() };
        let name = candidates
            .filter(|name| !self.lost.contains(name.as_str()))
            .find(|name| !self.rollouts.has(name.as_str()) || self.rollouts.is_live(name.as_str()))
            .ok_or_else(too_many)?;
        if self.rollouts.has(name.as_str()) {
            return Err(Refused::AlreadyRunning { name });
        }
        RolloutName::new(&name)
            .map_err(|error| Refused::BadRequest { field: "metadata.name".into(), why: error.to_string() })
    }

    /// Carries out a person's word to a rollout.
    pub fn steer(&mut self, steer: &Steer, turn: &mut Turn) -> Result<RolloutName, Refused> {
        let rollout = &self.rollout(&steer.name)?.rollout;
        let (by, reason, etag) = (steer.by.as_str(), steer.reason.as_str(), steer.etag.as_str());
        let event = match steer.verb {
            Verb::Pause => rollout.pause(by, reason, etag)?,
            Verb::Resume => rollout.resume(by, reason, etag)?,
            Verb::Promote => rollout.promote(by, reason, etag)?,
            Verb::Abort => rollout.abort(by, reason, etag)?,
        };
        let name = rollout.name.clone();
        match (steer.verb, event) {
            (_, None) => {}
            (Verb::Resume, Some(event)) => {
                self.check_resume(&name)?;
                self.resume(&name, event, turn);
            }
            (Verb::Pause | Verb::Promote | Verb::Abort, Some(event)) => self.record(&name, event, turn),
        }
        Ok(name)
    }

    /// Aborts, and stops waiting for devices in flight whose agent is not connected: they are in doubt from
    /// then on. Gives their names.
    pub fn abort_by_force(
        &mut self,
        steer: &Steer,
        turn: &mut Turn,
    ) -> Result<(RolloutName, Vec<DeviceName>), Refused> {
        if steer.reason.trim().is_empty() {
            let why = "say why they are no longer waited for: whoever settles them reads it".to_owned();
            return Err(Refused::BadRequest { field: "reason".into(), why });
        }
        let name = self.steer(steer, turn)?;
        let rollout = &self.rollouts[&name].rollout;
        let Some(event) = rollout.give_up_away(&self.fleet, &steer.by, &steer.reason) else {
            return Ok((name, Vec::new()));
        };
        let Event::GivenUp { devices, .. } = &event else { return Ok((name, Vec::new())) };
        let devices: Vec<DeviceName> = devices.iter().map(|(device, _)| device.clone()).collect();
        if !devices.is_empty() {
            self.record(&name, event, turn);
        }
        Ok((name, devices))
    }

    /// Replaces the inventory; a large one is prepared first, see [`NewInventory`].
    pub fn import(&mut self, inventory: Inventory, turn: &mut Turn) {
        self.take_inventory(NewInventory::of(inventory), turn);
    }

    /// Keeps a new join token's record.
    pub fn keep_token(&mut self, record: &TokenRecord, turn: &mut Turn) {
        turn.put_json("token", record.secret_sha256.clone(), record);
        self.tokens.insert(record.secret_sha256.clone(), record.clone());
    }

    /// Uses up a join token for `agent`.
    pub fn redeem_token(
        &mut self,
        token: &JoinToken,
        site: &SiteName,
        agent: &str,
        turn: &mut Turn,
    ) -> Result<(), Refused> {
        let refused = |why: String| Refused::TokenRefused(why);
        let key = token.secret_sha256();
        let mut record = self.tokens.get(&key).cloned().ok_or_else(|| {
            refused(
                "the token is unknown here; make one with: switchyard agent token create --site NAME".into(),
            )
        })?;
        record.redeem(token, site, turn.now).map_err(|why| refused(why.to_string()))?;
        record.used_by = Some(agent.to_owned());
        self.keep_token(&record, turn);
        Ok(())
    }

    /// Names of every plan, newest last.
    pub fn plan_names(&self) -> impl Iterator<Item = &PlanName> {
        self.plans.names()
    }
}
