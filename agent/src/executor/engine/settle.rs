//! What a device in doubt has.

use super::{Ended, Run};
use crate::executor::device::Session;
use switchyard_shared::outcome::{Class, Found, LeftAs, Outcome, Phase};

impl Run<'_> {
    /// Reads the device after a doubt; `before` is the digest of what it had before the doubtful write.
    pub(super) async fn settle(
        &self,
        session: &mut dyn Session,
        before: Option<&str>,
    ) -> Result<Outcome, Ended> {
        let (running, difference) = self.read_and_compare(session).await?;
        let device = self.device();
        let found = if difference.is_nothing() {
            Found::Applied
        } else if before == Some(self.digest(&running).as_str()) {
            Found::NotApplied
        } else {
            Found::Different
        };
        let (left_as, message) = match found {
            Found::Applied => (LeftAs::Changed, format!("{device} was read and has the change")),
            Found::NotApplied => {
                (LeftAs::Unchanged, format!("{device} was read and is as it was before the write"))
            }
            Found::Different => (
                LeftAs::Unknown,
                format!("{device} was read and is neither as it was before the write nor as it should be"),
            ),
        };
        let mut outcome = Outcome::new(Class::Ok, Phase::Read, left_as, &message, self.engine.clock.now());
        if found == Found::Different {
            outcome =
                outcome.with_hint("look at the device: it may hold a part of the change, or somebody else's");
        }
        outcome.found = Some(found);
        Ok(outcome)
    }
}
