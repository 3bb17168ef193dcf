//! Simulated devices: real SSH on loopback addresses, each with the configuration it took and a ledger.
//!
//! The ledger is the device's own witness: tests and the demo believe it, not the agent.

mod cli;
mod control;
mod cut_after;
mod device;
mod file;
mod files;
mod fleet;
mod freeze;
pub mod gnmi;
pub mod http;
mod inventory;
mod keys;
mod ledger;
mod limits;
mod listener;
mod mode;
pub(crate) mod netconf;
mod persona;
mod ranges;
mod server;
mod session;
mod trick;

pub use control::{ControlError, send as send_order};
pub use fleet::{DEVICES_MAX, Fleet, FleetConfig, FleetError};
pub use inventory::{Entry, inventory_yaml};
pub use ledger::{
    Event, Kind, LEDGER_FILE, RUNNING_FILE, SERVED_FILE, device_folder, read_ledger, read_running,
};
pub use limits::raise_descriptor_limit;
pub use mode::{Fault, Mode, ParseFaultError};
pub use persona::{ParsePlaysError, Persona, Plays};
pub use ranges::{ParseRangesError, Ranges, SiteRanges, assign_sites, parse_sites};
pub use trick::Trick;

#[cfg(test)]
mod tests;
