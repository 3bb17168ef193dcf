//! Promises to the operator, kept by the real programs.

mod bad_input;
mod killed;
mod main_job;
mod openssh;
mod overlap;
mod readme;
mod reflection;
