//! Devices in doubt: read back before anything else, settled by what they say or by a person, held until then.

use super::advance::{SiteView, Step, Surroundings, WakeReason};
use super::event::Event;
use super::{Rollout, RolloutState, door};
use crate::breaker::State;
use crate::guard::{self, Guard};
use crate::id::{DeviceName, SiteName};
use crate::outcome::{Class, DeviceState, Found, LeftAs, Outcome, Phase};
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Wait before the first reading; doubles with each further one.
const READ_WAIT: Duration = Duration::from_secs(2);
/// Longest wait before a reading.
const READ_WAIT_MAX: Duration = Duration::from_secs(60);
/// Readings of one doubt that are made without a person's word.
pub const READS_MAX: u32 = 6;
/// Doubts about one device after which it is not tried again although nothing was written.
const DOUBTS_MAX: u32 = 2;

/// A device of which nobody knows whether it has the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Since when.
    pub since: Timestamp,
    /// What the device said before the write, when it was asked.
    pub before: Option<String>,
    /// Whether an agent is reading it.
    pub reading: bool,
    /// Readings that were begun.
    pub reads: u32,
    /// When the latest reading was begun.
    pub read_at: Timestamp,
    /// When it is to be read next; absent when a person must say what it has.
    pub next_read: Option<Timestamp>,
    /// The attempt of which nobody knows how it ended.
    pub attempt: u32,
    /// Whether attempts before that one may have been made that are not known here.
    pub raised: bool,
    /// Since when a reading is wanted.
    pub wanted: Timestamp,
    /// Readings in a row that never reached the device.
    pub untried: u32,
    /// Whether it was left to a person only because it could not be reached: it is read when its agent is back.
    pub unreached: bool,
}

impl Doubt {
    pub(super) fn new(
        since: Timestamp,
        attempt: u32,
        before: Option<String>,
        next_read: Option<Timestamp>,
    ) -> Self {
        Self {
            since,
            before,
            reading: false,
            reads: 0,
            read_at: since,
            next_read,
            attempt,
            raised: false,
            wanted: since,
            untried: 0,
            unreached: false,
        }
    }

    /// Until when it is tried to reach the device.
    fn until(&self, skip_after: Duration) -> Timestamp {
        self.wanted.plus(if self.untried > 0 { skip_after.max(READ_WAIT_MAX) } else { skip_after })
    }
}

/// What a person found a device in doubt to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The change, whole.
    Succeeded,
    /// A part of it, or something broken.
    Failed,
    /// Nothing of it.
    NotApplied,
}

/// Why a doubt cannot be settled; nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSettled {
    /// There is no doubt.
    #[error("settle {device} of rollouts/{rollout}: it is {state}, and only what is UNKNOWN can be settled")]
    NoDoubt {
        /// The device.
        device: DeviceName,
        /// The rollout.
        rollout: String,
        /// Its state.
        state: DeviceState,
    },
    /// The plan has no such device.
    #[error("settle {device}: it is no device of rollouts/{rollout}")]
    NoDevice {
        /// The device.
        device: DeviceName,
        /// The rollout.
        rollout: String,
    },
    /// There is no command to read it with.
    #[error(
        "read {device}: its change has no `ssh.read`; look at the device, then say what it has: \
         switchyard device reconcile {device} --as succeeded|failed|not-applied --reason WHY"
    )]
    Unreadable {
        /// The device.
        device: DeviceName,
    },
}

impl Rollout {
    /// Whether devices in doubt are being read or will be: until then nothing is over.
    pub fn is_settling(&self) -> bool {
        self.doubts.iter().any(|rank| self.devices[*rank as usize].is_settling())
    }

    /// Names of the devices in doubt.
    pub fn in_doubt(&self) -> impl Iterator<Item = &DeviceName> {
        self.doubts.iter().map(|rank| &self.layout.devices[*rank as usize].name)
    }

    /// Names of the devices that an agent is reading at `site`, with their attempts.
    pub fn reading_at<'a>(&'a self, site: &'a SiteName) -> impl Iterator<Item = (&'a DeviceName, u32)> {
        let of_site = self.doubts.iter().filter(|rank| self.layout.devices[**rank as usize].site == *site);
        of_site.filter_map(|rank| {
            let device = &self.devices[*rank as usize];
            let reading = device.doubt.as_ref().is_some_and(|doubt| doubt.reading);
            reading.then(|| (&self.layout.devices[*rank as usize].name, device.attempt))
        })
    }

    /// Hands devices in doubt to their agents to be read, in whatever state the rollout is: a reading
    /// changes nothing. What cannot be read in time waits for a person.
    pub(super) fn read_doubts(&self, now: Timestamp, around: &dyn Surroundings, step: &mut Step) {
        let mut batches: BTreeMap<&SiteName, Vec<(DeviceName, u32)>> = BTreeMap::new();
        let mut rooms: BTreeMap<&SiteName, u32> = BTreeMap::new();
        for rank in &self.doubts {
            let (place, device) = (&self.layout.devices[*rank as usize], &self.devices[*rank as usize]);
            let Some((doubt, due)) = device.doubt.as_ref().and_then(|doubt| Some((doubt, doubt.next_read?)))
            else {
                continue;
            };
            let until = doubt.until(self.layout.skip_after);
            let look = if now < due { due.min(until) } else { until };
            let room = rooms.entry(&place.site).or_insert_with(|| {
                let view = around.site(&place.site);
                if view.connected && !is_open(&view) { view.credit } else { 0 }
            });
            if now >= due && *room > 0 && !self.is_barred(*rank, now, around) {
                *room -= 1;
                batches.entry(&place.site).or_default().push((place.name.clone(), device.attempt + 1));
            } else if now < look {
                step.wake_at(look, WakeReason::Retry);
            } else {
                step.events.push(self.not_reached(
                    &place.name,
                    device.attempt,
                    "neither its agent nor its site could be reached to read it",
                ));
            }
        }
        step.events
            .extend(batches.into_iter().map(|(site, ops)| Event::ReadBack { site: site.clone(), ops }));
    }

    /// Whether an operator or a refused credential keeps a device from being read.
    fn is_barred(&self, rank: u32, now: Timestamp, around: &dyn Surroundings) -> bool {
        let place = &self.layout.devices[rank as usize];
        let by_hand = around.device_breaker(&place.name);
        by_hand.is_some_and(|report| report.state == State::ForcedOpen)
            || self.layout.credential(rank).is_some_and(|(_, reference)| {
                let breaker = around.credential_breaker(&place.site, reference);
                breaker.is_some_and(|report| door::refuses(&report, now))
            })
    }

    /// What a reading says.
    pub(super) fn after_reading(
        &self,
        name: &DeviceName,
        attempt: u32,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Event {
        let (device, by) = (name.clone(), "auto".to_owned());
        let settled = |state, outcome: Option<Outcome>, reason: &str| Event::Settled {
            device: device.clone(),
            attempt,
            state,
            outcome,
            by: by.clone(),
            reason: reason.to_owned(),
        };
        match outcome.found {
            Some(Found::Applied) if self.too_early(name, self.layout.confirm_wait).is_some() => {
                Event::StillUnknown {
                    device,
                    attempt,
                    not_before: self.too_early(name, self.layout.confirm_wait),
                    untried: false,
                    reason:
                        "read back: it has the change, and may still take it back by itself, for nobody is \
                             known to have confirmed it; read again when its patience is over"
                            .to_owned(),
                }
            }
            Some(Found::Applied) if outcome.class == Class::PostcheckFailed => settled(
                DeviceState::Failed,
                Some(outcome.clone()),
                &format!("read back: {}", outcome.message),
            ),
            Some(Found::Applied) => {
                settled(DeviceState::Succeeded, Some(outcome.clone()), "read back: it has the change")
            }
            Some(Found::NotApplied | Found::Different)
                if self.too_early(name, self.layout.command_timeout).is_some() =>
            {
                Event::StillUnknown {
                    device,
                    attempt,
                    not_before: self.too_early(name, self.layout.command_timeout),
                    untried: false,
                    reason:
                        "read back: it does not have the change, but may still be at work on it; read again \
                             when its time for a command is over"
                            .to_owned(),
                }
            }
            Some(Found::NotApplied) => {
                let (state, why) = (self.untouched(name), "read back: it is as it was before the write");
                let back = || Outcome { left_as: LeftAs::Reverted, ..outcome.clone() };
                if state == DeviceState::RolledBack && outcome.class == Class::PostcheckFailed {
                    // What came back is not saved.
                    return settled(
                        DeviceState::Failed,
                        Some(back()),
                        &format!("read back: {}", outcome.message),
                    );
                }
                settled(state, (state == DeviceState::RolledBack).then(back), why)
            }
            Some(Found::Different) => Event::StillUnknown {
                reason: format!(
                    "read back: it is neither as it was nor as it should be; look at it, then say what it has: \
                     switchyard device reconcile {device} --as succeeded|failed|not-applied --reason WHY"
                ),
                device,
                attempt,
                not_before: None,
                untried: false,
            },
            None => self.after_failed_reading(name, attempt, outcome, now),
        }
    }

    /// When `limit` after a doubt is over, if the latest reading was begun before that: a device goes on with what
    /// it was told although nobody waits for its answer any more.
    fn too_early(&self, name: &DeviceName, limit: Duration) -> Option<Timestamp> {
        let doubt = self.device(name)?.1.doubt.as_ref()?;
        let over = doubt.since.plus(limit);
        (doubt.read_at < over && guard::holds(Guard::EarlyReading)).then_some(over)
    }

    /// A reading that never reached the device counts for nothing: its site may be open for long.
    fn after_failed_reading(
        &self,
        name: &DeviceName,
        attempt: u32,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Event {
        let untried = never_asked(outcome);
        let Some(doubt) = self.device(name).and_then(|(_, device)| device.doubt.as_ref()) else {
            return self.left_to_a_person(name, attempt, &outcome.message);
        };
        let (reads, why) = (doubt.reads, &outcome.message);
        if untried && doubt.untried > 0 && now >= doubt.until(self.layout.skip_after) {
            let tries = doubt.untried.saturating_add(1);
            let why = format!("it could not be read {tries} times in a row, the last with: {why}");
            return self.not_reached(name, attempt, &why);
        }
        if reads >= READS_MAX && !untried {
            let why = format!("{reads} readings failed, the last with: {why}");
            return self.left_to_a_person(name, attempt, &why);
        }
        let wait = READ_WAIT.saturating_mul(1 << (reads + doubt.untried).min(16)).min(READ_WAIT_MAX);
        let (reason, not_before) = (format!("not read yet: {why}"), Some(now.plus(wait)));
        Event::StillUnknown { device: name.clone(), attempt, not_before, untried, reason }
    }

    /// It is read when its agent comes back; until then only a person can say what it has.
    fn not_reached(&self, name: &DeviceName, attempt: u32, why: &str) -> Event {
        let reason =
            format!("{why}; it is read when its agent connects anew, or: switchyard device reconcile {name}");
        Event::StillUnknown { device: name.clone(), attempt, not_before: None, untried: true, reason }
    }

    fn left_to_a_person(&self, name: &DeviceName, attempt: u32, why: &str) -> Event {
        let reason = format!("{why}; read it again: switchyard device reconcile {name}");
        Event::StillUnknown { device: name.clone(), attempt, not_before: None, untried: false, reason }
    }

    /// The state of a device in doubt on which nothing was written.
    pub(super) fn untouched(&self, name: &DeviceName) -> DeviceState {
        if self.device(name).is_some_and(|(_, device)| device.doubts_its_restore()) {
            return DeviceState::RolledBack;
        }
        let doubts = self.device(name).map_or(0, |(_, device)| device.doubts);
        match self.state {
            RolloutState::Running | RolloutState::Paused | RolloutState::Pending if !self.has_ended() => {
                if doubts >= DOUBTS_MAX {
                    DeviceState::Failed
                } else {
                    DeviceState::Pending
                }
            }
            RolloutState::Running
            | RolloutState::Paused
            | RolloutState::Pending
            | RolloutState::AwaitingApproval
            | RolloutState::Stopped
            | RolloutState::Succeeded
            | RolloutState::PartiallySucceeded
            | RolloutState::Failed
            | RolloutState::Aborted
            | RolloutState::RollingBack
            | RolloutState::RolledBack => DeviceState::Skipped,
        }
    }

    /// The attempt of a device in doubt was never started: its agent says so.
    pub(super) fn never_started(&self, name: &DeviceName, attempt: u32) -> Event {
        let (by, reason) = ("auto".to_owned(), "its agent never started it".to_owned());
        let restores = self.device(name).is_some_and(|(_, device)| device.is_attempt_of_restore(attempt));
        let state = if restores { self.before_restore(name) } else { self.untouched(name) };
        Event::Settled { device: name.clone(), attempt, state, outcome: None, by, reason }
    }

    /// What was given up is in hand at its agent after all: it is not read while it may still be written.
    pub(super) fn wait_for_its_agent(&self, name: &DeviceName, attempt: u32) -> Option<Event> {
        let (_, device) = self.device(name)?;
        device.doubt.as_ref()?.next_read?;
        let reason = "its agent is back, has it in hand and will report it".to_owned();
        Some(Event::StillUnknown { device: name.clone(), attempt, not_before: None, untried: false, reason })
    }

    /// Whether `attempt` is one that was given up, of which its agent has not said how it ended.
    pub(super) fn is_given_up(&self, name: &DeviceName, attempt: u32) -> bool {
        self.device(name).is_some_and(|(_, device)| {
            device.state == DeviceState::Unknown
                && device.attempt == attempt
                && device.reported != attempt
                && device.doubt.as_ref().is_some_and(|doubt| !doubt.reading)
        })
    }

    /// Whether nobody but its agent can say how a device's attempt ended, and it is not to be read: it reports
    /// it when it is back.
    pub fn waits_for_its_agent(&self, name: &DeviceName) -> bool {
        self.device(name)
            .is_some_and(|(_, device)| self.is_given_up(name, device.attempt) && !device.is_settling())
    }

    /// Devices at `site` that were given up and whose end its agent may still report, with their attempts.
    pub fn given_up_at<'a>(&'a self, site: &'a SiteName) -> impl Iterator<Item = (&'a DeviceName, u32)> {
        let places = self
            .doubts
            .iter()
            .map(|rank| (&self.layout.devices[*rank as usize], &self.devices[*rank as usize]));
        places
            .filter(move |(place, device)| {
                place.site == *site && self.is_given_up(&place.name, device.attempt)
            })
            .map(|(place, device)| (&place.name, device.attempt))
    }

    /// Has a device in doubt read now, or takes a person's word for what it has.
    pub fn reconcile_device(
        &self,
        name: &DeviceName,
        word: Option<Word>,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<Event, NotSettled> {
        let rollout = self.name.to_string();
        let Some((_, device)) = self.device(name) else {
            return Err(NotSettled::NoDevice { device: name.clone(), rollout });
        };
        if device.doubt.is_none() {
            return Err(NotSettled::NoDoubt { device: name.clone(), rollout, state: device.state });
        }
        let (attempt, device) = (device.attempt, name.clone());
        let state = match word {
            None if !self.layout.readable => return Err(NotSettled::Unreadable { device }),
            None => {
                let reason = format!("to be read again: asked by {by}");
                return Ok(Event::StillUnknown {
                    device,
                    attempt,
                    not_before: Some(now),
                    untried: false,
                    reason,
                });
            }
            Some(Word::Succeeded) => DeviceState::Succeeded,
            Some(Word::Failed) => DeviceState::Failed,
            Some(Word::NotApplied) => self.untouched(name),
        };
        let (by, reason) = (by.to_owned(), reason.to_owned());
        Ok(Event::Settled { device, attempt, state, outcome: None, by, reason })
    }

    /// Gives up waiting for devices in flight whose agent is away; they are in doubt from then on. Only an
    /// aborted rollout is forced to its end.
    pub fn give_up_away(&self, around: &dyn Surroundings, by: &str, reason: &str) -> Option<Event> {
        let away: Vec<&SiteName> =
            self.layout.sites().iter().filter(|site| !around.site(site).connected).collect();
        let running = away.into_iter().flat_map(|site| self.running_at(site));
        let devices: Vec<(DeviceName, u32)> =
            running.map(|(name, attempt)| (name.clone(), attempt)).collect();
        let given_up = || Event::GivenUp { devices, by: by.to_owned(), reason: reason.to_owned() };
        (self.state == RolloutState::Aborted && !self.has_ended()).then(given_up)
    }
}

/// Whether the site's breaker lets nothing through now. One that is held lets through what its agent's credit
/// allows, and a reading is as good a probe as any: a hold ends only with one.
fn is_open(view: &SiteView) -> bool {
    view.breaker.as_ref().is_some_and(|report| match report.state {
        State::Open | State::ForcedOpen => true,
        State::Closed | State::Held | State::ForcedClosed | State::HalfOpen => false,
    })
}

/// Whether a reading ended before anybody asked the device: also where a secret of its login or of the change cannot be
/// had.
fn never_asked(outcome: &Outcome) -> bool {
    let no_secret = outcome.class == Class::CredentialUnavailable
        || outcome.class == Class::PrecheckFailed && outcome.phase == Phase::Queue;
    no_secret || outcome.class.device_state().is_none()
}

/// Whether an end leaves a device in doubt.
pub(super) fn leaves_doubt(class: Class) -> bool {
    class.device_state() == Some(DeviceState::Unknown)
}
