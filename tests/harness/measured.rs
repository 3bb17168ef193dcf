//! What benchmarks of a coordinator share: it runs in a process of its own, and the kernel says what it uses.

pub mod coordinator;
pub mod process;
