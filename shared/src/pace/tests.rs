//! What the pace promises, checked from outside.

mod bench;
mod promises;
mod sim;
mod targets;
mod world;
