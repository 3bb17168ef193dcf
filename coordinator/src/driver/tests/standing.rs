//! Whether anything may start: agents that were not heard yet, and one that has met a later state.

use super::*;

#[tokio::test]
async fn after_its_start_a_coordinator_hears_all_agents_of_a_rollout_before_anything_starts() {
    let two = INVENTORY.replace("sites: {lab: {}}", "sites: {lab: {}, far: {}}");
    let two = format!("{two}  z9: {{hostname: 127.1.0.99, site: far}}\n");
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    rollout_of(&driver, &two).await;
    let far = SiteName::new("far").unwrap();
    for (name, site) in [("one", lab()), ("two", far.clone())] {
        let (messages, _inbox) = mpsc::channel(64);
        let outbox = Outbox { messages, close: CancellationToken::new() };
        let hello = Hello { site: site.clone(), ..hello(vec![]) };
        driver.open_session(peer(name, &site), hello, outbox).await.unwrap();
    }
    let driver = started(&store).await;
    let agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    let held = || {
        driver.ask(|world, turn| {
            let name = world.rollouts.live_names().remove(0);
            Ok((
                world.rollouts.get(&name).unwrap().rollout.counts.running,
                world.blocked_on(&world.rollouts[&name], turn.now),
            ))
        })
    };
    driver.ask(|_, _| Ok(())).await.unwrap();
    let (running, blocked) = held().await.unwrap();
    assert!(
        running == 0 && blocked[0].contains("hears first what its agents know: far"),
        "{running} {blocked:?}"
    );
    let (messages, _inbox) = mpsc::channel(64);
    let outbox = Outbox { messages, close: CancellationToken::new() };
    let hello = Hello { site: far.clone(), ..hello(vec![]) };
    driver.open_session(peer("two", &far), hello, outbox).await.unwrap();
    driver.ask(|_, _| Ok(())).await.unwrap();
    assert!(held().await.unwrap().0 > 0);
}

#[tokio::test]
async fn while_one_agent_has_met_a_later_state_nothing_starts_at_the_others_either() {
    let two = format!("{INVENTORY}  z9: {{hostname: 127.1.0.99, site: far}}\n");
    for is_ahead in [false, true] {
        let driver = started(&Arc::default()).await;
        let name = rollout_of(&driver, &two).await;
        if is_ahead {
            let later = Hello { site: SiteName::new("far").unwrap(), coordinator_epoch: 41, ..hello(vec![]) };
            let (messages, _inbox) = mpsc::channel(64);
            let outbox = Outbox { messages, close: CancellationToken::new() };
            let refused = driver.open_session(peer("two", &later.site), later.clone(), outbox).await.err();
            assert!(matches!(refused, Some(Refused::RestoredBackup { .. })), "{refused:?}");
        }
        let agent = connect(&driver, "one", hello(vec![])).await.unwrap();
        driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
        driver.ask(|_, _| Ok(())).await.unwrap();
        let running =
            driver.ask(move |world, _| Ok(world.rollouts[&name].rollout.counts.running)).await.unwrap();
        assert_eq!(running == 0, is_ahead, "{running} of a rollout with an agent ahead: {is_ahead}");
    }
}
