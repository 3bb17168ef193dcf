//! Evidence sets the pace: one number, the budget, decides how many devices may be in flight, what is held and when to stop.
//!
//! Every device in flight *reserves* the share it might fail with, given the results so far. A device
//! starts only if the reservations fit what is left of the budget, globally and for each of its labels.

mod admit;
mod attribution;
mod budget;
mod engine;
mod fleet;
mod flight;
mod group;
mod holds;
mod limit;
mod ranks;
mod rule;
mod tally;
mod timers;
mod verdict;
mod watched;

use holds::{Cut, Held, Trial};

pub use budget::{Budget, Mode, Share};
pub use engine::Pace;
pub use group::{Evidence, GROUP_BYTES_MAX, Group, InvalidGroup, Label};
pub use rule::IN_FLIGHT_MAX;
pub(crate) use rule::{OKS_AT_ONCE, reserve_unfailed};
pub use verdict::{Decision, Entry, Harm, Verdict};
pub use watched::{Value, Watched};

#[cfg(test)]
mod tests;
