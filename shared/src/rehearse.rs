//! Rehearsals: the real planner, rollout machine, breakers and pools against modelled devices, in simulated time.

mod figures;
mod fleet;
mod ground;
mod model;
mod others;
mod random;
mod replay;
mod sim;
mod summary;
mod track;
mod world;

pub use figures::Figures;
pub use ground::{Ground, Piece};
pub use model::{
    Cause, Dark, DarkWhen, Failures, FleetModel, Handshake, Known, LabelModel, Listing, MODEL_BYTES_MAX,
    Model, Rule, Spread, Values,
};
pub use replay::{Recorded, Seen, replay, replayed_model};
pub use summary::{Spread as Figure, Summary, summarize};
pub use track::Track;

/// Different fleets that trials are drawn from: the real planner is asked for each, and trials share them.
pub const FLEETS_MAX: u64 = 8;

/// One trial: what each spec did in one world, then each rule of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// For each ground, in order.
    pub own: Vec<(Figures, Track)>,
    /// For each rule of the model, in order.
    pub others: Vec<(Figures, Track)>,
}

/// Runs trial `number` of `seed`; depends on nothing else. Every ground meets the same world, so all must
/// stand on the same inventory. `None` without a ground.
pub fn trial(grounds: &[&Ground], model: &Model, seed: u64, number: u64) -> Option<Trial> {
    let first = grounds.first()?;
    let world = world::World::draw(first, model, seed, number);
    let unhindered = others::run(Rule::None, first, &world);
    let judged = |track: Track, ground: &Ground, world: &world::World| {
        (figures::judge(&track, ground, model, world, unhindered.duration), track)
    };
    let own = grounds.iter().map(|ground| {
        let world = world::World::draw(ground, model, seed, number);
        judged(sim::run(ground, &world, &ground.ranked(seed, number)), ground, &world)
    });
    let others = model.rules.iter().map(|rule| judged(others::run(*rule, first, &world), first, &world));
    Some(Trial { own: own.collect(), others: others.collect() })
}

#[cfg(test)]
mod tests;
