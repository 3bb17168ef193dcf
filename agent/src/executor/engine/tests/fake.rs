//! A bench with an engine and a device of one line.

mod device;
mod world;

use super::super::*;
use crate::clock::SystemClock;
use crate::executor::{GateRefused, played};
use crate::fs::{RealFs, replace};
use device::FakeDriver;
use futures_util::future::BoxFuture;
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;
pub use world::{Deed, Loses, Saving, World};
use world::{Shared, done, lock};

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
        let task = played::task(&procedure, wanted);
        Self { task, procedure, cancel: CancellationToken::new(), gate: Ok(()), world, engine, data }
    }

    /// A device that its rollout has brought from `old` to `new`, and the way back of it as what comes next.
    pub async fn changed() -> Self {
        let mut bench = Self::new("old", "new");
        assert_eq!(bench.apply().await.class, Class::Ok);
        bench.task.op.attempt = 2;
        bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
        bench
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

    pub fn when(&self, deed: Deed, witness: impl Fn(&mut World) + Send + 'static) {
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

    /// A way back ends in its middle, and its driver says this of it.
    pub fn stops_half_way_back(&self, left_as: Option<LeftAs>) {
        lock(&self.world).stops_half_way = left_as;
    }

    /// All but a list of it goes back, and then it has this.
    pub fn has_after_a_way_back(&self, has: &str) {
        lock(&self.world).spares = Some(has.into());
    }

    pub fn awaits_confirmation(&self) {
        lock(&self.world).awaits = true;
    }

    /// It says that it takes the change back, and does not.
    pub fn cancels_nothing(&self) {
        lock(&self.world).cancels_nothing = true;
    }

    /// It takes so long to take the change back when it is told to.
    pub fn cancelling_takes(&self, time: Duration) {
        lock(&self.world).cancelling_takes = time;
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

    /// It begins with this at its next boot, and tells whether that is what it has.
    pub fn boots(&self, with: &str) {
        lock(&self.world).boots = Some(with.into());
    }

    pub fn tells_what_it_boots(&self, tells: bool) {
        lock(&self.world).hides_what_it_boots = !tells;
    }

    pub fn tells_whether_it_is_saved_after(&self, time: Duration) {
        lock(&self.world).saved_is_told_after = time;
    }

    pub fn next_boot(&self) -> Option<String> {
        lock(&self.world).boots.clone()
    }

    pub fn saves(&self, saving: Saving) {
        lock(&self.world).saving = saving;
    }

    /// What it shows to every look.
    pub fn shows(&self, text: &str) {
        lock(&self.world).shown = Some(text.into());
    }

    /// Every look fails, for a reason of this class.
    pub fn fails_looks(&self, class: Class) {
        lock(&self.world).fails_looks = Some(class);
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

    /// Its jump host goes down when this is done for so many times, and is back after so many tries to connect.
    pub fn loses_its_way(&self, at: (Deed, usize), tries: usize) {
        let mut world = lock(&self.world);
        (world.way_ends, world.way_rests) = (Some(at), tries);
    }

    /// How often it was told that the device is asked from now on.
    pub fn connects(&self) -> usize {
        lock(&self.world).connects
    }

    /// How often the site was told that a way was lost.
    pub fn ways_lost(&self) -> usize {
        lock(&self.world).ways_lost
    }

    /// While it has the change no session is had, so many times, for a reason of this class.
    pub fn refuses_sessions(&self, class: Class, times: usize) {
        lock(&self.world).refuses_sessions = Some((class, times));
    }

    /// The same for good, from that deed on.
    pub fn refuses_sessions_from(&self, at: (Deed, usize), class: Class) {
        let mut world = lock(&self.world);
        (world.refuses_sessions, world.refuses_from) = (Some((class, usize::MAX)), Some(at));
    }

    /// It gives no answer to that.
    pub fn is_slow_once(&self, at: (Deed, usize)) {
        lock(&self.world).slow_once = Some(at);
    }

    /// So many times its lock cannot be had.
    pub fn is_locked(&self, times: usize) {
        lock(&self.world).locks_denied = times;
    }

    /// So many ways back meet a lock that somebody else holds.
    pub fn is_locked_against_a_way_back(&self, times: usize) {
        lock(&self.world).locked = times;
    }

    /// It has room for one session at a time.
    pub fn has_room_for_one(&self) {
        lock(&self.world).room = Some(1);
    }

    /// It gives no answer to what it has by default.
    pub fn keeps_its_defaults(&self) {
        lock(&self.world).keeps_its_defaults = true;
    }

    /// How often it was told that the device cannot be looked at.
    pub fn times_unseen(&self) -> usize {
        lock(&self.world).times_unseen
    }

    /// A folder stands where that note must be.
    pub fn spoil_note(&self, name: &str) {
        use crate::fs::Fs as _;
        let note = self.data.path().join("snapshots/r1").join(name);
        RealFs.remove(&note).unwrap();
        RealFs.create_dirs(&note).unwrap();
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

    fn connects(&self) {
        lock(&self.world).connects += 1;
    }

    fn way_lost(&self) {
        lock(&self.world).ways_lost += 1;
    }

    fn unseen(&self) {
        lock(&self.world).times_unseen += 1;
    }

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
