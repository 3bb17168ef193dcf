//! What all servers of a fleet share: keys, `sshd_config`, the forced command, and files for ssh itself.

use super::{OpenSshError, device};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Where packages put the server.
pub(crate) const SSHD_PLACES: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];
/// The folder into which sshd locks its unprivileged half.
pub(crate) const PRIVILEGES_FOLDER: &str = "/run/sshd";

/// The home folder of a session, always empty. sshd runs the command through the user's login shell,
/// and what a person keeps in .bashrc or .zshenv may take longer than the device's whole answer.
const HOME: &str = "home";

/// The shared parts of a fleet.
pub(super) struct Setup {
    pub(super) sshd: &'static str,
    pub(super) dir: PathBuf,
    pub(super) config: PathBuf,
    pub(super) client_key: PathBuf,
    pub(super) user: String,
    pub(super) fingerprint: String,
}

impl Setup {
    /// Makes what is missing in `dir`; keys of an earlier run stay.
    pub(super) async fn make(dir: &Path, sshd_lines: &str) -> Result<Self, OpenSshError> {
        let found = SSHD_PLACES.into_iter().find(|place| Path::new(place).is_file());
        let sshd = found.ok_or(OpenSshError::Missing("sshd"))?;
        let data = |error| OpenSshError::Data(dir.into(), error);
        let dir = std::path::absolute(dir).map_err(data)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-".contains(&b);
        if !dir.as_os_str().as_encoded_bytes().iter().copied().all(plain) {
            return Err(OpenSshError::Folder(dir));
        }
        for folder in ["keys", "bin", "devices", "by-address", HOME] {
            std::fs::create_dir_all(dir.join(folder)).map_err(data)?;
        }
        let user = output("id", &["-un"]).await?;
        if user == "root" {
            std::fs::create_dir_all(PRIVILEGES_FOLDER)
                .map_err(|error| OpenSshError::Privileges(PRIVILEGES_FOLDER, error))?;
        }
        let keys = dir.join("keys");
        let host_key = keygen(&keys.join("host_ed25519")).await?;
        let client_key = keys.join("netops_ed25519");
        let client = keygen(&client_key).await?;
        let public = host_key.display().to_string();
        let shown = output("ssh-keygen", &["-l", "-E", "sha256", "-f", &public]).await?;
        let fingerprint = shown.split_whitespace().nth(1).unwrap_or_default().to_owned();

        let command = dir.join("bin/device");
        write(&command, &device::script(&dir), 0o755).map_err(data)?;
        write(&dir.join("bin/load"), &device::script(&dir), 0o755).map_err(data)?;
        let authorized = keys.join("authorized_keys");
        std::fs::copy(&client, &authorized).map_err(data)?;
        let config = dir.join("sshd_config");
        write(&config, &sshd_config(sshd_lines, &dir, &command), 0o644).map_err(data)?;
        write(&dir.join("ssh_config"), &ssh_config(&user, &keys), 0o644).map_err(data)?;
        let host_public = output("cut", &["-d", " ", "-f", "1,2", &public]).await?;
        write(&keys.join("known_hosts"), &format!("* {host_public}\n"), 0o644).map_err(data)?;
        Ok(Self { sshd, dir, config, client_key, user, fingerprint })
    }
}

fn sshd_config(first: &str, dir: &Path, command: &Path) -> String {
    let (keys, home) = (dir.join("keys"), dir.join(HOME));
    let (keys, home, command) = (keys.display(), home.display(), command.display());
    format!(
        "{first}\nHostKey {keys}/host_ed25519\nAuthorizedKeysFile {keys}/authorized_keys\nStrictModes no\n\
         UsePAM no\nUseDNS no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\nForceCommand {command}\nAllowTcpForwarding no\n\
         X11Forwarding no\nPermitUserRC no\nSetEnv HOME={home}\n\
         PrintMotd no\nPrintLastLog no\nPidFile none\nLogLevel ERROR\n"
    )
}

/// For `ssh -F`, so that other clients can be measured beside the agent.
fn ssh_config(user: &str, keys: &Path) -> String {
    let keys = keys.display();
    format!(
        "User {user}\nIdentityFile {keys}/netops_ed25519\nIdentitiesOnly yes\nBatchMode yes\n\
         UserKnownHostsFile {keys}/known_hosts\nGlobalKnownHostsFile none\nStrictHostKeyChecking yes\n\
         UpdateHostKeys no\n"
    )
}

/// Makes a key pair unless it is there; returns the path of the public half.
pub(crate) async fn keygen(path: &Path) -> Result<PathBuf, OpenSshError> {
    let shown = path.display().to_string();
    if !path.exists() {
        output("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "switchyard-tests", "-f", &shown])
            .await?;
    }
    Ok(path.with_extension("pub"))
}

/// What a helper program prints, without the last newline.
pub(crate) async fn output(program: &'static str, arguments: &[&str]) -> Result<String, OpenSshError> {
    let result = Command::new(program).args(arguments).kill_on_drop(true).output().await;
    let result = result.map_err(|error| match error.kind() == io::ErrorKind::NotFound {
        true => OpenSshError::Missing(program),
        false => OpenSshError::Program(program, error.to_string()),
    })?;
    if !result.status.success() {
        let said = String::from_utf8_lossy(&result.stderr).trim().to_owned();
        return Err(OpenSshError::Program(program, format!("{}: {said}", result.status)));
    }
    Ok(String::from_utf8_lossy(&result.stdout).trim_end().to_owned())
}

/// Writes a small file anew.
pub(crate) fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())
}
