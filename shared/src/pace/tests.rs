//! What the pace promises, checked from outside.

mod bench;
mod invariants;
mod promises;
mod random;
mod silence;
mod sim;
mod small;
mod targets;
mod trials;
mod world;
