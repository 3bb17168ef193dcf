//! What belongs to the agent itself: whoever may write a change shall not have it typed into a device.

use std::path::{Path, PathBuf};

/// Variables by which the agent itself is known, or where to find what is.
const VARIABLES: [&str; 4] = ["VAULT_", "BAO_", "SWITCHYARD_", "SSH_AUTH_SOCK"];
/// What the agent keeps in its data folder.
const KEPT: [&str; 5] = ["identity", "journal", "snapshots", "fingerprint.key", "lock"];
/// Where a system shows the environment and the files of every process.
const OF_THE_SYSTEM: [&str; 3] = ["/proc", "/sys", "/dev"];
/// What is below them and holds files as any folder does, in memory.
const SHARED_MEMORY: &str = "/dev/shm";

/// Whether the variable `name` is the agent's own.
pub(super) fn variable(name: &str) -> bool {
    VARIABLES.iter().any(|prefix| name.starts_with(prefix))
}

/// The files that an agent keeps for itself.
#[derive(Debug, Clone)]
pub(super) struct OwnFiles {
    /// Its data folder.
    pub folder: PathBuf,
    /// The file with its Vault's token.
    pub token: Option<PathBuf>,
}

impl OwnFiles {
    /// Whether `real`, a path with no links in it, leads to one of them.
    pub fn have(&self, real: &Path) -> bool {
        let kept = KEPT.iter().map(|name| self.folder.join(name));
        let is_shared = real.starts_with(SHARED_MEMORY);
        let system = OF_THE_SYSTEM.iter().map(PathBuf::from).filter(|_| !is_shared);
        kept.chain(system).chain(self.token.clone()).any(|own| real.starts_with(place(&own)))
    }
}

/// Where `path` leads; where nothing is, nothing can be opened either.
fn place(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_shows_of_processes_is_the_agents_own_and_what_a_person_keeps_in_memory_is_not() {
        let own = OwnFiles { folder: "/var/lib/switchyard".into(), token: Some("/dev/shm/token".into()) };
        for (path, is_own) in [
            ("/proc/self/environ", true),
            ("/dev/mem", true),
            ("/dev/shm/token", true),
            ("/dev/shm/keys/lab", false),
            ("/var/lib/switchyard/identity/key.pem", true),
            ("/var/lib/switchyard/keys/lab", false),
        ] {
            assert_eq!(own.have(Path::new(path)), is_own, "{path}");
        }
    }
}
