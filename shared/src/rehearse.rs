//! Rehearsals: the real planner, rollout machine, breakers and pools against modelled devices, in simulated time.

mod fleet;
mod ground;
mod model;
mod random;
mod sim;
mod track;
mod world;

pub use ground::{Ground, Piece};
pub use model::*;
pub use track::Track;

/// Runs trial `trial` of `seed`.
pub fn trial(ground: &Ground, model: &Model, seed: u64, trial: u64) -> Track {
    let world = world::World::draw(ground, model, seed, trial);
    sim::run(ground, &world, &ground.ranked(seed, trial))
}
