//! What must hold at every start and at every rest, counted anew from the devices.

use super::super::engine::{Device, Doubt, Spot};
use super::super::{Mode, Pace};

fn in_flight(pace: &Pace) -> impl Iterator<Item = (u32, &Device)> {
    (0_u32..).zip(&pace.devices).filter(|(_, device)| device.spot == Spot::Flight)
}

/// Checks that `rank` may start now.
pub(super) fn check_start(pace: &Pace, rank: u32) {
    let device = &pace.devices[rank as usize];
    assert!(!pace.is_stopped(), "{rank} starts after the stop");
    assert!(!pace.is_held(rank), "{rank} starts although it is held");
    for (group, _) in pace.holds() {
        let all = group.as_str().split('&').all(|name| {
            pace.fleet.labels(rank).any(|value| pace.watched.values[value].label.to_string() == name)
        });
        assert!(!all, "{rank} starts although {group} is held");
    }
    assert!(device.waits && device.spot != Spot::Flight, "{rank} starts without an offer");
    let alike = |other: u32| {
        pace.fleet.site(other) == pace.fleet.site(rank)
            && pace.fleet.labels(other).eq(pace.fleet.labels(rank))
    };
    let candidate =
        |other: u32| !matches!(pace.devices[other as usize].spot, Spot::Away | Spot::Held | Spot::Flight);
    let overtaken = (0..rank).find(|other| alike(*other) && candidate(*other));
    let other = overtaken.map(|other| (other, pace.devices[other as usize]));
    assert!(other.is_none(), "{rank} {device:?} overtakes {other:?}");
    let blocking: Vec<u32> =
        in_flight(pace).filter(|(_, device)| !device.silent).map(|(rank, _)| rank).collect();
    let mut probe = pace.trials.iter().any(|trial| pace.is_in(rank, trial.cut()));
    for value in pace.fleet.labels(rank) {
        if !pace.tallies[value].proven {
            probe = true;
            let ahead = blocking.iter().find(|other| pace.fleet.has(**other, value));
            assert_eq!(ahead, None, "{rank} starts although another device of value {value} is in flight");
        }
    }
    for value in pace.fleet.labels(rank).filter(|_| !probe) {
        let waits = |other: u32| {
            let spot = pace.devices[other as usize].spot;
            pace.fleet.has(other, value) && matches!(spot, Spot::Ready | Spot::Value(_) | Spot::Trial)
        };
        if pace.tallies[value].sums[0] > 0.0 {
            assert_eq!((0..rank).find(|other| waits(*other)), None, "{rank} overtakes in suspect {value}");
        }
    }
    let all = pace.all();
    assert!(all.proven || blocking.is_empty(), "a second device before the first success");
    let budget = f64::from(pace.rule.budget.devices);
    let tolerated = pace.rule.budget.tolerated_share.as_f64();
    let line = pace.line;
    if !blocking.is_empty() {
        let flight = in_flight(pace).count() as f64;
        let probes = in_flight(pace).filter(|(_, device)| device.probe).count() as f64;
        let late = in_flight(pace).filter(|(_, device)| device.late).count() as f64;
        let lost = pace.devices.iter().filter(|device| device.doubt == Doubt::Lost).count() as f64;
        let doubtful = pace.devices.iter().filter(|device| device.doubt == Doubt::Doubtful).count() as f64;
        let cost = if probe { 1.0 } else { all.reserve };
        let reserved = probes + 0.5 * late + (flight - probes + doubtful) * all.reserve + lost + cost;
        let used =
            (f64::from(line.failed) - tolerated * f64::from(line.results)).max(all.sums[0] / pace.rule.up[0]);
        assert!(used + reserved <= budget + 1e-9, "{used} used, {reserved} reserved of {budget}");
    }
    if pace.rule.budget.mode == Mode::Strict {
        let unknown =
            pace.devices.iter().filter(|d| matches!(d.doubt, Doubt::Lost | Doubt::Doubtful)).count() as u32;
        let certain = line.failed + unknown + in_flight(pace).count() as u32 + 1;
        assert!(certain <= pace.rule.budget.devices, "{certain} at risk");
    }
}

/// Checks that every count fits the devices, and that every set is where it belongs.
pub(super) fn check_counts(pace: &Pace) {
    let count = |of: &dyn Fn(&Device) -> bool| pace.devices.iter().filter(|device| of(device)).count() as u32;
    assert_eq!(pace.harm().in_flight, count(&|device| device.spot == Spot::Flight));
    assert_eq!(pace.harm().unknown, count(&|device| device.doubt != Doubt::None));
    assert_eq!(pace.probes, in_flight(pace).filter(|(_, device)| device.probe).count() as u32);
    assert_eq!(pace.waits, count(&|device| device.waits));
    assert_eq!(pace.held_wait, count(&|device| device.waits && device.held));
    assert_eq!(pace.at_values, count(&|device| matches!(device.spot, Spot::Value(_))));
    assert_eq!(pace.spread, count(&|device| device.spread));
    for (value, tally) in pace.tallies.iter().enumerate() {
        let of = |of: &dyn Fn(&Device) -> bool| {
            (0_u32..)
                .zip(&pace.devices)
                .filter(|(rank, device)| {
                    (value == pace.everything() || pace.fleet.has(*rank, value)) && of(device)
                })
                .count() as u32
        };
        assert_eq!(tally.flight, of(&|device| device.spot == Spot::Flight), "in flight of {value}");
        assert_eq!(tally.blocking, of(&|device| device.spot == Spot::Flight && !device.silent));
        assert_eq!(tally.late, of(&|device| device.spot == Spot::Flight && device.late));
        assert_eq!(tally.lost, of(&|device| device.doubt == Doubt::Lost), "lost of {value}");
        assert_eq!(tally.doubt, of(&|device| device.doubt == Doubt::Doubtful));
        assert_eq!(tally.reserve, pace.rule.reserve(tally.mature, tally.failed, tally.late));
        assert!(tally.proven || value == pace.everything() || pace.unproven.contains(&(value as u32)));
    }
    for rank in 0..pace.devices.len() as u32 {
        let spot = pace.devices[rank as usize].spot;
        let is = |set: &super::super::ranks::Ranks, at: usize| set.first_in(at, at + 1).is_some();
        assert_eq!(is(&pace.ready, rank as usize), spot == Spot::Ready, "{rank} {spot:?}");
        assert_eq!(is(&pace.at_sites, pace.fleet.site_slot(rank)), spot == Spot::Site);
        for place in pace.fleet.places(rank) {
            let slot = pace.fleet.slot(place);
            assert_eq!(is(&pace.waiting, slot), spot == Spot::Value(place as u32));
            let candidate = matches!(spot, Spot::Ready | Spot::Value(_) | Spot::Trial);
            assert_eq!(is(&pace.candidates, slot), candidate, "{rank} {spot:?}");
        }
    }
    let sites: Vec<u32> = pace.waiting_sites().collect();
    for site in 0..pace.fleet.sites.groups() {
        let slots = pace.fleet.sites.slots(site);
        let waits = pace.at_sites.first_in(slots.start, slots.end).is_some();
        assert_eq!(sites.contains(&(site as u32)), waits);
    }
}

/// Checks that nothing is left behind when nobody is in flight and nobody may start: all that were
/// offered have started, are held, were put off, or the whole rollout stopped.
pub(super) fn check_end(pace: &Pace) {
    assert_eq!(pace.all().flight, 0);
    assert_eq!((pace.probes, pace.all().late, pace.all().blocking), (0, 0, 0));
    if pace.is_stopped() {
        return;
    }
    for (rank, device) in pace.devices.iter().enumerate() {
        let stuck = matches!(device.spot, Spot::Ready | Spot::Value(_) | Spot::Trial | Spot::Site);
        assert!(!stuck, "{rank} is stuck: {device:?}, {:?}", pace.limit());
    }
}
