//! A site's breaker: counts distinct devices, never attempts, so that one dead device cannot open it.

mod poll;

use super::circuit::{Applicant, Blocked, Circuit, Healing, KeptCircuit, Verdict};
use super::sign::Sign;
use super::silence::handshakes::Handshakes;
use super::silence::{Levels, Silence, Start, Turn};
use super::tagged::Tagged;
use super::window::Window;
use super::{Finished, Name, Permit, Report, State};
use crate::id::SiteName;
use crate::outcome::Class;
use crate::task::BreakerSettings;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a site's breaker goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rules {
    pub settings: BreakerSettings,
    /// Places in the pool.
    pub pool: u32,
    /// Devices of the site, where that is known.
    pub devices: Option<u32>,
    pub seed: u64,
}

impl Rules {
    /// A site of one device has no breaker beside its device's.
    fn enabled(&self) -> bool {
        self.settings.site_enabled && self.devices != Some(1)
    }

    fn levels(&self) -> Levels {
        let hold = self.settings.site_silent_to_hold;
        Levels { hold, open: self.settings.site_silent_to_open.max(hold), pool: self.pool }
    }

    fn healing(&self) -> Healing {
        let settings = &self.settings;
        Healing {
            wait: (!settings.site_reset_manual).then_some(settings.site_wait_duration_in_open),
            wait_max: settings.site_max_wait_duration_in_open,
            probes: settings.site_permitted_calls_in_half_open.max(1),
            successes: settings.site_successes_to_close.max(1),
            seed: self.seed,
        }
    }
}

/// The breaker of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteBreaker {
    site: SiteName,
    circuit: Circuit,
    silence: Silence,
    window: Window,
    enabled: bool,
    turned_at: Timestamp,
    /// Failed and seen when it opened.
    opened_on: (u32, u32),
    /// Why it would be open if no operator kept it closed.
    would_open: Option<String>,
}

/// One attempt at the site's level.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtSite<'a> {
    pub id: u64,
    pub device: &'a Tagged,
    pub permit: Permit,
    /// What it takes to undo its start.
    pub before: Option<Timestamp>,
}

impl SiteBreaker {
    /// A closed breaker of a site that starts slowly.
    pub fn new(site: SiteName, now: Timestamp) -> Self {
        Self::with(site, Circuit::new(now), Handshakes::default(), now)
    }

    fn with(site: SiteName, circuit: Circuit, handshakes: Handshakes, now: Timestamp) -> Self {
        Self {
            site,
            circuit,
            silence: Silence::new(handshakes),
            window: Window::default(),
            enabled: true,
            turned_at: now,
            opened_on: (0, 0),
            would_open: None,
        }
    }

    pub(super) fn keep(&self, now: Timestamp) -> (KeptCircuit, Handshakes) {
        (self.circuit.keep(now), self.silence.handshakes().clone())
    }

    pub(super) fn restore(site: SiteName, kept: KeptCircuit, handshakes: Handshakes, now: Timestamp) -> Self {
        let circuit = Circuit::restore(kept, now);
        let turned_at = circuit.since();
        Self::with(site, circuit, handshakes, turned_at)
    }

    /// Its state.
    pub fn state(&self) -> State {
        let state = self.circuit.state();
        let suspected = state == State::Closed && self.enabled && self.silence.suspicion().is_some();
        if suspected { State::Held } else { state }
    }

    /// Whether what happens now is evidence.
    fn is_counting(&self) -> bool {
        self.enabled && matches!(self.circuit.state(), State::Closed | State::ForcedClosed)
    }

    /// Whether starts are limited by what the connects say.
    fn is_pacing(&self) -> bool {
        self.enabled && self.circuit.state() == State::Closed
    }

    pub(super) fn allowance(&self, rules: &Rules, now: Timestamp) -> Option<u32> {
        match self.is_pacing() {
            true => self.silence.allowance(now),
            false => self.circuit.allowance(rules.healing()),
        }
    }

    pub(super) fn try_acquire(
        &mut self,
        start: Start<'_>,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<(Permit, Option<Timestamp>), Blocked> {
        if self.is_pacing() {
            let soon =
                |wait: super::silence::Wait| Blocked { why: wait.why, retry_at: wait.retry_at, soon: true };
            self.silence.may_start(now).map_err(soon)?;
        }
        let Start { id, device, lease, .. } = start;
        let applicant = Applicant { id, device: &device.name, lease, devices: rules.devices };
        let permit = self.circuit.admit(applicant, now, rules.healing())?;
        let before = if self.is_counting() { self.silence.started(start, now) } else { None };
        Ok((permit, before))
    }

    /// An attempt that was let start has work of ours to do first, for `wait` at the longest.
    pub(super) fn prepares(&mut self, id: u64, permit: Permit, wait: Duration) {
        self.silence.prepares(id, wait);
        if permit.probe {
            self.circuit.forgive(wait);
        }
    }

    /// It connects from `at` on.
    pub(super) fn connects(&mut self, id: u64, at: Timestamp) {
        self.silence.connects(id, at);
    }

    /// The handshake of an attempt was done at `done`.
    pub(super) fn answered(
        &mut self,
        at: AtSite<'_>,
        done: Timestamp,
        now: Timestamp,
        rules: &Rules,
    ) -> Finished {
        self.welcome(at, Some(done), now, rules)
    }

    fn welcome(
        &mut self,
        at: AtSite<'_>,
        done: Option<Timestamp>,
        now: Timestamp,
        rules: &Rules,
    ) -> Finished {
        let was = self.circuit.state();
        let finished = self.circuit.finish(at.permit, at.id, Verdict::Success, now, rules.healing());
        if finished == Finished::Late {
            return finished;
        }
        if was == State::HalfOpen && self.circuit.state() == State::Closed {
            self.window.clear();
            self.silence.begin_slowly();
        } else if self.is_counting() {
            if let Some(Turn::Released | Turn::Suspected | Turn::Open { .. }) =
                self.silence.answered((at.id, &at.device.name), done, now, rules.levels())
            {
                self.turned_at = now;
            }
            self.window.push(at.id, at.device, None, now);
        }
        finished
    }

    /// An attempt ended.
    pub(super) fn finish(&mut self, at: AtSite<'_>, class: Class, now: Timestamp, rules: &Rules) -> Finished {
        let verdict = match Sign::of(class) {
            Sign::Welcome | Sign::Refused => return self.welcome(at, None, now, rules),
            Sign::Failed => {
                Verdict::Failure(format!("the probe of {} found it {}", at.device.name, word(class)))
            }
            Sign::Strange | Sign::NoCredential | Sign::Nothing | Sign::NotStarted => Verdict::Neutral,
        };
        let finished = self.circuit.finish(at.permit, at.id, verdict, now, rules.healing());
        if finished == Finished::Late || !self.is_counting() {
            return finished;
        }
        match Sign::of(class) {
            Sign::Failed => {
                let new = self.silence.failed(at.id, class == Class::Timeout, now, rules.levels());
                if new != Some(false) {
                    self.window.push(at.id, at.device, Some(class), now);
                }
            }
            Sign::Strange => {
                self.window.strange_key(&at.device.name);
                self.silence.says_nothing(at.id, now, rules.levels());
            }
            Sign::NotStarted => self.silence.not_started(at.id, at.before),
            Sign::NoCredential | Sign::Nothing => self.silence.says_nothing(at.id, now, rules.levels()),
            Sign::Welcome | Sign::Refused => {}
        }
        finished
    }

    /// The site is suspected for a reason that its connects do not show.
    pub(super) fn suspect(&mut self, why: &str, now: Timestamp) -> bool {
        let news = self.is_pacing() && self.silence.suspect(why);
        if news {
            self.turned_at = now;
        }
        news
    }

    /// Gives an attempt more time, because it was us who were late.
    pub(super) fn forgive(&mut self, late: Duration) {
        self.silence.forgive(late);
        self.circuit.forgive(late);
    }

    /// When an attempt that starts now is first looked at.
    pub(super) fn next_look(&self, start: &Start<'_>, permit: Permit, now: Timestamp) -> Option<Timestamp> {
        match (permit.probe, self.is_counting()) {
            (true, _) => Some(start.lease),
            (false, true) => Some(self.silence.first_look(start.timeout, now)),
            (false, false) => None,
        }
    }

    /// A rollout that switches the breaker off closes what opened by itself; an operator's word stays.
    pub(super) fn apply(&mut self, rules: &Rules, now: Timestamp) -> bool {
        let was = self.report();
        if rules.enabled() != self.enabled {
            self.enabled = rules.enabled();
            self.forget();
        }
        match self.circuit.state() {
            State::Open | State::HalfOpen if !self.enabled => {
                self.circuit.reset("auto", "the site breaker is switched off", now);
            }
            State::Open if rules.settings.site_reset_manual => {
                self.circuit.wait_for_a_person();
            }
            State::Open
            | State::HalfOpen
            | State::Closed
            | State::Held
            | State::ForcedOpen
            | State::ForcedClosed => {}
        }
        let is = self.report();
        (was.state, was.retry_at) != (is.state, is.retry_at)
    }

    fn forget(&mut self) {
        self.window.clear();
        self.silence.forget();
        self.would_open = None;
    }

    pub(super) fn force_open(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.circuit.force_open(by, reason, now);
        self.silence.opened(now);
        self.opened_on = self.window.counts();
    }

    pub(super) fn force_closed(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.forget();
        self.circuit.force_closed(by, reason, now);
    }

    pub(super) fn reset(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.forget();
        self.circuit.reset(by, reason, now);
    }

    /// As it is shown and mirrored.
    pub fn report(&self) -> Report {
        let state = self.state();
        let (failed, seen) = match state {
            State::Open | State::HalfOpen | State::ForcedOpen => self.opened_on,
            State::Closed | State::Held | State::ForcedClosed => self.window.counts(),
        };
        let since = match state {
            State::Held | State::Closed => self.turned_at.max(self.circuit.since()),
            State::Open | State::HalfOpen | State::ForcedOpen | State::ForcedClosed => self.circuit.since(),
        };
        Report {
            name: Name::Site(self.site.clone()),
            site: Some(self.site.clone()),
            state,
            reason: self.reason(),
            since,
            first_opened_at: self.circuit.first_opened_at(),
            retry_at: self.circuit.retry_at(),
            opened_times: self.circuit.opened_times(),
            by: if state == State::Held { "auto".into() } else { self.circuit.by().to_owned() },
            failed,
            seen,
        }
    }

    fn reason(&self) -> String {
        let said = self.circuit.reason();
        let more = match self.circuit.state() {
            State::Closed if self.enabled => match self.silence.suspicion() {
                Some(evidence) => return evidence.to_owned(),
                None => self.silence.slow_start(),
            },
            State::ForcedClosed => self.would_open.as_ref().map(|why| format!("it would be open: {why}")),
            State::Closed | State::Held | State::Open | State::HalfOpen | State::ForcedOpen => None,
        };
        match more {
            Some(more) if said.is_empty() => more,
            Some(more) => format!("{said}; {more}"),
            None => said.to_owned(),
        }
    }
}

fn word(class: Class) -> &'static str {
    if class == Class::Timeout { "silent" } else { "unreachable" }
}
