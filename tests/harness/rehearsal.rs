//! Rehearsals with figures that must hold: the rows, their bounds, and what the reference simulator found.

mod bounds;
mod reference;
mod rows;

pub use bounds::Bounds;
pub use reference::{Contacts, Known, contacts, known};
pub use rows::{Row, rows};

use anyhow::{Context as _, Result, anyhow};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use switchyard_shared::rehearse::{
    DarkWhen, FLEETS_MAX, Figures, Ground, Model, Piece, Summary, summarize, trial,
};
use switchyard_shared::spec::RolloutSpec;

/// The name of the first site of a fleet of one.
const ONLY_SITE: &str = "s0";
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The text of a file of `tests/reference`.
fn text(name: &str) -> Result<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("reference").join(name);
    let bytes = switchyard_coordinator::files::read(&path, FILE_BYTES_MAX)
        .with_context(|| format!("failed to read {}", path.display()))?;
    Ok(String::from_utf8(bytes)?)
}

/// Runs a row's model under `tests/reference/rollout.yaml` on all cores. Where the model draws the size of
/// the pools, the spec does not cap them.
pub fn rehearse(model: &str, trials: u32, seed: u64) -> Result<Summary> {
    let (spec, model) = load(model)?;
    run(&spec, &model, trials, seed)
}

/// The same with one site and nobody else, as the reference's simulator of silence has it: the pool is full
/// when the site goes dark, and 200 devices are left.
pub fn rehearse_alone(model: &str, pool: u32, trials: u32, seed: u64) -> Result<Summary> {
    let (spec, mut model) = load(model)?;
    let after = (3 * pool).max(40) + pool / 2;
    let fleet = model.fleet.as_mut().context("the model draws no fleet")?;
    (fleet.pools, fleet.sites, fleet.devices) = (vec![pool], 1, after + 200);
    let dark = model.dark.as_mut().context("no site goes dark")?;
    (dark.sites, dark.when) = (vec![ONLY_SITE.to_owned()], DarkWhen::After(after));
    run(&spec, &model, trials, seed)
}

fn load(model: &str) -> Result<(RolloutSpec, Model)> {
    let all = |problems: Vec<switchyard_shared::yaml::Problem>| {
        anyhow!(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    let mut spec = RolloutSpec::parse(&text("rollout.yaml")?, "rollout.yaml").map_err(all)?;
    let source = format!("models/{model}.yaml");
    let mut model = Model::parse(&text(&source)?, &source, None).map_err(all)?;
    model.rules.clear();
    if model.fleet.as_ref().is_some_and(|fleet| fleet.pools.len() > 1) {
        spec.pools.max_in_flight = None;
    }
    Ok((spec, model))
}

fn run(spec: &RolloutSpec, model: &Model, trials: u32, seed: u64) -> Result<Summary> {
    let files = BTreeMap::from([("change.cfg.j2".to_owned(), text("change.cfg.j2")?.into_bytes())]);
    let piece = Piece { spec, files: &files, vars: &BTreeMap::new() };
    let fleets =
        (0..u64::from(trials).min(FLEETS_MAX)).map(|number| Ground::drawn(piece, model, seed, number));
    let grounds: Vec<Ground> = fleets.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let next = AtomicU32::new(0);
    let work = || -> Vec<(u32, Figures)> {
        let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        let figures = |number: u32| {
            let ground = grounds.get(number as usize % grounds.len().max(1))?;
            let trial = trial(&[ground], model, seed, u64::from(number))?;
            trial.own.into_iter().next().map(|(figures, _)| (number, figures))
        };
        numbers.take_while(|number| *number < trials).filter_map(figures).collect()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<(u32, Figures)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    anyhow::ensure!(done.len() == trials as usize, "{} of {trials} trials ended", done.len());
    done.sort_by_key(|(number, _)| *number);
    Ok(summarize(&done.into_iter().map(|(_, figures)| figures).collect::<Vec<_>>()))
}
