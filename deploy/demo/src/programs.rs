//! The real programs: built, started, and ended with the demo whatever happens.
#![expect(clippy::disallowed_methods, reason = "the demo reads its own logs")]

use anyhow::{Context as _, bail};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// How long a program may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(30);

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
}

impl Running {
    /// Starts `command`, keeps all that it prints in the file `log`, and waits for a line that
    /// contains `ready`; returns that line.
    pub fn start(
        mut command: Command,
        name: &str,
        log: &Path,
        ready: &str,
    ) -> anyhow::Result<(Self, String)> {
        let mut kept =
            std::fs::OpenOptions::new().create(true).append(true).open(log).context("open a log")?;
        let (reader, writer) = std::io::pipe().context("make a pipe")?;
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let child = command.spawn().with_context(|| format!("start {name}"))?;
        drop(command);
        let running = Self { child };
        let (found, waiting) = sync_channel(1);
        let ready = ready.to_owned();
        std::thread::spawn(move || {
            for line in BufReader::new(reader).lines().map_while(Result::ok) {
                let _ = writeln!(kept, "{line}");
                if line.contains(&ready) {
                    let _ = found.try_send(line);
                }
            }
        });
        match waiting.recv_timeout(READY_WITHIN) {
            Ok(line) => Ok((running, line)),
            Err(_) => {
                bail!("{name} is not ready; it said:\n{}", std::fs::read_to_string(log).unwrap_or_default())
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
