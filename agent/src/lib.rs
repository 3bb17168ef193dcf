//! The agent of a site: configures devices behind its own pool and breakers, and reports every result.

pub mod agent;
pub mod attempt;
pub mod backoff;
pub mod clock;
pub mod config;
pub mod driver;
pub mod enroll;
mod entropy;
pub mod executor;
mod failpoint;
pub mod fs;
#[doc(hidden)]
pub mod fuzz;
pub mod http_client;
pub mod journal;
pub mod lock;
pub mod memory;
pub mod platform;
mod process_group;
pub mod secrets;
pub mod sentinel;
pub mod session;
pub mod simulator;
mod turns;

pub use agent::{Agent, AgentError, AgentHandle, Seams, StartError, WatchLog};
pub use config::Config;
