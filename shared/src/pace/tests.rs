//! What the pace promises, checked from outside.

mod bench;
mod promises;
