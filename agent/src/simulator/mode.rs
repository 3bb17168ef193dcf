//! How a simulated device behaves, and how a fault is written: `MODE:RANGE`.

use super::ranges::{ParseRangesError, Ranges};
use super::trick::Trick;
use std::fmt;
use std::str::FromStr;

/// The behaviour of a device, from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Takes the configuration and says so.
    Good,
    /// As good, but answers late.
    Slow,
    /// Has read a configuration and waits for another mode, then takes it; whoever leaves before changes nothing.
    Wait,
    /// Refuses every configuration with exit status 1.
    Reject,
    /// Accepts the command and never answers.
    Stall,
    /// Accepts the TCP connection and never speaks.
    Hang,
    /// Nothing listens.
    Refuse,
    /// Refuses every credential.
    Auth,
    /// Turns every connection away: it has too many.
    Overloaded,
    /// Refuses every configuration, but late.
    SlowFailure,
    /// Behind a link that was cut: established sessions freeze, new connections are swallowed.
    Cut,
    /// Takes the configuration, then drops the connection without an exit status.
    DropAfterWrite,
    /// Takes the configuration, and never answers.
    StallAfterWrite,
    /// Puts half of the configuration in force, then drops the connection.
    Half,
    /// As good, with 100 MB of output. For tests.
    Flood,
    /// As good, with control characters and broken UTF-8 as output. For tests.
    Garble,
    /// As good, without a word of output. For tests.
    Mute,
    /// Ends the command by a signal. For tests.
    Signal,
    /// Opens no channel: too many sessions. For tests.
    Busy,
    /// Refuses to run commands. For tests.
    NoCommand,
    /// Closes the connection during the handshake. For tests.
    Close,
    /// Refuses to be read with exit status 1. For tests.
    NoRead,
    /// Begins a reading and never ends it. For tests.
    StuckRead,
    /// Answers a reading by half, then drops the connection. For tests.
    HalfRead,
    /// Plays a trick within a session with a command line or NETCONF; as good with any other.
    Trick(Trick),
}

impl Mode {
    /// Every mode but the tricks; those for tests come last.
    pub const ALL: &'static [Self] = &[
        Self::Good,
        Self::Slow,
        Self::Wait,
        Self::Reject,
        Self::Stall,
        Self::Hang,
        Self::Refuse,
        Self::Auth,
        Self::Overloaded,
        Self::SlowFailure,
        Self::Cut,
        Self::DropAfterWrite,
        Self::StallAfterWrite,
        Self::Half,
        Self::Flood,
        Self::Garble,
        Self::Mute,
        Self::Signal,
        Self::Busy,
        Self::NoCommand,
        Self::Close,
        Self::NoRead,
        Self::StuckRead,
        Self::HalfRead,
    ];
    /// What help and messages name.
    pub const WORDS: &'static str = "good, slow, wait, reject, slow-failure, stall, hang, refuse, auth, overloaded, cut, drop-after-write, half; for drivers locked, session-limit, partial, half-reading, forged-prompt, forged-prompts, other-prompt, banner, paging, one-byte, many-lines, drop-before-confirm; for linux reload-fails, drop-before-reload; for NETCONF lying-chunk, wrong-framing, bomb, deep";

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Slow => "slow",
            Self::Wait => "wait",
            Self::Reject => "reject",
            Self::Stall => "stall",
            Self::Hang => "hang",
            Self::Refuse => "refuse",
            Self::Auth => "auth",
            Self::Overloaded => "overloaded",
            Self::SlowFailure => "slow-failure",
            Self::Cut => "cut",
            Self::DropAfterWrite => "drop-after-write",
            Self::StallAfterWrite => "stall-after-write",
            Self::Half => "half",
            Self::Flood => "flood",
            Self::Garble => "garble",
            Self::Mute => "mute",
            Self::Signal => "signal",
            Self::Busy => "busy",
            Self::NoCommand => "no-command",
            Self::Close => "close",
            Self::NoRead => "no-read",
            Self::StuckRead => "stuck-read",
            Self::HalfRead => "half-read",
            Self::Trick(trick) => trick.as_str(),
        }
    }

    /// The mode that `word` names.
    pub fn parse(word: &str) -> Option<Self> {
        let plain = Self::ALL.iter().copied().find(|mode| mode.as_str() == word);
        plain.or_else(|| Trick::parse(word).map(Self::Trick))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Devices that behave otherwise than good: `hang:47-100`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// How.
    pub mode: Mode,
    /// Which, counted from 1.
    pub devices: Ranges,
}

/// Why a text is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseFaultError {
    /// No colon.
    #[error("read {0:?} as MODE:RANGE, such as hang:47-100")]
    Shape(String),
    /// No such mode.
    #[error("find the mode {0:?}: there are {words}", words = Mode::WORDS)]
    Mode(String),
    /// A bad range.
    #[error(transparent)]
    Ranges(#[from] ParseRangesError),
}

impl FromStr for Fault {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mode, devices) = text.split_once(':').ok_or_else(|| ParseFaultError::Shape(text.into()))?;
        let mode = Mode::parse(mode).ok_or_else(|| ParseFaultError::Mode(mode.into()))?;
        Ok(Self { mode, devices: devices.parse()? })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.mode, self.devices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_a_mode_and_the_devices_that_have_it() {
        for text in ["hang:47-100", "drop-after-write:3,5-9"] {
            assert_eq!(text.parse::<Fault>().expect("a fault").to_string(), text);
        }
        for bad in ["hang", "sleepy:1", "hang:", "hang:0", "hang:9-3"] {
            assert!(bad.parse::<Fault>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_mode_is_named_by_its_own_word() {
        let tricks = Trick::WORDS.map(|(trick, _)| Mode::Trick(trick));
        for mode in Mode::ALL.iter().chain(&tricks) {
            assert_eq!(Mode::parse(mode.as_str()), Some(*mode));
        }
    }
}
