//! The pure rules of Switchyard, and its words.
//!
//! A *rollout* carries out a *plan*: every device's rendered configuration, ordered into *waves*. Work
//! goes in *batches* to the *agent* of each *site*, which makes *attempts*; an attempt ends in an
//! *outcome*. A *breaker* is closed when work flows and open when it refuses.
//!
//! **Architecture invariant.** Nothing here reads a clock, opens a socket or a file, spawns a task or
//! draws a random number: `now` and seeds are arguments. Machines are state as data: an event in,
//! effects out, and the same log always gives the same state.

pub mod breaker;
pub mod comparison;
pub mod configuration;
pub mod digest;
pub mod filter;
pub mod gnmi_path;
pub mod guard;
pub mod id;
pub mod inventory;
pub mod outcome;
pub mod pace;
pub mod plan;
pub mod pool;
pub mod procedure;
pub mod promise;
pub mod readback;
pub mod rehearse;
pub mod rollout;
pub mod secret_ref;
pub mod secret_text;
pub mod spec;
pub mod ssh;
pub mod task;
pub mod template;
pub mod time;
pub mod tls;
pub mod trust;
pub mod yaml;
