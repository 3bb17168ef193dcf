//! `switchyard device trust`: which SSH host keys devices show, for a person to compare and to accept.

use crate::collecting::{Collected, Ended, collect};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::render::host_keys;
use crate::session::Session;
use crate::text::{counted, one_line};
use serde_json::json;
use std::path::PathBuf;
use switchyard_proto::v1::CollectHostKeysRequest;

const EXAMPLES: &str = "\
Examples:
  switchyard device trust                                       every active device
  switchyard device trust -l 'site = \"lon\"' --write keys.yaml   and write what is new, for review
  switchyard inventory import inventory.yaml --host-keys keys.yaml   accept what was reviewed

Each agent makes key exchanges with its devices and no login. Nothing is accepted by this command: compare what is NEW
with the devices' consoles, or another way that you trust.

Ends with 0 when every key is pinned or new, 6 when a device shows none of its pinned keys (CHANGED), 3 when one could
not be asked.";

/// Collect the SSH host keys that devices show, for you to compare and to pin; logs in to none.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Trust {
    /// Only these devices
    #[arg(value_name = "DEVICE", conflicts_with = "filter")]
    devices: Vec<String>,
    /// Only these, such as 'site = "lon" AND platform = "frr"', whatever their status
    #[arg(short = 'l', long, value_name = "FILTER", default_value = "")]
    filter: String,
    /// Write what is not pinned yet into this new file, for `inventory import --host-keys`
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

impl Trust {
    /// Has the keys collected and shows them beside those that are pinned.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let file = self.write.map(|file| session.around.cwd.join(file));
        if let Some(file) = file.as_ref().filter(|file| file.exists()) {
            return Err(is_there(file));
        }
        let api = session.api().await?;
        let request = CollectHostKeysRequest { filter: self.filter, devices: self.devices };
        let (found, ended) = collect(session, &api, request).await?;
        if session.for_people() {
            session.say_all(&host_keys::table(&found));
            session.say("");
            session.say(&host_keys::summary(&found));
        } else if session.format != crate::cli::Format::Jsonl {
            session.document(&json!({
                "counts": json::host_key_counts(&found),
                "devices": found.devices.iter().map(json::host_keys).collect::<Vec<_>>(),
            }));
        }
        for device in found.changed() {
            let name = one_line(&device.device);
            session.warn(&format!(
                "{name} shows none of the keys that are pinned for it: it was replaced or has new keys, or somebody is \
                 in between; nothing is trusted before you know which"
            ));
        }
        match ended {
            Ended::Whole if found.left() > 0 || found.devices.is_empty() => {
                return Ok(left(session, &found, "the coordinator stopped", Exit::RolloutFailed));
            }
            Ended::Whole => {}
            Ended::TimedOut => return Ok(left(session, &found, "--timeout passed", Exit::Timeout)),
            Ended::Detached => return Ok(left(session, &found, "stopped", Exit::Interrupted)),
            Ended::Lost(failure) => return Err(failure),
        }
        if let Some(file) = &file {
            write(session, &found, file)?;
        }
        Ok(exit(&found))
    }
}

/// A key that changed needs a person first; then what nobody could ask.
fn exit(found: &Collected) -> Exit {
    match (found.changed().next(), found.unknown()) {
        (Some(_), _) => Exit::Blocked,
        (None, 1..) => Exit::RolloutFailed,
        (None, 0) => Exit::Ok,
    }
}

fn left(session: &mut Session, found: &Collected, why: &str, exit: Exit) -> Exit {
    let left = match found.meant {
        0 => "every device".to_owned(),
        _ => counted(found.left().into(), "device"),
    };
    session.warn(&format!("{why} with {left} not asked; nothing was accepted or written"));
    exit
}

fn is_there(file: &std::path::Path) -> Failure {
    let shown = one_line(&file.display().to_string());
    Failure::new(Exit::Error, "FILE_EXISTS", format!("{shown} is there already"))
        .hint("name another file: what a person may have reviewed is not written over")
}

fn write(session: &mut Session, found: &Collected, file: &std::path::Path) -> Result<(), Failure> {
    let now = session.now();
    let Some(text) = host_keys::document(found, now, file) else {
        session.note("nothing is new: no file was written");
        return Ok(());
    };
    let shown = one_line(&file.display().to_string());
    switchyard_coordinator::files::write_new(file, text.as_bytes()).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return is_there(file);
        }
        let message = format!("{shown} cannot be written");
        Failure::new(Exit::Error, "NOT_WRITTEN", message).because(error.to_string())
    })?;
    session.note(&format!(
        "wrote {shown}: compare each key with the device's console or another way you trust, take out what you do not \
         accept, then: switchyard inventory import INVENTORY --host-keys {shown}"
    ));
    Ok(())
}

#[cfg(test)]
mod tests;
