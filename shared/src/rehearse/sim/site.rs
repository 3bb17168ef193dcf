//! The agent of one site: the real breakers and the real pool.

use super::super::ground::Ground;
use crate::breaker::{Admission, Attempt, Report, Tree, seed};
use crate::id::{DeviceName, SiteName};
use crate::outcome::Class;
use crate::pool::{Ask, Lease, Pool, Work};
use crate::task::Timeouts;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// All devices share one.
const CREDENTIAL: &str = "env:REHEARSAL";

/// One attempt that runs.
#[derive(Debug)]
pub(super) struct Flight {
    pub admission: Admission,
    pub lease: Lease,
    pub attempt: u32,
    pub serial: u32,
    pub started_at: i64,
    pub wrote_at: i64,
    /// The handshake is done: it is not called off any more.
    pub connected: bool,
    /// It will never answer.
    pub mute: bool,
    /// Its work takes longer than the command may.
    pub lost: bool,
}

pub(super) struct Site {
    pub tree: Tree,
    pool: Pool,
    /// Ranks of what runs, in the order of their start.
    pub in_flight: Vec<u32>,
    /// Its breaker, when it is not closed.
    pub report: Option<Report>,
    pub dark: bool,
    /// Whether it has been open.
    pub opened: bool,
    /// Ranks that were handed out here.
    pub seen: BTreeSet<u32>,
    /// Ranks that were connected to.
    pub tried: BTreeSet<u32>,
    /// Ranks that were contacted in vain.
    pub contacted: BTreeSet<u32>,
    timer: Option<i64>,
    /// How many more operations it takes, as the coordinator last heard.
    granted: u32,
}

impl Site {
    pub(super) fn new(name: SiteName, own_max: usize, ground: &Ground) -> Self {
        let now = Timestamp::default();
        let mut pool = Pool::new(own_max);
        pool.set_settings(ground.pools);
        let seed = seed(name.as_str());
        let mut tree = Tree::new(name, seed, now);
        tree.set_pool(u32::try_from(pool.limit()).unwrap_or(u32::MAX));
        tree.set_settings(ground.breakers, now);
        let mut site = Self {
            tree,
            pool,
            in_flight: Vec::new(),
            report: None,
            dark: false,
            opened: false,
            seen: BTreeSet::new(),
            tried: BTreeSet::new(),
            contacted: BTreeSet::new(),
            timer: None,
            granted: 0,
        };
        site.grant(now);
        site
    }

    /// What it granted last.
    pub(super) fn granted(&self) -> u32 {
        self.granted
    }

    /// Grants what is free now; whether that is news.
    pub(super) fn grant(&mut self, now: Timestamp) -> bool {
        let granted = self.credit(now);
        std::mem::replace(&mut self.granted, granted) != granted
    }

    fn credit(&self, now: Timestamp) -> u32 {
        let free = u32::try_from(self.pool.room(0)).unwrap_or(u32::MAX);
        self.tree.allowance(now).map_or(free, |allowance| allowance.min(free))
    }

    /// Lets an attempt start, if breakers and pool do.
    pub(super) fn admit(
        &mut self,
        rank: u32,
        device: &DeviceName,
        retry: bool,
        timeouts: Timeouts,
        now: Timestamp,
    ) -> Option<(Admission, Lease)> {
        let connect_timeout = timeouts.connect;
        let deadline = now.plus(connect_timeout.saturating_add(timeouts.command));
        let asked = Attempt { device, credential: CREDENTIAL, connect_timeout, deadline, first: !retry };
        let admission = self.tree.try_acquire(&asked, now).ok()?;
        let ask = Ask { device, credential: CREDENTIAL, retry, work: Work::Rollout, deadline };
        let Ok(lease) = self.pool.try_acquire(&ask, now) else {
            let _counts_for_nothing = self.tree.finish(admission, Class::NotStarted, now);
            return None;
        };
        self.in_flight.push(rank);
        Some((admission, lease))
    }

    /// Takes an attempt's end to the pool and the breakers.
    pub(super) fn end(&mut self, rank: u32, flight: Flight, class: Class, now: Timestamp) {
        self.in_flight.retain(|running| *running != rank);
        self.pool.release(flight.lease, class, now);
        let _late_or_counted = self.tree.finish(flight.admission, class, now);
        self.tree.set_pool(u32::try_from(self.pool.limit()).unwrap_or(u32::MAX));
        self.tree.handle_timeout(now);
    }

    /// When its breakers want to be looked at, if that is news.
    pub(super) fn next_timer(&mut self, now: i64) -> Option<i64> {
        let at = self.tree.poll_timeout().map(|(at, _, _)| at.0.max(now))?;
        if self.timer == Some(at) {
            return None;
        }
        self.timer = Some(at);
        Some(at)
    }
}
