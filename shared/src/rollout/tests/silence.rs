//! Which devices in flight the others wait for: all but those that may never have connected.

use super::*;
use crate::pace::Budget;

fn six() -> (Rollout, World) {
    let names = ["a", "b", "c", "d", "e", "f"].map(|name| (name, "lon", 0));
    let mut layout = layout(&names, vec![wave("all", false, false)]);
    layout.budget = Some(Budget::default());
    layout.connect_timeout = Duration::from_secs(20);
    let sites = [(site("lon"), connected(10))].into_iter().collect();
    (rollout(layout), World { sites, ..World::default() })
}

fn seconds(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

#[test]
fn a_connect_blocks_others_for_half_its_timeout() {
    let (mut rollout, world) = six();
    settle(&mut rollout, NOW, &world);
    for (at, running) in [(0, 1), (9, 1), (11, 2), (20, 2), (22, 3)] {
        settle(&mut rollout, seconds(at), &world);
        assert_eq!(rollout.counts.running, running, "after {at} s");
    }
}

#[test]
fn what_is_connected_blocks_until_its_result() {
    let (mut rollout, world) = six();
    settle(&mut rollout, NOW, &world);
    let (name, attempt) = rollout.running_at(&site("lon")).map(|(name, n)| (name.clone(), n)).next().unwrap();
    rollout.connected(&name, attempt, seconds(9));
    settle(&mut rollout, seconds(60), &world);
    assert_eq!(rollout.counts.running, 1);
}

#[test]
fn after_a_lost_session_or_a_restart_what_is_in_flight_may_be_writing() {
    for lost in [None, Some(site("lon"))] {
        let (mut rollout, world) = six();
        settle(&mut rollout, NOW, &world);
        rollout.pace.tick(seconds(11));
        rollout.notes_lost(Some(&site("ber")));
        rollout.notes_lost(lost.as_ref());
        settle(&mut rollout, seconds(60), &world);
        assert_eq!(rollout.counts.running, 1, "{lost:?}");
    }
}

#[test]
fn an_agent_that_is_there_and_takes_no_work_is_said_to_be_waited_for() {
    let mut rollout = rollout(layout(&[("a", "lon", 0)], vec![wave("all", false, false)]));
    let world = World { sites: [(site("lon"), connected(0))].into(), ..World::default() };
    settle(&mut rollout, NOW, &world);
    assert!(rollout.blocked_on(NOW, &world)[0].starts_with("the agent at lon takes no work (1 device wait)"));
    let world = World { sites: [(site("lon"), connected(1))].into(), ..World::default() };
    assert_eq!(rollout.blocked_on(NOW, &world), Vec::<String>::new());
}
