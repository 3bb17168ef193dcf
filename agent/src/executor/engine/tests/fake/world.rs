//! What a played device is, what was done with it and what it shall do wrong.

use crate::fs::{Fs as _, RealFs};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs};

/// What is done with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Connect,
    Read,
    Look,
    Prepare,
    Gate,
    Write,
    Confirm,
    Cancel,
    Restore,
    Save,
    Close,
}

pub(super) type Witness = Box<dyn Fn(&mut World) + Send>;

/// The device and everything that was done.
#[derive(Default)]
pub struct World {
    pub(super) has: String,
    /// What it goes back to unless it is confirmed.
    pub(super) unconfirmed: Option<String>,
    pub(super) deeds: Vec<Deed>,
    pub(super) hangs: Option<Deed>,
    pub(super) witness: Option<(Deed, Witness)>,
    pub(super) refuses: Option<String>,
    pub(super) refuses_the_way_back: bool,
    /// A way back ends in its middle, and its driver says this of it.
    pub(super) stops_half_way: Option<LeftAs>,
    /// What no way back can have: the device has that afterwards.
    pub(super) spares: Option<String>,
    pub(super) awaits: bool,
    pub(super) cancels_nothing: bool,
    pub(super) cancelling_takes: Duration,
    /// The change that it took back by itself: it is what another step back brings.
    pub(super) one_step_back: Option<String>,
    pub(super) heals_at_once: bool,
    pub(super) confirms_too_late: bool,
    pub(super) changed_meanwhile: Option<String>,
    pub(super) writing_takes: Duration,
    pub(super) saved: Option<bool>,
    /// What it begins with at its next boot, where that is played.
    pub(super) boots: Option<String>,
    pub(super) hides_what_it_boots: bool,
    pub(super) words: String,
    pub(super) shown: Option<String>,
    /// Why every look fails, if it does.
    pub(super) fails_looks: Option<Class>,
    pub(super) saving: Saving,
    pub(super) cut_off_while_changed: bool,
    /// Readings after a write that still show what it had then.
    pub(super) lags: usize,
    pub(super) had: String,
    pub(super) lists_backwards: bool,
    pub(super) fails_to_restart: bool,
    /// What becomes of its sessions when it is put back.
    pub(super) loses: Loses,
    pub(super) is_lost: bool,
    pub(super) is_gone: bool,
    /// The way to it is lost when that is done for so many times.
    pub(super) way_ends: Option<(Deed, usize)>,
    pub(super) way_is_lost: bool,
    /// Tries to connect until it is back.
    pub(super) way_rests: usize,
    /// How often the site heard of it.
    pub(super) ways_lost: usize,
    /// How often it was told that the device is asked from now on.
    pub(super) connects: usize,
    /// Why no session is had while it has the change, and how often not.
    pub(super) refuses_sessions: Option<(Class, usize)>,
    /// From when on that is so.
    pub(super) refuses_from: Option<(Deed, usize)>,
    /// Once it gives no answer to that.
    pub(super) slow_once: Option<(Deed, usize)>,
    /// How often its lock is denied.
    pub(super) locks_denied: usize,
    /// Ways back that meet somebody's lock.
    pub(super) locked: usize,
    pub(super) times_unseen: usize,
    /// How many sessions it has room for at once, where that is bounded; and how many there are.
    pub(super) room: Option<usize>,
    pub(super) sessions: usize,
    pub(super) keeps_its_defaults: bool,
    /// How long it takes to tell whether it is saved.
    pub(super) saved_is_told_after: Duration,
    pub(super) diff: String,
    pub(super) data: std::path::PathBuf,
}

/// What a way back does to the session it is typed in.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Loses {
    #[default]
    Nothing,
    /// The session ends as the device has it.
    Session,
    /// The session ends before the device has it.
    Way,
    /// The device has it and is not reached any more.
    Device,
}

/// What becomes of a save.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Saving {
    #[default]
    Works,
    Refuses,
    /// The session ends under it.
    Loses {
        is_made: bool,
    },
    /// There is no word for it.
    HasNoWord,
}

impl World {
    /// It is not reached any more.
    pub fn is_cut_off(&mut self) {
        self.is_gone = true;
    }

    /// The session that is open ends.
    pub fn hangs_up(&mut self) {
        self.is_lost = true;
    }

    /// Whether it was told that the device cannot be looked at.
    pub fn is_unseen(&self) -> bool {
        self.times_unseen > 0
    }

    /// How often that was done.
    pub fn has_done(&self, deed: Deed) -> usize {
        self.deeds.iter().filter(|done| **done == deed).count()
    }

    pub fn has_now(&mut self, has: &str) {
        self.has = has.to_owned();
    }

    /// Another commit has made the one that awaited its confirmation last.
    pub fn is_confirmed_by_somebody(&mut self) {
        self.unconfirmed = None;
    }

    /// Tries to connect: why it is refused, if it is.
    pub(super) fn refuses_a_session(&mut self) -> Option<Class> {
        let is_now = self.has != "old" && self.deeds.contains(&Deed::Write) && self.refuses_from.is_none();
        let (class, times) = self.refuses_sessions.as_mut().filter(|(_, times)| is_now && *times > 0)?;
        *times -= 1;
        Some(*class)
    }

    /// Tries to connect: whether there is a line for it.
    pub(super) fn has_room(&self) -> bool {
        self.room.is_none_or(|room| self.sessions < room)
    }

    /// Tries to connect: whether there is no way yet.
    pub(super) fn has_no_way(&mut self) -> bool {
        self.way_is_lost = self.way_is_lost && self.way_rests > 0;
        self.way_rests = self.way_rests.saturating_sub(usize::from(self.way_is_lost));
        self.way_is_lost
    }

    pub(super) fn is_unreachable(&self) -> bool {
        self.is_gone || self.cut_off_while_changed && self.has == "new"
    }

    /// What is kept of the device.
    pub fn snapshots(&self) -> Vec<String> {
        let folder = self.data.join("snapshots/r1");
        let read = |name: String| RealFs.read(&folder.join(name), 1024).unwrap();
        let names = RealFs.list(&folder).unwrap().into_iter().filter(|name| !name.starts_with("left@"));
        names.map(|name| String::from_utf8(read(name)).unwrap()).collect()
    }
}

pub(super) type Shared = Arc<Mutex<World>>;

pub(super) fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap()
}

pub(super) async fn done(world: &Shared, deed: Deed) {
    let hangs = {
        let mut world = lock(world);
        world.deeds.push(deed);
        let times = world.has_done(deed);
        world.way_is_lost |= world.way_ends == Some((deed, times));
        if let Some((at, witness)) = world.witness.take_if(|(at, _)| *at == deed) {
            witness(&mut world);
            world.witness = Some((at, witness));
        }
        world.refuses_from.take_if(|from| *from == (deed, times));
        world.hangs == Some(deed) || world.slow_once == Some((deed, times))
    };
    if hangs {
        std::future::pending::<()>().await;
    }
}
