//! `switchyard admin`: what only a person may decide for the whole coordinator.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::text::{counted, one_line};
use crate::words::short;
use serde_json::json;
use switchyard_proto::v1;

/// What only a person may decide for the whole coordinator.
#[derive(Debug, clap::Subcommand)]
pub enum Admin {
    /// After an old backup was restored: go on from the later state that agents have met
    #[command(after_help = ADOPT)]
    AdoptEpoch {
        /// Why; it is logged, and shown at every device
        #[arg(long, value_name = "WHY")]
        reason: String,
    },
}

const ADOPT: &str = "\
An agent that has met a later state of this coordinator is refused: results since the backup are missing here.
A newer backup is better than this command. It raises epochs and watermarks above what the refused agents have
seen, durably, and makes every device that is not final UNKNOWN: nothing is written to it before it was read back
or a person has said what it has. Rollouts that the backup does not know are not brought back.";

impl Admin {
    /// Runs the command.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        match self {
            Self::AdoptEpoch { reason } => adopt_epoch(session, reason).await,
        }
    }
}

async fn adopt_epoch(session: &mut Session, reason: String) -> Result<Exit, Failure> {
    let question = "Go on without what happened since the backup? Devices that are not final become UNKNOWN";
    if session.may_ask() && !session.globals.yes && !session.confirm(question) {
        return Err(Failure::new(Exit::Error, "NOT_AGREED", "not adopted: nothing was changed"));
    }
    let request_id = session.request_id();
    let api = session.api().await?;
    let request = v1::AdoptEpochRequest { reason, request_id };
    let answer = api.call(api.system().adopt_epoch(request)).await?;
    if session.for_people() {
        let agents: Vec<String> =
            answer.agents.iter().map(|agent| one_line(short("agents", agent))).collect();
        session.say(&format!(
            "epoch is {}; agents that may connect again: {}",
            answer.epoch,
            agents.join(", ")
        ));
        if answer.unknown > 0 {
            let count = counted(answer.unknown.into(), "device");
            session.say(&format!("{count} UNKNOWN now: each is read when its agent is back"));
            session.note(
                "see them: switchyard rollout list; settle what cannot be read: switchyard device reconcile",
            );
        }
    } else {
        session.document(&json!({"epoch": answer.epoch, "agents": answer.agents, "unknown": answer.unknown}));
    }
    Ok(Exit::Ok)
}
