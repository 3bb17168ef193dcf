//! Promises to the operator, kept by the real programs.

mod bad_input;
mod killed;
mod main_job;
mod openssh;
mod overlap;
mod reflection;
mod readme;
