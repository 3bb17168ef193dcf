//! Promises about what refuses for long: credentials, held sites, agents that do not start what they get.

use super::doubt::{back, in_doubt, state};
use super::*;

fn refused() -> Report {
    let (lon, reference) = (site("lon"), "env:K".to_owned());
    let name = Name::Credential { site: lon, reference };
    Report { name, retry_at: None, reason: "2 devices refused it; change it".into(), ..open_report(NOW) }
}

fn with_credential(rollout: &mut Rollout) {
    let mut layout = (*rollout.layout).clone();
    layout.set_credentials(layout.devices.clone().iter().map(|_| "env:K"));
    rollout.layout = Arc::new(layout);
}

#[test]
fn a_device_whose_credential_is_refused_is_not_handed_out_until_it_is_put_right() {
    let layout = layout(&[("r1", "lon", 0), ("r2", "par", 0)], vec![wave("all", false, false)]);
    let (mut rollout, mut world) = (rollout(layout), World::default());
    with_credential(&mut rollout);
    world.sites.insert(site("lon"), connected(9));
    world.sites.insert(site("par"), connected(9));
    world.credentials.insert((site("lon"), "env:K".into()), refused());
    let events = settle(&mut rollout, NOW, &world);
    assert_eq!(dispatched(&events), ["r2"], "the same name elsewhere is another credential");
    let lines = rollout.blocked_on(NOW, &world);
    assert!(lines[0].contains("credential/lon/env:K OPEN (1 device wait)"), "{lines:?}");

    world.credentials.clear();
    assert_eq!(dispatched(&settle(&mut rollout, NOW, &world)), ["r1"]);
}

#[test]
fn a_credential_that_stays_refused_is_not_waited_for_beyond_skip_after() {
    let layout = layout(&[("r1", "lon", 0)], vec![wave("all", false, false)]);
    let (mut rollout, mut world) = (rollout(layout), World::default());
    with_credential(&mut rollout);
    world.sites.insert(site("lon"), connected(9));
    world.credentials.insert((site("lon"), "env:K".into()), refused());
    settle(&mut rollout, NOW, &world);
    let until = NOW.plus(rollout.layout.skip_after);
    assert!(rollout.advance(NOW, &world).wake.is_some_and(|(at, _)| at <= until));
    let events = settle(&mut rollout, until, &world);
    let skipped = |event: &Event| matches!(event, Event::Skipped { reason: SkipReason::CredentialOpen, .. });
    assert!(events.iter().any(skipped), "{events:?}");
}

#[test]
fn a_device_that_its_agent_does_not_start_waits_longer_each_time() {
    let layout = layout(&[("r1", "lon", 0)], vec![wave("all", false, false)]);
    let (mut rollout, mut world) = (rollout(layout), World::default());
    world.sites.insert(site("lon"), connected(1));
    let (mut now, mut waits) = (NOW, Vec::new());
    for attempt in 1..10 {
        assert_eq!(dispatched(&settle(&mut rollout, now, &world)).len(), 1);
        let verdict = rollout.result(&device("r1"), attempt, &outcome(Class::NotStarted), now);
        let ResultVerdict::Counted(event) = verdict else { panic!("{verdict:?}") };
        let Event::Requeued { not_before, .. } = &event else { panic!("{event:?}") };
        waits.push(not_before.since(now).as_millis());
        rollout.apply(&event, now);
        now = now.plus(not_before.since(now));
    }
    assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 32_000]);
}

#[test]
fn a_site_that_is_held_has_its_devices_in_doubt_read_as_probes() {
    let (mut rollout, mut world) = in_doubt(true);
    let held = Report { state: State::Held, ..open_report(NOW) };
    world.sites.insert(site("lon"), SiteView { breaker: Some(held), ..connected(1) });
    let events = settle(&mut rollout, NOW, &world);
    assert_eq!(events, [Event::ReadBack { site: site("lon"), ops: vec![(device("r1"), 2)] }]);
}

#[test]
fn a_device_in_doubt_that_an_operator_or_its_credential_shuts_off_is_not_read_meanwhile() {
    for by_hand in [true, false] {
        let (mut rollout, mut world) = in_doubt(true);
        with_credential(&mut rollout);
        if by_hand {
            let forced = Report { state: State::ForcedOpen, ..open_report(NOW) };
            world.devices.insert(device("r1"), forced);
        } else {
            world.credentials.insert((site("lon"), "env:K".into()), refused());
        }
        assert_eq!(settle(&mut rollout, NOW, &world), []);
        (world.devices, world.credentials) = Default::default();
        assert!(matches!(settle(&mut rollout, NOW, &world)[..], [Event::ReadBack { .. }]));
    }
}

#[test]
fn readings_that_its_agent_never_starts_end_with_a_person_and_go_on_when_it_is_back() {
    ends_with_a_person_until_its_agent_is_back(&outcome(Class::NotStarted));
}

#[test]
fn readings_without_the_secrets_that_they_need_go_on_for_as_long_as_somebody_waits_and_end_with_a_person() {
    ends_with_a_person_until_its_agent_is_back(&outcome(Class::CredentialUnavailable));
    let no_secret = Outcome { phase: Phase::Queue, ..outcome(Class::PrecheckFailed) };
    ends_with_a_person_until_its_agent_is_back(&no_secret);
}

/// Readings that end like this one for as long as somebody waits for them, and longer than [`READS_MAX`] would go.
fn ends_with_a_person_until_its_agent_is_back(end: &Outcome) {
    let (mut rollout, world) = in_doubt(true);
    let (mut now, mut readings) = (NOW, 0);
    let patience = rollout.layout.skip_after;
    loop {
        settle(&mut rollout, now, &world);
        let Some((_, device)) = rollout.device(&device("r1")).filter(|(_, device)| device.is_settling())
        else {
            panic!("in doubt")
        };
        readings += 1;
        let attempt = device.attempt;
        let verdict = rollout.result(&super::device("r1"), attempt, end, now);
        let ResultVerdict::Counted(event) = verdict else { panic!("{verdict:?}") };
        rollout.apply(&event, now);
        let Event::StillUnknown { not_before, .. } = event else { panic!("{event:?}") };
        let Some(at) = not_before else { break };
        now = at;
        assert!(readings < 30, "it never ends");
    }
    assert!(readings > READS_MAX, "{readings}");
    assert!(now.since(NOW) <= patience + Duration::from_secs(60), "{:?}", now.since(NOW));
    settle(&mut rollout, now, &world);
    assert!(rollout.has_ended(), "it holds up nothing any more");
    for event in rollout.reachable_again(&site("lon"), now) {
        rollout.apply(&event, now);
    }
    assert!(matches!(settle(&mut rollout, now, &world)[..], [Event::ReadBack { .. }]));
}

#[test]
fn what_nobody_could_reach_in_time_is_read_when_its_agent_is_back() {
    let (mut rollout, mut world) = in_doubt(true);
    let sites = std::mem::take(&mut world.sites);
    let until = NOW.plus(rollout.layout.skip_after);
    settle(&mut rollout, until, &world);
    assert!(rollout.has_ended() && !rollout.is_settling());
    assert_eq!(back(&mut rollout, &BTreeSet::new(), false), [], "a Hello alone proves nothing");
    for event in rollout.reachable_again(&site("lon"), NOW) {
        rollout.apply(&event, NOW);
    }
    world.sites = sites;
    assert!(matches!(settle(&mut rollout, until, &world)[..], [Event::ReadBack { .. }]));
    assert_eq!(state(&rollout), DeviceState::Unknown);
    assert_eq!(rollout.reachable_again(&site("lon"), NOW), [], "once");
}
