//! `switchyard rehearse`: a rollout many times over against modelled devices, in simulated time.

mod load;
mod shown;
mod threads;

use super::file::FileArgs;
use super::spec::SpecArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use load::Loaded;
use switchyard_shared::rehearse::{Ground, Piece, Trial};

/// Most trials of one run.
const TRIALS_MAX: u32 = 100_000;

/// Run a rollout many times against modelled devices, without touching any
///
/// The planner, the rollout machine, the breakers and the pools are the real ones; devices, sites and
/// time come from the model file. Trial i of a seed is always the same, whatever runs beside it.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Rehearse {
    #[command(flatten)]
    spec: SpecArgs,
    /// What is assumed about devices, sites and time
    #[arg(long, value_name = "FILE")]
    model: String,
    /// The devices; without it the model draws a fleet
    #[arg(long, value_name = "FILE")]
    inventory: Option<String>,
    /// How many times
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=i64::from(TRIALS_MAX)))]
    trials: u32,
    /// Which worlds: the same seed gives the same figures
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// A second spec, run in the same worlds
    #[arg(long, value_name = "FILE")]
    compare: Option<String>,
}

const AFTER: &str = "\
With -o json, one document: {kind: Rehearsal, seed, trials, devices, sites, rules: [{name, spec, trials,
  harmed, delivered, stopped, stopped_falsely, held, held_wrongly, named, contacted, contacted_later,
  opened_falsely, beyond_expected, duration_s, price}]}; the specs come first (spec: true), then the rules
  of other systems that the model names. harmed, contacted, duration_s and price are {median, p95, worst,
  mean}; shares go from 0 to 1; price is absent when every rollout was stopped.";

impl Rehearse {
    /// Reads everything, runs the trials on all cores and shows what they come to.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let inventory = self.inventory.clone().map(|file| load::inventory(session, file)).transpose()?;
        let model = load::model(session, self.model.clone(), inventory.as_ref())?;
        let mut pieces = vec![load::piece(session, &self.spec)?];
        if let Some(file) = &self.compare {
            let file = FileArgs::named(file.clone());
            pieces.push(load::piece(session, &SpecArgs { file, vars: self.spec.vars.clone() })?);
        }
        let loaded = Loaded { pieces, inventory, model };
        let grounds = load::grounds(&loaded, self.seed, u64::from(self.trials))?;
        let began = session.now();
        let trials = threads::run(&grounds, &loaded.model, self.seed, self.trials);
        let took = session.now().since(began);
        let names: Vec<&str> = loaded.pieces.iter().map(|piece| piece.name.as_str()).collect();
        let shown = shown::Shown {
            names: &names,
            grounds: &grounds,
            model: &loaded.model,
            seed: self.seed,
            trials: &trials,
        };
        if session.for_people() {
            let lines = shown.lines(session.width());
            session.say_all(&lines);
            session.note(&shown.note(took));
        } else {
            session.document(&shown.document());
        }
        Ok(Exit::Ok)
    }
}
