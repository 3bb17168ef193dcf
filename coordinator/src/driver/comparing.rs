//! Reads the devices of plans for people who want to see what would change: after the work of rollouts, within
//! what the agents have room for.

use super::audit::{KeysAsked, Record};
use super::comparisons::{self, LONGEST};
use super::effect::Turn;
use super::subject::{KeysWanted, Subject};
use super::world::World;
use crate::refused::Refused;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use switchyard_proto::convert::link::Compared;
use switchyard_shared::breaker::{Name, Report, State};
use switchyard_shared::comparison::DeviceDifference;
use switchyard_shared::id::SiteName;
use switchyard_shared::plan::{Plan, PlannedDevice};
use switchyard_shared::task::COMPARISON;
use switchyard_shared::time::{Timestamp, format_duration};
use tokio::sync::mpsc;

/// Devices that one request may name.
pub const DEVICES_MAX: usize = 1000;
/// How long devices wait at a site whose agent has no room for them.
const NO_ROOM_MAX: Duration = Duration::from_secs(60);
/// What an agent may take to answer beyond the time that its device has.
const MARGIN: Duration = Duration::from_secs(60);
/// How soon a reader that is behind, or a device that is handed out again, is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl World {
    /// Begins to compare a plan's devices with it, or those that are named.
    pub fn compare(
        &mut self,
        plan: &str,
        devices: &[String],
        turn: &Turn,
    ) -> Result<mpsc::Receiver<DeviceDifference>, Refused> {
        let plan = self.plan(plan)?.clone();
        if !plan.is_readable() {
            return Err(Refused::CannotCompare { plan: plan.name.to_string() });
        }
        let ranks = named(&plan, devices)?;
        self.comparisons.tidy();
        if !self.comparisons.has_room() {
            return Err(Refused::TooManyComparisons(comparisons::COMPARISONS_MAX));
        }
        Ok(self.comparisons.begin(Subject::Plan(plan), ranks.into_iter(), turn.now).1)
    }

    /// Begins to collect the host keys of devices; gives with the answers what the collection is recorded under. Who asks
    /// for what is durable before the first device is asked.
    pub fn collect_keys(
        &mut self,
        wanted: KeysWanted,
        asked: &KeysAsked,
        turn: &mut Turn,
    ) -> Result<(Record, mpsc::Receiver<DeviceDifference>), Refused> {
        self.comparisons.tidy();
        if !self.comparisons.has_room() {
            return Err(Refused::TooManyComparisons(comparisons::COMPARISONS_MAX));
        }
        let subject = Subject::HostKeys(Arc::new(wanted));
        let ranks = (0u32..).take(subject.devices().len());
        let (id, answers) = self.comparisons.begin(subject, ranks, turn.now);
        let record = Record::begin(&format!("{}-{id}", self.epoch), asked, turn);
        Ok((record, answers))
    }

    /// An agent has read a device, or says why it could not.
    pub(super) fn compared(&mut self, session: u64, compared: Compared, turn: &Turn) {
        let key = (compared.op.rollout, compared.op.device);
        let asked = self.comparisons.asked.get(&key).filter(|asked| asked.session == session);
        match asked {
            Some(_) if compared.op.attempt == COMPARISON => {
                let read = (compared.diff, compared.keys);
                self.comparisons.answered(&key, &compared.outcome, read, turn.now);
            }
            Some(_) | None => {
                tracing::debug!(rollout = %key.0, device = %key.1, "nobody waits for this comparison");
            }
        }
    }

    /// Hands out readings for comparisons, within what the rollouts have left; says when to look again.
    pub(super) fn go_on_comparing(&mut self, turn: &mut Turn) -> Option<Timestamp> {
        if turn.has_stopped || (self.comparisons.running.is_empty() && self.comparisons.asked.is_empty()) {
            return None;
        }
        let sessions = &self.fleet.sessions;
        self.comparisons.give_up(|asked| {
            let here = sessions.get(&asked.site).is_some_and(|session| session.id == asked.session);
            match (here, asked.until <= turn.now) {
                (false, _) => Some(format!("the agent of {} was lost while it read the device", asked.site)),
                (true, true) => Some(format!("the agent of {} gave no answer in time", asked.site)),
                (true, false) => None,
            }
        });
        self.comparisons.tidy();
        let mut ids: Vec<u64> = self.comparisons.running.keys().copied().collect();
        if !ids.is_empty() {
            let first = self.turns % ids.len();
            ids.rotate_left(first);
        }
        self.turns = self.turns.wrapping_add(1);
        ids.into_iter().for_each(|id| self.compare_more(id, turn));
        self.comparisons.tidy();
        self.call_off_abandoned(turn);
        self.comparisons
            .running
            .values()
            .any(comparisons::Comparison::waits)
            .then(|| turn.now.plus(LOOK_AGAIN))
    }

    fn compare_more(&mut self, id: u64, turn: &mut Turn) {
        let Some(comparison) = self.comparisons.running.get_mut(&id) else { return };
        if comparison.is_behind(turn.now) {
            if comparison.until <= turn.now {
                // Its reader has stood still to the end: the stream ends here.
                self.comparisons.running.remove(&id);
            }
            return;
        }
        comparison.take_later(turn.now);
        let (is_over, subject) = (comparison.until <= turn.now, comparison.subject.clone());
        let sites: Vec<SiteName> = comparison.waiting.keys().cloned().collect();
        for site in sites {
            let why = match is_over {
                true => Some(format!("not read within {}", format_duration(LONGEST))),
                false => self.cannot_be_reached(&site, turn.now),
            };
            match (why, self.comparisons.running.get_mut(&id)) {
                (Some(why), Some(comparison)) => comparison.cannot_read(&site, &why),
                (None, Some(_)) => self.read_at(id, &subject, &site, turn),
                (_, None) => return,
            }
        }
    }

    /// Hands out as many devices of one site as may be read there now.
    fn read_at(&mut self, id: u64, subject: &Subject, site: &SiteName, turn: &mut Turn) {
        let until = turn.now.plus(subject.longest() + MARGIN);
        let (mut room, mut ranks) = (self.room_to_compare(site), Vec::new());
        let Some(session) = self.fleet.sessions.get(site).map(|session| session.id) else { return };
        let mut looks = self.waiting_at(id, site);
        while room > 0 && looks > 0 {
            looks -= 1;
            let Some(comparison) = self.comparisons.running.get_mut(&id) else { return };
            let Some(place) = comparison.place() else { break };
            let Some(waiting) = comparison.waiting.get_mut(site) else { break };
            let Some(rank) = waiting.ranks.pop_front() else { break };
            let device = &subject.devices()[rank as usize];
            if let Some(reason) = self.is_busy(subject, device, turn.now) {
                let _gone = place.send(DeviceDifference { reason, ..comparisons::of(device) });
            } else if self.comparisons.is_asked(subject, device) {
                self.wait_again(id, site, rank);
            } else {
                self.comparisons.ask(id, rank, (session, until), place);
                ranks.push(rank);
                room -= 1;
            }
        }
        self.after_reading_at(id, site, !ranks.is_empty(), turn.now);
        self.hand_out_readings(subject, site, &ranks, turn);
    }

    fn hand_out_readings(&mut self, subject: &Subject, site: &SiteName, ranks: &[u32], turn: &mut Turn) {
        let Some(session) = self.fleet.sessions.get_mut(site).filter(|_| !ranks.is_empty()) else { return };
        session.sent += ranks.len() as u64;
        let count = u32::try_from(ranks.len()).unwrap_or(u32::MAX);
        *self.fleet.in_flight.entry(site.clone()).or_default() += count;
        subject.ask(session.outbox.clone(), ranks, turn);
    }

    fn waiting_at(&self, id: u64, site: &SiteName) -> usize {
        let waiting = self.comparisons.running.get(&id).and_then(|comparison| comparison.waiting.get(site));
        waiting.map_or(0, |waiting| waiting.ranks.len())
    }

    fn wait_again(&mut self, id: u64, site: &SiteName, rank: u32) {
        let comparison = self.comparisons.running.get_mut(&id);
        if let Some(waiting) = comparison.and_then(|comparison| comparison.waiting.get_mut(site)) {
            waiting.ranks.push_back(rank);
        }
    }

    /// What waits at a site whose agent takes nothing for too long is not waited for.
    fn after_reading_at(&mut self, id: u64, site: &SiteName, moved: bool, now: Timestamp) {
        let reads = self.comparisons.count_at(site) > 0;
        let Some(comparison) = self.comparisons.running.get_mut(&id) else { return };
        let Some(waiting) = comparison.waiting.get_mut(site) else { return };
        if waiting.ranks.is_empty() {
            comparison.waiting.remove(site);
        } else if moved || reads {
            waiting.moved = now;
        } else if now.since(waiting.moved) >= NO_ROOM_MAX {
            let waited = format_duration(NO_ROOM_MAX);
            comparison.cannot_read(site, &format!("the agent of {site} had no room for {waited}"));
        }
    }

    /// What the rollouts leave at a site; where they have work, no more than half of what its agent carries.
    fn room_to_compare(&self, site: &SiteName) -> u32 {
        let heard = self.fleet.sessions.get(site).is_some_and(|session| session.heard);
        let here = self.comparisons.count_at(site);
        let shares = self.fleet.in_flight(site) > here;
        let most = if shares { (self.fleet.pool(site) / 2).max(1) } else { u32::MAX };
        if heard { self.fleet.room(site).min(most.saturating_sub(here)) } else { 0 }
    }

    fn cannot_be_reached(&self, site: &SiteName, now: Timestamp) -> Option<String> {
        if !self.fleet.sessions.contains_key(site) {
            return Some(format!("no agent of {site} is connected"));
        }
        self.refused_by(&Name::Site(site.clone()), now)
    }

    /// Why a device is not to be disturbed, or cannot be read now. What a strange host key opened keeps nobody from
    /// looking at the keys.
    fn is_busy(&self, subject: &Subject, device: &PlannedDevice, now: Timestamp) -> Option<String> {
        if let Some(rollout) = self.fleet.held.get(&device.name) {
            return Some(format!("busy: rollouts/{rollout} holds it"));
        }
        let reference = device.endpoint.credential_ref.clone();
        let credential = Name::Credential { site: device.site.clone(), reference };
        let name = Name::Device(device.name.clone());
        let is_strange = self.fleet.breakers.get(&name).is_some_and(Report::is_of_a_strange_key);
        let by_device = match subject {
            Subject::HostKeys(_) if is_strange => None,
            Subject::HostKeys(_) | Subject::Plan(_) => self.refused_by(&name, now),
        };
        by_device.or_else(|| self.refused_by(&credential, now))
    }

    fn refused_by(&self, name: &Name, now: Timestamp) -> Option<String> {
        let report = self.fleet.breakers.get(name)?;
        let refuses = match report.state {
            State::Closed | State::Held | State::HalfOpen | State::ForcedClosed => false,
            State::Open => report.retry_at.is_none_or(|at| now < at),
            State::ForcedOpen => true,
        };
        refuses.then(|| format!("{name} is open: {}", report.reason))
    }
}

/// The ranks of the devices that are meant.
fn named(plan: &Plan, devices: &[String]) -> Result<Vec<u32>, Refused> {
    let all = plan.devices.iter().zip(0u32..);
    if devices.is_empty() {
        return Ok(all.map(|(_, rank)| rank).collect());
    }
    let bad = |why: String| Refused::BadRequest { field: "devices".into(), why };
    if devices.len() > DEVICES_MAX {
        return Err(bad(format!("more than {DEVICES_MAX}; ask for them in parts")));
    }
    let wanted: BTreeSet<&str> = devices.iter().map(String::as_str).collect();
    let found: Vec<u32> =
        all.filter(|(device, _)| wanted.contains(device.name.as_str())).map(|(_, rank)| rank).collect();
    if found.len() < wanted.len() {
        let known: BTreeSet<&str> =
            found.iter().map(|rank| plan.devices[*rank as usize].name.as_str()).collect();
        let name: String =
            wanted.difference(&known).next().map_or("", |name| name).chars().take(80).collect();
        return Err(bad(format!("{name} is no device of plans/{}", plan.name)));
    }
    Ok(found)
}
