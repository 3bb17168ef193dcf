//! Promises to the operator, kept by the real programs.

mod abort;
mod bad_input;
mod command_lines;
mod disk;
mod frr;
mod gnmi;
mod http;
mod identities;
mod killed;
mod local_exec;
mod main_job;
mod netconf;
mod openbao;
mod openssh;
mod overlap;
mod pace;
mod readback;
mod readme;
mod reflection;
mod restarts;
mod silence;
mod trust;
