//! Which programs may run for which devices: a file of the agent, which no rollout can change.

use crate::fs::Fs;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use switchyard_shared::yaml::{self, Field, Node, Problem, Problems, Section};

/// The file's name in the agent's data folder; without it nothing may run.
pub const FILE: &str = "local-exec.yaml";
/// Its largest size, in bytes.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
const SETS_MAX: usize = 256;
const DEVICES_MAX: usize = 10_000;
const ARGUMENTS_MAX: usize = 64;
const VARIABLES_MAX: usize = 64;
/// The word in an argument that stands for the device's name.
pub(super) const DEVICE: &str = "{{ device }}";

/// The programs of one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// Prints what the device has; the first word is an absolute path.
    pub read: Vec<String>,
    /// Takes what the device shall have on its standard input.
    pub write: Vec<String>,
    /// The only variables that it gets, by name, from the agent's environment.
    pub environment: Vec<String>,
    devices: Vec<String>,
}

/// Sets of programs by the platform that they are for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed(BTreeMap<String, Arc<Programs>>);

/// Why [`FILE`] cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AllowedError {
    /// It is there and cannot be read.
    #[error("read {FILE}: {0}")]
    Unreadable(io::Error),
    /// It says something that cannot be.
    #[error("read {FILE}: {}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("; "))]
    Problems(Vec<Problem>),
}

impl Allowed {
    /// What the data folder `data` allows; nothing when it has no such file.
    pub fn open(fs: &dyn Fs, data: &Path) -> Result<Self, AllowedError> {
        match fs.read(&data.join(FILE), FILE_BYTES_MAX as u64) {
            Ok(bytes) => {
                let text =
                    String::from_utf8(bytes).map_err(io::Error::other).map_err(AllowedError::Unreadable)?;
                Self::parse(&text).map_err(AllowedError::Problems)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(AllowedError::Unreadable(error)),
        }
    }

    /// Reads the file's text; all problems come at once.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let problems = Problems::new(FILE);
        let node = yaml::parse(text, FILE_BYTES_MAX, &problems);
        let allowed = node.and_then(|node| decode(&node, &problems));
        problems.into_result(allowed)
    }

    /// The programs for `device` on `platform`; the error says why there are none.
    pub fn find(&self, platform: &str, device: &str) -> Result<Arc<Programs>, String> {
        let Some(programs) = self.0.get(platform) else {
            return Err(format!("this agent allows no local program for the platform {platform:?}"));
        };
        match programs.devices.iter().any(|allowed| allowed == device || allowed == "*") {
            true => Ok(programs.clone()),
            false => Err(format!("this agent allows no local program of {platform:?} for this device")),
        }
    }
}

fn decode(node: &Node, problems: &Problems) -> Option<Allowed> {
    let mut root = Field::root(node, problems).section()?;
    root.envelope("LocalExec");
    let sets =
        root.require("platforms", "platforms: {terraform: {…}}").and_then(|field| field.map(SETS_MAX))?;
    let set = |(name, _, field): (&str, _, Field<'_>)| {
        Some((name.to_owned(), Arc::new(programs(field.section()?)?)))
    };
    Some(Allowed(sets.into_iter().filter_map(set).collect()))
}

fn programs(mut section: Section<'_>) -> Option<Programs> {
    let read = section.require("read", "read: [/usr/local/bin/show, \"{{ device }}\"]").and_then(argv);
    let write = section.require("write", "write: [/usr/local/bin/apply, \"{{ device }}\"]").and_then(argv);
    let texts = |field: Option<Field<'_>>, most: usize| -> Vec<String> {
        let items = field.and_then(|field| field.list(most)).unwrap_or_default();
        items.iter().filter_map(|item| item.text().map(str::to_owned)).collect()
    };
    let devices = texts(section.require("devices", "devices: [edge1, edge2] or [\"*\"]"), DEVICES_MAX);
    let environment = texts(section.take("environment"), VARIABLES_MAX);
    Some(Programs { read: read?, write: write?, environment, devices })
}

fn argv(field: Field<'_>) -> Option<Vec<String>> {
    let items = field.list(ARGUMENTS_MAX)?;
    let words: Vec<String> = items.iter().filter_map(|item| item.text().map(str::to_owned)).collect();
    if words.first().is_none_or(|program| !program.starts_with('/')) {
        field.problem(
            "must begin with the absolute path of a program",
            "it is started as it stands: there is no shell",
        );
        return None;
    }
    Some(words)
}
