//! How a gNMI target behaves otherwise than good.

use crate::simulator::ranges::{ParseRangesError, Ranges};
use clap::ValueEnum;
use std::str::FromStr;

/// The behaviour of a target, from now on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum GnmiFault {
    /// As the specification says.
    #[default]
    #[value(name = "good")]
    None,
    /// Takes a change, then drops the connection.
    DropAfterWrite,
    /// Drops the connection instead of confirming.
    DropBeforeConfirm,
    /// Drops the connection instead of any Set.
    DropBeforeWrite,
    /// Has no room for another session.
    SessionLimit,
    /// Says whatever it says a few bytes at a time, slowly.
    Drips,
    /// Has no room for any Set.
    Exhausted,
    /// Breaks down over every change, and does not say whether it took it.
    Breaks,
    /// Takes a change and never answers.
    Silent,
    /// Waits for somebody else to confirm another commit.
    Pending,
    /// The same, and takes the name of any commit for that of the one that waits.
    PendingForAnybody,
    /// Takes the name of any commit for that of the one that waits.
    LooseIds,
    /// Does not know the commit-confirmed extension, and says so.
    NoExtension,
    /// Passes over the extension and keeps every change for good.
    IgnoresExtension,
    /// Takes a change and forgets it at once.
    Forgets,
    /// Answers a Get with bytes.
    Bytes,
    /// Answers a Get with half of an object.
    HalfJson,
    /// Answers a Get with a number that no machine has.
    HugeNumber,
    /// Answers a Get with a leaf where a container has to be.
    Leaf,
    /// Answers a Get with more than fits.
    Huge,
    /// Never answers a Get.
    Mute,
    /// Speaks no JSON.
    NoJson,
    /// Lets nobody read.
    Forbids,
    /// Shows its rules sorted by their ids.
    Sorts,
    /// Shows its interfaces beginning with another one at each look.
    Turns,
    /// Calls the commit-confirmed extension an invalid argument.
    InvalidExtension,
    /// Shows no passwords.
    Hides,
    /// Shows stars in the place of every password.
    Stars,
    /// Cuts the connection in the middle of its answer to a Get.
    HalfAnswer,
    /// Says of a Get that went well that it did not.
    ErrorInGet,
    /// Takes a change and says of one of its paths that it did not.
    ErrorInPart,
    /// Answers a Get with two values of one leaf.
    TwoValues,
    /// Answers a Get with a path that never ends.
    EndlessPath,
    /// Answers a Get from times that cannot be.
    OddTimes,
    /// Calls what it refuses `ABORTED`.
    Aborts,
}

/// Targets that behave so, counted from 1: `drop-after-write:1-3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GnmiFaults {
    /// How they behave.
    pub fault: GnmiFault,
    /// Which do.
    pub targets: Ranges,
}

/// Why a text says nothing of targets.
#[derive(Debug, thiserror::Error)]
pub enum ParseGnmiFaultsError {
    /// No colon.
    #[error("read {0:?} as MODE:RANGE, such as drop-after-write:1-3")]
    NoColon(String),
    /// No such behaviour.
    #[error("take the mode {0:?}: gNMI targets know {known}", known = words())]
    Mode(String),
    /// Not a set of numbers.
    #[error(transparent)]
    Range(#[from] ParseRangesError),
}

impl FromStr for GnmiFaults {
    type Err = ParseGnmiFaultsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mode, range) =
            text.split_once(':').ok_or_else(|| ParseGnmiFaultsError::NoColon(text.to_owned()))?;
        let fault =
            GnmiFault::from_str(mode, false).map_err(|_| ParseGnmiFaultsError::Mode(mode.to_owned()))?;
        Ok(Self { fault, targets: range.parse()? })
    }
}

/// Every behaviour's word.
fn words() -> String {
    let names: Vec<String> = GnmiFault::value_variants()
        .iter()
        .filter_map(|fault| Some(fault.to_possible_value()?.get_name().to_owned()))
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_how_to_behave_by_a_word_and_their_numbers() {
        let read: GnmiFaults = "drop-after-write:1,3-4".parse().unwrap();
        assert_eq!(read.fault, GnmiFault::DropAfterWrite);
        assert!(read.targets.contains(3) && !read.targets.contains(2));
        assert_eq!("good:1".parse::<GnmiFaults>().unwrap().fault, GnmiFault::None);
        for (text, expected) in [("mute", "MODE:RANGE"), ("mut:1", "half-json"), ("mute:0", "device numbers")]
        {
            let said = text.parse::<GnmiFaults>().unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        }
    }
}
