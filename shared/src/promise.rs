//! What may honestly be said before and while a rollout runs: how much harm, and how long it takes.

mod schedule;

use crate::outcome::DeviceState;
pub use crate::pace::IN_FLIGHT_MAX;
use crate::pace::{Budget, Mode, Watched};
use crate::plan::Plan;
use crate::rollout::Rollout;
use crate::spec::Order;
use std::collections::BTreeMap;

/// The pool of a site that nobody limits.
const POOL_DEFAULT: u32 = crate::pool::MAX_IN_FLIGHT_DEFAULT as u32;
/// 95 % of a normal distribution lie below its mean and this many deviations.
const Z95: f64 = 1.645;

/// What a plan promises.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promise {
    /// What is certain, what is expected, when it stops, what is not covered: one line each.
    pub bound: Vec<String>,
    /// How it goes while nothing fails, in one line.
    pub schedule: String,
    /// The most devices that can be in flight at once.
    pub in_flight_max: u32,
    /// About how many times the duration of one device it takes while nothing fails.
    pub round_trips: u32,
    /// The watched keys and how many values each has.
    pub watched: Vec<(String, u32)>,
}

/// What a promise is made of.
pub(crate) struct Terms<'a> {
    pub budget: Budget,
    pub order: Order,
    /// Devices of each wave.
    pub waves: Vec<u32>,
    /// Devices of each site.
    pub sites: Vec<u32>,
    /// Most in flight; 0 when nothing says so.
    pub max_parallel: u32,
    /// Most in flight at one site; 0 when nothing says so.
    pub per_site: u32,
    pub watched: &'a Watched,
}

impl Terms<'_> {
    /// No more than this are ever in flight, by what the spec itself says.
    fn in_flight_max(&self) -> u32 {
        let limit = |most: u32| if most == 0 { u32::MAX } else { most };
        let pools = self.sites.iter().map(|devices| (*devices).min(limit(self.per_site)));
        let pools = pools.fold(0, u32::saturating_add);
        let wave = self.waves.iter().copied().max().unwrap_or(0);
        let strict = match self.budget.mode {
            Mode::Strict => self.budget.devices,
            Mode::Expected => u32::MAX,
        };
        [IN_FLIGHT_MAX, limit(self.max_parallel), pools, wave, strict].into_iter().min().unwrap_or(0)
    }

    fn devices(&self) -> u32 {
        self.waves.iter().fold(0, |sum, wave| sum.saturating_add(*wave))
    }

    fn promise(&self) -> Promise {
        let in_flight_max = self.in_flight_max();
        let watched = keys(self.watched);
        let run = schedule::simulate(self, &watched, in_flight_max);
        Promise {
            bound: bound(self, in_flight_max),
            schedule: run.text(self, &watched),
            in_flight_max,
            round_trips: run.round_trips,
            watched,
        }
    }
}

impl Plan {
    /// What this plan promises about harm and time.
    pub fn promise(&self) -> Promise {
        let mut sites: BTreeMap<_, u32> = BTreeMap::new();
        for device in &self.devices {
            *sites.entry(&device.site).or_default() += 1;
        }
        let strategy = &self.spec.strategy;
        let per_site = Some(strategy.max_parallel_per_site).filter(|most| *most > 0);
        let terms = Terms {
            budget: strategy.budget,
            order: strategy.order,
            waves: self.waves.iter().map(|wave| wave.devices).collect(),
            sites: sites.into_values().collect(),
            max_parallel: strategy.max_parallel,
            per_site: per_site.into_iter().chain(self.spec.pools.max_in_flight).min().unwrap_or(0),
            watched: &self.watched,
        };
        let mut promise = terms.promise();
        promise.bound.extend(self.at_once());
        promise
    }
}

/// Keys with their number of values, in order.
fn keys(watched: &Watched) -> Vec<(String, u32)> {
    let mut keys: Vec<(String, u32)> = Vec::new();
    for value in &watched.values {
        match keys.last_mut() {
            Some((key, values)) if *key == value.label.key => *values += 1,
            Some(_) | None => keys.push((value.label.key.clone(), 1)),
        }
    }
    keys
}

/// What holds in at least 95 of 100 rollouts, without the tolerated share of those started.
fn expected(budget: &Budget) -> f64 {
    let devices = f64::from(budget.devices);
    devices + Z95 * devices.sqrt()
}

fn bound(terms: &Terms<'_>, in_flight_max: u32) -> Vec<String> {
    let Budget { devices, tolerated_share, mode } = terms.budget;
    let plus = |of: &str| match tolerated_share.0 {
        0 => String::new(),
        _ => format!(" + {tolerated_share} of those {of}"),
    };
    let mut lines = vec![format!(
        "certain: known harm is never more than failed + unknown + in flight; at most {in_flight_max} are in flight"
    )];
    match (mode, terms.order) {
        (Mode::Strict, _) => lines.push(format!(
            "strict: certainly at most {devices} harmed: a device starts only while failed + unknown + in flight + 1 <= \
             {devices}"
        )),
        (Mode::Expected, Order::Shuffled) => lines.push(format!(
            "expected: in at least 95 of 100 rollouts at most {}{} harmed (budget {devices}); not certain",
            expected(&terms.budget).floor().min(f64::from(terms.devices())),
            plus("started")
        )),
        (Mode::Expected, Order::Listed) => lines.push(format!(
            "expected: nothing can be said (budget {devices}): in listed order the results so far do not speak for the \
             devices to come; order: shuffled does"
        )),
    }
    let beyond = match tolerated_share.0 {
        0 => format!("failed >= {devices}"),
        _ => format!("failed - {tolerated_share} of the results >= {devices}"),
    };
    lines.push(format!(
        "stops at {devices}: {beyond}; a label value or pair that explains the failures is held sooner, alone"
    ));
    lines.push("not covered: failures that no check notices, and harm that shows only later".to_owned());
    lines
}

impl Rollout {
    /// What is known of the harm, in one line: what is certain now and, while it may be said, what holds
    /// in at least 95 of 100 rollouts. `resumed`: somebody has accepted harm beyond the budget.
    pub fn harm_line(&self, budget: &Budget, order: Order, resumed: bool) -> String {
        let (failed, unknown, in_flight) = (self.counts.failed, self.counts.unknown, self.counts.running);
        let certain = failed + unknown + in_flight;
        let now =
            format!("{failed} failed, {unknown} unknown, {in_flight} in flight: certainly at most {certain}");
        if resumed || self.has_ended() {
            return now;
        }
        match (budget.mode, order) {
            (Mode::Strict, _) => format!("{now}; strict: certainly at most {} by the end", budget.devices),
            (Mode::Expected, Order::Listed) => now,
            (Mode::Expected, Order::Shuffled) => {
                let started = self.started();
                let most = expected(budget) + budget.tolerated_share.as_f64() * f64::from(started);
                let most = most.floor().min(f64::from(started));
                match f64::from(self.harm().failed + unknown) > most {
                    true => format!("{now}; beyond the {most} that were expected in 95 of 100 rollouts"),
                    false => format!("{now}; 95 %: at most {most} of the {started} started"),
                }
            }
        }
    }

    /// Devices that were started at least once.
    pub fn started(&self) -> u32 {
        let started =
            |device: &&crate::rollout::Device| device.attempt > 0 && device.state != DeviceState::Skipped;
        u32::try_from(self.devices.iter().filter(started).count()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
