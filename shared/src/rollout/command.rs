//! What people may ask of a rollout, and when it is refused.

use super::event::Event;
use super::{Rollout, RolloutState, WaveState};

/// Why a command was refused; nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandRefused {
    /// The rollout has ended.
    #[error("{what} rollouts/{name}: it has ended ({state})")]
    Ended {
        /// What was asked.
        what: &'static str,
        /// The rollout.
        name: String,
        /// Its state.
        state: RolloutState,
    },
    /// It is not in a state in which this means anything.
    #[error("{what} rollouts/{name}: it is {state}, {why}")]
    WrongState {
        /// What was asked.
        what: &'static str,
        /// The rollout.
        name: String,
        /// Its state.
        state: RolloutState,
        /// What it would need.
        why: &'static str,
    },
    /// The caller looked at an older state.
    #[error("{what} rollouts/{name}: it has changed since (etag is {current}); look again and repeat")]
    StaleEtag {
        /// What was asked.
        what: &'static str,
        /// The rollout.
        name: String,
        /// Its etag now.
        current: String,
    },
}

impl Rollout {
    /// Hands out nothing new. Asking twice changes nothing.
    pub fn pause(&self, by: &str, reason: &str, etag: &str) -> Result<Option<Event>, CommandRefused> {
        self.check("pause", etag)?;
        let paused = || Event::Paused { by: by.to_owned(), reason: reason.to_owned() };
        Ok((self.state != RolloutState::Paused).then(paused))
    }

    /// Hands out again. Asking twice changes nothing.
    pub fn resume(&self, by: &str, reason: &str, etag: &str) -> Result<Option<Event>, CommandRefused> {
        self.check("resume", etag)?;
        let resumed = || Event::Resumed { by: by.to_owned(), reason: reason.to_owned() };
        Ok((self.state == RolloutState::Paused).then(resumed))
    }

    /// Ends the wait after a wave, whether it is for time or for a person.
    pub fn promote(&self, by: &str, reason: &str, etag: &str) -> Result<Option<Event>, CommandRefused> {
        self.check("promote", etag)?;
        let waits = match self.waves[self.wave as usize].state {
            WaveState::Soaking | WaveState::AwaitingPromotion => true,
            WaveState::Waiting | WaveState::Running | WaveState::Done => false,
        };
        if !waits {
            let why = "and no wave waits for a promotion";
            return Err(self.wrong_state("promote", why));
        }
        Ok(Some(Event::Promoted { wave: self.wave, by: by.to_owned(), reason: reason.to_owned() }))
    }

    /// Ends it for good, in whatever state. Asking twice changes nothing.
    pub fn abort(&self, by: &str, reason: &str, etag: &str) -> Result<Option<Event>, CommandRefused> {
        if self.state == RolloutState::Aborted {
            return Ok(None);
        }
        self.check("abort", etag)?;
        Ok(Some(Event::Aborted { by: by.to_owned(), reason: reason.to_owned() }))
    }

    fn check(&self, what: &'static str, etag: &str) -> Result<(), CommandRefused> {
        let name = self.name.to_string();
        if self.has_ended() || self.state == RolloutState::Aborted {
            return Err(CommandRefused::Ended { what, name, state: self.state });
        }
        if !etag.is_empty() && etag != self.etag() {
            return Err(CommandRefused::StaleEtag { what, name, current: self.etag() });
        }
        Ok(())
    }

    fn wrong_state(&self, what: &'static str, why: &'static str) -> CommandRefused {
        CommandRefused::WrongState { what, name: self.name.to_string(), state: self.state, why }
    }
}
