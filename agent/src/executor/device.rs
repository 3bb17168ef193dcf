//! What a driver must be able to do with a device; when it is done is the engine's to decide.

use super::cli::Unshown;
use super::wanted::{Redactor, Wanted};
use super::{AttemptContext, Failure, WritePass};
use futures_util::future::BoxFuture;
use switchyard_shared::outcome::LeftAs;
use switchyard_shared::procedure::{Probe, Procedure};
use switchyard_shared::task::Task;
use switchyard_shared::time::Timestamp;
use zeroize::Zeroizing;

/// A way to devices: one for each transport.
pub trait Driver: Send + Sync + 'static {
    /// Opens a session with the task's device: connected, logged in, ready to be read. Calls
    /// [`AttemptContext::answered`] and [`AttemptContext::secret`] on its way. The engine bounds its time.
    fn connect<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>>;

    /// What stands between the agent and the task's device and is lost now, as messages name it. Asked when a session
    /// has failed, before another one is opened.
    fn lost_way<'a>(&'a self, _job: &'a Job<'a>) -> BoxFuture<'a, Option<String>> {
        Box::pin(async { None })
    }

    /// What digests of a reading are made of, where its devices list entries in any order they like: the same for whatever
    /// differs in that alone. `None` where the text itself is what counts.
    fn in_one_order(&self, _procedure: &Procedure, _text: &str) -> Option<Zeroizing<String>> {
        None
    }
}

/// What a driver is told about an attempt.
pub struct Job<'a> {
    /// The attempt.
    pub task: &'a Task,
    /// How the device is worked on.
    pub procedure: &'a Procedure,
    /// Where to tell how far it is.
    pub context: &'a dyn AttemptContext,
    /// What hides the secrets of the change in what is quoted: before it is cut.
    pub redactor: Redactor,
    /// What its sessions know of the lines that the device does not show.
    pub(in crate::executor) unshown: Unshown,
}

/// The running configuration, whole, as its driver reads and compares it: not what the device booted with.
#[derive(Clone, PartialEq, Eq)]
pub struct Running(pub Zeroizing<String>);

/// How a device differs from what is wanted.
#[derive(Clone, PartialEq, Eq)]
pub struct Difference {
    /// As people read it, with secrets in it; empty when the device has what is wanted.
    pub text: Zeroizing<String>,
}

impl Difference {
    /// Whether the device has what is wanted.
    pub fn is_nothing(&self) -> bool {
        self.text.is_empty()
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running({} bytes)", self.0.len())
    }
}

impl std::fmt::Display for WriteEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotSent(why) | Self::Busy(why) | Self::Lost(why) => f.write_str(why),
            Self::NoWay(failure) => f.write_str(&failure.message),
            Self::Rejected { message, .. } => f.write_str(message),
        }
    }
}

/// A write that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It lasts.
    ForGood,
    /// The device takes it back by itself unless it is confirmed.
    UntilConfirmed {
        /// Just before the device was told to commit it ([`WritePass::now`]): its patience is counted from here. What was
        /// typed before may have taken longer than that.
        since: Timestamp,
    },
}

/// A way back that was gone to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// The device took all of it.
    Whole,
    /// It took all of it, except that something stays which no way back can have: a sentence that says so.
    Except(String),
}

/// Why a write was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteEnd {
    /// The session was gone before the first byte.
    NotSent(String),
    /// The session was gone before the first byte, and there is no way to another one: the device cannot be reached,
    /// refuses the login, or is another one now.
    NoWay(Box<Failure>),
    /// The device has no room, or another session holds its lock.
    Busy(String),
    /// The device refused it.
    Rejected {
        /// What it said.
        message: String,
        /// What the driver knows the device was left as; the engine looks by itself when it is not known.
        left_as: LeftAs,
    },
    /// Contact was lost, so nobody knows.
    Lost(String),
}

impl WriteEnd {
    /// The end of one of several steps: once one of them is done, no other one leaves the device untouched.
    pub fn after_a_step(self) -> Self {
        match self {
            Self::NotSent(why) | Self::Lost(why) => Self::Lost(why),
            Self::NoWay(failure) => Self::Lost(failure.message),
            Self::Busy(message) | Self::Rejected { message, .. } => {
                Self::Rejected { message, left_as: LeftAs::Unknown }
            }
        }
    }
}

/// An open session with one device. Every answer has a bound, and the engine bounds the time of every call; after
/// an error the session is closed, except after [`WriteEnd::Rejected`].
pub trait Session: Send {
    /// Reads the running configuration.
    fn read(&mut self) -> BoxFuture<'_, Result<Running, Failure>>;

    /// Asks what a device that has `running` has by default and does not show, where what is wanted depends on that. Only
    /// before a write: afterwards it is enough that it shows nothing else. After an error it is not known.
    fn ask_defaults<'a>(&'a mut self, _running: &'a Running) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    /// How the device would differ. Nothing is said to it.
    fn compare(&self, running: &Running, wanted: &Wanted) -> Result<Difference, Failure>;

    /// `text` of the device without the secrets that its platform marks, whoever configured them.
    fn redact(&self, text: &str) -> String {
        text.to_owned()
    }

    /// Whether two readings tell of one configuration. Asked after an accepted way back only, so a transport whose
    /// devices list entries in any order they like may overlook their order here.
    fn alike(&self, one: &Running, other: &Running) -> bool {
        one == other
    }

    /// Whether a device that has taken a change and still differs does so in the order of entries alone: one that sorts
    /// them has what was wanted. Before the write their order counts, so that no change of it alone is passed over.
    fn differs_in_order_alone(&self, _running: &Running, _wanted: &Wanted) -> bool {
        false
    }

    /// Whether a reading alone tells that a way back has ended well. Not where something has to be restarted, too.
    fn is_shown_whole(&self) -> bool {
        true
    }

    /// Whether a reading that is cut short is known for that by itself. One that is not must come twice alike before
    /// anything is written.
    fn tells_its_end(&self) -> bool {
        true
    }

    /// What `running` tells of an earlier change that was not carried to its end.
    fn unfinished(&self, _running: &Running) -> Option<String> {
        None
    }

    /// Looks at something for a check; must not be able to change the device. The engine redacts what is seen.
    fn look<'a>(&'a mut self, probe: &'a Probe) -> BoxFuture<'a, Result<String, Failure>>;

    /// What comes before the write and changes no configuration: a lock. Only attempts that may write get here. After
    /// `OVERLOADED` it may be asked once more in the same session.
    fn prepare(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    /// Writes what is wanted to a device that has `running`, and commits. The engine bounds this and the way back by
    /// [`Procedure::writing`] as a whole: that every answer on the way comes within the task's time for a command is
    /// the driver's to see to.
    fn write<'a>(
        &'a mut self,
        pass: &'a WritePass,
        running: &'a Running,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Written, WriteEnd>>;

    /// Makes the change of an earlier session last; only after a write that awaits it.
    fn confirm<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>>;

    /// Has the device take back at once what still awaits its confirmation. `Err` where it cannot: it will by itself.
    fn cancel<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>>;

    /// Puts a device that has `running` back to `before`. [`WriteEnd::NotSent`], [`WriteEnd::NoWay`] and
    /// [`WriteEnd::Busy`] mean that no step of it was accepted: what the device has then is not ours. One that is refused
    /// as [`LeftAs::Changed`] did nothing, as far as the driver knows; the engine looks whether that is so.
    fn restore<'a>(
        &'a mut self,
        pass: &'a WritePass,
        running: &'a Running,
        before: &'a Running,
    ) -> BoxFuture<'a, Result<Restored, WriteEnd>>;

    /// Keeps the running configuration for the next boot.
    fn save<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>>;

    /// Why this device cannot be told to save, for the outcome: it goes on after a sentence. Empty where [`Self::save`] says
    /// a word for it.
    fn save_remark(&self) -> &'static str {
        ""
    }

    /// Whether the next boot begins with what runs; `None` where nobody can tell. Nothing is written.
    fn is_saved(&mut self) -> BoxFuture<'_, Result<Option<bool>, Failure>> {
        Box::pin(async { Ok(None) })
    }

    /// Says goodbye and gives back locks; the engine bounds it.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;

    /// What the last reading does not tell of what is wanted: it goes on after a sentence and may be empty.
    fn not_shown(&self) -> String {
        String::new()
    }

    /// What a person should know before a device that has `running` gets what is wanted: it goes on after a sentence and may
    /// be empty.
    fn forewarns(&self, _running: &Running, _wanted: &Wanted) -> String {
        String::new()
    }

    /// What an operator should know of how this device commits, for the outcome; may be empty.
    fn remark(&self) -> &'static str {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchyard_shared::outcome::{Class, Phase};

    #[test]
    fn once_a_step_is_done_no_end_says_that_nothing_was_sent() {
        let why = || "it hung up".to_owned();
        let no_way = Failure::new(Class::Unreachable, Phase::Connect, why());
        for end in [WriteEnd::NotSent(why()), WriteEnd::NoWay(Box::new(no_way)), WriteEnd::Lost(why())] {
            assert_eq!(end.after_a_step(), WriteEnd::Lost(why()));
        }
        let refused = |left_as| WriteEnd::Rejected { message: why(), left_as };
        for end in [WriteEnd::Busy(why()), refused(LeftAs::Unchanged), refused(LeftAs::Changed)] {
            assert_eq!(end.after_a_step(), refused(LeftAs::Unknown));
        }
    }
}
