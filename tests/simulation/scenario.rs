//! What a seed makes: how the machines are, which faults come when, what people do.

use crate::devices::Faults;
use crate::dice::Dice;
use crate::mischief;
use crate::unrest;
use std::time::Duration;
use switchyard_agent::fs::memory::Op;

/// The sites of every run.
pub const SITES: [&str; 3] = ["ams", "ber", "cph"];
/// Devices at each site.
pub const DEVICES_PER_SITE: usize = 20;

/// What a run is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Everything heals: nothing is lost, nothing is done twice.
    Safety,
    /// Something never heals: everything else comes to rest, or says who is needed.
    Liveness,
}

/// One thing that is done to the world, or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// The coordinator is gone, and comes back after so long.
    KillCoordinator(Duration),
    /// The agent of a site is gone, with what it had not synced when `power`, and comes back.
    KillAgent {
        /// The site.
        site: usize,
        /// Whether its disk loses what was not synced.
        power: bool,
        /// For so long.
        for_: Duration,
    },
    /// Nothing goes from the one to the other any more.
    Cut {
        /// The site.
        site: usize,
        /// Whether the coordinator's words are lost.
        down: bool,
        /// Whether the agent's words are lost.
        up: bool,
    },
    /// Nothing is lost any more between the coordinator and a site.
    Mend(usize),
    /// Messages are held back.
    Hold(usize),
    /// What was held back comes now.
    Release(usize),
    /// The next so many calls of one kind fail at an agent's disk.
    FailDisk(usize, Op, u64),
    /// An agent's disk takes only so many bytes more.
    FillDisk(usize, u64),
    /// It has room again, and works.
    MendDisk(usize),
    /// The coordinator's disk is full, or has room again.
    FillStore(bool),
    /// The disk of a site stands still for so long from when the next intent comes to it, and something else
    /// happens just then; all that the machine does waits when it is `frozen`.
    Stall {
        /// The site.
        site: usize,
        /// Whether nothing else of the machine moves either.
        frozen: bool,
        /// For so long.
        for_: Duration,
        /// What happens meanwhile.
        meanwhile: Meanwhile,
    },
    /// The machine of a site loses power in the middle of an operation of its disk, after so many more.
    FailPower {
        /// The site.
        site: usize,
        /// Operations that still succeed.
        after: u64,
    },
    /// The machine of a site loses power, and one bit of its journal is another one when it comes back.
    Rot {
        /// The site.
        site: usize,
        /// Chooses the bit.
        place: u64,
        /// How long it is gone.
        for_: Duration,
    },
    /// The coordinator's disk is copied.
    Backup,
    /// The coordinator is gone for so long and comes back with the copy.
    Restore(Duration),
    /// The site that changes hands gets another agent from now on.
    Spare,
    /// The wall clock of a machine jumps; 0 is the coordinator's, then each site's.
    Jump {
        /// Whose.
        machine: usize,
        /// By so many microseconds.
        by: i64,
    },
    /// A person acts.
    Act(Act),
}

/// What happens while a disk stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meanwhile {
    /// The site is cut off, until so long after the disk goes on.
    Cut {
        /// Whether the coordinator's words are lost.
        down: bool,
        /// Whether the agent's words are lost.
        up: bool,
        /// For so long.
        after: Duration,
    },
    /// Somebody stops it.
    Act(Act),
}

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Starts the rollout of this number.
    Create(usize),
    /// Pauses it.
    Pause(usize),
    /// Lets it go on.
    Resume(usize),
    /// Ends it.
    Abort(usize),
    /// Opens a site's breaker.
    Trip(usize),
    /// Closes it.
    Reset(usize),
    /// Takes a site from its agent.
    Rebind(usize),
    /// Goes on from a later state, if an agent that was refused has met one.
    Adopt,
}

/// A rollout of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: &'static str,
    /// Whether devices can be read.
    pub readable: bool,
    /// How many waves.
    pub waves: usize,
    /// Attempts at each device.
    pub attempts: u32,
}

/// Everything that a seed decides, but for the network's own choices.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// What is to be shown.
    pub mode: Mode,
    /// How devices behave.
    pub faults: Faults,
    /// How long a device may go on with a write whose session is gone, in milliseconds.
    pub afterlife: u64,
    /// The longest write of the coordinator's disk, and of an agent's, in milliseconds.
    pub slowest: (u64, u64),
    /// Longest way of a message, in milliseconds.
    pub latency: u64,
    /// How far each clock is off, in microseconds: the coordinator's, then each site's.
    pub skews: [i64; 4],
    /// What is rolled out.
    pub changes: Vec<Change>,
    /// What happens, in order.
    pub deeds: Vec<(Duration, Deed)>,
    /// From then on everything heals that ever does.
    pub healed_at: Duration,
    /// How often the network comes apart site by site.
    pub swizzles: u64,
    /// The site whose trouble never ends.
    pub forsaken: Option<usize>,
    /// The site that is taken from its agent and given to another one.
    pub rebound: Option<usize>,
}

impl Scenario {
    /// What `seed` makes in `mode`.
    pub fn new(seed: u64, mode: Mode) -> Self {
        let mut dice = Dice::new(seed, "scenario");
        let badness = dice.pick(&[0, 1, 1, 2, 4]);
        let faults = Faults {
            silent: 15 * badness,
            refuse: 10 * badness,
            reject: 4 * badness,
            cut: 15 * badness,
            hang: 5 * badness,
        };
        let changes = changes(&mut dice);
        let healed_at = Duration::from_secs(20 + dice.below(60));
        let mut scenario = Self {
            seed,
            mode,
            faults,
            afterlife: dice.pick(&[0, 0, 500, 1500]),
            slowest: (dice.pick(&[2, 20, 200]), dice.pick(&[2, 20, 300])),
            latency: dice.pick(&[5, 50, 200]),
            skews: [0; 4].map(|_| skew(&mut dice)),
            changes,
            deeds: Vec::new(),
            healed_at,
            swizzles: 0,
            forsaken: None,
            rebound: None,
        };
        let starts = (0..scenario.changes.len()).map(|number| {
            (Duration::from_millis(500 + 3000 * number as u64), Deed::Act(Act::Create(number)))
        });
        scenario.deeds = starts.collect();
        let troubles = dice.pick(&[0, 1, 3, 6, 10]);
        for _ in 0..troubles {
            scenario.trouble(&mut dice);
        }
        mischief::add(&mut scenario);
        unrest::add(&mut scenario);
        if mode == Mode::Liveness {
            scenario.forsake(&mut dice);
        }
        scenario.deeds.sort_by_key(|(at, _)| *at);
        scenario
    }

    fn trouble(&mut self, dice: &mut Dice) {
        let most = u64::try_from(self.healed_at.as_millis()).unwrap_or(u64::MAX);
        let (at, site) = (dice.millis(600, most), usize::try_from(dice.below(3)).unwrap_or(0));
        let lasts = dice.pick(&[500, 2_000, 6_000, 15_000, 30_000]);
        let lasts = dice.millis(lasts / 2, lasts);
        let until = (at + lasts).min(self.healed_at);
        let rollout = usize::try_from(dice.below(self.changes.len() as u64)).unwrap_or(0);
        let (deed, end) = match dice.below(16) {
            0..=2 => (Deed::KillCoordinator(lasts), None),
            3..=5 => (Deed::KillAgent { site, power: dice.chance(600), for_: lasts }, None),
            6 | 7 => (Deed::Cut { site, down: true, up: true }, Some(Deed::Mend(site))),
            8 => (Deed::Cut { site, down: true, up: false }, Some(Deed::Mend(site))),
            9 => (Deed::Cut { site, down: false, up: true }, Some(Deed::Mend(site))),
            10 => (Deed::Hold(site), Some(Deed::Release(site))),
            11 => (
                Deed::FailDisk(site, dice.pick(&[Op::Append, Op::Sync, Op::SyncDir]), 1 + dice.below(3)),
                Some(Deed::MendDisk(site)),
            ),
            12 => (Deed::FillDisk(site, dice.below(4096)), Some(Deed::MendDisk(site))),
            13 => (Deed::FillStore(true), Some(Deed::FillStore(false))),
            14 => (Deed::Act(Act::Trip(site)), Some(Deed::Act(Act::Reset(site)))),
            _ if dice.chance(500) => (Deed::Act(Act::Abort(rollout)), None),
            _ => (Deed::Act(Act::Pause(rollout)), Some(Deed::Act(Act::Resume(rollout)))),
        };
        self.deeds.push((at, deed));
        self.deeds.extend(end.map(|end| (until, end)));
    }

    fn forsake(&mut self, dice: &mut Dice) {
        let site = usize::try_from(dice.below(3)).unwrap_or(0);
        let deed = match dice.below(5) {
            0 => Deed::Cut { site, down: true, up: true },
            1 => Deed::Cut { site, down: true, up: false },
            2 => Deed::Cut { site, down: false, up: true },
            3 => Deed::FillDisk(site, dice.below(2048)),
            _ => Deed::KillAgent { site, power: true, for_: Duration::MAX },
        };
        let most = u64::try_from(self.healed_at.as_millis()).unwrap_or(u64::MAX);
        let at = dice.millis(1_000, most);
        self.deeds.push((at, deed));
        self.forsaken = Some(site);
        // What would mend it comes too late or not at all.
        self.deeds.retain(|(when, deed)| *when < at || !mends(*deed, site));
    }
}

fn mends(deed: Deed, of: usize) -> bool {
    match deed {
        Deed::Mend(site) | Deed::Release(site) | Deed::MendDisk(site) | Deed::Hold(site) => site == of,
        Deed::KillAgent { site, for_, .. } => site == of && for_ != Duration::MAX,
        Deed::Rot { site, .. } => site == of,
        Deed::Cut { .. }
        | Deed::KillCoordinator(_)
        | Deed::FailDisk(..)
        | Deed::FillDisk(..)
        | Deed::FillStore(_)
        | Deed::Stall { .. }
        | Deed::FailPower { .. }
        | Deed::Backup
        | Deed::Restore(_)
        | Deed::Spare
        | Deed::Jump { .. }
        | Deed::Act(_) => false,
    }
}

fn changes(dice: &mut Dice) -> Vec<Change> {
    let names = ["alpha", "beta"];
    let count = 1 + usize::from(dice.chance(400));
    let mut change = |name| Change {
        name,
        readable: dice.chance(700),
        waves: usize::try_from(1 + dice.below(3)).unwrap_or(1),
        attempts: u32::try_from(1 + dice.below(3)).unwrap_or(1),
    };
    names[..count].iter().map(|name| change(name)).collect()
}

fn skew(dice: &mut Dice) -> i64 {
    let seconds = dice.pick(&[0, 0, 0, 1, -1, 3600, -3600, 86_400]);
    seconds * 1_000_000
}
