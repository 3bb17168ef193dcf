//! A device of one line, as its driver sees it.

use super::world::{Deed, Loses, Saving, Shared, done, lock};
use crate::executor::device::{Difference, Driver, Job, Restored, Running, Session, WriteEnd, Written};
use crate::executor::wanted::Wanted;
use crate::executor::{Failure, WritePass};
use futures_util::future::BoxFuture;
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, Phase};
use switchyard_shared::procedure::Probe;
use zeroize::Zeroizing;

pub(super) struct FakeDriver(pub(super) Shared);

struct FakeSession(Shared);

impl FakeSession {
    fn begin(world: &Shared) -> Self {
        lock(world).sessions += 1;
        Self(world.clone())
    }
}

impl Drop for FakeSession {
    fn drop(&mut self) {
        lock(&self.0).sessions -= 1;
    }
}

impl Driver for FakeDriver {
    fn connect<'a>(&'a self, _: &'a Job<'a>) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>> {
        Box::pin(async {
            done(&self.0, Deed::Connect).await;
            if lock(&self.0).has_no_way() {
                return Err(Failure::new(Class::AgentError, Phase::Connect, "jump host hop:22 is down"));
            }
            let refused = lock(&self.0).refuses_a_session();
            if let Some(class) = refused {
                return Err(Failure::new(class, Phase::Connect, "no session"));
            }
            if lock(&self.0).is_unreachable() {
                return Err(Failure::new(Class::Unreachable, Phase::Connect, "no route to it"));
            }
            if !lock(&self.0).has_room() {
                return Err(Failure::new(Class::Overloaded, Phase::Connect, "all its lines are in use"));
            }
            let mut world = lock(&self.0);
            if world.is_lost && world.loses == Loses::Device {
                return Err(Failure::new(Class::Unreachable, Phase::Connect, "no route to it"));
            }
            world.is_lost = false;
            drop(world);
            Ok(Box::new(FakeSession::begin(&self.0)) as Box<dyn Session>)
        })
    }

    fn lost_way<'a>(&'a self, _: &'a Job<'a>) -> BoxFuture<'a, Option<String>> {
        let is_lost = lock(&self.0).way_is_lost;
        Box::pin(async move { is_lost.then(|| "jump host hop:22".to_owned()) })
    }
}

fn text(running: &Running) -> String {
    running.0.to_string()
}

impl Session for FakeSession {
    fn read(&mut self) -> BoxFuture<'_, Result<Running, Failure>> {
        Box::pin(async {
            done(&self.0, Deed::Read).await;
            let mut world = lock(&self.0);
            if world.is_lost || world.way_is_lost {
                return Err(Failure::new(Class::Unreachable, Phase::Read, "it hung up"));
            }
            let has = match world.had.is_empty() || world.lags == 0 {
                true => world.has.clone(),
                false => world.had.clone(),
            };
            if !world.had.is_empty() {
                world.lags = world.lags.saturating_sub(1);
            }
            Ok(Running(Zeroizing::new(has)))
        })
    }

    fn ask_defaults<'a>(&'a mut self, _: &'a Running) -> BoxFuture<'a, Result<(), Failure>> {
        let keeps = lock(&self.0).keeps_its_defaults;
        Box::pin(async move { if keeps { std::future::pending().await } else { Ok(()) } })
    }

    fn alike(&self, one: &Running, other: &Running) -> bool {
        one == other || lock(&self.0).lists_backwards && one.0.chars().rev().eq(other.0.chars())
    }

    fn is_shown_whole(&self) -> bool {
        !lock(&self.0).fails_to_restart
    }

    fn compare(&self, running: &Running, wanted: &Wanted) -> Result<Difference, Failure> {
        // As a merge: every device has nothing.
        let wanted = if wanted.reveal().is_empty() { &running.0 } else { wanted.reveal() };
        Ok(Difference { text: switchyard_shared::configuration::unified(&running.0, wanted).into() })
    }

    fn look<'a>(&'a mut self, _: &'a Probe) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(async {
            done(&self.0, Deed::Look).await;
            let world = lock(&self.0);
            if world.is_lost || world.way_is_lost {
                return Err(Failure::new(Class::Unreachable, Phase::Verify, "it hung up"));
            }
            if let Some(class) = world.fails_looks {
                return Err(Failure::new(class, Phase::Verify, "no such look"));
            }
            Ok(world.shown.clone().unwrap_or_else(|| world.has.clone()))
        })
    }

    fn prepare(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async {
            done(&self.0, Deed::Prepare).await;
            let mut world = lock(&self.0);
            if world.locks_denied > 0 {
                world.locks_denied -= 1;
                return Err(Failure::new(Class::Overloaded, Phase::Validate, "ann holds the lock"));
            }
            if let Some(changed) = world.changed_meanwhile.take() {
                world.has = changed;
            }
            Ok(())
        })
    }

    fn write<'a>(
        &'a mut self,
        pass: &'a WritePass,
        running: &'a Running,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Written, WriteEnd>> {
        Box::pin(async {
            done(&self.0, Deed::Write).await;
            let takes = lock(&self.0).writing_takes;
            tokio::time::sleep(takes).await;
            let since = pass.now();
            let mut world = lock(&self.0);
            if let Some(part) = world.refuses.clone() {
                world.has = part;
                let message = format!("% Invalid input {}", world.words);
                return Err(WriteEnd::Rejected { message, left_as: LeftAs::Unknown });
            }
            world.had = text(running);
            world.has = wanted.reveal().to_owned();
            if world.awaits {
                world.unconfirmed = Some(text(running));
                let (later, patience) = (self.0.clone(), Duration::from_secs(300));
                tokio::spawn(async move {
                    tokio::time::sleep(patience).await;
                    let mut world = lock(&later);
                    if let Some(before) = world.unconfirmed.take() {
                        world.one_step_back = Some(std::mem::replace(&mut world.has, before));
                    }
                });
            }
            Ok(match world.awaits {
                true => Written::UntilConfirmed { since },
                false => Written::ForGood,
            })
        })
    }

    fn confirm<'a>(&'a mut self, _: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async {
            done(&self.0, Deed::Confirm).await;
            let mut world = lock(&self.0);
            if let Some(before) = world.unconfirmed.take().filter(|_| world.confirms_too_late) {
                world.has = before;
            }
            Ok(())
        })
    }

    fn cancel<'a>(&'a mut self, _: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async {
            done(&self.0, Deed::Cancel).await;
            let takes = lock(&self.0).cancelling_takes;
            tokio::time::sleep(takes).await;
            let mut world = lock(&self.0);
            if !world.cancels_nothing
                && let Some(before) = world.unconfirmed.take().or_else(|| world.one_step_back.take())
            {
                world.has = before;
            }
            Ok(())
        })
    }

    fn restore<'a>(
        &'a mut self,
        _: &'a WritePass,
        _: &'a Running,
        before: &'a Running,
    ) -> BoxFuture<'a, Result<Restored, WriteEnd>> {
        Box::pin(async {
            done(&self.0, Deed::Restore).await;
            let takes = lock(&self.0).writing_takes;
            tokio::time::sleep(takes).await;
            let mut world = lock(&self.0);
            if world.locked > 0 {
                world.locked -= 1;
                return Err(WriteEnd::Busy("ann holds the lock".into()));
            }
            if world.refuses_the_way_back {
                return Err(WriteEnd::Rejected { message: "% locked".into(), left_as: LeftAs::Unknown });
            }
            if let Some(left_as) = world.stops_half_way {
                world.has = "half way back".into();
                return Err(WriteEnd::Rejected { message: "% no room".into(), left_as });
            }
            if let Some(has) = world.spares.clone() {
                world.has = has;
                return Ok(Restored::Except("the list stays as it is".into()));
            }
            let lost = Err(WriteEnd::Lost("it hung up".into()));
            world.is_lost = world.loses != Loses::Nothing;
            if world.loses == Loses::Way {
                return lost;
            }
            let restarts = !world.fails_to_restart;
            world.has = match world.lists_backwards {
                true => before.0.chars().rev().collect(),
                false => text(before),
            };
            match restarts {
                true if world.is_lost => lost,
                true => Ok(Restored::Whole),
                false => {
                    Err(WriteEnd::Rejected { message: "it did not start".into(), left_as: LeftAs::Unknown })
                }
            }
        })
    }

    fn save<'a>(&'a mut self, _: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async {
            done(&self.0, Deed::Save).await;
            let mut world = lock(&self.0);
            let saving = world.saving;
            if matches!(saving, Saving::Works | Saving::Loses { is_made: true }) {
                world.saved = world.saved.map(|_| true);
                world.boots = world.boots.take().map(|_| world.has.clone());
            }
            match saving {
                Saving::Works | Saving::HasNoWord => Ok(()),
                Saving::Refuses => {
                    Err(WriteEnd::Rejected { message: "% no room".into(), left_as: LeftAs::Changed })
                }
                Saving::Loses { .. } => Err(WriteEnd::Lost("it hung up".into())),
            }
        })
    }

    fn save_remark(&self) -> &'static str {
        match lock(&self.0).saving {
            Saving::HasNoWord => "; it has no word for a save",
            Saving::Works | Saving::Refuses | Saving::Loses { .. } => "",
        }
    }

    fn is_saved(&mut self) -> BoxFuture<'_, Result<Option<bool>, Failure>> {
        let world = lock(&self.0);
        let saved = match &world.boots {
            Some(boots) => (!world.hides_what_it_boots).then(|| *boots == world.has),
            None => world.saved,
        };
        let takes = world.saved_is_told_after;
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            Ok(saved)
        })
    }

    fn redact(&self, text: &str) -> String {
        text.replace("marked", "(secret)")
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            done(&self.0, Deed::Close).await;
            let mut world = lock(&self.0);
            if world.heals_at_once
                && let Some(before) = world.unconfirmed.take()
            {
                world.has = before;
            }
        })
    }
}
