//! `spec.change`: the command or the driver, the templates and their vars.

use super::procedure::{self, Chosen};
use crate::procedure::{Commit, Mode, SECRETS_MAX, Transport};
use crate::secret_ref::{FORMS, SecretRef};
use crate::template::SECRETS;
use crate::yaml::{Field, Section, shown};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Most vars at the top level of one place.
pub const VARS_MAX: usize = 1024;
/// Names that templates use for other things.
pub const RESERVED_VARS: [&str; 6] = ["device", "site", "rollout", "loop", "self", SECRETS];
/// The key of `templates` that serves platforms without their own.
pub const DEFAULT_TEMPLATE: &str = "default";
const TEMPLATES_MAX: usize = 64;
const VARS_FILES_MAX: usize = 64;
const PATH_BYTES_MAX: usize = 1024;
const COMMAND_BYTES_MAX: usize = 4096;
const PLATFORM_BYTES_MAX: usize = 128;

/// What is changed and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Run on the device with the rendered configuration on its standard input; exit status 0 is
    /// success. Without it a driver does the work.
    pub command: Option<String>,
    /// Prints what the device has of what `command` takes, and changes nothing. With it a device that has the
    /// configuration already is left alone, and a doubt is settled by reading the device back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<String>,
    /// The way to every device; without it the inventory says the way to each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    /// What a configuration is to the running one.
    #[serde(default = "merge", skip_serializing_if = "is_merge")]
    pub mode: Mode,
    /// How a driver commits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub commit: Commit,
    /// Path of the template of each platform; [`DEFAULT_TEMPLATE`] serves all others.
    pub templates: BTreeMap<String, String>,
    /// Values for the templates; they win over those of `vars_files`.
    pub vars: BTreeMap<String, Value>,
    /// Files of values; later ones win.
    pub vars_files: Vec<String>,
    /// References to secrets, by the name that templates print; only an agent ever knows more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
}

impl Change {
    /// How long after its commit a change must be confirmed; `None` where no device waits for that.
    pub(super) fn confirm_within(&self) -> Option<std::time::Duration> {
        let waits = self.command.is_none() && self.transport != Some(Transport::LocalExec);
        (waits && self.commit.confirmed).then(|| self.commit.confirm_within())
    }
}

fn merge() -> Mode {
    Mode::Merge
}

fn is_merge(mode: &Mode) -> bool {
    *mode == Mode::Merge
}

fn is_default(commit: &Commit) -> bool {
    *commit == Commit::default()
}

pub(super) fn read(mut section: Section<'_>) -> Option<Change> {
    section.not_supported_yet(&["config_version"]);
    let ssh = section.take("ssh");
    let is_command = ssh.is_some();
    let procedure = procedure::read(&mut section, is_command);
    let ssh = ssh.and_then(|field| field.section()).map(|mut ssh| {
        ssh.not_supported_yet(&["confirm"]);
        let writes = ssh.require("command", "command: load").and_then(|field| field.parsed(command));
        let read = ssh.take("read").and_then(|field| {
            let reads: String = field.parsed(command)?;
            if writes.as_deref().is_some_and(|writes| writes.trim() == reads.trim()) {
                field.problem("is the command that writes", "for example read: show running-config");
            }
            Some(reads)
        });
        (writes, read)
    });
    let (command, read) = ssh.unwrap_or_default();
    let templates = section.require("templates", "templates: {default: motd.cfg.j2}");
    let templates = templates.and_then(|field| templates_of(&field));
    let vars = section.take("vars").map(|field| vars(&field)).unwrap_or_default();
    let files = section.take("vars_files").and_then(|field| field.list(VARS_FILES_MAX)).unwrap_or_default();
    let vars_files = files.iter().filter_map(|field| field.parsed(path)).collect();
    let secrets = section.take(SECRETS);
    if let (Some(field), true) = (&secrets, is_command) {
        field.problem(
            "does not go with ssh.command",
            "leave out ssh to have a driver do the work: it keeps what the device shows of them from everybody",
        );
    }
    let secrets = secrets.map(|field| secrets_of(&field)).unwrap_or_default();
    if is_command && command.is_none() {
        return None;
    }
    let Chosen { transport, mode, commit } = procedure;
    Some(Change { command, read, transport, mode, commit, templates: templates?, vars, vars_files, secrets })
}

fn templates_of(field: &Field<'_>) -> Option<BTreeMap<String, String>> {
    let mut templates = BTreeMap::new();
    let entries = field.map(TEMPLATES_MAX)?;
    if entries.is_empty() {
        field.problem("names no template", "for example default: motd.cfg.j2");
    }
    for (platform, at, field) in entries {
        if platform.is_empty() || platform.len() > PLATFORM_BYTES_MAX {
            field.problem_at(at, format!("{} is not a platform", shown(platform)), "");
        }
        templates.insert(platform.to_owned(), field.parsed(path)?);
    }
    Some(templates)
}

/// Values by name, where each name must be one that a template can say.
pub(crate) fn vars(field: &Field<'_>) -> BTreeMap<String, Value> {
    let mut vars = BTreeMap::new();
    for (name, at, field) in field.map(VARS_MAX).unwrap_or_default() {
        match check_var(name) {
            Ok(()) => {
                vars.insert(name.to_owned(), field.json());
            }
            Err(message) => field.problem_at(at, message, ""),
        }
    }
    vars
}

/// References by name. What was written is never repeated: it may be the secret itself.
fn secrets_of(field: &Field<'_>) -> BTreeMap<String, String> {
    let mut secrets = BTreeMap::new();
    for (name, at, field) in field.map(SECRETS_MAX).unwrap_or_default() {
        if let Err(message) = check_var(name) {
            field.problem_at(at, message, "");
        }
        if !field.is_map() {
            field.problem("must be a mapping with secret_ref", FORMS);
            continue;
        }
        let Some(mut section) = field.section() else { continue };
        let Some(reference) = section.require("secret_ref", "secret_ref: \"vault:kv/net/ntp#key\"") else {
            continue;
        };
        let Some(text) = reference.text() else { continue };
        match SecretRef::parse(text) {
            Ok(parsed) if parsed.is_one_value() => {
                secrets.insert(name.to_owned(), text.to_owned());
            }
            Ok(SecretRef::SshAgent { .. }) => {
                reference.problem(
                    "is for logins: an ssh-agent gives nothing away",
                    "name it as file:, env:, exec: or vault:",
                );
            }
            Ok(_) => reference.problem("names a place with several values", "add #KEY"),
            Err(error) => reference.problem(error.to_string(), FORMS),
        }
    }
    secrets
}

/// Why `name` cannot be a var.
pub(crate) fn check_var(name: &str) -> Result<(), String> {
    let good = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if name.is_empty() || !good || name.as_bytes()[0].is_ascii_digit() {
        return Err(format!("{} cannot be named in a template: use letters, digits and _", shown(name)));
    }
    if RESERVED_VARS.contains(&name) {
        return Err(format!("templates use {name} for something else: take another name"));
    }
    Ok(())
}

fn command(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.contains('\0') {
        return Err("must be a command, not empty".into());
    }
    if text.len() > COMMAND_BYTES_MAX {
        return Err(format!("has {} bytes, more than the {COMMAND_BYTES_MAX} allowed", text.len()));
    }
    Ok(text.to_owned())
}

fn path(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && text.len() <= PATH_BYTES_MAX && !text.chars().any(char::is_control);
    if good { Ok(text.to_owned()) } else { Err(format!("{} is not the path of a file", shown(text))) }
}
