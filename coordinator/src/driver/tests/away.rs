//! What has ended is put away and nothing of it is lost.

use super::*;
use std::time::Duration;
use switchyard_proto::convert::rollout::device_result;
use switchyard_shared::id::DeviceName;

/// Rollouts of three devices, each with the classes of its results: one ends well, one badly, one in doubt.
const ENDINGS: [(&str, [Class; 3]); 3] = [
    ("good", [Class::Ok, Class::Unchanged, Class::Ok]),
    ("bad", [Class::Ok, Class::Rejected, Class::Ok]),
    ("doubtful", [Class::Ok, Class::Ok, Class::LostAfterWrite]),
];

fn spec(name: &str) -> String {
    SPEC.replace("name: test", &format!("name: {name}"))
        .replace("{order: listed}", "{order: listed, budget: {devices: 3}}")
}

async fn filled() -> (Arc<Fragile>, Driver) {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(99)).await.unwrap();
    let mut sequence = 0;
    for (name, classes) in ENDINGS {
        rollout_by(&driver, INVENTORY, &spec(name), "").await;
        let mut classes = classes.into_iter();
        while classes.len() > 0 {
            for op in agent.ops().await {
                sequence += 1;
                agent.report(&driver, sequence, &op, classes.next().unwrap()).await;
            }
        }
        driver.ask(|_, _| Ok(())).await.unwrap();
        driver.ask(|_, _| Ok(())).await.unwrap();
    }
    rollout_by(&driver, INVENTORY, &spec("live"), "").await;
    let op = agent.ops().await.remove(0);
    agent.report(&driver, sequence + 1, &op, Class::Ok).await;
    agent.ops().await;
    (store, driver)
}

/// Everything that can be asked of every rollout.
async fn all_that_is_known(driver: &Driver) -> String {
    let names = |world: &mut World, _: &mut Turn| {
        Ok((world.rollouts.newest_first().cloned().collect::<Vec<_>>(), format!("{:?}", world.fleet.held)))
    };
    let (names, mut known) = driver.ask(names).await.unwrap();
    for name in names {
        let look = move |world: &mut World, _: &mut Turn| {
            let active = world.rollout(name.as_str())?;
            let rollout = &active.rollout;
            let devices: Vec<_> = (0..3).map(|rank| device_result(rollout, rank)).collect();
            let mut shown = world.shown(name.as_str(), Timestamp(0))?;
            // What surrounds it: there is no agent after a restart.
            shown.blocked_on.clear();
            shown.pace.clear();
            let own = (&rollout.devices, &rollout.waves, rollout.holds(), &rollout.request_id, &active.notes);
            Ok(format!("{shown:#?}\n{devices:#?}\n{own:#?}\n"))
        };
        known += &driver.ask_about(look).await.unwrap();
    }
    known
}

async fn whole_in_memory(driver: &Driver) -> Vec<String> {
    let look = |world: &mut World, _: &mut Turn| {
        Ok(world.rollouts.all().map(|active| active.rollout.name.to_string()).collect())
    };
    driver.ask(look).await.unwrap()
}

/// The store as a version left it that kept no ends and no heads of plans.
async fn without_ends(store: &Fragile) -> Arc<Fragile> {
    let before = Arc::new(Fragile::default());
    let mut batch = Batch::default();
    for event in store.read_all(0).await.unwrap() {
        let StoredEvent { stream, version, at, body, .. } = event;
        batch.events.push(crate::store::NewEvent { stream, version, at, body });
    }
    for kind in ["plan", "config", "meta", "inventory", "watermark", "agent"] {
        for (id, body) in store.documents(kind).await.unwrap() {
            batch.documents.push(crate::store::Document { kind, id, body });
        }
    }
    before.append(batch).await.unwrap();
    before
}

#[tokio::test]
async fn a_recovered_world_is_the_world_before_whether_its_ends_were_kept_or_not() {
    let (store, driver) = filled().await;
    let before = all_that_is_known(&driver).await;
    assert_eq!(store.ids("ended").await.unwrap(), ["bad", "doubtful", "good"], "kept with the end itself");
    let earlier = without_ends(&store).await;
    for store in [store, earlier] {
        for _ in 0..2 {
            let driver = started(&store).await;
            assert_eq!(whole_in_memory(&driver).await, ["live", "doubtful"], "the others are put away");
            let after = all_that_is_known(&driver).await;
            let differs = after.lines().zip(before.lines()).find(|(after, before)| after != before);
            assert_eq!(differs, None);
            assert_eq!(after.len(), before.len());
        }
    }
}

#[tokio::test]
async fn an_ended_rollout_leaves_memory_a_minute_after_its_last_use_and_one_in_doubt_stays() {
    let (_, driver) = filled().await;
    assert_eq!(whole_in_memory(&driver).await, ["live", "bad", "doubtful", "good"]);
    let later = |world: &mut World, turn: &mut Turn| {
        world.rollouts.tidy(turn.now.plus(Duration::from_secs(59)));
        let still = world.rollouts.all().count();
        world.rollouts.tidy(turn.now.plus(Duration::from_secs(62)));
        Ok(still)
    };
    assert_eq!(driver.ask(later).await.unwrap(), 4);
    assert_eq!(whole_in_memory(&driver).await, ["live", "doubtful"]);
}

#[tokio::test]
async fn a_result_that_contradicts_a_rollout_that_was_put_away_is_not_lost() {
    let (store, _) = filled().await;
    let driver = started(&store).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    let (rollout, device) = (RolloutName::new("good").unwrap(), DeviceName::new("a").unwrap());
    let op = OpId { rollout, device, attempt: 1 };
    agent.report(&driver, 99, &op, Class::Rejected).await;
    agent.ack().await;
    for driver in [driver, started(&store).await] {
        assert!(whole_in_memory(&driver).await.contains(&"good".to_owned()), "it has a device in doubt");
        let look = |world: &mut World, _: &mut Turn| Ok(world.rollout("good")?.rollout.counts.unknown);
        assert_eq!(driver.ask(look).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_plan_that_is_not_in_memory_can_still_be_applied_and_is_listed() {
    let (store, _) = filled().await;
    let driver = started(&store).await;
    let plan = driver.ask(|world, _| Ok(world.plans.newest_first()[0].name.clone())).await.unwrap();
    let create = move |world: &mut World, turn: &mut Turn| {
        world.create_rollout(&plan, "", "tester", "again", true, turn)
    };
    assert!(driver.ask_about(create).await.is_ok());
}
