//! The breakers' memory: what a restart must not lose, in one small file, written beside the loop.

mod writer;

use crate::fs::{Fs, replace};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use switchyard_shared::breaker::Snapshot;
use switchyard_shared::id::SiteName;
use switchyard_shared::time::Timestamp;
use writer::Writer;

/// The file's name in the data folder.
pub const BREAKERS_FILE: &str = "breakers.json";
/// Where a file goes that cannot be used.
const BAD_FILE: &str = "breakers.json.bad";
/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// What an agent that lost the file says of its breakers.
const FORGOTTEN: &str = "every breaker of this agent begins closed and starts slowly: what operators forced comes back \
                         from the coordinator, openings by evidence are forgotten";
/// What the file's shape is called.
const VERSION: u32 = 1;

/// Where the breakers are written down.
pub trait Memory: Send + Sync + 'static {
    /// Keeps `breakers`, soon; never waits. What was to be kept before and is not yet written gives way.
    fn keep(&self, breakers: Snapshot, now: Timestamp);
}

/// The file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    version: u32,
    site: SiteName,
    /// By the wall clock, which may jump: it only tells how long ago that was.
    saved_at: Timestamp,
    breakers: Snapshot,
}

/// What an earlier run of this agent knew.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// The breakers as they were written down.
    pub breakers: Snapshot,
    /// When that was, in the time of this process: never later than its start.
    pub as_of: Timestamp,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Shape(#[from] serde_json::Error),
    #[error("it is of version {0}, and this agent knows {VERSION}")]
    Version(u32),
    #[error("it belongs to site {0}")]
    Site(SiteName),
}

/// What `data` remembers of the breakers of `site`. A file that cannot be used is moved aside with a
/// warning, and the agent goes on as if it were new: closed, starting slowly.
pub fn recall(fs: &dyn Fs, data: &Path, site: &SiteName, now: Timestamp) -> Option<Remembered> {
    let path = data.join(BREAKERS_FILE);
    let kept = match read(fs, &path, site) {
        Ok(kept) => kept?,
        Err(why) => {
            let bad = data.join(BAD_FILE);
            let aside = match fs.rename(&path, &bad) {
                Ok(()) => format!("it was moved to {}", bad.display()),
                Err(error) => format!("and could not be moved to {}: {error}", bad.display()),
            };
            tracing::warn!("failed to use {}: {why}; {aside}; {FORGOTTEN}", path.display());
            return None;
        }
    };
    // A clock that went back says nothing of how much time has passed: then none has.
    Some(Remembered { breakers: kept.breakers, as_of: kept.saved_at.min(now) })
}

fn read(fs: &dyn Fs, path: &Path, site: &SiteName) -> Result<Option<Kept>, Unusable> {
    let bytes = match fs.read(path, FILE_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let Head { version } = serde_json::from_slice(&bytes)?;
    if version != VERSION {
        return Err(Unusable::Version(version));
    }
    let kept: Kept = serde_json::from_slice(&bytes)?;
    if kept.site == *site { Ok(Some(kept)) } else { Err(Unusable::Site(kept.site)) }
}

/// The file in the data folder and the thread that writes it.
pub struct BreakerFile {
    site: SiteName,
    writer: Writer<Kept>,
}

/// The same file without a thread: written while somebody waits, for simulated time.
pub struct BreakerFileInPlace {
    fs: Arc<dyn Fs>,
    path: PathBuf,
    site: SiteName,
}

impl BreakerFileInPlace {
    /// Writes the breakers of `site` in `data` from now on.
    pub fn open(fs: Arc<dyn Fs>, data: &Path, site: SiteName) -> Self {
        Self { fs, path: data.join(BREAKERS_FILE), site }
    }
}

impl Memory for BreakerFileInPlace {
    fn keep(&self, breakers: Snapshot, now: Timestamp) {
        let kept = Kept { version: VERSION, site: self.site.clone(), saved_at: now, breakers };
        let json = serde_json::to_vec(&kept).map_err(io::Error::from);
        if let Err(error) = json.and_then(|json| replace(&*self.fs, &self.path, &json)) {
            tracing::warn!("failed to write {}: {error}; {FORGOTTEN}", self.path.display());
        }
    }
}

impl BreakerFile {
    /// Writes the breakers of `site` in `data` from now on.
    pub fn open(fs: Arc<dyn Fs>, data: &Path, site: SiteName) -> io::Result<Self> {
        let path: PathBuf = data.join(BREAKERS_FILE);
        Ok(Self { site, writer: Writer::start(fs, path)? })
    }

    /// Returns when everything is written.
    pub fn close(&self) {
        self.writer.close();
    }
}

impl Memory for BreakerFile {
    fn keep(&self, breakers: Snapshot, now: Timestamp) {
        self.writer.put(Kept { version: VERSION, site: self.site.clone(), saved_at: now, breakers });
    }
}

#[cfg(test)]
mod tests;
