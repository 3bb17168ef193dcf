//! The device behind a real sshd: a forced command that takes or shows the configuration and notes it itself.

use super::setup::write;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use switchyard_agent::simulator::device_folder;

/// What a device does with a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Play {
    /// Takes it.
    Good,
    /// Refuses it with exit status 1.
    Reject,
    /// Takes it, then kills the server of its own session: no exit status.
    Drop,
    /// Puts half of it in force, then kills the server of its own session.
    Half,
}

/// The command that prints the configuration in force.
pub const READ_COMMAND: &str = "show-running";

impl Play {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Reject => "reject",
            Self::Drop => "drop",
            Self::Half => "half",
        }
    }
}

/// Changes what the device of this name does from its next session on.
pub fn set_play(dir: &Path, device: &str, play: Play) -> io::Result<()> {
    write(&device_folder(dir, device).join("play"), &format!("{}\n", play.word()), 0o644)
}

/// Makes a device's folder, found by its name and by the address that a session was opened to.
pub(super) fn make(dir: &Path, name: &str, address: SocketAddr, play: Play) -> io::Result<PathBuf> {
    let folder = device_folder(dir, name);
    std::fs::create_dir_all(&folder)?;
    set_play(dir, name, play)?;
    let link = dir.join("by-address").join(address.to_string());
    let _ = std::fs::remove_file(&link);
    symlink(&folder, &link)?;
    Ok(folder)
}

/// The forced command. A ledger line is one `printf`, so one write at the end of the file.
pub(super) fn script(dir: &Path) -> String {
    SCRIPT.replace("@DIR@", &dir.display().to_string()).replace("@READ@", READ_COMMAND)
}

const SCRIPT: &str = r#"#!/bin/sh
# Plays one device: takes the configuration on standard input, or shows it, and notes that in the device's ledger.
set -eu
if [ -t 0 ] && [ -z "${SSH_ORIGINAL_COMMAND:-}" ]; then
    # A person, or a tool that plays one: a shell with a prompt, in which `load` is this command.
    exec env SSH_ORIGINAL_COMMAND=load PATH="@DIR@/bin:$PATH" PS1='device# ' sh -i
fi
set -- $SSH_CONNECTION
cd "@DIR@/by-address/$3:$4"
printf '{"at_us":%s,"event":"login","client":"%s:%s"}\n' "$(date +%s%6N)" "$1" "$2" >> ledger.jsonl
note() {
    sum=$(sha256sum "$3")
    bytes=$(wc -c < "$3")
    printf '{"at_us":%s,"event":"%s","client":"%s","bytes":%s,"sha256":"%s"}\n' \
        "$(date +%s%6N)" "$1" "$2" "$bytes" "${sum%% *}" >> ledger.jsonl
}
if [ "${SSH_ORIGINAL_COMMAND:-}" = @READ@ ]; then
    shown="shown.$$"
    cat running > "$shown" 2> /dev/null || :
    note read "$1:$2" "$shown"
    cat "$shown"
    rm "$shown"
    exit 0
fi
read -r play < play
if [ "$play" = reject ]; then
    cat > /dev/null
    printf '{"at_us":%s,"event":"reject","client":"%s:%s"}\n' "$(date +%s%6N)" "$1" "$2" >> ledger.jsonl
    echo "error: line 1: syntax error, configuration not applied" >&2
    exit 1
fi
draft="draft.$$"
cat > "$draft"
if [ "$play" = half ]; then
    half="half.$$"
    head -c "$(($(wc -c < "$draft") / 2))" "$draft" > "$half"
    rm "$draft"
    mv "$half" running
    note half "$1:$2" running
    kill -9 "$PPID"
    exit 0
fi
mv "$draft" running
note apply "$1:$2" running
if [ "$play" = drop ]; then
    kill -9 "$PPID"
    exit 0
fi
echo "applied $bytes bytes"
"#;
