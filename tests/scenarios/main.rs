//! Promises to the operator, kept by the real programs.

mod abort;
mod bad_input;
mod disk;
mod killed;
mod main_job;
mod openssh;
mod overlap;
mod pace;
mod readback;
mod readme;
mod reflection;
mod silence;
