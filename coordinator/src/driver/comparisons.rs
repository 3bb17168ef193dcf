//! What is being compared: bounded in number and time, never durable, and never more than its reader takes.

use super::subject::Subject;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use switchyard_shared::comparison::{DeviceDifference, Differs};
use switchyard_shared::id::{DeviceName, RolloutName, SiteName};
use switchyard_shared::outcome::{Class, Outcome};
use switchyard_shared::plan::PlannedDevice;
use switchyard_shared::ssh::HostKey;
use switchyard_shared::time::Timestamp;
use tokio::sync::mpsc::{self, OwnedPermit};

/// Comparisons at once.
pub const COMPARISONS_MAX: usize = 8;
/// Answers that may wait for a reader; at most as many of its devices are read at once.
pub const ANSWERS_MAX: usize = 128;
/// Longest comparison: what was not read by then is not known.
pub const LONGEST: Duration = Duration::from_secs(15 * 60);
/// How often a device is handed out whose agent does not start it.
const TRIES_MAX: u32 = 4;
/// How long it waits before it is handed out again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// The comparisons of a coordinator.
#[derive(Default)]
pub(super) struct Comparisons {
    next: u64,
    pub(super) running: BTreeMap<u64, Comparison>,
    /// Devices that agents were asked to read, also for readers that have gone: an agent reads one for a rollout's
    /// name at a time.
    pub(super) asked: BTreeMap<(RolloutName, DeviceName), Asked>,
    /// How many of them at each site.
    pub(super) at_site: BTreeMap<SiteName, u32>,
}

/// One comparison.
pub(super) struct Comparison {
    pub(super) subject: Subject,
    pub(super) waiting: BTreeMap<SiteName, Waiting>,
    /// Devices whose agents did not start them, to be handed out again then.
    later: VecDeque<(Timestamp, u32)>,
    tries: BTreeMap<u32, u32>,
    answers: mpsc::Sender<DeviceDifference>,
    pub(super) until: Timestamp,
    /// The reader takes no more at present.
    is_behind: bool,
}

/// Devices of one site that wait.
pub(super) struct Waiting {
    pub(super) ranks: VecDeque<u32>,
    /// When one of them was handed out last, or none had to wait.
    pub(super) moved: Timestamp,
}

/// A device that an agent was asked to read.
pub(super) struct Asked {
    comparison: u64,
    rank: u32,
    pub(super) site: SiteName,
    pub(super) session: u64,
    pub(super) until: Timestamp,
    /// The place of its answer, so that none is ever waited with; absent when the reader has gone.
    place: Option<Place>,
}

/// Room for one answer on its way to the reader.
pub(super) type Place = OwnedPermit<DeviceDifference>;

impl Comparisons {
    /// Whether there is room for one more.
    pub(super) fn has_room(&self) -> bool {
        self.running.len() < COMPARISONS_MAX
    }

    /// Begins one over the devices of these ranks; the answers come at the other end. Its number is never given again
    /// by this coordinator until it restarts.
    pub(super) fn begin(
        &mut self,
        subject: Subject,
        ranks: impl Iterator<Item = u32>,
        now: Timestamp,
    ) -> (u64, mpsc::Receiver<DeviceDifference>) {
        let (answers, receiver) = mpsc::channel(ANSWERS_MAX);
        let mut waiting: BTreeMap<SiteName, Waiting> = BTreeMap::new();
        for rank in ranks {
            let site = subject.devices()[rank as usize].site.clone();
            let waits = || Waiting { ranks: VecDeque::new(), moved: now };
            waiting.entry(site).or_insert_with(waits).ranks.push_back(rank);
        }
        let (later, tries, until) = (VecDeque::new(), BTreeMap::new(), now.plus(LONGEST));
        self.next += 1;
        self.running.insert(
            self.next,
            Comparison { subject, waiting, later, tries, answers, until, is_behind: false },
        );
        (self.next, receiver)
    }

    /// How many devices its agent reads at `site`.
    pub(super) fn count_at(&self, site: &SiteName) -> u32 {
        self.at_site.get(site).copied().unwrap_or(0)
    }

    /// An agent was asked to read a device.
    pub(super) fn ask(&mut self, id: u64, rank: u32, (session, until): (u64, Timestamp), place: Place) {
        let Some(comparison) = self.running.get(&id) else { return };
        let subject = &comparison.subject;
        let device = &subject.devices()[rank as usize];
        let (key, site) = ((subject.name().clone(), device.name.clone()), device.site.clone());
        *self.at_site.entry(site.clone()).or_default() += 1;
        self.asked.insert(key, Asked { comparison: id, rank, site, session, until, place: Some(place) });
    }

    /// Whether a device is being read, for whatever comparison.
    pub(super) fn is_asked(&self, subject: &Subject, device: &PlannedDevice) -> bool {
        self.asked.contains_key(&(subject.name().clone(), device.name.clone()))
    }

    /// What an agent says of a device. One that it did not start is handed out again a few times.
    pub(super) fn answered(
        &mut self,
        key: &(RolloutName, DeviceName),
        outcome: &Outcome,
        (diff, keys): (String, Vec<HostKey>),
        now: Timestamp,
    ) {
        let Some(asked) = self.asked.remove(key) else { return };
        one_less(&mut self.at_site, &asked.site);
        let Some(comparison) = self.running.get_mut(&asked.comparison) else { return };
        let tries = comparison.tries.entry(asked.rank).or_default();
        *tries += 1;
        if matches!(outcome.class, Class::NotStarted | Class::Cancelled) && *tries < TRIES_MAX {
            comparison.later.push_back((now.plus(AGAIN_AFTER), asked.rank));
            return;
        }
        let device = &comparison.subject.devices()[asked.rank as usize];
        let told = DeviceDifference { class: Some(outcome.class), keys, ..of(device) };
        let told = match outcome.class {
            // What is still open of a device that was read stands in its hint.
            Class::Ok => {
                DeviceDifference { state: Differs::Changes, diff, reason: outcome.hint.clone(), ..told }
            }
            Class::Unchanged => {
                DeviceDifference { state: Differs::Unchanged, reason: outcome.hint.clone(), ..told }
            }
            Class::Unreachable
            | Class::Timeout
            | Class::AuthFailed
            | Class::HostKeyMismatch
            | Class::Overloaded
            | Class::PrecheckFailed
            | Class::Rejected
            | Class::PostcheckFailed
            | Class::LostAfterWrite
            | Class::RollbackFailed
            | Class::Inconclusive
            | Class::CredentialUnavailable
            | Class::AgentError
            | Class::Cancelled
            | Class::NotStarted => DeviceDifference { reason: comparison.subject.why(outcome), ..told },
        };
        asked.tell(told);
    }

    /// Devices of which no answer comes any more.
    pub(super) fn give_up(&mut self, why: impl Fn(&Asked) -> Option<String>) {
        let (running, at_site) = (&self.running, &mut self.at_site);
        self.asked.retain(|_, asked| match why(asked) {
            None => true,
            Some(reason) => {
                if let (Some(comparison), Some(place)) = (running.get(&asked.comparison), asked.place.take())
                {
                    let device = &comparison.subject.devices()[asked.rank as usize];
                    let _gone = place.send(DeviceDifference { reason, ..of(device) });
                }
                one_less(at_site, &asked.site);
                false
            }
        });
    }

    /// Forgets comparisons that are over.
    pub(super) fn tidy(&mut self) {
        let open: Vec<u64> = self.asked.values().map(|asked| asked.comparison).collect();
        self.running.retain(|id, comparison| {
            let goes_on = comparison.waits() || open.contains(id);
            goes_on && !comparison.answers.is_closed()
        });
    }

    /// The devices that agents were asked to read for readers that have gone since, by site and rollout's name; told
    /// once. Until their agents answer they count as being read.
    pub(super) fn abandoned(&mut self) -> BTreeMap<(SiteName, RolloutName), Vec<DeviceName>> {
        let mut abandoned: BTreeMap<_, Vec<DeviceName>> = BTreeMap::new();
        for ((name, device), asked) in &mut self.asked {
            if !self.running.contains_key(&asked.comparison) && asked.place.take().is_some() {
                abandoned.entry((asked.site.clone(), name.clone())).or_default().push(device.clone());
            }
        }
        abandoned
    }
}

impl Asked {
    fn tell(self, difference: DeviceDifference) {
        if let Some(place) = self.place {
            let _gone = place.send(difference);
        }
    }
}

impl Comparison {
    /// A place for one more answer, unless its reader is behind.
    pub(super) fn place(&self) -> Option<Place> {
        self.answers.clone().try_reserve_owned().ok()
    }

    /// Whether the reader takes no more. What waited meanwhile did not wait for an agent.
    pub(super) fn is_behind(&mut self, now: Timestamp) -> bool {
        let was_behind = std::mem::replace(&mut self.is_behind, self.answers.capacity() == 0);
        if was_behind && !self.is_behind {
            self.waiting.values_mut().for_each(|waiting| waiting.moved = now);
        }
        self.is_behind
    }

    /// Whether something waits to be handed out.
    pub(super) fn waits(&self) -> bool {
        !self.waiting.is_empty() || !self.later.is_empty()
    }

    /// What is due to be handed out again waits with the others.
    pub(super) fn take_later(&mut self, now: Timestamp) {
        while let Some((_, rank)) = self.later.pop_front_if(|(at, _)| *at <= now) {
            let site = self.subject.devices()[rank as usize].site.clone();
            let waits = || Waiting { ranks: VecDeque::new(), moved: now };
            self.waiting.entry(site).or_insert_with(waits).ranks.push_back(rank);
        }
    }

    /// Tells of devices that wait at `site` that nobody can read them, as many as the reader takes.
    pub(super) fn cannot_read(&mut self, site: &SiteName, reason: &str) {
        let Some(waiting) = self.waiting.get_mut(site) else { return };
        while let Some(rank) = waiting.ranks.front().copied() {
            let Ok(place) = self.answers.clone().try_reserve_owned() else { return };
            let device = &self.subject.devices()[rank as usize];
            let _gone = place.send(DeviceDifference { reason: reason.to_owned(), ..of(device) });
            waiting.ranks.pop_front();
        }
        self.waiting.remove(site);
    }
}

fn one_less(at_site: &mut BTreeMap<SiteName, u32>, site: &SiteName) {
    let left = at_site.get(site).map_or(0, |count| count.saturating_sub(1));
    match left {
        0 => drop(at_site.remove(site)),
        left => drop(at_site.insert(site.clone(), left)),
    }
}

/// Of which nothing is known.
pub(super) fn of(device: &PlannedDevice) -> DeviceDifference {
    DeviceDifference {
        device: device.name.clone(),
        site: device.site.clone(),
        platform: device.platform.clone().unwrap_or_default(),
        state: Differs::Unknown,
        diff: String::new(),
        class: None,
        reason: String::new(),
        keys: Vec::new(),
    }
}
