//! The way back of a device that cannot take a change back by itself: in steps, each seen before the next.
//!
//! In a candidate they are only put in force once it shows what the device had; a running configuration is changed by
//! each of them.

use super::rpc::{Datastore, Rpc};
use super::session::NetconfSession;
use super::trouble::{before_commit, of_commit};
use super::wire::CallError;
use super::xml::Element;
use super::{back, compare};
use crate::executor::WritePass;
use crate::executor::device::{Running, WriteEnd};
use switchyard_shared::outcome::LeftAs;

/// Steps of one way back: what is added, what is seen to be too much after it, and what that brings up.
const STEPS_MAX: u32 = 4;
/// Lists that are put in order; the outcome tells of what is not.
const LISTS_MAX: usize = 16;

/// Why a way back ends early.
enum Stuck {
    /// The error goes on after "failed to".
    NoWay(String),
    Call(CallError),
}

impl NetconfSession {
    pub(super) async fn restore_now(
        &mut self,
        pass: &WritePass,
        running: &Running,
        before: &Running,
    ) -> Result<(), WriteEnd> {
        let then = compare::running(&before.0).map_err(WriteEnd::NotSent)?;
        let now = compare::running(&running.0).map_err(WriteEnd::NotSent)?;
        self.lock_all().await.map_err(|error| not_put_back(before_commit(error)))?;
        if !self.abilities.candidate {
            return self
                .go_back(pass, Datastore::Running, now, &then)
                .await
                .map_err(|stuck| stuck.end(of_commit));
        }
        let ready = match self.wire.call(&Rpc::Discard, Some(pass)).await {
            Ok(_) => self.go_back(pass, Datastore::Candidate, now, &then).await,
            Err(error) => Err(Stuck::Call(error)),
        };
        let end = match ready {
            Ok(()) => self
                .wire
                .call(&Rpc::Commit, Some(pass))
                .await
                .map(|_| ())
                .map_err(of_commit)
                .map_err(not_put_back),
            Err(stuck) => Err(stuck.end(before_commit)),
        };
        if matches!(end, Err(WriteEnd::Rejected { .. } | WriteEnd::Busy(_))) {
            let _ = self.wire.call(&Rpc::Discard, Some(pass)).await;
        }
        end
    }

    /// Has `store`, which has `now`, have what it had `then`.
    async fn go_back(
        &mut self,
        pass: &WritePass,
        store: Datastore,
        mut now: Vec<Element>,
        then: &[Element],
    ) -> Result<(), Stuck> {
        for step in 0..STEPS_MAX {
            if back::alike(&now, then) {
                break;
            }
            let edits = back::step(&now, then).map_err(Stuck::NoWay)?;
            let edited = self.edit(pass, store, &edits).await.map_err(Stuck::Call);
            edited.map_err(|stuck| if step == 0 { stuck } else { stuck.after_a_step() })?;
            now = self.shown(store).await.map_err(Stuck::after_a_step)?;
        }
        match back::alike(&now, then) {
            true => self.put_in_order(pass, store, &now, then).await.map_err(Stuck::after_a_step),
            false => Err(Stuck::NoWay(format!("come back to what it had in {STEPS_MAX} steps"))),
        }
    }

    /// A device whose lists are in an order of its own refuses that, or does nothing: there the order does not count.
    async fn put_in_order(
        &mut self,
        pass: &WritePass,
        store: Datastore,
        now: &[Element],
        then: &[Element],
    ) -> Result<(), Stuck> {
        let moves = back::moves(now, then);
        if moves.is_empty() {
            return Ok(());
        }
        for moves in moves.iter().take(LISTS_MAX) {
            match self.edit(pass, store, moves).await {
                Ok(()) | Err(CallError::Refused(_)) => {}
                Err(error) => return Err(Stuck::Call(error)),
            }
        }
        match back::alike(&self.shown(store).await?, then) {
            true => Ok(()),
            false => Err(Stuck::NoWay("put its entries into the order they had".into())),
        }
    }

    async fn shown(&mut self, store: Datastore) -> Result<Vec<Element>, Stuck> {
        let which = match store {
            Datastore::Running => Rpc::GetConfig,
            Datastore::Candidate => Rpc::GetCandidate,
        };
        let shown = tokio::time::timeout(self.wire.patience(), self.data(&which)).await;
        let late = |_| CallError::Lost("no answer to get-config in time".into());
        shown.map_err(late).flatten().map_err(Stuck::Call)
    }
}

impl Stuck {
    /// Once a step is done in a running configuration, a session that has ended is no sign that nothing was sent.
    fn after_a_step(self) -> Self {
        match self {
            Self::Call(CallError::NotSent(why)) => Self::Call(CallError::Lost(why)),
            stuck @ (Self::Call(_) | Self::NoWay(_)) => stuck,
        }
    }

    fn end(self, of_call: impl Fn(CallError) -> WriteEnd) -> WriteEnd {
        match self {
            Self::NoWay(why) => {
                WriteEnd::Rejected { message: format!("failed to {why}"), left_as: LeftAs::Changed }
            }
            Self::Call(error) => not_put_back(of_call(error)),
        }
    }
}

/// What the device refuses on its way back leaves it as it is: the engine looks whether that is so. A lock that
/// somebody else holds is waited for.
fn not_put_back(end: WriteEnd) -> WriteEnd {
    match end {
        WriteEnd::Rejected { message, .. } => WriteEnd::Rejected { message, left_as: LeftAs::Changed },
        WriteEnd::Busy(_) | WriteEnd::NotSent(_) | WriteEnd::NoWay(_) | WriteEnd::Lost(_) => end,
    }
}
