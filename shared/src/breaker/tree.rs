//! A site's breaker, its credentials' and its devices' together: one admission, one end, one list of moves.

mod commands;
mod kept;
mod preparing;
mod readings;

pub use commands::NotHere;
pub use kept::Snapshot;

use super::circuit::{Applicant, Blocked};
use super::credential::CredentialBreaker;
use super::credentials::Credentials;
use super::device::DeviceBreaker;
use super::sign::Sign;
use super::silence::Start;
use super::site::{AtSite, Rules, SiteBreaker};
use super::tagged::Tagged;
use super::{Finished, Name, NotNow, Permit, Report, State, Wake};
use crate::id::{DeviceName, SiteName};
use crate::outcome::Class;
use crate::task::BreakerSettings;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A timer that fires later than this was late because of us.
pub const LATE: Duration = Duration::from_millis(250);
/// What a connect may take beyond its own timeout before it counts as lost.
pub const LEASE_GRACE: Duration = Duration::from_secs(5);
/// Places in the pool as long as nobody says otherwise.
const POOL: u32 = 10;

/// An attempt that wants to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// At which device.
    pub device: &'a DeviceName,
    /// With which credential, as the inventory names it.
    pub credential: &'a str,
    /// How long its connect and handshake may take.
    pub connect_timeout: Duration,
    /// When all of it has ended at the latest.
    pub deadline: Timestamp,
    /// Whether it is its rollout's first at this device; a second one is no new evidence.
    pub first: bool,
}

/// What let one attempt start: must come back through [`Tree::finish`], whatever happens to the attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct Admission {
    id: u64,
    device: Tagged,
    /// The number of its breaker.
    credential: usize,
    at_site: Permit,
    before: Option<Timestamp>,
    at_credential: Permit,
    at_device: Permit,
    called_off: bool,
}

impl Admission {
    /// Whether a half-open site waits for it.
    pub fn is_probe(&self) -> bool {
        self.at_site.probe
    }
}

/// What became of an attempt's end, level by level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    /// At the site's breaker.
    pub site: Finished,
    /// At its credential's.
    pub credential: Finished,
    /// At its device's.
    pub device: Finished,
}

/// All breakers of one agent.
///
/// Call [`Tree::handle_timeout`] after every input and when the timer of [`Tree::poll_timeout`] fires, and
/// only then start what may start. When a report says that a breaker opened, call off everything behind
/// it that has written nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    name: SiteName,
    site: SiteBreaker,
    credentials: Credentials,
    /// Only devices that failed lately, or that an operator moved.
    devices: BTreeMap<DeviceName, DeviceBreaker>,
    rules: Rules,
    last_id: u64,
    polled_at: Timestamp,
    due: Option<Timestamp>,
    moved: Vec<Report>,
}

const NO_BREAKER: Permit = Permit { epoch: 0, probe: false };

impl Tree {
    /// Everything closed; the site starts slowly. `seed` spreads the waits, see [`super::seed`].
    pub fn new(site: SiteName, seed: u64, now: Timestamp) -> Self {
        Self {
            site: SiteBreaker::new(site.clone(), now),
            credentials: Credentials::new(site.clone()),
            name: site,
            devices: BTreeMap::new(),
            rules: Rules { settings: BreakerSettings::default(), pool: POOL, devices: None, seed },
            last_id: 0,
            polled_at: now,
            due: None,
            moved: Vec::new(),
        }
    }

    /// The settings that hold from now on: the most cautious merge of all rollouts here.
    pub fn set_settings(&mut self, settings: BreakerSettings, now: Timestamp) {
        self.rules.settings = settings;
        self.apply(now);
    }

    /// How many devices the site has in all; 0 when nobody knows. Small sites open earlier, and a site
    /// of one device has no breaker.
    pub fn set_devices(&mut self, devices: u32, now: Timestamp) {
        self.rules.devices = (devices > 0).then_some(devices);
        self.apply(now);
    }

    /// How many attempts the pool runs at once: where the slow start ends.
    pub fn set_pool(&mut self, places: u32) {
        self.rules.pool = places.max(1);
    }

    fn apply(&mut self, now: Timestamp) {
        if self.site.apply(&self.rules, now) {
            self.moved.push(self.site.report());
        }
    }

    /// Admits an attempt, in the order site, credential, device. A refusal holds nothing.
    pub fn try_acquire(&mut self, attempt: &Attempt<'_>, now: Timestamp) -> Result<Admission, NotNow> {
        if self.due.is_some_and(|due| due <= now) {
            self.handle_timeout(now);
        }
        let &Attempt { device, credential, connect_timeout, deadline, first } = attempt;
        self.last_id += 1;
        let id = self.last_id;
        let lease = deadline.min(now.plus(connect_timeout.saturating_add(LEASE_GRACE)));
        let tagged = Tagged::from(device.clone());
        let start = Start { id, device: &tagged, timeout: connect_timeout, lease, first };
        let (at_site, before) = self
            .site
            .try_acquire(start, now, &self.rules)
            .map_err(|blocked| not_now(Name::Site(self.name.clone()), blocked))?;
        // A probe of a device is decided by its end, not by its handshake.
        let applicant = Applicant { id, device, lease: deadline, devices: None };
        let credential = self.credentials.number(credential, now);
        match self.below_site(applicant, credential, now) {
            Ok((at_credential, at_device)) => {
                let looks = [
                    self.site.next_look(&start, at_site, now),
                    at_device.probe.then_some(deadline),
                    self.due,
                ];
                self.due = looks.into_iter().flatten().min();
                let device = tagged;
                let called_off = false;
                Ok(Admission {
                    id,
                    device,
                    credential,
                    at_site,
                    before,
                    at_credential,
                    at_device,
                    called_off,
                })
            }
            Err(refused) => {
                let at = AtSite { id, device: &tagged, permit: at_site, before };
                let _counts_for_nothing = self.site.finish(at, Class::NotStarted, now, &self.rules);
                Err(refused)
            }
        }
    }

    fn below_site(
        &mut self,
        who: Applicant<'_>,
        credential: usize,
        now: Timestamp,
    ) -> Result<(Permit, Permit), NotNow> {
        let at_credential = match self.credentials.get_mut(credential) {
            None => NO_BREAKER,
            Some(breaker) => {
                breaker.try_acquire(who, now).map_err(|blocked| not_now(breaker.report().name, blocked))?
            }
        };
        // A credential has no probes, so there is nothing to give back when the device refuses.
        let at_device = match self.devices.get_mut(who.device) {
            None => NO_BREAKER,
            Some(breaker) => breaker
                .try_acquire(who, now, &self.rules.settings)
                .map_err(|blocked| not_now(Name::Device(who.device.clone()), blocked))?,
        };
        Ok((at_credential, at_device))
    }

    /// The device answered at `at`: its key exchange is done and its login accepted or refused. Call this
    /// the moment it is so: until then the attempt is silence.
    pub fn handshake(&mut self, admission: &Admission, at: Timestamp, now: Timestamp) -> Finished {
        self.catch_up(now);
        if admission.called_off {
            return Finished::Late;
        }
        let was = self.site.state();
        let finished = self.site.answered(at_site_of(admission), at, now, &self.rules);
        self.note_site(was);
        self.poll_site(now);
        finished
    }

    /// Its login was accepted, as its way to the first write shows.
    pub fn accepted(&mut self, admission: &Admission) {
        if let Some(breaker) = self.credentials.get_mut(admission.credential) {
            breaker.accepted(admission.at_credential);
        }
    }

    /// An attempt was called off before it wrote: whatever it still says about its site is not heard.
    pub fn cancelled(&mut self, admission: &mut Admission, now: Timestamp) {
        self.catch_up(now);
        admission.called_off = true;
        let _counts_for_nothing = self.site.finish(at_site_of(admission), Class::Cancelled, now, &self.rules);
    }

    /// What stands between us and the device of an attempt failed, and not the device: the site hears of it as of a
    /// device that cannot be reached, and nothing more of this attempt.
    pub fn way_lost(&mut self, admission: &mut Admission, now: Timestamp) {
        self.catch_up(now);
        if std::mem::replace(&mut admission.called_off, true) {
            return;
        }
        let was = self.site.state();
        let _late_or_counted = self.site.finish(at_site_of(admission), Class::Unreachable, now, &self.rules);
        self.note_site(was);
        self.poll_site(now);
    }

    /// Holds the site for a reason that its connects do not show, such as established sessions that have
    /// all fallen silent: one probe at a time until one answers.
    pub fn suspect(&mut self, why: &str, now: Timestamp) {
        self.catch_up(now);
        if self.site.suspect(why, now) {
            self.moved.push(self.site.report());
        }
    }

    /// Takes an attempt's end to every level. `Late` where the breaker has moved on since it began.
    pub fn finish(&mut self, admission: Admission, class: Class, now: Timestamp) -> Fate {
        self.catch_up(now);
        let was = self.site.state();
        let heard = if admission.called_off { Class::Cancelled } else { class };
        let site = self.site.finish(at_site_of(&admission), heard, now, &self.rules);
        let credential = self.finish_at_credential(&admission, class, now);
        let device = self.finish_at_device(&admission, class, now);
        self.note_site(was);
        self.poll_site(now);
        Fate { site, credential, device }
    }

    fn finish_at_credential(&mut self, admission: &Admission, class: Class, now: Timestamp) -> Finished {
        let Some(breaker) = self.credentials.get_mut(admission.credential) else {
            return Finished::Counted;
        };
        let was = breaker.state();
        let who = (admission.id, &admission.device.name);
        let finished = breaker.finish(admission.at_credential, who, Sign::of(class), class, now);
        if breaker.state() != was {
            self.moved.push(breaker.report());
        }
        finished
    }

    fn finish_at_device(&mut self, admission: &Admission, class: Class, now: Timestamp) -> Finished {
        let device = &admission.device.name;
        if !self.devices.contains_key(device) && !DeviceBreaker::opens_on(class) {
            return Finished::Counted;
        }
        let breaker =
            self.devices.entry(device.clone()).or_insert_with(|| DeviceBreaker::new(device.clone(), now));
        let was = breaker.state();
        let credential = self.credentials.get_mut(admission.credential);
        let who = (admission.id, credential.map_or("", |breaker| breaker.reference()));
        let finished =
            breaker.finish(admission.at_device, who, class, now, (&self.rules.settings, self.rules.seed));
        if breaker.state() != was {
            self.moved.push(breaker.report(&self.name));
        }
        if breaker.is_calm(now) {
            self.devices.remove(device);
        }
        finished
    }

    /// The secret behind `reference` as it is now. `fingerprint` is a keyed hash of it whose key never
    /// leaves the agent. Another one closes what the old one opened.
    pub fn credential_changed(&mut self, reference: &str, fingerprint: u64, now: Timestamp) {
        let breaker = self.credentials.named(reference, now);
        let was = breaker.state();
        let changed = breaker.seen(fingerprint, now);
        let (is, report) = (breaker.state(), breaker.report());
        if is != was {
            self.moved.push(report);
        }
        if changed {
            for breaker in self.devices.values_mut() {
                if breaker.secret_changed(reference, now) {
                    self.moved.push(breaker.report(&self.name));
                }
            }
        }
    }

    /// How many more attempts the site's breaker would let start now; `None` when it sets no limit.
    pub fn allowance(&self, now: Timestamp) -> Option<u32> {
        self.site.allowance(&self.rules, now)
    }

    /// When something next happens by itself, to which breaker, and why.
    pub fn poll_timeout(&self) -> Option<(Timestamp, Name, Wake)> {
        let site = self.site.poll_timeout(self.polled_at);
        let device = self
            .devices
            .iter()
            .filter_map(|(device, breaker)| breaker.poll_timeout().map(|due| (due, device)))
            .min_by_key(|((at, _), _)| *at);
        match (site, device) {
            (Some((at, wake)), Some(((other, _), _))) if at <= other => Some((at, self.site_name(), wake)),
            (_, Some(((at, wake), device))) => Some((at, Name::Device(device.clone()), wake)),
            (Some((at, wake)), None) => Some((at, self.site_name(), wake)),
            (None, None) => None,
        }
    }

    fn site_name(&self) -> Name {
        Name::Site(self.name.clone())
    }

    /// Moves on whatever is due at `now`. If that is long after it was due, the time between was ours and
    /// nobody's silence.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.catch_up(now);
        self.poll_site(now);
        for breaker in self.devices.values_mut() {
            if breaker.handle_timeout(now, &self.rules.settings, self.rules.seed) {
                self.moved.push(breaker.report(&self.name));
            }
        }
        self.polled_at = self.polled_at.max(now);
        self.due = self.poll_timeout().map(|(at, _, _)| at);
    }

    fn poll_site(&mut self, now: Timestamp) {
        self.site.poll(now, &self.rules, &mut self.moved);
    }

    fn note_site(&mut self, was: State) {
        if self.site.state() != was {
            self.moved.push(self.site.report());
        }
    }

    fn catch_up(&mut self, now: Timestamp) {
        let Some(due) = self.due.take() else { return };
        let late = now.since(due);
        if late > LATE {
            self.site.forgive(late);
            self.devices.values_mut().for_each(|breaker| breaker.forgive(late));
        }
    }

    /// What moved since the last call, in order.
    pub fn take_reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.moved)
    }

    /// The site's breaker, and every credential's and device's that is not closed.
    pub fn reports(&self) -> Vec<Report> {
        let credentials = self.credentials.all().map(CredentialBreaker::report);
        let devices = self.devices.values().map(|breaker| breaker.report(&self.name));
        let troubled = credentials.chain(devices).filter(|report| report.state != State::Closed);
        std::iter::once(self.site.report()).chain(troubled).collect()
    }
}

fn at_site_of(admission: &Admission) -> AtSite<'_> {
    let Admission { id, device, at_site, before, .. } = admission;
    AtSite { id: *id, device, permit: *at_site, before: *before }
}

fn not_now(who: Name, blocked: Blocked) -> NotNow {
    let Blocked { why, retry_at, soon } = blocked;
    NotNow { who, why, retry_at, soon }
}

#[cfg(test)]
mod tests;
