//! From the first changing word to the commit, and its confirmation.

use super::compare;
use super::rpc::{Datastore, Edit, Rpc};
use super::session::NetconfSession;
use super::trouble::{before_commit, of_commit};
use super::wire::CallError;
use super::xml::Element;
use super::{hello::BASE, xml::print};
use crate::executor::WritePass;
use crate::executor::device::{Running, WriteEnd, Written};
use crate::executor::wanted::Wanted;

/// How a commit is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasts {
    ForGood,
    UntilConfirmed,
}

impl NetconfSession {
    pub(super) async fn write_now(
        &mut self,
        pass: &WritePass,
        running: &Running,
        wanted: &Wanted,
    ) -> Result<Written, WriteEnd> {
        let want = compare::wanted(wanted.reveal()).map_err(WriteEnd::NotSent)?;
        let have = compare::running(&running.0).map_err(WriteEnd::NotSent)?;
        let edits = compare::edits(&have, &want, wanted.mode);
        let may_wait = self.commit.confirmed && self.abilities.confirmed_commit;
        let lasts = if may_wait { Lasts::UntilConfirmed } else { Lasts::ForGood };
        self.put(pass, &edits, lasts).await
    }

    /// Makes the commit of an earlier session last. It puts in force what the candidate holds, so nobody else may
    /// be at work on that; a device that refuses the lock for the pending commit alone keeps others out by itself.
    pub(super) async fn confirm_now(&mut self, pass: &WritePass) -> Result<(), WriteEnd> {
        match self.lock(Datastore::Candidate).await {
            Ok(()) => {}
            Err(CallError::Refused(errors)) if errors.iter().all(|error| error.tag != "lock-denied") => {}
            Err(error) => return Err(of_commit(error)),
        }
        let persist = &self.persist;
        let told = self.wire.call(&Rpc::Confirm { persist }, Some(pass)).await;
        told.map(|_| ()).map_err(of_commit)
    }

    async fn put(&mut self, pass: &WritePass, edits: &[Element], lasts: Lasts) -> Result<Written, WriteEnd> {
        if !self.abilities.candidate {
            let edited = self.edit(pass, Datastore::Running, edits).await;
            return edited.map(|()| Written::ForGood).map_err(of_commit);
        }
        // No word of its own validates the candidate: the edit and the commit do, and there are servers
        // (netconfd 2.13) that commit nothing after it.
        let discarded = self.wire.call(&Rpc::Discard, Some(pass)).await;
        let edited = match discarded {
            Ok(_) => self.edit(pass, Datastore::Candidate, edits).await,
            Err(error) => Err(error),
        };
        if let Err(error) = edited {
            self.drop_candidate(pass, &error).await;
            return Err(before_commit(error));
        }
        let commit = match lasts {
            Lasts::ForGood => Rpc::Commit,
            Lasts::UntilConfirmed => {
                Rpc::CommitUntil { timeout: self.commit.confirm_timeout, persist: &self.persist }
            }
        };
        let since = pass.now();
        if let Err(error) = self.wire.call(&commit, Some(pass)).await {
            self.drop_candidate(pass, &error).await;
            return Err(of_commit(error));
        }
        Ok(match lasts {
            Lasts::ForGood => Written::ForGood,
            Lasts::UntilConfirmed => Written::UntilConfirmed { since },
        })
    }

    /// One edit of a datastore, which takes it whole where it can.
    pub(super) async fn edit(
        &mut self,
        pass: &WritePass,
        target: Datastore,
        edits: &[Element],
    ) -> Result<(), CallError> {
        let edit = Rpc::Edit(Edit {
            target,
            config: &print(edits, BASE),
            test: self.abilities.validate,
            all_or_nothing: self.abilities.rollback_on_error,
        });
        self.wire.call(&edit, Some(pass)).await.map(|_| ())
    }

    /// A candidate that was refused is nobody's to find.
    async fn drop_candidate(&mut self, pass: &WritePass, error: &CallError) {
        if matches!(error, CallError::Refused(_)) {
            let _ = self.wire.call(&Rpc::Discard, Some(pass)).await;
        }
    }
}
