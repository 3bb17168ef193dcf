//! How a gNMI target behaves otherwise than good.

/// The behaviour of a target, from now on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GnmiFault {
    /// As the specification says.
    #[default]
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
