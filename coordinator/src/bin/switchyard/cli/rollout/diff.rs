//! `switchyard rollout diff`: how devices differ now from what a rollout configures.

use crate::cli::Format;
use crate::cli::plan::finish;
use crate::comparing::compare;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::render::diffs::diffs;
use crate::session::Session;
use crate::text::counted;
use crate::words::short;
use serde_json::json;

/// Show how devices differ now from what the rollout configures; writes to none.
#[derive(Debug, clap::Args)]
pub struct Diff {
    /// The rollout: NAME or rollouts/NAME
    rollout: String,
    /// Only these devices
    #[arg(value_name = "DEVICE")]
    devices: Vec<String>,
}

impl Diff {
    /// Has the devices of the rollout's plan read and shows how they differ from it.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let api = session.api().await?;
        let mut devices = self.devices;
        devices.sort_unstable();
        devices.dedup();
        let rollout = api.rollout(&self.rollout).await?;
        let planned = rollout.counts.as_ref().map_or(0, |counts| counts.planned);
        let named = u32::try_from(devices.len()).unwrap_or(u32::MAX);
        let expected = if named == 0 { planned } else { named };
        let plan = short("plans", &rollout.plan).to_owned();
        let by_line = session.format == Format::Jsonl;
        session.note(&format!("reading {} …", counted(expected.into(), "device")));
        let (found, ended) = compare(session, &api, (&plan, devices), expected, by_line).await?;
        if session.for_people() {
            let lines = diffs(&found, session.globals.verbose, session.color);
            session.say_all(lines.get(1..).unwrap_or_default());
        } else if !by_line {
            let comparison = json::comparison(&found);
            session.document(&json!({
                "rollout": rollout.name,
                "plan": rollout.plan,
                "comparison": comparison,
            }));
        }
        finish(session, (&plan, Some(&found)), ended, Exit::Ok)
    }
}
