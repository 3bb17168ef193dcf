//! Suspicion of a site before its connect timeouts expire: held by silence, opened by more of it.

pub(super) mod handshakes;
mod walk;
mod words;

use super::Wake;
use super::tagged::Tagged;
use crate::id::DeviceName;
use crate::time::Timestamp;
use handshakes::Handshakes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use walk::{Connect, Ended, Limit, Standing, Walk, age_limit, height};

/// How long the next probe waits while one is silent.
const PROBE_EVERY: Duration = Duration::from_millis(3500);
/// After this long without a start a site begins slowly again.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(600);
/// How long a device that an opening called off is no new evidence.
const CALLED_OFF_FOR: Duration = Duration::from_secs(3600);
/// Devices called off by an opening that are remembered.
const CALLED_OFF_MAX: usize = 1024;

/// What bounds a walk, from the settings and the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Levels {
    pub hold: u32,
    pub open: u32,
    pub pool: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Flow {
    Flowing,
    Held { slow_start: bool, allow: u32, last_probe: Option<Timestamp>, evidence: Option<String> },
}

/// Why a start must wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wait {
    pub why: String,
    pub retry_at: Option<Timestamp>,
}

/// What became of the suspicion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    Suspected,
    Released,
    Open { why: String, failed: u32, seen: u32 },
}

/// A connect that starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start<'a> {
    pub id: u64,
    pub device: &'a Tagged,
    pub timeout: Duration,
    pub lease: Timestamp,
    pub first: bool,
}

/// What a site's connects say while its breaker is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Silence {
    flow: Flow,
    walk: Walk,
    handshakes: Handshakes,
    called_off: BTreeMap<DeviceName, Timestamp>,
    last_start: Option<Timestamp>,
}

fn slow_start() -> Flow {
    Flow::Held { slow_start: true, allow: 1, last_probe: None, evidence: None }
}

impl Silence {
    pub fn new(handshakes: Handshakes) -> Self {
        Self {
            flow: slow_start(),
            walk: Walk::default(),
            handshakes,
            called_off: BTreeMap::new(),
            last_start: None,
        }
    }

    pub fn handshakes(&self) -> &Handshakes {
        &self.handshakes
    }

    /// Why the site is held; `None` while it flows or only starts slowly.
    pub fn suspicion(&self) -> Option<&str> {
        match &self.flow {
            Flow::Held { evidence, .. } => evidence.as_deref(),
            Flow::Flowing => None,
        }
    }

    /// What a site that starts slowly says of itself.
    pub fn slow_start(&self) -> Option<String> {
        match self.flow {
            Flow::Held { slow_start: true, allow, .. } => Some(words::slow_start(allow)),
            Flow::Held { slow_start: false, .. } | Flow::Flowing => None,
        }
    }

    /// How many more may start now; `None` sets no limit.
    pub fn allowance(&self, now: Timestamp) -> Option<u32> {
        let Flow::Held { allow, last_probe, .. } = self.flow else { return None };
        let probes = self.walk.pending().filter(|connect| connect.probe);
        let (stuck, young): (Vec<_>, Vec<_>) =
            probes.partition(|probe| probe.age(now) >= self.handshakes.suspect_age(probe.timeout));
        let room = allow.saturating_sub(u32::try_from(young.len()).unwrap_or(u32::MAX));
        let waited = last_probe.is_none_or(|last| now.since(last) >= PROBE_EVERY);
        Some(match (stuck.is_empty(), waited) {
            (true, _) => room,
            (false, true) => room.min(1),
            (false, false) => 0,
        })
    }

    /// Evidence from elsewhere: held as if connects had been silent. Tells whether that is news.
    pub fn suspect(&mut self, why: &str) -> bool {
        match &mut self.flow {
            Flow::Held { evidence: Some(_), .. } => false,
            Flow::Held { evidence, allow, .. } => {
                (*evidence, *allow) = (Some(why.to_owned()), 1);
                true
            }
            Flow::Flowing => {
                let evidence = Some(why.to_owned());
                self.flow = Flow::Held { slow_start: false, allow: 1, last_probe: None, evidence };
                true
            }
        }
    }

    pub fn may_start(&self, now: Timestamp) -> Result<(), Wait> {
        if self.allowance(now) != Some(0) {
            return Ok(());
        }
        let Flow::Held { allow, last_probe, evidence, .. } = &self.flow else { return Ok(()) };
        let why = match evidence {
            Some(evidence) => format!("held: {evidence}"),
            None => words::slow_start(*allow),
        };
        let retry_at = last_probe.map(|last| last.plus(PROBE_EVERY)).filter(|at| *at > now);
        Err(Wait { why, retry_at })
    }

    /// A connect starts. Gives what [`Self::not_started`] needs to take it back.
    pub fn started(&mut self, start: Start<'_>, now: Timestamp) -> Option<Timestamp> {
        let called_off = self.called_off.contains_key(&start.device.name);
        let counts = start.first && !called_off && self.walk.is_new(start.device);
        let mut before = None;
        let probe = match &mut self.flow {
            Flow::Flowing => false,
            Flow::Held { last_probe, .. } => {
                before = last_probe.replace(now);
                true
            }
        };
        self.walk.push(Connect {
            id: start.id,
            device: start.device.clone(),
            start: now,
            timeout: start.timeout,
            lease: start.lease,
            ended: None,
            counts,
            probe,
            forgiven: false,
            overdue: false,
        });
        self.last_start = Some(now);
        before
    }

    /// It never started after all: as if it had not been asked for.
    pub fn not_started(&mut self, id: u64, before: Option<Timestamp>) {
        let Some(connect) = self.walk.remove(id) else { return };
        if let Flow::Held { last_probe, .. } = &mut self.flow
            && *last_probe == Some(connect.start)
        {
            *last_probe = before;
        }
    }

    /// It does not connect before `wait` is over, or [`Self::connects`] says so: until then nobody is silent.
    pub fn prepares(&mut self, id: u64, wait: Duration) {
        if let Some(connect) = self.walk.get_mut(id).filter(|connect| connect.pending()) {
            (connect.start, connect.lease) = (connect.start.plus(wait), connect.lease.plus(wait));
        }
    }

    /// It connects from `at` on.
    pub fn connects(&mut self, id: u64, at: Timestamp) {
        let pending = self.walk.get_mut(id).filter(|connect| connect.pending());
        if let Some(connect) = pending.filter(|connect| connect.start > at) {
            let left = connect.lease.since(connect.start);
            (connect.start, connect.lease) = (at, at.plus(left));
        }
    }

    /// Its handshake is done. Tells whether the suspicion is over.
    pub fn answered(
        &mut self,
        (id, device): (u64, &DeviceName),
        at: Option<Timestamp>,
        now: Timestamp,
        levels: Levels,
    ) -> Option<Turn> {
        let connect = self.walk.get_mut(id).filter(|connect| connect.pending())?;
        connect.ended = Some(Ended::Answered);
        let at = at.filter(|_| !connect.forgiven);
        if let Some(took) = at.map(|at| connect.age(at)) {
            self.handshakes.push(took);
        }
        self.walk.answered_again(device);
        self.called_off.remove(device);
        self.fold(now, levels);
        if self.flow == Flow::Flowing {
            return None;
        }
        let standing = self.standing(now, Limit::Suspect);
        let Flow::Held { slow_start, allow, evidence, .. } = &mut self.flow else { return None };
        *allow = allow.saturating_mul(2);
        let eased = standing.height < height(levels.hold) / 2;
        if *allow >= levels.pool || (!*slow_start && eased) {
            self.flow = Flow::Flowing;
            self.walk.discount(now, &self.handshakes);
            return Some(Turn::Released);
        }
        (eased && evidence.take().is_some()).then_some(Turn::Released)
    }

    /// It failed before its handshake was done. Tells whether it was waited for.
    pub fn failed(&mut self, id: u64, silent: bool, now: Timestamp, levels: Levels) -> Option<bool> {
        let connect = self.walk.get_mut(id).filter(|connect| connect.pending())?;
        connect.ended = Some(if silent { Ended::Silent } else { Ended::Unreachable });
        let counts = connect.counts;
        self.fold(now, levels);
        Some(counts)
    }

    /// It was called off, or ended by our own fault: neither failure nor success, and whatever it still
    /// says is not heard.
    pub fn says_nothing(&mut self, id: u64, now: Timestamp, levels: Levels) {
        let Some(connect) = self.walk.get_mut(id).filter(|connect| connect.pending()) else { return };
        connect.ended = Some(Ended::Nothing);
        connect.counts = false;
        self.fold(now, levels);
    }

    fn fold(&mut self, now: Timestamp, levels: Levels) {
        self.walk.fold(now, usize::try_from(levels.pool).unwrap_or(usize::MAX), &self.handshakes);
    }

    fn standing(&self, now: Timestamp, limit: Limit) -> Standing {
        self.walk.standing(now, limit, &self.handshakes)
    }

    /// Looks at the ages of what is pending; call it until it gives nothing more.
    pub fn poll(&mut self, now: Timestamp, levels: Levels) -> Option<Turn> {
        self.end_leases(now);
        if self.is_idle(now) {
            self.flow = slow_start();
            self.walk.clear();
            return Some(Turn::Released);
        }
        let late = self.notice_overdue(now);
        let suspect = self.standing(now, Limit::Suspect);
        let suspicious = suspect.height >= height(levels.hold);
        let evidence = || {
            words::held(
                &suspect,
                self.walk.pending().next().map(|one| self.handshakes.suspect_age(one.timeout)),
            )
        };
        match &mut self.flow {
            Flow::Flowing => {
                if !suspicious {
                    return None;
                }
                let evidence = Some(evidence());
                self.flow = Flow::Held { slow_start: false, allow: 1, last_probe: None, evidence };
                Some(Turn::Suspected)
            }
            Flow::Held { allow, evidence: known, .. } => {
                if late {
                    *allow = 1;
                }
                if known.is_none() && suspicious {
                    *known = Some(evidence());
                    return Some(Turn::Suspected);
                }
                let open = self.walk.standing(now, Limit::Open, &self.handshakes);
                (open.height >= height(levels.open)).then(|| {
                    let age = self.walk.pending().next().map(|one| self.handshakes.open_age(one.timeout));
                    let failed = open.silent + open.unreachable;
                    Turn::Open { why: words::opened(&open, age), failed, seen: failed + open.answered }
                })
            }
        }
    }

    /// What never came back by its lease was silent.
    fn end_leases(&mut self, now: Timestamp) {
        for connect in self.walk.pending_mut().filter(|connect| connect.lease <= now) {
            connect.ended = Some(Ended::Silent);
        }
    }

    /// Whether some connect has just become suspicious.
    fn notice_overdue(&mut self, now: Timestamp) -> bool {
        let mut late = false;
        let handshakes = &self.handshakes;
        for connect in self.walk.pending_mut().filter(|connect| !connect.overdue) {
            if connect.age(now) >= handshakes.suspect_age(connect.timeout) {
                connect.overdue = true;
                late |= connect.counts;
            }
        }
        late
    }

    fn is_idle(&self, now: Timestamp) -> bool {
        self.flow == Flow::Flowing
            && self.last_start.is_some_and(|last| last.plus(IDLE_MAX) <= now)
            && self.walk.pending().next().is_none()
    }

    /// The next instant after `polled_at` at which silence may mean more than it does now.
    pub fn poll_timeout(&self, polled_at: Timestamp) -> Option<(Timestamp, Wake)> {
        let held = match &self.flow {
            Flow::Flowing => None,
            Flow::Held { last_probe, .. } => Some(last_probe.map(|last| last.plus(PROBE_EVERY))),
        };
        let ages = self.walk.pending().flat_map(|connect| {
            let suspect = connect.start.plus(age_limit(Limit::Suspect, connect, &self.handshakes));
            let open = connect.start.plus(age_limit(Limit::Open, connect, &self.handshakes));
            [Some(suspect), held.is_some().then_some(open), Some(connect.lease)]
        });
        let silent = ages.flatten().map(|at| (at, Wake::ConnectSilent));
        let probe = held.flatten().map(|at| (at, Wake::ProbeAgain));
        silent.chain(probe).filter(|(at, _)| *at > polled_at).min_by_key(|(at, _)| *at)
    }

    /// When a connect that starts now is first looked at.
    pub fn first_look(&self, timeout: Duration, now: Timestamp) -> Timestamp {
        now.plus(self.handshakes.suspect_age(timeout))
    }

    /// It was us who were late: what was in flight meanwhile is that much younger.
    pub fn forgive(&mut self, late: Duration) {
        for connect in self.walk.pending_mut() {
            connect.start = connect.start.plus(late);
            connect.forgiven = true;
            connect.lease = connect.lease.plus(late);
        }
    }

    /// The site opens: what it waited for is called off and counts no second time.
    pub fn opened(&mut self, now: Timestamp) {
        self.called_off.retain(|_, at| now.since(*at) < CALLED_OFF_FOR);
        for connect in self.walk.pending() {
            if self.called_off.len() < CALLED_OFF_MAX {
                self.called_off.insert(connect.device.name.clone(), now);
            }
        }
        self.walk.clear();
    }

    /// Begins again, slowly; what handshakes take is not forgotten.
    pub fn begin_slowly(&mut self) {
        self.flow = slow_start();
        self.walk.clear();
    }

    /// Forgets all evidence, also which devices were called off.
    pub fn forget(&mut self) {
        self.begin_slowly();
        self.called_off.clear();
    }
}
