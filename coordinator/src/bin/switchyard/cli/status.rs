//! `switchyard status`: where a rollout stands.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::{document, status};
use crate::session::Session;
use crate::words;
use switchyard_proto::v1;

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
        let rollout = show(session, &self.rollout).await?;
        if !session.for_people() {
            let now = session.now();
            session.document(&document::with_status(&rollout, now));
        }
        let own = words::to_rollout_state(rollout.state).map_or(Exit::Pending, Exit::of_state);
        Ok(if self.exit_status { own } else { Exit::Ok })
    }
}

/// Shows the rollout `name` to people, and gives it.
pub async fn show(session: &mut Session, name: &str) -> Result<v1::Rollout, Failure> {
    let api = session.api().await?;
    let rollout = api.rollout(name).await?;
    if session.for_people() {
        let lines = status::status(&rollout, session.now(), session.color);
        session.say_all(&lines);
    }
    Ok(rollout)
}
