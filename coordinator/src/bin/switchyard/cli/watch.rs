//! `switchyard watch`: follow a rollout to its end.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::watching::{Wish, watch};

/// Follow a rollout to its end; Ctrl-C leaves, the rollout goes on.
#[derive(Debug, clap::Args)]
pub struct Watch {
    /// The rollout: NAME or rollouts/NAME
    rollout: String,
    /// Every event after this sequence, instead of starting with where it stands
    #[arg(long, value_name = "SEQ")]
    since: Option<u64>,
    /// Stop watching, with 6, as soon as a person is needed
    #[arg(long)]
    exit_on_block: bool,
}

impl Watch {
    /// Watches.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let api = session.api().await?;
        let wish = Wish { rollout: self.rollout, since: self.since, exit_on_block: self.exit_on_block };
        watch(session, &api, &wish).await
    }
}
