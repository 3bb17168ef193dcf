//! The agent of a site: configures devices behind its own pool and breakers, and reports every result.

pub mod clock;
pub mod enroll;
pub mod executor;
pub mod fs;
pub mod journal;
pub mod lock;
pub mod secrets;
pub mod simulator;
