//! Whether a device that has what is wanted begins with it at its next boot; a save that was lost is made up for.

use super::limits::{after_write, within};
use super::{Ended, Run};
use crate::executor::WritePass;
use crate::executor::device::{Running, Session};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};

impl Run<'_> {
    /// The end of an attempt at a device that has what is wanted already; `None` where it is known not to be saved
    /// and shall be.
    pub(super) async fn nothing_to_do(&self, session: &mut dyn Session) -> Option<Outcome> {
        let saved = self.is_saved(session).await;
        if saved == Some(false) {
            return None;
        }
        let message = format!("{} has it already; nothing was written{}", self.device(), self.told(saved));
        Some(self.ended(Class::Unchanged, Phase::Read, LeftAs::Unchanged, &message))
    }

    /// The same after the checks before a write. A save is a write: it goes through the gate, and only where the device
    /// is known to need it.
    pub(super) async fn had_it(&self, session: &mut dyn Session, running: Running) -> Result<Outcome, Ended> {
        if let Some(ended) = self.nothing_to_do(session).await {
            return Ok(ended);
        }
        let begun = self.open_gate(running).await?;
        self.job.context.progress(Phase::Write);
        let rest = match self.save(session, &begun.pass).await {
            None => "; it was not saved for the next boot, and is now".to_owned(),
            Some(not_saved) => not_saved,
        };
        let message = format!("{} has it already{rest}", self.device());
        Ok(self.ended(Class::Ok, Phase::Verify, LeftAs::Changed, &message))
    }

    /// Keeps what runs for the next boot; what a message says when that fails.
    pub(super) async fn save(&self, session: &mut dyn Session, pass: &WritePass) -> Option<String> {
        let saved = after_write(self.job.task.timeouts.command, session.save(pass)).await;
        saved.err().map(|end| {
            format!("; it is not saved for the next boot: {end}; save it by hand, or apply it again")
        })
    }

    /// What a message says of a device that shall be saved and may not be.
    pub(super) async fn not_known_to_be_saved(&self, session: &mut dyn Session) -> &'static str {
        self.told(self.is_saved(session).await)
    }

    fn told(&self, saved: Option<bool>) -> &'static str {
        match (self.job.procedure.commit.save, saved) {
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
