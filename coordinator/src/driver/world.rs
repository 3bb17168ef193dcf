//! Everything the driver knows, and the one way an event enters it.

use super::adopt::Ahead;
use super::answered::Answers;
use super::comparisons::Comparisons;
use super::effect::{Effect, Turn};
use super::fleet::Fleet;
use super::message::Message;
use super::notes::Notes;
use super::plans::Plans;
use super::rollouts::Rollouts;
use super::sites::Binding;
use super::strays::Strays;
use crate::pki::token::TokenRecord;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use switchyard_shared::breaker::{Name, Report};
use switchyard_shared::id::{AgentName, DeviceName, RolloutName, SiteName};
use switchyard_shared::inventory::Inventory;
use switchyard_shared::outcome::DeviceState;
use switchyard_shared::plan::Plan;
use switchyard_shared::rollout::Rollout;
use switchyard_shared::rollout::event::Event;
use switchyard_shared::time::Timestamp;
use tokio::sync::watch;

/// A rollout with its plan and its watchers.
pub struct Active {
    /// The rollout.
    pub rollout: Rollout,
    /// Its plan.
    pub plan: Arc<Plan>,
    /// What its log says beside its state.
    pub notes: Notes,
    /// The last sequence that is durable; watchers wait on it.
    pub latest: watch::Sender<u64>,
}

/// The coordinator's truth.
pub struct World {
    /// Rises by one at every start.
    pub epoch: u64,
    /// Rollouts by name, ended ones too.
    pub rollouts: Rollouts,
    /// Plans by name.
    pub plans: Plans,
    /// The inventory in force.
    pub inventory: Arc<Inventory>,
    /// Its digest.
    pub inventory_digest: String,
    /// How many devices it has at each site.
    pub(super) at_site: BTreeMap<SiteName, u32>,
    /// What surrounds the rollouts.
    pub fleet: Fleet,
    /// Breakers that an operator holds open or closed; they survive restarts of agents and of this
    /// coordinator.
    pub(super) forced: BTreeMap<Name, Report>,
    /// What was answered to requests with an id.
    pub(super) answers: Answers,
    pub(super) tokens: BTreeMap<String, TokenRecord>,
    pub(super) watermarks: BTreeMap<AgentName, u64>,
    /// Sites that were bound to another agent.
    pub(super) bindings: BTreeMap<SiteName, Binding>,
    /// Results that fitted nothing.
    pub(super) strays: Strays,
    /// Names of rollouts that are lost with what an old backup did not have; never given again.
    pub(super) lost: BTreeSet<RolloutName>,
    /// Agents that have met a later state than this coordinator knows; not durable.
    pub(super) ahead: BTreeMap<AgentName, Ahead>,
    /// Why nothing can be made durable at present, continuing "failed to …".
    pub(super) full: Option<String>,
    pub(super) next_session: u64,
    pub(super) turns: usize,
    /// Rises with every move of a breaker; watchers wait on it.
    pub(super) breaker_moves: watch::Sender<u64>,
    /// What plans would change, as it is being read; not durable.
    pub(super) comparisons: Comparisons,
    /// Devices for which other keys were pinned than those that they were kept away from for, until their agents have
    /// heard of it; not durable.
    pub(super) repinned: BTreeSet<DeviceName>,
    /// When sites that open together were last looked for.
    pub(super) environment_seen: Timestamp,
    /// When silent sessions were last looked for.
    pub(super) sessions_seen: Timestamp,
}

impl World {
    pub(super) fn take(&mut self, message: Message, turn: &mut Turn) {
        match message {
            Message::Do(task) => task(self, turn),
            Message::Agent(session, message) => self.hear(session, message, turn),
            Message::AgentGone(session) => self.close_session(session, turn),
        }
    }

    /// Applies an event to its rollout and puts it into the turn's transaction.
    pub(super) fn record(&mut self, name: &RolloutName, event: Event, turn: &mut Turn) {
        let Some(active) = self.rollouts.get_mut(name) else { return };
        active.rollout.apply(&event, turn.now);
        active.notes.take(&event, turn.now);
        active.notes.keep_held(&active.rollout, &event);
        hold(&mut self.fleet, &active.rollout, &event);
        self.write(name, &event, turn);
        self.push_stop(name, &event, turn);
        if moves_breakers(&event) {
            self.breakers_moved(turn);
        }
        self.rollouts.put_in_its_place(name);
        self.keep_end(name, turn);
    }

    /// Puts an event that is applied already into the turn's transaction.
    pub(super) fn write(&mut self, name: &RolloutName, event: &Event, turn: &mut Turn) {
        let Some(active) = self.rollouts.get(name) else { return };
        let body = serde_json::to_string(event).expect("our events are plain data with text keys");
        turn.event(format!("rollouts/{name}"), active.rollout.sequence, body);
        turn.publish(name, active.rollout.sequence);
    }

    /// Tells a rollout's watchers what is durable now; its state may be ahead of that.
    pub(super) fn publish(&self, name: &RolloutName, sequence: u64) {
        if let Some(active) = self.rollouts.get(name) {
            active.latest.send_replace(sequence);
        }
    }

    /// Says, once this turn is durable, that a breaker has moved.
    pub(super) fn breakers_moved(&mut self, turn: &mut Turn) {
        if !turn.effects.iter().any(|effect| matches!(effect, Effect::PublishBreakers)) {
            turn.effects.push(Effect::PublishBreakers);
        }
    }

    pub(super) fn publish_breakers(&self) {
        self.breaker_moves.send_modify(|moves| *moves += 1);
    }

    /// Rises with every move of a breaker.
    pub fn breaker_moves(&self) -> watch::Receiver<u64> {
        self.breaker_moves.subscribe()
    }

    /// What a rollout waits for; held groups with since when and by whom.
    pub fn blocked_on(&self, active: &Active, now: Timestamp) -> Vec<String> {
        if let Some(line) = self.ahead_line().filter(|_| !active.rollout.has_ended()) {
            return vec![line];
        }
        let mut lines = active.rollout.blocked_on(now, &self.fleet);
        let held = lines.iter().filter(|line| line.starts_with("held ")).count();
        if held > 0 {
            lines.retain(|line| !line.starts_with("held "));
            let mut own = active.notes.held_lines(&active.rollout.name);
            own.truncate(held);
            lines.splice(0..0, own);
        }
        let quiet = if active.rollout.has_ended() { Vec::new() } else { self.quiet_lines(active) };
        let doubts = quiet.into_iter().chain(self.doubt_lines(active));
        let full = self.full.iter().filter(|_| !active.rollout.has_ended());
        let full = full.map(|full| {
            format!(
                "the coordinator failed to {full}; until then nothing is started and no result acknowledged"
            )
        });
        let awaited = self.awaited_line().filter(|_| !active.rollout.has_ended());
        let lines = full.chain(awaited).chain(lines);
        lines.map(|line| self.explain_busy(line)).chain(doubts).collect()
    }

    /// The breakers of a rollout's sites, devices and groups that are not closed.
    pub fn breakers_of(&self, active: &Active) -> Vec<Report> {
        let rollout = &active.rollout;
        let sites = rollout.layout.sites();
        let concerns = |report: &&Report| match &report.name {
            Name::Site(site) => sites.contains(site),
            Name::Device(device) => rollout.layout.rank(device).is_some(),
            Name::Credential { site, .. } => sites.contains(site),
            Name::Global { .. } => true,
            // Each rollout holds them as its own.
            Name::Group { .. } => false,
        };
        let around = self.fleet.open_breakers().filter(concerns).cloned();
        let own = active.notes.breakers(&rollout.name);
        around.chain(own.filter(|report| matches!(report.name, Name::Group { .. }))).collect()
    }
}

/// Whether an event opens or closes a breaker that the rollout itself holds.
fn moves_breakers(event: &Event) -> bool {
    match event {
        Event::Held { .. }
        | Event::Released { .. }
        | Event::Paused { .. }
        | Event::Resumed { .. }
        | Event::Ended { .. } => true,
        Event::Created { .. }
        | Event::WaveStarted { .. }
        | Event::Dispatched { .. }
        | Event::Finished { .. }
        | Event::Requeued { .. }
        | Event::ReadBack { .. }
        | Event::StillUnknown { .. }
        | Event::GivenUp { .. }
        | Event::Settled { .. }
        | Event::Conflicted { .. }
        | Event::Skipped { .. }
        | Event::WaveFinished { .. }
        | Event::Restoring { .. }
        | Event::Restored { .. }
        | Event::Promoted { .. }
        | Event::Aborted { .. }
        | Event::Breaker { .. } => false,
    }
}

/// Keeps who holds which device in step with an event that was just applied.
fn hold(fleet: &mut Fleet, rollout: &Rollout, event: &Event) {
    let name = &rollout.name;
    match event {
        Event::Dispatched { ops, .. } => {
            fleet.held.extend(ops.iter().map(|(device, _)| (device.clone(), name.clone())));
        }
        Event::Finished { device, outcome, .. } => {
            if outcome.class.device_state() != Some(DeviceState::Unknown) {
                fleet.release(device, name);
            }
        }
        Event::Requeued { device, .. } => fleet.release(device, name),
        Event::Restoring { device, .. } => fleet.hold(device, name),
        Event::Settled { device, state, .. } | Event::Restored { device, state, .. } => {
            if *state != DeviceState::Unknown {
                fleet.release(device, name);
            }
        }
        Event::Conflicted { device, .. } => fleet.hold(device, name),
        Event::GivenUp { devices, .. } => devices.iter().for_each(|(device, _)| fleet.hold(device, name)),
        Event::Ended { .. }
        | Event::ReadBack { .. }
        | Event::StillUnknown { .. }
        | Event::Created { .. }
        | Event::WaveStarted { .. }
        | Event::Skipped { .. }
        | Event::WaveFinished { .. }
        | Event::Promoted { .. }
        | Event::Paused { .. }
        | Event::Resumed { .. }
        | Event::Aborted { .. }
        | Event::Held { .. }
        | Event::Released { .. }
        | Event::Breaker { .. } => {}
    }
}
