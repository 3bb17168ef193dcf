//! Whether a device that has what is wanted begins with it at its next boot; a save that was lost is made up for.

use super::limits::{after_write, within};
use super::{Ended, Run};
use crate::executor::device::{Running, Session};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};

impl Run<'_> {
    /// The end of an attempt at a device that has what is wanted already. A save is a write: it goes through the gate,
    /// and only where the device is known to need it.
    pub(super) async fn had_it(&self, session: &mut dyn Session, running: Running) -> Result<Outcome, Ended> {
        let device = self.device();
        if self.is_saved(session).await == Some(false) {
            let begun = self.open_gate(running).await?;
            self.job.context.progress(Phase::Write);
            let saved = after_write(self.job.task.timeouts.command, session.save(&begun.pass)).await;
            let message = match saved {
                Ok(()) => format!("{device} has it already; it was not saved for the next boot, and is now"),
                Err(end) => format!("{device} has it already; it is not saved for the next boot: {end}"),
            };
            return Ok(self.ended(Class::Ok, Phase::Verify, LeftAs::Changed, &message));
        }
        let rest = self.not_known_to_be_saved(session).await;
        let message = format!("{device} has it already; nothing was written{rest}");
        Ok(self.ended(Class::Unchanged, Phase::Read, LeftAs::Unchanged, &message))
    }

    /// What a message says of a device that shall be saved and may not be.
    pub(super) async fn not_known_to_be_saved(&self, session: &mut dyn Session) -> &'static str {
        match (self.job.procedure.commit.save, self.is_saved(session).await) {
            (false, _) | (true, Some(true)) => "",
            (true, Some(false)) => "; it is not saved for the next boot: apply it again to save it",
            (true, None) => "; it is not known to be saved for the next boot: look, and save it by hand",
        }
    }

    /// Whether the next boot begins with what runs, as far as anybody asks and can tell.
    async fn is_saved(&self, session: &mut dyn Session) -> Option<bool> {
        if !self.job.procedure.commit.save {
            return None;
        }
        let limit = self.job.task.timeouts.command;
        within(Phase::Read, limit, self.device(), session.is_saved()).await.ok().flatten()
    }
}
