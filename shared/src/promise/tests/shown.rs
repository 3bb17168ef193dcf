//! What is shown of the harm while a rollout runs.

use super::*;
use crate::id::{DeviceName, PlanName, RolloutName, SiteName};
use crate::outcome::{Class, LeftAs, Outcome, Phase};
use crate::rollout::event::Event;
use crate::rollout::{Layout, LayoutDevice, LayoutWave, RetryPolicy};

const ONE: Budget = Budget { devices: 1, tolerated_share: Share(0), mode: Mode::Expected };

fn device(rank: usize) -> DeviceName {
    DeviceName::new(format!("d{rank}")).unwrap()
}

/// A rollout over ten devices, of which as many are started as `ends` says ends for, and as many as
/// `in_flight` besides.
fn shown(budget: Budget, ends: &[Class], in_flight: usize) -> Rollout {
    let site = SiteName::new("lon").unwrap();
    let devices = (0..10).map(|n| LayoutDevice { name: device(n), site: site.clone(), wave: 0 }).collect();
    let wave = LayoutWave { name: "all".into(), canary: false, soak: Duration::ZERO, manual: false };
    let retry = RetryPolicy {
        max_attempts: 1,
        backoff: Duration::ZERO,
        max_backoff: Duration::ZERO,
        retry_on: Vec::new(),
    };
    let mut layout = Layout::new(devices, vec![wave], retry);
    layout.budget = Some(budget);
    let (plan, by) = (PlanName::new("p").unwrap(), "anna".to_owned());
    let created = Event::Created { plan, digest: String::new(), by, request_id: String::new() };
    let (name, at) = (RolloutName::new("r").unwrap(), Timestamp(0));
    let mut rollout = Rollout::from_created(name, Arc::new(layout), &created, at).unwrap();
    rollout.apply(&Event::WaveStarted { wave: 0 }, at);
    let ops = (0..ends.len() + in_flight).map(|n| (device(n), 1)).collect();
    rollout.apply(&Event::Dispatched { site, ops }, at);
    for (n, class) in ends.iter().enumerate() {
        let outcome = Outcome::new(*class, Phase::Verify, LeftAs::Changed, "told", at);
        rollout.apply(&Event::Finished { device: device(n), attempt: 1, outcome }, at);
    }
    rollout
}

fn line(budget: Budget, ends: &[Class], in_flight: usize) -> String {
    shown(budget, ends, in_flight).harm_line(&budget, Order::Shuffled, false)
}

#[test]
fn the_shown_bound_says_when_it_is_passed_and_not_before() {
    assert_eq!(
        line(ONE, &[Class::Rejected; 2], 4),
        "2 failed, 0 unknown, 4 in flight: certainly at most 6; 95 %: at most 2 of the 6 started"
    );
    assert_eq!(
        line(ONE, &[Class::Rejected; 3], 3),
        "3 failed, 0 unknown, 3 in flight: certainly at most 6; beyond the 2 that were expected in 95 of 100 rollouts"
    );
}

#[test]
fn an_unknown_device_counts_as_harmed_in_the_shown_bound() {
    for unknown in [Class::LostAfterWrite, Class::Inconclusive] {
        let line = line(ONE, &[Class::Rejected, Class::Rejected, unknown], 0);
        assert!(
            line.starts_with("2 failed, 1 unknown, 0 in flight: certainly at most 3; beyond the 2"),
            "{line}"
        );
    }
}

#[test]
fn a_device_that_was_never_written_to_is_not_beyond_the_shown_bound() {
    let line = line(ONE, &[Class::Timeout; 6], 0);
    assert!(line.ends_with("95 %: at most 2 of the 6 started"), "{line}");
}

#[test]
fn the_bound_is_never_more_than_was_started_nor_than_the_fleet() {
    let generous = Budget::default();
    let few = line(generous, &[Class::Ok; 2], 1);
    assert!(few.ends_with("95 %: at most 3 of the 3 started"), "{few}");
    let nothing = Watched::default();
    let plan = Terms { waves: vec![4, 5], sites: vec![9], ..terms(&nothing) }.promise().bound.join("\n");
    assert!(plan.contains("in at least 95 of 100 rollouts at most 9 + 1% of those started"), "{plan}");
}

#[test]
fn after_a_resume_and_in_listed_order_only_what_is_certain_is_shown() {
    let certain = "3 failed, 0 unknown, 3 in flight: certainly at most 6";
    let rollout = shown(ONE, &[Class::Rejected; 3], 3);
    assert_eq!(rollout.harm_line(&ONE, Order::Shuffled, true), certain);
    assert_eq!(rollout.harm_line(&ONE, Order::Listed, false), certain);
}
