//! A device lost after a write: the change cut it off, or the link was cut at the same time?
//!
//! Before it is held against the change a sentinel at the site is asked, and a site that is suspected is
//! given a while to open: what is lost together with its site is inconclusive.

use super::{Core, Effect};
use crate::attempt::Ended;
use crate::sentinel::Reached;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use switchyard_shared::breaker::State;
use switchyard_shared::id::{DeviceName, OpId};
use switchyard_shared::outcome::{Class, MESSAGE_BYTES_MAX, Outcome, printable};
use switchyard_shared::task::Endpoint;
use switchyard_shared::time::Timestamp;

/// A device that answered this lately may stand in for a sentinel.
const ANSWERED_LATELY: Duration = Duration::from_secs(300);
/// Devices that are remembered for it.
const ANSWERED_MAX: usize = 256;
/// A site that opens this close to a loss was cut off with it.
const SAME_TIME: Duration = Duration::from_secs(30);

/// What is known of the link to the site.
#[derive(Debug, Default)]
pub struct Link {
    answered: BTreeMap<DeviceName, (Timestamp, String)>,
    opened_at: Option<Timestamp>,
    suspected: bool,
    held_since: Option<Timestamp>,
    asking: BTreeSet<String>,
}

/// A loss that is not judged yet.
#[derive(Debug)]
pub struct Doubt {
    ended: Ended,
    lost_at: Timestamp,
}

/// Who was asked whether the link works.
#[derive(Debug)]
pub struct Asked {
    address: String,
    /// What it showed; `None` while it is being asked.
    reached: Option<Reached>,
}

impl Link {
    /// A device answered: it may show later that the link works.
    pub fn answered(&mut self, device: &DeviceName, endpoint: &Endpoint, at: Timestamp) {
        let host = &endpoint.hostname;
        let address = match host.contains(':') {
            true => format!("[{host}]:{}", endpoint.port),
            false => format!("{host}:{}", endpoint.port),
        };
        self.answered.insert(device.clone(), (at, address));
        if self.answered.len() > ANSWERED_MAX {
            let oldest = self.answered.iter().min_by_key(|(_, (at, _))| *at);
            if let Some(oldest) = oldest.map(|(device, _)| device.clone()) {
                self.answered.remove(&oldest);
            }
        }
    }

    /// Where the site's breaker is now.
    pub fn site_is(&mut self, state: State, by_itself: bool, now: Timestamp) {
        self.held_since = (state == State::Held).then(|| self.held_since.unwrap_or(now));
        match state {
            State::Open if by_itself => self.opened_at = Some(now),
            State::Held => self.suspected = true,
            State::Closed | State::ForcedClosed => self.suspected = false,
            State::Open | State::ForcedOpen | State::HalfOpen => {}
        }
    }

    /// Since when the site has been held; `None` when it is not.
    pub fn held_since(&self) -> Option<Timestamp> {
        self.held_since
    }

    /// The device that answered last, lately, and is none of `not_these`.
    fn stand_in(&self, not_these: &BTreeSet<&DeviceName>, now: Timestamp) -> Option<String> {
        let others = self.answered.iter().filter(|(device, _)| !not_these.contains(device));
        let (at, address) = others.map(|(_, answered)| answered).max_by_key(|(at, _)| *at)?;
        (now.since(*at) <= ANSWERED_LATELY).then(|| address.clone())
    }
}

impl Core {
    /// Takes the end of an attempt that lost its device after the write.
    pub(super) fn lost(&mut self, ended: Ended, now: Timestamp) {
        self.link.answered.remove(&ended.op.device);
        if self.running.get(&ended.op).is_some_and(|running| running.way_lost) {
            let outcome = inconclusive(ended.outcome, WAY_LOST);
            return self.finished(Ended { outcome, ..ended }, now);
        }
        let asked = self.running.get(&ended.op).and_then(|running| running.asked.as_ref());
        // That the link was cut when the device was lost from sight stays true.
        if asked.is_none_or(|asked| asked.reached == Some(Reached::Alive)) {
            self.ask_for(&ended.op, now);
        }
        if let Some(running) = self.running.get_mut(&ended.op) {
            running.doubt = Some(Doubt { ended, lost_at: now });
        }
        self.judge_losses(now);
    }

    /// Asks whether the link works: the site's sentinel, or a device that may stand in for it, if there is one.
    pub(super) fn ask_for(&mut self, op: &OpId, now: Timestamp) {
        let sentinel = self.pool.site().sentinel.clone();
        let sentinel = sentinel.or_else(|| self.stand_in(Some(&op.device), now));
        if let Some(address) = &sentinel {
            self.ask(address);
        }
        if let Some(running) = self.running.get_mut(op) {
            running.asked = sentinel.map(|address| Asked { address, reached: None });
        }
    }

    /// A device that may show that the link works, beside one that was lost just now. What is being written
    /// to, or was lost, may be cut off by the change.
    fn stand_in(&self, lost: Option<&DeviceName>, now: Timestamp) -> Option<String> {
        let writing = self.running.values().filter(|running| running.wrote_at.is_some());
        let not_these = writing.map(|running| &running.task.op.device).chain(lost).collect();
        self.link.stand_in(&not_these, now)
    }

    fn ask(&mut self, address: &str) {
        if self.link.asking.insert(address.to_owned()) {
            self.effects.push_back(Effect::Probe(address.to_owned()));
        }
    }

    /// A sentinel was asked.
    pub(super) fn probed(&mut self, address: &str, reached: Reached, now: Timestamp) {
        self.link.asking.remove(address);
        // Who could not be asked has shown nothing: a device may, but only in place of the site's sentinel.
        let may_ask_another =
            reached == Reached::Unknown && self.pool.site().sentinel.as_deref() == Some(address);
        let another = if may_ask_another { self.stand_in(None, now) } else { None };
        let another = another.filter(|stand_in| stand_in != address);
        let mut is_asked = false;
        let all = self.running.values_mut().filter_map(|running| running.asked.as_mut());
        for asked in all.filter(|asked| asked.address == address && asked.reached.is_none()) {
            match &another {
                Some(stand_in) => asked.address.clone_from(stand_in),
                None => asked.reached = Some(reached),
            }
            is_asked = true;
        }
        if let Some(stand_in) = another.filter(|_| is_asked) {
            self.ask(&stand_in);
        }
        self.judge_losses(now);
    }

    /// Reports every loss of which enough is known.
    pub(super) fn judge_losses(&mut self, now: Timestamp) {
        let decided: Vec<(OpId, Option<String>)> = self
            .running
            .iter()
            .filter_map(|(op, running)| Some((op, running.doubt.as_ref()?, running.asked.as_ref())))
            .filter_map(|(op, doubt, asked)| Some((op.clone(), self.verdict(doubt, asked, now)?)))
            .collect();
        for (op, why) in decided {
            let doubt = self.running.get_mut(&op).and_then(|running| running.doubt.take());
            let Some(Doubt { ended, .. }) = doubt else { continue };
            let outcome = match why {
                Some(why) => inconclusive(ended.outcome, &why),
                None => ended.outcome,
            };
            self.finished(Ended { outcome, ..ended }, now);
        }
    }

    /// `None` while it is too early; else why this says nothing about the change, if so.
    fn verdict(&self, doubt: &Doubt, asked: Option<&Asked>, now: Timestamp) -> Option<Option<String>> {
        let wrote_at = doubt.ended.outcome.wrote_at.unwrap_or(doubt.lost_at);
        if self.link.opened_at.is_some_and(|at| at.plus(SAME_TIME) >= wrote_at) {
            return Some(Some(link_was_cut(&format!("site/{} opened", self.site))));
        }
        match asked.map(|asked| (&asked.address, asked.reached)) {
            Some((_, None)) => return None,
            Some((address, Some(Reached::Dead))) => {
                return Some(Some(link_was_cut(&format!("the sentinel {address} gives no answer"))));
            }
            Some((address, Some(Reached::Unknown))) => {
                return Some(Some(format!(
                    "nobody knows whether the link to the site was cut (the sentinel {address} could not be asked; \
                     this agent's log says why)"
                )));
            }
            Some((_, Some(Reached::Alive))) | None => {}
        }
        let may_wait = self.link.suspected && !self.draining && now < doubt.lost_at.plus(SAME_TIME);
        (!may_wait).then_some(None)
    }

    /// When a loss is judged although nothing else happens.
    pub(super) fn next_verdict(&self) -> Option<Timestamp> {
        let doubts = self.running.values().filter_map(|running| running.doubt.as_ref());
        doubts.map(|doubt| doubt.lost_at.plus(SAME_TIME)).min()
    }
}

/// Why a loss says nothing about the change although the site answers.
const WAY_LOST: &str = "the way to the device was lost at the same time";

fn link_was_cut(why: &str) -> String {
    format!("the link to the site was cut at the same time ({why})")
}

fn inconclusive(outcome: Outcome, why: &str) -> Outcome {
    let message = format!("{why}, so this is not held against the change: {}", outcome.message);
    Outcome {
        class: Class::Inconclusive,
        message: printable(message.as_bytes(), MESSAGE_BYTES_MAX),
        ..outcome
    }
}
