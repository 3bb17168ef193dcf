//! One process for each data folder.

use fs4::fs_std::FileExt as _;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "lock the data folder {0}: another agent is running on it; stop that one or give this one its own --data"
    )]
    Taken(PathBuf),
    /// The folder cannot be used.
    #[error("lock the data folder {0}: {1}")]
    Io(PathBuf, io::Error),
}

/// Held while an agent lives; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Locks `dir`, which is made if it is not there.
    pub fn take(dir: &Path) -> Result<Self, LockError> {
        let io = |error| LockError::Io(dir.to_owned(), error);
        std::fs::create_dir_all(dir).map_err(io)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = options.open(dir.join("lock")).map_err(io)?;
        match file.try_lock_exclusive() {
            Ok(true) => Ok(Self { _file: file }),
            Ok(false) => Err(LockError::Taken(dir.to_owned())),
            Err(error) => Err(io(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_agent_on_one_data_folder_is_refused_and_told_which() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataLock::take(dir.path()).unwrap();
        let error = DataLock::take(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&dir.path().display().to_string()), "{error}");
        assert!(error.contains("another agent"), "{error}");
        drop(first);
        DataLock::take(dir.path()).unwrap();
    }
}
