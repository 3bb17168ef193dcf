//! Every interleaving: no leaked permit, no stuck half-open, never a start under an open breaker, and no
//! late result that moves one.

mod exhaustive;
mod random;

use super::*;

/// What can happen to the breakers of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Start(usize),
    /// Of the attempt that has run longest, or of the one after it.
    Answer(usize),
    End(usize, Class),
    CallOff(usize),
    /// The attempt is forgotten by whoever ran it.
    Lose(usize),
    Wait(u64),
    Trip,
    KeepClosed,
    Reset,
    Restart,
}

#[derive(Clone)]
struct Model {
    site: Site,
    running: Vec<Admission>,
}

impl Clone for Site {
    fn clone(&self) -> Self {
        Self { tree: self.tree.clone(), now: self.now }
    }
}

impl Model {
    fn new(site: Site) -> Self {
        Self { site, running: vec![] }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Start(n) => self.start(n),
            Step::Answer(k) => {
                if let Some(admission) = self.running.get(k).cloned() {
                    let before = self.site.report();
                    if self.site.answer(&admission) == Finished::Late {
                        self.unmoved(&before, "a late answer");
                    }
                }
            }
            Step::End(k, class) => self.end(k, class),
            Step::CallOff(k) => {
                if let Some(admission) = self.running.get_mut(k) {
                    self.site.tree.cancelled(admission, self.site.now);
                    self.site.tree.handle_timeout(self.site.now);
                }
            }
            Step::Lose(k) => {
                if k < self.running.len() {
                    drop(self.running.remove(k));
                }
            }
            Step::Wait(millis) => self.site.wait(millis as f64 / 1000.0),
            Step::Trip => self.site.tree.trip(&site_name(), "ann", "x", self.site.now).unwrap(),
            Step::KeepClosed => self.site.tree.force_closed(&site_name(), "ann", "x", self.site.now).unwrap(),
            Step::Reset => self.site.tree.reset(&site_name(), "ann", "x", self.site.now).unwrap(),
            Step::Restart => {
                let now = Timestamp(self.site.now.0 / 2);
                let snapshot = self.site.tree.snapshot(self.site.now);
                self.site.tree = Tree::restore(SiteName::new("lon").unwrap(), snapshot, 7, now);
                self.site.now = now;
                self.running.clear();
            }
        }
        self.site.tree.handle_timeout(self.site.now);
        self.check();
    }

    fn start(&mut self, n: usize) {
        // The pool lets nobody work at a device twice at once.
        if self.running.iter().any(|admission| admission.device == device(n)) {
            return;
        }
        self.site.tree.handle_timeout(self.site.now);
        let (state, allowance) = (self.site.state(), self.site.allowance());
        match self.site.start(n) {
            Ok(admission) => {
                assert!(!matches!(state, State::Open | State::ForcedOpen), "a start under {state}");
                assert_ne!(allowance, Some(0), "a start beyond the allowance under {state}");
                self.running.push(admission);
            }
            Err(not_now) => {
                assert_eq!(self.site.allowance(), allowance, "a refusal holds nothing: {not_now}");
            }
        }
    }

    fn end(&mut self, k: usize, class: Class) {
        if k >= self.running.len() {
            return;
        }
        let before = self.site.report();
        if self.site.end(self.running.remove(k), class).site == Finished::Late {
            self.unmoved(&before, "a late end");
        }
    }

    fn unmoved(&self, before: &Report, what: &str) {
        let after = self.site.report();
        assert_eq!(
            (after.state, after.retry_at, after.since),
            (before.state, before.retry_at, before.since),
            "{what}"
        );
    }

    fn check(&mut self) {
        let report = self.site.report();
        if report.state == State::HalfOpen {
            let probes = self.site.tree.site_probes();
            assert!(probes <= 1, "{probes} probes at once");
            assert_eq!(self.site.allowance(), Some(1 - probes));
        }
        if report.state == State::Open {
            let (at, ..) = self.site.tree.poll_timeout().expect("an open site has a timer");
            assert!(at <= report.retry_at.unwrap());
        }
        for admission in &self.running {
            assert!(admission.id <= self.site.tree.last_id);
        }
    }

    /// Whatever has happened: once devices answer again, the site flows again by itself.
    fn recovers(mut self) {
        if matches!(self.site.state(), State::ForcedOpen | State::ForcedClosed) {
            self.site.tree.reset(&site_name(), "ann", "x", self.site.now).unwrap();
        }
        for fresh in 100..200 {
            self.site.wait(1.0);
            if self.site.state() == State::Closed && self.site.allowance().is_none() {
                return;
            }
            if let Some(at) = self.site.report().retry_at {
                self.site.wait(at.since(self.site.now).as_secs_f64());
            }
            if let Ok(admission) = self.site.try_start(fresh, "env:FRESH", true) {
                self.site.answer(&admission);
                self.site.end(admission, Class::Ok);
            } else {
                self.site.wait(10.0);
            }
        }
        panic!("never flows again: {:?}", self.site.tree);
    }
}

impl Tree {
    fn site_probes(&self) -> u32 {
        1 - self.allowance(self.polled_at).unwrap_or(1).min(1)
    }
}
