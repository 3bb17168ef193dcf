//! Requests that are heard twice: the same answer, and nothing is done again.

use super::*;
use crate::driver::Reconcile;
use switchyard_shared::rollout::Word;

fn steer(name: &RolloutName, verb: Verb) -> Steer {
    Steer { name: name.to_string(), verb, by: "ann".into(), reason: "r".into(), etag: String::new() }
}

async fn say(driver: &Driver, id: &'static str, steer: Steer) -> Result<RolloutName, Refused> {
    driver.command(move |world, turn| world.steer_once(id, &steer, turn)).await
}

#[tokio::test]
async fn a_resume_that_is_heard_again_does_not_resume_over_a_new_stop_also_after_a_restart() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    let name = rollout(&driver).await;
    say(&driver, "1", steer(&name, Verb::Pause)).await.unwrap();
    say(&driver, "2", steer(&name, Verb::Resume)).await.unwrap();
    assert_eq!(state(&driver, &name).await.0, RolloutState::Running);
    say(&driver, "3", steer(&name, Verb::Pause)).await.unwrap();
    for driver in [driver, started(&store).await] {
        assert_eq!(say(&driver, "2", steer(&name, Verb::Resume)).await.unwrap(), name);
        assert_eq!(state(&driver, &name).await.0, RolloutState::Paused);
        let other = say(&driver, "2", steer(&name, Verb::Abort)).await;
        assert!(matches!(other, Err(Refused::BadRequest { .. })), "the id was used for something else");
    }
}

#[tokio::test]
async fn a_forced_abort_that_is_heard_again_tells_the_same_devices() {
    let driver = started(&Arc::default()).await;
    let name = rollout(&driver).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    agent.ops().await;
    driver.close_session(agent.session).await;
    driver.ask(|_, _| Ok(())).await.unwrap();
    let abort = async || {
        let steer = steer(&name, Verb::Abort);
        driver.command(move |world, turn| world.abort_by_force_once("4", &steer, turn)).await.unwrap()
    };
    let first = abort().await;
    assert_eq!(first.1.len(), 1);
    assert_eq!(abort().await, first);
}

#[tokio::test]
async fn an_adoption_and_a_rebind_that_are_heard_again_get_their_first_answer() {
    let store: Arc<Fragile> = Arc::default();
    let driver = started(&store).await;
    rollout(&driver).await;
    let ahead = Hello { coordinator_epoch: 40, ..hello(vec![]) };
    assert!(connect(&driver, "one", ahead.clone()).await.is_err());
    let adopt = |world: &mut World, turn: &mut Turn| world.adopt_epoch_once("5", "ann", "disk", turn);
    let adopted = driver.ask(adopt).await.unwrap();
    connect(&driver, "one", ahead).await.unwrap();
    let rebind = |world: &mut World, turn: &mut Turn| world.rebind_site(&lab(), "ann", "burnt", "6", turn);
    let rebound = driver.ask(rebind).await.unwrap();
    let new = Hello { journal_id: "j2".into(), site_epoch: 0, ..hello(vec![]) };
    connect(&driver, "two", new).await.unwrap();
    driver.ask(|world, turn| world.rebind_site(&lab(), "ann", "again", "7", turn)).await.unwrap();
    for driver in [driver, started(&store).await] {
        assert_eq!(driver.ask(adopt).await.unwrap(), adopted);
        assert_eq!(driver.ask(rebind).await.unwrap(), rebound, "not the agent and the epoch of now");
    }
}

#[tokio::test]
async fn a_word_on_all_devices_in_doubt_says_how_many_it_did_not_reach() {
    let driver = started(&Arc::default()).await;
    let device = |n: u32| format!("  d{n}: {{hostname: 127.1.{}.{}, site: lab}}\n", n / 200, n % 200 + 1);
    let devices: String = (0..1002).map(device).collect();
    let inventory = format!("{}devices:\n{devices}", INVENTORY.split("devices:").next().unwrap());
    let name = rollout_of(&driver, &inventory).await;
    assert!(connect(&driver, "one", Hello { coordinator_epoch: 40, ..hello(vec![]) }).await.is_err());
    driver.ask(|world, turn| world.adopt_epoch("ann", "disk", turn)).await.unwrap();
    let (by, reason) = ("ann".to_owned(), "seen".to_owned());
    let asked =
        Reconcile { rollout: name.to_string(), word: Some(Word::Failed), by, reason, ..Reconcile::default() };
    for (reached, left) in [(1000, 2), (2, 0)] {
        let asked = asked.clone();
        let settle = move |world: &mut World, turn: &mut Turn| {
            let settled = world.reconcile_devices(&asked, turn)?;
            Ok((settled.len(), world.beyond_reach(&asked, &settled)))
        };
        assert_eq!(driver.ask(settle).await.unwrap(), (reached, left));
    }
}
