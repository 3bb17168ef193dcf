//! `switchyard completion`: a script for a shell.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use clap::CommandFactory as _;
use clap_complete::Shell;

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
pub struct Completion {
    /// The shell
    shell: Shell,
}

impl Completion {
    /// Prints it.
    pub fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Cli::command(), "switchyard", &mut script);
        session.draw(&String::from_utf8_lossy(&script));
        Ok(Exit::Ok)
    }
}
