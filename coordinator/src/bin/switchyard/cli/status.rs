//! `switchyard status`: where a rollout stands.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::render::status;
use crate::session::Session;
use crate::words;

/// Show where a rollout stands.
#[derive(Debug, clap::Args)]
pub struct Status {
    /// The rollout: NAME or rollouts/NAME
    rollout: String,
    /// End with the rollout's own code: 0, 3 or 5 after its end, 8 before
    #[arg(long)]
    exit_status: bool,
}

impl Status {
    /// Shows it.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let state = show(session, &self.rollout).await?;
        let own = words::to_rollout_state(state).map_or(Exit::Pending, Exit::of_state);
        Ok(if self.exit_status { own } else { Exit::Ok })
    }
}

/// Shows the rollout `name` and gives its state as the wire has it.
pub async fn show(session: &mut Session, name: &str) -> Result<i32, Failure> {
    let api = session.api().await?;
    let rollout = api.rollout(name).await?;
    if session.for_people() {
        let lines = status::status(&rollout, session.now(), session.color);
        session.say_all(&lines);
    } else {
        session.document(&json::rollout(&rollout));
    }
    Ok(rollout.state)
}
