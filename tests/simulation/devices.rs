//! The devices: what each has, what it does to those who come, and the ledger that it keeps of it.

use crate::dice::Dice;
use crate::time::TrueTime;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use switchyard_shared::id::{DeviceName, OpId, SiteName};
use switchyard_tests::checkers::{Mark, Touch};

/// What every device has before anybody came.
const FACTORY: &[u8] = b"hostname factory\n";

/// How bad the devices of a run are: so many of a thousand attempts each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Never answer.
    pub silent: u64,
    /// Refuse the connection.
    pub refuse: u64,
    /// Refuse the change.
    pub reject: u64,
    /// End the session in mid-write.
    pub cut: u64,
    /// Never say that the write is done.
    pub hang: u64,
}

/// What a device does to one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// All that is asked.
    Good,
    /// Never answers.
    Silent,
    /// Refuses the connection.
    Refuse,
    /// Refuses the change.
    Reject,
    /// Ends the session in mid-write.
    Cut,
    /// Never says that the write is done.
    Hang,
}

/// How one attempt goes if nothing comes between.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// What it does.
    pub mood: Mood,
    /// Until it answers.
    pub connect: Duration,
    /// Until a reading is there.
    pub read: Duration,
    /// Until a write is done.
    pub write: Duration,
}

struct Device {
    site: SiteName,
    has: Vec<u8>,
    sessions: u64,
    /// What an interrupted write will have made of it, from when on.
    settling: Option<(Duration, u64, OpId, String, Vec<u8>)>,
}

struct All {
    devices: BTreeMap<DeviceName, Device>,
    ledger: Vec<Touch>,
}

/// Every device of a run; outlives all programs. Its clones are the same devices.
#[derive(Clone)]
pub struct Fleet {
    all: Arc<Mutex<All>>,
    time: TrueTime,
    seed: u64,
    faults: Faults,
    /// How long a device may go on with a write whose session is gone, in milliseconds.
    afterlife: u64,
}

impl Fleet {
    /// Devices with what they come with.
    pub fn new(
        seed: u64,
        time: TrueTime,
        faults: Faults,
        afterlife: u64,
        devices: impl Iterator<Item = (DeviceName, SiteName)>,
    ) -> Self {
        let device = |site| Device { site, has: FACTORY.to_vec(), sessions: 0, settling: None };
        let devices = devices.map(|(name, site)| (name, device(site))).collect();
        let all = All { devices, ledger: Vec::new() };
        Self { all: Arc::new(Mutex::new(all)), time, seed, faults, afterlife }
    }

    /// How an attempt goes: the same for the same seed, whenever it comes.
    pub fn manner(&self, op: &OpId) -> Manner {
        let mut dice = Dice::new(self.seed, &format!("device {op}"));
        let Faults { silent, refuse, reject, cut, hang } = self.faults;
        let shares = [
            (silent, Mood::Silent),
            (refuse, Mood::Refuse),
            (reject, Mood::Reject),
            (cut, Mood::Cut),
            (hang, Mood::Hang),
        ];
        let mut left = dice.below(1000);
        let mut mood = Mood::Good;
        for (share, bad) in shares {
            if left < share {
                mood = bad;
                break;
            }
            left -= share;
        }
        Manner {
            mood,
            connect: dice.millis(20, 400),
            read: dice.millis(10, 100),
            write: dice.millis(50, 2500),
        }
    }

    /// The ledger.
    pub fn ledger(&self) -> Vec<Touch> {
        self.settle_all();
        let mut ledger = self.lock().ledger.clone();
        // Sessions that one crash ends together have no order of their own.
        ledger.sort_by(|one, other| (one.at, &one.device).cmp(&(other.at, &other.device)));
        ledger
    }

    /// What each device has.
    pub fn contents(&self) -> BTreeMap<DeviceName, Vec<u8>> {
        self.settle_all();
        self.lock().devices.iter().map(|(name, device)| (name.clone(), device.has.clone())).collect()
    }

    /// Somebody connects.
    pub fn open(&self, op: &OpId, by: &str) -> Session {
        let number = self.lock().devices.get_mut(&op.device).map_or(0, |device| {
            device.sessions += 1;
            device.sessions
        });
        let session =
            Session { fleet: self.clone(), op: op.clone(), by: by.to_owned(), number, writes: None };
        session.note(Mark::Opened);
        session
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle_all(&self) {
        let names: Vec<DeviceName> = self.lock().devices.keys().cloned().collect();
        names.iter().for_each(|name| self.settle(name));
    }

    /// Ends the afterlife of an interrupted write if it is over.
    fn settle(&self, name: &DeviceName) {
        let now = self.time.elapsed();
        let mut all = self.lock();
        let Some(device) = all.devices.get_mut(name) else { return };
        let Some((at, session, op, by, has)) = device.settling.take_if(|(at, ..)| *at <= now) else { return };
        device.has = has;
        let site = device.site.clone();
        let device = name.clone();
        let at = TrueTime::at(at);
        all.ledger.push(Touch { at, device, site, op: Some(op), by, session, mark: Mark::WriteEnded });
    }
}

/// One session with a device; over when dropped, in mid-write too.
pub struct Session {
    fleet: Fleet,
    op: OpId,
    by: String,
    number: u64,
    writes: Option<Vec<u8>>,
}

impl Session {
    fn note(&self, mark: Mark) {
        self.fleet.settle(&self.op.device);
        let at = self.fleet.time.now();
        let mut all = self.fleet.lock();
        let Some(site) = all.devices.get(&self.op.device).map(|device| device.site.clone()) else { return };
        let (device, op, by) = (self.op.device.clone(), Some(self.op.clone()), self.by.clone());
        all.ledger.push(Touch { at, device, site, op, by, session: self.number, mark });
    }

    /// What the device has.
    pub fn read(&self) -> Vec<u8> {
        self.note(Mark::Read);
        self.fleet.lock().devices.get(&self.op.device).map(|device| device.has.clone()).unwrap_or_default()
    }

    /// The first byte of a write.
    pub fn begin(&mut self, configuration: &[u8]) {
        self.note(Mark::WriteBegan);
        self.writes = Some(configuration.to_vec());
    }

    /// The device has taken all of it, or nothing when it `rejects`.
    pub fn finish(&mut self, rejects: bool) {
        let Some(configuration) = self.writes.take() else { return };
        if !rejects && let Some(device) = self.fleet.lock().devices.get_mut(&self.op.device) {
            device.has = configuration;
        }
        self.note(Mark::WriteEnded);
    }

    /// The session is gone in mid-write: the device has all of it, a part, or nothing, now or in a while.
    fn interrupt(&mut self) {
        let Some(configuration) = self.writes.take() else { return };
        let now = self.fleet.time.elapsed();
        let mut dice = Dice::new(self.fleet.seed, &format!("interrupted {}", self.op));
        let (fate, later) = (dice.below(3), dice.millis(0, self.fleet.afterlife));
        let mut all = self.fleet.lock();
        let Some(device) = all.devices.get_mut(&self.op.device) else { return };
        let has = match fate {
            0 => device.has.clone(),
            1 => configuration,
            _ => [&configuration[..configuration.len() / 2], b"\n! cut off\n"].concat(),
        };
        device.settling = Some((now + later, self.number, self.op.clone(), self.by.clone(), has));
        drop(all);
        self.fleet.settle(&self.op.device);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.interrupt();
        self.note(Mark::Closed);
    }
}
