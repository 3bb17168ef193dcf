//! What a rehearsal reads: specs with their files, the inventory, the model; and the plans for them.

use super::super::file::{FileArgs, INVENTORY, Kind, SPEC};
use super::super::spec::{self, SpecArgs};
use super::{Ground, Piece};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use serde_json::Value;
use std::collections::BTreeMap;
use switchyard_shared::inventory::Inventory;
use switchyard_shared::plan::PlanError;
use switchyard_shared::rehearse::{FLEETS_MAX, MODEL_BYTES_MAX, Model};
use switchyard_shared::spec::{DEFAULT_TEMPLATE, RolloutSpec, Targets};
use switchyard_shared::yaml::{INVENTORY_BYTES_MAX, SPEC_BYTES_MAX};

/// A model of devices, sites and time.
const MODEL: Kind = Kind {
    noun: "model",
    reason: "MODEL_INVALID",
    other_kind: "Rollout",
    other_hint: "this is a rollout spec; it goes to -f, the model to --model",
};

/// A spec with everything that planning it takes.
pub struct Spec {
    pub name: String,
    spec: RolloutSpec,
    files: BTreeMap<String, Vec<u8>>,
    vars: BTreeMap<String, Value>,
}

/// Everything that was read.
pub struct Loaded {
    pub pieces: Vec<Spec>,
    pub inventory: Option<Inventory>,
    pub model: Model,
}

/// Reads an inventory.
pub fn inventory(session: &mut Session, file: String) -> Result<Inventory, Failure> {
    let file = FileArgs::named(file);
    let text = file.read(session, &INVENTORY, INVENTORY_BYTES_MAX)?;
    Inventory::parse(&text, file.source()).map_err(|problems| INVENTORY.problems(&problems))
}

/// Reads a model; the labels and sites that it names must exist.
pub fn model(session: &mut Session, file: String, inventory: Option<&Inventory>) -> Result<Model, Failure> {
    let file = FileArgs::named(file);
    let text = file.read(session, &MODEL, MODEL_BYTES_MAX)?;
    Model::parse(&text, file.source(), inventory).map_err(|problems| MODEL.problems(&problems))
}

/// Reads a spec and the files that it names.
pub fn piece(session: &mut Session, args: &SpecArgs) -> Result<Spec, Failure> {
    let vars_json = spec::vars_json(&args.vars)?;
    let text = args.file.read(session, &SPEC, SPEC_BYTES_MAX)?;
    let parsed =
        RolloutSpec::parse(&text, args.file.source()).map_err(|problems| SPEC.problems(&problems))?;
    let files =
        spec::read_files(&parsed, &args.file.folder(session)).map_err(|problems| SPEC.problems(&problems))?;
    let vars = serde_json::from_str(&vars_json).unwrap_or_default();
    let files = files.into_iter().map(|file| (file.path, file.content)).collect();
    Ok(Spec { name: args.file.source().to_owned(), spec: parsed, files, vars })
}

impl Spec {
    /// The same settings for a change that is not rendered and for every device: in a replay only the pace
    /// and the stops matter.
    pub fn for_replay(mut self) -> Self {
        self.spec.change.templates = BTreeMap::from([(DEFAULT_TEMPLATE.to_owned(), "replay".to_owned())]);
        self.spec.change.vars_files.clear();
        self.spec.targets = Targets::default();
        self.files = BTreeMap::from([("replay".to_owned(), Vec::new())]);
        self
    }
}

/// For each spec, the plan for each fleet: the inventory, or as many drawn ones as trials may share.
pub fn grounds(loaded: &Loaded, seed: u64, trials: u64) -> Result<Vec<Vec<Ground>>, Failure> {
    loaded.pieces.iter().map(|spec| grounds_of(spec, loaded, seed, trials)).collect()
}

fn grounds_of(spec: &Spec, loaded: &Loaded, seed: u64, trials: u64) -> Result<Vec<Ground>, Failure> {
    let piece = Piece { spec: &spec.spec, files: &spec.files, vars: &spec.vars };
    if let Some(inventory) = &loaded.inventory {
        return Ok(vec![Ground::new(piece, inventory, &loaded.model).map_err(refused)?]);
    }
    let drawn = (0..trials.min(FLEETS_MAX)).map(|number| Ground::drawn(piece, &loaded.model, seed, number));
    let drawn: Result<Vec<Option<Ground>>, PlanError> = drawn.collect();
    Ok(drawn.map_err(refused)?.into_iter().flatten().collect())
}

fn refused(error: PlanError) -> Failure {
    match error {
        PlanError::Problems(problems) => SPEC.problems(&problems),
        PlanError::NoTargets(message) => Failure::new(Exit::NoTargets, "NO_TARGETS", message),
    }
}
