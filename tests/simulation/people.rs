//! What people see of the coordinator and do to it.

use crate::change;
use crate::scenario::{Act, SITES};
use crate::world::{Standing, World};
use switchyard_coordinator::driver::{Driver, Steer, Verb};
use switchyard_coordinator::{Refused, driver};
use switchyard_proto::convert::link::BreakerAction;
use switchyard_shared::breaker::Name;
use switchyard_shared::id::RolloutName;
use switchyard_shared::inventory::Inventory;
use switchyard_tests::checkers::Rebind;

/// Carries out what is to be done now, and writes down how the rollouts stand.
pub async fn look(world: &World, driver: &Driver, inventory: &Inventory) {
    loop {
        let Some(act) = world.watched().acts.front().copied() else { break };
        match carry_out(world, driver, inventory, act).await {
            Err(Refused::Stopping | Refused::Store(_)) => return,
            Ok(()) => {}
            Err(refused) => world.say("people", &format!("{act:?}: {refused}")),
        }
        world.watched().acts.pop_front();
    }
    let names: Vec<&str> = world.scenario.changes.iter().map(|change| change.name).collect();
    let asked = driver.ask(move |coordinator, turn| {
        let mut standing = Vec::new();
        for name in names {
            let Ok(active) = coordinator.rollout(name) else { continue };
            let blocked_on = coordinator.blocked_on(active, turn.now);
            let (state, ended) = (active.rollout.state, active.rollout.has_ended());
            standing.push((active.rollout.name.clone(), Standing { state, ended, blocked_on }));
        }
        Ok(standing)
    });
    if let Ok(standing) = asked.await {
        world.watched().standing.extend(standing);
    }
}

async fn carry_out(world: &World, driver: &Driver, inventory: &Inventory, act: Act) -> Result<(), Refused> {
    match act {
        Act::Create(number) => create(world, driver, inventory, number).await.map(drop),
        Act::Pause(number) => steer(world, driver, number, Verb::Pause).await,
        Act::Resume(number) => steer(world, driver, number, Verb::Resume).await,
        Act::Abort(number) => steer(world, driver, number, Verb::Abort).await,
        Act::Trip(site) => breaker(driver, site, BreakerAction::Trip).await,
        Act::Reset(site) => breaker(driver, site, BreakerAction::Reset).await,
        Act::Rebind(site) => rebind(world, driver, site).await,
        Act::Adopt => {
            match driver.command(|world, turn| world.adopt_epoch("operator", "because", turn)).await {
                Ok(adopted) => {
                    world.say("people", &format!("{adopted:?}"));
                    Ok(())
                }
                Err(Refused::NothingToAdopt) => Ok(()),
                Err(refused) => Err(refused),
            }
        }
    }
}

async fn create(
    world: &World,
    driver: &Driver,
    inventory: &Inventory,
    number: usize,
) -> Result<RolloutName, Refused> {
    let change = &world.scenario.changes[number];
    let (inventory, planned) = (inventory.clone(), change::plan(change, inventory));
    let request = format!("create-{}", change.name);
    driver
        .ask(move |coordinator, turn| {
            if coordinator.plan_names().next().is_none() {
                coordinator.import(inventory, turn);
            }
            let plan = coordinator.store_plan(planned.plan, planned.configs, turn);
            coordinator.create_rollout(plan.name.as_str(), "", "operator", &request, false, turn)
        })
        .await
}

async fn steer(world: &World, driver: &Driver, number: usize, verb: Verb) -> Result<(), Refused> {
    let name = world.scenario.changes[number].name.to_owned();
    let (by, reason, etag) = ("operator".to_owned(), "because".to_owned(), String::new());
    let steer = Steer { name, verb, by, reason, etag };
    driver
        .command(move |coordinator: &mut driver::World, turn| coordinator.steer(&steer, turn).map(drop))
        .await
}

async fn rebind(world: &World, driver: &Driver, number: usize) -> Result<(), Refused> {
    let site = World::site(number);
    let of_command = site.clone();
    let command = move |coordinator: &mut driver::World, turn: &mut driver::Turn| {
        coordinator.rebind_site(&of_command, "operator", "because", "rebind", turn).map(drop)
    };
    driver.command(command).await?;
    let former = format!("{site}/");
    world.watched().rebinds.push(Rebind { at: world.time.now(), site, former });
    Ok(())
}

async fn breaker(driver: &Driver, site: usize, action: BreakerAction) -> Result<(), Refused> {
    let name = Name::parse(&format!("site/{}", SITES[site])).expect("a name that is written here");
    let command = move |coordinator: &mut driver::World, turn: &mut driver::Turn| {
        coordinator.command_breaker(&name, action, "operator", "because", turn).map(drop)
    };
    driver.command(command).await
}
