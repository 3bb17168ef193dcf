//! What belongs to the agent itself: whoever may write a change shall not have it typed into a device.

use std::path::{Component, Path, PathBuf};

/// Variables by which the agent itself is known, or where to find what is.
const VARIABLES: [&str; 4] = ["VAULT_", "BAO_", "SWITCHYARD_", "SSH_AUTH_SOCK"];
/// What the agent keeps in its data folder.
const KEPT: [&str; 5] = ["identity", "journal", "snapshots", "fingerprint.key", "lock"];
/// Where a system shows the environment and the files of every process.
const OF_THE_SYSTEM: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Whether the variable `name` is the agent's own.
pub(super) fn variable(name: &str) -> bool {
    VARIABLES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether `path` is what an agent with this data `folder` and this file of a `token` keeps for itself, as the words
/// of it say: links are made by whoever runs the agent.
pub(super) fn file(path: &Path, folder: &Path, token: Option<&Path>) -> bool {
    let path = plain(&folder.join(path));
    let kept = KEPT.iter().map(|name| plain(&folder.join(name)));
    let system = OF_THE_SYSTEM.iter().map(PathBuf::from);
    kept.chain(system).any(|own| path.starts_with(own)) || token.is_some_and(|token| plain(token) == path)
}

/// `path` from the root, without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let (path, mut plain) = (std::path::absolute(path).unwrap_or_else(|_| path.to_owned()), PathBuf::new());
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part @ (Component::Prefix(_) | Component::RootDir | Component::Normal(_)) => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_agents_own_is_a_secret_of_a_change() {
        let own =
            |path: &str| file(Path::new(path), Path::new("/var/lib/agent"), Some(Path::new("/run/token")));
        for path in [
            "identity/key.pem",
            "./keys/../fingerprint.key",
            "/var/lib/agent/snapshots/r1/1",
            "/var/lib/../lib/agent/journal/1",
            "/run/token",
            "../../../proc/self/environ",
        ] {
            assert!(own(path), "{path}");
        }
        for path in ["keys/ntp", "/run/secrets/ntp", "/var/lib/agent-2/identity/x", "identity-of-ntp"] {
            assert!(!own(path), "{path}");
        }
        let here = std::env::current_dir().unwrap().join("data/lock");
        assert!(file(&here, Path::new("data"), None), "{}", here.display());
        assert!(variable("VAULT_TOKEN") && !variable("NTP_KEY"));
    }
}
