//! What agents report of breakers: what the coordinator knows better, what it had missed, what is not theirs.

use super::*;

#[tokio::test]
async fn an_agent_that_missed_a_reset_hears_it_when_it_reports_what_nobody_forces() {
    let driver = started(&Arc::default()).await;
    rollout_by(&driver, &fleet(), &spec("one"), "1").await;
    let mut agent = agent_at(&driver, "lab").await;
    agent.greeted().await;
    for state in [State::ForcedOpen, State::ForcedClosed] {
        agent.opens(&driver, "lab", state).await;
        let told = agent.inbox.recv().await;
        let reset = matches!(
            &told,
            Some(FromCoordinator::Breaker { action: BreakerAction::Reset, name: Name::Site(_), .. })
        );
        assert!(reset, "{state}: {told:?}");
    }
}

async fn breaker_events(store: &Fragile) -> usize {
    let events = store.read("rollouts/one", 0).await.unwrap();
    events.iter().filter(|event| event.body.contains("Breaker") || event.body.contains("breaker")).count()
}

#[tokio::test]
async fn a_site_that_closed_while_the_coordinator_was_away_is_closed_in_the_log_and_only_then() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    rollout_by(&driver, &fleet(), &spec("one"), "1").await;
    let agent = agent_at(&driver, "lab").await;
    agent.opens(&driver, "lab", State::Open).await;
    stands(&driver, "one").await;
    let before = breaker_events(&store).await;
    for expected in [before + 1, before + 1] {
        let driver = started(&store).await;
        let agent = agent_at(&driver, "lab").await;
        agent.opens(&driver, "lab", State::Closed).await;
        stands(&driver, "one").await;
        assert_eq!(breaker_events(&store).await, expected);
    }
}

#[tokio::test]
async fn an_agent_reports_no_breaker_of_another_site_of_its_devices_or_of_everything() {
    let driver = started(&Arc::default()).await;
    rollout_by(&driver, &ten_sites(), &spec("one"), "1").await;
    let agent = agent_at(&driver, "s0").await;
    let site = SiteName::new("s0").unwrap();
    for name in ["site/s1", "device/d1", "device/none", "credential/s1/env:K", "global", "device/d0"] {
        let closed = Report::closed(Name::parse(name).unwrap(), Some(site.clone()), Timestamp(1));
        let report = Report { state: State::Open, reason: "x".into(), ..closed };
        driver.deliver(agent.session, FromAgent::Breaker(report)).await.unwrap();
    }
    stands(&driver, "one").await;
    assert_eq!(listed(&driver).await, ["device/d0 OPEN by auto: x"]);
}
