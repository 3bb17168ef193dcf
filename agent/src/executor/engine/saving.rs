//! Whether a device that has what is wanted begins with it at its next boot; a save that was lost is made up for, and
//! one that fails is a failure.

use super::after::REST;
use super::limits::{after_write, within};
use super::sessions::another_session;
use super::trouble::Trouble;
use super::way_back::BY_HAND;
use super::{Ended, Run};
use crate::executor::WritePass;
use crate::executor::device::{Running, Session, WriteEnd};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::{ANSWERS_OF_A_NEW_SESSION, LOOKS_AFTER_WAY_BACK};

/// What to do about a device that may not begin with what it has.
const SAVE_IT: &str =
    "it runs what was wanted: look at the device's storage, then save it by hand or apply it again";
/// What to do about a device that was put back and may begin its next boot with the change.
const SAVE_BACK: &str =
    "look at the device's storage, then save it by hand or roll it back again: that saves it";
/// The same of one that does not have all back.
const SAVE_PART_BACK: &str = "look at the device's storage, put back by hand what stays (what it had is kept at its agent), \
                              then save it by hand: another rollback finds nothing to put back and saves nothing";
/// The difference that a save makes, as a plan shows it.
const SAVES: &str = "--- next boot\n+++ running\n@@ the next boot @@\n+what runs is saved\n";
/// What is said of a device that is known not to be saved.
const NOT_SAVED: &str = "it is not saved for the next boot";
/// What is said of one of which nobody can tell.
const NOT_KNOWN: &str = "it is not known to be saved for the next boot";

impl Run<'_> {
    /// The end of an attempt at a device that has what is wanted already; `None` where it is known not to be saved
    /// and shall be.
    pub(super) async fn nothing_to_do(&self, session: &mut dyn Session) -> Option<Outcome> {
        let saved = self.is_saved(session).await;
        if saved == Some(false) {
            return None;
        }
        let (told, not_shown) = (self.told(saved), session.not_shown());
        let message = format!("{} has it already; nothing was written{told}{not_shown}", self.device());
        Some(self.ended(Class::Unchanged, Phase::Read, LeftAs::Unchanged, &message))
    }

    /// The same after the checks before a write. A save is a write: it goes through the gate, and only where the device
    /// is known to need it.
    pub(super) async fn had_it(
        &self,
        session: &mut Box<dyn Session>,
        running: Running,
    ) -> Result<Outcome, Ended> {
        if let Some(ended) = self.nothing_to_do(&mut **session).await {
            return Ok(ended);
        }
        let begun = self.open_gate(running).await?;
        let had = format!("{} has it already", self.device());
        Ok(match self.save(session, &begun.pass).await {
            Ok(()) => {
                let message = format!("{had}; it was not saved for the next boot, and is now");
                self.ended(Class::Ok, Phase::Verify, LeftAs::Changed, &message)
            }
            Err(trouble) => self.not_saved(&had, &trouble, ""),
        })
    }

    /// Keeps what runs for the next boot; the error says why that is not known to be done.
    pub(super) async fn save(&self, session: &mut Box<dyn Session>, pass: &WritePass) -> Result<(), Trouble> {
        self.job.context.progress(Phase::Confirm);
        let saved = after_write(self.job.task.timeouts.command, session.save(pass)).await;
        let Err(end) = saved else { return Ok(()) };
        let not_saved = || Trouble::Bad(format!("{NOT_SAVED}: {end}"));
        match end {
            WriteEnd::Rejected { .. } | WriteEnd::Busy(_) => Err(not_saved()),
            // The save may be made, and it may be what the device is still at.
            WriteEnd::NotSent(_) | WriteEnd::NoWay(_) | WriteEnd::Lost(_) => {
                let unseen = self.unseen(Class::Unreachable, format!("{NOT_KNOWN}: {end}")).await;
                self.ask_for_the_link(&unseen);
                match self.is_saved_by_now(session).await {
                    Some(true) => Ok(()),
                    Some(false) => Err(not_saved()),
                    None => Err(unseen),
                }
            }
        }
    }

    /// The end of an attempt at a device that has what is wanted, as `has` says, and may lose it at its next boot;
    /// `rest` is what else is to be said of it.
    pub(super) fn not_saved(&self, has: &str, trouble: &Trouble, rest: &str) -> Outcome {
        let message = format!("{has}; {}{rest}", trouble.why());
        self.ended(class_of(trouble), Phase::Confirm, LeftAs::Changed, &message).with_hint(SAVE_IT)
    }

    /// The end of a way back that went well, as `is_back` says. The change may have been saved, so what came back for it is
    /// saved, too.
    pub(super) async fn save_back(
        &self,
        session: &mut Box<dyn Session>,
        pass: &WritePass,
        is_back: &str,
    ) -> Outcome {
        match self.keep_back(session, pass).await {
            Ok((phase, saved)) => {
                self.ended(Class::Ok, phase, LeftAs::Reverted, &format!("{is_back}{saved}"))
            }
            Err(trouble) => self.not_saved_back(is_back, &trouble),
        }
    }

    /// The end of a way back that could not bring back all, as `is_short` says: what came back is saved all the same.
    pub(super) async fn save_part_back(
        &self,
        session: &mut Box<dyn Session>,
        pass: &WritePass,
        is_short: &str,
    ) -> Outcome {
        let (saved, hint) = match self.keep_back(session, pass).await {
            Ok((_, saved)) => (saved, BY_HAND),
            Err(trouble) => (may_bring_back(&trouble), SAVE_PART_BACK),
        };
        let message = format!("{is_short}{saved}");
        self.ended(Class::RollbackFailed, Phase::Revert, LeftAs::Changed, &message).with_hint(hint)
    }

    /// Saves what came back, where that is to be done; what is to be said of it goes on after a sentence.
    async fn keep_back(
        &self,
        session: &mut Box<dyn Session>,
        pass: &WritePass,
    ) -> Result<(Phase, String), Trouble> {
        if !self.must_save_back(&mut **session).await {
            return Ok((Phase::Revert, self.saves_itself(&**session)));
        }
        self.save(session, pass).await?;
        Ok((Phase::Confirm, "; what it has now is saved for the next boot".to_owned()))
    }

    /// Whether a device that has again what it had may have been left with the change for its next boot, and can be told
    /// to save.
    pub(super) async fn must_save_back(&self, session: &mut dyn Session) -> bool {
        let is_ours = self.job.procedure.commit.save && session.save_remark().is_empty();
        is_ours && self.is_saved(session).await != Some(true)
    }

    /// What is to be said of a device that is back and that nobody can tell to save.
    pub(super) fn saves_itself(&self, session: &dyn Session) -> String {
        match (self.job.procedure.commit.save, session.save_remark()) {
            (false, _) | (true, "") => String::new(),
            (true, remark) => format!("{remark}; if the change was saved, its next boot brings it back"),
        }
    }

    fn not_saved_back(&self, is_back: &str, trouble: &Trouble) -> Outcome {
        let message = format!("{is_back}{}", may_bring_back(trouble));
        self.ended(class_of(trouble), Phase::Confirm, LeftAs::Reverted, &message).with_hint(SAVE_BACK)
    }

    /// Looks over new sessions whether a save was made of which nobody said how it ended.
    async fn is_saved_by_now(&self, session: &mut Box<dyn Session>) -> Option<bool> {
        let mut saved = None;
        for _ in 0..LOOKS_AFTER_WAY_BACK {
            saved = match another_session(session, self.reconnect()).await {
                Ok(()) => self.is_saved_in(ANSWERS_OF_A_NEW_SESSION, &mut **session).await,
                // What was seen before may have been a save that was not at its end.
                Err(_) => None,
            };
            if saved == Some(true) {
                return saved;
            }
            tokio::time::sleep(REST).await;
        }
        saved
    }

    /// The end of a reading after a doubt that found the change on the device, as `has` says: whoever made it may not have
    /// come to its save. A check may have opened another session, which has read nothing.
    pub(super) async fn found(&self, session: &mut dyn Session, has: &str) -> Outcome {
        let saved = self.is_saved_in(ANSWERS_OF_A_NEW_SESSION, session).await;
        if saved == Some(false) {
            return self.not_saved(has, &Trouble::Bad(NOT_SAVED.to_owned()), "");
        }
        let message = format!("{has}{}", self.told(saved));
        self.ended(Class::Ok, Phase::Read, LeftAs::Changed, &message)
    }

    /// The end of a reading after a doubt that found the device without the change, as `is_back` says: whoever put it back
    /// may not have come to its save.
    pub(super) async fn found_back(&self, session: &mut dyn Session, is_back: &str) -> Outcome {
        let saved = self.is_saved(session).await;
        if saved == Some(false) {
            return self.not_saved_back(is_back, &Trouble::Bad(NOT_SAVED.to_owned()));
        }
        let message = format!("{is_back}{}", self.told(saved));
        self.ended(Class::Ok, Phase::Read, LeftAs::Unchanged, &message)
    }

    /// What a plan says of a device that has what is wanted: a save that is still to be made is a difference. `open` is
    /// what else is to be said of it: it goes on after a sentence.
    pub(super) async fn would_be_saved(&self, session: &mut dyn Session, open: &str) -> Outcome {
        let saved = self.is_saved(session).await;
        let had = format!("{} has it already", self.device());
        if saved == Some(false) {
            self.job.context.differs(SAVES.to_owned());
            let message = format!("{had}{open}; {NOT_SAVED}, and would be");
            let outcome = self.ended(Class::Ok, Phase::Read, LeftAs::Unchanged, &message);
            return outcome.with_hint(&self.left_open(open));
        }
        let open = format!("{open}{}", self.told(saved));
        let outcome = self.ended(Class::Unchanged, Phase::Read, LeftAs::Unchanged, &format!("{had}{open}"));
        outcome.with_hint(&self.left_open(&open))
    }

    fn told(&self, saved: Option<bool>) -> String {
        match (self.job.procedure.commit.save, saved) {
            (false, _) | (true, Some(true)) => String::new(),
            (true, Some(false)) => format!("; {NOT_SAVED}"),
            (true, None) => format!("; {NOT_KNOWN}: look, and save it by hand"),
        }
    }

    /// Whether the next boot begins with what runs, as far as anybody asks and can tell.
    async fn is_saved(&self, session: &mut dyn Session) -> Option<bool> {
        self.is_saved_in(1, session).await
    }

    /// The same in the time of so many answers.
    async fn is_saved_in(&self, answers: u32, session: &mut dyn Session) -> Option<bool> {
        if !self.job.procedure.commit.save {
            return None;
        }
        let limit = self.job.task.timeouts.command.saturating_mul(answers);
        within(Phase::Read, limit, self.device(), session.is_saved()).await.ok().flatten()
    }
}

/// What is said of a device that is back and not known to be saved.
fn may_bring_back(trouble: &Trouble) -> String {
    format!("; its next boot may bring the change back: {}", trouble.why())
}

/// What a save is evidence of that is not known to be made.
fn class_of(trouble: &Trouble) -> Class {
    match trouble {
        Trouble::Bad(_) | Trouble::Unseen(..) => Class::PostcheckFailed,
        Trouble::NoWay(..) => Class::Inconclusive,
    }
}
