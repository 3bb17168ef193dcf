//! A program of the agent's own machine and all that it starts: gone together at every end.

use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use tokio::process::{Child, Command};

/// A program and all that it started, also what it left in the background: killed when this is dropped.
pub struct Group {
    /// The program itself.
    pub child: Child,
    id: Option<Pid>,
}

impl Group {
    /// Starts `command` as the head of a group of its own.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, id })
    }

    /// Ends all of it that is left, once.
    pub fn kill(&mut self) {
        if let Some(id) = self.id.take() {
            let _already_gone = kill_process_group(id, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
