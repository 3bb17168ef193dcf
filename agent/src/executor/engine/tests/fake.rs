//! A device of one line, and what is done with it.

mod task;

use super::super::*;
use crate::clock::SystemClock;
use crate::executor::device::{WriteEnd, Written};
use crate::executor::{GateRefused, WritePass};
use crate::fs::{Fs as _, RealFs, replace};
use futures_util::future::BoxFuture;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use switchyard_shared::outcome::LeftAs;
use switchyard_shared::procedure::Probe;
use task::task;
use tempfile::TempDir;
use zeroize::Zeroizing;

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

type Witness = Box<dyn Fn(&World) + Send>;

/// The device and everything that was done.
#[derive(Default)]
pub struct World {
    has: String,
    /// What it goes back to unless it is confirmed.
    unconfirmed: Option<String>,
    deeds: Vec<Deed>,
    hangs: Option<Deed>,
    witness: Option<(Deed, Witness)>,
    refuses: Option<String>,
    refuses_the_way_back: bool,
    awaits: bool,
    cancels_nothing: bool,
    heals_at_once: bool,
    confirms_too_late: bool,
    changed_meanwhile: Option<String>,
    writing_takes: Duration,
    saved: Option<bool>,
    words: String,
    shown: Option<String>,
    fails_to_save: bool,
    cut_off_while_changed: bool,
    /// Readings after a write that still show what it had then.
    lags: usize,
    had: String,
    lists_backwards: bool,
    fails_to_restart: bool,
    /// What becomes of its sessions when it is put back.
    loses: Loses,
    is_lost: bool,
    diff: String,
    data: std::path::PathBuf,
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

impl World {
    /// What is kept of the device.
    pub fn snapshots(&self) -> Vec<String> {
        let folder = self.data.join("snapshots/r1");
        let read = |name: String| RealFs.read(&folder.join(name), 1024).unwrap();
        let names = RealFs.list(&folder).unwrap().into_iter().filter(|name| !name.starts_with("left@"));
        names.map(|name| String::from_utf8(read(name)).unwrap()).collect()
    }
}

type Shared = Arc<Mutex<World>>;

fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap()
}

async fn done(world: &Shared, deed: Deed) {
    let hangs = {
        let mut world = lock(world);
        world.deeds.push(deed);
        if let Some((at, witness)) = world.witness.take_if(|(at, _)| *at == deed) {
            witness(&world);
            world.witness = Some((at, witness));
        }
        world.hangs == Some(deed)
    };
    if hangs {
        std::future::pending::<()>().await;
    }
}

struct FakeDriver(Shared);

struct FakeSession(Shared);

impl Driver for FakeDriver {
    fn connect<'a>(&'a self, _: &'a Job<'a>) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>> {
        Box::pin(async {
            done(&self.0, Deed::Connect).await;
            if lock(&self.0).cut_off_while_changed && lock(&self.0).has == "new" {
                return Err(Failure::new(Class::Unreachable, Phase::Connect, "no route to it"));
            }
            let mut world = lock(&self.0);
            if world.is_lost && world.loses == Loses::Device {
                return Err(Failure::new(Class::Unreachable, Phase::Connect, "no route to it"));
            }
            world.is_lost = false;
            Ok(Box::new(FakeSession(self.0.clone())) as Box<dyn Session>)
        })
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
            if world.is_lost {
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

    fn alike(&self, one: &Running, other: &Running) -> bool {
        one == other || lock(&self.0).lists_backwards && one.0.chars().rev().eq(other.0.chars())
    }

    fn is_shown_whole(&self) -> bool {
        !lock(&self.0).fails_to_restart
    }

    fn compare(&self, running: &Running, wanted: &Wanted) -> Result<Difference, Failure> {
        Ok(Difference { text: switchyard_shared::configuration::unified(&running.0, wanted.reveal()).into() })
    }

    fn look<'a>(&'a mut self, _: &'a Probe) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(async {
            done(&self.0, Deed::Look).await;
            let world = lock(&self.0);
            Ok(world.shown.clone().unwrap_or_else(|| world.has.clone()))
        })
    }

    fn prepare(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async {
            done(&self.0, Deed::Prepare).await;
            let mut world = lock(&self.0);
            if let Some(changed) = world.changed_meanwhile.take() {
                world.has = changed;
            }
            Ok(())
        })
    }

    fn write<'a>(
        &'a mut self,
        _: &'a WritePass,
        running: &'a Running,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Written, WriteEnd>> {
        Box::pin(async {
            done(&self.0, Deed::Write).await;
            let takes = lock(&self.0).writing_takes;
            tokio::time::sleep(takes).await;
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
                        world.has = before;
                    }
                });
            }
            Ok(Written { awaits_confirmation: world.awaits })
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
            let mut world = lock(&self.0);
            if !world.cancels_nothing
                && let Some(before) = world.unconfirmed.take()
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
    ) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async {
            done(&self.0, Deed::Restore).await;
            let takes = lock(&self.0).writing_takes;
            tokio::time::sleep(takes).await;
            let mut world = lock(&self.0);
            if world.refuses_the_way_back {
                return Err(WriteEnd::Rejected { message: "% locked".into(), left_as: LeftAs::Unknown });
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
                true => Ok(()),
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
            if world.fails_to_save {
                return Err(WriteEnd::Rejected { message: "% no room".into(), left_as: LeftAs::Changed });
            }
            world.saved = world.saved.map(|_| true);
            Ok(())
        })
    }

    fn is_saved(&mut self) -> BoxFuture<'_, Result<Option<bool>, Failure>> {
        let saved = lock(&self.0).saved;
        Box::pin(async move { Ok(saved) })
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

/// An engine with a device that has something and shall have something else.
pub struct Bench {
    pub task: Task,
    pub procedure: Procedure,
    pub cancel: CancellationToken,
    pub gate: Result<(), GateRefused>,
    world: Shared,
    engine: Engine,
    data: TempDir,
}

impl Bench {
    pub fn new(has: &str, wanted: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let world = World { has: has.into(), data: data.path().to_owned(), ..World::default() };
        let world = Arc::new(Mutex::new(world));
        let driver: Arc<dyn Driver> = Arc::new(FakeDriver(world.clone()));
        let procedure = Procedure::new(Transport::SshCli, "fake");
        let engine = Engine::new(
            BTreeMap::from([(Transport::SshCli, driver)]),
            Snapshots::new(data.path(), Arc::new(RealFs)),
            Secrets::new(data.path()),
            SiteKey::of(data.path()),
            SystemClock::shared(),
        );
        let task = task(&procedure, wanted);
        Self { task, procedure, cancel: CancellationToken::new(), gate: Ok(()), world, engine, data }
    }

    pub async fn apply(&self) -> Outcome {
        let context = Context { world: self.world.clone(), gate: self.gate.clone() };
        self.engine.carry_out(&self.task, &self.procedure, &context, self.cancel.clone()).await
    }

    pub fn deeds(&self) -> Vec<Deed> {
        lock(&self.world).deeds.clone()
    }

    pub fn has(&self) -> String {
        lock(&self.world).has.clone()
    }

    pub fn set(&self, has: &str) {
        lock(&self.world).has = has.into();
    }

    pub fn diff(&self) -> String {
        lock(&self.world).diff.clone()
    }

    pub fn snapshots(&self) -> Vec<String> {
        lock(&self.world).snapshots()
    }

    pub fn digest(&self, text: &str) -> String {
        SiteKey::of(self.data.path()).digest(text.as_bytes())
    }

    pub fn when(&self, deed: Deed, witness: impl Fn(&World) + Send + 'static) {
        lock(&self.world).witness = Some((deed, Box::new(witness)));
    }

    pub fn hang(&self, deed: Deed) {
        lock(&self.world).hangs = Some(deed);
    }

    /// The device says no and has `left` afterwards.
    pub fn refuse_the_write(&self, left: &str) {
        lock(&self.world).refuses = Some(left.into());
    }

    pub fn refuse_the_way_back(&self) {
        lock(&self.world).refuses_the_way_back = true;
    }

    pub fn awaits_confirmation(&self) {
        lock(&self.world).awaits = true;
    }

    /// It says that it takes the change back, and does not.
    pub fn cancels_nothing(&self) {
        lock(&self.world).cancels_nothing = true;
    }

    /// It takes an unconfirmed change back when the session of the write closes.
    pub fn heals_at_once(&self) {
        lock(&self.world).heals_at_once = true;
    }

    /// It takes the change back in the very moment of its confirmation, and says yes.
    pub fn confirms_too_late(&self) {
        lock(&self.world).confirms_too_late = true;
    }

    /// Somebody else changes it just before the write.
    pub fn is_changed_meanwhile(&self, has: &str) {
        lock(&self.world).changed_meanwhile = Some(has.into());
    }

    /// Whether it begins with what it has at its next boot, as far as it tells.
    pub fn is_saved(&self, saved: Option<bool>) {
        lock(&self.world).saved = saved;
    }

    pub fn fails_to_save(&self, fails: bool) {
        lock(&self.world).fails_to_save = fails;
    }

    /// What it shows to every look.
    pub fn shows(&self, text: &str) {
        lock(&self.world).shown = Some(text.into());
    }

    /// Its refusal is in these words.
    pub fn refuses_with(&self, words: &str) {
        let mut world = lock(&self.world);
        world.refuses = Some(world.has.clone());
        world.words = words.into();
    }

    /// Forgets what was done so far.
    pub fn forget(&self) {
        lock(&self.world).deeds.clear();
    }

    /// Puts `text` into the file of a secret, and gives its reference.
    pub fn secret(&self, name: &str, text: &str) -> String {
        replace(&RealFs, &self.data.path().join(name), text.as_bytes()).unwrap();
        format!("file:{name}")
    }

    /// Every write and every way back takes so long.
    pub fn writing_takes(&self, time: Duration) {
        lock(&self.world).writing_takes = time;
    }

    /// So many readings after a write still show what it had.
    pub fn lags(&self, readings: usize) {
        lock(&self.world).lags = readings;
    }

    /// It has again what it had, and what must be restarted for it is not.
    pub fn fails_to_restart(&self) {
        lock(&self.world).fails_to_restart = true;
    }

    /// What it is put back to, it lists in another order.
    pub fn lists_backwards(&self) {
        lock(&self.world).lists_backwards = true;
    }

    pub fn loses(&self, what: Loses) {
        lock(&self.world).loses = what;
    }

    pub fn cut_off_while_changed(&self) {
        lock(&self.world).cut_off_while_changed = true;
    }

    /// A file stands where the snapshots' folder must be.
    pub fn spoil_snapshots(&mut self) {
        replace(&RealFs, &self.data.path().join("snapshots"), b"").unwrap();
    }
}

struct Context {
    world: Shared,
    gate: Result<(), GateRefused>,
}

impl AttemptContext for Context {
    fn progress(&self, _: Phase) {}

    fn differs(&self, diff: String) {
        lock(&self.world).diff = diff;
    }

    fn open_write_gate(&self, _: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        Box::pin(async {
            done(&self.world, Deed::Gate).await;
            self.gate.clone()
        })
    }
}
