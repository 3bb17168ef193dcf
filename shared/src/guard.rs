//! The guards of the protocol by name: a simulation takes one away and must notice; programs have them all.

/// Something without which a result could be lost or a device written to twice or too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// The agent asks again, once the intent is on its disk, whether it may still start.
    SecondGateCheck,
    /// An agent that has met a later state of a coordinator and that coordinator do not work together.
    CoordinatorEpoch,
    /// An agent whose site was bound to another one is refused for good.
    SiteEpoch,
    /// The coordinator acknowledges what is on its disk, not before.
    FsyncBeforeAck,
    /// A new segment of the journal has a durable name before anything is written to it.
    FolderFsync,
    /// What is in the journal is synced before it counts as written.
    JournalFsync,
    /// How far results are acknowledged is stored together with them.
    WatermarkTogether,
    /// A device in doubt is read before it is written to again.
    ReadBackAfterDoubt,
    /// A write without a result is in doubt when its agent starts again.
    DoubtAfterRestart,
    /// Without a word of the coordinator for its lease an agent starts nothing.
    Lease,
    /// The first byte to a device waits until the intent is on the disk.
    IntentWait,
    /// A result is on the agent's disk before it is sent.
    ResultFsync,
    /// A reading counts only once the lost write must be over.
    EarlyReading,
}

/// All of them.
pub const ALL: [Guard; 13] = [
    Guard::SecondGateCheck,
    Guard::CoordinatorEpoch,
    Guard::SiteEpoch,
    Guard::FsyncBeforeAck,
    Guard::FolderFsync,
    Guard::JournalFsync,
    Guard::WatermarkTogether,
    Guard::ReadBackAfterDoubt,
    Guard::DoubtAfterRestart,
    Guard::Lease,
    Guard::IntentWait,
    Guard::ResultFsync,
    Guard::EarlyReading,
];

impl Guard {
    /// What people call it, such as `second-gate-check`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SecondGateCheck => "second-gate-check",
            Self::CoordinatorEpoch => "coordinator-epoch",
            Self::SiteEpoch => "site-epoch",
            Self::FsyncBeforeAck => "fsync-before-ack",
            Self::FolderFsync => "folder-fsync",
            Self::JournalFsync => "journal-fsync",
            Self::WatermarkTogether => "watermark-together",
            Self::ReadBackAfterDoubt => "read-back-after-doubt",
            Self::DoubtAfterRestart => "doubt-after-restart",
            Self::Lease => "lease",
            Self::IntentWait => "intent-wait",
            Self::ResultFsync => "result-fsync",
            Self::EarlyReading => "early-reading",
        }
    }
}

/// Whether the guard is in its place: always, except on a thread that is within [`without`].
#[cfg(not(feature = "removable-guards"))]
#[inline(always)]
pub const fn holds(_guard: Guard) -> bool {
    true
}

#[cfg(feature = "removable-guards")]
pub use removable::{holds, without};

#[cfg(feature = "removable-guards")]
mod removable {
    use super::Guard;
    use std::cell::Cell;

    thread_local! {
        static REMOVED: Cell<Option<Guard>> = const { Cell::new(None) };
    }

    /// Whether the guard is in its place: always, except on a thread that is within [`without`].
    pub fn holds(guard: Guard) -> bool {
        REMOVED.get() != Some(guard)
    }

    /// Does `body` without the guard, on this thread only.
    pub fn without<T>(guard: Guard, body: impl FnOnce() -> T) -> T {
        struct Back(Option<Guard>);
        impl Drop for Back {
            fn drop(&mut self) {
                REMOVED.set(self.0);
            }
        }
        let _back = Back(REMOVED.replace(Some(guard)));
        body()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_guard_is_gone_on_one_thread_and_until_the_end_only() {
            let elsewhere = without(Guard::Lease, || {
                assert!(!holds(Guard::Lease) && holds(Guard::SiteEpoch));
                std::thread::spawn(|| holds(Guard::Lease)).join().unwrap()
            });
            assert!(elsewhere && holds(Guard::Lease));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guard_holds_unless_somebody_takes_it_away() {
        assert!(ALL.into_iter().all(holds));
    }
}
