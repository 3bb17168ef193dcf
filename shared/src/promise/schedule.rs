//! How a rollout goes while nothing fails: the growth of the pace, round trip by round trip.

use super::{POOL_DEFAULT, Terms};
use crate::pace::{Mode, OKS_AT_ONCE, reserve_unfailed};

/// A window that grows by about this per round trip doubles to quadruples.
const DOUBLES_TO_QUADRUPLES: std::ops::RangeInclusive<f64> = 1.8..=4.2;

/// What a simulated rollout without failures did.
pub(super) struct Run {
    pub round_trips: u32,
    /// The most that were in flight.
    pub peak: u32,
    /// By how much the window grew per round trip, on average.
    pub growth: Option<f64>,
    devices: u32,
}

/// Simulates the rule of pace with a budget, no failures and equal durations.
pub(super) fn simulate(terms: &Terms<'_>, watched: &[(String, u32)], in_flight_max: u32) -> Run {
    let budget = f64::from(terms.budget.devices);
    let pools = terms.sites.iter().map(|devices| (*devices).min(pool(terms)));
    let most = in_flight_max.min(pools.fold(0, u32::saturating_add)).max(1);
    let mut unseen = watched.iter().map(|(_, values)| values - 1).max().unwrap_or(0);
    let (mut done, mut before, mut trips, mut peak) = (0u32, 0u32, 0u32, 0u32);
    let mut windows: Vec<u32> = Vec::new();
    for wave in &terms.waves {
        let mut left = *wave;
        while left > 0 {
            let reserve = reserve_unfailed(&terms.budget, done.min(OKS_AT_ONCE).max(before));
            let probes = if done == 0 { 0 } else { unseen.min(terms.budget.devices) };
            let others = ((budget - f64::from(probes)) / reserve).floor().min(f64::from(most));
            let fits = if done == 0 { 1 } else { (probes + whole(others)).clamp(1, most) };
            let window = match terms.budget.mode {
                Mode::Strict => fits.min(terms.budget.devices),
                Mode::Expected => fits,
            };
            if window < most && window <= left && probes == 0 && done > 0 {
                windows.push(window);
            }
            let started = window.min(left);
            unseen -= probes.min(started);
            (before, done) = (done, done + started);
            left -= started;
            trips += 1;
            peak = peak.max(started);
        }
    }
    let fullest = terms.sites.iter().map(|devices| devices.div_ceil(pool(terms).max(1))).max().unwrap_or(0);
    Run { round_trips: trips.max(fullest), peak, growth: growth(&windows), devices: done }
}

fn pool(terms: &Terms<'_>) -> u32 {
    if terms.per_site == 0 { POOL_DEFAULT } else { terms.per_site }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and the cap of devices in flight"
)]
fn whole(number: f64) -> u32 {
    number.max(0.0) as u32
}

/// The geometric mean of the growth from one window to the next.
fn growth(windows: &[u32]) -> Option<f64> {
    let (first, last) = (windows.first()?, windows.last()?);
    let steps = u32::try_from(windows.len() - 1).ok().filter(|steps| *steps > 0)?;
    Some((f64::from(*last) / f64::from(*first)).powf(1.0 / f64::from(steps)))
}

impl Run {
    /// In one line.
    pub fn text(&self, terms: &Terms<'_>, watched: &[(String, u32)]) -> String {
        let Self { round_trips, peak, growth, devices } = self;
        if *devices == 0 {
            return "nothing to do: no device".to_owned();
        }
        let mut text = "starts with 1 device".to_owned();
        if !watched.is_empty() {
            let keys: Vec<&str> = watched.iter().map(|(key, _)| key.as_str()).collect();
            let values: u32 = watched.iter().map(|(_, values)| values).sum();
            text += &format!(
                ", then one of each unseen value of {} ({values} values of {})",
                keys.join(", "),
                counted(u32::try_from(keys.len()).unwrap_or(u32::MAX), "key")
            );
        }
        text += &match growth {
            _ if *peak <= 1 => ", always one at a time".to_owned(),
            _ if terms.budget.mode == Mode::Strict => format!(", then at most {peak} at once"),
            Some(growth) if DOUBLES_TO_QUADRUPLES.contains(growth) => {
                format!(", then doubles to quadruples with each round trip, up to {peak} at once")
            }
            Some(growth) => {
                format!(", then {growth:.1} times as many with each round trip, up to {peak} at once")
            }
            None => format!(", then up to {peak} at once"),
        };
        let (trips, devices) = (counted(*round_trips, "round trip"), counted(*devices, "device"));
        format!("{text}; without failures about {trips} for {devices}")
    }
}

fn counted(number: u32, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
