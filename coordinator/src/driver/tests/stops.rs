//! Stops by hand and by evidence: what they hold, who hears of them, and that they last.

mod once;
mod repeated;
mod reported;

use super::*;
use switchyard_shared::breaker::{Name, State};
use switchyard_shared::id::DeviceName;

/// Ten devices at one site: five with os=1, five with os=2.
fn fleet() -> String {
    let device = |n: u32| {
        let os = if n < 5 { 1 } else { 2 };
        format!("  d{n}: {{hostname: 127.1.0.{}, site: lab, labels: {{os: '{os}'}}}}\n", n + 1)
    };
    let devices: String = (0..10).map(device).collect();
    format!("{}devices:\n{devices}", INVENTORY.split("devices:").next().unwrap())
}

/// Ten sites with one device each.
fn ten_sites() -> String {
    let sites: Vec<String> = (0..10).map(|n| format!("s{n}: {{}}")).collect();
    let device = |n: u32| format!("  d{n}: {{hostname: 127.1.0.{}, site: s{n}}}\n", n + 1);
    let devices: String = (0..10).map(device).collect();
    let head = INVENTORY.split("sites:").next().unwrap();
    format!("{head}sites: {{{}}}\ndevices:\n{devices}", sites.join(", "))
}

fn spec(name: &str) -> String {
    SPEC.replace("name: test", &format!("name: {name}"))
}

async fn command(
    driver: &Driver,
    name: &str,
    action: BreakerAction,
    reason: &'static str,
) -> Result<Report, Refused> {
    let name = Name::parse(name).unwrap();
    driver.ask(move |world, turn| world.command_breaker(&name, action, "ann", reason, turn)).await
}

async fn steer(driver: &Driver, name: &str, verb: Verb) -> Result<RolloutName, Refused> {
    let (name, by, reason, etag) = (name.to_owned(), "bob".to_owned(), String::new(), String::new());
    driver.ask(move |world, turn| world.steer(&Steer { name, verb, by, reason, etag }, turn)).await
}

async fn blocked_on(driver: &Driver, name: &'static str) -> Vec<String> {
    driver.ask(move |world, turn| Ok(world.blocked_on(world.rollout(name)?, turn.now))).await.unwrap()
}

async fn listed(driver: &Driver) -> Vec<String> {
    let all = driver.ask(|world, turn| Ok(world.all_breakers(turn.now))).await.unwrap();
    let open = all.into_iter().filter(|report| report.state != State::Closed);
    open.map(|report| format!("{} {} by {}: {}", report.name, report.state, report.by, report.reason))
        .collect()
}

/// The breakers that a rollout is shown with.
async fn named(driver: &Driver, rollout: &'static str) -> Vec<String> {
    let shown = driver.ask(move |world, turn| world.shown(rollout, turn.now)).await.unwrap();
    shown.breakers.into_iter().map(|breaker| breaker.name).collect()
}

/// One turn after everything that was said before.
async fn stands(driver: &Driver, name: &str) -> (RolloutState, String) {
    driver.ask(|_, _| Ok(())).await.unwrap();
    let name = name.to_owned();
    let look = move |world: &mut World, _: &mut Turn| {
        let rollout = &world.rollout(&name)?.rollout;
        Ok((rollout.state, rollout.reason.clone()))
    };
    driver.ask(look).await.unwrap()
}

async fn agent_at(driver: &Driver, site: &str) -> Agent {
    let site = SiteName::new(site).unwrap();
    let (messages, inbox) = mpsc::channel(64);
    let outbox = Outbox { messages, close: CancellationToken::new() };
    let hello = Hello { site: site.clone(), ..hello(vec![]) };
    let opened = driver.open_session(peer(site.as_str(), &site), hello, outbox).await.unwrap();
    Agent { session: opened.session, inbox }
}

impl Agent {
    async fn opens(&self, driver: &Driver, site: &str, state: State) {
        let site = SiteName::new(site).unwrap();
        let closed = Report::closed(Name::Site(site.clone()), Some(site), Timestamp(1));
        let report = Report { state, reason: "silent".into(), ..closed };
        driver.deliver(self.session, FromAgent::Breaker(report)).await.unwrap();
    }

    /// The devices of the next Cancel; empty means everything.
    async fn called_off(&mut self) -> (Vec<String>, String) {
        loop {
            if let FromCoordinator::Cancel { devices, reason, .. } = self.inbox.recv().await.expect("open") {
                return (devices.iter().map(DeviceName::to_string).collect(), reason);
            }
        }
    }
}

#[tokio::test]
async fn a_group_tripped_by_hand_is_held_in_every_rollout_of_now_and_later_until_its_reset() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    rollout_by(&driver, &fleet(), &spec("one"), "1").await;
    command(&driver, "group/os=2", BreakerAction::Trip, "vendor bug").await.unwrap();
    rollout_by(&driver, &fleet(), &spec("two"), "2").await;
    let held = [
        "group/os=2 FORCED_OPEN by ann: vendor bug",
        "rollout/one/group/os=2 FORCED_OPEN by ann: group/os=2 is FORCED_OPEN by ann: vendor bug; switchyard breaker \
         reset group/os=2 --reason WHY",
        "rollout/two/group/os=2 FORCED_OPEN by ann: group/os=2 is FORCED_OPEN by ann: vendor bug; switchyard breaker \
         reset group/os=2 --reason WHY",
    ];
    assert_eq!(listed(&driver).await, held);
    let again = started(&store).await;
    assert_eq!(listed(&again).await, held, "after a restart");
    let mut agent = agent_at(&again, "lab").await;
    again.deliver(agent.session, FromAgent::Credit(64)).await.unwrap();
    let mut sequence = 0;
    for _ in 0..4 {
        for op in agent.ops().await {
            assert!(op.device.as_str() < "d5", "{op} has os=2");
            sequence += 1;
            agent.report(&again, sequence, &op, Class::Ok).await;
        }
    }
    let one = command(&again, "rollout/one/group/os=2", BreakerAction::Reset, "fixed").await;
    let refused = one.unwrap_err().to_string();
    assert!(
        refused.contains("group/os=2 is FORCED_OPEN by ann: vendor bug; switchyard breaker reset"),
        "{refused}"
    );
    let reset = command(&again, "group/os=2", BreakerAction::Reset, "fixed").await.unwrap();
    assert_eq!((reset.state, reset.by.as_str()), (State::Closed, "ann"));
    assert_eq!(listed(&again).await, Vec::<String>::new());
    assert_eq!(listed(&started(&store).await).await, Vec::<String>::new(), "the reset lasts as well");
}

#[tokio::test]
async fn a_group_that_a_rollout_cannot_hold_alone_pauses_it_and_a_slip_is_refused() {
    let driver = started(&Arc::default()).await;
    let same = fleet().replace("os: '2'", "os: '1'");
    rollout_by(&driver, &same, &spec("one"), "1").await;
    let slip = command(&driver, "group/oss=1", BreakerAction::Trip, "x").await.unwrap_err().to_string();
    assert!(slip.contains("no device has a field, label or data called \"oss\"; did you mean os?"), "{slip}");
    command(&driver, "group/os=1", BreakerAction::Trip, "vendor bug").await.unwrap();
    let (state, reason) = stands(&driver, "one").await;
    assert_eq!(state, RolloutState::Paused);
    assert!(reason.contains("group/os=1 is FORCED_OPEN by ann: vendor bug"), "{reason}");
}

#[tokio::test]
async fn everything_stops_at_global_and_nobody_resumes_before_its_reset() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    rollout_by(&driver, &fleet(), &spec("one"), "1").await;
    let mut agent = agent_at(&driver, "lab").await;
    driver.deliver(agent.session, FromAgent::Credit(64)).await.unwrap();
    assert_eq!(agent.ops().await.len(), 1);
    command(&driver, "global", BreakerAction::Trip, "core outage").await.unwrap();
    let (devices, why) = agent.called_off().await;
    assert_eq!(devices, Vec::<String>::new(), "an emergency reaches the agents");
    assert!(why.contains("core outage"), "{why}");
    rollout_by(&driver, &fleet(), &spec("two"), "2").await;
    let why = "global is FORCED_OPEN by ann: core outage; switchyard breaker reset global --reason WHY";
    for driver in [driver, started(&store).await] {
        for name in ["one", "two"] {
            let (state, reason) = stands(&driver, name).await;
            assert_eq!(state, RolloutState::Paused, "{name}");
            assert!(reason.contains(why), "{name}: {reason}");
            let refused = steer(&driver, name, Verb::Resume).await.unwrap_err();
            assert_eq!(refused.to_string(), format!("resume rollouts/{name}: {why}"));
            assert_eq!(tonic::Status::from(refused).code(), tonic::Code::FailedPrecondition);
        }
    }
    let driver = started(&store).await;
    command(&driver, "global", BreakerAction::Reset, "over").await.unwrap();
    assert_eq!(stands(&driver, "one").await.0, RolloutState::Paused, "a person resumes each");
    steer(&driver, "one", Verb::Resume).await.unwrap();
    assert_eq!(stands(&driver, "one").await.0, RolloutState::Running);
    command(&driver, "rollout/two/global", BreakerAction::Reset, "over").await.unwrap();
    assert_eq!(stands(&driver, "two").await.0, RolloutState::Running);
    command(&driver, "rollout/two/global", BreakerAction::Trip, "look first").await.unwrap();
    assert_eq!(listed(&driver).await, ["rollout/two/global FORCED_OPEN by ann: look first"]);
}

#[tokio::test]
async fn a_change_is_never_kept_closed_by_hand_but_a_site_is_and_that_lasts() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    rollout_by(&driver, &fleet(), &spec("one"), "1").await;
    for name in ["global", "group/os=2", "rollout/one/global"] {
        let refused = command(&driver, name, BreakerAction::ForceClosed, "x").await.unwrap_err().to_string();
        assert!(refused.contains("cannot be kept closed: what the evidence says"), "{refused}");
    }
    command(&driver, "site/lab", BreakerAction::ForceClosed, "known flaky").await.unwrap();
    for driver in [driver, started(&store).await] {
        let mut agent = agent_at(&driver, "lab").await;
        agent.greeted().await;
        let told = agent.inbox.recv().await;
        let forced = |told: &FromCoordinator| {
            matches!(told, FromCoordinator::Breaker { action: BreakerAction::ForceClosed, .. })
        };
        assert!(told.as_ref().is_some_and(forced), "{told:?}");
        agent.opens(&driver, "lab", State::Open).await;
        assert_eq!(listed(&driver).await, ["site/lab FORCED_CLOSED by ann: known flaky"]);
    }
    let missing = command(&started(&store).await, "credential/lab/env:NONE", BreakerAction::Trip, "x").await;
    assert!(matches!(missing, Err(Refused::NotFound { .. })), "{missing:?}");
}

#[tokio::test]
async fn an_ended_rollout_names_no_breaker_that_has_closed_since() {
    let driver = started(&Arc::default()).await;
    rollout_by(&driver, &ten_sites(), &spec("one"), "1").await;
    let agent = agent_at(&driver, "s0").await;
    agent.opens(&driver, "s0", State::Open).await;
    steer(&driver, "one", Verb::Abort).await.unwrap();
    stands(&driver, "one").await;
    assert_eq!(named(&driver, "one").await, ["site/s0"]);
    agent.opens(&driver, "s0", State::Closed).await;
    assert_eq!(named(&driver, "one").await, Vec::<String>::new());
}

#[tokio::test]
async fn sites_that_open_together_pause_the_rollout_and_a_resume_accepts_them() {
    let driver = started(&Arc::default()).await;
    rollout_by(&driver, &ten_sites(), &spec("one"), "1").await;
    stands(&driver, "one").await;
    let mut agents = Vec::new();
    for n in 0..5 {
        agents.push(agent_at(&driver, &format!("s{n}")).await);
    }
    for (n, agent) in agents.iter().enumerate().take(2) {
        agent.opens(&driver, &format!("s{n}"), State::Open).await;
    }
    assert_eq!(stands(&driver, "one").await.0, RolloutState::Running, "two of ten are their own trouble");
    agents[2].opens(&driver, "s2", State::Open).await;
    let (state, reason) = stands(&driver, "one").await;
    assert_eq!(state, RolloutState::Paused);
    let want = "3 of 10 sites opened within 10m (3 >= 3 and 30 % >= 30 %): this is us, not them";
    assert!(reason.starts_with(want), "{reason}");
    steer(&driver, "one", Verb::Resume).await.unwrap();
    assert_eq!(stands(&driver, "one").await.0, RolloutState::Running);
    agents[3].opens(&driver, "s3", State::Open).await;
    assert_eq!(stands(&driver, "one").await.0, RolloutState::Running, "one more is not three more");
}

#[tokio::test]
async fn a_hold_calls_off_its_devices_in_flight_and_a_stop_everything() {
    let driver = started(&Arc::default()).await;
    rollout_by(&driver, &fleet(), &spec("one"), "1").await;
    let mut agent = agent_at(&driver, "lab").await;
    driver.deliver(agent.session, FromAgent::Credit(64)).await.unwrap();
    let first = agent.ops().await;
    agent.report(&driver, 1, &first[0], Class::Ok).await;
    let second = agent.ops().await;
    assert!(second.iter().any(|op| op.device.as_str() >= "d5"), "one of each value: {second:?}");
    command(&driver, "rollout/one/group/os=2", BreakerAction::Trip, "odd").await.unwrap();
    let in_flight: Vec<String> = second.iter().map(|op| op.device.to_string()).collect();
    let lines = blocked_on(&driver, "one").await;
    let held = lines.iter().filter(|line| line.starts_with("held os=2: odd, by ann since ")).count();
    assert_eq!(held, 1, "once, with who and since when: {lines:?}");
    let way = "nothing of it starts until: switchyard breaker reset rollout/one/group/os=2 --reason WHY (one device first)";
    assert!(lines.iter().any(|line| line.ends_with(way)), "{lines:?}");
    let (called, why) = agent.called_off().await;
    let of_group: Vec<String> = in_flight.iter().filter(|name| name.as_str() >= "d5").cloned().collect();
    assert_eq!((called, why.as_str()), (of_group, "held os=2: odd"));
    driver.close_session(agent.session).await;
    let back = Hello { in_hand: second.clone(), ..hello(vec![]) };
    let mut agent = connect(&driver, "lab", back).await.unwrap();
    assert!(!agent.called_off().await.0.is_empty(), "an agent that was away hears of the hold");
    agent.report(&driver, 2, &second[0], Class::RollbackFailed).await;
    assert_eq!(stands(&driver, "one").await.0, RolloutState::Paused, "pauses at the first");
    let (called, why) = agent.called_off().await;
    assert_eq!(called, Vec::<String>::new(), "everything");
    assert!(why.contains("ROLLBACK_FAILED"), "{why}");
    assert_eq!(steer(&driver, "one", Verb::Abort).await.unwrap().as_str(), "one");
    assert!(agent.called_off().await.1.starts_with("aborted"));
}

#[tokio::test]
async fn a_site_hears_what_the_inventory_says_of_it_at_once_and_when_that_changes() {
    let driver = started(&Arc::default()).await;
    let with = |site: &str| INVENTORY.replace("lab: {}", &format!("lab: {site}"));
    let import = |text: String| {
        let inventory = Inventory::parse(&text, "i").unwrap();
        driver.ask(move |world, turn| {
            world.import(inventory, turn);
            Ok(())
        })
    };
    import(with("{sentinel: '192.0.2.1:22', pools: {max_in_flight: 7, connect_rate: 10/s}}")).await.unwrap();
    let mut agent = agent_at(&driver, "lab").await;
    let told = agent.greeted().await;
    assert_eq!((told.sentinel.as_deref(), told.max_in_flight), (Some("192.0.2.1:22"), Some(7)));
    assert_eq!(told.connect_rate.map(|rate| rate.per_1000s), Some(10_000));
    import(with("{}")).await.unwrap();
    let plain = SiteSettings { devices: told.devices, ..SiteSettings::default() };
    assert!(told.devices > 0, "the small-site rule needs the count");
    assert_eq!(agent.inbox.recv().await, Some(FromCoordinator::Site(plain)));
}
