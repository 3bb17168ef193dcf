//! A device that is lost after a write: held against the change only when the link worked.

use super::*;
use crate::sentinel::Reached;
use switchyard_shared::ssh::JumpHost;
use switchyard_shared::task::SiteSettings;

fn with_sentinel() -> World {
    let mut world = World::new(10);
    let sentinel = Some("gw.lon:22".to_owned());
    world.event(Event::Down(FromCoordinator::Site(SiteSettings { sentinel, ..SiteSettings::default() })));
    world
}

fn probed(address: &str, reached: Reached) -> Event {
    Event::Probed { address: address.into(), reached }
}

#[test]
fn a_loss_is_reported_only_after_the_sentinel_was_asked() {
    for (reached, class) in [
        (Reached::Alive, Class::LostAfterWrite),
        (Reached::Dead, Class::Inconclusive),
        (Reached::Unknown, Class::Inconclusive),
    ] {
        let mut world = with_sentinel();
        world.assign([op(1), op(2)]);
        [1, 2].iter().for_each(|n| world.write(op(*n)));
        world.lose(op(1));
        world.lose(op(2));
        assert_eq!(world.probed, ["gw.lon:22"], "one question for both");
        assert!(world.results().is_empty() && world.core.running() == 2);
        world.event(probed("gw.lon:22", reached));
        let classes: Vec<Class> = world.results().iter().map(|result| result.2).collect();
        assert_eq!(classes, [class; 2]);
        assert_eq!((world.core.running(), world.core.pool.in_flight()), (0, 0));
    }
}

#[test]
fn a_device_that_answered_lately_stands_in_unless_it_is_written_to_or_lost() {
    let mut world = World::new(10);
    world.assign((1..5).map(op));
    (1..5).for_each(|n| world.write(op(n)));
    world.end(op(1), Class::Ok);
    world.lose(op(2));
    assert_eq!(world.probed.len(), 1, "only the first one is known to be well");
    world.event(probed("127.0.0.1:22", Reached::Alive));
    assert_eq!(world.last_result().0, Class::LostAfterWrite);
    world.now = world.now.plus(Duration::from_secs(301));
    world.lose(op(3));
    assert_eq!((world.probed.len(), world.last_result().0), (1, Class::LostAfterWrite), "too long ago");
}

#[test]
fn a_sentinel_that_cannot_be_asked_says_nothing_and_a_device_that_answered_is_asked_instead() {
    for (reached, class) in [
        (Reached::Alive, Class::LostAfterWrite),
        (Reached::Dead, Class::Inconclusive),
        (Reached::Unknown, Class::Inconclusive),
    ] {
        let mut world = with_sentinel();
        world.assign([op(1), op(2), op(3)]);
        (1..4).for_each(|n| world.write(op(n)));
        world.end(op(1), Class::Ok);
        world.lose(op(2));
        world.lose(op(3));
        world.event(probed("gw.lon:22", Reached::Unknown));
        assert_eq!(world.probed, ["gw.lon:22", "127.0.0.1:22"], "one question for both");
        assert_eq!(world.results().len(), 1, "nothing is judged yet");
        world.event(probed("127.0.0.1:22", reached));
        let classes: Vec<Class> = world.results().iter().skip(1).map(|result| result.2).collect();
        assert_eq!(classes, [class; 2]);
        if reached == Reached::Unknown {
            let (_, message) = world.last_result();
            assert!(message.contains("127.0.0.1:22 could not be asked"), "{message}");
        }
        world.event(probed("127.0.0.1:22", Reached::Dead));
        assert_eq!((world.probed.len(), world.results().len(), world.core.running()), (2, 3, 0));
    }
}

#[test]
fn a_device_that_healed_itself_after_the_link_was_cut_is_not_held_against_the_change() {
    for (then, class) in [
        (Reached::Alive, Class::PostcheckFailed),
        (Reached::Dead, Class::Inconclusive),
        (Reached::Unknown, Class::Inconclusive),
    ] {
        let mut world = with_sentinel();
        world.assign([op(1), op(2)]);
        [1, 2].iter().for_each(|n| world.write(op(*n)));
        world.sign(op(1), SignKind::Unseen);
        assert_eq!(world.probed, ["gw.lon:22"], "asked when it is lost from sight");
        world.event(probed("gw.lon:22", then));
        world.end(op(1), Class::PostcheckFailed);
        // By now the link is back.
        world.event(probed("gw.lon:22", Reached::Alive));
        assert_eq!(world.last_result().0, class, "{then:?}");
        world.end(op(2), Class::PostcheckFailed);
        assert_eq!(world.last_result().0, Class::PostcheckFailed, "which was seen");
    }
}

#[test]
fn a_save_that_was_lost_with_its_link_is_not_held_against_the_change_and_a_refused_one_is() {
    for (is_lost, then, class) in [
        (true, Reached::Dead, Class::Inconclusive),
        (true, Reached::Alive, Class::PostcheckFailed),
        (false, Reached::Dead, Class::PostcheckFailed),
    ] {
        let mut world = with_sentinel();
        world.assign([op(1)]);
        world.write(op(1));
        if is_lost {
            world.sign(op(1), SignKind::Unseen);
        }
        world.event(probed("gw.lon:22", then));
        let not_saved = (Class::PostcheckFailed, Phase::Confirm, LeftAs::Changed);
        let outcome = Outcome::new(not_saved.0, not_saved.1, not_saved.2, "it may not be saved", world.now);
        let diff = String::new();
        world.event(Event::Ended(Ended { op: op(1), outcome, wrote: true, diff, keys: vec![] }));
        world.event(probed("gw.lon:22", Reached::Alive));
        let (found, message) = world.last_result();
        assert_eq!(found, class, "{then:?}: {message}");
        assert!(message.ends_with("it may not be saved"), "{message}");
    }
}

#[test]
fn a_link_that_was_cut_when_a_device_was_lost_from_sight_was_cut_although_it_is_back_at_the_end() {
    for (then, asked) in [(Reached::Dead, 1), (Reached::Alive, 2)] {
        let mut world = with_sentinel();
        world.assign([op(1)]);
        world.write(op(1));
        world.sign(op(1), SignKind::Unseen);
        world.event(probed("gw.lon:22", then));
        world.lose(op(1));
        assert_eq!(world.probed.len(), asked, "{then:?}");
        world.event(probed("gw.lon:22", Reached::Dead));
        assert_eq!(world.last_result().0, Class::Inconclusive);
    }
}

#[test]
fn without_any_sentinel_a_loss_is_what_it_is() {
    let mut world = World::new(10);
    world.assign([op(1)]);
    world.write(op(1));
    world.lose(op(1));
    assert!(world.probed.is_empty());
    assert_eq!(world.last_result(), (Class::LostAfterWrite, "no exit status".into()));
}

#[test]
fn a_loss_at_a_site_that_opened_by_itself_is_not_held_against_the_change() {
    let mut world = World::new(10);
    world.assign((0..10).map(op));
    world.write(op(9));
    world.core.link.site_is(BreakerState::Open, true, world.now);
    world.lose(op(9));
    let (class, message) = world.last_result();
    assert_eq!(class, Class::Inconclusive);
    assert!(message.contains("(site/lon opened)") && message.ends_with(": no exit status"), "{message}");
}

#[test]
fn an_operators_trip_says_nothing_about_the_link() {
    let mut world = World::new(10);
    world.assign([op(1)]);
    world.write(op(1));
    world.core.link.site_is(BreakerState::Open, false, world.now);
    world.lose(op(1));
    assert_eq!(world.last_result().0, Class::LostAfterWrite);
}

#[test]
fn a_loss_at_a_suspected_site_waits_half_a_minute_for_the_opening() {
    for opens in [true, false] {
        let mut world = with_sentinel();
        world.assign([op(1)]);
        world.write(op(1));
        world.core.link.site_is(BreakerState::Held, true, world.now);
        world.lose(op(1));
        world.event(probed("gw.lon:22", Reached::Alive));
        assert!(world.results().is_empty());
        world.now = world.now.plus(Duration::from_secs(29));
        if opens {
            world.core.link.site_is(BreakerState::Open, true, world.now);
            world.settle();
            assert_eq!(world.last_result().0, Class::Inconclusive);
        } else {
            world.settle();
            assert!(world.results().is_empty());
            world.now = world.now.plus(Duration::from_secs(1));
            world.settle();
            assert_eq!(world.last_result().0, Class::LostAfterWrite);
        }
    }
}

#[test]
fn an_agent_that_shuts_down_judges_at_once() {
    let mut world = with_sentinel();
    world.assign([op(1)]);
    world.write(op(1));
    world.core.link.site_is(BreakerState::Held, true, world.now);
    world.lose(op(1));
    world.event(Event::Drain);
    world.event(probed("gw.lon:22", Reached::Alive));
    assert_eq!(world.last_result().0, Class::LostAfterWrite);
    assert!(world.core.is_idle());
}

#[test]
fn a_write_under_which_the_way_was_lost_is_not_held_against_the_change() {
    let mut world = with_sentinel();
    world.assign([op(1), op(2)]);
    [1, 2].iter().for_each(|n| world.write(op(*n)));
    world.sign(op(1), SignKind::WayLost);
    world.lose(op(1));
    let (class, message) = world.last_result();
    assert_eq!(class, Class::Inconclusive, "the site's sentinel says nothing of a jump host");
    assert!(message.contains("the way to the device was lost"), "{message}");
    world.lose(op(2));
    world.event(probed("gw.lon:22", Reached::Alive));
    assert_eq!(world.last_result().0, Class::LostAfterWrite, "whose way was not");
}

#[test]
fn devices_behind_a_jump_host_that_is_gone_open_their_site_and_no_breaker_of_their_own() {
    let mut world = World::new(10);
    world.assign((1..8).map(op));
    for n in 1..5 {
        world.sign(op(n), SignKind::WayLost);
        world.end(op(n), Class::AgentError);
    }
    let reports = world.core.breakers.reports();
    assert_eq!(reports.len(), 1, "no device's and no credential's: {reports:?}");
    assert_eq!(reports[0].state, BreakerState::Open);
    let off: Vec<&OpId> = world.called_off.iter().map(|(op, _)| op).collect();
    assert_eq!(off[1..], [&op(5), &op(6), &op(7)], "the others wait until there is a way again");
}

#[test]
fn a_device_behind_a_jump_host_never_stands_in_for_a_sentinel() {
    let mut world = World::new(10);
    let mut behind = task(op(1));
    behind.endpoint.ssh.jump = Some(Box::new(JumpHost {
        hostname: "hop".into(),
        port: 22,
        username: "x".into(),
        credential_ref: "env:X".into(),
        host_keys: vec!["SHA256:x".into()],
        algorithms: Default::default(),
    }));
    world.assign_tasks(vec![behind, task(op(2))]);
    [1, 2].iter().for_each(|n| world.write(op(*n)));
    world.end(op(1), Class::Ok);
    world.lose(op(2));
    assert!(world.probed.is_empty(), "asked without its jump host it is another device: {:?}", world.probed);
}
