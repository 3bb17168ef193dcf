//! Agents' sessions: opened once per site, heard in order, acknowledged when durable.

use super::ahead::Ahead;
use super::effect::{Outbox, Turn};
use super::fleet::{AgentInfo, Session};
use super::message::{AgentPeer, Opened};
use super::world::World;
use crate::refused::Refused;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use switchyard_proto::convert::link::{BreakerAction, FromAgent, FromCoordinator, Hello, Reported, Welcome};
use switchyard_shared::breaker::{Name, State};
use switchyard_shared::id::{DeviceName, OpId, RolloutName, SiteName};
use switchyard_shared::outcome::{Outcome, Phase};
use switchyard_shared::rollout::ResultVerdict;
use switchyard_shared::rollout::event::Event;
use switchyard_shared::task::{RESULTS_AT_ONCE_MAX, SiteSettings};

/// How often an agent says that it is there.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(2);
/// Without an answered heartbeat for this long an agent starts nothing new.
pub(super) const LEASE: Duration = Duration::from_secs(10);
/// How often silent sessions are looked for: with 1,000 agents that is most of what a heartbeat would cost.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A session without a sign of life for this long is given up: the lease and a quarter.
pub(super) const SILENCE_MAX: Duration = Duration::from_millis(12_500);

/// Whether an agent's journal has given fewer results than were acknowledged to it: a copy from before them, of
/// this machine or of its clone, which does not know what was in hand here since.
pub(super) fn is_older_copy(hello: &Hello, acked: u64) -> bool {
    // A number that it has left out since cannot have been acknowledged to it.
    let left_out = hello.left_out.iter().any(|(first, last)| *first <= acked && acked < *last);
    left_out || hello.last_sequence.is_some_and(|last| last < acked)
}

impl World {
    /// Accepts an agent, tells it where it stands and takes back what it never started.
    pub(super) fn open_session(
        &mut self,
        peer: AgentPeer,
        hello: &Hello,
        outbox: Outbox,
        turn: &mut Turn,
    ) -> Result<Opened, Refused> {
        self.admit(&peer, hello)?;
        let acked_sequence = self.watermarks.get(&peer.agent).copied().unwrap_or(0);
        self.next_session += 1;
        let (id, site) = (self.next_session, peer.site.clone());
        let welcome = Welcome {
            coordinator_epoch: self.epoch,
            acked_sequence,
            heartbeat_interval: HEARTBEAT,
            lease: LEASE,
            site: site.clone(),
            agent: peer.agent.clone(),
            site_epoch: self.site_epoch(&site),
            results_at_once: RESULTS_AT_ONCE_MAX as u32,
        };
        turn.send(&outbox, FromCoordinator::Welcome(welcome));
        let session = Session {
            id,
            agent: peer.agent.clone(),
            outbox,
            granted: 0,
            sent: 0,
            heard: false,
            ahead: Ahead::of(hello.left_out.clone()),
            calls_off_comparisons: hello.calls_off_comparisons,
        };
        let replaced = self.fleet.sessions.insert(site.clone(), session);
        if let Some(before) = &replaced {
            before.outbox.close.cancel();
            self.notes_lost(&site);
        }
        tracing::info!(agent = %peer.agent, %site, address = %peer.address, "agent connected");
        let info = AgentInfo {
            agent: peer.agent,
            site: site.clone(),
            version: hello.version.clone(),
            address: peer.address,
            since: turn.now,
            last_heartbeat: turn.now,
            connected: true,
            journal_id: hello.journal_id.clone(),
            journals_seen: journals_seen(self.fleet.agents.get(&site), &hello.journal_id),
            unbound: false,
        };
        turn.put_json("agent", site.to_string(), &info);
        let before = self.fleet.agents.insert(site.clone(), info);
        let lost_journal = has_lost_journal(before.as_ref(), replaced.is_some(), hello)
            || is_older_copy(hello, acked_sequence);
        self.fleet
            .breakers
            .retain(|name, report| matches!(name, Name::Site(_)) || report.site.as_ref() != Some(&site));
        let forced = self.forced.iter().map(|(name, report)| (name.clone(), report.clone()));
        self.fleet.breakers.extend(forced);
        self.breakers_moved(turn);
        self.reconcile(&site, &hello.in_hand, lost_journal, turn);
        self.remind(&site, turn);
        self.call_off_unwanted(&site, &hello.in_hand, turn);
        Ok(Opened { session: id })
    }

    fn admit(&mut self, peer: &AgentPeer, hello: &Hello) -> Result<(), Refused> {
        if hello.site != peer.site {
            let (claimed, own) = (&hello.site, &peer.site);
            let why = format!("agents/{} says site {claimed}, its certificate says {own}", peer.agent);
            return Err(Refused::OtherSite(why));
        }
        if hello.journal_id.is_empty() {
            let why = "it is empty: an agent that does not name its journal cannot say what it never started";
            return Err(Refused::BadRequest { field: "hello.journal_id".into(), why: why.into() });
        }
        self.refuse_former(&peer.agent, &peer.site, hello)?;
        self.refuse_ahead(peer, hello)?;
        let owner = self.fleet.agents.get(&peer.site);
        let Some(owner) = owner.filter(|owner| owner.agent != peer.agent && !owner.unbound) else {
            return Ok(());
        };
        let why = match (
            self.fleet.sessions.contains_key(&peer.site),
            self.only_its_agent_can_report(&peer.site),
        ) {
            (true, _) => "which is connected".to_owned(),
            (false, 0) => "which is away".to_owned(),
            (false, count) => {
                format!("which is away and has {count} device(s) in flight that only it can report")
            }
        };
        let (site, agent) = (peer.site.to_string(), peer.agent.to_string());
        Err(Refused::SiteTaken { site, agent, other: owner.agent.to_string(), why })
    }

    /// Tells an agent that was away what was decided meanwhile: its site's settings, breakers that
    /// operators hold open or closed, and stops.
    fn remind(&self, site: &SiteName, turn: &mut Turn) {
        self.tell_site(site, turn);
        let Some(session) = self.fleet.sessions.get(site) else { return };
        for forced in self.forced.values().filter(|forced| forced.site.as_ref() == Some(site)) {
            let (name, by, reason) = (forced.name.clone(), forced.by.clone(), forced.reason.clone());
            let action = match forced.state {
                State::ForcedClosed => BreakerAction::ForceClosed,
                State::Closed | State::Held | State::Open | State::HalfOpen | State::ForcedOpen => {
                    BreakerAction::Trip
                }
            };
            turn.send(&session.outbox, FromCoordinator::Breaker { name, action, by, reason });
        }
        self.call_off_again(site, turn);
    }

    /// Tells an agent what the inventory says about its site.
    pub(super) fn tell_site(&self, site: &SiteName, turn: &mut Turn) {
        let Some(session) = self.fleet.sessions.get(site) else { return };
        let here = self.at_site.get(site).copied().unwrap_or(0);
        let settings = self.inventory.sites.get(site).map(|site| SiteSettings {
            sentinel: site.sentinel.clone(),
            max_in_flight: site.max_in_flight,
            connect_rate: site.connect_rate,
            devices: here,
        });
        turn.send(&session.outbox, FromCoordinator::Site(settings.unwrap_or_default()));
    }

    fn reconcile(&mut self, site: &SiteName, in_hand: &[OpId], lost_journal: bool, turn: &mut Turn) {
        let mut by_rollout: BTreeMap<&RolloutName, BTreeSet<(DeviceName, u32)>> = BTreeMap::new();
        for op in in_hand {
            by_rollout.entry(&op.rollout).or_default().insert((op.device.clone(), op.attempt));
        }
        for name in self.going_on_or_in_doubt() {
            let nothing = BTreeSet::new();
            let Some(active) = self.rollouts.get(&name) else { continue };
            let in_hand = by_rollout.get(&name).unwrap_or(&nothing);
            let events = active.rollout.reconcile(site, in_hand, lost_journal, turn.now);
            self.record_all(&name, events, turn);
        }
    }

    pub(super) fn close_session(&mut self, id: u64, turn: &mut Turn) {
        let Some(site) = self.site_of(id) else { return };
        if let Some(session) = self.fleet.sessions.remove(&site) {
            session.outbox.close.cancel();
            tracing::warn!(agent = %session.agent, %site, "agent disconnected; its devices in flight are waited for");
        }
        if let Some(info) = self.fleet.agents.get_mut(&site) {
            info.connected = false;
            info.since = turn.now;
        }
        self.notes_lost(&site);
    }

    /// A session ended, and with it the notes that were on their way.
    fn notes_lost(&mut self, site: &SiteName) {
        self.rollouts.each_live(|active| active.rollout.notes_lost(Some(site)));
    }

    pub(super) fn look_at_sessions(&mut self, turn: &mut Turn) {
        let since = turn.now.since(self.sessions_seen);
        if since < LOOK_EVERY && turn.now >= self.sessions_seen {
            return;
        }
        self.sessions_seen = turn.now;
        let silent = |site: &SiteName| {
            let seen = self.fleet.agents.get(site).map(|info| info.last_heartbeat);
            seen.is_some_and(|at| turn.now.since(at) > SILENCE_MAX)
        };
        let lost: Vec<u64> = self
            .fleet
            .sessions
            .iter()
            .filter(|(site, _)| silent(site))
            .map(|(_, session)| session.id)
            .collect();
        for id in lost {
            self.close_session(id, turn);
        }
    }

    fn site_of(&self, id: u64) -> Option<SiteName> {
        self.fleet.sessions.iter().find(|(_, session)| session.id == id).map(|(site, _)| site.clone())
    }

    /// Takes one message of a session; one of a session that was replaced is dropped.
    pub(super) fn hear(&mut self, id: u64, message: FromAgent, turn: &mut Turn) {
        let Some(site) = self.site_of(id) else { return };
        if let Some(info) = self.fleet.agents.get_mut(&site) {
            info.last_heartbeat = turn.now;
        }
        let Some(session) = self.fleet.sessions.get_mut(&site) else { return };
        if !std::mem::replace(&mut session.heard, true) {
            self.can_be_reached(&site, turn);
        }
        let Some(session) = self.fleet.sessions.get_mut(&site) else { return };
        match message {
            FromAgent::Hello(_) => session.outbox.close.cancel(),
            FromAgent::Heartbeat(count) => {
                let outbox = session.outbox.clone();
                turn.send(&outbox, FromCoordinator::HeartbeatReply(count));
            }
            FromAgent::Credit(total) => session.granted = session.granted.max(total),
            FromAgent::Progress { op, phase, .. } => self.progressed(&site, &op, phase, turn),
            FromAgent::Result { sequence, op, outcome } => self.result(&site, sequence, &op, &outcome, turn),
            FromAgent::Results(results) => {
                for Reported { sequence, op, outcome } in results {
                    self.result(&site, sequence, &op, &outcome, turn);
                }
            }
            FromAgent::Breaker(report) => self.breaker_moved(&site, report, turn),
            FromAgent::Compared(compared) => self.compared(id, *compared, turn),
        }
    }

    /// An agent has said more than its Hello, so it hears what is said to it.
    fn can_be_reached(&mut self, site: &SiteName, turn: &mut Turn) {
        for name in self.going_on_or_in_doubt() {
            let Some(active) = self.rollouts.get(&name) else { continue };
            let events = active.rollout.reachable_again(site, turn.now);
            self.record_all(&name, events, turn);
        }
    }

    /// Once connected a device may soon be written to. From the first byte that can change it it is at
    /// risk: the pace's clocks run from there.
    fn progressed(&mut self, site: &SiteName, op: &OpId, phase: Phase, turn: &Turn) {
        tracing::debug!(%op, %phase, "progress");
        let Some(active) = self.rollouts.live_mut(&op.rollout) else { return };
        if active.rollout.device(&op.device).is_none_or(|(place, _)| place.site != *site) {
            return;
        }
        match phase {
            Phase::Queue | Phase::Connect => {}
            Phase::Authenticate | Phase::Read | Phase::Validate => {
                active.rollout.connected(&op.device, op.attempt, turn.now)
            }
            Phase::Write | Phase::Verify | Phase::Confirm | Phase::Revert => {
                active.rollout.wrote(&op.device, op.attempt, turn.now)
            }
        }
    }

    fn result(&mut self, site: &SiteName, sequence: u64, op: &OpId, outcome: &Outcome, turn: &mut Turn) {
        let Some(session) = self.fleet.sessions.get(site) else { return };
        let (agent, outbox, id) = (session.agent.clone(), session.outbox.clone(), session.id);
        if self.is_of_later_state(site, op) {
            // It stays unacknowledged at its agent, which is refused from now on.
            self.found_ahead(&agent, site, op);
            return self.close_session(id, turn);
        }
        let verdict = self.rollouts.get(&op.rollout).map(|active| match active.rollout.device(&op.device) {
            Some((place, _)) if place.site != *site => {
                ResultVerdict::Stray(format!("{} is not a device of {site}", op.device))
            }
            Some(_) | None => active.rollout.result(&op.device, op.attempt, outcome, turn.now),
        });
        match verdict {
            Some(ResultVerdict::Counted(event)) => {
                if let Event::Conflicted { reason, .. } = &event {
                    tracing::error!(%agent, %op, "two ends of one attempt: {reason}");
                }
                self.record(&op.rollout, event, turn);
            }
            Some(ResultVerdict::Repeated) => {}
            Some(ResultVerdict::Stray(why)) => {
                self.keep_stray(&agent, (sequence, op, outcome), &why, turn);
            }
            None => {
                let why = "no rollout of that name is known here";
                self.keep_stray(&agent, (sequence, op, outcome), why, turn);
            }
        }
        let watermark = self.watermarks.entry(agent.clone()).or_default();
        if let Some(session) = self.fleet.sessions.get_mut(site) {
            *watermark = session.ahead.without_gap(sequence, *watermark);
        }
        turn.acknowledge(&agent, &outbox, *watermark);
    }
}

/// Journals by which an agent is remembered.
const JOURNALS_SEEN_MAX: usize = 64;

fn journals_seen(before: Option<&AgentInfo>, journal: &str) -> Vec<String> {
    let known = before.filter(|before| !before.journal_id.is_empty());
    let known = known.into_iter().flat_map(|before| {
        std::iter::once(&before.journal_id).chain(&before.journals_seen).filter(|name| *name != journal)
    });
    known.take(JOURNALS_SEEN_MAX).cloned().collect()
}

/// Whether something may have been in hand that this journal does not know. `is_connected`: the session of the one
/// that was known has not ended, so both may be running.
fn has_lost_journal(before: Option<&AgentInfo>, is_connected: bool, hello: &Hello) -> bool {
    let Some(before) = before else { return true };
    let names = std::iter::once(&hello.journal_id).chain(&hello.former_journal_ids);
    let mut seen = names.filter(|name| **name == before.journal_id || before.journals_seen.contains(name));
    let goes_on = seen.next() == Some(&before.journal_id);
    let lost = !goes_on || (is_connected && hello.journal_id != before.journal_id);
    if lost && !before.journal_id.is_empty() {
        tracing::warn!(
            agent = %before.agent,
            site = %before.site,
            "the journal of this site's agent does not go on from the one that was known: its data folder is new or \
             was restored from a copy, the end of its journal was damaged, or two agents run with copies of one data \
             folder; what was in flight there is UNKNOWN and is read back. If this comes again and again, find the \
             second agent and stop it"
        );
    }
    lost
}

/// Whether the agent's journal has all that the one has that was known by this name.
pub(super) fn goes_on_from(known: &str, hello: &Hello) -> bool {
    hello.journal_id == known || hello.former_journal_ids.iter().any(|former| former == known)
}
