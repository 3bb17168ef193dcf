//! A real FRR router as a device: zebra and bgpd in namespaces of their own, vtysh behind a real sshd.
//!
//! What is typed to vtysh is recorded by `script` in between, byte for byte, so that a test can tell what was said.
#![expect(clippy::disallowed_methods, reason = "it reads what the router's own programs write")]

mod setup;

#[cfg(test)]
mod tests;

use crate::openssh::{OpenSshConfig, OpenSshError, OpenSshFleet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use tempfile::TempDir;

/// Why a router does not start.
#[derive(Debug, thiserror::Error)]
pub enum FrrError {
    /// A program is missing.
    #[error("find {0}: install the package {1}")]
    Missing(&'static str, &'static str),
    /// The server in front of it.
    #[error(transparent)]
    OpenSsh(#[from] OpenSshError),
    /// A file or a program of the system.
    #[error("{0}: {1}")]
    System(String, io::Error),
    /// It said something else than it should.
    #[error("run {0}: {1}")]
    Program(&'static str, String),
}

/// A running router; everything of it ends when this is dropped, or when the test does.
pub struct FrrRouter {
    /// The server in front of it: one device, with its key and its credential.
    pub ssh: OpenSshFleet,
    state: PathBuf,
    daemons: Child,
    _folder: TempDir,
}

impl FrrRouter {
    /// Starts a router that has `configuration` besides what it always has; when this returns it answers.
    pub async fn start(configuration: &str) -> Result<Self, FrrError> {
        Self::start_with(configuration, |_| {}).await
    }

    /// The same with other settings of the server in front.
    pub async fn start_with(
        configuration: &str,
        change: impl FnOnce(&mut OpenSshConfig),
    ) -> Result<Self, FrrError> {
        setup::programs()?;
        let folder = setup::folder()?;
        let state = folder.path().join("frr");
        setup::state(&state)?;
        let daemons = setup::daemons(&state)?;
        let shell = setup::shell(&state)?;
        let mut config = OpenSshConfig::new(folder.path().join("ssh"), 1);
        config.sshd_lines = format!("ForceCommand {}", shell.display());
        change(&mut config);
        let ssh = OpenSshFleet::start(config).await?;
        let router = Self { ssh, state, daemons, _folder: folder };
        router.wait().await?;
        if !configuration.is_empty() {
            router.load(configuration)?;
        }
        Ok(router)
    }

    /// What `show running-config` prints, byte for byte.
    pub fn running(&self) -> String {
        self.vtysh(&["-c", "show running-config"]).unwrap_or_default()
    }

    /// Every byte that was typed in the shells of this router's device, in order of the sessions.
    pub fn typed(&self) -> Vec<String> {
        let mut sessions: Vec<(std::time::SystemTime, String)> = Vec::new();
        for entry in std::fs::read_dir(self.state.join("typed")).into_iter().flatten().flatten() {
            let (Ok(metadata), Ok(bytes)) = (entry.metadata(), std::fs::read(entry.path())) else { continue };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let marks = |line: &&str| !line.starts_with("Script started") && !line.starts_with("Script done");
            let typed = text.lines().filter(marks).flat_map(|line| [line, "\n"]).collect();
            sessions.push((metadata.created().unwrap_or(std::time::UNIX_EPOCH), typed));
        }
        sessions.sort();
        sessions.into_iter().map(|(_, typed)| typed).collect()
    }

    /// The folder of its daemons.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Types `lines` as a person would, beside any agent.
    pub fn load(&self, lines: &str) -> Result<(), FrrError> {
        let mut arguments = vec!["-c", "configure terminal"];
        arguments.extend(lines.lines().flat_map(|line| ["-c", line.trim()]));
        self.vtysh(&arguments).map(drop)
    }

    fn vtysh(&self, arguments: &[&str]) -> Result<String, FrrError> {
        let mut command = Command::new("vtysh");
        command.arg("--vty_socket").arg(&self.state).arg("--config_dir").arg(&self.state).args(arguments);
        let output = command.output().map_err(|error| FrrError::System("run vtysh".into(), error))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(said) } else { Err(FrrError::Program("vtysh", said)) }
    }

    async fn wait(&self) -> Result<(), FrrError> {
        let up = || {
            self.vtysh(&["-c", "show daemons"]).is_ok_and(|up| up.contains("zebra") && up.contains("bgpd"))
        };
        match crate::wait::within(setup::START_WAIT, || up().then_some(())) {
            Some(_) => Ok(()),
            None => Err(FrrError::Program("zebra and bgpd", "they do not answer".into())),
        }
    }
}

impl Drop for FrrRouter {
    fn drop(&mut self) {
        let _ = self.daemons.kill();
        let _ = self.daemons.wait();
    }
}
