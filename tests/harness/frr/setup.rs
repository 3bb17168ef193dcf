//! Folders, namespaces and scripts of a router.
#![expect(clippy::disallowed_methods, reason = "it writes what the router's own programs read")]

use super::FrrError;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Longest start of the daemons.
pub(super) const START_WAIT: Duration = Duration::from_secs(20);
/// Programs, and the packages they come in.
const PROGRAMS: [(&str, &str); 5] = [
    ("/usr/lib/frr/zebra", "frr"),
    ("/usr/lib/frr/bgpd", "frr"),
    ("/usr/bin/vtysh", "frr"),
    ("/usr/bin/script", "bsdutils"),
    ("/usr/bin/unshare", "util-linux"),
];

/// Run as the first process of its namespaces: when its input ends, so does everything in them.
const DAEMONS: &str = r#"
ip link set lo up
for daemon in zebra bgpd; do
    /usr/lib/frr/$daemon --vty_socket "$1" -i "$1/$daemon.pid" -z "$1/zserv.api" -P 0 \
        -f "$1/$daemon.conf" --log "file:$1/$daemon.log" >"$1/$daemon.out" 2>&1 </dev/null &
done
exec cat
"#;

/// The forced command: vtysh with a terminal, whose input is kept.
const SHELL: &str = r#"#!/bin/sh
export VTYSH_HISTFILE=/dev/null SHELL=/bin/sh
exec script -q -e -f -I "@STATE@/typed/$$" -c "vtysh --vty_socket @STATE@ --config_dir @STATE@"
"#;

fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> FrrError {
    let what = what.into();
    move |error| FrrError::System(what, error)
}

pub(super) fn programs() -> Result<(), FrrError> {
    let missing = PROGRAMS.into_iter().find(|(program, _)| !Path::new(program).is_file());
    missing.map_or(Ok(()), |(program, package)| Err(FrrError::Missing(program, package)))
}

/// A folder that FRR's own user may enter.
pub(super) fn folder() -> Result<TempDir, FrrError> {
    let folder = tempfile::Builder::new().prefix("frr").tempdir().map_err(system("make a folder"))?;
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).map_err(system("open a folder"))?;
    Ok(folder)
}

pub(super) fn state(state: &Path) -> Result<(), FrrError> {
    std::fs::create_dir_all(state.join("typed")).map_err(system("make a folder"))?;
    for file in ["vtysh.conf", "zebra.conf", "bgpd.conf"] {
        std::fs::write(state.join(file), "").map_err(system(file))?;
    }
    let mut command = Command::new("chown");
    let owned = command.arg("-R").arg("frr:frrvty").arg(state).status().map_err(system("run chown"))?;
    if owned.success() { Ok(()) } else { Err(FrrError::Program("chown", "it failed".into())) }
}

/// Starts zebra and bgpd in a network namespace that nothing else is in.
pub(super) fn daemons(state: &Path) -> Result<Child, FrrError> {
    let mut command = Command::new("unshare");
    command.args(["--net", "--pid", "--fork", "--kill-child", "sh", "-c", DAEMONS, "sh"]).arg(state);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    command.spawn().map_err(system("run unshare"))
}

/// Writes the forced command.
pub(super) fn shell(state: &Path) -> Result<PathBuf, FrrError> {
    let path = state.join("shell");
    std::fs::write(&path, SHELL.replace("@STATE@", &state.display().to_string()))
        .map_err(system("the shell"))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).map_err(system("the shell"))?;
    Ok(path)
}
