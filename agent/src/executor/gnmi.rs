//! gNMI: what a device has as a JSON tree, paths into it, and what a change makes of it.

mod path;
#[cfg(test)]
mod tests;
mod tree;

pub use path::{BadPath, Elem, Path};
pub use tree::{contains, find, put, remove};
