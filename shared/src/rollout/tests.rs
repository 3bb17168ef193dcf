//! The promises of the rollout machine, over scripted results and a seeded random world.

mod credentials;
mod doubt;
mod late;
mod pacing;
mod restore;
mod retrying;
mod silence;

use super::event::{Event, SkipReason};
use super::*;
use crate::breaker::{Name, Report, State};
use crate::outcome::{Class, LeftAs, Phase};
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_000_000);

#[derive(Default)]
struct World {
    sites: BTreeMap<SiteName, SiteView>,
    held: BTreeMap<DeviceName, RolloutName>,
    devices: BTreeMap<DeviceName, Report>,
    credentials: BTreeMap<(SiteName, String), Report>,
}

impl Surroundings for World {
    fn site(&self, site: &SiteName) -> SiteView {
        self.sites.get(site).cloned().unwrap_or_default()
    }
    fn device_breaker(&self, device: &DeviceName) -> Option<Report> {
        self.devices.get(device).cloned()
    }
    fn credential_breaker(&self, site: &SiteName, reference: &str) -> Option<Report> {
        self.credentials.get(&(site.clone(), reference.to_owned())).cloned()
    }
    fn held_by_other(&self, device: &DeviceName, _: &RolloutName) -> Option<RolloutName> {
        self.held.get(device).cloned()
    }
}

fn site(name: &str) -> SiteName {
    SiteName::new(name).unwrap()
}

fn device(name: &str) -> DeviceName {
    DeviceName::new(name).unwrap()
}

fn connected(credit: u32) -> SiteView {
    SiteView { connected: true, credit, breaker: None, in_flight: 0 }
}

fn open_report(now: Timestamp) -> Report {
    Report {
        name: Name::Site(site("lon")),
        site: Some(site("lon")),
        state: State::Open,
        reason: "5 of the last 5 devices silent".into(),
        since: now,
        first_opened_at: Some(now),
        retry_at: Some(now.plus(Duration::from_secs(30))),
        opened_times: 1,
        by: "auto".into(),
        failed: 5,
        seen: 5,
    }
}

fn layout(devices: &[(&str, &str, u32)], waves: Vec<LayoutWave>) -> Layout {
    let devices = devices
        .iter()
        .map(|(name, at, wave)| LayoutDevice { name: device(name), site: site(at), wave: *wave })
        .collect();
    let retry = RetryPolicy {
        max_attempts: 1,
        backoff: Duration::from_secs(5),
        max_backoff: Duration::from_secs(30),
        retry_on: vec![Class::Timeout],
    };
    Layout::new(devices, waves, retry)
}

fn wave(name: &str, canary: bool, manual: bool) -> LayoutWave {
    LayoutWave { name: name.into(), canary, soak: Duration::ZERO, manual }
}

fn rollout(layout: Layout) -> Rollout {
    let created = Event::Created {
        plan: PlanName::new("p").unwrap(),
        digest: "sha256:0".into(),
        by: "anna".into(),
        request_id: String::new(),
    };
    Rollout::from_created(RolloutName::new("r").unwrap(), Arc::new(layout), &created, NOW).unwrap()
}

fn settle(rollout: &mut Rollout, now: Timestamp, world: &World) -> Vec<Event> {
    let mut all = Vec::new();
    loop {
        let step = rollout.advance(now, world);
        if step.events.is_empty() {
            return all;
        }
        for event in step.events {
            rollout.apply(&event, now);
            assert_counts(rollout);
            all.push(event);
        }
        assert!(all.len() < 10_000, "the rollout never settles");
    }
}

fn assert_counts(rollout: &Rollout) {
    let sum = |c: &Counts| c.pending + c.running + c.good() + c.bad() + c.rolled_back;
    assert_eq!(sum(&rollout.counts), rollout.counts.planned);
    for wave in &rollout.waves {
        assert_eq!(sum(&wave.counts), wave.counts.planned);
    }
}

fn outcome(class: Class) -> Outcome {
    Outcome::new(class, Phase::Connect, LeftAs::Unchanged, "told", NOW)
}

fn report_result(rollout: &mut Rollout, name: &str, attempt: u32, class: Class) -> ResultVerdict {
    let verdict = rollout.result(&device(name), attempt, &outcome(class), NOW);
    if let ResultVerdict::Counted(events) = &verdict {
        rollout.apply(events, NOW);
    }
    assert_counts(rollout);
    verdict
}

fn dispatched(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .filter_map(|event| if let Event::Dispatched { ops, .. } = event { Some(ops) } else { None })
        .flatten()
        .map(|(name, _)| name.to_string())
        .collect()
}

#[test]
fn never_more_than_the_credit_nor_the_site_limit_is_handed_out() {
    let places: Vec<(String, &str, u32)> = (0..20).map(|i| (format!("d{i:02}"), "lon", 0)).collect();
    let places: Vec<(&str, &str, u32)> = places.iter().map(|(n, s, w)| (n.as_str(), *s, *w)).collect();
    for (credit, limit, expected) in [(3, 0, 3), (50, 7, 7), (50, 0, 20)] {
        let mut plan = layout(&places, vec![wave("all", false, false)]);
        plan.max_parallel_per_site = limit;
        let mut rollout = rollout(plan);
        let world = World { sites: [(site("lon"), connected(credit))].into(), ..World::default() };
        rollout.apply(&Event::WaveStarted { wave: 0 }, NOW);
        let step = rollout.advance(NOW, &world);
        assert_eq!(dispatched(&step.events).len(), expected, "credit {credit} limit {limit}");
    }
}

#[test]
fn an_open_site_is_skipped_after_skip_after_and_the_others_go_on() {
    let mut plan =
        layout(&[("a", "lon", 0), ("b", "lon", 0), ("c", "ams", 0)], vec![wave("all", false, false)]);
    plan.skip_after = Duration::from_secs(60);
    let mut rollout = rollout(plan);
    let mut lon = connected(10);
    lon.breaker = Some(open_report(NOW));
    rollout.apply(&Event::Breaker { report: open_report(NOW) }, NOW);
    let mut world =
        World { sites: [(site("lon"), lon), (site("ams"), connected(1))].into(), ..World::default() };
    let events = settle(&mut rollout, NOW, &world);
    assert_eq!(dispatched(&events), ["c"]);
    assert_eq!(rollout.counts.skipped, 0, "it waits for the site first");
    world.sites.insert(site("ams"), connected(0));
    settle(&mut rollout, NOW.plus(Duration::from_secs(60)), &world);
    assert_eq!(rollout.counts.skipped, 2);
    report_result(&mut rollout, "c", 1, Class::Ok);
    settle(&mut rollout, NOW, &world);
    assert_eq!((rollout.state, rollout.has_ended()), (RolloutState::PartiallySucceeded, true));
}

#[test]
fn a_connect_called_off_by_an_opening_ends_as_skipped_not_failed() {
    let mut plan = layout(&[("a", "lon", 0)], vec![wave("all", false, false)]);
    plan.skip_after = Duration::ZERO;
    let mut rollout = rollout(plan);
    let mut world = World { sites: [(site("lon"), connected(1))].into(), ..World::default() };
    settle(&mut rollout, NOW, &world);
    world.sites.get_mut("lon").unwrap().breaker = Some(open_report(NOW));
    rollout.apply(&Event::Breaker { report: open_report(NOW) }, NOW);
    report_result(&mut rollout, "a", 1, Class::Cancelled);
    let events = settle(&mut rollout, NOW, &world);
    assert!(matches!(&events[0], Event::Skipped { reason: SkipReason::SiteOpen, .. }), "{events:?}");
    assert_eq!((rollout.counts.skipped, rollout.counts.failed), (1, 0));
}

#[test]
fn a_bad_canary_device_pauses_before_anybody_else_is_touched() {
    let plan = layout(
        &[("a", "lon", 0), ("b", "lon", 1)],
        vec![wave("canary", true, false), wave("rest", false, false)],
    );
    let mut rollout = rollout(plan);
    let world = World { sites: [(site("lon"), connected(9))].into(), ..World::default() };
    assert_eq!(dispatched(&settle(&mut rollout, NOW, &world)), ["a"]);
    report_result(&mut rollout, "a", 1, Class::Rejected);
    assert_eq!(dispatched(&settle(&mut rollout, NOW, &world)), Vec::<String>::new());
    assert_eq!(rollout.state, RolloutState::Paused);
    let resumed = rollout.resume("anna", "known", "").unwrap().unwrap();
    rollout.apply(&resumed, NOW);
    assert_eq!(dispatched(&settle(&mut rollout, NOW, &world)), ["b"]);
}

#[test]
fn a_rollout_that_ended_while_it_was_paused_no_longer_says_why_it_was_paused() {
    let mut rollout = rollout(layout(&[("a", "lon", 0)], vec![wave("all", false, false)]));
    let world = World { sites: [(site("lon"), connected(9))].into(), ..World::default() };
    assert_eq!(dispatched(&settle(&mut rollout, NOW, &world)), ["a"]);
    rollout.apply(&Event::Paused { by: "anna".into(), reason: "lunch".into() }, NOW);
    assert_eq!(rollout.reason, "paused by anna: lunch");
    report_result(&mut rollout, "a", 1, Class::Ok);
    settle(&mut rollout, NOW, &world);
    assert_eq!((rollout.state, rollout.reason.as_str()), (RolloutState::Succeeded, ""));
}

#[test]
fn a_manual_wave_waits_for_promotion_and_says_so() {
    let plan = layout(
        &[("a", "lon", 0), ("b", "lon", 1)],
        vec![wave("canary", true, true), wave("rest", false, false)],
    );
    let mut rollout = rollout(plan);
    let world = World { sites: [(site("lon"), connected(9))].into(), ..World::default() };
    settle(&mut rollout, NOW, &world);
    report_result(&mut rollout, "a", 1, Class::Ok);
    assert!(dispatched(&settle(&mut rollout, NOW, &world)).is_empty());
    assert!(rollout.blocked_on(NOW, &world)[0].contains("switchyard rollout promote r"));
    let promoted = rollout.promote("anna", "looks good", "").unwrap().unwrap();
    rollout.apply(&promoted, NOW);
    assert_eq!(dispatched(&settle(&mut rollout, NOW, &world)), ["b"]);
}

#[test]
fn a_repeated_result_changes_nothing_and_a_stray_one_is_told() {
    let mut rollout = rollout(layout(&[("a", "lon", 0)], vec![wave("all", false, false)]));
    let world = World { sites: [(site("lon"), connected(9))].into(), ..World::default() };
    settle(&mut rollout, NOW, &world);
    assert!(matches!(report_result(&mut rollout, "a", 2, Class::Ok), ResultVerdict::Stray(_)));
    report_result(&mut rollout, "a", 1, Class::Ok);
    assert_eq!(report_result(&mut rollout, "a", 1, Class::Ok), ResultVerdict::Repeated);
    assert_eq!(rollout.counts.succeeded, 1);
}

#[test]
fn what_an_agent_does_not_know_was_never_started_and_is_handed_out_as_a_new_attempt() {
    let mut rollout = rollout(layout(&[("a", "lon", 0), ("b", "lon", 0)], vec![wave("all", false, false)]));
    let world = World { sites: [(site("lon"), connected(9))].into(), ..World::default() };
    settle(&mut rollout, NOW, &world);
    let in_hand = [(device("a"), 1)].into();
    for event in rollout.reconcile(&site("lon"), &in_hand, false, NOW) {
        rollout.apply(&event, NOW);
    }
    assert_eq!(dispatched(&settle(&mut rollout, NOW, &world)), ["b"]);
    assert_eq!((rollout.devices[1].attempt, rollout.devices[1].tries), (2, 0));
}

#[test]
fn a_device_that_another_rollout_holds_is_waited_for_then_skipped_as_busy() {
    let mut rollout = rollout(layout(&[("a", "lon", 0), ("b", "lon", 0)], vec![wave("all", false, false)]));
    let held = [(device("a"), RolloutName::new("other").unwrap())].into();
    let world = World { sites: [(site("lon"), connected(9))].into(), held, ..World::default() };
    assert_eq!(dispatched(&settle(&mut rollout, NOW, &world)), ["b"]);
    assert_eq!(rollout.blocked_on(NOW, &world), ["device a: held by rollouts/other"]);
    settle(&mut rollout, NOW.plus(batch::BUSY_WAIT), &world);
    assert_eq!(rollout.devices[0].state, DeviceState::Skipped);
}

#[test]
fn abort_is_accepted_while_paused_and_ends_when_the_last_device_in_flight_has_reported() {
    let mut rollout = rollout(layout(&[("a", "lon", 0), ("b", "lon", 0)], vec![wave("all", false, false)]));
    let world = World { sites: [(site("lon"), connected(1))].into(), ..World::default() };
    rollout.apply(&Event::WaveStarted { wave: 0 }, NOW);
    let step = rollout.advance(NOW, &world);
    step.events.iter().for_each(|event| rollout.apply(event, NOW));
    for event in [rollout.pause("anna", "", "").unwrap(), rollout.abort("anna", "enough", "").unwrap()] {
        rollout.apply(&event.unwrap(), NOW);
        settle(&mut rollout, NOW, &world);
    }
    assert!(!rollout.has_ended());
    report_result(&mut rollout, "a", 1, Class::Ok);
    settle(&mut rollout, NOW, &world);
    assert_eq!((rollout.state, rollout.has_ended()), (RolloutState::Aborted, true));
    assert_eq!((rollout.counts.succeeded, rollout.counts.skipped), (1, 1));
}

#[test]
fn retries_are_made_only_for_listed_classes_and_within_the_bound() {
    let mut plan = layout(&[("a", "lon", 0), ("b", "lon", 0)], vec![wave("all", false, false)]);
    plan.retry.max_attempts = 2;
    let mut rollout = rollout(plan);
    let world = World { sites: [(site("lon"), connected(9))].into(), ..World::default() };
    settle(&mut rollout, NOW, &world);
    report_result(&mut rollout, "a", 1, Class::Timeout);
    report_result(&mut rollout, "b", 1, Class::AuthFailed);
    assert_eq!(rollout.devices[1].state, DeviceState::Failed);
    assert!(dispatched(&settle(&mut rollout, NOW, &world)).is_empty(), "the backoff holds");
    let later = NOW.plus(Duration::from_secs(5));
    assert_eq!(dispatched(&settle(&mut rollout, later, &world)), ["a"]);
    report_result(&mut rollout, "a", 2, Class::Timeout);
    assert_eq!(rollout.devices[0].state, DeviceState::Failed);
}

#[test]
fn the_log_alone_gives_the_same_state() {
    let mut rollout = rollout(layout(&[("a", "lon", 0), ("b", "lon", 0)], vec![wave("all", false, false)]));
    let mut replayed = rollout.clone();
    let world = World { sites: [(site("lon"), connected(1))].into(), ..World::default() };
    let mut log = Vec::new();
    rollout.apply(&Event::WaveStarted { wave: 0 }, NOW);
    log.push(Event::WaveStarted { wave: 0 });
    let step = rollout.advance(NOW, &world);
    for event in step.events {
        rollout.apply(&event, NOW);
        log.push(event);
    }
    let ResultVerdict::Counted(event) = rollout.result(&device("a"), 1, &outcome(Class::Ok), NOW) else {
        panic!("counted");
    };
    rollout.apply(&event, NOW);
    log.push(event);
    for event in &log {
        let text = serde_json::to_string(event).unwrap();
        replayed.apply(&serde_json::from_str(&text).unwrap(), NOW);
    }
    assert_eq!(
        (replayed.devices, replayed.counts, replayed.state),
        (rollout.devices, rollout.counts, rollout.state)
    );
}

#[test]
fn a_site_that_opened_long_before_is_probed_by_the_next_rollout_not_skipped() {
    let mut plan = layout(&[("a", "lon", 0)], vec![wave("all", false, false)]);
    plan.skip_after = Duration::ZERO;
    let mut rollout = rollout(plan);
    let mut report = open_report(NOW);
    report.state = State::HalfOpen;
    rollout.apply(&Event::Breaker { report: report.clone() }, NOW);
    let mut lon = connected(1);
    lon.breaker = Some(report);
    let world = World { sites: [(site("lon"), lon)].into(), ..World::default() };
    let hours_later = NOW.plus(Duration::from_secs(9999));
    assert_eq!(dispatched(&settle(&mut rollout, hours_later, &world)), ["a"]);
}

#[test]
fn a_device_that_was_tried_keeps_its_class_when_it_is_given_up() {
    let mut plan = layout(&[("a", "lon", 0), ("b", "lon", 0)], vec![wave("all", false, false)]);
    plan.retry.max_attempts = 2;
    plan.skip_after = Duration::ZERO;
    let mut rollout = rollout(plan);
    let mut world = World { sites: [(site("lon"), connected(1))].into(), ..World::default() };
    settle(&mut rollout, NOW, &World::default());
    let step = rollout.advance(NOW, &world);
    step.events.iter().for_each(|event| rollout.apply(event, NOW));
    report_result(&mut rollout, "a", 1, Class::Timeout);
    world.sites.get_mut("lon").unwrap().breaker = Some(open_report(NOW));
    rollout.apply(&Event::Breaker { report: open_report(NOW) }, NOW);
    settle(&mut rollout, NOW, &world);
    assert_eq!((rollout.counts.failed, rollout.counts.skipped), (1, 1));
    assert_eq!(rollout.devices[0].tries, 1);
}

#[test]
fn the_listed_order_holds_across_sites_when_room_is_short() {
    let mut plan = layout(&[("first", "lon", 0), ("second", "ams", 0)], vec![wave("all", false, false)]);
    plan.max_parallel = 1;
    let mut rollout = rollout(plan);
    let sites = [(site("lon"), connected(9)), (site("ams"), connected(9))].into();
    let world = World { sites, ..World::default() };
    assert_eq!(dispatched(&settle(&mut rollout, NOW, &world)), ["first"]);
}

#[test]
fn devices_in_flight_at_a_site_without_agent_are_named_also_when_paused_or_aborted() {
    let mut rollout = rollout(layout(&[("a", "lon", 0)], vec![wave("all", false, false)]));
    let mut world = World { sites: [(site("lon"), connected(1))].into(), ..World::default() };
    settle(&mut rollout, NOW, &world);
    world.sites.clear();
    for event in [None, rollout.pause("anna", "", "").unwrap(), rollout.abort("anna", "", "").unwrap()] {
        event.iter().for_each(|event| rollout.apply(event, NOW));
        let lines = rollout.blocked_on(NOW, &world).join("; ");
        assert!(lines.contains("no agent at lon") && lines.contains("1 device in flight"), "{lines}");
    }
}

#[test]
fn a_command_that_saw_an_older_state_is_refused_with_the_etag_of_now() {
    let rollout = rollout(layout(&[("a", "lon", 0)], vec![wave("all", false, false)]));
    let refused = rollout.abort("anna", "", "r-0").unwrap_err();
    assert!(matches!(refused, CommandRefused::StaleEtag { current, .. } if current == "r-1"));
}

#[test]
fn a_pause_before_the_first_wave_ends_with_the_resume() {
    let mut rollout = rollout(layout(&[("a", "lon", 0)], vec![wave("all", false, false)]));
    let world = World { sites: [(site("lon"), connected(1))].into(), ..World::default() };
    let paused = rollout.pause("anna", "", "").unwrap().unwrap();
    rollout.apply(&paused, NOW);
    let resumed = rollout.resume("anna", "", "").unwrap().unwrap();
    rollout.apply(&resumed, NOW);
    assert_eq!(dispatched(&settle(&mut rollout, NOW, &world)), ["a"]);
}

#[test]
fn what_an_agent_without_its_journal_had_in_hand_is_unknown_and_never_sent_again() {
    let mut rollout = rollout(layout(&[("a", "lon", 0)], vec![wave("all", false, false)]));
    let world = World { sites: [(site("lon"), connected(9))].into(), ..World::default() };
    settle(&mut rollout, NOW, &world);
    for event in rollout.reconcile(&site("lon"), &BTreeSet::new(), true, NOW) {
        rollout.apply(&event, NOW);
    }
    assert!(dispatched(&settle(&mut rollout, NOW, &world)).is_empty());
    assert_eq!((rollout.counts.unknown, rollout.state), (1, RolloutState::Failed));
}
