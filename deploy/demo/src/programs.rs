//! The real programs: built, started, and ended with the demo whatever happens.

use anyhow::{Context as _, bail};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Where the two programs are.
pub struct Programs {
    /// The operator's program.
    pub switchyard: PathBuf,
    /// The agent's program.
    pub agent: PathBuf,
}

impl Programs {
    /// Builds both with the cargo that runs this demo.
    pub fn build() -> anyhow::Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        println!("Building the two programs (the first time takes a few minutes) …");
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--workspace", "--bins"])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
            .status()
            .context("run cargo build")?;
        if !built.success() {
            bail!("cargo build failed; its messages are above");
        }
        let me = std::env::current_exe().context("find this program")?;
        let folder = me.parent().context("find this program's folder")?;
        Ok(Self { switchyard: folder.join("switchyard"), agent: folder.join("switchyard-agent") })
    }
}

/// A program in the background; killed when dropped.
pub struct Running {
    child: Child,
    name: String,
}

impl Running {
    /// Starts `command` with its log in `log` and waits until it prints a line that starts with
    /// `ready`; returns that line.
    pub fn start(
        mut command: Command,
        name: &str,
        log: &Path,
        ready: &str,
    ) -> anyhow::Result<(Self, String)> {
        let log_file =
            std::fs::OpenOptions::new().create(true).append(true).open(log).context("open a log")?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        let stdout = child.stdout.take().context("read its output")?;
        let running = Self { child, name: name.to_owned() };
        let mut lines = BufReader::new(stdout).lines();
        for line in &mut lines {
            let line = line.with_context(|| format!("read what {name} says"))?;
            if line.starts_with(ready) {
                std::thread::spawn(move || lines.for_each(drop));
                return Ok((running, line));
            }
        }
        bail!("{} ended before it was ready; its log is {}", running.name, log.display())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
