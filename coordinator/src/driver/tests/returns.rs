//! Agents that come back: what nobody waits for is called off, what they say is the truth, what was settled is let go.

use super::doubts::{Bench, readable};
use super::*;
use crate::driver::Reconcile;
use switchyard_shared::breaker::{Name, State};
use switchyard_shared::id::DeviceName;
use switchyard_shared::outcome::DeviceState;
use switchyard_shared::rollout::Word;

fn word(word: Word) -> Reconcile {
    Reconcile { devices: vec!["a".into()], word: Some(word), reason: "seen".into(), ..Reconcile::default() }
}

async fn cancel(agent: &mut Agent) -> (RolloutName, Vec<DeviceName>) {
    loop {
        if let FromCoordinator::Cancel { rollout, devices, .. } = agent.next().await {
            return (rollout, devices);
        }
    }
}

#[tokio::test]
async fn what_was_given_up_is_called_off_when_its_agent_comes_back_with_it_also_when_its_rollout_is_put_away()
{
    let mut bench = Bench::new(SPEC).await;
    bench.driver.close_session(bench.agent.session).await;
    assert_eq!(bench.forced_abort().await, ["a"]);
    bench.agent = connect(&bench.driver, "one", hello(vec![bench.op.clone()])).await.unwrap();
    assert_eq!(cancel(&mut bench.agent).await.0, bench.name);
    bench.agent.report(&bench.driver, 1, &bench.op.clone(), Class::Cancelled).await;
    bench.agent.ack().await;
    assert_eq!(bench.device().await.0, DeviceState::Skipped, "nothing was written");
    bench.driver = bench.restarted().await;
    bench.agent = connect(&bench.driver, "one", hello(vec![bench.op.clone()])).await.unwrap();
    assert_eq!(cancel(&mut bench.agent).await.0, bench.name);
}

#[tokio::test]
async fn what_a_running_rollout_has_given_up_is_called_off_alone_and_the_rest_goes_on() {
    let driver = started(&Arc::default()).await;
    rollout_by(&driver, INVENTORY, &readable(), "request-1").await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    let op = agent.ops().await.remove(0);
    let adopted = driver.ask(|world, turn| {
        world.found_ahead(
            &AgentName::new("one").unwrap(),
            &lab(),
            &OpId {
                rollout: RolloutName::new("test").unwrap(),
                device: DeviceName::new("a").unwrap(),
                attempt: 9,
            },
        );
        world.adopt_epoch("anna", "disk", turn)
    });
    adopted.await.unwrap();
    let mut agent = connect(&driver, "one", hello(vec![op.clone()])).await.unwrap();
    assert_eq!(cancel(&mut agent).await, (op.rollout, vec![op.device]));
}

#[tokio::test]
async fn nothing_that_is_waited_for_is_called_off() {
    let mut bench = Bench::new(SPEC).await;
    bench.agent = connect(&bench.driver, "one", hello(vec![bench.op.clone()])).await.unwrap();
    bench.agent.greeted().await;
    bench.driver.ask(|_, _| Ok(())).await.unwrap();
    assert!(bench.agent.nothing_waits());
}

#[tokio::test]
async fn what_an_agent_reports_against_a_persons_word_is_kept_and_read() {
    let mut bench = Bench::new(&readable()).await;
    bench.driver.close_session(bench.agent.session).await;
    bench.forced_abort().await;
    bench.reconcile(word(Word::Succeeded)).await.unwrap();
    assert_eq!(bench.device().await.0, DeviceState::Succeeded);
    bench.agent = connect(&bench.driver, "one", hello(vec![bench.op.clone()])).await.unwrap();
    bench.driver.deliver(bench.agent.session, FromAgent::Credit(9)).await.unwrap();
    bench.agent.report(&bench.driver, 1, &bench.op.clone(), Class::Rejected).await;
    bench.agent.ack().await;
    assert_eq!(bench.device().await.0, DeviceState::Unknown);
    assert_eq!(bench.agent.ops().await[0].attempt, 2, "it is read");
}

#[tokio::test]
async fn a_repeat_that_is_not_the_same_is_kept_as_a_stray() {
    let mut bench = Bench::new(SPEC).await;
    let op = bench.op.clone();
    bench.agent.report(&bench.driver, 1, &op, Class::Ok).await;
    bench.agent.ack().await;
    bench.agent.report(&bench.driver, 2, &op, Class::Inconclusive).await;
    assert_eq!(bench.agent.ack().await, 2);
    for driver in [bench.driver.clone(), bench.restarted().await] {
        let look = |world: &mut World, _: &mut Turn| {
            let strays = world.strays_of(&AgentName::new("one").unwrap());
            Ok(strays.into_iter().map(|stray| (stray.op.to_string(), stray.why.clone())).collect::<Vec<_>>())
        };
        let strays = driver.ask(look).await.unwrap();
        assert_eq!((strays.len(), strays[0].0.as_str()), (1, "test/a/1"), "{strays:?}");
        assert!(strays[0].1.contains("reported otherwise before"), "{strays:?}");
    }
    assert_eq!(bench.device().await.0, DeviceState::Succeeded);
}

fn quarantine() -> Report {
    let name = Name::Device(DeviceName::new("a").unwrap());
    let reason = "nobody knows what it was left as (LOST_AFTER_WRITE): read it back, then …".to_owned();
    Report { state: State::Open, reason, ..Report::closed(name, Some(lab()), Timestamp(0)) }
}

#[tokio::test]
async fn a_word_given_while_the_agent_was_away_ends_the_quarantine_before_the_next_attempt() {
    let mut bench = Bench::new(SPEC).await;
    let quarantined = FromAgent::Breaker(quarantine());
    bench.driver.deliver(bench.agent.session, quarantined.clone()).await.unwrap();
    bench.agent.report(&bench.driver, 1, &bench.op.clone(), Class::LostAfterWrite).await;
    bench.agent.ack().await;
    bench.driver.close_session(bench.agent.session).await;
    bench.reconcile(word(Word::NotApplied)).await.unwrap();
    let other = SPEC.replace("name: test", "name: other");
    rollout_by(&bench.driver, INVENTORY.split("  b:").next().unwrap(), &other, "request-2").await;
    bench.agent = connect(&bench.driver, "one", hello(vec![])).await.unwrap();
    bench.driver.deliver(bench.agent.session, quarantined).await.unwrap();
    bench.driver.deliver(bench.agent.session, FromAgent::Credit(9)).await.unwrap();
    let mut was_reset = false;
    loop {
        match bench.agent.next().await {
            FromCoordinator::Breaker { action: BreakerAction::Reset, .. } => was_reset = true,
            FromCoordinator::Assignment(work) => {
                assert!(was_reset, "its agent would refuse it");
                assert_eq!(work.tasks[0].op.to_string(), "other/a/1");
                break;
            }
            FromCoordinator::Welcome(_)
            | FromCoordinator::HeartbeatReply(_)
            | FromCoordinator::Ack(_)
            | FromCoordinator::Cancel { .. }
            | FromCoordinator::Site(_)
            | FromCoordinator::Breaker { .. } => {}
        }
    }
}

#[tokio::test]
async fn the_quarantine_of_a_device_in_doubt_is_not_ended_because_its_agent_says_it_again() {
    let mut bench = Bench::new(SPEC).await;
    bench.agent.report(&bench.driver, 1, &bench.op.clone(), Class::LostAfterWrite).await;
    bench.agent.ack().await;
    bench.driver.deliver(bench.agent.session, FromAgent::Breaker(quarantine())).await.unwrap();
    bench.driver.ask(|_, _| Ok(())).await.unwrap();
    assert!(bench.agent.nothing_waits());
}

#[tokio::test]
async fn a_device_whose_agent_will_report_it_is_not_said_to_need_a_person() {
    let mut bench = Bench::new(SPEC).await;
    bench.driver.close_session(bench.agent.session).await;
    bench.forced_abort().await;
    let lines = bench.blocked_on().await.join("; ");
    assert!(lines.contains("the agent will report when it is back: a"), "{lines}");
    assert!(lines.contains("contradicts"), "what a word would do: {lines}");
    assert!(!lines.contains("a person is needed"), "{lines}");
    bench.agent = connect(&bench.driver, "one", hello(vec![bench.op.clone()])).await.unwrap();
    let lines = bench.blocked_on().await.join("; ");
    assert!(lines.contains("with the agent, which will report: a"), "{lines}");
    let rebind = |world: &mut World, turn: &mut Turn| world.rebind_site(&lab(), "anna", "burnt", "", turn);
    bench.driver.ask(rebind).await.unwrap();
    let lines = bench.blocked_on().await.join("; ");
    assert!(lines.contains("a person is needed: a"), "nobody else will say: {lines}");
}

#[tokio::test]
async fn a_site_whose_agent_is_away_and_idle_changes_hands_by_a_rebind_only() {
    let driver = started(&Arc::default()).await;
    let agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.close_session(agent.session).await;
    let heir = || Hello { journal_id: "j2".into(), site_epoch: 0, ..hello(vec![]) };
    let Err(refused @ Refused::SiteTaken { .. }) = connect(&driver, "two", heir()).await else {
        panic!("nobody has taken the site from its agent")
    };
    assert!(refused.to_string().contains("switchyard agent rebind --site lab"), "{refused}");
    let rebind = |world: &mut World, turn: &mut Turn| world.rebind_site(&lab(), "anna", "burnt", "", turn);
    driver.ask(rebind).await.unwrap();
    connect(&driver, "two", heir()).await.unwrap();
}

#[test]
fn a_device_that_several_rollouts_have_in_doubt_is_held_by_one_after_the_other() {
    let (mut fleet, device) = (Fleet::default(), DeviceName::new("a").unwrap());
    let name = |name: &str| RolloutName::new(name).unwrap();
    for rollout in ["x", "y", "z", "x"] {
        fleet.hold(&device, &name(rollout));
    }
    fleet.release(&device, &name("y"));
    assert_eq!(fleet.held.get(&device), Some(&name("x")), "it settled what it did not hold");
    fleet.release(&device, &name("x"));
    assert_eq!(fleet.held.get(&device), Some(&name("z")));
    fleet.release(&device, &name("z"));
    assert_eq!((fleet.held.len(), fleet.held_next.len()), (0, 0));
}
