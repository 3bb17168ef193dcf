//! All platforms of an agent: those that come with it, and those of its people, which win.

use super::{DEFINITION_BYTES_MAX, Definition, FilePlatform, Platform, decode};
use crate::fs::Fs;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use switchyard_shared::yaml::Problem;

/// Most platforms that people add.
pub const PLATFORMS_MAX: usize = 128;

/// The definitions that come with the agent.
const BUILT_IN: [(&str, &str); 7] = [
    ("arista_eos.yaml", include_str!("arista_eos.yaml")),
    ("cisco_ios.yaml", include_str!("cisco_ios.yaml")),
    ("cisco_nxos.yaml", include_str!("cisco_nxos.yaml")),
    ("frr.yaml", include_str!("frr.yaml")),
    ("juniper_junos.yaml", include_str!("juniper_junos.yaml")),
    ("linux.yaml", include_str!("linux.yaml")),
    ("nokia_srlinux.yaml", include_str!("nokia_srlinux.yaml")),
];

/// Platforms by each of their names.
#[derive(Debug, Clone, Default)]
pub struct Platforms(BTreeMap<String, Known>);

#[derive(Debug, Clone)]
enum Known {
    Typed(Arc<Platform>),
    File(Arc<FilePlatform>),
}

impl Known {
    fn name(&self) -> &str {
        match self {
            Self::Typed(platform) => &platform.name,
            Self::File(platform) => &platform.name,
        }
    }
}

/// Why people's definitions cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlatformsError {
    /// The folder or a file.
    #[error("read the platform definitions in {path}: {1}", path = .0.display())]
    Unreadable(PathBuf, io::Error),
    /// More than [`PLATFORMS_MAX`].
    #[error("read the platform definitions in {path}: there are {1}, more than {PLATFORMS_MAX}", path = .0.display())]
    TooMany(PathBuf, usize),
    /// Definitions with problems, one a line.
    #[error("use the platform definitions:\n{}\nmend what is wrong there or take the file away, and start again", .0.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Problem>),
}

impl Platforms {
    /// Those that come with the agent.
    pub fn built_in() -> Self {
        let mut platforms = Self::default();
        for (file, text) in BUILT_IN {
            match decode(file, text) {
                Ok(definition) => platforms.add(definition),
                Err(problems) => tracing::error!(?problems, "a platform that comes with the agent is wrong"),
            }
        }
        platforms
    }

    /// The same with every `*.yaml` of `folder`, if there is such a folder; all problems of all files at once.
    pub fn with_folder(mut self, folder: &Path, fs: &dyn Fs) -> Result<Self, PlatformsError> {
        let unreadable = |path: &Path, error| PlatformsError::Unreadable(path.into(), error);
        let listed = match fs.list(folder) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(self),
            Err(error) => return Err(unreadable(folder, error)),
        };
        let files: Vec<PathBuf> =
            listed.iter().filter(|name| name.ends_with(".yaml")).map(|name| folder.join(name)).collect();
        if files.len() > PLATFORMS_MAX {
            return Err(PlatformsError::TooMany(folder.into(), files.len()));
        }
        let mut wrong = Vec::new();
        for file in files {
            let bytes =
                fs.read(&file, DEFINITION_BYTES_MAX as u64).map_err(|error| unreadable(&file, error))?;
            let source = file.display().to_string();
            let text = switchyard_shared::yaml::text(&bytes, &source, DEFINITION_BYTES_MAX);
            match text.and_then(|text| decode(&source, text)) {
                Ok(definition) => self.add(definition),
                Err(problems) => wrong.extend(problems),
            }
        }
        if wrong.is_empty() { Ok(self) } else { Err(PlatformsError::Wrong(wrong)) }
    }

    /// The platform of this name, when it has a command line.
    pub fn get(&self, name: &str) -> Option<Arc<Platform>> {
        match self.0.get(name)? {
            Known::Typed(platform) => Some(platform.clone()),
            Known::File(_) => None,
        }
    }

    /// The platform of this name, when it is one file.
    pub fn file(&self, name: &str) -> Option<Arc<FilePlatform>> {
        match self.0.get(name)? {
            Known::Typed(_) => None,
            Known::File(platform) => Some(platform.clone()),
        }
    }

    /// The names that are known, without aliases.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().filter(|(name, known)| **name == known.name()).map(|(name, _)| name.as_str()).collect()
    }

    /// `text` of a device whose platform nobody has named, without what the lines of any platform say in secret.
    pub fn redact(&self, text: &str) -> String {
        let own = self.0.iter().filter(|(name, known)| **name == known.name());
        own.fold(text.to_owned(), |text, (_, known)| match known {
            Known::Typed(platform) => platform.redact(&text),
            Known::File(platform) => platform.redact(&text),
        })
    }

    fn add(&mut self, definition: Definition) {
        let (name, aliases, known) = match definition {
            Definition::Typed(platform) => {
                (platform.name.clone(), platform.aliases.clone(), Known::Typed(Arc::from(platform)))
            }
            Definition::File(platform) => {
                (platform.name.clone(), platform.aliases.clone(), Known::File(Arc::from(platform)))
            }
        };
        for alias in aliases {
            self.0.insert(alias, known.clone());
        }
        self.0.insert(name, known);
    }
}
