//! `switchyard inventory`: check, import and list devices.

use super::file::{FileArgs, HOST_KEYS, INVENTORY};
use crate::client::{PAGE_SIZE, all};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::render::lists;
use crate::session::Session;
use crate::text::{counted, one_line};
use serde_json::json;
use switchyard_proto::v1;
use switchyard_shared::inventory::Inventory as Parsed;
use switchyard_shared::yaml::INVENTORY_BYTES_MAX;

/// Most names shown of each kind of change.
const NAMES_MAX: usize = 20;

/// Check, import and list devices.
#[derive(Debug, clap::Subcommand)]
pub enum Inventory {
    /// Check an inventory file; needs no coordinator
    Validate {
        #[command(flatten)]
        file: FileArgs,
        #[command(flatten)]
        pins: Pins,
    },
    /// Replace the coordinator's inventory by a file
    Import {
        #[command(flatten)]
        file: FileArgs,
        #[command(flatten)]
        pins: Pins,
        /// Remove devices that the file does not have
        #[arg(long)]
        prune: bool,
        /// Show what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List devices
    List {
        /// Only these, such as 'site = "lon" AND platform = "frr"'
        #[arg(long, value_name = "FILTER", default_value = "")]
        filter: String,
    },
}

impl Inventory {
    /// Runs the command.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        match self {
            Self::Validate { file, pins } => validate(session, &file, &pins),
            Self::Import { file, pins, prune, dry_run } => {
                import(session, &file, &pins, (prune, dry_run)).await
            }
            Self::List { filter } => list(session, &filter).await,
        }
    }
}

/// Files of the kind HostKeys.
#[derive(Debug, clap::Args)]
pub struct Pins {
    /// Host keys that were accepted, as `device trust --write` writes them; they take the place of those of the
    /// inventory. May be repeated: the later wins
    #[arg(long = "host-keys", value_name = "FILE")]
    files: Vec<String>,
}

impl Pins {
    /// Pins what the files say in `inventory`; gives them as they go to the coordinator.
    fn laid_over(
        &self,
        session: &mut Session,
        inventory: &mut Parsed,
    ) -> Result<Vec<v1::HostKeysDocument>, Failure> {
        let mut documents = Vec::new();
        for file in self.files.iter().map(|file| FileArgs::named(file.clone())) {
            let text = file.read(session, &HOST_KEYS, INVENTORY_BYTES_MAX)?;
            inventory.pin(&text, file.source()).map_err(|problems| HOST_KEYS.problems(&problems))?;
            let source = file.source().to_owned();
            documents.push(v1::HostKeysDocument { document: text.into_bytes(), source });
        }
        Ok(documents)
    }
}

type Checked = (String, Parsed, Vec<v1::HostKeysDocument>);

fn checked(session: &mut Session, file: &FileArgs, pins: &Pins) -> Result<Checked, Failure> {
    let text = file.read(session, &INVENTORY, INVENTORY_BYTES_MAX)?;
    let mut parsed = Parsed::parse(&text, file.source()).map_err(|problems| INVENTORY.problems(&problems))?;
    let pins = pins.laid_over(session, &mut parsed)?;
    Ok((text, parsed, pins))
}

fn validate(session: &mut Session, file: &FileArgs, pins: &Pins) -> Result<Exit, Failure> {
    let (_, parsed, _) = checked(session, file, pins)?;
    let (devices, sites) = (parsed.devices.len() as u64, parsed.sites.len() as u64);
    if session.for_people() {
        let content = format!("{} in {}", counted(devices, "device"), counted(sites, "site"));
        session.say(&format!("{} is valid: {content}", one_line(file.source())));
        session.note(&format!("import it: switchyard inventory import {}", one_line(file.name())));
    } else {
        session
            .document(&json!({"valid": true, "sites": sites, "devices": devices, "digest": parsed.digest()}));
    }
    Ok(Exit::Ok)
}

async fn import(
    session: &mut Session,
    file: &FileArgs,
    pins: &Pins,
    (prune, dry_run): (bool, bool),
) -> Result<Exit, Failure> {
    let (text, _, host_keys) = checked(session, file, pins)?;
    let mut request = v1::ImportInventoryRequest {
        document: text.into_bytes(),
        source: file.source().to_owned(),
        prune,
        validate_only: dry_run,
        request_id: session.request_id(),
        host_keys,
    };
    let api = session.api().await?;
    if prune && !dry_run && session.may_ask() && !session.globals.yes {
        request.validate_only = true;
        let would = api.call(api.inventory().import_inventory(request.clone())).await?;
        request.validate_only = false;
        let removed = would.removed.len() as u64;
        if removed > 0 {
            session.warn(&format!("it would remove {}", names(&would.removed)));
            if !session.confirm(&format!("Remove {}?", counted(removed, "device"))) {
                return Err(Failure::new(Exit::Error, "NOT_AGREED", "nothing was imported"));
            }
        }
    }
    let answer = api.call(api.inventory().import_inventory(request)).await?;
    if session.for_people() {
        told(session, &answer, dry_run);
    } else {
        session.document(&json::import(&answer, dry_run));
    }
    Ok(Exit::Ok)
}

fn told(session: &mut Session, answer: &v1::ImportInventoryResponse, dry_run: bool) {
    let verb = if dry_run { "would import" } else { "imported" };
    let content =
        format!("{} in {}", counted(answer.devices.into(), "device"), counted(answer.sites.into(), "site"));
    session.say(&format!("{verb} {content}"));
    for (what, list) in [("added", &answer.added), ("changed", &answer.changed), ("removed", &answer.removed)]
    {
        if !list.is_empty() {
            session.say(&format!("  {what} {}: {}", list.len(), names(list)));
        }
    }
    if answer.added.is_empty() && answer.changed.is_empty() && answer.removed.is_empty() {
        session.say("  nothing differs");
    }
}

fn names(list: &[String]) -> String {
    let shown: Vec<String> = list.iter().take(NAMES_MAX).map(|name| one_line(name)).collect();
    let more = list.len().saturating_sub(NAMES_MAX);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

async fn list(session: &mut Session, filter: &str) -> Result<Exit, Failure> {
    let api = session.api().await?;
    let devices = all(async |page_token| {
        let request = v1::ListDevicesRequest { page_size: PAGE_SIZE, page_token, filter: filter.to_owned() };
        let page = api.call(api.inventory().list_devices(request)).await?;
        Ok((page.devices, page.next_page_token))
    })
    .await?;
    if session.for_people() {
        let nothing = if filter.is_empty() {
            "no devices: import some with switchyard inventory import FILE"
        } else {
            "no device matches the filter"
        };
        let lines = lists::devices(&devices, session.width());
        session.list(&lines, nothing);
    } else {
        session.documents(devices.iter().map(json::device).collect());
    }
    Ok(Exit::Ok)
}
