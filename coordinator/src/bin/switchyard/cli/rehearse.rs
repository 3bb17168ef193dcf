//! `switchyard rehearse`: a rollout many times over against modelled devices, in simulated time.

mod chart;
mod load;
mod replay;
mod shown;
mod threads;

use super::file::FileArgs;
use super::spec::SpecArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use load::{Loaded, Spec};
use replay::Past;
use shown::Shown;
use std::time::Duration;
use switchyard_shared::rehearse::{Ground, Model, Piece, Trial, replayed_model, trial};

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
    #[arg(long, value_name = "FILE", required_unless_present = "replay", conflicts_with = "replay")]
    model: Option<String>,
    /// A recorded rollout, to be replayed under the spec's settings
    #[arg(long, value_name = "ROLLOUT")]
    replay: Option<String>,
    /// The devices; without it the model draws a fleet, and a replay asks the coordinator
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
    /// Draw harm against time into BASE.svg and BASE.png
    #[arg(long, value_name = "BASE")]
    chart: Option<String>,
}

const AFTER: &str = "\
With -o json, one document: {kind: Rehearsal, seed, trials, devices, sites, rules: [{name, spec, trials,
  harmed, delivered, stopped, stopped_falsely, held, held_wrongly, named, contacted, contacted_later,
  opened_falsely, beyond_expected, duration_s, price}]}; the specs come first (spec: true), then the rules
  of other systems that the model names. harmed, contacted, duration_s and price are {median, p95, worst,
  mean}; shares go from 0 to 1; price is absent when every rollout was stopped.
With --replay, also replay: {rollout, tried, harmed, untried}; what was never tried is taken as good.";

impl Rehearse {
    /// Reads everything, runs the trials on all cores and shows what they come to.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let mut inventory = self.inventory.clone().map(|file| load::inventory(session, file)).transpose()?;
        let mut past = None;
        if let Some(rollout) = &self.replay {
            let fetched = Past::fetch(session, rollout, inventory.take()).await?;
            inventory = Some(fetched.inventory.clone());
            past = Some(fetched);
        }
        let model = match &self.model {
            Some(file) => load::model(session, file.clone(), inventory.as_ref())?,
            None => replayed_model(),
        };
        let mut pieces = vec![load::piece(session, &self.spec)?];
        if let Some(file) = &self.compare {
            let file = FileArgs::named(file.clone());
            pieces.push(load::piece(session, &SpecArgs { file, vars: self.spec.vars.clone() })?);
        }
        if past.is_some() {
            pieces = pieces.into_iter().map(Spec::for_replay).collect();
        }
        let loaded = Loaded { pieces, inventory, model };
        let grounds = load::grounds(&loaded, self.seed, u64::from(self.trials))?;
        let began = session.now();
        let trials = match &past {
            Some(past) => past.run(&grounds, self.seed, self.trials),
            None => self.trials(&grounds, &loaded.model),
        };
        let took = session.now().since(began);
        self.show(session, &loaded, &grounds, &trials, past.as_ref(), took)
    }

    /// Trial i stands on fleet i modulo how many there are.
    fn trials(&self, grounds: &[Vec<Ground>], model: &Model) -> Vec<Trial> {
        let fleets = grounds.first().map_or(1, Vec::len).max(1);
        threads::run(self.trials, |number| {
            let here = grounds.iter().filter_map(|fleet| fleet.get(number as usize % fleets));
            trial(&here.collect::<Vec<&Ground>>(), model, self.seed, u64::from(number))
        })
    }

    fn show(
        &self,
        session: &mut Session,
        loaded: &Loaded,
        grounds: &[Vec<Ground>],
        trials: &[Trial],
        past: Option<&Past>,
        took: Duration,
    ) -> Result<Exit, Failure> {
        let names: Vec<&str> = loaded.pieces.iter().map(|piece| piece.name.as_str()).collect();
        let shown = Shown { names: &names, grounds, model: &loaded.model, seed: self.seed, trials };
        if session.for_people() {
            if let Some(past) = past {
                session.say_all(&past.lines(&loaded.pieces, trials));
            }
            let lines = shown.lines(session.width());
            session.say_all(&lines);
            session.note(&shown.note(took));
        } else {
            session.document(&shown.document(past));
        }
        if let Some(base) = &self.chart {
            let names: Vec<String> = shown.summaries().into_iter().map(|(name, _, _)| name).collect();
            chart::write(&session.around.cwd.join(base), &chart::settings(&names, trials))?;
            session.note(&format!("drawn: {base}.svg, {base}.png"));
        }
        Ok(Exit::Ok)
    }
}

#[cfg(test)]
mod tests;
